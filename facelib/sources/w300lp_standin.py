"""A stand-in for 300W-LP and AFLW2000-3D: synthetic people in their files, names and units.

Each face is the stand-in Basel model's, so that a file's numbers give back the face that the photo
shows. As in the real set, k = 0, 1, 2, … turn one face further, and the `_Flip` folders hold every
photo mirrored. Unlike there, the turned photos are photographs and not a bent picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from facelib.backgrounds import random_background
from facelib.basel import UM_PER_MM
from facelib.datasets import STAND_IN_MARKER
from facelib.headmodel import load_head
from facelib.images import write_image
from facelib.looks.appearance import Appearance, random_appearance, vertex_gloss
from facelib.matfiles import write_mat
from facelib.mesh import Mesh, vertex_normals
from facelib.render import Camera, Light, render
from facelib.sources.basel_grid import MIRRORED_KEYPOINTS
from facelib.sources.basel_standin import (
    ABOUT,
    COLUMNS,
    ORIGIN_MM,
    ROWS,
    StandInModel,
    mirrored_head,
    standin_model,
)
from facelib.sources.dressing import dressed_mesh, outside_triangles
from facelib.sources.fitted_photo import rotation_from_angles
from facelib.sources.pages import head_atlas
from facelib.sources.photograph import photograph_plain
from facelib.sources.scene import develop, random_expression
from facelib.sources.w300lp_index import FOLDERS, SUBSETS

SIZE = 450  # px, of every photo
STEPS = (5, 9)  # fewest and most photos of one face
FARTHEST_YAW = np.radians(89.0)
NEAREST_YAW, TILT = np.radians(30.0), np.radians(12.0)
PX_PER_MM = (0.9, 1.5)
SHAPE_LIMIT = 2.5  # standard deviations
TEXTURE_SIZE = 512
HARD_LIGHT = 0.3  # share of faces under one strong light
AFLW_KEYPOINTS = (
    17, 19, 21, 22, 24, 26, 36, 36, 39, 42, 45, 45, 2, 31, 30, 35, 14, 48, 51, 54, 8
)  # fmt: skip  # which of the 68 stand for AFLW's 21; its eye centres become corners


@dataclass(frozen=True)
class Face:
    """Who is photographed, before what and in which light.

    Attributes:
        shape: (199,) float64, deviations of the stand-in model.
        expression: (29,) float64, the same.
        looks: skin, hair, eyes.
        scene: seed of light, background and film, one for all photos of this face.
    """

    shape: np.ndarray
    expression: np.ndarray
    looks: Appearance
    scene: int


@dataclass(frozen=True)
class Sitter:
    """What all photos of a face share.

    Attributes:
        mesh_head: the textured head, mm, head frame.
        normals_head: (N, 3) float32.
        gloss: (N,) float32.
        keypoints_head: (68, 3) float64, mm: the stand-in model's.
        scene: seed of light, background and film.
        arrays: of the .mat file, all but those that depend on the pose.
        mirrored_arrays: the same for the mirrored photos.
    """

    mesh_head: Mesh
    normals_head: np.ndarray
    gloss: np.ndarray
    keypoints_head: np.ndarray
    scene: int
    arrays: dict[str, np.ndarray]
    mirrored_arrays: dict[str, np.ndarray]


@dataclass(frozen=True)
class Pose:
    """Pose_Para of one photo.

    Attributes:
        angles: (3,) float64, pitch, yaw, roll, rad, the file's signs.
        translation_px: (3,) float64.
        px_per_mm: 1000 times the file's scale.
    """

    angles: np.ndarray
    translation_px: np.ndarray
    px_per_mm: float

    @property
    def row(self) -> np.ndarray:
        """(1, 7) float32, as in the file."""
        scale = self.px_per_mm / UM_PER_MM
        return np.float32([[*self.angles, *self.translation_px, scale]])

    @property
    def camera(self) -> Camera:
        """The camera that sees the shipped head where the file puts the stand-in's face."""
        pitch, yaw, roll, x, y, _, scale = np.float64(self.row)[0]
        rotation = rotation_from_angles(pitch, yaw, roll)
        return Camera(
            rotation, rotation @ ORIGIN_MM, scale * UM_PER_MM, SIZE, SIZE,
            np.array([x, SIZE - 1 - y]),
        )  # fmt: skip

    @property
    def mirrored(self) -> Pose:
        """The pose of the mirrored photo."""
        x, y, z = self.translation_px
        return replace(
            self,
            angles=self.angles * [1, -1, -1],
            translation_px=np.array([SIZE - 1 - x, y, z]),
        )


