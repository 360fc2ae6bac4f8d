"""Write an evaluation to a JSON file and read it: all scores, and how to repeat them.

Scoring a hundred faces takes a minute. Chapter 11 reads the scores of the shipped weights from such
a file, scores a few of the same faces again, and compares.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from facelib.evaluation.scores import METRICS, Evaluation, FaceScore
from facelib.files.atomic import replacing
from facelib.files.reading import in_a_line, read_json

RECORD_FORMAT = 2
SINCE_FORMAT_2 = ("depth_error_mm", "shape_error_mm")
"""Metrics that records of format 1 lack; reading such a record leaves them unknown."""
DIGITS = 6  # of a score, after the point: far more than its accuracy


@dataclass(frozen=True, eq=False)
class EvaluationRecord:
    """An evaluation and its origin.

    Attributes:
        method: the network's name.
        evaluation: scores of the network and of the mean face.
        mean_face: (V, 3) float64, the mean-face baseline: px of the pairs' crop frame, or mm of
            the head frame where scans were the truth.
        about: JSON-able facts: command, date, seconds, weights (file, sha256, size), and pairs and
            training (their settings and counts) or scans.
    """

    method: str
    evaluation: Evaluation
    mean_face: np.ndarray
    about: dict


def write_record(path: Path | str, record: EvaluationRecord) -> None:
    """Write a record as JSON, whole or not at all.

    Args:
        path: file to write; the folder must exist.
        record: what to write.
    """
    content = {
        "format": RECORD_FORMAT,
        "method": record.method,
        **record.about,
        "scores": [_plain(score) for score in record.evaluation.scores],
        "mean_face_scores": [_plain(score) for score in record.evaluation.mean_face],
        "mean_face": np.round(record.mean_face, 3).tolist(),
    }
    # One line per face and per vertex: short, and two versions can be compared line by line.
    text = ",\n".join(f"{json.dumps(key)}: {_lines(value)}" for key, value in content.items())
    with replacing(Path(path)) as temporary:
        temporary.write_text("{\n" + text + "\n}\n", encoding="utf-8")


def read_record(path: Path | str) -> EvaluationRecord:
    """Read a record.

    Args:
        path: a file from `write_record`.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no evaluation, or of another format.
    """
    try:
        content = read_json(path, "an evaluation")
        version = content.pop("format")
        if version not in (1, RECORD_FORMAT):
            raise ValueError(f"format must be 1 or {RECORD_FORMAT}, got {version!r}")
        missing = dict.fromkeys(SINCE_FORMAT_2) if version == 1 else {}
        scores, mean_scores = (
            tuple(_score(row | missing) for row in content.pop(key))
            for key in ("scores", "mean_face_scores")
        )
        mean_face = np.array(content.pop("mean_face"), dtype=np.float64)
        method = content.pop("method")
        _check(scores, mean_scores, mean_face, method)
    except OSError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"expected an evaluation in {path}: {in_a_line(error)}") from error
    return EvaluationRecord(method, Evaluation(scores, mean_scores), mean_face, content)


def _plain(score: FaceScore) -> dict:
    row = asdict(score)
    known = {name: row[name] for name in METRICS if not math.isnan(row[name])}
    # JSON has no NaN: an unknown score is null.
    return row | dict.fromkeys(METRICS) | {name: round(known[name], DIGITS) for name in known}


def _score(row: dict) -> FaceScore:
    if not isinstance(row["face"], str) or type(row["identity"]) is not int:
        raise ValueError("a score needs a face and its identity")
    metrics = {name: math.nan if row[name] is None else float(row[name]) for name in METRICS}
    return FaceScore(**row | metrics)


def _check(scores, mean_scores, mean_face: np.ndarray, method: object) -> None:
    if not scores or len(scores) != len(mean_scores):
        raise ValueError("network and mean face must be scored on the same faces")
    if mean_face.ndim != 2 or mean_face.shape[1] != 3 or not np.isfinite(mean_face).all():
        raise ValueError(f"mean_face must be finite points (V, 3), got {mean_face.shape}")
    if not isinstance(method, str):
        raise ValueError("method must be a name")


def _lines(value: object) -> str:
    if not isinstance(value, list):
        return json.dumps(value)
    return "[\n" + ",\n".join(json.dumps(item) for item in value) + "\n]"
