import tracemalloc

import numpy as np
import pytest
from damage import DAMAGE, damaged, jpeg, with_size
from hypothesis import HealthCheck, given, settings
from PIL import Image

from facelib.imaging.imagefiles import read_image, write_image


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


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"quality": 10}])
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(damage=DAMAGE)
def test_a_spoilt_jpeg_is_read_or_refused_in_a_sentence(tmp_path_factory, options, damage):
    folder = tmp_path_factory.mktemp("jpeg")
    path = folder / "photo.jpg"
    path.write_bytes(damaged(jpeg(**options), damage))
    try:
        image = read_image(path)
    except ValueError as error:
        assert "photo.jpg" in str(error)
    else:
        assert image.dtype == np.float32 and image.shape[2] == 3
        assert 0 <= image.min() and image.max() <= 1
    assert [each.name for each in folder.iterdir()] == ["photo.jpg"]


@pytest.mark.parametrize("size", [(9_999, 9_999), (65_500, 65_500)])
def test_a_gigantic_picture_is_refused_before_it_is_unpacked(tmp_path, size):
    path = tmp_path / "photo.jpg"
    path.write_bytes(with_size(jpeg(), *size))
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"at most 80 million px, got .* in .*photo\.jpg"):
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
