"""Licensed data sets: one folder per format, with its reader and, as `standin…`, a stand-in for it.

Readers turn files into pairs, test photos or scans, and know nothing of synthetic people; stand-ins
write synthetic people into the same files. `registry` lists the data sets and what is present.
"""
