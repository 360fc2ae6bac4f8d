"""MICC Florence: scans in; front and side photos and the evaluation region out.

Chapter 11. Front and side are rendered in orthographic projection on black, as in the thesis, which
used MeshLab by hand (section 5.2); `scan_pose` finds the direction of the face.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from facelib.datasets.florence.scan_file import read_scan
from facelib.datasets.florence.scan_pose import UprightScan, scan_picture, set_upright
from facelib.datasets.registry import find_dataset, missing_sentence
from facelib.detect.faces import NoFaceError
from facelib.face.layout import load_layout
from facelib.files.letter_case import any_case
from facelib.geometry.mesh import boundary_loops
from facelib.imaging.crop import Crop
from facelib.imaging.imagefiles import to_uint8
from facelib.render.camera import Camera

FOLDERS = "subject_*/Model/frontal1/obj"
REGION_RADIUS_MM = 95.0
"""Radius of the evaluation region about the nose tip (iBUG's point 30).

It is that of the code published with GANFIT (Gecer et al., CVPR 2019): `micc_evaluation.py` in
github.com/barisgecer/GANFit has 0.95 in units of 100 mm, following Genova et al. (CVPR 2018). They
cut a template that is registered to the scan; here the scan itself is cut, so its hair, ears and
neck must be left out separately (`region_of_scan`)."""
SIDE_YAW_DEG = 90.0


@dataclass(frozen=True)
class Subject:
    """One person of the data set: the folder's name and the path of the scan."""

    name: str
    path: Path


@dataclass(frozen=True)
class ScanViews:
    """The two photos of a scan, cropped as in training.

    Attributes:
        front: (S, S, 3) uint8 RGB.
        side: (S, S, 3) uint8 RGB.
        front_camera: head frame → crop frame of the front photo.
    """

    front: np.ndarray
    side: np.ndarray
    front_camera: Camera


def list_subjects(folder: Path | str) -> list[Subject]:
    """Find the frontal scan of every subject.

    Args:
        folder: holds `subject_NN/Model/frontal1/obj/*.obj`.

    Returns:
        Subjects in order of name; of several scans of a subject, the first in order of name.

    Raises:
        FileNotFoundError: if there is none; the message names the address to ask at.
    """
    folder = Path(folder)
    found: dict[str, Path] = {}
    for path in sorted(folder.glob(any_case(f"{FOLDERS}/*.obj"))):
        found.setdefault(path.parents[3].name, path)
    if not found:
        raise FileNotFoundError(missing_sentence(find_dataset("florence"), folder))
    return [Subject(name, path) for name, path in found.items()]


def load_subject(subject: Subject) -> UprightScan:
    """Read a subject's scan and align it with the head frame.

    Raises:
        NoFaceError: if no face is found on the scan.
        ValueError: if the file is damaged.
        FileNotFoundError: if there is no such file.
    """
    try:
        return set_upright(read_scan(subject.path))
    except NoFaceError as error:
        raise NoFaceError(f"no face found on the scan {subject.path}") from error


def region_of_scan(scan: UprightScan, radius_mm: float = REGION_RADIUS_MM) -> np.ndarray:
    """Choose the scan's vertices to measure: (N,) bool.

    They lie within the radius of the nose tip and over the face: a vertex whose nearest point of
    the scaled mean face is on its border belongs to hair, ears or neck. Predictions play no part.
    """
    layout, vertices = load_layout(), scan.mesh_head.vertices
    near = np.linalg.norm(vertices - scan.nose_tip_head, axis=1) <= radius_mm
    border = np.zeros(len(layout.uv), bool)
    border[np.concatenate(boundary_loops(layout.triangles))] = True
    region = near.copy()
    region[near] = ~border[cKDTree(scan.mean_face_head).query(vertices[near])[1]]
    return region


def photograph_scan(scan: UprightScan, size: int) -> ScanViews:
    """Render front and side in orthographic projection on black.

    Args:
        scan: in the head frame.
        size: side of the photos, px.
    """
    front, front_camera = _view(scan, 0.0, size)
    side, _ = _view(scan, SIDE_YAW_DEG, size)
    return ScanViews(front, side, front_camera)


def _view(scan: UprightScan, yaw_deg: float, size: int) -> tuple[np.ndarray, Camera]:
    whole = Camera.orthographic((0.0, np.radians(yaw_deg), 0.0), 1.0)
    crop = Crop.around_keypoints(whole.head_to_image(scan.keypoints_head), size)
    camera = whole.cropped(crop)
    return to_uint8(scan_picture(scan.mesh_head, camera)), camera
