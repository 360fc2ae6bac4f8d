"""Steps of `experiments/build_surface.py`, and that it made the shipped file."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from facelib.face.headmodel import load_head
from facelib.files.paths import data_file

EXPERIMENTS = Path(__file__).resolve().parents[1] / "experiments"
HEAD = load_head()


@pytest.fixture(scope="module")
def script():
    """The script, which finds its package in its own folder."""
    sys.path.insert(0, str(EXPERIMENTS))
    yield importlib.import_module("build_surface")
    sys.path.remove(str(EXPERIMENTS))


@pytest.mark.parametrize(("detail", "region"), [(0, "head"), (1, "face")])
def test_the_shipped_file_is_what_the_script_makes(script, detail, region):
    name = f"{region}{detail}"
    made = script.surface(HEAD, script.levels(HEAD)[detail], region, name)
    with np.load(data_file("head", "surface.npz")) as shipped:
        for key, array in made.items():
            # Rounding may differ between processors: by a step of 1 / 65535 in uv, in no index.
            atol = {"uv": 1, "weights": 1e-6}.get(key.partition(".")[2], 0)
            np.testing.assert_allclose(shipped[key].astype(float), array, atol=atol, err_msg=key)


def test_triangles_near_the_point_that_cannot_be_unfolded_are_drawn_together(script):
    degrees = np.radians([[10, 40, 70], [170, 190, 200], [0, 4, 8]])
    radii = np.array([[0.49, 0.48, 0.47], [0.45, 0.46, 0.47], [0.4, 0.41, 0.42]])
    uv = 0.5 + radii[..., None] * np.stack([np.cos(degrees), np.sin(degrees)], axis=-1)
    np.testing.assert_allclose(script.angle_spanned(uv), [60, 30, 8])
    together = script.drawn_together(uv)
    np.testing.assert_allclose(np.linalg.norm(together - 0.5, axis=2), radii)
    spans = script.angle_spanned(together)
    np.testing.assert_allclose(spans, [script.WIDEST_DEG, script.WIDEST_DEG, 8], atol=1e-9)


def test_teeth_get_creases_along_their_edges(script):
    teeth = HEAD.triangles[HEAD.regions["teeth"][HEAD.triangles].all(axis=1)]
    creases = script._sharp_edges(HEAD.mean_head, teeth)
    uses = np.bincount(creases.ravel())
    assert len(creases) == 32 and (uses == 1).sum() == 4 and uses.max() == 2  # a line in each jaw
