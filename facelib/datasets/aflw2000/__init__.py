"""AFLW2000-3D: photos with faces fitted by the Basel model, to test on; one photo per face.

`reader` crops them and reads their 68 points; `standin` writes photos of synthetic people. The
Basel model is in `datasets.basel`.
"""
