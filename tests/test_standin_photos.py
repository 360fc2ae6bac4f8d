"""Photos of the stand-ins of 300W-LP and AFLW2000-3D: parameters, people, light."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from standins import COLUMNS, ROWS, SEED, basel_folder, photo_folder

from facelib.datasets.aflw2000.standin import write_aflw2000_standin
from facelib.datasets.basel import standin_photos
from facelib.datasets.basel.fitted_photo import (
    place,
    read_parameters,
)
from facelib.datasets.basel.model import load_basel
from facelib.datasets.basel.standin import standin_model
from facelib.datasets.basel.standin_photos import (
    SIZE,
    photograph_sitter,
    prepare_sitter,
    random_face,
    random_poses,
)
from facelib.datasets.w300lp.index import (
    index_samples,
)
from facelib.datasets.w300lp.standin import write_w300lp_standin
from facelib.imaging.imagefiles import read_image


@pytest.fixture(scope="module")
def index():
    return index_samples(photo_folder())


def _truth(number=0):
    """The first face of the stand-in, drawn again: its grid's vertices in the image of pose k."""
    model = standin_model(COLUMNS, ROWS)
    rng = np.random.default_rng([SEED, number])
    face = random_face(rng, model)
    grid_head = model.to_grid @ model.head_vertices(face.shape, face.expression)
    return model, [pose.camera.head_to_image(grid_head) for pose in random_poses(rng)]


def test_parameters_give_back_the_vertices_on_the_photo_and_its_mirror_image(index):
    basel = load_basel(basel_folder())
    model, truths = _truth()
    name = index.samples[0].face
    for k, truth in enumerate(truths):
        for folder, expected in (
            ("AFW", truth[:, :2]),
            ("AFW_Flip", (truth[model.mirrored] * [-1, 1, 1] + [SIZE - 1, 0, 0])[:, :2]),
        ):
            parameters = read_parameters(photo_folder() / folder / f"{name}_{k}.mat")
            vertices = basel.vertices(parameters.shape_para, parameters.exp_para)
            placed = place(vertices, parameters, SIZE)
            assert np.abs(placed[:, :2] - expected).max() < 0.1
            marks = placed[basel.head.keypoint_triangles[:, 0], :2]
            assert np.abs(marks - parameters.keypoints_image).max() < 0.1


@pytest.mark.parametrize("write", [write_w300lp_standin, write_aflw2000_standin])
def test_stand_ins_go_nowhere_near_the_real_set(tmp_path, write):
    (tmp_path / "AFW").mkdir()
    with pytest.raises(ValueError, match="new or an empty folder"):
        write(tmp_path, 2, columns=COLUMNS, rows=ROWS)
    assert list(tmp_path.iterdir()) == [tmp_path / "AFW"]


def test_an_interrupted_stand_in_leaves_nothing(tmp_path, monkeypatch):
    def full(path, image):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(standin_photos, "write_image", full)
    with pytest.raises(OSError, match="No space"):
        write_w300lp_standin(tmp_path / "new", 2, columns=COLUMNS, rows=ROWS)
    assert not list(tmp_path.iterdir())


def test_people_of_the_stand_in_have_hair_and_some_of_them_glasses():
    model = standin_model(COLUMNS, ROWS)
    faces = [random_face(np.random.default_rng([9, i]), model) for i in range(24)]
    assert len({face.outfit.hair.kind for face in faces}) > 2
    wearers = [face for face in faces if face.outfit.glasses is not None]
    assert 2 < len(wearers) < 16
    bare = replace(wearers[0], outfit=replace(wearers[0].outfit, glasses=None))
    pose = next(random_poses(np.random.default_rng(0)))
    (seen, arrays), (unseen, same) = (
        photograph_sitter(prepare_sitter(each, model), pose) for each in (wearers[0], bare)
    )
    for name in arrays:
        np.testing.assert_array_equal(arrays[name], same[name])
    differs = np.argwhere(np.abs(seen.astype(int) - unseen).max(axis=2) > 25)
    eyes = arrays["pt2d"][::-1, 36:48].mean(axis=1)
    assert len(differs) > 100
    apart = np.linalg.norm(np.median(differs, axis=0) - eyes)
    assert apart < 0.3 * np.ptp(arrays["pt2d"], axis=1).mean()


def uneven_light(sitter, pose):
    """The light on a face's brighter cheek over that on the other."""
    photo, arrays = photograph_sitter(sitter, pose)
    marks = arrays["pt2d"].T
    cheeks = (marks[[2, 14]] + 2 * marks[[31, 35]]) / 3
    light = [
        (photo[y - 6 : y + 7, x - 6 : x + 7] / 255).mean() ** 2.2
        for x, y in cheeks.round().astype(int)
    ]
    return max(light) / max(min(light), 1e-3)


def test_strong_light_from_a_side_leaves_one_cheek_dark(monkeypatch):
    """Of the same people, photographed without it, most have even light."""
    model = standin_model(COLUMNS, ROWS)
    medians = {}
    for share in (0.0, 1.0):
        monkeypatch.setattr(standin_photos, "STRONG_LIGHT", share)
        ratios = []
        for i in range(12):
            rng = np.random.default_rng([9, i])
            pose = replace(next(random_poses(rng)), angles=np.zeros(3))
            ratios.append(uneven_light(prepare_sitter(random_face(rng, model), model), pose))
        medians[share] = np.median(ratios)
    assert medians[0.0] < 1.5 and medians[1.0] > 2.5


def test_photos_are_the_size_of_the_real_ones():
    paths = sorted(Path(photo_folder()).glob("*/*.jpg"))
    assert len(paths) == 34 and read_image(paths[0]).shape == (450, 450, 3)
