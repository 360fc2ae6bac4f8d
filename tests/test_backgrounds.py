import numpy as np
import pytest
from PIL import Image

from facelib.imaging.backgrounds import describable_textures, random_background


def test_backgrounds_are_images_and_vary():
    rng = np.random.default_rng(4)
    drawn = [random_background(rng, 48) for _ in range(40)]
    for image in drawn:
        assert image.shape == (48, 48, 3) and image.dtype == np.float32
        assert image.min() >= 0 and image.max() <= 1
    assert np.std([image.mean() for image in drawn]) > 0.1


def test_describable_textures_are_used_where_they_are(tmp_path):
    assert describable_textures(tmp_path) == ()
    folder = tmp_path / "banded"
    folder.mkdir()
    Image.new("RGB", (80, 60), (255, 0, 255)).save(folder / "banded_0001.jpg")
    found = describable_textures.__wrapped__(tmp_path)
    assert [path.name for path in found] == ["banded_0001.jpg"]
    rng = np.random.default_rng(0)
    drawn = [random_background(rng, 32, found).reshape(-1, 3).mean(axis=0) for _ in range(40)]
    magenta = [c[0] > 0.4 and c[1] < 0.1 and c[2] > 0.4 for c in drawn]
    assert 8 < sum(magenta) < 36


def test_without_the_folder_nothing_changes():
    one, other = (
        random_background(np.random.default_rng(9), 32, *more) for more in ((), ((),))
    )  # fmt: skip
    np.testing.assert_array_equal(one, other)


def test_a_texture_that_is_no_image_is_named(tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_text("no image")
    with pytest.raises(ValueError, match="broken.jpg"):
        for seed in range(20):
            random_background(np.random.default_rng(seed), 16, (broken,))
