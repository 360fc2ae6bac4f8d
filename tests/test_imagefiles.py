"""Photos of all formats, depths, sizes and conditions, read or refused in one sentence."""

import struct
import tracemalloc

import numpy as np
import pytest
from damage import DAMAGE, FORMATS, HEIC_PHOTO, damaged, jpeg, picture_file, spoilt, with_size
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from facelib.imaging import imagefiles, opening
from facelib.imaging.imagefiles import Photo, read_image, read_photo, write_image


def noise(height=12, width=17, seed=0):
    return np.random.default_rng(seed).random((height, width, 3)).astype(np.float32)


def test_an_image_survives_the_disk_to_one_part_in_255(tmp_path):
    image = noise()
    write_image(tmp_path / "a.png", image)
    again = read_image(tmp_path / "a.png")
    assert again.dtype == np.float32 and again.shape == image.shape
    np.testing.assert_allclose(again, image, atol=0.5 / 255 + 1e-6)
    write_image(tmp_path / "a.JPG", np.full((16, 16, 3), 0.4))
    np.testing.assert_allclose(read_image(tmp_path / "a.JPG"), 0.4, atol=0.01)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.JPG", "a.png"]


@pytest.mark.parametrize(
    ("orientation", "undo"),
    [
        (3, lambda a: a[::-1, ::-1]),
        (6, lambda a: np.rot90(a, 1)),  # shown after a quarter turn clockwise
        (8, lambda a: np.rot90(a, -1)),
    ],
)
def test_a_sideways_phone_photo_is_turned_upright(tmp_path, orientation, undo):
    upright = noise(8, 20)
    stored = Image.fromarray(np.round(undo(upright) * 255).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "phone.png", exif=exif)
    np.testing.assert_allclose(read_image(tmp_path / "phone.png"), upright, atol=0.003)


def test_transparency_is_laid_over_white(tmp_path):
    rgba = np.zeros((4, 4, 4), np.uint8)
    rgba[:, 2:, 3] = 255
    Image.fromarray(rgba).save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    assert (image[:, :2] == 1).all() and (image[:, 2:] == 0).all()


@pytest.mark.parametrize(
    ("mode", "suffix"), [("L", "png"), ("P", "png"), ("1", "png"), ("CMYK", "tif")]
)
def test_other_modes_become_rgb(tmp_path, mode, suffix):
    path = tmp_path / f"a.{suffix}"
    Image.new("RGB", (6, 5), (255, 255, 255)).convert(mode).save(path)
    np.testing.assert_allclose(read_image(path), np.ones((5, 6, 3)), atol=0.01)


def test_sixteen_bit_grey_keeps_its_range(tmp_path):
    Image.fromarray(np.full((3, 4), 32768, np.uint16)).save(tmp_path / "a.png")
    np.testing.assert_allclose(read_image(tmp_path / "a.png"), 0.5, atol=1e-3)


def test_what_is_no_image_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing.png"):
        read_image(tmp_path / "nothing.png")
    (tmp_path / "text.png").write_text("not a picture")
    with pytest.raises(ValueError, match="text.png"):
        read_image(tmp_path / "text.png")
    write_image(tmp_path / "whole.png", noise(64, 64))
    (tmp_path / "half.png").write_bytes((tmp_path / "whole.png").read_bytes()[:3000])
    with pytest.raises(ValueError, match="half.png is damaged"):
        read_image(tmp_path / "half.png")


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(damage=DAMAGE)
def test_a_spoilt_jpeg_is_read_or_refused_in_a_sentence(tmp_path_factory, damage):
    folder = tmp_path_factory.mktemp("jpeg")
    path = folder / "photo.jpg"
    path.write_bytes(damaged(jpeg(), damage))
    try:
        image = read_image(path)
    except ValueError as error:
        assert "photo.jpg" in str(error)
    else:
        assert image.dtype == np.float32 and image.shape[2] == 3
        assert 0 <= image.min() and image.max() <= 1
    assert [each.name for each in folder.iterdir()] == ["photo.jpg"]


@pytest.mark.parametrize(
    ("options", "size"), [({}, (65_500, 65_500)), ({"progressive": True}, (12_000, 12_000))]
)
def test_a_gigantic_picture_is_refused_before_it_is_unpacked(tmp_path, options, size):
    path = tmp_path / "photo.jpg"
    path.write_bytes(with_size(jpeg(**options), *size))
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"at most .* million px, got .* in .*photo\.jpg"):
        read_image(path)
    assert tracemalloc.get_traced_memory()[1] < 10**7
    tracemalloc.stop()