def write_w300lp_standin(
    folder: Path | str, count: int = 300, seed: int = 0, columns: int = COLUMNS, rows: int = ROWS
) -> int:
    """Write a stand-in of 300W-LP: photos and .mat files in the eight folders.

    Args:
        folder: made if missing; must hold none of the folders unless they are a stand-in.
        count: how many photos, mirrored ones included.
        seed: of everything drawn.
        columns: of the stand-in Basel model that the parameters are meant for.
        rows: the same.

    Returns:
        How many photos were written.

    Raises:
        ValueError: if the folder holds photos that are no stand-in.
    """
    folder = _marked_folder(folder, FOLDERS, "300W-LP")
    model = standin_model(columns, rows)
    names, written = _face_names(), 0
    for number in range(count):
        if written >= count:
            break
        subset, name = next(names)
        (folder / subset).mkdir(exist_ok=True)
        (folder / f"{subset}_Flip").mkdir(exist_ok=True)
        rng = np.random.default_rng([seed, number])
        sitter = seat(random_face(rng, model), model)
        for k, pose in enumerate(random_poses(rng)):
            photo, arrays = shoot(sitter, pose)
            flipped = flip_arrays(sitter, pose, arrays)
            _write(folder / subset / f"{name}_{k}", photo, arrays)
            _write(folder / f"{subset}_Flip" / f"{name}_{k}", photo[:, ::-1], flipped)
            written += 2
            if written >= count:
                break
    return written


def write_aflw2000_standin(
    folder: Path | str, count: int = 40, seed: int = 1, columns: int = COLUMNS, rows: int = ROWS
) -> int:
    """Write a stand-in of AFLW2000-3D: one photo a face; arguments as `write_w300lp_standin`."""
    folder = _marked_folder(folder, (), "AFLW2000-3D")
    model = standin_model(columns, rows)
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        sitter = seat(random_face(rng, model), model)
        poses = list(random_poses(rng))
        photo, arrays = shoot(sitter, poses[int(rng.integers(len(poses)))])
        arrays["pt3d_68"] = keypoints = arrays["pt3d"]
        arrays["pt2d"] = keypoints[:2, AFLW_KEYPOINTS]
        _write(folder / f"image{number + 2:05d}", photo, arrays)
    return count


def random_face(rng: np.random.Generator, model: StandInModel) -> Face:
    """Draw who is photographed, with an expression that the stand-in model has."""
    shape = np.clip(rng.standard_normal(len(model.shapes)), -SHAPE_LIMIT, SHAPE_LIMIT)
    head = load_head()
    actions = random_expression(rng, head.expression_names)
    actions[[name.startswith("eyeLook") for name in head.expression_names]] = 0
    expression = model.action_weights @ (actions - model.action_mean)
    return Face(shape, expression, random_appearance(rng), int(rng.integers(2**31)))


def random_poses(rng: np.random.Generator) -> Iterator[Pose]:
    """Draw the poses of one face: k = 0 as it was found, then turned on to the side."""
    pitch, yaw, roll = rng.uniform(-1, 1, 3) * [TILT, NEAREST_YAW, TILT]
    scale = rng.uniform(*PX_PER_MM)
    middle = np.append((SIZE - 1) / 2 + rng.uniform(-15, 15, 2), -60.0)
    steps = int(rng.integers(STEPS[0], STEPS[1] + 1))
    for turned in np.linspace(yaw, np.copysign(FARTHEST_YAW, yaw), steps):
        angles = np.array([pitch, turned, roll])
        # The model's origin lies in mid-head: keep the face, 60 mm before it, in the middle.
        offset = scale * (rotation_from_angles(*angles) @ (ORIGIN_MM + [0, -15, 60]))
        yield Pose(angles, middle - [offset[0], offset[1], 0], scale)


def seat(face: Face, model: StandInModel) -> Sitter:
    """Work out what all photos of a face share."""
    head = load_head()
    vertices_head = model.head_vertices(face.shape, face.expression)
    atlas = head_atlas(TEXTURE_SIZE)
    mesh = dressed_mesh(vertices_head, face.looks, atlas)
    gloss = np.zeros(len(mesh.vertices), np.float32)
    gloss[: len(vertices_head)] = vertex_gloss(face.looks, atlas)
    keypoints_head = model.to_grid[model.arrays.keypoints] @ vertices_head
    mirrored = replace(
        face,
        shape=_mirrored_coefficients(face.shape, model.shapes, model, head),
        expression=_mirrored_coefficients(face.expression, model.expressions, model, head),
    )
    fixed = tuple(_fixed_arrays(each, model) for each in (face, mirrored))
    normals = vertex_normals(mesh.vertices, outside_triangles())
    return Sitter(mesh, normals, gloss, keypoints_head, face.scene, *fixed)


