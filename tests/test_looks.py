"""Known defects of the synthetic looks: each one that was fixed stays fixed."""

from dataclasses import replace

import numpy as np

from facelib.face.headmodel import load_head
from facelib.pairs.labels import NUMBER_OF
from facelib.render.camera import Camera
from facelib.render.render import Light
from facelib.synthetic.head_pages import head_canvas
from facelib.synthetic.ingredients import Ingredients
from facelib.synthetic.light.lighting import plain_lighting, random_lighting
from facelib.synthetic.light.radiance import render_radiance
from facelib.synthetic.looks.teeth import paint_teeth
from facelib.synthetic.people.acting import act, mouth_light
from facelib.synthetic.people.population import Traits
from facelib.synthetic.person import fitting_appearance
from facelib.synthetic.photo import shadow_lines
from facelib.synthetic.samples import make_outfit, make_person, make_sample
from facelib.synthetic.settings import SyntheticSettings
from facelib.synthetic.studio import Studio
from facelib.synthetic.worn.glasses import Glasses, put_on, random_glasses
from facelib.synthetic.worn.hair_style import HairStyle
from facelib.synthetic.worn.hats import Hat
from facelib.synthetic.worn.lenses import draw_lenses
from facelib.synthetic.worn.outfit import Outfit
from facelib.synthetic.worn.ribbons import Overlay

MODEL = load_head()
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
CAMERA = Camera.perspective((0, 0, 0), 900.0, 800.0, 160, 160)
HIGH_LIGHT = plain_lighting([Light(np.array([0.0, 1.0, 1.0]), np.full(3, 0.8))], (0.2, 0.2, 0.2))
HIGH_LIGHT = replace(HIGH_LIGHT, softness_mm=5.0)


def dressed(outfit, seed=0):
    """A resting mean head with a random person's looks."""
    person = make_person(seed, SyntheticSettings(ingredients=Ingredients.all()))
    rest, rng = np.zeros(len(MODEL.expression_names)), np.random.default_rng(seed)
    studio = Studio.of(Ingredients(skin=True, light=True))
    return studio.dress(person, rest, MODEL.mean_head, outfit, 256, rng)


def whiteness(color):
    """1 for grey, 0 for a pure colour or black: the darkest channel, of what grey hair has."""
    return color.min() / 0.3


def grey_share(age_years, count=120):
    rng = np.random.default_rng(7)
    looks = [
        fitting_appearance(rng, Traits(age_years, float(k % 2), rng.dirichlet([0.5] * 3)))
        for k in range(count)
    ]
    return np.mean([whiteness(one.hair_color) > 0.5 for one in looks])


def test_hair_greys_with_age_and_not_before():
    """Half grey at fifty: 6 to 23 % (Panhard and others 2012), here less those who dye."""
    assert grey_share(28.0) <= 0.01
    assert 0.02 < grey_share(50.0) < 0.25
    assert grey_share(85.0) > 0.5


def whitened_lens(mirror, count=60):
    """Share of a lens before a mid-grey face that random light in random poses makes pale."""
    rng, shares = np.random.default_rng(2), []
    clear = Glasses(tint=Glasses().tint._replace(mirror=(mirror,) * 3))
    worn = put_on(clear, MODEL.mean_head, MODEL.keypoints(MODEL.mean_head))
    size = (CAMERA.height, CAMERA.width)
    nothing = np.zeros(size, np.float32)
    grey = Overlay(
        np.full((*size, 3), 0.2, np.float32),
        nothing + 1,
        nothing,
        np.zeros(size, np.int8),
        nothing - np.inf,
    )
    for _ in range(count):
        camera = Camera.perspective(tuple(rng.uniform(-0.3, 0.3, 3)), 900.0, 800.0, *size)
        lighting = random_lighting(rng)
        shot = draw_lenses(grey, camera, worn, lighting.lights, lighting.ambient)
        shares.append((shot.image[shot.label != 0] @ LUMINANCE > 0.3).mean())
    return np.array(shares)


def test_no_clear_lens_is_a_white_disc():
    """Lamps are small bright spots in a lens, not a disc as wide as the eye behind it."""
    drawn = [random_glasses(np.random.default_rng(k)).tint for k in range(99)]
    shares = whitened_lens(max(max(tint.mirror) for tint in drawn if min(tint.below) > 0.8))
    assert shares.max() < 0.08
    assert shares.mean() < 0.01


