"""MICC Florence: scans of heads."""
