"""Fitting: the head, and the camera of each photo, that explain all points seen in the photos.

`fit_head` takes the points found in one, two or more photos (`SeenPoints`) and returns the most
likely head, its cameras, and the uncertainty of each vertex; `fit_heads` does so for many people.
Nothing here needs torch. Chapter 14 teaches it.
"""
