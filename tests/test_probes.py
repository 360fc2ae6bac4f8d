"""Probes, checked on small networks with known outputs."""

import numpy as np
import pytest
import torch
from torch import nn

from facelib.evaluation.metrics import depth_error_mm
from facelib.evaluation.probes.compact import read_causes, shape_coefficients
from facelib.evaluation.probes.faces import Faces, distances_mm, faces_at, predict_faces
from facelib.evaluation.probes.gradients import depth_gradient, depth_reader, side_share
from facelib.evaluation.probes.layers import layer_outputs, untrained
from facelib.evaluation.probes.photos import GREY, hide, occlusion_map, spoiled_views
from facelib.face.layout import load_layout
from facelib.geometry.transforms import rotation_from_pose
from facelib.networks.base import FaceNetwork
from facelib.networks.catalogue import NETWORKS, create
from facelib.networks.compact import Description
from facelib.networks.convention import POSITION_SCALE
from facelib.reconstruction.position_maps import NoSideError
from facelib.synthetic.samples import make_sample
from facelib.synthetic.settings import SyntheticSettings

SIZE = 32
LAYOUT = load_layout(SIZE)
MEAN_MAP = LAYOUT.position_map(LAYOUT.references_head[0]) / SIZE / POSITION_SCALE


class Linear(FaceNetwork):
    """The mean face, moved in depth by the values of two patches of pixels."""

    name, side_photo = "linear", "needed"

    def __init__(self) -> None:
        super().__init__(SIZE)
        weights = torch.zeros(6, SIZE, SIZE)
        weights[0, :8, :8] = 1.0  # red, top left of the front
        weights[5, 24:, 24:] = -3.0  # blue, bottom right of the side
        self.weights = nn.Parameter(weights)
        self.register_buffer("mean", torch.from_numpy(MEAN_MAP).permute(2, 0, 1))

    def forward(self, photos: torch.Tensor, has_side: None = None) -> torch.Tensor:
        moved = (photos * self.weights).sum(dim=(1, 2, 3)) / 1000
        return self.mean + moved[:, None, None, None] * torch.tensor([0.0, 0, 1]).view(1, 3, 1, 1)


@pytest.fixture
def faces() -> Faces:
    rng = np.random.default_rng(0)
    fronts, sides = rng.random((2, 3, SIZE, SIZE, 3), dtype=np.float32)
    truth = np.repeat(LAYOUT.references_head[:1], 3, axis=0).astype(float)
    return Faces(fronts, sides, truth, np.array([0.2, 0.3, 0.4]))


def test_pairs_of_any_size_come_to_the_network_s_size_with_the_same_millimetres():
    pair = make_sample(0, SyntheticSettings(64, held_out=True)).pair
    small, same = (faces_at(size, [pair]) for size in (SIZE, 64))
    np.testing.assert_allclose(same.fronts[0], pair.front / np.float32(255), atol=1e-6)
    np.testing.assert_allclose(same.vertices_crop[0], pair.vertices_image, atol=1e-4)
    extents_mm = [np.ptp(f.vertices_crop[0], axis=0) / f.px_per_mm for f in (small, same)]
    np.testing.assert_allclose(*extents_mm, rtol=1e-6)
    assert small.photos.shape == (1, 6, SIZE, SIZE)
    np.testing.assert_array_equal(small.photos[0, 3:].permute(1, 2, 0), small.sides[0])


def test_distances_are_those_of_each_face_in_its_own_scale():
    still = np.zeros((2, 5, 3))
    moved = still + [3.0, 0.0, 4.0]
    px_per_mm = np.array([1.0, 2.0])
    np.testing.assert_allclose(distances_mm(moved, still, px_per_mm), [5, 2.5])
    np.testing.assert_allclose(distances_mm(moved, still, px_per_mm, depth_error_mm), [4, 2])


def test_spoiled_views_spoil_what_they_say_and_nothing_else(faces):
    before = faces.fronts.copy(), faces.sides.copy()
    views = spoiled_views(faces.fronts, faces.sides)
    for name, (fronts, sides) in views.items():
        if name.startswith(("side", "no side", "both")):
            np.testing.assert_array_equal(fronts, faces.fronts)
        if name.startswith("front"):
            np.testing.assert_array_equal(sides, faces.sides)
    assert views["no side photo"][1] is None
    assert all(
        (views[f"side: {kind}"][1] != faces.sides).any() for kind in ("black", "of another person")
    )
    np.testing.assert_array_equal(views["swapped"][0], faces.sides)
    np.testing.assert_array_equal(faces.fronts, before[0])
    np.testing.assert_array_equal(faces.sides, before[1])
    with pytest.raises(ValueError, match="2 people"):
        spoiled_views(faces.fronts[:1], faces.sides[:1])


def test_a_box_hides_its_own_pixels_and_is_cut_off_at_the_edge():
    photo = np.ones((8, 8, 3), np.float32)
    hidden = hide(photo, (0.5, 0.25), 0.5) == GREY
    expected = np.zeros((8, 8), bool)
    expected[0:4, 2:6] = True
    np.testing.assert_array_equal(hidden.all(axis=2), expected)
    corner = hide(photo, (1.0, 1.0), 0.5) == GREY
    assert corner.all(axis=2).sum() == 4 and (photo == 1).all()


