"""MICC Florence: scans of heads, to test on.

`scan_file` reads a scan, `scan_pose` brings it upright, and `reader` photographs it. `standin`
writes scans of synthetic people in the same files.
"""
