"""Fitting: the head, and the camera of each photo, that explain all points seen in the photos.

`fit_head` takes what was seen in one, two or more photos (`SeenPoints`) and returns the likeliest
head, its cameras, and how sure each vertex is. Nothing here needs torch. Chapter 12 teaches it.
"""
