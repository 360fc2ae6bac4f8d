"""The three numbers, and parts of the first, on surfaces whose distance is known; their table."""

import numpy as np
import pytest
import trimesh
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation
from toy_face import Constant, ToyLayout, dome

from facelib.evaluation import pairs as evaluate
from facelib.geometry.mesh import Mesh, subdivision_matrix, submesh
from facelib.geometry.registration import umeyama
from facelib.geometry.transforms import Similarity
from facelib.imaging.crop import Crop
from facelib.pairs.store import FacePair

LAYOUT = ToyLayout(64)
TURN = Rotation.from_rotvec([0.05, -0.08, 0.06]).as_matrix()


def sphere(radius, offset=(0, 0, 0)):
    ball = trimesh.creation.icosphere(subdivisions=4, radius=radius)
    return Mesh(ball.vertices + np.array(offset), ball.faces)


def pair(vertices, name="a", size=64, identity=0):
    image = np.zeros((size, size, 3), dtype=np.uint8)
    vertices = vertices.astype(np.float32)
    return FacePair(image, image, vertices, identity, np.zeros(3), np.zeros(3), name, 0.4)


def test_vertex_error_sees_every_shift_in_millimetres():
    truth = np.random.default_rng(0).normal(size=(50, 3))
    assert evaluate.vertex_error_mm(truth + [0, 3, 4], truth, px_per_mm=2.0) == pytest.approx(2.5)


def test_depth_error_sees_the_line_of_sight_alone():
    truth = np.random.default_rng(0).normal(size=(50, 3))
    moved = truth + np.array([7.0, -3, 2]) * np.where(np.arange(50) % 2, 1, -1)[:, None]
    assert evaluate.depth_error_mm(moved, truth) == pytest.approx(2)


def test_shape_error_forgives_the_pose_and_nothing_else():
    truth = dome((0, 0), 100)
    moved = Similarity(1.3, TURN, np.array([20.0, -10, 30])).apply(truth)
    assert evaluate.vertex_error_mm(moved, truth) > 30
    assert evaluate.shape_error_mm(moved, truth) < 1e-9
    cross = np.array([[1.0, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]])
    longer = cross * [1.5, 0.5, 1]  # no turn helps, and the best scale is Σx·y / Σx² = 4 / 5
    assert evaluate.shape_error_mm(longer, cross) == pytest.approx((0.2 + 0.6) / 2)


def test_shape_error_counts_what_slides_along_the_surface():
    sphere_points = sphere(100).vertices.astype(np.float64)
    around = np.arctan2(sphere_points[:, 1], sphere_points[:, 0])
    radius = np.hypot(sphere_points[:, 0], sphere_points[:, 1])
    slid = around + 0.05 * np.sign(sphere_points[:, 2])  # one half this way, the other that way
    on_it = np.column_stack([radius * np.cos(slid), radius * np.sin(slid), sphere_points[:, 2]])
    triangles = sphere(100).triangles
    distance = evaluate.surface_distance_mm(Mesh(on_it, triangles), Mesh(sphere_points, triangles))
    assert evaluate.shape_error_mm(on_it, sphere_points) > 3 > 10 * distance


def test_surface_distance_between_concentric_shells_after_its_own_scale_is_zero():
    assert evaluate.surface_distance_mm(sphere(80), sphere(100)) < 0.02


def test_surface_distance_is_point_to_surface_not_point_to_point():
    truth = dome((0, 0), 100)
    triangles = LAYOUT.triangles
    matrix, finer = subdivision_matrix(triangles, len(truth))
    prediction = Mesh(matrix @ truth, finer)  # the same surface, with vertices in other places
    assert evaluate.surface_distance_mm(prediction, Mesh(truth, triangles)) < 1e-4
    assert cKDTree(truth).query(prediction.vertices)[0].mean() > 2


def test_surface_distance_survives_a_similarity_of_the_prediction():
    truth = dome((0, 0), 100)
    bumpy = truth + [0, 0, 4] * np.sin(truth[:, :1] / 10)
    moved = Similarity(1.1, TURN, np.array([2.0, -1, 3])).apply(bumpy)
    numbers = [
        evaluate.surface_distance_mm(
            Mesh(points, LAYOUT.triangles), Mesh(truth, LAYOUT.triangles), umeyama(points, truth)
        )
        for points in (bumpy, moved)
    ]
    assert numbers[0] > 0.5
    assert numbers[1] == pytest.approx(numbers[0], rel=0.02)


def test_nme_of_a_turned_face_is_small_and_of_a_wider_one_is_its_share_of_the_diagonal():
    truth = dome((0, 0), 100)
    assert evaluate.thesis_nme(truth @ TURN.T + 1, truth) < 1e-3
    one = np.array([[0.0, 0, 0], [100, 0, 0], [0, 50, 0]])
    other = one + [[-1, 0, 0], [1, 0, 0], [0, 0, 0]]  # ICP cannot do better than this
    expected = np.linalg.norm(other - one, axis=1).mean() / np.linalg.norm([100, 50])
    assert evaluate.thesis_nme(other, one) == pytest.approx(expected, rel=0.2)


def test_nme_has_two_boxes_and_says_which():
    truth = dome((0, 0), 100)
    small = truth * 0.9
    by_truth = evaluate.thesis_nme(small, truth, box="truth")
    by_prediction = evaluate.thesis_nme(small, truth, box="prediction")
    assert by_prediction / by_truth == pytest.approx(1 / 0.9, rel=0.01)
    with pytest.raises(ValueError, match="'truth', 'prediction'"):
        evaluate.thesis_nme(truth, truth, box="mine")


