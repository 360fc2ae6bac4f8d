"""The mesh of a face that a network of position maps found: a mask, with the front photo's colours.

Chapter 12.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from facelib.face.layout import UVLayout
from facelib.geometry.mesh import Mesh
from facelib.reconstruction.texture import sample_texture

EYES = slice(36, 42), slice(42, 48)  # keypoints around each eye
MM_PER_M = 1000.0


def face_mesh(
    photo: np.ndarray,
    vertices_image: np.ndarray,
    layout: UVLayout,
    texture_size: int,
    interocular_mm: float,
) -> Mesh:
    """Return predicted vertices as a mesh: m, y up, facing +z, origin in the middle.

    Args:
        photo: (H, W, 3) RGB, the front photo.
        vertices_image: (V, 3) px of it.
        layout: the vertices' unwrapping.
        texture_size: side of the texture, texels.
        interocular_mm: distance between the eyes' middles, which sets the scale.
    """
    keypoints = layout.keypoints(vertices_image)
    eyes = [keypoints[eye].mean(axis=0) for eye in EYES]
    m_per_px = interocular_mm / MM_PER_M / np.linalg.norm(eyes[1] - eyes[0])
    middle = (vertices_image.min(axis=0) + vertices_image.max(axis=0)) / 2
    upright = (vertices_image - middle) * [1, -1, 1]  # the image's y points down
    texture = sample_texture(photo, vertices_image, replace(layout, size=texture_size))
    return Mesh(upright * m_per_px, layout.triangles, layout.uv, texture)
