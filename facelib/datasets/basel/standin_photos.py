"""Photos of synthetic people with Basel parameters: for stand-ins of 300W-LP and AFLW2000-3D.

Each face is from the stand-in Basel model, so a file's parameters reproduce the face in the
photo. The people, their outfits and the light are those of `synthetic` with every ingredient; poses
and sizes are those of 300W-LP.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from facelib.datasets.basel.files import UM_PER_MM
from facelib.datasets.basel.fitted_photo import rotation_from_angles
from facelib.datasets.basel.standin import (
    N_OWN_SHAPES,
    ORIGIN_MM,
    StandInModel,
    mirrored_head,
)
from facelib.face.headmodel import MIRRORED_KEYPOINTS, load_head
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
FACE_MIDDLE_MM = np.array([0, -15, 60])  # head frame; projected near the photo's middle
SHIFT_PX = 15  # of the face from the photo's middle, at most, along x and y
DEPTH_PX = -60.0  # the file's z of the origin, which orthographic photos do not show
STRONG_LIGHT = 0.25  # share of faces under one strong light, which is rare in the drawn places
SKIN, LIGHT = 0, 1  # keys of the separate generators of a face's seed


@dataclass(frozen=True)
class StandInFace:
    """A person to photograph, with outfit, expression and scene.

    Attributes:
        person: from `synthetic`.
        outfit: the person's outfit.
        actions: (A,) float64, strengths of the head model's facial actions.
        shape: (199,) float64, deviations of the stand-in model: the person's shape and bumps.
        expression: (29,) float64, the same, the stand-in model's approximation of the actions.
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
    """The parts that all photos of a face share.

    Attributes:
        dressed: the mesh to photograph, with all that is worn.
        keypoints_head: (68, 3) float64, mm: the stand-in model's.
        scene: seed of light, background and film.
        arrays: of the .mat file, except those that depend on the pose.
        mirrored_arrays: the same for the mirrored photos.
    """

    dressed: Dressed
    keypoints_head: np.ndarray
    scene: int
    arrays: dict[str, np.ndarray]
    mirrored_arrays: dict[str, np.ndarray]


@dataclass(frozen=True)
class PhotoPose:
    """Pose_Para of one photo.

    Attributes:
        angles: (3,) float64, pitch, yaw, roll, rad, with the file's signs.
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
        """The camera that projects the shipped head onto the face that the file describes."""
        pitch, yaw, roll, x, y, _, scale = np.float64(self.row)[0]
        rotation = rotation_from_angles(pitch, yaw, roll)
        return Camera(
            rotation, rotation @ ORIGIN_MM, scale * UM_PER_MM, SIZE, SIZE,
            np.array([x, SIZE - 1 - y]),
        )  # fmt: skip

    @property
    def mirrored(self) -> PhotoPose:
        """The pose of the mirrored photo."""
        x, y, z = self.translation_px
        return replace(
            self,
            angles=self.angles * [1, -1, -1],
            translation_px=np.array([SIZE - 1 - x, y, z]),
        )


def random_face(
    rng: np.random.Generator, model: StandInModel, held_out: bool = False
) -> StandInFace:
    """Draw a person, an outfit, and an expression in the span of the stand-in model.

    Args:
        rng: draws.
        model: the stand-in model, which gives shape and expression.
        held_out: draw from the people held out of training.
    """
    studio = _studio()
    head, person = studio.head, studio.draw_person(rng, held_out)
    own = np.tensordot(person.shape, head.shape_basis[: len(person.shape)].astype(float), 1)
    beyond = np.arange(len(model.shapes)) >= 2 * N_OWN_SHAPES  # outside the shipped head's span
    shape = model.coefficients(own, model.shapes) + beyond * rng.standard_normal(len(beyond))
    actions = random_plain_strengths(rng, head.expression_names)
    actions[[name.startswith("eyeLook") for name in head.expression_names]] = 0
    expression = model.action_weights @ (actions - model.action_mean)
    outfit = studio.draw_outfit(rng, person)
    return StandInFace(person, outfit, actions, shape, expression, int(rng.integers(2**31)))


def random_poses(rng: np.random.Generator) -> Iterator[PhotoPose]:
    """Draw the poses of one face: k = 0 is near the front, later ones are further to the side."""
    pitch, yaw, roll = rng.uniform(-1, 1, 3) * [TILT, NEAREST_YAW, TILT]
    scale = rng.uniform(*PX_PER_MM)
    middle = np.append((SIZE - 1) / 2 + rng.uniform(-SHIFT_PX, SHIFT_PX, 2), DEPTH_PX)
    steps = int(rng.integers(STEPS[0], STEPS[1] + 1))
    for yaw_k in np.linspace(yaw, np.copysign(FARTHEST_YAW, yaw), steps):
        angles = np.array([pitch, yaw_k, roll])
        # The model's origin is the middle of the head; shift it to keep the face in the middle.
        offset = scale * (rotation_from_angles(*angles) @ (ORIGIN_MM + FACE_MIDDLE_MM))
        yield PhotoPose(angles, middle - [offset[0], offset[1], 0], scale)


def prepare_sitter(face: StandInFace, model: StandInModel) -> Sitter:
    """Dress a face, and compute the arrays that all its photos share."""
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


def photograph_sitter(sitter: Sitter, pose: PhotoPose) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Photograph a face.

    Returns:
        photo (SIZE, SIZE, 3) uint8, and its .mat file's arrays by name, with `pt3d` (3, 68) added.
    """
    rng, studio = np.random.default_rng([sitter.scene, LIGHT]), _studio()
    if rng.random() < STRONG_LIGHT:
        studio = replace(studio, draw_light=_strong_lighting)
    photo = studio.photograph(sitter.dressed, pose.camera, rng).image
    keypoints_image = pose.camera.head_to_image(sitter.keypoints_head)
    return photo, {**sitter.arrays, **_placed_arrays(pose, keypoints_image)}