def test_only_boxes_over_what_a_network_looks_at_move_its_answer(faces):
    network = Linear()
    front, side = (
        occlusion_map(network, LAYOUT, faces, photo, 4, 0.25) for photo in ("front", "side")
    )
    seen = np.zeros((4, 4), bool)
    seen[0, 0] = True
    np.testing.assert_array_equal(front > 1e-3, seen)
    np.testing.assert_array_equal(side > 1e-3, seen[::-1, ::-1])
    red = faces.fronts[:, :8, :8, 0].sum(axis=(1, 2)) - 64 * GREY
    moved_px = np.abs(red) / 1000 * SIZE * POSITION_SCALE
    np.testing.assert_allclose(front[0, 0], (moved_px / faces.px_per_mm).mean(), rtol=1e-2)
    with pytest.raises(ValueError, match="front or side"):
        occlusion_map(network, LAYOUT, faces, "back", 4, 0.25)


def test_a_network_that_needs_a_side_says_so(faces):
    with pytest.raises(NoSideError):
        predict_faces(Linear(), LAYOUT, faces.fronts, None)


def test_a_reader_reads_the_depth_that_the_layout_reads():
    rng = np.random.default_rng(1)
    position_map = MEAN_MAP + rng.normal(scale=0.01, size=MEAN_MAP.shape).astype(np.float32)
    reader = depth_reader(LAYOUT, [30, 8])
    expected = LAYOUT.keypoints(LAYOUT.vertices(position_map))[[30, 8], 2].mean()
    np.testing.assert_allclose((reader * position_map[..., 2]).sum(), expected, rtol=1e-4)


@pytest.mark.parametrize("noise", [0.0, 0.2])
def test_the_gradient_of_a_linear_network_is_its_weights_whatever_the_noise(faces, noise):
    network, rng = Linear(), np.random.default_rng(2)
    reader = depth_reader(LAYOUT, [30])
    gradient = depth_gradient(network, faces.photos[0], reader, 2, noise, rng)
    px = SIZE * POSITION_SCALE * reader.sum() / 1000
    np.testing.assert_allclose(gradient, network.weights.detach() * px, rtol=1e-4, atol=1e-9)
    assert side_share(gradient) == pytest.approx(3 / 4)


def test_a_gradient_of_nothing_has_no_share():
    with pytest.raises(ValueError, match="not 0"):
        side_share(np.zeros((6, 4, 4)))


@pytest.mark.parametrize("name", NETWORKS)
def test_the_control_has_other_weights_and_still_looks_at_its_photos(name):
    photos = torch.rand(4, 6, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    state = torch.random.get_rng_state()
    network, same, other = (untrained(name, SIZE, photos, seed) for seed in (0, 0, 1))
    assert torch.equal(state, torch.random.get_rng_state())
    with torch.inference_mode():
        answers = [made(photos) for made in (network, same, other)]
    assert torch.equal(answers[0], answers[1])
    assert not torch.allclose(answers[0], answers[2])
    assert answers[0].std(dim=0).max() > 1e-6  # other photos, another answer
    assert not network.training


def test_layer_outputs_are_those_of_the_layers_and_leave_no_hook_behind():
    network = create("compact", SIZE).train()
    photos = torch.rand(2, 6, SIZE, SIZE)
    first = next(m for m in network.modules() if isinstance(m, nn.Conv2d))
    layers = {"shape": network.shape, "first": first}
    seen = layer_outputs(network, layers, photos)
    assert list(seen) == ["first", "shape"] and network.training
    assert not any(module._forward_hooks for module in network.modules())
    with torch.inference_mode():
        expected = network.eval().describe(photos).shape
    assert torch.allclose(seen["shape"], expected)


def test_calls_of_one_layer_are_joined():
    layer = nn.Linear(1, 1)
    twice = nn.Sequential(layer, layer)
    x = torch.ones(3, 1)
    with torch.inference_mode():
        expected = torch.cat([layer(x), layer(layer(x))])
    assert torch.equal(layer_outputs(twice, {"layer": layer}, x)["layer"], expected)


def test_causes_are_the_pose_and_the_shape_that_a_compact_draws():
    """The map must be a head of the shape that is read, turned and sized as is read."""
    photos = torch.rand(2, 6, 64, 64, generator=torch.Generator().manual_seed(0))
    network, layout = untrained("compact", 64, photos, 0), load_layout(64)
    causes = read_causes(network, photos)
    away = np.einsum("bk,kvc->bvc", causes.shape, network.directions.double().numpy())
    heads = 100 * (network.mean_head.numpy() + away)
    np.testing.assert_allclose(
        shape_coefficients(network, heads)[:, :20], causes.shape[:, :20], atol=1e-3
    )
    fronts, sides = photos.permute(0, 2, 3, 1).numpy()[..., :3], photos.permute(0, 2, 3, 1).numpy()
    answers = predict_faces(network, layout, fronts, sides[..., 3:])
    for i, pose_deg in enumerate(causes.pose_deg):
        turned = heads[i] @ rotation_from_pose(*np.radians(pose_deg)).T * [1, -1, 1]
        drawn = causes.px_per_mm[i] * turned
        off = (answers[i] - answers[i].mean(axis=0)) - (drawn - drawn.mean(axis=0))
        assert np.linalg.norm(off, axis=1).mean() < 0.05 * np.linalg.norm(drawn, axis=1).mean()


def test_true_poses_are_counted_as_predicted_ones_are(monkeypatch):
    sample = make_sample(3, SyntheticSettings(64, held_out=True))
    pair, (front, _) = sample.pair, sample.views
    network = create("compact", 64).eval()
    pose = torch.zeros(1, 10)
    pose[0, 1:7] = torch.from_numpy(front.camera.rotation.T[:2].reshape(-1))
    told = Description(torch.zeros(1, 68, 2), torch.zeros(1, 68, 2), pose, torch.zeros(1, 3))
    monkeypatch.setattr(network, "describe", lambda photos, has_side: told)
    photos = faces_at(64, [pair]).photos
    np.testing.assert_allclose(
        read_causes(network, photos).pose_deg[0], pair.front_pose_deg, atol=1e-3
    )
