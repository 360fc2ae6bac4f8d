"""Faces that the tests of maps share: layout vertices that fill a crop, px."""

import numpy as np

from facelib.face.headmodel import load_head


def _filling_the_crop(vertices_head, layout):
    """Scale so that the keypoints' box makes 1 / 1.5 of the crop, as listing A.1 does."""
    side_mm = np.ptp(layout.keypoints(vertices_head)[:, :2], axis=0).mean()
    return (vertices_head * layout.size / (1.5 * side_mm)).astype(np.float32)


def mean_face(layout):
    return _filling_the_crop(layout.from_head @ load_head().mean_head, layout)


def random_faces(layout, count, seed=0):
    rng, model = np.random.default_rng(seed), load_head()
    for _ in range(count):
        alpha = np.clip(rng.standard_normal(60), -2.5, 2.5)
        yield _filling_the_crop(layout.from_head @ model.vertices(alpha), layout)
