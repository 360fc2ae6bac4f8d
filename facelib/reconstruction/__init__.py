"""From photos of a face to its textured mesh: `facelib.reconstruct` is the door."""
