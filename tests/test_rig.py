"""The rig: a head in metres whose morph targets do what the model's actions do."""

import gzip

import numpy as np
import pytest
from known_heads import known_head, plain_texture

from facelib.avatar.rig import BLINKS, head_asset, interocular_mm, personal_actions
from facelib.avatar.surface import head_surface
from facelib.face.headmodel import load_head
from facelib.geometry.asset import rounded
from facelib.geometry.gltf import glb_bytes
from facelib.render.camera import Camera
from facelib.render.rasterize import rasterize
from facelib.synthetic.people.acting import eyes
from facelib.synthetic.people.population import load_population, random_shape, random_traits

HEAD = load_head()
SHAPE = np.random.default_rng(0).normal(size=60) * 0.7
SMILE = HEAD.expression(mouthSmileLeft=0.6, mouthSmileRight=0.5)


def asset(**options):
    return head_asset(HEAD, head_surface(0), SHAPE, SMILE, plain_texture(), **options)


def moved(asset, strengths):
    vertices = asset.vertices.astype(float)
    for morph, strength in zip(asset.morphs, strengths, strict=True):
        vertices[morph.places] += strength * morph.moves
    return vertices


def test_the_eyes_are_as_far_apart_as_asked():
    for millimetres in (63.0, 58.5):
        made = asset(interocular=millimetres)
        eyes = dict((part.name, part.triangles) for part in made.parts)["eyes"]
        x = made.vertices[np.unique(made.triangles[eyes])]
        centres = [x[x[:, 0] < 0].mean(axis=0), x[x[:, 0] > 0].mean(axis=0)]
        apart = np.linalg.norm(centres[1] - centres[0])
        np.testing.assert_allclose(apart, millimetres / 1000, rtol=1e-3)
    mean = interocular_mm(HEAD, HEAD.mean_head)
    np.testing.assert_allclose(interocular_mm(HEAD, 2 * HEAD.mean_head), 2 * mean)


def test_it_is_in_metres_upright_and_faces_z():
    made = asset()
    size = np.ptp(made.vertices, axis=0)
    assert (size > 0.13).all() and (size < 0.35).all()
    parts = {part.name: np.unique(made.triangles[part.triangles]) for part in made.parts}
    eyes, mouth = made.vertices[parts["eyes"]], made.vertices[parts["mouth"]]
    assert eyes[:, 1].mean() > mouth[:, 1].mean() + 0.04
    assert eyes[:, 2].min() > 0.03


def test_playing_all_morphs_but_blinks_gives_the_models_expression():
    strengths = np.random.default_rng(1).random(52)
    strengths[[HEAD.expression_names.index(name) for name in BLINKS]] = 0
    made = asset()
    scale = 0.063 / interocular_mm(HEAD, HEAD.vertices(SHAPE))
    expected = head_surface(0).from_head @ HEAD.vertices(SHAPE, strengths) * scale
    np.testing.assert_allclose(moved(made, strengths), expected, atol=52 * 5e-6)
    assert tuple(morph.name for morph in made.morphs) == HEAD.expression_names


def test_the_photos_expression_is_the_first_or_none():
    at_rest = head_surface(0).from_head @ HEAD.vertices(SHAPE)
    scale = 0.063 / interocular_mm(HEAD, HEAD.vertices(SHAPE))
    for start in ("photo", "neutral"):
        made = asset(start=start)
        np.testing.assert_allclose(made.vertices, at_rest * scale, atol=1e-7)
        expected = SMILE if start == "photo" else np.zeros(52)
        np.testing.assert_allclose(made.strengths, expected, atol=1e-6)
    still = asset(rig=False)
    assert still.morphs == () and still.strengths == ()
    np.testing.assert_allclose(still.vertices, moved(made, SMILE), atol=1e-5)
    np.testing.assert_allclose(asset(rig=False, start="neutral").vertices, made.vertices)


