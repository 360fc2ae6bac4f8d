"""Each kind of error appears in its own part, and the parts add up."""

import numpy as np
import pytest

from facelib.evaluation.error_parts import error_parts
from facelib.face.layout import load_layout
from facelib.geometry.transforms import rotation_from_pose

SIZE = 32
LAYOUT = load_layout(SIZE)


def test_each_kind_of_error_lands_in_its_own_part():
    face = LAYOUT.references_head[0].astype(float)
    middle = face.mean(axis=0)
    turn = np.diag([1.0, -1, 1]) @ rotation_from_pose(0, np.radians(4), 0) @ np.diag([1.0, -1, 1])
    spoiled = {
        "across": face + [3.0, -4.0, 0],
        "depth": face + [0, 0, 2.0],
        "scale": middle + 1.1 * (face - middle),
        "rotation": middle + (face - middle) @ turn.T,
    }
    for part, prediction in spoiled.items():
        found = vars(error_parts(2 * prediction, 2 * face, px_per_mm=2.0))
        whole = (np.linalg.norm(prediction - face, axis=1) ** 2).mean()
        assert found[part] == pytest.approx(whole, rel=0.1)
        others = ({"across", "depth", "scale", "rotation", "shape"}) - {part}
        assert all(found[other] < 1e-9 for other in others)
    np.testing.assert_allclose(found["rotation_deg"], [0, 4, 0], atol=1e-6)


def test_parts_of_an_error_add_up_to_it():
    face = LAYOUT.references_head[0].astype(float)
    rng = np.random.default_rng(4)
    turn = rotation_from_pose(*np.radians([3.0, -5.0, 2.0]))
    prediction = 1.05 * face @ turn.T + [2.0, 5.0, -3.0] + rng.normal(scale=3, size=face.shape)
    parts = error_parts(prediction, face, px_per_mm=1.0)
    whole = (np.linalg.norm(prediction - face, axis=1) ** 2).mean()
    total = parts.across + parts.depth + parts.scale + parts.rotation + parts.shape
    assert total == pytest.approx(whole, rel=0.02)
