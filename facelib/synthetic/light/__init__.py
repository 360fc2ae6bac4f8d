"""The light of a photo, and the camera's effects on it.

`lighting` draws the light, `radiance` renders it (with `material_shading` and `shadows`), `lens`
chooses the distance, `film` turns what arrives into a photo, and `prints` has what happens to the
photo afterwards.
"""
