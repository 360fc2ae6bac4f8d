"""The light that a photo is taken in, and what the camera does to it.

`lighting` draws the light, `radiance` renders it (with `material_shading` and `shadows`), `lens`
chooses the distance, and `film` turns what arrives into a photo.
"""
