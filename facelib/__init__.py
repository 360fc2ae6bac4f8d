"""Two photos of a face, one from the front and one from the side, become a textured 3D mesh."""

__version__ = "0.1.0"
