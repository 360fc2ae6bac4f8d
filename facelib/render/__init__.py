"""From mesh to image: camera, z-buffer, shading.

One z-buffer serves photos and position maps. The light of the synthetic photos, with shadows and
skin, is not here but in `synthetic.light`.
"""
