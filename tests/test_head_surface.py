"""The shipped surface of the head: smooth, closed where it should be, on one page without seams."""

import numpy as np
import pytest
from scipy import sparse

from facelib.avatar.surface import DETAILS, MOUTH_PATCH, PARTS, REGIONS, head_surface
from facelib.face.headmodel import load_head
from facelib.geometry.mesh import boundary_loops
from facelib.geometry.subdivision import subdivision_matrix
from facelib.geometry.surface import nearest_surface_finder

HEAD = load_head()
EVERY = pytest.mark.parametrize(("detail", "region"), [(d, r) for r in REGIONS for d in DETAILS])
EXPRESSIONS = {
    "neutral": {},
    "blink": {"eyeBlinkLeft": 1, "eyeBlinkRight": 1},
    "open": {"jawOpen": 0.7},
    "smile": {"mouthSmileLeft": 1, "mouthSmileRight": 1},
}


def places(surface):
    """Triangles with one vertex per place, so that seams are closed."""
    points = surface.from_head @ HEAD.mean_head
    _, first, number = np.unique(points, axis=0, return_index=True, return_inverse=True)
    return first[number][surface.triangles]


def part_of(surface, name):
    return dict(surface.parts)[name]


@EVERY
def test_its_vertices_move_with_the_models(detail, region):
    surface = head_surface(detail, region)
    ones = surface.from_head @ np.ones(len(HEAD.mean_head))
    np.testing.assert_allclose(ones, 1, atol=1e-6)
    assert surface.from_head.shape == (len(surface.uv), len(HEAD.mean_head))


def test_detail_gives_about_5_20_and_80_thousand_vertices():
    counts = [len(head_surface(detail).uv) for detail in DETAILS]
    np.testing.assert_allclose(counts, [5000, 20_000, 80_000], rtol=0.1)


def test_it_stays_near_the_model():
    surface = head_surface(1)
    to_model = nearest_surface_finder(HEAD.mean_head, HEAD.triangles)
    points = (surface.from_head @ HEAD.mean_head)[::7]
    points = points[points[:, 1] > -100]  # without the base, which the model lacks
    distance = np.linalg.norm(to_model(points) - points, axis=1)
    assert distance.mean() < 0.2 and np.quantile(distance, 0.99) < 1.5  # mm


@pytest.mark.parametrize("detail", [1, 2])
def test_it_is_smoother_than_the_model(detail):
    surface = head_surface(detail)
    flat, triangles = HEAD.mean_head, HEAD.triangles
    for _ in range(detail):
        matrix, triangles = subdivision_matrix(triangles, len(flat))
        flat = matrix @ flat
    smooth = surface.from_head @ HEAD.mean_head
    assert _median_fold(smooth, places(surface)) < 0.7 * _median_fold(
        HEAD.mean_head, HEAD.triangles
    )
    assert _median_fold(flat, triangles) == 0


def _median_fold(vertices, triangles):
    """Median angle between neighbouring triangles, degrees."""
    normals = np.cross(*np.moveaxis(np.diff(vertices[triangles], axis=1), 1, 0))
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    sides = np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]], axis=2).reshape(-1, 2)
    order = np.lexsort(sides.T)
    same = (np.diff(sides[order], axis=0) == 0).all(axis=1)
    a, b = order[:-1][same] // 3, order[1:][same] // 3
    cosine = np.einsum("ed,ed->e", normals[a], normals[b])
    return np.degrees(np.median(np.arccos(np.clip(cosine, -1, 1)))).round(3)


def skin_and_mouth(surface):
    """The skin, eyes' sockets and the mouth's cavity: one surface."""
    return np.concatenate(
        [places(surface)[part_of(surface, name)] for name in ("skin", "mouth")]
    )  # fmt: skip


def rim_of(triangles):
    (rim,) = boundary_loops(triangles)
    return rim


@pytest.mark.parametrize("detail", [0, 1])
def test_the_head_is_closed_and_the_neck_ends_in_a_plane(detail):
    surface = head_surface(detail)
    assert boundary_loops(skin_and_mouth(surface)) == []
    points = surface.from_head @ HEAD.mean_head
    middle = np.bincount(places(surface).ravel()).argmax()  # of the fan that closes the neck
    fan = places(surface)[(places(surface) == middle).any(axis=1)]
    assert len(fan) > 50 and points[middle, 1] < -100
    rim = np.setdiff1d(fan, middle)
    centred = points[rim] - points[middle]
    assert np.linalg.svd(centred)[1][2] / np.sqrt(len(rim)) < 1e-3  # mm
    normals = np.cross(*np.moveaxis(np.diff(points[fan], axis=1), 1, 0))
    assert (normals[:, 1] < 0).all()


@pytest.mark.parametrize("detail", [0, 1])
def test_the_faces_rim_is_a_clean_curve(detail):
    surface = head_surface(detail, "face")
    rim = rim_of(skin_and_mouth(surface))
    points = surface.from_head @ HEAD.mean_head
    steps = np.diff(points[np.append(rim, rim[:2])], axis=0)
    steps = steps[np.linalg.norm(steps, axis=1) > 0.3]  # of next to no length: no direction
    steps /= np.linalg.norm(steps, axis=1, keepdims=True)
    bends = np.degrees(np.arccos(np.clip((steps[1:] * steps[:-1]).sum(axis=1), -1, 1)))
    assert bends.max() < 60
    # A saw-tooth bends to and fro: in all, far more than once around.
    assert bends.sum() < 360 * 2.2


