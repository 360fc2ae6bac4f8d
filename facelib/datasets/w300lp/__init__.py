"""300W-LP: photos with faces fitted by the Basel model, to train on; several poses per face."""
