"""Tables of scores: equal faces, unknown metrics, stand-ins."""

import numpy as np
import pytest

from facelib.evaluation.scores import Evaluation, FaceScore
from facelib.evaluation.tables import score_table, title_of


def test_table_refuses_methods_that_saw_other_faces():
    def scored(name):
        score = FaceScore(name, 0, 1.0, 0.1, 1.0, 0.01)
        return Evaluation((score,), (score,))

    with pytest.raises(ValueError, match="same faces"):
        score_table({"a": scored("x"), "b": scored("y")})


def test_table_shows_what_a_method_lacks_and_drops_what_all_lack():
    older = FaceScore("x", 0, np.nan, np.nan, 1.0, 0.01)
    newer = FaceScore("x", 0, np.nan, np.nan, 2.0, 0.02, 3.0, 4.0)
    older, newer = (Evaluation((score,), (score,)) for score in (older, newer))
    alone = score_table({"old": older})
    assert "depth" not in alone and "vertex" not in alone and "surface distance" in alone
    table = score_table({"old": older, "new": newer}).splitlines()
    assert "vertex" not in table[0] and "| depth error, mm | shape error, mm |" in table[0]
    assert table[2].startswith("| old | unknown | unknown | 1.00 (1.00) |")
    assert table[3].startswith("| new | 3.00 (1.00) | 4.00 (1.00) | 2.00 (1.00) |")


def test_a_table_of_a_stand_in_is_called_one():
    stand_in = {"source": "300W-LP", "stand_in": True}
    assert title_of(stand_in) == "STAND-IN for 300W-LP"
    assert title_of({**stand_in, "stand_in": False}) == "300W-LP"
    assert title_of({"source": "synthetic"}) == "synthetic people"
    assert "unknown" in title_of({})
