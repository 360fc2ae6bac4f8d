"""From mesh to image: camera, z-buffer, shading.

One z-buffer is used for photos and position maps. The light of the synthetic photos, with shadows
and skin, is in `synthetic.light`.
"""
