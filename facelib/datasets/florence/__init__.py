"""MICC Florence: scans of heads, to test on. They are read, brought upright and photographed."""
