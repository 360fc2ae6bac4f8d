"""FaceGen exports, as the thesis's script makes them: per person one mesh and three photos.

`files` and `view` read single files, `reader` makes pairs of an export. `standin` writes synthetic
people in the same files.
"""
