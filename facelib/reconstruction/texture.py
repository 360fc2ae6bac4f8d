"""The texture of a face: the photo's colours, laid out by the position map."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from facelib.imaging.crop import Crop

if TYPE_CHECKING:
    from facelib.face.layout import UVLayout


def sample_texture(photo: np.ndarray, vertices_image: np.ndarray, layout: UVLayout) -> np.ndarray:
    """Carry the photo's colours into texture space, through the position map.

    Every texel samples the photo at the projection of its point of the face (bilinear). Points
    that the face itself hides get the colour of what hides them. Texels outside the layout repeat
    their nearest neighbour inside, so that a viewer's filtering finds no black rim.

    Args:
        photo: (H, W, 3) RGB, float32 in 0..1 or uint8.
        vertices_image: (V, 3) float, px of the photo.
        layout: its size is the texture's size.

    Returns:
        (size, size, 3) float32 RGB, 0 to 1.
    """
    from scipy import ndimage  # slow to import, and the default network does without

    low, high = vertices_image[:, :2].min(axis=0), vertices_image[:, :2].max(axis=0)
    side = max(float((high - low).max()), 1.0)
    # Shrink a large photo to the texture's scale first: it keeps fine detail from aliasing.
    around = Crop(tuple((low + high) / 2), side, max(1, round(min(side, layout.size))))
    cut = around.cut(photo, outside="edge")
    if photo.dtype == np.uint8:
        cut /= 255
    where = layout.position_map(around.image_to_crop(vertices_image).astype(np.float32))
    rows_columns = [where[..., 1], where[..., 0]]
    texture = np.stack(
        [
            ndimage.map_coordinates(cut[..., channel], rows_columns, order=1, mode="nearest")
            for channel in range(3)
        ],
        axis=-1,
    )
    rows, columns = ndimage.distance_transform_edt(
        ~layout.coverage, return_distances=False, return_indices=True
    )
    return np.clip(texture[rows, columns], 0, 1).astype(np.float32)
