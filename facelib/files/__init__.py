"""Disk and machine: paths, files written whole, checksums, locks, MATLAB files, tables, threads.

Nothing here depends on faces, meshes or images; their file formats are in their own rooms.
"""
