"""The shipped head: safe to load, small, symmetric, closed to the outside, with all its parts."""

import hashlib

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from facelib.face.headmodel import load_head
from facelib.files.paths import data_dir

REGIONS = (
    "eyes eyeballs brows nose lips ears face neck scalp mouth_cavity eye_sockets teeth tongue"
).split()
# iBUG's 68 points seen in a mirror, as its annotators number them.
IBUG_MIRROR = np.array(
    [*range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1)]
    + [45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40]
    + [*range(54, 47, -1), *range(59, 54, -1), *range(64, 59, -1), 67, 66, 65]
)
ARKIT = (
    "browDownLeft browDownRight browInnerUp browOuterUpLeft browOuterUpRight cheekPuff "
    "cheekSquintLeft cheekSquintRight eyeBlinkLeft eyeBlinkRight eyeLookDownLeft "
    "eyeLookDownRight eyeLookInLeft eyeLookInRight eyeLookOutLeft eyeLookOutRight eyeLookUpLeft "
    "eyeLookUpRight eyeSquintLeft eyeSquintRight eyeWideLeft eyeWideRight jawForward jawLeft "
    "jawOpen jawRight mouthClose mouthDimpleLeft mouthDimpleRight mouthFrownLeft "
    "mouthFrownRight mouthFunnel mouthLeft mouthLowerDownLeft mouthLowerDownRight "
    "mouthPressLeft mouthPressRight mouthPucker mouthRight mouthRollLower mouthRollUpper "
    "mouthShrugLower mouthShrugUpper mouthSmileLeft mouthSmileRight mouthStretchLeft "
    "mouthStretchRight mouthUpperUpLeft mouthUpperUpRight noseSneerLeft noseSneerRight tongueOut"
).split()
FLIP = np.array([-1.0, 1.0, 1.0])


# First 16 digits of each array's SHA-256: shipped weights and layout depend on every one of them.
HASHES = {
    "mean_head": "cbe6b6335e513357",
    "triangles": "3ea03ad66a2eec16",
    "uv": "951f84c16722a895",
    "mirror": "9f518ab4aeada573",
    "shape_basis": "cbea05a43870f058",
    "shape_variance_share": "9bfe48741563b969",
    "expression_basis": "4f72acf645f82b92",
    "expression_names": "9adbcd3e70bce1da",
    "keypoint_triangles": "376cb994f5f5af67",
    "keypoint_weights": "846535a5a2bb8fe0",
    "region_names": "7107db2ae46d836e",
    "region_masks": "1bc63012f73645bf",
}


@pytest.fixture(scope="module")
def model():
    return load_head()


def directed_edges(triangles):
    return np.concatenate([triangles[:, [i, (i + 1) % 3]] for i in range(3)])


def parts(triangles, n):
    a, b = directed_edges(triangles).T
    graph = csr_matrix((np.ones(len(a)), (a, b)), shape=(n, n))
    return connected_components(graph, directed=False)[1]


def test_file_is_small_and_loads_without_pickle():
    path = data_dir() / "head" / "head.npz"
    assert path.stat().st_size <= 8_000_000
    with np.load(path, allow_pickle=False) as file:
        assert all(file[name].dtype != object for name in file.files)


def test_arrays_are_the_ones_that_the_shipped_weights_were_trained_on():
    with np.load(data_dir() / "head" / "head.npz", allow_pickle=False) as file:
        found = {
            name: hashlib.sha256(np.ascontiguousarray(file[name]).tobytes()).hexdigest()[:16]
            for name in file.files
        }
    assert found == HASHES


def test_arrays_fit_together(model):
    n = len(model.mean_head)
    assert model.shape_basis.shape == (60, n, 3)
    assert model.expression_basis.shape == (52, n, 3)
    assert model.uv.shape == (n, 2) and 0 <= model.uv.min() <= model.uv.max() <= 1
    np.testing.assert_array_equal(np.unique(model.triangles), np.arange(n))


def test_regions_are_all_there(model):
    assert sorted(model.regions) == sorted(REGIONS)
    for name, mask in model.regions.items():
        assert mask.shape == (len(model.mean_head),) and mask.dtype == bool and mask.any(), name


