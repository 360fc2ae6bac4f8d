"""Portraits are cropped as listing A.1 says, and change only with what is drawn anew."""

import numpy as np
import pytest

from facelib.face.headmodel import load_head
from facelib.synthetic.portrait import PORTRAIT, portrait_camera, take_portrait
from facelib.synthetic.samples import make_person
from facelib.synthetic.settings import SyntheticSettings
from facelib.synthetic.worn.outfit import Outfit

SIZE = 64


@pytest.mark.parametrize("pose_deg", [(0, 0, 0), (5, 80, -8)])
def test_the_keypoints_box_is_centred_and_fills_two_thirds(pose_deg) -> None:
    head = load_head()
    camera = portrait_camera(head.mean_head, pose_deg, SIZE)
    keypoints = camera.head_to_image(head.keypoints(head.mean_head))[:, :2]
    low, high = keypoints.min(axis=0), keypoints.max(axis=0)
    np.testing.assert_allclose((low + high) / 2, (SIZE - 1) / 2, atol=1e-3)
    np.testing.assert_allclose((high - low).mean(), SIZE / 1.5, rtol=1e-3)


def test_a_portrait_changes_with_its_take_alone() -> None:
    person = make_person(6, SyntheticSettings(seed=4))
    still = np.zeros(len(load_head().expression_names))
    first, again, other = (
        take_portrait(person, still, Outfit(), size=SIZE, take=take) for take in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first.astype(int) - other).mean() > 5
    assert PORTRAIT.light and not PORTRAIT.film
