"""AFLW2000-3D: photos with faces fitted by the Basel model, to test on; one photo per face."""