def test_the_white_of_eyes_does_not_glow():
    """Relative to the skin around, an eye's brightest pixel is bounded in any light."""
    rng, ratios = np.random.default_rng(5), []
    eyes = MODEL.regions["eyeballs"][MODEL.triangles].all(axis=1)
    cheeks = MODEL.mean_head[MODEL.triangles].mean(axis=1)
    cheeks = (np.abs(np.abs(cheeks[:, 0]) - 38) < 14) & (np.abs(cheeks[:, 1] + 18) < 14)
    for seed in range(50):
        person = dressed(Outfit(), seed)
        shot = render_radiance(person.mesh_head, person.surface, CAMERA, random_lighting(rng))
        light, hit = shot.image @ LUMINANCE, shot.fragments.triangle
        of_head = (hit >= 0) & (hit < len(MODEL.triangles))
        white = np.percentile(light[of_head][eyes[hit[of_head]]], 80)
        ratios.append(white / np.median(light[of_head][cheeks[hit[of_head]]]))
    assert 0.6 < np.median(ratios) < 1.0
    assert np.percentile(ratios, 90) < 1.8
    assert max(ratios) < 2.4


def test_hats_show_in_the_crop_of_those_who_wear_one():
    settings = SyntheticSettings(128, seed=9, ingredients=Ingredients.all())
    shown = []
    for index in range(150):
        if make_outfit(index, settings).hat is not None and len(shown) < 10:
            front = make_sample(index, settings, pixels=True).pixels[0]
            shown.append((front.segmentation == NUMBER_OF["hat"]).mean())
    assert len(shown) == 10
    assert np.mean(np.array(shown) > 0.04) >= 0.8


def forehead_light(outfit, height_mm, lines_too=True):
    """Light on the forehead's skin relative to the cheek's, under anything that covers it."""
    person = dressed(outfit)
    lines = shadow_lines(person.worn.ribbons) if person.worn and lines_too else None
    shot = render_radiance(person.mesh_head, person.surface, CAMERA, HIGH_LIGHT, 1, lines)
    light = shot.image @ LUMINANCE
    brow, cheek = (light_at(light, spot) for spot in ([0.0, height_mm, 90], [38.0, -25, 75]))
    return brow / cheek


def light_at(light, spot_head):
    column, row = np.rint(CAMERA.head_to_image(np.array([spot_head]))[0, :2]).astype(int)
    return light[row - 2 : row + 3, column - 4 : column + 5].mean()


def test_a_fringe_and_a_brim_darken_the_forehead():
    fringe = Outfit(
        hair=HairStyle("bowl", 100, 60, 60, 14, fringe_mm=45, strands=1300, half_width_mm=2.2)
    )
    clothes = make_outfit(0, SyntheticSettings(ingredients=Ingredients.all())).clothes
    cap = Outfit(hat=Hat("cap"), clothes=clothes)
    assert forehead_light(fringe, 70) < 0.8 * forehead_light(fringe, 70, lines_too=False)
    assert forehead_light(cap, 42) < 0.7 * forehead_light(Outfit(), 42)


def test_glasses_throw_a_shadow_on_the_cheek():
    person = dressed(Outfit(glasses=Glasses(rim_mm=2.5)))
    lines = shadow_lines(person.worn.ribbons)
    with_frame, without = (
        render_radiance(person.mesh_head, person.surface, CAMERA, HIGH_LIGHT, 1, each).image
        for each in (lines, None)
    )
    darker = (with_frame < 0.9 * without).all(axis=2)
    assert 40 < darker.sum() < 0.1 * darker.size
    assert (with_frame <= without + 1e-5).all()


def test_brows_and_beards_throw_no_shadow_of_their_own():
    outfit = make_outfit(5, SyntheticSettings(ingredients=Ingredients.all()))
    assert shadow_lines(dressed(outfit).worn.ribbons) is not None
    assert shadow_lines(dressed(Outfit(facial=outfit.facial)).worn.ribbons) is None


def test_teeth_are_single_and_gums_lie_about_them():
    """Dark lines cut the upper row into incisors, canines, premolars and molars."""
    teeth = paint_teeth(head_canvas(MODEL, 512).teeth, np.random.default_rng(0)) @ LUMINANCE
    side = len(teeth)
    row = teeth[round(side * 0.46)]
    gaps = np.flatnonzero(
        (row[1:-1] < 0.85 * np.median(row)) & (row[1:-1] <= row[2:]) & (row[1:-1] < row[:-2])
    )
    assert 6 <= len(gaps) <= 18
    assert teeth[round(side * 0.2)].max() < 0.6 * np.median(row)  # gum above the crowns


def test_the_inside_of_a_mouth_mirrors_only_what_comes_in():
    """Otherwise molars in a corner of the mouth would shine like fangs."""
    person = make_person(0, SyntheticSettings(ingredients=Ingredients.all()))
    opened = MODEL.expression(jawOpen=0.5)
    vertices, gloss = act(MODEL, None, opened), []
    for expressions in (False, True):
        studio = Studio.of(Ingredients(skin=True, light=True, expressions=expressions))
        rng = np.random.default_rng(0)
        dressed_head = studio.dress(person, opened, vertices, Outfit(), 256, rng)
        gloss.append(dressed_head.surface.gloss)
    light = mouth_light(MODEL, vertices)
    np.testing.assert_allclose(gloss[1][: len(light)], gloss[0][: len(light)] * light, rtol=1e-5)
    assert light[MODEL.regions["teeth"]].min() < 0.3
