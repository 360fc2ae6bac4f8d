"""A stand-in for FaceGen exports: synthetic people in the same format, with known ground truth.

Like BFM's, the mesh's layout differs from ours: eyes are closed by one surface from lid to lid, the
mouth is open, each of our triangles is cut into four, and the vertices are shuffled. As in the
thesis, nobody has hair or an expression, and the field of view is FaceGen's.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.sparse import csr_array
from scipy.spatial.transform import Rotation

from facelib.datasets.facegen.reader import KEYPOINT_FILE, VIEWS
from facelib.datasets.facegen.view import FaceGenView, with_pose, write_view
from facelib.datasets.registry import find_dataset, mark_stand_in
from facelib.face.headmodel import load_head
from facelib.face.layout import load_layout
from facelib.files.atomic import remove_unfinished, replacing
from facelib.files.letter_case import find_any_case
from facelib.files.lock import locked
from facelib.geometry.mesh import Mesh
from facelib.geometry.subdivision import subdivision_matrix
from facelib.geometry.transforms import rotation_from_pose
from facelib.imaging.effects import to_display
from facelib.imaging.imagefiles import to_uint8
from facelib.render.camera import Camera
from facelib.render.render import render
from facelib.synthetic.head_pages import head_atlas
from facelib.synthetic.looks.plain_paint import paint_page
from facelib.synthetic.plain import SHININESS, random_lights
from facelib.synthetic.samples import make_person
from facelib.synthetic.settings import POSES, SyntheticSettings

FIELD_OF_VIEW_DEG = 17.0  # fg3 render's default, of the image's larger side
DISTANCE_MM = 1100.0  # at which a head and its neck fill nine tenths of such an image
SHUFFLE = 20  # seed of the layout's vertex order
TEXTURE_SIZE = 512


@dataclass(frozen=True)
class StandInLayout:
    """The layout of the stand-in's meshes.

    Attributes:
        from_head: (N, vertices of the head) csr.
        triangles: (M, 3) int, counter-clockwise from outside.
        keypoint_idx: (68,) int, the vertices nearest to the keypoints.
    """

    from_head: csr_array
    triangles: np.ndarray
    keypoint_idx: np.ndarray


@lru_cache(maxsize=1)
def _stand_in_layout() -> StandInLayout:
    """Make the layout; it is always the same."""
    layout, model = load_layout(), load_head()
    in_mouth = layout.labels["membrane"] & layout.labels["mouth"]
    open_mouth = layout.triangles[~in_mouth[layout.triangles].any(axis=1)]
    matrix, triangles = subdivision_matrix(open_mouth, len(in_mouth))
    used = np.random.default_rng(SHUFFLE).permutation(np.unique(triangles))
    number = np.full(matrix.shape[0], -1)
    number[used] = np.arange(len(used))
    from_head = csr_array(matrix)[used] @ layout.from_head.csr()
    points, marks = from_head @ model.mean_head, model.keypoints(model.mean_head)
    nearest = np.linalg.norm(points[None] - marks[:, None], axis=2).argmin(axis=1)
    return StandInLayout(from_head, number[triangles], nearest)


def random_pose_deg(view: str, rng: np.random.Generator) -> np.ndarray:
    """Draw pitch, yaw, roll, degrees (figure 4.4); left has a negative yaw."""
    poses = POSES["thesis"][0]
    most = poses.pitch_deg, poses.front_yaw_deg, poses.roll_deg
    pitch, yaw, roll = rng.uniform(-1, 1, 3) * most
    if view != "front":
        yaw = rng.uniform(*poses.side_yaw_deg) * (-1 if view == "left" else 1)
    return np.array([pitch, yaw, roll])


def export_camera(pose_deg: np.ndarray, size: int) -> Camera:
    """Return FaceGen's camera for a pose; the image is `size` px wide and high."""
    focal_px = size / 2 / np.tan(np.radians(FIELD_OF_VIEW_DEG) / 2)
    return Camera.perspective(tuple(np.radians(pose_deg)), DISTANCE_MM, focal_px, size, size)


