"""The loss's mask: the thesis's weights, symmetric, and without a jump at the face's border."""

import numpy as np
import pytest
from faces import mean_face

from facelib.face.layout import load_layout, step_across
from facelib.training.weight_mask import weight_mask

SIZES = (64, 128, 256)


@pytest.fixture(scope="module")
def layout():
    return load_layout(256)


def test_hard_mask_holds_the_thesis_weights(layout):
    mask = weight_mask(layout, feather=0)
    assert set(np.unique(mask)) == {0, 3, 4, 16}
    outside = mask[~layout.coverage]
    assert set(np.unique(outside)) <= {0, 16} and (outside > 0).mean() < 0.02  # jaw's discs
    columns, rows = (layout.keypoint_matrix @ layout.uv * 256).astype(int).T
    assert (mask[rows, columns] == 16).all()


def test_mask_treats_left_and_right_alike(layout):
    mask = weight_mask(layout, feather=0)
    assert (mask != mask[:, ::-1]).mean() < 0.005


def test_feathered_mask_falls_steadily_outside_the_face(layout):
    hard, soft = weight_mask(layout, feather=0), weight_mask(layout, feather=8 / 256)
    np.testing.assert_array_equal(soft[hard > 0], hard[hard > 0])
    row = soft[100, :20][::-1]  # from the face to the map's left edge
    falling = row[np.flatnonzero(row < 3)]
    assert len(falling) > 2 and (np.diff(falling) <= 0).all()
    assert np.abs(np.diff(soft[100, :20])).max() < 1  # the hard mask steps by 3


@pytest.mark.parametrize("size", SIZES)
def test_every_keypoint_has_its_weight_at_every_size(size):
    layout = load_layout(size)
    columns, rows = (layout.keypoint_matrix @ layout.uv * size).astype(int).T
    assert (weight_mask(layout)[rows, columns] == 16).all()


def test_the_true_map_has_no_cliff_at_the_masks_border(layout):
    face = weight_mask(layout, feather=0) > 0
    position_map = layout.position_map(mean_face(layout))
    inner = np.zeros_like(face)
    inner[60:200, 60:200] = True
    assert step_across(position_map, face) < 3 * step_across(position_map, inner)
