"""Keep an evaluation in a file: every face's scores, and what is needed to get them again.

Scoring a hundred faces takes a minute. Chapter 09 reads the scores of the shipped weights from such
a file, scores a few of the same faces again, and compares.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from facelib.evaluation.pairs import METRICS, Evaluation, FaceScore

FORMAT = 2
SINCE_FORMAT_2 = ("depth_error_mm", "shape_error_mm")
"""What a record of format 1 does not tell: such a record is read, and these are unknown."""
DIGITS = 6  # of a score; its least unit is then far below anything that matters


@dataclass(frozen=True, eq=False)
class EvaluationRecord:
    """An evaluation and where it came from.

    Attributes:
        method: the network's name.
        evaluation: scores of the network and of the mean face.
        mean_face: (V, 3) float64, the baseline that was scored: px of the pairs' crop frame, or mm
            of the head frame where scans were the truth.
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
    path = Path(path)
    content = {
        "format": FORMAT,
        "method": record.method,
        **record.about,
        "scores": [_plain(score) for score in record.evaluation.scores],
        "mean_face_scores": [_plain(score) for score in record.evaluation.mean_face],
        "mean_face": np.round(record.mean_face, 3).tolist(),
    }
    # One line a face and a vertex: short, and two versions can be compared line by line.
    text = ",\n".join(f"{json.dumps(key)}: {_lines(value)}" for key, value in content.items())
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text("{\n" + text + "\n}\n", encoding="utf-8")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def read_record(path: Path | str) -> EvaluationRecord:
    """Read a record.

    Args:
        path: a file from `write_record`.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if it is another file, or of another format.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        version = content.pop("format")
        if version not in (1, FORMAT):
            raise ValueError(f"format must be 1 or {FORMAT}, got {version!r}")
        missing = dict.fromkeys(SINCE_FORMAT_2) if version == 1 else {}
        scores, mean_scores = (
            tuple(_score(row | missing) for row in content.pop(key))
            for key in ("scores", "mean_face_scores")
        )
        mean_face = np.array(content.pop("mean_face"), dtype=np.float64)
        method = content.pop("method")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"expected an evaluation in {path}: {error}") from error
    return EvaluationRecord(method, Evaluation(scores, mean_scores), mean_face, content)


def file_sha256(path: Path | str) -> str:
    """Return a file's SHA-256, as hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _plain(score: FaceScore) -> dict:
    row = asdict(score)
    known = {name: row[name] for name in METRICS if not math.isnan(row[name])}
    # JSON has no NaN: what is unknown is null there.
    return row | dict.fromkeys(METRICS) | {name: round(known[name], DIGITS) for name in known}


def _score(row: dict) -> FaceScore:
    unknown = {name: math.nan for name in METRICS if row[name] is None}
    return FaceScore(**row | unknown)


def _lines(value: object) -> str:
    if not isinstance(value, list):
        return json.dumps(value)
    return "[\n" + ",\n".join(json.dumps(item) for item in value) + "\n]"
