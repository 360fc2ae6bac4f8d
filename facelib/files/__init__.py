"""Disk and machine: paths, files written whole, checksums, MATLAB files, Markdown tables, threads.

Nothing here knows what a face, a mesh or an image is; formats of those lie in their own rooms.
"""
