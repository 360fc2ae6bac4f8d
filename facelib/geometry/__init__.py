"""Changes of frame, meshes and their files, nearest points on surfaces, and registration.

All of it works on any points and triangles. The head model and its layout are in `face`, drawing a
mesh in `render`.
"""
