"""Changes of frame, meshes and their files, nearest points on surfaces, and registration.

It works on any points and triangles. What a face adds (its model, its layout) is in `face`; how a
mesh becomes an image is in `render`.
"""