def shoot(sitter: Sitter, pose: Pose) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Photograph a face and say in a .mat file's arrays what is on the photo.

    Returns:
        (SIZE, SIZE, 3) uint8, and the arrays by name, with `pt3d` (3, 68) besides.
    """
    rng = np.random.default_rng(sitter.scene)
    scene = sitter.mesh_head, sitter.normals_head, sitter.gloss, pose.camera, rng
    hard = rng.random() < HARD_LIGHT
    photo = photograph_hard(*scene) if hard else photograph_plain(*scene).image
    keypoints_image = pose.camera.head_to_image(sitter.keypoints_head)
    return photo, {**sitter.arrays, **_placed_arrays(pose, keypoints_image)}


def photograph_hard(
    mesh_head: Mesh,
    normals_head: np.ndarray,
    gloss: np.ndarray,
    camera: Camera,
    rng: np.random.Generator,
) -> np.ndarray:
    """Take a photo as `photograph_plain` does, under one strong light from a side."""
    direction = np.array([rng.choice([-1, 1]) * rng.uniform(0.7, 1.5), rng.uniform(0.2, 0.9), 0.5])
    light, ambient = rng.uniform(1.0, 1.5), rng.uniform(0.05, 0.12)
    shot = render(
        mesh_head, camera, [Light(direction, (light,) * 3)], (ambient,) * 3, specular=gloss,
        normals=normals_head, shininess=24.0, cull_back=True,
    )  # fmt: skip
    return develop(shot.image, shot.alpha, random_background(rng, camera.width), rng)


def flip_arrays(sitter: Sitter, pose: Pose, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Say in a .mat file's arrays what is on the mirrored photo of one that has `arrays`."""
    keypoints_image = arrays["pt3d"].T[MIRRORED_KEYPOINTS] * [-1, 1, 1] + [SIZE - 1, 0, 0]
    return {**sitter.mirrored_arrays, **_placed_arrays(pose.mirrored, keypoints_image)}


def _mirrored_coefficients(coefficients, components, model, head) -> np.ndarray:
    """Coefficients of the mirrored displacement, which the stand-in model holds exactly."""
    on_grid = np.stack([(model.to_grid @ each).ravel() for each in components])
    wanted = model.to_grid @ mirrored_head(np.tensordot(coefficients, components, 1), head)
    # Components are orthogonal on the grid.
    return on_grid @ wanted.ravel() / (on_grid**2).sum(axis=1)


def _fixed_arrays(face: Face, model: StandInModel) -> dict[str, np.ndarray]:
    """Arrays that all photos of a face share; light and colour gains are plain."""
    arrays = model.arrays
    return {
        "roi": np.int16([[1, 1, SIZE, SIZE]]),
        "Illum_Para": np.float64([[0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.0, 0.0, 0.05, 20.0]]),
        "Color_Para": np.float32([[1, 1, 1, 0, 0, 0, 1]]),
        "Tex_Para": model.texture_para(face.looks)[:, None],
        "Shape_Para": (face.shape * arrays.shape_deviations)[:, None],
        "Exp_Para": (face.expression * arrays.expression_deviations)[:, None],
    }


def _placed_arrays(pose: Pose, keypoints_image: np.ndarray) -> dict[str, np.ndarray]:
    return {
        "Pose_Para": pose.row,
        "pt2d": np.float64(keypoints_image[:, :2].T),
        "pt3d": np.float64(keypoints_image.T),
    }


def _write(base: Path, photo: np.ndarray, arrays: dict[str, np.ndarray]) -> None:
    write_image(base.with_suffix(".jpg"), photo / np.float32(255))
    kept = {name: array for name, array in arrays.items() if name != "pt3d"}
    write_mat(base.with_suffix(".mat"), kept, compress=True)


def _face_names() -> Iterator[tuple[str, str]]:
    """Subsets and names without k, in the four forms that the real set has."""
    number = 0
    while True:
        number += 1
        yield from zip(
            SUBSETS,
            (
                f"AFW_{1_000_000 + 7919 * number}_{1 + number % 2}",
                f"HELEN_{10_000_000 + 104_729 * number}_1",
                f"IBUG_image_{number:03d}_1",
                f"LFPW_image_train_{number:04d}",
            ),
            strict=True,
        )


def _marked_folder(folder: Path | str, inner: tuple[str, ...], dataset: str) -> Path:
    """Make a folder that says it is a stand-in; refuse one that holds something else."""
    folder = Path(folder)
    marked = (folder / STAND_IN_MARKER).exists()
    present = [name for name in inner if (folder / name).exists()]
    if not marked and (present or any(folder.glob("*.mat"))):
        raise ValueError(f"expected a folder without {dataset}, but {folder} holds photos of it")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / STAND_IN_MARKER).write_text(ABOUT.format(dataset=dataset), encoding="utf-8")
    return folder