def test_a_picture_that_would_run_a_program_is_none(tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    with pytest.raises(ValueError, match="cannot read .* as an image"):
        read_image(tmp_path / "photo.jpg")


def test_what_cannot_be_written_is_named_and_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match=r"expected an image ending"):
        write_image(tmp_path / "a.xyz", noise())
    with pytest.raises(ValueError, match=r"\(H, W, 3\)"):
        write_image(tmp_path / "a.png", np.zeros((4, 4, 2)))
    with pytest.raises(OSError, match="cannot write"):
        write_image(tmp_path / "no folder" / "a.png", noise())
    assert not list(tmp_path.iterdir())


@pytest.fixture
def small_limits(monkeypatch):
    """Sizes at which photos are shrunk, small enough for a test."""
    monkeypatch.setattr(imagefiles, "KEPT_PIXELS", 5000)
    monkeypatch.setattr(imagefiles, "ENOUGH_PIXELS", 2000)
    monkeypatch.setattr(imagefiles, "BAND_ROWS", 7)


def ramp(height, width, dtype=np.uint8):
    """Grey that grows along x and y, over the whole range of values of an integer type."""
    grey = np.add.outer(np.linspace(0, 0.5, height), np.linspace(0, 0.5, width))
    return np.round(grey * np.iinfo(dtype).max).astype(dtype)


@pytest.mark.parametrize("ending", ["jpg", "png", "tif"])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK", "P", "RGBA", "I;16"])
def test_a_large_photo_is_shrunk_and_shows_the_same(tmp_path, small_limits, ending, mode):
    if (ending, mode) in [("jpg", "P"), ("jpg", "RGBA"), ("jpg", "I;16"), ("png", "CMYK")]:
        pytest.skip("the format has no such mode")
    path, grey = tmp_path / f"photo.{ending}", ramp(90, 120)
    deep = mode == "I;16"
    picture = Image.fromarray(ramp(90, 120, np.uint16)) if deep else Image.fromarray(grey)
    picture = picture if deep else picture.convert(mode)
    picture.save(path, **({"quality": 95} if ending == "jpg" else {}))
    photo = read_photo(path)
    height, width = photo.pixels.shape[:2]
    assert 2000 * 0.95 <= height * width <= 5000
    assert photo.full_size_px == (120, 90) and photo.scale == width / 120
    assert photo.note == f"photo.{ending} has 120 x 90 px and was read at {width} x {height}."
    x, y = (
        (np.arange(width) + 0.5) / width * 120 - 0.5,
        (np.arange(height) + 0.5) / height * 90 - 0.5,
    )
    expected = 0.5 * (np.add.outer(y / 89, x / 119))
    shown = imagefiles.to_float(photo.pixels)
    tolerance = 0.05 if mode == "P" else 0.02  # palettes have few colours
    np.testing.assert_allclose(shown[2:-2, 2:-2, 0], expected[2:-2, 2:-2], atol=tolerance)