def _write_person(folder: Path, index: int, seed: int, size: int) -> bool:
    """Write one person's ten files into a new folder NNNNN, whole or not at all.

    Returns:
        Whether it was written; an existing folder is kept.
    """
    name = f"{index:05d}"
    if (folder / name).is_dir():
        return False
    unfinished = folder / f".{name}.partial"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    try:
        _write_files(unfinished, name, index, seed, size)
        unfinished.rename(folder / name)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return True


def write_facegen_standin(
    folder: Path | str, count: int = 20, seed: int = 0, size: int = 512
) -> int:
    """Write people 1 … count and the keypoints' vertex numbers.

    Args:
        folder: the export; existing people are kept, so that a stopped run can be resumed.
        count: how many people.
        seed: of all draws; a person depends on the seed and their number.
        size: side of the photos, px.

    Returns:
        How many people were written.

    Raises:
        FolderInUseError: if another program writes to the folder.
    """
    folder = Path(folder)
    with locked(folder):
        numbers = "\n".join(map(str, _stand_in_layout().keypoint_idx)) + "\n"
        remove_unfinished(folder)
        with replacing(folder / KEYPOINT_FILE) as temporary:
            temporary.write_text(numbers, encoding="utf-8")
        command = f"python -m facelib standin facegen --count {count} --seed {seed} --size {size}"
        mark_stand_in(folder, find_dataset("facegen"), command)
        return sum(_write_person(folder, index, seed, size) for index in range(1, count + 1))


def vertices_of(index: int, seed: int = 0) -> np.ndarray:
    """Return a person's whole head: (N, 3) float64, mm, in the head frame, which is the mesh's."""
    return load_head().vertices(make_person(index, SyntheticSettings(seed=seed)).shape)


def _write_files(folder: Path, name: str, index: int, seed: int, size: int) -> None:
    vertices_head = vertices_of(index, seed)
    layout = _stand_in_layout()
    (folder / f"{name}.obj").write_text(
        _obj_text(layout.from_head @ vertices_head, layout.triangles), encoding="utf-8"
    )
    person = make_person(index, SyntheticSettings(seed=seed))
    for number, view in enumerate(VIEWS):
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(index, number)))
        camera = export_camera(random_pose_deg(view, rng), size)
        Image.fromarray(_photo(vertices_head, person.appearance, camera, rng)).save(
            folder / f"{name}_{view}.png"
        )
        paths = folder / f"{name}_{view}.xml", folder / f"{name}_{view}_cam.xml"
        write_view(*paths, FaceGenView.of_camera(camera))


def _photo(vertices_head, looks, camera, rng) -> np.ndarray:
    """Render a bald head over transparency: (H, W, 4) uint8."""
    head = load_head()
    atlas = head_atlas(head, TEXTURE_SIZE)
    mesh = Mesh(vertices_head, head.triangles, atlas.uv, paint_page(looks, atlas), atlas.shade)
    lights, ambient = random_lights(rng)
    shot = render(
        mesh,
        camera,
        lights,
        ambient,
        specular=atlas.gloss * np.float32(looks.gloss),
        shininess=SHININESS,
    )
    alpha = shot.alpha[..., None]
    display = to_display(shot.image / np.maximum(alpha, np.float32(1e-3)))
    return to_uint8(np.concatenate([display, alpha], axis=2))


def _obj_text(vertices: np.ndarray, triangles: np.ndarray) -> str:
    lines = [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in vertices]
    lines += [f"f {a} {b} {c}" for a, b, c in triangles + 1]
    return "\n".join(lines) + "\n"


def write_poses(templates: Path, folder: Path, seed: int) -> None:
    """Copy FaceGen's settings front.xml, left.xml and right.xml with newly drawn poses.

    Raises:
        ValueError: if a template is missing or holds no pose.
    """
    texts = {}
    for number, view in enumerate(VIEWS):
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number,)))
        rotation = rotation_from_pose(*np.radians(random_pose_deg(view, rng)))
        template = find_any_case(templates, f"{view}.xml")
        texts[view] = with_pose(template, Rotation.from_matrix(rotation).as_quat())
    folder.mkdir(parents=True, exist_ok=True)
    for view, text in texts.items():
        (folder / f"{view}.xml").write_text(text, encoding="utf-8")
