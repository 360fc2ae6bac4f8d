"""Portraits for figures: photos of a synthetic person with every draw in the caller's hands."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from facelib.face.headmodel import load_head
from facelib.imaging.crop import Crop
from facelib.render.camera import Camera
from facelib.synthetic.dressing import Dressed
from facelib.synthetic.head_pages import texture_size
from facelib.synthetic.ingredients import Ingredients
from facelib.synthetic.people.acting import act
from facelib.synthetic.person import Person
from facelib.synthetic.studio import Studio
from facelib.synthetic.worn.outfit import Outfit

DISTANCE_MM = 1200.0
TAKE = 18  # a seed of light and background whose light is soft and comes from the left
# What a portrait shows unless it is told otherwise: no film, nothing held before the face.
PORTRAIT = Ingredients(
    **dict.fromkeys(("origins", "expressions", "skin", "hair", "glasses", "clothes", "light"), True)
)


def portrait_camera(
    vertices_head: np.ndarray,
    pose_deg: Sequence[float],
    size: int,
    distance_mm: float = DISTANCE_MM,
) -> Camera:
    """Return a camera whose photo is the crop of training, without its jitter.

    Args:
        vertices_head: (N, 3) float, mm: the acting head.
        pose_deg: pitch, yaw, roll.
        size: side of the photo, px.
        distance_mm: from the camera to the head's origin.
    """
    pitch, yaw, roll = np.radians(np.asarray(pose_deg, float))
    whole = Camera.perspective((pitch, yaw, roll), distance_mm, 2 * distance_mm)
    keypoints_image = whole.head_to_image(load_head().keypoints(vertices_head))
    return whole.cropped(Crop.around_keypoints(keypoints_image, size))


def dress(
    person: Person, strengths: np.ndarray, outfit: Outfit, studio: Studio, size: int, seed: int = 0
) -> Dressed:
    """Return a person who makes a face, painted and dressed.

    Args:
        person: the person.
        strengths: (E,) float, of the head model's actions.
        outfit: what they wear; an empty one gives the plain shirt.
        studio: paints and dresses.
        size: side of the photos that will be taken, px.
        seed: draws the complexion.
    """
    vertices_head = act(studio.head, person.shape, strengths)
    rng = np.random.default_rng(seed)
    return studio.dress(person, strengths, vertices_head, outfit, texture_size(size), rng)


def take_portrait(
    person: Person,
    strengths: np.ndarray,
    outfit: Outfit,
    pose_deg: Sequence[float] = (0.0, 10.0, 0.0),
    *,
    size: int,
    seed: int = 0,
    take: int = TAKE,
    ingredients: Ingredients = PORTRAIT,
) -> np.ndarray:
    """Dress a person and take one photo: (S, S, 3) uint8 RGB.

    Args:
        person: the person.
        strengths: (E,) float, of the head model's actions.
        outfit: what they wear; an empty one gives the plain shirt.
        pose_deg: pitch, yaw, roll.
        size: S, px.
        seed: draws the complexion.
        take: draws light, background and film.
        ingredients: what the photo has.
    """
    studio = Studio.of(ingredients)
    dressed = dress(person, strengths, outfit, studio, size, seed)
    camera = portrait_camera(dressed.vertices_head, pose_deg, size)
    return studio.photograph(dressed, camera, np.random.default_rng(take)).image
