"""From photos over dense points to one head: exact with an exact network, and a position map."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from facelib.evaluation.metrics import shape_error_mm
from facelib.face.dense_points import load_dense_points
from facelib.face.layout import load_layout
from facelib.fitting.fit import AGREE_ABOVE
from facelib.fitting.trials import held_out_head, see_head
from facelib.networks.dense import Dense, save_dense
from facelib.reconstruction.dense_fit import DenseFit
from facelib.reconstruction.loading import load_predictor
from facelib.reconstruction.reconstruct import predict_position_maps

SIZE = 128
POSES = (3, 10, 2), (2, 80, 0)  # front, side: pitch, yaw, roll in degrees
FACE = load_layout().labels["face"]


class ExactNetwork:
    """Answers where the points truly are in photos that show nothing but their own number."""

    def __init__(self, cameras, heads):
        dense = load_dense_points()
        places = [
            camera.head_to_image(dense.matrix @ head)[:, :2]
            for camera, head in zip(cameras, heads, strict=True)
        ]
        self.points = (torch.tensor(np.stack(places)) + 0.5) / SIZE

    def __call__(self, photos):
        points = self.points[photos[:, 0, 0, 0].long()]
        root = torch.ones(len(points), points.shape[1], 3) * torch.tensor([500.0, 500.0, 0.0])
        return SimpleNamespace(points=points, root=root, visible=torch.zeros(points.shape[:2]))


def numbered(*numbers):
    return np.stack([np.full((SIZE, SIZE, 3), number, np.float32) for number in numbers])


@pytest.fixture(scope="module")
def two_people():
    """Two heads with their cameras; photos 0 and 1 show the first one, 2 and 3 the second."""
    rng = np.random.default_rng(0)
    heads = [head for _ in range(2) for head in [held_out_head(rng)] * 2]
    points = np.arange(4)
    cameras = [
        see_head(rng, head, points, 0.0001, pose, size=SIZE)[1]
        for head, pose in zip(heads, POSES * 2, strict=True)
    ]
    return heads, cameras, DenseFit(ExactNetwork(cameras, heads), SIZE)


def test_exact_points_give_the_head_of_the_photos(two_people):
    heads, cameras, dense_fit = two_people
    together = dense_fit.fit(dense_fit.see(numbered(0, 1)))
    assert shape_error_mm(together.vertices_head[FACE], heads[0][FACE]) < 0.3
    true_image = cameras[0].head_to_image(heads[0])[:, :2]
    assert np.abs(together.vertices_image[:, :2] - true_image)[FACE].max() < 0.5  # px


def test_points_come_in_px_with_the_deviation_that_the_network_said(two_people):
    _, cameras, dense_fit = two_people
    (seen,) = dense_fit.see(numbered(3))
    np.testing.assert_allclose((seen.places_image + 0.5) / SIZE, dense_fit.network.points[3])
    np.testing.assert_allclose(seen.covariance_px2[5], np.eye(2) * (SIZE / 500) ** 2)
    np.testing.assert_allclose(seen.visibility, 0.5)


def test_position_maps_hold_the_fitted_vertices_with_and_without_side_photos(two_people):
    _, _, dense_fit = two_people
    fronts, sides, layout = numbered(0, 2), numbered(1, 3), load_layout(SIZE)
    for given in (None, sides):
        maps = predict_position_maps(dense_fit, fronts, given)
        seen = dense_fit.see(fronts[1:]) + ([] if given is None else dense_fit.see(given[1:]))
        vertices = dense_fit.fit(seen).vertices_image
        assert maps.shape == (2, SIZE, SIZE, 3) and maps.dtype == np.float32
        assert np.abs(layout.vertices(maps[1]) - vertices)[FACE].mean() < 0.05  # px
        assert vertices[:, 2].min() == pytest.approx(0.0, abs=1e-9)


def test_photos_of_one_person_agree_and_of_two_do_not(two_people):
    _, _, dense_fit = two_people
    first_front, first_side, _, second_side = dense_fit.see(numbered(0, 1, 2, 3))
    assert dense_fit.fit_pair(first_front, first_side).agreement > AGREE_ABOVE
    assert dense_fit.fit_pair(first_front, second_side).agreement < AGREE_ABOVE


def test_weights_of_a_file_make_position_maps(tmp_path):
    torch.manual_seed(0)
    save_dense(tmp_path / "dense.safetensors", Dense(), {"size": SIZE})
    dense_fit = load_predictor(tmp_path / "dense.safetensors")
    assert isinstance(dense_fit, DenseFit) and dense_fit.size == SIZE
    maps = dense_fit.position_maps(numbered(0.5), None)
    assert maps.shape == (1, SIZE, SIZE, 3) and np.isfinite(maps).all()
