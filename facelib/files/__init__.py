"""Disk and machine: paths, files written whole, checksums, MATLAB files, threads, settings.

Nothing here knows what a face is.
"""