def test_regions_are_nearly_as_symmetric_as_the_head(model):
    """A few vertices on borders between regions are counted on one side only."""
    for name, mask in model.regions.items():
        assert (mask[model.mirror] != mask).sum() <= 0.025 * mask.sum(), name


def test_mean_head_is_its_own_mirror_image(model):
    np.testing.assert_array_equal(model.mirror[model.mirror], np.arange(len(model.mirror)))
    np.testing.assert_allclose(model.mean_head[model.mirror] * FLIP, model.mean_head, atol=1e-6)


def test_mirroring_a_triangle_gives_a_triangle(model):
    def as_set(triangles):
        return {tuple(sorted(t)) for t in triangles.tolist()}

    assert as_set(model.mirror[model.triangles]) == as_set(model.triangles)


def test_winding_is_coherent(model):
    edges = directed_edges(model.triangles)
    assert len(np.unique(edges, axis=0)) == len(edges), "an edge is walked twice the same way"


def test_every_part_winds_outward(model):
    label = parts(model.triangles, len(model.mean_head))
    for part in np.unique(label):
        triangles = model.triangles[label[model.triangles[:, 0]] == part]
        # About its own middle, a part with one small hole has nearly the closed part's volume.
        corners = (model.mean_head - model.mean_head[label == part].mean(0))[triangles]
        volume_mm3 = np.linalg.det(corners).sum() / 6
        assert volume_mm3 > 1000


def test_head_has_the_size_of_a_head(model):
    skin = model.mean_head[model.regions["face"]]
    width, height, _ = np.ptp(skin, axis=0)
    assert 120 < width < 180 and 150 < height < 230
    eyes = model.keypoints(model.mean_head)[36:48].reshape(2, 6, 3).mean(1)
    assert 54 < np.linalg.norm(eyes[1] - eyes[0]) < 70  # mm; adults have 54 to 74


def test_actions_have_arkits_names(model):
    assert sorted(model.expression_names) == sorted(ARKIT)


def test_keypoints_are_symmetric_and_on_the_right_side(model):
    keypoints = model.keypoints(model.mean_head)
    np.testing.assert_allclose(keypoints[IBUG_MIRROR] * FLIP, keypoints, atol=1e-3)
    assert keypoints[0, 0] < -50 < 50 < keypoints[16, 0]  # iBUG starts at the image's left
    assert keypoints[30, 2] == keypoints[:, 2].max()  # the tip of the nose is in front


@pytest.mark.parametrize(
    "action, lower, upper, sign",
    [("jawOpen", 66, 62, 1), ("eyeBlinkLeft", 47, 43, -1), ("eyeBlinkRight", 40, 38, -1)],
)
def test_actions_open_and_close_what_they_name(model, action, lower, upper, sign):
    def gap(vertices):
        keypoints = model.keypoints(vertices)
        return keypoints[upper, 1] - keypoints[lower, 1]

    acted = model.vertices(expression=model.expression(**{action: 1.0}))
    assert sign * (gap(acted) - gap(model.mean_head)) > 4  # mm


def test_heads_are_linear_in_their_coefficients(model):
    rng = np.random.default_rng(0)
    alpha, beta = rng.normal(size=60), rng.uniform(size=52)
    expected = model.mean_head.copy()
    for a, direction in zip(alpha, model.shape_basis, strict=True):
        expected += a * direction
    for b, direction in zip(beta, model.expression_basis, strict=True):
        expected += b * direction
    np.testing.assert_allclose(model.vertices(alpha, beta), expected, atol=1e-3)


def test_missing_coefficients_count_as_zero_and_nothing_is_written_to(model):
    before = model.mean_head.copy()
    short = model.vertices(np.array([1.0, -2.0]))
    np.testing.assert_allclose(short, model.vertices(np.r_[1.0, -2.0, np.zeros(58)]), atol=1e-4)
    np.testing.assert_array_equal(model.mean_head, before)


def test_shape_directions_come_in_falling_order(model):
    spread = np.sqrt((model.shape_basis.astype(float) ** 2).mean((1, 2)))
    assert (np.diff(spread) < 1e-3).all() and spread[0] > 1


def test_wrong_coefficients_are_refused(model):
    with pytest.raises(ValueError, match="at most 60"):
        model.vertices(np.zeros(61))
    with pytest.raises(ValueError, match="eyebrowUp"):
        model.expression(eyebrowUp=1.0)
