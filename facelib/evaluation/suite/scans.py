"""Scans of people, axis by axis: MICC Florence where its owner has put it, else its stand-in."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from facelib.datasets.florence.reader import Subject, list_subjects, load_subject, photograph_scan
from facelib.datasets.florence.standin import write_subject
from facelib.datasets.registry import find_dataset, folder_of, is_stand_in, presence
from facelib.evaluation.scans import (
    ScanTruth,
    predict_head,
    prepare_truth,
    scan_nme,
    scan_offsets,
)
from facelib.evaluation.suite.errors import AXES
from facelib.evaluation.suite.peers import network
from facelib.evaluation.suite.record import Row
from facelib.face.layout import load_layout

NETWORKS = (("compact", "weights", "compact.safetensors"),)
NETWORKS += (("dense and its fit", "dense", "dense.safetensors"),)
STANDIN_SEED = 0  # the default of `facelib standin florence`


def licensed_scans() -> list[Subject]:
    """Return the scans of MICC Florence in the data folder; none if they are not there."""
    florence = find_dataset("florence")
    folder = folder_of("florence")
    real = presence(florence).present and not is_stand_in(folder)
    return list_subjects(folder) if real else []


def compare_scan(index: int) -> list[Row]:
    """Score networks, from the front alone and from both photos, and the mean face on one scan.

    Returns:
        A row per method. Surface distances are means over both directions, mm; along an axis of
        the head they are those of the absolute parts. No row if the scan cannot be read.
    """
    with TemporaryDirectory() as folder:
        subjects = licensed_scans()
        subject = subjects[index] if subjects else _written(Path(folder), index)
        try:
            scan = load_subject(subject)
            truth = prepare_truth(scan)
        except (ValueError, OSError):
            return []
    rows = [_row(index, "mean face", "no photo", load_layout().references_head[0], truth)]
    for name, *file in NETWORKS:
        found = network(*file)
        views, layout = photograph_scan(scan, found.size), load_layout(found.size)
        for given in ("front", "front, side"):
            answer = predict_head(found, views, layout, with_side=given != "front")
            rows.append(_row(index, name, given, answer, truth))
    return rows


def _written(folder: Path, index: int) -> Subject:
    path = write_subject(folder, index, STANDIN_SEED)
    return Subject(path.parents[3].name, path)


def _row(index: int, method: str, given: str, vertices_mm: np.ndarray, truth: ScanTruth) -> Row:
    vertices_mm, layout = np.asarray(vertices_mm, np.float64), load_layout()
    offsets = scan_offsets(vertices_mm, truth, layout)
    parts = np.mean([np.abs(each).mean(axis=0) for each in offsets], axis=0)
    whole = np.mean([np.linalg.norm(each, axis=1).mean() for each in offsets])
    return {
        "index": index,
        "method": method,
        "given": given,
        "surface_mm": float(whole),
        **{f"surface_{axis}_mm": float(part) for axis, part in zip(AXES, parts, strict=True)},
        "thesis_nme": scan_nme(vertices_mm, truth, layout),
    }
