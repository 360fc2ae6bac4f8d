"""AFLW2000-3D: photos with a fitted face each, to test on."""