def test_nme_takes_point_sets_of_unequal_length_and_edits_neither():
    truth, part = dome((0, 0), 100), dome((0, 0), 100)[20:110]
    before = truth.copy(), part.copy()
    assert evaluate.thesis_nme(part, truth) < 1e-6
    np.testing.assert_array_equal(truth, before[0])
    np.testing.assert_array_equal(part, before[1])


def test_ced_counts_what_lies_at_or_below():
    shares = evaluate.ced(np.array([3.0, 1, 2, 2]), np.array([0, 1, 2, 2.5, 9]))
    np.testing.assert_allclose(shares, [0, 0.25, 0.75, 0.75, 1])
    with pytest.raises(ValueError, match="errors"):
        evaluate.ced(np.array([]), np.array([1]))


def test_submesh_keeps_whole_triangles_only():
    mesh = Mesh(dome((0, 0), 100), LAYOUT.triangles)
    keep = mesh.vertices[:, 0] < 0
    part = submesh(mesh, keep)
    assert len(part.vertices) == keep.sum()
    assert len(part.triangles) == 2 * 11 * 5
    np.testing.assert_array_equal(part.vertices, mesh.vertices[keep])


@pytest.mark.parametrize("size", [64, 128])
def test_perfect_network_scores_nothing_at_any_pair_size(size):
    vertices = dome((30, 33), 40)
    network = Constant(vertices, LAYOUT)
    truth = pair(Crop((31.5, 31.5), 64, size).image_to_crop(vertices), size=size)
    predicted = evaluate.predict_vertices(network, truth, LAYOUT)
    np.testing.assert_allclose(predicted, truth.vertices_image, atol=0.01)
    score = evaluate.score_face(predicted, truth, LAYOUT.triangles)
    assert score.vertex_error_mm < 0.05
    assert score.surface_distance_mm < 0.05
    assert score.thesis_nme < 0.001


def test_mean_face_is_the_baseline_of_every_row():
    faces = [pair(dome((32, 32), side), f"face {side}") for side in (36, 39, 48)]
    mean_face = evaluate.mean_vertices(iter(faces))
    np.testing.assert_allclose(mean_face, dome((32, 32), 41), atol=1e-5)
    network = Constant(mean_face, LAYOUT)  # one that ignores its input
    result = evaluate.evaluate_pairs(network, faces, LAYOUT, mean_face)
    np.testing.assert_allclose(result.skill("vertex_error_mm"), 1, atol=0.05)
    table = evaluate.markdown_table({"constant": result})
    header, rule, constant, mean_row = table.splitlines()
    assert header.count("|") == rule.count("|") == constant.count("|") == mean_row.count("|")
    assert "3 faces" in header and mean_row.startswith("| mean face") and "(1.00)" in mean_row


def test_table_refuses_methods_that_saw_other_faces():
    def scored(name):
        score = evaluate.FaceScore(name, 0, 1.0, 0.1, 1.0, 0.01)
        return evaluate.Evaluation((score,), (score,))

    with pytest.raises(ValueError, match="same faces"):
        evaluate.markdown_table({"a": scored("x"), "b": scored("y")})


def test_table_shows_what_a_method_lacks_and_drops_what_all_lack():
    older = evaluate.FaceScore("x", 0, np.nan, np.nan, 1.0, 0.01)
    newer = evaluate.FaceScore("x", 0, np.nan, np.nan, 2.0, 0.02, 3.0, 4.0)
    older, newer = (evaluate.Evaluation((score,), (score,)) for score in (older, newer))
    alone = evaluate.markdown_table({"old": older})
    assert "depth" not in alone and "vertex" not in alone and "surface distance" in alone
    table = evaluate.markdown_table({"old": older, "new": newer}).splitlines()
    assert "vertex" not in table[0] and "| depth error, mm | shape error, mm |" in table[0]
    assert table[2].startswith("| old | unknown | unknown | 1.00 (1.00) |")
    assert table[3].startswith("| new | 3.00 (1.00) | 4.00 (1.00) | 2.00 (1.00) |")


def test_region_leaves_the_rest_out_of_every_number():
    vertices = dome((32, 32), 40)
    spoiled = vertices.copy()
    region = vertices[:, 1] < 32
    spoiled[~region] += 50
    score = evaluate.score_face(spoiled, pair(vertices), LAYOUT.triangles, region)
    assert max(evaluate.values([score], metric)[0] for metric in evaluate.METRICS) < 1e-3


def test_impossible_input_is_named():
    with pytest.raises(ValueError, match="equal"):
        evaluate.vertex_error_mm(np.zeros((3, 3)), np.zeros((4, 3)))
    with pytest.raises(ValueError, match="px_per_mm"):
        evaluate.vertex_error_mm(np.zeros((3, 3)), np.zeros((3, 3)), 0)
    with pytest.raises(ValueError, match="one pair"):
        evaluate.mean_vertices([])
    with pytest.raises(ValueError, match="metric"):
        evaluate.values([], "beauty")


def test_a_table_of_a_stand_in_is_called_one():
    stand_in = {"source": "300W-LP", "stand_in": True}
    assert evaluate.title_of(stand_in) == "STAND-IN for 300W-LP"
    assert evaluate.title_of({**stand_in, "stand_in": False}) == "300W-LP"
    assert evaluate.title_of({"source": "synthetic"}) == "synthetic people"
    assert "unknown" in evaluate.title_of({})
