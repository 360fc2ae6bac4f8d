"""The mesh of a face that a network of position maps found: a mask, with the front photo's colours.

Chapter 10.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from facelib.geometry.mesh import Mesh
from facelib.reconstruction.texture import sample_texture

if TYPE_CHECKING:
    from facelib.reconstruction.result import Reconstruction

EYES = slice(36, 42), slice(42, 48)  # keypoints around each eye
MM_PER_M = 1000.0


def face_mesh(result: Reconstruction, texture_size: int, interocular_mm: float) -> Mesh:
    """Return the predicted vertices as a mesh: m, y up, facing +z, origin in the middle.

    Args:
        result: of a network of position maps.
        texture_size: side of the texture, texels.
        interocular_mm: distance between the eyes' middles, which sets the scale.
    """
    eyes = [result.keypoints_image[eye].mean(axis=0) for eye in EYES]
    m_per_px = interocular_mm / MM_PER_M / np.linalg.norm(eyes[1] - eyes[0])
    vertices, layout = result.vertices_image, result.layout
    middle = (vertices.min(axis=0) + vertices.max(axis=0)) / 2
    upright = (vertices - middle) * [1, -1, 1]  # the image's y points down
    photo = result.photos[0].photo.pixels
    texture = sample_texture(photo, vertices, replace(layout, size=texture_size))
    return Mesh(upright * m_per_px, layout.triangles, layout.uv, texture)
