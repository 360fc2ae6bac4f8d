"""Tables of other people's programs and of agreement, and the scripts' small steps."""

import sys
from pathlib import Path

import numpy as np
import pytest

from facelib.evaluation.suite import companions
from facelib.evaluation.suite.record import Rows, read_columns, write_columns
from facelib.face.layout import load_layout
from facelib.files.paths import data_file

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "experiments"))
import measure_agreement  # noqa: E402
import measure_peers  # noqa: E402


def test_what_a_method_does_to_everybody_is_no_error():
    module, rng = measure_peers, np.random.default_rng(0)
    habit, slips = rng.normal(size=(1, 51, 2)), rng.normal(0, 0.01, (30, 51, 2))
    clean = module.settled(habit + slips)
    # The mean of the other 29 is known up to its own spread.
    assert clean.std() == pytest.approx(0.01 * np.sqrt(1 + 1 / 29), rel=0.05)
    slips[3] = np.nan
    clean = module.settled(habit + slips)
    assert np.isnan(clean[3]).all() and np.isfinite(np.delete(clean, 3, axis=0)).all()


def test_offsets_by_the_eyes_forget_turn_and_size():
    module, rng = measure_peers, np.random.default_rng(1)
    true = rng.normal(size=(68, 3)) * 50
    found = true[:, :2] + rng.normal(size=(68, 2))
    turn = 3 * np.array([[0.8, -0.6], [0.6, 0.8]])
    turned = np.column_stack([true[:, :2] @ turn.T, true[:, 2]])
    np.testing.assert_allclose(
        module.offsets_by_eyes(found @ turn.T, turned), module.offsets_by_eyes(found, true)
    )


def test_a_mirrored_head_is_mirrored_back():
    module = measure_agreement
    layout = load_layout()
    head = layout.references_head[0].astype(np.float64)

    class Fit:
        vertices_head = head[layout.mirror] * [-1, 1, 1]

    assert module.apart_mm(module.head_of(Fit, mirrored=True), head) < 1e-9
    assert module.apart_mm(module.head_of(Fit, mirrored=False), head) < 3  # faces are nearly even


def test_the_outline_is_the_outermost_pixel_on_the_side_of_the_nose():
    module = measure_agreement
    face = load_layout().references_head[0].astype(np.float64)
    profile = face @ np.array([[0, 0, -1.0], [0, -1, 0], [1, 0, 0]])  # the nose points right
    drawn = profile - profile.mean(axis=0) + [96, 96, 0]
    right, left = (module.outline(drawn, 192, toward) for toward in (1, -1))
    known = np.isfinite(right)
    assert known.sum() > 100
    assert np.nanmax(right) == pytest.approx(drawn[load_layout().labels["face"], 0].max(), abs=1.5)
    assert (right >= left)[known].all()


def test_tables_have_a_dash_where_a_method_gives_no_answer(tmp_path):
    rows = [{"method": "m", "given": "front", "points": p, "shape_mm": None} for p in (0.1, 0.3)]
    for row in rows:
        row |= {"inner_mm": None, "centre_mm": 2.0}
    write_columns(tmp_path / "t.json", {"command": "c"}, rows)
    about, found = read_columns(tmp_path / "t.json")
    assert about == {"command": "c"}
    (line,) = companions.peer_table(found).splitlines()[2:]
    assert line.count("–") == 2 and "20.00 (" in line and "2.00 (" in line
    (tmp_path / "t.json").write_text("[]")
    with pytest.raises(ValueError, match="table of results"):
        read_columns(tmp_path / "t.json")


def test_the_records_have_every_person_once_per_method():
    _, peers = read_columns(data_file("evaluation", "peers.json"))
    keys = list(zip(peers["method"], peers["given"], peers["index"], strict=True))
    assert len(keys) == len(set(keys))
    assert len(set(peers["index"])) == 100
    _, agreement = read_columns(data_file("evaluation", "agreement.json"))
    rendered = Rows(agreement.columns).where(who=companions.RENDERED, photos=2)
    assert (rendered["mirrored_mm"] < rendered["error_mm"]).mean() > 0.9
    found = companions.profiles(agreement)
    assert found["both photos"].high < found["front alone"].low < found["mean head"].low
