"""Self-consistency of networks whose answers are known: an oracle, broken oracles, a constant."""

import numpy as np
import pytest
import torch
from toy_face import Constant, dome, toy_layout

from facelib.evaluation.consistency import (
    CHANGES,
    ROTATIONS_DEG,
    SHIFTS,
    ZOOMS,
    Consistency,
    Row,
    consistency_table,
    list_variants,
    measure_consistency,
)
from facelib.imaging.crop import Crop
from facelib.networks.base import FaceNetwork
from facelib.networks.convention import POSITION_SCALE
from facelib.reconstruction.position_maps import NoSideError

LAYOUT = toy_layout(64)
CROP = Crop((150.3, 110.8), 141.0, LAYOUT.size)
EYES_MOUTH = np.array([[134.0, 96], [166, 103], [146, 136]])  # px of the photo, slightly turned


def photo(shape=(240, 320)):
    """Two red eyes and a green mouth, soft enough to be cut at any place and size."""
    points = np.indices(shape)[::-1].transpose(1, 2, 0)
    blobs = [np.exp(-(((points - at) / 5) ** 2).sum(axis=2) / 2) for at in EYES_MOUTH]
    return np.stack([blobs[0] + blobs[1], blobs[2], np.zeros(shape)], axis=2).astype(np.float32)


class Oracle(FaceNetwork):
    """Fits a face, drawn once, to the eyes and the mouth in a photo.

    Its face is in units of the way from between the eyes to the mouth, y along that way.
    """

    name, side_photo = "oracle", "optional"

    def __init__(self, face=None, flat=False):
        super().__init__(LAYOUT.size)
        self.face, self.flat = dome((0, 0.4), 2.2) if face is None else face, flat

    def place(self, front):
        """(V, 3) px for one (S, S, 3) crop."""
        places = np.indices(front.shape[:2])[::-1]
        eyes, mouth = (
            (places * front[..., channel]).sum(axis=(1, 2)) / front[..., channel].sum()
            for channel in (0, 1)
        )
        down = mouth - eyes
        right = np.array([down[1], -down[0]])  # y points down
        across = eyes + self.face[:, :1] * right + self.face[:, 1:2] * down
        depth = 20.0 if self.flat else np.linalg.norm(down)  # px per unit
        return np.column_stack([across, self.face[:, 2] * depth])

    def forward(self, photos, has_side=None):
        fronts = photos[:, :3].permute(0, 2, 3, 1).numpy().astype(np.float64)
        maps = np.stack([LAYOUT.position_map(self.place(front)) for front in fronts])
        return torch.from_numpy(maps.transpose(0, 3, 1, 2)) / (self.size * POSITION_SCALE)


def shares(network, **options):
    found = measure_consistency(network, LAYOUT, photo(), CROP, **options)
    return {change: found.share(change) for change in CHANGES}


def test_an_equivariant_network_agrees_with_itself():
    assert max(shares(Oracle()).values()) < 0.002


def test_a_depth_that_does_not_grow_with_the_face_shows_in_scale_alone():
    found = shares(Oracle(flat=True))
    assert found.pop("scaled") > 0.005
    assert max(found.values()) < 0.002


def test_a_face_that_always_leans_to_one_side_shows_in_the_mirror_alone():
    face = dome((0, 0.4), 2.2)
    skewed = face + [0, 0, 1] * (0.1 * face[:, :1])  # the right cheek is nearer
    found = measure_consistency(Oracle(skewed), LAYOUT, photo(), CROP)
    unit_px = CROP.scale * np.linalg.norm(EYES_MOUTH[2] - EYES_MOUTH[:2].mean(axis=0))
    expected = 0.2 * np.abs(face[:, 0]).mean() * unit_px  # what leaned +a then leans −a
    assert found.distance_px["mirrored"] == pytest.approx(expected, rel=0.01)
    assert max(found.share(kind) for kind in CHANGES if kind != "mirrored") < 0.002


