"""A stand-in for 300W-LP and AFLW2000-3D: synthetic people in their files, names and units.

Each face is the stand-in Basel model's, so that a file's numbers give back the face that the photo
shows. The people, what they wear and the light are those of `synthetic` with every ingredient; only
poses and sizes are 300W-LP's. As in the real set, k = 0, 1, 2, … turn one face further, and the
`_Flip` folders hold every photo mirrored. Unlike there, the turned photos are photographs and not a
bent picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from facelib.datasets.basel.fitted_photo import rotation_from_angles
from facelib.datasets.basel.model import UM_PER_MM
from facelib.datasets.basel.standin import (
    COLUMNS,
    N_OWN_SHAPES,
    ORIGIN_MM,
    ROWS,
    StandInModel,
    mirrored_head,
    standin_model,
)
from facelib.datasets.basel.standin_grid import MIRRORED_KEYPOINTS
from facelib.datasets.registry import find_dataset, new_stand_in
from facelib.datasets.w300lp.index import SUBSETS
from facelib.face.headmodel import load_head
from facelib.files.matfiles import write_mat
from facelib.imaging.imagefiles import write_image
from facelib.render.camera import Camera
from facelib.render.render import Light
from facelib.synthetic.dressing import Dressed
from facelib.synthetic.head_pages import texture_size
from facelib.synthetic.ingredients import Ingredients
from facelib.synthetic.light.lighting import Lighting, plain_lighting
from facelib.synthetic.person import Person
from facelib.synthetic.plain import random_plain_strengths
from facelib.synthetic.studio import Studio
from facelib.synthetic.worn.outfit import Outfit

SIZE = 450  # px, of every photo
STEPS = (5, 9)  # fewest and most photos of one face
FARTHEST_YAW = np.radians(89.0)
NEAREST_YAW, TILT = np.radians(30.0), np.radians(12.0)
PX_PER_MM = (0.9, 1.5)
STRONG_LIGHT = 0.25  # share of faces under one strong light, which drawn places seldom have
SKIN, LIGHT = 0, 1  # what a face's seed draws, each with a generator of its own
AFLW_KEYPOINTS = (
    17, 19, 21, 22, 24, 26, 36, 36, 39, 42, 45, 45, 2, 31, 30, 35, 14, 48, 51, 54, 8
)  # fmt: skip  # which of the 68 stand for AFLW's 21; its eye centres become corners


@dataclass(frozen=True)
class Face:
    """Who is photographed, with what on, before what and in which light.

    Attributes:
        person: who.
        outfit: what they wear.
        actions: (A,) float64, strengths of the head model's facial actions.
        shape: (199,) float64, deviations of the stand-in model: the person's and some of its own.
        expression: (29,) float64, the same, as near to the actions as the stand-in model comes.
        scene: seed of skin, light, background and film, one for all photos of this face.
    """

    person: Person
    outfit: Outfit
    actions: np.ndarray
    shape: np.ndarray
    expression: np.ndarray
    scene: int


@dataclass(frozen=True)
class Sitter:
    """What all photos of a face share.

    Attributes:
        dressed: all that is photographed.
        keypoints_head: (68, 3) float64, mm: the stand-in model's.
        scene: seed of light, background and film.
        arrays: of the .mat file, all but those that depend on the pose.
        mirrored_arrays: the same for the mirrored photos.
    """

    dressed: Dressed
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
        folder: new or empty; appears whole or not at all.
        count: how many photos, mirrored ones included.
        seed: of everything drawn.
        columns: of the stand-in Basel model that the parameters are meant for.
        rows: the same.

    Returns:
        How many photos were written.

    Raises:
        ValueError: if the folder is not empty.
        OSError: if it cannot be written.
    """
    command = f"python -m facelib standin 300w-lp --count {count} --seed {seed}"
    written = 0
    with new_stand_in(folder, find_dataset("300W_LP"), command) as beside:
        for base, photo, arrays in _w300lp_files(count, seed, standin_model(columns, rows)):
            _write(beside / base, photo, arrays)
            written += 1
    return written


def _w300lp_files(
    count: int, seed: int, model: StandInModel
) -> Iterator[tuple[str, np.ndarray, dict[str, np.ndarray]]]:
    """Yield paths without ending, photos and arrays, each photo and its mirror image.

    None is without the other: an odd count is one more.
    """
    made = 0
    for number, (subset, name) in enumerate(_face_names()):
        rng = np.random.default_rng([seed, number])
        sitter = seat(random_face(rng, model), model)
        for k, pose in enumerate(random_poses(rng)):
            if made >= count:
                return
            photo, arrays = shoot(sitter, pose)
            yield f"{subset}/{name}_{k}", photo, arrays
            yield f"{subset}_Flip/{name}_{k}", photo[:, ::-1], flip_arrays(sitter, pose, arrays)
            made += 2


