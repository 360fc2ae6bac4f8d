"""The report: everything is in its one page, it says what it should, and nothing breaks out."""

import base64
import gzip
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from report_case import BACKGROUND, known_content

from facelib.imaging.effects import blurred
from facelib.show.colors import color_scale, viridis
from facelib.show.head_view import HeadView, viewer_script
from facelib.show.report import report_html, write_report
from facelib.show.report_advice import ALWAYS, advice_on
from facelib.show.report_pictures import (
    around_face,
    cut,
    depth_and_normals,
    overlay,
    painted_page,
    portraits,
    position_map_picture,
)

VIEWER = Path(__file__).resolve().parents[1] / "experiments" / "viewer"
VOID = {"meta", "img", "input", "link", "br"}
ADDRESSES = {"src", "href", "action", "poster", "srcset", "data", "xlink:href"}


class Page(HTMLParser):
    """The elements of a page; fails on tags that are not closed in their order."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.words = [], [], []
        self.feed(text)
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("script", "style"):
            self.words.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def content():
    return known_content()


@pytest.fixture(scope="module")
def page(content):
    return Page(report_html(content))


def test_the_page_names_no_other_resource(page):
    for tag, attributes in page.elements:
        for name in ADDRESSES & attributes.keys():
            assert attributes[name].startswith(("data:", "#")), (tag, attributes[name][:80])
    (policy,) = (m for m in page.all("meta") if "http-equiv" in m)
    assert policy["content"].startswith("default-src 'none'")


def test_every_picture_is_described_and_every_table_has_a_caption(page):
    pictures = page.all("img") + page.all("svg")
    assert len(pictures) > 6
    assert all((p.get("alt") or p.get("aria-label", "")).strip() for p in pictures)
    assert len(page.all("caption")) == len(page.all("table"))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {a["href"] for a in page.all("a")}
    assert targets <= {f"#{name}" for name in ids}


def test_the_viewers_script_is_small_and_names_its_licence_and_its_pinned_version():
    script, package = viewer_script(), json.loads((VIEWER / "package.json").read_text("utf-8"))
    assert len(script) < 800_000 and "</script" not in script
    assert f"three.js {package['devDependencies']['three']}:" in script[:200]
    assert "Permission is hereby granted, free of charge" in script[:2000]
    assert re.findall(r"https?://[^\s\"'`]+", script) == ["http://www.w3.org/1999/xhtml"]


def test_the_text_of_a_view_that_a_notebook_keeps_is_short(content):
    assert len(repr(HeadView(content.glb, "data:,", "A head."))) < 200


def test_a_notebook_gets_the_element_and_the_script(content):
    shown = HeadView(content.glb, "data:,", 'A "head"', {"Grey & plain": ""})._repr_html_()
    (element,) = (e for e in Page(shown).all("div"))
    assert gzip.decompress(base64.b64decode(element["data-glb"])) == content.glb
    assert json.loads(element["data-layers"]) == {"Grey & plain": ""}
    (packed,) = re.findall(r'atob\("([^"]+)"\)', shown)
    assert gzip.decompress(base64.b64decode(packed)).decode() == viewer_script()
    assert len(packed) < 250_000


def test_what_users_typed_stays_text(content):
    evil = '"><script>alert(1)</script>&amp;$title'
    photos = tuple(replace(photo, file_name=evil, note=evil) for photo in content.photos)
    layer = replace(content.layers[0], name=evil, text=evil, legend=(((0, 0, 0), evil),))
    page = Page(
        report_html(
            replace(
                content, photos=photos, warnings=(evil,), facts={evil: evil}, seconds={evil: 1.0},
                region_deviations_mm={evil: 1.0}, layers=(layer,),
            )
        )
    )  # fmt: skip
    assert len(page.all("script")) == 1
    assert page.text.count("<script>alert(1)</script>&amp;$title") == 14


def test_the_file_is_whole_and_small(content, tmp_path):
    write_report(tmp_path / "me.html", content)
    assert [path.name for path in tmp_path.iterdir()] == ["me.html"]
    assert (tmp_path / "me.html").stat().st_size < 2e6
    with pytest.raises(OSError):
        write_report(tmp_path / "missing" / "me.html", content)


def test_one_photo_without_a_fit_still_gives_a_report(content):
    front = replace(content.photos[0], camera=None)
    least = replace(content, photos=(front,), head_deviations_mm=None, layers=(), seconds={})
    page = Page(report_html(least))
    assert "A head from one photo" in page.text and "There is no side photo" in page.text
    assert "Cameras" not in page.text and "Where it is sure" not in page.text


def test_mesh_lines_lie_on_the_photo_at_the_projected_vertices(content):
    photo = content.photos[0]
    drawing = overlay(content, photo, "front")
    ends = re.findall(r"[ML]([\d.-]+) ([\d.-]+)", drawing)
    drawn = {(float(x), float(y)) for x, y in ends}
    expected = around_face(photo).image_to_crop(photo.vertices_image)[:, :2] + 0.5
    assert drawn <= {(float(f"{x:.1f}"), float(f"{y:.1f}")) for x, y in expected}


def test_the_drawn_head_covers_the_head_in_the_photo(content):
    for photo in content.photos:
        url = re.search(r'class="head"[^>]*base64,([^"]+)"', overlay(content, photo, ""))[1]
        drawn = np.asarray(Image.open(io.BytesIO(base64.b64decode(url))).getchannel("A"))
        crop = replace(around_face(photo), output_size=len(drawn))
        shown = np.abs(cut(photo, crop) - BACKGROUND).max(axis=2) > 0.05
        inside = np.any(cut(photo, crop) > 0, axis=2)  # not beyond the photo
        assert np.mean((drawn > 127) != shown, where=inside) < 0.01


def test_portraits_show_the_page_around_the_head_and_nothing_of_it_through_the_head(content):
    red = np.tile(np.float32([1, 0, 0]), (len(content.head.vertices), 1))
    picture = portraits(content.head, content.normals_head, [0.0, 90.0], red)
    alpha = picture[..., 3]
    assert (alpha[0] == 0).all() and 0.2 < (alpha == 1).mean() < 0.8
    rim = (alpha > 0) & (alpha < 1)
    # A rim that was mixed with a background would be darker, or have green and blue in it.
    assert rim.any() and (picture[rim, 1:3] == 0).all()
    assert picture[rim, 0].min() > 0.5


def test_hidden_keypoints_are_rings(content):
    def classes(photo):
        return re.findall(r'<circle class="(\w+)"', overlay(content, photo, ""))

    front, side = map(classes, content.photos)
    assert len(front) == 68 and front.count("seen") >= 60
    # At a yaw of -80° the face looks to the image's left, and its right half is in front.
    eyes = {"image_left": side[36:42], "image_right": side[42:48]}
    assert eyes["image_left"].count("seen") <= 1 or eyes["image_right"].count("seen") <= 1


def test_the_colour_of_depth_is_that_of_millimetres(content):
    depth, normals, (farthest, nearest) = depth_and_normals(content, content.photos[0])
    assert nearest == 0 and 100 < farthest < 300
    shown = np.abs(depth - viridis(np.array(0.0), -farthest, 0)).max(axis=2) < 0.02
    rows, columns = np.nonzero(shown)  # the nose's tip
    assert len(rows) and np.ptp(rows) < 40 and np.ptp(columns) < 40
    lengths = np.linalg.norm(2 * normals - 1, axis=2)[np.any(depth < 1, axis=2)]
    np.testing.assert_allclose(lengths, 1, atol=1e-3)


def test_colours_on_the_page_are_those_of_the_vertices(content):
    head = content.head
    colors = np.random.default_rng(0).random((len(head.vertices), 3)).astype(np.float32)
    page = painted_page(head, colors)
    at = head.triangles[np.argmax(_areas(head))]  # the largest triangle on the page
    u, v = head.uv[at].mean(axis=0)
    texel = page[int(v * len(page)), int(u * len(page))]
    np.testing.assert_allclose(texel, colors[at].mean(axis=0), atol=0.1)


def _areas(mesh):
    a, b, c = np.moveaxis(mesh.uv[mesh.triangles], 1, 0)
    return np.abs(np.cross(np.c_[b - a, 0 * a[:, 0]], np.c_[c - a, 0 * a[:, 0]])[:, 2])


def test_position_map_picture_grows_along_each_axis(content):
    picture = position_map_picture(content.position_map, content.covered)
    covered = content.covered
    for channel in range(3):
        values, shown = content.position_map[covered][:, channel], picture[covered][:, channel]
        assert np.corrcoef(values, shown)[0, 1] > 0.999
    assert np.all(picture[~covered] == 1)


def test_viridis_is_matplotlibs():
    matplotlib = pytest.importorskip("matplotlib")
    shares = np.linspace(0, 1, 101)
    expected = matplotlib.colormaps["viridis"](shares)[:, :3]
    np.testing.assert_allclose(viridis(shares, 0, 1), expected, atol=0.02)


@pytest.mark.parametrize("low,high", [(0.5, 6.0), (-200, 0), (0, 0.5), (1.5, 2.0), (0, 1000)])
def test_scales_have_three_to_six_round_numbers_inside(low, high):
    texts = re.findall(r">([−\d.]+)</text>", color_scale(low, high, "mm", "error"))
    numbers = [float(text.replace("−", "-")) for text in texts]
    assert 3 <= len(numbers) <= 6
    assert low <= min(numbers) and max(numbers) <= high
    assert all(len(text.strip("−").replace(".", "").lstrip("0")) <= 4 for text in texts)


def test_good_photos_need_no_advice_but_the_general_one(content):
    good = known_content(size=420)
    assert advice_on(good) == []
    assert all(each in Page(report_html(content)).text for each in ALWAYS)


@pytest.mark.parametrize(
    "fault,expected",
    [
        ("dark", "is dark"),
        ("one-sided", "times as bright"),
        ("small", "pixels high"),
        ("out of focus", "is blurred"),
        ("acting", "an open mouth"),
        ("front only", "no side photo"),
        ("near", "from about 40 cm"),
        ("swapped", "rotated by 80°"),
    ],
)
def test_advice_names_the_fault(fault, expected):
    good = known_content(size=420)
    front, side = good.photos
    camera = front.camera
    lamp = np.where(np.arange(420) < 210, 1, 0.4).astype(np.float32)[:, None]
    faulty = {
        "dark": {"photos": (replace(front, pixels=front.pixels * np.float32(0.2)), side)},
        "one-sided": {"photos": (replace(front, pixels=front.pixels * lamp), side)},
        "small": {"photos": (replace(front, vertices_image=front.vertices_image / 3), side)},
        "out of focus": {"photos": (replace(front, pixels=blurred(front.pixels, 6.0)), side)},
        "acting": {"expression": {"jawOpen": 0.7, "mouthPucker": 0.1}},
        "front only": {"photos": (front,)},
        "near": {
            "photos": (
                replace(front, camera=replace(camera, translation_eye=np.array([0, 0, -400.0]))),
                side,
            )
        },
        "swapped": {"photos": (replace(side, view="front"), side)},
    }[fault]
    found = advice_on(replace(good, **faulty))
    assert any(expected in each for each in found), found


def test_photos_of_bytes_and_of_floats_look_alike(content):
    front = content.photos[0]
    in_bytes = replace(front, pixels=np.asarray(Image.fromarray((front.pixels * 255).astype("u1"))))
    urls = [
        re.search(r'href="data:image/webp;base64,([^"]+)"', overlay(content, p, ""))
        for p in (front, in_bytes)
    ]
    assert abs(len(urls[0][1]) - len(urls[1][1])) < 0.05 * len(urls[0][1])
