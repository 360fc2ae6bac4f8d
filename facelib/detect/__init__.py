"""Faces found in photos: the detector, changed copies that help it, quarter turns, a picture."""
