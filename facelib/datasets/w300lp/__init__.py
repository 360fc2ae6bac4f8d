"""300W-LP and AFLW2000-3D, with the Basel Face Model that their photos were fitted with."""