@EVERY
def test_no_triangle_spans_the_page(detail, region):
    surface = head_surface(detail, region)
    spans = np.ptp(surface.uv[surface.triangles], axis=1)
    skin = part_of(surface, "skin")
    middle = (np.abs(surface.uv[surface.triangles][skin] - [0.5, 0.4]).max(axis=2) < 0.35).all(1)
    assert spans[skin].max() < 0.3 and spans[skin][middle].max() < 0.1
    assert 0 <= surface.uv.min() and surface.uv.max() <= 1


@EVERY
def test_parts_cover_all_triangles_and_share_no_vertices(detail, region):
    surface = head_surface(detail, region)
    assert tuple(name for name, _ in surface.parts) == PARTS
    used = [np.unique(surface.triangles[triangles]) for _, triangles in surface.parts]
    np.testing.assert_array_equal(np.concatenate(used), np.arange(len(surface.uv)))
    assert surface.parts[-1][1].stop == len(surface.triangles)


def test_the_page_has_a_place_for_each_part():
    surface = head_surface(1)
    uv = {name: surface.uv[surface.triangles[triangles]] for name, triangles in surface.parts}
    assert uv["skin"][..., 1].max() <= 0.8
    for name, low, high in (("eyes", 0, 0.5), ("teeth", 0.5, 0.75), ("mouth", 0.75, 1)):
        assert uv[name][..., 1].min() > 0.8
        assert low < uv[name][..., 0].min() and uv[name][..., 0].max() < high
    (left, top), (right, bottom) = MOUTH_PATCH
    cavity = uv["mouth"][(uv["mouth"][..., 0] > left - 1e-4).all(axis=1)]
    np.testing.assert_allclose(cavity.min(axis=(0, 1)), [left, top], atol=2e-3)
    np.testing.assert_allclose(cavity.max(axis=(0, 1)), [right, bottom], atol=2e-3)


def test_texture_coordinates_place_features_where_the_generator_paints_them():
    from facelib.synthetic.head_pages import head_atlas

    atlas = head_atlas(HEAD, 256)
    surface = head_surface(1)
    face = head_surface(1, "face")
    front = face.triangles[part_of(face, "skin")]
    vertices = np.unique(front)
    points = (face.from_head @ HEAD.mean_head)[vertices]
    outside = points[:, 2] > 40  # not the sockets and nostrils, which lie behind the face
    rows, columns = np.clip((face.uv[vertices] * [256, 320]).astype(int), 0, 255).T[::-1]
    painted = atlas.position_mm[rows, columns]
    gap = np.linalg.norm(painted - points, axis=1)[outside]
    assert np.median(gap) < 1.0  # mm; a texel is up to 1 mm wide
    assert surface.uv.dtype == np.float32


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_lids_and_lips_hide_eyeballs_and_teeth_as_in_the_model(name):
    """Seen from the front, the surface shows as much eyeball and tooth as the model does."""
    from facelib.render.camera import Camera
    from facelib.render.rasterize import rasterize

    vertices = HEAD.vertices(expression=HEAD.expression(**EXPRESSIONS[name]))
    camera = Camera.orthographic((0, 0, 0), 2.0, 400, 400)
    regions = HEAD.regions

    def shown(points, triangles, is_part):
        fragments = rasterize(camera.project(points)[0], triangles, 400, 400)
        seen = np.bincount(fragments.triangle[fragments.covered], minlength=len(triangles))
        return seen[is_part].sum() / 4  # mm²

    surface = head_surface(1)
    fine = surface.from_head @ vertices
    for part, region in (("eyes", "eyeballs"), ("teeth", "teeth")):
        is_part = np.zeros(len(surface.triangles), bool)
        is_part[part_of(surface, part)] = True
        of_model = shown(vertices, HEAD.triangles, regions[region][HEAD.triangles].all(axis=1))
        ours = shown(fine, surface.triangles, is_part)
        assert abs(ours - of_model) < 0.15 * of_model + 15, part
        if name == "blink" and part == "eyes":
            assert ours < 2


def test_normals_agree_across_seams_and_point_outward():
    surface = head_surface(1)
    points = surface.from_head @ HEAD.mean_head
    normals = surface.normals(points)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(normals, normals[surface.twin])
    np.testing.assert_allclose(points, points[surface.twin], atol=1e-6)
    scalp = points[:, 1] > 100
    assert (np.einsum("vd,vd->v", normals, points)[scalp] > 0).all()


def test_its_matrices_multiply_as_scipys_do():
    surface = head_surface(2)
    basis = np.random.default_rng(0).normal(size=(len(HEAD.mean_head), 5))
    theirs = basis
    for factor in reversed(surface.from_head.factors):
        arrays = factor.weights, factor.columns, factor.starts
        theirs = sparse.csr_array(arrays, shape=factor.shape) @ theirs
    for values, expected in ((basis, theirs), (basis[:, 0], theirs[:, 0])):
        np.testing.assert_allclose(surface.from_head @ values, expected, atol=1e-5)
    assert (surface.from_head @ basis.astype(np.float32)).dtype == np.float32
    with pytest.raises(ValueError, match="4846"):
        surface.from_head @ basis[1:]


def test_other_details_and_parts_are_refused():
    with pytest.raises(ValueError, match="detail 0, 1 or 2"):
        head_surface(3)
    with pytest.raises(ValueError, match="head or face, got 1 of neck"):
        head_surface(1, "neck")
