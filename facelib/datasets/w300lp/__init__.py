"""300W-LP: photos with faces fitted by the Basel model, to train on; several poses per face.

`index` lists a copy and plans its pairs, `reader` makes them, and `standin` writes a copy of
synthetic people. The Basel model is in `datasets.basel`.
"""
