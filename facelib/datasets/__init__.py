"""Licensed data sets: one folder per format, with its reader and, as `standin…`, a stand-in for it.

Readers convert files to pairs, test photos or scans, and do not depend on `synthetic`. Stand-ins
write synthetic people in the same format. `registry` lists the data sets and which are present.
"""
