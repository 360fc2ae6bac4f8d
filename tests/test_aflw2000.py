"""AFLW2000-3D and its stand-in."""

import numpy as np
import pytest
from scipy import io
from standins import COLUMNS, ROWS, basel_face

from facelib.datasets.aflw2000.reader import read_test_photos
from facelib.datasets.aflw2000.standin import write_aflw2000_standin
from facelib.datasets.basel.standin import standin_model
from facelib.datasets.basel.standin_photos import (
    random_face,
)
from facelib.face.headmodel import load_head
from facelib.face.layout import load_layout
from facelib.synthetic.people.population import HELD_OUT_ABOVE, load_population


def test_aflw2000_photos_come_with_their_own_keypoints(tmp_path):
    root = tmp_path / "AFLW2000"
    write_aflw2000_standin(root, 2, columns=COLUMNS, rows=ROWS)
    arrays = io.loadmat(root / "image00002.mat")
    assert arrays["pt2d"].shape == (2, 21) and arrays["pt3d_68"].shape == (3, 68)
    (root / "image00009.mat").write_bytes(b"")
    first, _, spoilt = read_test_photos(root, basel_face(), 128)
    assert spoilt.name == "image00009"
    assert first.photo.shape == (128, 128, 3)
    marks = load_layout().keypoints(first.vertices_image)
    assert np.abs(first.keypoints_image - marks).mean(axis=0).max() < 2
    with pytest.raises(FileNotFoundError, match="facelib standin aflw2000"):
        list(read_test_photos(tmp_path, basel_face()))


def test_people_of_aflw2000s_stand_in_are_held_out():
    model, people = standin_model(COLUMNS, ROWS), load_population()
    for held_out in (False, True):
        face = random_face(np.random.default_rng(1), model, held_out)
        assert (people.held_out_score(face.person.shape) > HELD_OUT_ABOVE) == held_out
        own = np.tensordot(face.person.shape, load_head().shape_basis, 1)
        shown = np.tensordot(face.shape, model.shapes, 1)
        assert np.linalg.norm(shown - own, axis=1).mean() < 1.0  # mm
