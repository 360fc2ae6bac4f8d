"""Disk and machine: paths, files written whole, checksums, MATLAB files, threads.

Nothing here knows what a face is.
"""