def test_a_photo_of_108_megapixels_takes_no_more_memory_than_it_needs(tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(with_size(jpeg(), 12_000, 9_000))  # the rest of the picture is grey
    tracemalloc.start()
    photo = read_photo(path)
    assert tracemalloc.get_traced_memory()[1] < 300e6
    tracemalloc.stop()
    assert photo.pixels.dtype == np.uint8 and photo.pixels.shape == (6000, 4500, 3)
    assert photo.full_size_px == (9_000, 12_000), "the phone was held upright"


@pytest.mark.parametrize("ending", [*FORMATS, "heic"])
def test_spoilt_files_of_each_format_are_read_or_refused_in_one_sentence(tmp_path, ending):
    if ending == "heic":
        pytest.importorskip("pi_heif")
    rng, content = np.random.default_rng(1), picture_file(ending)
    path, refused = tmp_path / f"photo.{ending}", 0
    for _ in range(200):
        path.write_bytes(spoilt(content, rng))
        try:
            photo = read_photo(path)
        except ValueError as error:
            refused += 1
            assert path.name in str(error) and "\n" not in str(error)
        else:
            assert photo.pixels.shape[2] == 3 and photo.pixels.dtype in (np.uint8, np.float32)
            assert photo.focal_px is None or 0 < photo.focal_px < 1e5
    assert refused > 20


SIZES = st.one_of(
    st.tuples(st.integers(1, 60), st.integers(1, 60)),
    st.tuples(st.just(8000), st.integers(1, 3)),
    st.tuples(st.integers(1, 3), st.just(6000)),
)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    size=SIZES,
    mode=st.sampled_from(["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F"]),
    orientation=st.integers(0, 9),
    seed=st.integers(0, 9),
)
@example(size=(8000, 6000), mode="L", orientation=6, seed=0)
def test_any_size_mode_and_orientation_gives_an_upright_photo(
    tmp_path_factory, size, mode, orientation, seed
):
    folder = tmp_path_factory.mktemp("photo")
    path = folder / "photo.tif"
    exif = Image.Exif()
    exif[0x0112] = orientation
    values = np.random.default_rng(seed).integers(0, 256, size[::-1], np.uint8)
    picture = Image.fromarray(values)
    if mode == "I;16":
        picture = Image.fromarray(values.astype(np.uint16) * 257)
    elif mode != "L":
        picture = (
            picture.convert("RGB").convert("CMYK") if mode == "CMYK" else picture.convert(mode)
        )
    picture.save(path, exif=exif)
    photo = read_photo(path)
    path.unlink()
    upright = size[::-1] if orientation in (5, 6, 7, 8) else size
    assert photo.full_size_px == upright
    assert photo.pixels.shape == (*upright[::-1], 3) or photo.scale < 1
    if mode in ("L", "RGB", "RGBA", "CMYK") and photo.scale == 1:
        shown = photo.pixels[..., 0]
        assert shown.sum(dtype=int) == values.sum(dtype=int)
        assert orientation not in (0, 1, 5, 9) or shown[0, 0] == values[0, 0]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_shown_as_pillow_shows_it(tmp_path, orientation):
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = (noise(8, 20) * 255).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    with Image.open(tmp_path / "a.png") as picture:
        expected = np.asarray(ImageOps.exif_transpose(picture))
    np.testing.assert_array_equal(read_photo(tmp_path / "a.png").pixels, expected)


def test_a_heic_photo_is_read(tmp_path):
    pytest.importorskip("pi_heif")
    photo = read_photo(HEIC_PHOTO)
    assert photo.pixels.shape == (96, 80, 3)
    np.testing.assert_allclose(photo.pixels.mean(axis=(0, 1)), [99.1, 70.3, 59.8], atol=1)


def test_without_its_package_a_heic_photo_is_named_with_the_way_out(monkeypatch):
    monkeypatch.setattr(opening, "HEIC_PACKAGES", ("no_such_package",))
    with pytest.raises(ValueError, match=r"face\.heic is a HEIC photo.*pip install.*JPEG"):
        read_photo(HEIC_PHOTO)


def test_avif_is_not_taken_for_heic(tmp_path, monkeypatch):
    monkeypatch.setattr(opening, "HEIC_PACKAGES", ("no_such_package",))
    (tmp_path / "a.avif").write_bytes(picture_file("avif"))
    assert read_photo(tmp_path / "a.avif").full_size_px == (40, 30)


def test_a_turned_photo_keeps_its_scale_and_focal_length():
    photo = Photo(np.arange(24, dtype=np.uint8).reshape(2, 4, 3), (8, 4), 0.5, 7.0)
    turned = photo.turned(1)
    assert turned.full_size_px == (4, 8) and (turned.scale, turned.focal_px) == (0.5, 7.0)
    np.testing.assert_array_equal(turned.pixels[0], photo.pixels[:, -1])
    np.testing.assert_array_equal(turned.turned(3).pixels, photo.pixels)


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 4), (0, 4, 3)])
def test_arrays_that_are_no_photo_are_refused(shape):
    with pytest.raises(ValueError, match=r"\(H, W, 3\)"):
        Photo.of_pixels(np.zeros(shape))


@pytest.mark.parametrize("place", ["tag", "pixels"])
def test_a_damaged_tiff_prints_nothing(tmp_path, capfd, place):
    content = bytearray(picture_file("tif"))
    if place == "tag":
        at = content.index(struct.pack("<HH", 273, 4))  # its strips' offsets, of type LONG …
        content[at + 2 : at + 4] = struct.pack("<H", 12)  # … become floating-point numbers
    else:
        content[60:120] = bytes(60)  # codes that are in no table
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.tif is damaged"):
        read_photo(tmp_path / "a.tif")
    assert capfd.readouterr().err == ""