def _strong_lighting(rng: np.random.Generator) -> Lighting:
    """Draw one strong light from a side in dim surroundings."""
    side = rng.choice([-1.0, 1.0])
    direction = np.array([side * rng.uniform(0.7, 1.5), rng.uniform(0.2, 0.9), 0.5])
    lamp, around = rng.uniform(1.0, 1.5), rng.uniform(0.05, 0.12)
    lighting = plain_lighting([Light(direction, np.full(3, lamp))], (around,) * 3)
    return replace(lighting, softness_mm=rng.uniform(2.0, 6.0))


def flip_arrays(
    sitter: Sitter, pose: PhotoPose, arrays: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Return the .mat file's arrays of a mirrored photo, from `arrays` of the photo itself."""
    keypoints_image = arrays["pt3d"].T[MIRRORED_KEYPOINTS] * [-1, 1, 1] + [SIZE - 1, 0, 0]
    return {**sitter.mirrored_arrays, **_placed_arrays(pose.mirrored, keypoints_image)}


def _studio() -> Studio:
    return Studio.of(Ingredients.all())


def _mirrored_coefficients(coefficients, components, model) -> np.ndarray:
    """Return the mirrored displacement's coefficients, which the stand-in model has exactly."""
    displacement = np.tensordot(coefficients, components, 1)
    return model.coefficients(mirrored_head(displacement, load_head()), components)


def _fixed_arrays(face: StandInFace, model: StandInModel) -> dict[str, np.ndarray]:
    """Return the arrays that all photos of a face share; light and colour gains are neutral."""
    arrays = model.arrays
    return {
        "roi": np.int16([[1, 1, SIZE, SIZE]]),
        "Illum_Para": np.float64([[0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.0, 0.0, 0.05, 20.0]]),
        "Color_Para": np.float32([[1, 1, 1, 0, 0, 0, 1]]),
        "Tex_Para": model.texture_para(face.person.appearance)[:, None],
        "Shape_Para": (face.shape * arrays.shape_deviations)[:, None],
        "Exp_Para": (face.expression * arrays.expression_deviations)[:, None],
    }


def _placed_arrays(pose: PhotoPose, keypoints_image: np.ndarray) -> dict[str, np.ndarray]:
    return {
        "Pose_Para": pose.row,
        "pt2d": np.float64(keypoints_image[:, :2].T),
        "pt3d": np.float64(keypoints_image.T),
    }


def write_photo(base: Path, photo: np.ndarray, arrays: dict[str, np.ndarray]) -> None:
    """Write a photo and its .mat file.

    Args:
        base: path without ending.
        photo: (SIZE, SIZE, 3) uint8.
        arrays: by name; `pt3d`, which the real files lack, is left out.
    """
    base.parent.mkdir(exist_ok=True)
    write_image(base.with_suffix(".jpg"), photo / np.float32(255))
    kept = {name: array for name, array in arrays.items() if name != "pt3d"}
    write_mat(base.with_suffix(".mat"), kept, compress=True)
