"""Convert FaceGen exports to pairs: a mesh and three photos with poses and cameras per person.

An export is a folder of people, `NNNNN/NNNNN.obj` with `NNNNN_{front,left,right}.png`, `….xml` (see
`view`) and `…_cam.xml`, as made by the thesis's listing 4.1. All meshes share one layout with
another order and number of vertices; one registration (`face.mesh_transfer`) maps it to ours. Each
person gives two pairs: front with left, and front with right. Chapter 7.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from facelib.datasets.facegen.files import (
    read_keypoint_indices,
    read_obj_triangles,
    read_obj_vertices,
    read_rgba,
)
from facelib.datasets.facegen.view import read_view
from facelib.datasets.registry import FIRST_IDENTITY, folder_of, is_stand_in
from facelib.face.headmodel import load_head
from facelib.face.layout import load_layout
from facelib.face.matrix_file import load_matrix, save_matrix
from facelib.face.mesh_transfer import transfer_mesh
from facelib.face.template import FaceTemplate
from facelib.files.letter_case import find_any_case
from facelib.geometry.transforms import pose_from_rotation
from facelib.imaging.backgrounds import random_background
from facelib.imaging.crop import Crop
from facelib.imaging.imagefiles import to_uint8
from facelib.pairs.sample import FacePair
from facelib.pairs.store import write_shards
from facelib.render.camera import Camera

PAIRS_FORMAT = 1  # increased whenever the same files and settings give other pairs
VIEWS = ("front", "left", "right")
FRONT_YAW_DEG = 45.0
LAYOUT_FILES, KEYPOINT_FILE = "layout-{}.npz", "keypoints.txt"
MAX_TRIES = 5  # people whose mesh may fail to register


@dataclass(frozen=True)
class ImportSettings:
    """The settings of an export's pairs; each field's help describes it."""

    size: int = field(default=256, metadata={"help": "Side of the crops, px.", "minimum": 16})
    seed: int = field(default=0, metadata={"help": "Seed of crops and backgrounds.", "minimum": 0})
    jitter: bool = field(
        default=True, metadata={"help": "Shift and scale the crops at random, like a detector's."}
    )
    mm_per_unit: float = field(
        default=1.0, metadata={"help": "Unit of the meshes; FaceGen's own are in mm.", "above": 0}
    )


@dataclass(frozen=True)
class ExportedPhoto:
    """One rendering of a person.

    Attributes:
        rgba: (H, W, 4) float32 in 0..1; alpha is 0 in the background.
        camera: from the mesh's frame, of the photo's size.
    """

    rgba: np.ndarray
    camera: Camera


@dataclass(frozen=True)
class ExportedPerson:
    """One person of an export.

    Attributes:
        name: the folder's name.
        vertices: (N, 3) float64, in the export's layout, frame and unit.
        photos: by view: front, left, right.
    """

    name: str
    vertices: np.ndarray
    photos: dict[str, ExportedPhoto]


def list_people(folder: Path | str) -> list[Path]:
    """Return the people's folders, those named by a number, in order.

    Raises:
        ValueError: if there are none.
    """
    folder = Path(folder)
    found = sorted(
        p for p in folder.glob("*") if p.is_dir() and p.name.isascii() and p.name.isdigit()
    )
    if not found:
        raise ValueError(
            f"expected a FaceGen export, folders 00001, 00002, …, in {folder}, found none"
        )
    return found


def read_person(folder: Path) -> ExportedPerson:
    """Read one person's mesh, photos, poses and cameras.

    Raises:
        ValueError: naming the file that is missing or wrong.
    """
    vertices = read_obj_vertices(find_any_case(folder, f"{folder.name}.obj"))
    photos = {}
    for view in VIEWS:
        stem = f"{folder.name}_{view}"
        rgba = read_rgba(find_any_case(folder, f"{stem}.png"))
        settings = (find_any_case(folder, f"{stem}{end}") for end in (".xml", "_cam.xml"))
        facegen = read_view(*settings)
        try:
            photos[view] = ExportedPhoto(rgba, facegen.camera(rgba.shape[1], rgba.shape[0]))
            _check_side(view, photos[view].camera)
        except ValueError as error:
            raise ValueError(f"{folder / stem}: {error}") from error
    return ExportedPerson(folder.name, vertices, photos)


def person_pairs(
    person: ExportedPerson, layout_matrix: csr_array, settings: ImportSettings
) -> Iterator[FacePair]:
    """Yield front with left, and front with right.

    Args:
        person: from `read_person`.
        layout_matrix: (V, N), their layout to ours.
        settings: of the pairs.

    Raises:
        ValueError: if the mesh has another number of vertices than the registered layout.
    """
    if layout_matrix.shape[1] != len(person.vertices):
        raise ValueError(
            f"{person.name}.obj has {len(person.vertices)} vertices, but the layout that was "
            f"registered has {layout_matrix.shape[1]}; delete {LAYOUT_FILES.format('*')} to "
            "register anew"
        )
    face = layout_matrix @ person.vertices
    crops = {view: _crop(person, view, face, settings) for view in VIEWS}
    front, camera = crops["front"]
    vertices_image = camera.head_to_image(face)
    vertices_image[:, 2] -= vertices_image[:, 2].min()
    for view in VIEWS[1:]:
        side, side_camera = crops[view]
        pair = FacePair(
            front=front,
            side=side,
            vertices_image=vertices_image.astype(np.float32),
            identity=FIRST_IDENTITY + int(person.name),
            front_pose_deg=_pose_deg(camera),
            side_pose_deg=_pose_deg(side_camera),
            name=f"facegen-{person.name}-{view}",
            px_per_mm=camera.scale / settings.mm_per_unit,
        )
        pair.check()
        yield pair


def iterate_pairs(
    people: list[Path],
    layout_matrix: csr_array,
    settings: ImportSettings,
    skipped: dict[str, str],
) -> Iterator[FacePair]:
    """Yield the pairs of each readable person.

    Args:
        people: their folders.
        layout_matrix: (V, N).
        settings: of the pairs.
        skipped: receives one sentence per unreadable person, by folder name.
    """
    for folder in people:
        try:
            pairs = list(person_pairs(read_person(folder), layout_matrix, settings))
        except ValueError as error:
            skipped[folder.name] = str(error)
            continue
        yield from pairs


def import_pairs(
    export: Path | str,
    folder: Path | str,
    layout_matrix: csr_array,
    settings: ImportSettings,
    limit: int | None = None,
) -> tuple[int, dict[str, str]]:
    """Convert an export to a new folder of pairs.

    Args:
        export: the people's folders.
        folder: must hold no pairs yet.
        layout_matrix: (V, N), from `register_export` or `load_matrix`.
        settings: of the pairs.
        limit: read only this many people; None: all.

    Returns:
        The number of pairs written, and one sentence per skipped person, by folder name.

    Raises:
        ValueError: if no person can be read, or the folder already holds pairs.
    """
    skipped: dict[str, str] = {}
    pairs = iterate_pairs(list_people(export)[:limit], layout_matrix, settings, skipped)
    described = {
        "source": "facegen", "format": PAIRS_FORMAT, "limit": limit,
        "stand_in": is_stand_in(export), **asdict(settings),
    }  # fmt: skip
    try:
        return write_shards(pairs, folder, described), skipped
    except ValueError as error:
        if skipped and str(error).startswith("expected at least one pair"):
            name, reason = next(iter(skipped.items()))
            raise ValueError(f"no person of {export} can be read; {name}: {reason}") from error
        raise


def register_export(export: Path | str, keypoint_file: Path | None = None) -> csr_array:
    """Register the layout of an export's meshes once, and store the matrix in the export.

    The matrix's file is named for the keypoints, so that corrected ones give another.

    Args:
        export: the people's folders; the first mesh that can be read is registered.
        keypoint_file: the vertex numbers of the 68 keypoints; by default keypoints.txt in the
            export, or else BFM.mat in data/BFM, whose layout FaceGen's meshes have in the thesis.

    Returns:
        (V, N) csr.

    Raises:
        ValueError: if the keypoints are missing, or no mesh can be registered.
    """
    keypoint_idx = read_keypoint_indices(keypoint_file or _keypoint_file(Path(export)))
    digest = hashlib.sha256(keypoint_idx.astype("<i8").tobytes()).hexdigest()[:8]
    kept = Path(export) / LAYOUT_FILES.format(digest)
    if kept.exists():
        return load_matrix(kept)
    template = FaceTemplate.of(load_head(), load_layout(), closed_eyes=True)
    reasons = []
    for person in list_people(export)[:MAX_TRIES]:
        path = find_any_case(person, f"{person.name}.obj")
        try:
            vertices, triangles = read_obj_vertices(path), read_obj_triangles(path)
            if max(keypoint_idx.max(), triangles.max()) >= len(vertices):
                raise ValueError(f"{path} has fewer vertices than its faces or keypoints name")
            found = transfer_mesh(vertices, triangles, vertices[keypoint_idx], template)
        except ValueError as error:
            reasons.append(str(error))
            continue
        save_matrix(kept, found.matrix)
        return found.matrix
    raise ValueError(f"no mesh of {export} can be registered: {reasons[0]}")


def _keypoint_file(export: Path) -> Path:
    model_folder = folder_of("BFM")
    for path in (find_any_case(export, KEYPOINT_FILE), find_any_case(model_folder, "BFM.mat")):
        if path.is_file():
            return path
    raise ValueError(
        f"expected {KEYPOINT_FILE} in {export}, the numbers of the 68 keypoints' vertices from 0, "
        f"or BFM.mat in {model_folder}, found neither"
    )


def _crop(
    person: ExportedPerson, view: str, face: np.ndarray, settings: ImportSettings
) -> tuple[np.ndarray, Camera]:
    """Crop a photo around its keypoints, as in training, with a background behind the head."""
    photo = person.photos[view]
    key = (int(person.name), VIEWS.index(view))
    rng = np.random.default_rng(np.random.SeedSequence(settings.seed, spawn_key=key))
    keypoints_image = photo.camera.head_to_image(load_layout().keypoints(face))
    if not np.isfinite(keypoints_image).all() or np.ptp(keypoints_image[:, :2], axis=0).min() < 1:
        raise ValueError(f"the camera of {person.name}_{view} does not see the face")
    crop = Crop.around_keypoints(keypoints_image, settings.size)
    crop = crop.jittered(rng) if settings.jitter else crop
    alpha = photo.rgba[..., 3:]
    head = crop.cut(np.concatenate([photo.rgba[..., :3] * alpha, alpha], axis=2))
    behind = random_background(rng, settings.size)
    image = head[..., :3] + behind * (1 - head[..., 3:])
    return to_uint8(image), photo.camera.cropped(crop)


def _pose_deg(camera: Camera) -> np.ndarray:
    return np.degrees(pose_from_rotation(camera.rotation)).astype(np.float32)


def _check_side(view: str, camera: Camera) -> None:
    yaw_deg = _pose_deg(camera)[1]
    if (abs(yaw_deg) <= FRONT_YAW_DEG) != (view == "front"):
        wanted = "at most" if view == "front" else "more than"
        raise ValueError(f"expected a yaw of {wanted} {FRONT_YAW_DEG:g}°, got {yaw_deg:.0f}°")
