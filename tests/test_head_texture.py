"""The texture of a head, from pictures of heads that are known to the last texel."""

import runpy
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from facelib.avatar.surface import head_surface
from facelib.avatar.texture.bands import blended_by_bands, enlarged, filled, pyramid, reduced
from facelib.avatar.texture.light import evening_gains
from facelib.avatar.texture.paint import (
    MADE_UP,
    MIRRORED,
    PAGE_MM,
    SMOOTH_PX,
    WORK,
    HeadTexture,
    page_maps,
    paint_head,
    shares_of_sources,
)
from facelib.avatar.texture.quality import (
    CHIN,
    GRAZING,
    JAW_SLOPE,
    NECK_MM,
    quality,
    unoccluded,
)
from facelib.avatar.texture.strip import (
    BROWN,
    ENAMEL,
    WHITE,
    InnerColors,
    eye_paint,
    inner_colors,
)
from facelib.avatar.texture.tones import Tone, hair_depth_mm
from facelib.avatar.texture.unwrap import SkinPage, unwrap
from facelib.avatar.texture.views import SeenPhoto, View, near_head
from facelib.face.headmodel import load_head
from facelib.files import threads
from facelib.files.paths import data_file
from facelib.geometry.mesh import Mesh
from facelib.imaging.effects import box_mean
from facelib.imaging.resample import resize_image
from facelib.render.camera import Camera
from facelib.render.render import Light, render
from facelib.synthetic.head_pages import head_canvas
from facelib.synthetic.light.spherical_harmonics import basis
from facelib.synthetic.looks.eyes import paint_eye

MAGENTA = (1.0, 0.0, 1.0)
GREY = (0.35, 0.35, 0.35)
SKIN = np.float32([0.78, 0.58, 0.48])
SIDE_PX = 560
PAGE = 1024
BROWN_LINE = (0.5, 0.35, 0.28)


@cache
def surface():
    return head_surface(1)


@cache
def head_vertices():
    head = load_head()
    shape = np.random.default_rng(4).normal(0, 0.6, len(head.shape_basis))
    return head.vertices(shape)


@cache
def known_page():
    """A page in tones of skin, with a fine pattern of stripes that differs on both sides."""
    v, u = (np.mgrid[:PAGE, :PAGE] + 0.5) / PAGE
    pattern = 0.05 * np.sin(2 * np.pi * (29 * u + 11 * v)) + 0.05 * np.sin(2 * np.pi * 37 * v)
    return (SKIN * (1 + pattern[..., None])).astype(np.float32)


def camera(yaw_deg):
    return Camera.perspective((0.05, np.radians(yaw_deg), 0.02), 900, 1900, SIDE_PX, SIDE_PX)


def picture(
    yaw_deg, page=None, background=GREY, light=((0, 0, 1), 0.0), ambient=1.0, expression=None
):
    """Render the known head: a SeenPhoto."""
    head = load_head()
    vertices = head_vertices()
    if expression is not None:
        vertices = vertices + np.tensordot(head.expression(**expression), head.expression_basis, 1)
    smooth = surface().from_head @ vertices
    mesh = Mesh(smooth, surface().triangles, surface().uv, known_page() if page is None else page)
    direction, strength = light
    drawn = render(
        mesh,
        camera(yaw_deg),
        [Light(np.array(direction), np.full(3, strength))],
        ambient=(ambient,) * 3,
        background=background,
        supersample=2,
        normals=surface().normals(smooth),
    )
    return SeenPhoto(drawn.image, camera(yaw_deg), vertices)


@cache
def pair_texture() -> HeadTexture:
    return paint_head([picture(4), picture(78)], surface(), PAGE)


@pytest.mark.parametrize("cores", [1, 2, 3])
def test_the_texture_is_the_same_in_any_number_of_threads(monkeypatch, cores):
    monkeypatch.setattr(threads, "usable_cores", lambda: cores)
    texture = paint_head([picture(4), picture(78)], surface(), PAGE)
    np.testing.assert_array_equal(texture.pixels, pair_texture().pixels)
    np.testing.assert_array_equal(texture.shares, pair_texture().shares)


