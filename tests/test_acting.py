"""Acting heads: eyes that rotate in their sockets, lids that close, lips that do not cross."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from facelib.face.headmodel import load_head
from facelib.synthetic.people.acting import (
    act,
    eyes,
    lip_rim,
    mouth_light,
    settle_lips,
    sphere_centre,
)
from facelib.synthetic.people.expressions import random_strengths
from facelib.synthetic.people.population import load_population, random_shape, random_traits

MODEL = load_head()


def people(count):
    rng = np.random.default_rng(3)
    for _ in range(count):
        yield random_shape(rng, random_traits(rng), load_population())


def test_without_eyes_and_lids_an_acting_head_is_the_linear_model():
    shape = next(people(1))
    strengths = MODEL.expression(jawOpen=0.4, mouthSmileLeft=0.7, browInnerUp=0.5)
    np.testing.assert_allclose(
        act(MODEL, shape, strengths), MODEL.vertices(shape, strengths), atol=1e-9
    )


@pytest.mark.parametrize("way", ["In", "Out", "Up", "Down"])
def test_an_eye_turns_about_its_centre_and_keeps_its_form(way):
    for shape in people(3):
        rest = act(MODEL, shape, None)
        strengths = MODEL.expression(**{f"eyeLook{way}Left": 1.0})
        looking = act(MODEL, shape, strengths)
        ball = eyes(MODEL)[0].ball
        before, after = rest[ball], looking[ball]
        moved = sphere_centre(after) - sphere_centre(before)
        assert np.linalg.norm(moved) < 0.01
        turn, rssd = Rotation.align_vectors(
            after - sphere_centre(after), before - sphere_centre(before)
        )
        assert rssd < 0.05
        assert 8 < np.degrees(turn.magnitude()) < 30
        pupil = before[:, 2].argmax()
        direction = after[pupil] - before[pupil]
        axis, sign = {"In": (0, -1), "Out": (0, 1), "Up": (1, 1), "Down": (1, -1)}[way]
        assert sign * direction[axis] > 2  # mm


def test_the_linear_model_would_have_moved_the_eye_off_its_centre():
    ball = eyes(MODEL)[0].ball
    looking = MODEL.vertices(None, MODEL.expression(eyeLookInLeft=1.0))
    assert np.linalg.norm(sphere_centre(looking[ball]) - sphere_centre(MODEL.mean_head[ball])) > 1


def gaps_mm(vertices, eye):
    corners = vertices[eye.lids.upper[[0, -1]], 0]
    return eye.lids.gap_mm(vertices, np.linspace(*corners, 30)[3:-3])


def test_a_blink_shuts_every_eye_and_no_lid_reaches_the_cheek():
    for shape in people(20):
        shut = act(MODEL, shape, MODEL.expression(eyeBlinkLeft=1.0, eyeBlinkRight=1.0))
        for eye in eyes(MODEL):
            assert gaps_mm(shut, eye).max() < 0.5
            assert gaps_mm(shut, eye).min() > -1.5


def test_half_a_blink_is_half_the_gap():
    for shape in people(5):
        rest = act(MODEL, shape, None)
        half = act(MODEL, shape, MODEL.expression(eyeBlinkLeft=0.5))
        eye = eyes(MODEL)[0]
        middle = slice(8, 16)
        share = gaps_mm(half, eye)[middle] / gaps_mm(rest, eye)[middle]
        np.testing.assert_allclose(share, 0.5, atol=0.15)


def test_closing_lids_stay_before_the_eyeball():
    """No vertex of a lid that lies outside the eyeball at rest sinks into it."""
    for shape in people(10):
        rest = act(MODEL, shape, None)
        for closure in (0.3, 0.6, 1.0):
            shut = act(MODEL, shape, MODEL.expression(eyeBlinkLeft=closure))
            eye = eyes(MODEL)[0]
            lid = np.intersect1d(eye.blinking, np.flatnonzero(MODEL.regions["eyes"]))
            centre = sphere_centre(rest[eye.ball])
            radius = np.linalg.norm(rest[eye.ball] - centre, axis=1).mean()
            before, after = (np.linalg.norm(v[lid] - centre, axis=1) for v in (rest, shut))
            assert (after[before > radius] > radius - 0.05).all()


def test_a_wink_leaves_the_other_eye_alone():
    shape = next(people(1))
    wink = act(MODEL, shape, MODEL.expression(eyeBlinkLeft=1.0))
    rest = act(MODEL, shape, None)
    assert np.abs(wink - rest)[rest[:, 0] < -5].max() < 1e-9


def lip_gap_mm(vertices):
    rim = lip_rim(MODEL)
    ends = vertices[rim.upper[[0, -1]], 0]
    return rim.gap_mm(vertices, np.linspace(*ends, 30)[6:-6])


def test_settled_lips_do_not_cross():
    rng = np.random.default_rng(1)
    crossed = 0
    for shape in people(60):
        strengths = random_strengths(rng, MODEL.expression_names)
        crossed += lip_gap_mm(MODEL.vertices(shape, strengths)).min() < -0.05
        settled = settle_lips(MODEL, shape, strengths)
        assert lip_gap_mm(act(MODEL, shape, settled)).min() > -0.1
        changed = np.flatnonzero(settled != strengths)
        assert set(changed) <= {MODEL.expression_names.index("jawOpen")}
        assert (settled - strengths).max() < 0.3
    assert crossed > 3  # the mend is needed


def test_an_open_mouth_is_darker_inside_than_its_teeth_and_brighter_than_a_closed_one():
    opened = act(MODEL, None, MODEL.expression(jawOpen=1.0))
    ajar = act(MODEL, None, MODEL.expression(jawOpen=0.1))
    light, little = mouth_light(MODEL, opened), mouth_light(MODEL, ajar)
    teeth = MODEL.regions["teeth"] & (MODEL.mean_head[:, 2] > 70)
    back = MODEL.regions["mouth_cavity"] & (MODEL.mean_head[:, 2] < 40)
    assert light[back].mean() < 0.25 < 0.5 < light[teeth].mean()
    assert little[teeth].mean() < light[teeth].mean()
    outside = MODEL.regions["face"] & ~MODEL.regions["mouth_cavity"]
    assert (light[outside] == 1).all()