def test_a_network_that_does_not_look_moves_with_every_crop():
    vertices = dome((29, 34), 40)
    network = Constant(vertices, LAYOUT)
    network.side_photo = "optional"
    found = measure_consistency(network, LAYOUT, photo(), CROP)
    assert found.box_px == pytest.approx(40, rel=1e-4)
    from_centre = vertices - [31.5, 31.5, 0]
    turn = np.deg2rad(np.abs(ROTATIONS_DEG))
    expected = {
        "mirrored": 2 * (31.5 - 29),
        "shifted": np.abs(SHIFTS).mean() * LAYOUT.size,
        "scaled": np.abs(np.subtract(ZOOMS, 1)).mean() * np.linalg.norm(from_centre, axis=1).mean(),
        "rotated": (2 * np.sin(turn / 2)).mean()
        * np.linalg.norm(from_centre[:, :2], axis=1).mean(),
    }
    for kind, distance in expected.items():
        assert found.distance_px[kind] == pytest.approx(distance, rel=1e-3), kind


def test_the_variants_are_the_same_photo_moved():
    """Eyes and mouth, found in a variant and brought back, lie where the first crop has them."""
    face = np.zeros((12**2, 3))
    face[:2] = [[0, 0, 0], [0, 1, 0]]
    oracle = Oracle(face)
    expected = oracle.place(CROP.cut(photo()))[:2]
    for variant in list_variants(LAYOUT, photo(), CROP):
        assert variant.front.shape == (64, 64, 3)
        found = oracle.place(variant.front.astype(np.float64))
        # The mirror swaps vertices, and a line in the middle is its own mirror image.
        undone = found[LAYOUT.mirror] if variant.change == "mirrored" else found
        np.testing.assert_allclose(variant.to_first(undone)[:2], expected, atol=0.05)


def test_only_a_mirrored_front_gets_another_side():
    class Probe(Oracle):
        def forward(self, photos, has_side=None):
            self.sides = photos[:, 3:].permute(0, 2, 3, 1).numpy()
            return super().forward(photos)

    probe = Probe()
    side = np.random.default_rng(0).random((64, 64, 3), dtype=np.float32)
    shares(probe, side_cut=side)
    kinds = ["first"] + [variant.change for variant in list_variants(LAYOUT, photo(), CROP)]
    assert (
        len(kinds) == len(probe.sides) == 1 + 1 + 2 * len(SHIFTS) + len(ZOOMS) + len(ROTATIONS_DEG)
    )
    for kind, shown in zip(kinds, probe.sides, strict=True):
        np.testing.assert_array_equal(shown, side[:, ::-1] if kind == "mirrored" else side)


def test_what_cannot_be_measured_is_refused():
    with pytest.raises(NoSideError, match="constant"):
        measure_consistency(Constant(dome((30, 33), 40), LAYOUT), LAYOUT, photo(), CROP)
    with pytest.raises(ValueError, match="size 64"):
        measure_consistency(Oracle(), LAYOUT, photo(), Crop((9, 9), 9.0, 32))
    point = Constant(np.zeros((12**2, 3)), LAYOUT)
    point.side_photo = "optional"
    with pytest.raises(ValueError, match="single point"):
        measure_consistency(point, LAYOUT, photo(), CROP)


def test_the_table_ends_in_the_means_of_each_weights():
    def row(name, weights, px):
        return Row(name, weights, Consistency(dict.fromkeys(CHANGES, px), 50.0))

    rows = [row("a", "x", 1.0), row("b", "x", 2.0), row("a", "y", 4.0)]
    lines = consistency_table(rows).splitlines()
    assert lines[2] == "| a | x |" + " 2.00 (1.00) |" * 4
    assert lines[5] == "| mean of 2 | x |" + " 3.00 (1.50) |" * 4
    assert lines[6] == "| mean of 1 | y |" + " 8.00 (4.00) |" * 4
    assert rows[0].to_dict()["mirrored_share"] == 0.02