def enlarged_shares(texture, name):
    share = texture.shares[texture.sources.index(name)]
    return np.kron(share, np.ones((texture.pixels.shape[0] // WORK,) * 2))


def away_from_the_strip(mask):
    mask = mask.copy()
    mask[int(0.8 * len(mask)) :] = False
    return mask


@pytest.mark.parametrize(("name", "least"), [("photo 1", 0.15), ("photo 2", 0.06)])
def test_seen_skin_comes_back_where_it_was(name, least):
    texture = pair_texture()
    sure = away_from_the_strip(enlarged_shares(texture, name) > 0.95)
    assert sure.mean() > least
    wrong = np.abs(texture.pixels[sure] / 255 - known_page()[sure]).mean(axis=1)
    assert wrong.mean() < 0.012  # the stripes have an amplitude of 0.06
    assert np.percentile(wrong, 99) < 0.06


def test_the_pattern_is_where_it_was_to_a_fraction_of_a_texel():
    """Shifted by two texels, two thirds of a photo's pixel, the pattern fits worse."""
    texture = pair_texture()
    sure = away_from_the_strip(enlarged_shares(texture, "photo 1") > 0.95)
    wrong = {
        shift: np.abs(texture.pixels / 255.0 - np.roll(known_page(), shift, axis=(0, 1)))[
            sure
        ].mean()
        for shift in ((0, 0), (2, 0), (-2, 0), (0, 2), (0, -2))
    }
    assert min(wrong, key=wrong.get) == (0, 0)


def test_background_is_never_painted():
    texture = paint_head(
        [picture(-10, background=MAGENTA), picture(80, background=MAGENTA)], surface(), 512
    )
    red, green, blue = np.moveaxis(texture.pixels.astype(int), -1, 0)
    skin = slice(0, int(0.8 * 512))
    # skin has more green than blue, magenta has none
    assert (green >= blue - 4)[skin].all()
    assert (red > blue)[skin].all()


def covered_page(where, color):
    """The known page, its skin covered by a colour where a map of WORK texels is true."""
    where = where & (np.arange(WORK)[:, None] < 0.8 * WORK)
    large = np.kron(where, np.ones((PAGE // WORK,) * 2, bool))
    return np.where(large[..., None], np.float32(color), known_page())


def test_a_hat_is_neither_hair_nor_reflected_on_the_forehead():
    hat = covered_page(hair_depth_mm(page_maps()) > 0, [0.9, 0.85, 0.02])
    texture = paint_head([picture(0, hat), picture(75, hat)], surface(), 512)
    red, green, blue = np.moveaxis(texture.pixels[:400].astype(float), -1, 0)
    assert (blue > 0.5 * green).all()  # as skin has, and no yellow


def test_plain_hair_continues_over_the_scalp():
    hair = 255 * np.float32([0.12, 0.09, 0.07])
    haired = covered_page(hair_depth_mm(page_maps()) > 0, hair / 255)
    texture = paint_head([picture(0, haired), picture(75, haired)], surface(), 512)
    crown = texture.pixels[5:40, 200:300].mean(axis=(0, 1))
    np.testing.assert_allclose(crown, hair, rtol=0.2)
    assert np.abs(texture.pixels[340:380, 150:350].mean(axis=(0, 1)) / 255 - SKIN).max() < 0.06


def test_dark_glasses_are_not_painted():
    glasses = covered_page((page_maps()["eyes"] > 0.5), [0.12, 0.11, 0.11])
    texture = paint_head([picture(0, glasses)], surface(), 512)
    below_eyes = (page_maps()["eyes"] > 0.5) & (np.arange(512)[:, None] > 200)
    below_eyes &= texture.pixels.sum(axis=2) > 0
    assert np.median(texture.pixels[below_eyes], axis=0)[0] > 0.8 * 255 * SKIN[0]


def share_of_the_second_photo_in_ears(page):
    texture = paint_head([picture(4, page), picture(78, page)], surface(), 512)
    share = texture.shares[texture.sources.index("photo 2")] * (page_maps()["ears"] > 0.5)
    return share.sum() / (page_maps()["ears"] > 0.5).sum()


def test_an_ear_that_a_photo_shows_is_painted_from_it_unless_hair_covers_it():
    shown = share_of_the_second_photo_in_ears(known_page())
    upper = np.arange(WORK)[:, None] < 190
    lock = covered_page(upper & (page_maps()["ears"] > 0), (0.1, 0.07, 0.05))
    covered = share_of_the_second_photo_in_ears(lock)
    assert shown > 0.3
    assert covered < 0.1


def rims():
    """Where the rims of glasses are: (512, 512) bool."""
    lenses = np.float32(page_maps()["eyes"] > 0)
    return (box_mean(lenses, 1) > 0.01) & (box_mean(lenses, 1) < 0.99)


def bridge():
    """Where the bridge of glasses is: (512, 512) bool."""
    mask = np.zeros((WORK, WORK), bool)
    mask[192:195, 240:272] = True
    return mask


def contrast_of_rims(texture):
    """How much darker the page is at rims than beside them, as a share."""
    brightness = texture.pixels.mean(axis=2)
    bare = page_maps()["features"] < 0.1
    beside = (box_mean(np.float32(rims()), 6) > 0) & (box_mean(np.float32(rims()), 3) == 0)
    return 1 - brightness[rims() & bare].mean() / brightness[beside & bare].mean()


@pytest.mark.parametrize("color", [BROWN_LINE, (0.52, 0.45, 0.42)])
def test_thin_frames_of_glasses_are_not_painted(color):
    page = covered_page(rims() | bridge(), color)
    texture = paint_head([picture(0, page)], surface(), 512)
    assert abs(contrast_of_rims(texture)) < 0.06
    bare = paint_head([picture(0, known_page())], surface(), 512)
    across_nose = np.abs(texture.pixels.astype(int) - bare.pixels)[bridge()]
    assert across_nose.mean() < 25  # the stripes of the known page make 10 of it


def test_lines_without_a_bridge_are_wrinkles_and_stay():
    page = covered_page(rims(), BROWN_LINE)
    assert contrast_of_rims(paint_head([picture(0, page)], surface(), 512)) > 0.2


def test_the_hidden_half_of_a_turned_head_mirrors_the_seen_one():
    """Without a side photo, a camera at 41° sees the far cheek's texels through the near half."""
    photo = picture(41)
    texture = paint_head([photo], surface(), 512)
    mirrored = away_from_the_strip(enlarged_shares(texture, "photo 1 mirrored") > 0.98)
    assert mirrored.mean() > 0.05
    flipped = texture.pixels[:, ::-1].astype(float)
    assert np.abs(texture.pixels - flipped)[mirrored].mean() < 2.5
    views = [View.of(photo, surface())]
    page = SkinPage.of(surface())
    through = unwrap([near_head(photo, 512 / PAGE_MM)], views, page, 512)[0].astype(float)
    assert np.abs(through - flipped)[mirrored].mean() > 8


def test_nothing_is_seen_behind_a_nose_or_in_profile_on_the_far_side():
    photo = picture(80)
    view = View.of(photo, surface())
    page = SkinPage.of(surface())
    rated = quality(photo, view, page, page.fragments(WORK))
    far, near = rated[60:330, 60:220], rated[60:330, 300:460]
    if far.mean() > near.mean():
        far, near = near, far
    assert far.max() == 0
    assert near.mean() > 0.4


@pytest.mark.parametrize("focal_px", [None, 900.0])
def test_straight_views_count_most_and_the_neck_nothing(focal_px):
    photo = picture(30)
    photo = replace(photo, camera=replace(photo.camera, focal_px=focal_px))
    view, page = View.of(photo, surface()), SkinPage.of(surface())
    rated = quality(photo, view, page, page.coarse_fragments)
    at = rated > 0
    places, normals = (
        page.spread(page.coarse_fragments, each)[at].astype(float)
        for each in (view.vertices_head, view.normals_head)
    )
    eyes = photo.camera.head_to_eye(places)
    ways = np.tile([0.0, 0.0, -1.0], (len(eyes), 1)) if focal_px is None else eyes
    turned = normals @ np.asarray(photo.camera.rotation).T
    cosines = -(turned * ways).sum(axis=1)
    cosines /= np.linalg.norm(turned, axis=1) * np.linalg.norm(ways, axis=1)
    chin = load_head().keypoints(photo.vertices_head)[CHIN]
    below_jaw_mm = chin[1] + JAW_SLOPE * (chin[2] - places[:, 2]) - places[:, 1]
    on_head = np.clip((NECK_MM[1] - below_jaw_mm) / np.subtract(*NECK_MM[::-1]), 0, 1)
    best = ((cosines - GRAZING) / (1 - GRAZING)) ** 1.5 * on_head
    assert (rated[at] < best + 1e-5).all()  # contours take something away
    assert np.isclose(rated[at], best, atol=1e-5).mean() > 0.7


def test_shares_are_powers_of_the_qualities_of_photos_and_their_mirror_images():
    rated = np.maximum(np.random.default_rng(0).random((2, 64, 64), np.float32) - 0.4, 0)
    smooth = np.stack([box_mean(each, SMOOTH_PX) for each in rated]) * (rated > 0)
    nothing = np.full((1, 64, 64), MADE_UP)
    powers = np.concatenate([smooth, MIRRORED * smooth[..., ::-1], nothing]).astype(float) ** 5
    shares = shares_of_sources(rated)
    np.testing.assert_allclose(shares, powers / powers.sum(axis=0), rtol=1e-5, atol=1e-12)


def test_points_that_something_covers_keep_their_surroundings_from_being_painted():
    points = page_maps()["points_uv"]
    hidden = points[:, 0] < 0.4
    free = unoccluded(np.where(hidden, 0.05, 0.9), points, WORK)
    rows, columns = (points[:, ::-1] * WORK).astype(int).T
    edge = np.abs(points[:, 0] - 0.4) < 0.08
    assert free[rows, columns][hidden & ~edge].max() < 0.2
    assert free[rows, columns][~hidden & ~edge].min() > 0.8
    np.testing.assert_allclose(free[430:], 1, atol=0.02)  # no points in the strip


def test_closed_lids_and_open_mouths_leave_no_hole():
    made = {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0, "jawOpen": 0.6}
    texture = paint_head([picture(0, expression=made)], surface(), 512)
    relative = texture.pixels[60:360] / (255 * SKIN)
    assert relative.min() > 0.3  # inner lips are in shade, but nothing is black
    assert np.ptp(relative, axis=2).max() < 0.1  # nor of another colour than skin


def test_light_from_one_side_is_evened():
    lit = [picture(yaw, light=((-1, 0.2, 0.6), 0.5), ambient=0.5) for yaw in (0, 70)]
    texture = paint_head(lit, surface(), 512)
    cheeks = texture.pixels[200:300, [[150], [362]]].reshape(100, 2, 3)
    ratio = cheeks[:, 0].mean() / cheeks[:, 1].mean()
    raw = paint_head(lit[:1], surface(), 512)
    assert abs(np.log(ratio)) < 0.15
    assert raw.sources == ("photo 1", "photo 1 mirrored", "made up")


def test_two_photos_with_known_light_become_alike():
    rng = np.random.default_rng(0)
    view = View.of(picture(0), surface())
    page = SkinPage.of(surface())
    fragments = page.fragments(WORK)
    normals = page.spread(fragments, view.normals_head)
    seen = fragments.covered & (normals[..., 2] > 0.3)
    numbers = rng.normal(0, 0.12, (9, 1))
    first = np.full((WORK, WORK, 3), 120.0, np.float32)
    second = (first * np.exp(basis(normals) @ numbers) * [1.1, 1.0, 0.9]).astype(np.float32)
    gains = evening_gains([first, second], np.float32([seen, seen]), [normals, normals])
    apart = np.log(first * gains[0]) - np.log(second * gains[1])
    assert np.abs(apart[seen]).mean() < 0.3 * np.abs(np.log(first / second)[seen]).mean()
    assert np.abs(np.log(gains[0])[seen]).mean() < 0.12  # the first photo stays nearly as it is


def test_pyramids_keep_constants_and_means():
    rng = np.random.default_rng(1)
    page = rng.random((64, 64, 3)).astype(np.float32)
    np.testing.assert_allclose(reduced(page).mean(axis=(0, 1)), page.mean(axis=(0, 1)), rtol=1e-5)
    np.testing.assert_allclose(enlarged(np.full((8, 8, 1), 3, np.float32)), 3)
    np.testing.assert_allclose(enlarged(page).mean(), page.mean(), rtol=1e-5)


def test_columns_of_a_page_wrap_around_and_rows_do_not():
    page = np.zeros((4, 4, 1), np.float32)
    page[0, 0] = 16
    fine = enlarged(page)[..., 0]
    np.testing.assert_allclose(fine[0], [12, 12, 4, 0, 0, 0, 0, 4])
    np.testing.assert_allclose(fine[:, 0], [12, 9, 3, 0, 0, 0, 0, 0])


def test_a_ramp_is_enlarged_to_a_ramp():
    ramp = np.arange(16, dtype=np.float32)[:, None, None] * np.ones((1, 16, 1), np.float32)
    fine = enlarged(ramp)[1:-1, 5, 0]
    np.testing.assert_allclose(np.diff(fine), 0.5, atol=1e-5)


def test_one_page_blended_with_itself_stays():
    rng = np.random.default_rng(2)
    page = rng.random((64, 64, 3)).astype(np.float32)
    share = rng.random((64, 64)).astype(np.float32)
    out = blended_by_bands([pyramid(page, 4)] * 2, np.stack([share, 1 - share]))
    np.testing.assert_allclose(out, page, atol=1e-5)


def test_a_step_between_two_pages_becomes_wide_but_their_detail_stays_sharp():
    """Burt and Adelson's apple and orange: two greys of different brightness and texture."""
    side = 128
    stripes = 0.05 * (-1.0) ** np.arange(side)[:, None, None] * np.ones((1, side, 1))
    left, right = np.float32(0.3 + stripes), np.full((side, side, 1), 0.6, np.float32)
    share = np.zeros((side, side), np.float32)
    share[:, : side // 2] = 1
    pages = [pyramid(page, 5) for page in (left, right)]
    out = blended_by_bands(pages, np.stack([share, 1 - share]))
    mean, contrast = (
        out[::2].mean(axis=0) / 2 + out[1::2].mean(axis=0) / 2,
        np.ptp(out[40:42], axis=0),
    )
    assert np.abs(np.diff(mean[:, 0])).max() < 0.05  # no seam: the step was 0.3
    assert contrast[side // 2 - 3, 0] > 0.08  # stripes up to the border ...
    assert contrast[side // 2 + 3, 0] < 0.02  # ... and none beyond it


def test_gaps_are_filled_from_around_and_what_is_known_stays():
    page = np.full((64, 64, 1), 7, np.float32)
    page[:, 32:] = 9
    known = np.ones((64, 64), np.float32)
    known[20:40, 10:50] = 0
    page[20:40, 10:50] = np.float32(-100)
    out = filled(page, known)
    np.testing.assert_allclose(out[known == 1], page[known == 1])
    assert 7 <= out[30, 12, 0] < 7.6 < out[30, 30, 0] < 8.4 < out[30, 47, 0] <= 9
    far = filled(page * 0 + 5, np.zeros((64, 64), np.float32), np.float32([1]))
    np.testing.assert_allclose(far, 1)


def test_a_tone_knows_its_own_colors_in_shade_but_not_cloth_and_walls():
    rng = np.random.default_rng(3)
    skin = 255 * SKIN * np.exp(rng.normal(0, 0.1, (500, 1))) * np.exp(rng.normal(0, 0.02, (500, 3)))
    tone = Tone.of(np.concatenate([skin, rng.uniform(0, 255, (60, 3))]))
    np.testing.assert_allclose(tone.color, 255 * SKIN, rtol=0.04)
    assert tone.likeness(255 * SKIN * 0.75) > 0.9
    strange = 255 * np.float32([[1, 0, 1], [0.1, 0.1, 0.1], [0.3, 0.5, 0.9], [0.95, 0.95, 0.95]])
    assert tone.likeness(strange).max() < 0.05


def test_the_shipped_file_is_what_its_script_makes():
    script = Path(__file__).resolve().parents[1] / "experiments" / "build_texture.py"
    made = runpy.run_path(str(script))["texture_parts"]()
    with np.load(data_file("head", "texture.npz")) as shipped:
        assert set(shipped.files) == made.keys()
        for name, part in made.items():
            # Rounding may differ between processors: by one step of a byte, in a few texels.
            apart = np.abs(shipped[name].astype(float) - part)
            assert apart.max() <= (1e-6 if part.dtype == np.float32 else 1), name
            assert (apart > 0).mean() < 0.01, name


def test_an_eye_is_the_generators_in_other_colors():
    canvas = head_canvas(load_head(), 512)
    iris, inner = np.float32([0.1, 0.2, 0.3]), np.float32([0.15, 0.25, 0.24])
    white = np.float32([0.5, 0.48, 0.45])
    eyes = canvas.eyes
    expected = np.empty((*eyes.radius.shape, 3), np.float32)
    paint_eye(
        eyes.radius, eyes.around_share, eyes.veins, eyes.fibres[1],
        np.stack([iris, inner, white]), np.float32([0.36, 0.6, 0.25]), np.float32(0), expected,
    )  # fmt: skip
    painted = eye_paint(InnerColors(iris, white, white), page_maps())
    np.testing.assert_allclose(painted, expected, atol=0.02)


def test_eyes_take_the_color_of_the_photo():
    page = known_page().copy()
    top, side = round(0.8 * PAGE), PAGE // 4
    v, u = np.mgrid[: PAGE - top, :side]
    radius = np.hypot((u + 0.5) / side - 0.5, (v + 0.5) / (PAGE - top) - 0.5)
    eye = np.where(radius[..., None] < 0.11, [0.25, 0.4, 0.65], [0.85, 0.83, 0.8])
    page[top:, :side] = page[top:, side : 2 * side] = eye
    photo = picture(0, page)
    colors = inner_colors_of(photo)
    assert colors.iris[2] > 1.5 * colors.iris[0]
    assert colors.white.mean() > 2 * colors.iris.mean()
    shut = picture(0, page, expression={"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0})
    brown = inner_colors_of(shut).iris
    assert brown[0] > brown[1] > brown[2]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "black", [np.s_[:], np.s_[:, : SIDE_PX // 2]], ids=["both eyes", "one eye"]
)
def test_eyes_beyond_a_black_border_are_taken_for_unseen(black):
    photo = picture(0)
    skin = Tone.of(255 * photo.pixels[photo.pixels[..., 0] > 0.5])
    photo.pixels[black] = 0
    gains = np.ones((1, 3), np.float32)
    colors = inner_colors([photo], [View.of(photo, surface())], [skin], gains)
    np.testing.assert_array_equal(colors.iris, np.float32(BROWN))


GRIN = {
    f"{name}{side}": 0.9 for name in ("mouthSmile", "mouthUpperUp") for side in ("Left", "Right")
}
RED = (0.5, 0.15, 0.14)


def page_with_teeth(color):
    """The known page with teeth of one colour, and red gums, tongue and mouth."""
    page, maps = known_page().copy(), page_maps()
    top, side = round(0.8 * PAGE), PAGE // 4
    page[top:, 2 * side :] = RED
    gum = resize_image(maps["tooth_gum"][..., None], (PAGE - top, side)) > 0.5
    page[top:, 2 * side : 3 * side] = np.where(gum, np.float32(RED), np.float32(color))
    return page


@pytest.mark.parametrize("gain", [1.0, 0.8])
def test_teeth_take_the_color_of_the_photo_in_evened_light(gain):
    yellow = np.float32([0.72, 0.66, 0.45])
    photo = picture(0, page_with_teeth(yellow), expression=GRIN)
    colors = inner_colors_of(photo, gain)
    np.testing.assert_allclose(colors.enamel, (gain * yellow) ** 2.2, rtol=0.08)


def test_teeth_that_no_photo_shows_are_as_bright_as_the_eyes():
    page = page_with_teeth((0.72, 0.66, 0.45))
    grin = picture(0, page, expression=GRIN)
    hidden = replace(grin, visibility=np.zeros(len(page_maps()["points_uv"])))
    grey = replace(grin, pixels=grin.pixels.mean(axis=2, keepdims=True).repeat(3, axis=2))
    few = replace(grin, pixels=np.where(grin.pixels[..., 1:2] > 0.6, RED, grin.pixels))
    for photo in (hidden, grey, few):
        colors = inner_colors_of(photo)
        expected = np.multiply(ENAMEL, colors.white.mean() / np.mean(WHITE))
        np.testing.assert_allclose(colors.enamel, expected, rtol=1e-5)


def inner_colors_of(photo, gain=1.0):
    skin = Tone.of(255 * gain * photo.pixels[photo.pixels[..., 0] > 0.5])
    gains = np.full((1, 3), gain, np.float32)
    return inner_colors([photo], [View.of(photo, surface())], [skin], gains)


@pytest.mark.parametrize("size", [300, 512, 1000])
def test_any_size_is_painted(size):
    texture = paint_head([picture(0)], surface(), size)
    assert texture.pixels.shape == (size, size, 3)
    assert texture.pixels.dtype == np.uint8
    np.testing.assert_allclose(texture.shares.sum(axis=0), 1, atol=1e-5)
    face = texture.pixels[int(0.3 * size) : int(0.6 * size), int(0.4 * size) : int(0.6 * size)]
    assert np.abs(face.mean(axis=(0, 1)) / 255 - SKIN).max() < 0.05


def test_bytes_and_floats_give_one_texture():
    photo = picture(0)
    as_bytes = replace(photo, pixels=np.round(photo.pixels * 255).astype(np.uint8))
    first, second = (paint_head([each], surface(), 512).pixels for each in (photo, as_bytes))
    assert np.abs(first.astype(int) - second).max() <= 1


def test_a_head_outside_the_photo_is_made_up():
    photo = picture(0)
    away = replace(photo.camera, centre_px=np.array([5000.0, 5000.0]))
    texture = paint_head([replace(photo, camera=away)], surface(), 512)
    assert texture.shares[-1].min() > 0.99


def test_a_photo_of_one_pixel_shows_nothing():
    photo = replace(picture(0), pixels=np.full((1, 1, 3), 200, np.uint8))
    views = [View.of(photo, surface())]
    assert (unwrap([photo], views, SkinPage.of(surface()), 512) == 0).all()


def test_large_photos_are_shrunk_by_whole_numbers_and_stay_in_place():
    photo = picture(0)
    large = SeenPhoto(
        np.kron(photo.pixels, np.ones((4, 4, 1), np.float32)),
        photo.camera.enlarged(4),
        photo.vertices_head,
    )
    near = near_head(large, photo.camera.scale)
    assert near.pixels.shape[0] <= SIDE_PX
    first, second = (
        each.camera.head_to_image(head_vertices())[:, :2] for each in (near, near_head(photo, 99))
    )
    np.testing.assert_allclose(first - first[0], second - second[0], atol=1e-6)
    np.testing.assert_allclose(near.camera.scale, photo.camera.scale)
