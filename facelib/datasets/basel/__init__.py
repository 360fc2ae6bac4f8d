"""The Basel Face Model, which 300W-LP and AFLW2000-3D were fitted with, and photos fitted by it."""
