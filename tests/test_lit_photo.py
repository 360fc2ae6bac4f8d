import hashlib
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from facelib.imaging.backgrounds import describable_textures, random_background
from facelib.synthetic import lit_photo
from facelib.synthetic.ingredients import Ingredients
from facelib.synthetic.light.film import Film
from facelib.synthetic.lit_photo import meter, metered
from facelib.synthetic.sampling import SyntheticSettings, make_pair
from facelib.synthetic.texture_cache import head_materials

ALL = Ingredients(skin=True, light=True, film=True)


def small(**switches):
    return SyntheticSettings(size=64, seed=3, ingredients=Ingredients(**switches))


@pytest.fixture(scope="module")
def plain():
    return make_pair(0, small())


def test_a_default_pair_keeps_its_bytes(plain):
    """Shipped weights were trained on these pictures (format 2)."""
    digest = hashlib.sha256()
    for array in (plain.front, plain.side, plain.vertices_image):
        digest.update(array.tobytes())
    assert digest.hexdigest().startswith("3943908170fe0434829e939c511094b1")


@pytest.mark.parametrize("name", ["skin", "light", "film"])
def test_each_ingredient_alone_changes_the_photo(plain, name):
    changed = make_pair(0, small(**{name: True}))
    assert not np.array_equal(changed.front, plain.front)
    assert changed.front.shape == (64, 64, 3) and changed.front.dtype == np.uint8
    # Pose and person are other draws: only the lens of `film` moves the camera.
    np.testing.assert_array_equal(changed.front_pose_deg, plain.front_pose_deg)
    if name != "film":
        np.testing.assert_array_equal(changed.vertices_image, plain.vertices_image)


def test_a_sample_with_everything_on_is_a_function_of_its_index():
    settings = SyntheticSettings(size=64, seed=3, ingredients=ALL)
    first = make_pair(5, settings)
    make_pair(6, settings)
    again = make_pair(5, settings)
    np.testing.assert_array_equal(first.front, again.front)
    np.testing.assert_array_equal(first.side, again.side)


def test_skin_belongs_to_the_person_and_not_to_the_photo():
    settings = replace(small(skin=True), pairs_per_person=2)
    first, second = make_pair(0, settings), make_pair(1, settings)
    assert first.identity == second.identity
    assert not np.array_equal(first.front, second.front)


def test_faces_are_exposed_for_the_head():
    rng = np.random.default_rng(0)
    alpha = np.ones((32, 32), np.float32)
    levels = [meter(np.full((32, 32, 3), v, np.float32) * rng.uniform(1, 1), alpha) * v
              for v in (0.02, 0.1, 0.4)]  # fmt: skip
    # Dark heads come out darker than pale ones, but not by as much as they are.
    assert levels[0] < levels[1] < levels[2] < 20 * levels[0] / 3
    assert meter(np.zeros((32, 32, 3), np.float32), np.zeros((32, 32), np.float32)) == 1
    film = metered(
        Film(exposure=2.0), np.full((32, 32, 3), lit_photo.METERED_LIGHT, np.float32), alpha
    )
    assert film.exposure == pytest.approx(2.0, rel=1e-3)


def test_a_dark_face_keeps_its_pixels(monkeypatch):
    """The thesis repaints black pixels; behind a mask none of the face's own is touched."""
    green = np.tile(np.float32([0, 1, 0]), (64, 64, 1))
    monkeypatch.setattr(lit_photo, "random_background", lambda rng, size, textures: green)
    still = Film()
    monkeypatch.setattr(lit_photo, "random_film", lambda rng, white, size: still)
    monkeypatch.setattr(
        lit_photo, "metered", lambda film, light, alpha: replace(film, exposure=0.01)
    )
    photo = make_pair(1, SyntheticSettings(size=64, seed=3, ingredients=ALL)).front
    middle = photo[20:44, 22:42]
    assert middle.max() < 100 and not (middle[..., 1] > 3 * middle[..., 0].astype(int) + 20).any()
    assert (photo[:3, :, 1] > 100).any()


def test_eyes_are_wet_cloth_is_dull_and_teeth_lie_inside():
    materials = head_materials(256)
    assert materials.is_eye.sum() > 100
    assert materials.roughness.max() < 0.7 and materials.inside.sum() > 300
    assert materials.openness.min() >= 0 and materials.openness.max() <= 1


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