def write_aflw2000_standin(
    folder: Path | str, count: int = 40, seed: int = 1, columns: int = COLUMNS, rows: int = ROWS
) -> int:
    """Write a stand-in of AFLW2000-3D: one photo a face, of people that no training set has.

    Arguments as `write_w300lp_standin`.
    """
    command = f"python -m facelib standin aflw2000 --count {count} --seed {seed}"
    with new_stand_in(folder, find_dataset("AFLW2000"), command) as beside:
        model = standin_model(columns, rows)
        for number in range(count):
            rng = np.random.default_rng([seed, number])
            sitter = seat(random_face(rng, model, held_out=True), model)
            poses = list(random_poses(rng))
            photo, arrays = shoot(sitter, poses[int(rng.integers(len(poses)))])
            arrays["pt3d_68"] = keypoints = arrays["pt3d"]
            arrays["pt2d"] = keypoints[:2, AFLW_KEYPOINTS]
            _write(beside / f"image{number + 2:05d}", photo, arrays)
    return count


def random_face(rng: np.random.Generator, model: StandInModel, held_out: bool = False) -> Face:
    """Draw who is photographed, with an expression that the stand-in model has.

    Args:
        rng: draws.
        model: whose shapes and expressions the face is made of.
        held_out: draw from the people that training never sees.
    """
    studio = _studio()
    head, person = studio.head, studio.draw_person(rng, held_out)
    own = np.tensordot(person.shape, head.shape_basis[: len(person.shape)].astype(float), 1)
    beyond = np.arange(len(model.shapes)) >= 2 * N_OWN_SHAPES  # what the shipped head has not
    shape = model.coefficients(own, model.shapes) + beyond * rng.standard_normal(len(beyond))
    actions = random_plain_strengths(rng, head.expression_names)
    actions[[name.startswith("eyeLook") for name in head.expression_names]] = 0
    expression = model.action_weights @ (actions - model.action_mean)
    outfit = studio.draw_outfit(rng, person)
    return Face(person, outfit, actions, shape, expression, int(rng.integers(2**31)))


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
    vertices_head = model.head_vertices(face.shape, face.expression)
    rng, page_size = np.random.default_rng([face.scene, SKIN]), texture_size(SIZE)
    dressed = _studio().dress(face.person, face.actions, vertices_head, face.outfit, page_size, rng)
    keypoints_head = model.to_grid[model.arrays.keypoints] @ vertices_head
    mirrored = replace(
        face,
        shape=_mirrored_coefficients(face.shape, model.shapes, model),
        expression=_mirrored_coefficients(face.expression, model.expressions, model),
    )
    fixed = tuple(_fixed_arrays(each, model) for each in (face, mirrored))
    return Sitter(dressed, keypoints_head, face.scene, *fixed)


def shoot(sitter: Sitter, pose: Pose) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Photograph a face and say in a .mat file's arrays what is on the photo.

    Returns:
        (SIZE, SIZE, 3) uint8, and the arrays by name, with `pt3d` (3, 68) besides.
    """
    rng, studio = np.random.default_rng([sitter.scene, LIGHT]), _studio()
    if rng.random() < STRONG_LIGHT:
        studio = replace(studio, draw_light=strong_lighting)
    photo = studio.photograph(sitter.dressed, pose.camera, rng).image
    keypoints_image = pose.camera.head_to_image(sitter.keypoints_head)
    return photo, {**sitter.arrays, **_placed_arrays(pose, keypoints_image)}


def strong_lighting(rng: np.random.Generator) -> Lighting:
    """Draw one strong light from a side in dim surroundings."""
    side = rng.choice([-1.0, 1.0])
    direction = np.array([side * rng.uniform(0.7, 1.5), rng.uniform(0.2, 0.9), 0.5])
    lamp, around = rng.uniform(1.0, 1.5), rng.uniform(0.05, 0.12)
    lighting = plain_lighting([Light(direction, np.full(3, lamp))], (around,) * 3)
    return replace(lighting, softness_mm=rng.uniform(2.0, 6.0))


def flip_arrays(sitter: Sitter, pose: Pose, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Say in a .mat file's arrays what is on the mirrored photo of one that has `arrays`."""
    keypoints_image = arrays["pt3d"].T[MIRRORED_KEYPOINTS] * [-1, 1, 1] + [SIZE - 1, 0, 0]
    return {**sitter.mirrored_arrays, **_placed_arrays(pose.mirrored, keypoints_image)}


def _studio() -> Studio:
    return Studio.of(Ingredients.all())


def _mirrored_coefficients(coefficients, components, model) -> np.ndarray:
    """Coefficients of the mirrored displacement, which the stand-in model holds exactly."""
    displacement = np.tensordot(coefficients, components, 1)
    return model.coefficients(mirrored_head(displacement, load_head()), components)


def _fixed_arrays(face: Face, model: StandInModel) -> dict[str, np.ndarray]:
    """Arrays that all photos of a face share; light and colour gains are plain."""
    arrays = model.arrays
    return {
        "roi": np.int16([[1, 1, SIZE, SIZE]]),
        "Illum_Para": np.float64([[0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.0, 0.0, 0.05, 20.0]]),
        "Color_Para": np.float32([[1, 1, 1, 0, 0, 0, 1]]),
        "Tex_Para": model.texture_para(face.person.appearance)[:, None],
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
    base.parent.mkdir(exist_ok=True)
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