def test_a_rounded_head_packs_smaller_and_hardly_differs():
    made = asset()
    short = rounded(made)
    np.testing.assert_allclose(short.vertices, made.vertices, atol=1e-5)
    np.testing.assert_allclose(short.normals, made.normals, atol=1e-3)
    for before, after in zip(made.morphs, short.morphs, strict=True):
        np.testing.assert_allclose(after.moves, before.moves, atol=1e-5)
        np.testing.assert_allclose(after.bends, before.bends, atol=1e-3)
    before, after = (len(gzip.compress(glb_bytes(each, "head"))) for each in (made, short))
    assert after < 0.75 * before


def test_normals_follow_the_lids_as_they_close():
    made = asset()
    (blink,) = [morph for morph in made.morphs if morph.name == "eyeBlinkLeft"]
    closed = made.vertices.copy()
    closed[blink.places] += blink.moves
    normals = made.normals.copy()
    normals[blink.bent_places] += blink.bends
    expected = head_surface(0).normals(closed)
    assert np.abs(expected - made.normals).max() > 0.5
    np.testing.assert_allclose(normals, expected, atol=0.051)


def people(n):
    rng, population = np.random.default_rng(4), load_population()
    return [random_shape(rng, random_traits(rng), population) for _ in range(n)]


def seen_of_eyes(vertices, made):
    """Area of the eyeballs seen from the front, mm²."""
    camera = Camera.orthographic((0, 0, 0), 2000.0, 300, 200, (150, 150))  # px per m
    fragments = rasterize(camera.project(vertices)[0], made.triangles, 200, 300)
    eyes = dict((part.name, part.triangles) for part in made.parts)["eyes"]
    seen = fragments.triangle[fragments.covered]
    return ((seen >= eyes.start) & (seen < eyes.stop)).sum() / 4


def test_everybodys_eyes_close_by_and_by_without_a_lid_on_the_cheek():
    blink = HEAD.expression(eyeBlinkLeft=1, eyeBlinkRight=1)
    for shape in people(5):
        made = head_asset(HEAD, head_surface(1), shape, np.zeros(52))
        areas = [seen_of_eyes(moved(made, share * blink), made) for share in (0, 0.3, 0.6, 1)]
        assert areas[0] > 150 and (np.diff(areas) < -30).all() and areas[-1] < 4
        moves = personal_actions(HEAD, shape)
        closed = HEAD.vertices(shape) + np.tensordot(blink, moves, 1)
        for eye in eyes(HEAD):
            overlap = -eye.lids.gap_mm(closed, closed[eye.lids.lower[2:-2], 0])
            assert 0 < overlap.mean() and overlap.max() < 1.5  # mm


def test_a_squint_keeps_its_size_though_lids_move_in_their_own_way():
    squint = HEAD.expression(eyeBlinkLeft=0.3, eyeBlinkRight=0.3)
    for shape in people(3):
        made = head_asset(HEAD, head_surface(1), shape, squint, rig=False)
        metres = 0.063 / interocular_mm(HEAD, HEAD.vertices(shape))
        fitted = head_surface(1).from_head @ HEAD.vertices(shape, squint) * metres
        np.testing.assert_allclose(
            seen_of_eyes(made.vertices, made), seen_of_eyes(fitted, made), rtol=0.25
        )


@pytest.mark.parametrize("part", ["head", "face"])
def test_blinking_moves_lids_and_opening_the_jaw_moves_lower_teeth(part):
    made = known_head(0, part)
    morphs = {morph.name: morph for morph in made.morphs}
    parts = {p.name: np.unique(made.triangles[p.triangles]) for p in made.parts}
    lids, how_far = made.vertices[morphs["eyeBlinkLeft"].places], morphs["eyeBlinkLeft"].moves
    middle = np.average(lids, axis=0, weights=np.linalg.norm(how_far, axis=1))
    assert 0.02 < middle[0] < 0.05  # the person's left is at the viewer's right
    teeth = np.intersect1d(parts["teeth"], morphs["jawOpen"].places)
    assert 0.3 * len(parts["teeth"]) < len(teeth) < 0.7 * len(parts["teeth"])
