"""FaceGen exports, as made by the thesis's script: one mesh and three photos per person.

`files` and `view` read single files, `reader` makes pairs of an export. `standin` writes synthetic
people in the same files.
"""
