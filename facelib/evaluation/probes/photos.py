"""Change or hide photos and measure how far a network's prediction moves."""

from __future__ import annotations

import numpy as np

from facelib.evaluation.probes.faces import Faces, distances_mm, predict_faces
from facelib.face.layout import UVLayout
from facelib.networks.base import FaceNetwork

GREY = 0.5  # of the boxes that hide parts of a photo: the middle of 0..1
HIDDEN_SIDE = 0.5  # of the box that `spoiled_views` hides, as a share of the photo's side


def spoiled_views(
    fronts: np.ndarray, sides: np.ndarray
) -> dict[str, tuple[np.ndarray, np.ndarray | None]]:
    """Replace, hide or swap the photos, in every way that chapter 13 compares.

    Args:
        fronts: (B, S, S, 3) float32 RGB in 0..1; B of 2 or more, so that there are others.
        sides: the same shape.

    Returns:
        Name of the change → fronts and sides (None: no side photo); the unchanged photos first.

    Raises:
        ValueError: if there is only one person.
    """
    if len(fronts) < 2:
        raise ValueError("expected 2 people or more, got one: no other person's photo to show")
    middle = (0.5, 0.5)
    others = np.roll(np.arange(len(fronts)), 1)
    return {
        "both photos": (fronts, sides),
        "no side photo": (fronts, None),
        "side: black": (fronts, np.zeros_like(sides)),
        "side: middle hidden": (fronts, hide(sides, middle, HIDDEN_SIDE)),
        "side: of another person": (fronts, sides[others]),
        "side: the front again": (fronts, fronts),
        "front: black": (np.zeros_like(fronts), sides),
        "front: middle hidden": (hide(fronts, middle, HIDDEN_SIDE), sides),
        "front: of another person": (fronts[others], sides),
        "front: the side again": (sides, sides),
        "swapped": (sides, fronts),
    }


def hide(photos: np.ndarray, centre: tuple[float, float], box: float) -> np.ndarray:
    """Return photos with a grey square on them.

    Args:
        photos: (..., S, S, 3) float.
        centre: x and y of the square's middle, as shares of the photo's side.
        box: side of the square, as a share of the photo's side; cut off where it leaves the photo.
    """
    size = photos.shape[-2]
    (left, top), (right, bottom) = (
        np.clip(np.rint((np.asarray(centre) + step * box / 2) * size), 0, size).astype(int)
        for step in (-1, 1)
    )
    hidden = photos.copy()
    hidden[..., top:bottom, left:right, :] = GREY
    return hidden


def occlusion_map(
    network: FaceNetwork, layout: UVLayout, faces: Faces, photo: str, n: int, box: float
) -> np.ndarray:
    """Measure how far the prediction moves when a grey box hides each part of one photo.

    Args:
        network: from `facelib.networks`.
        layout: of its size.
        faces: the distance is averaged over all of them.
        photo: "front" or "side".
        n: boxes in a row and in a column, evenly over the photo.
        box: side of the box, as a share of the photo's.

    Returns:
        (n, n) float64, mm: mean distance that the face's vertices move, [row, column] of the box.

    Raises:
        ValueError: if there is no such photo.

    Reference:
        M. Zeiler and R. Fergus, Visualizing and understanding convolutional networks, ECCV 2014.
    """
    if photo not in ("front", "side"):
        raise ValueError(f"photo must be front or side, got {photo!r}")
    region = layout.labels["face"]
    seen = predict_faces(network, layout, faces.fronts, faces.sides)[:, region]
    places = (np.arange(n) + 0.5) / n
    whole = {"front": faces.fronts, "side": faces.sides}
    moved = np.empty((n, n))
    for row, y in enumerate(places):  # a row of boxes at once: (n · B, S, S, 3)
        photos = {name: np.tile(shown, (n, 1, 1, 1)) for name, shown in whole.items()}
        photos[photo] = np.concatenate([hide(whole[photo], (x, y), box) for x in places])
        hidden = predict_faces(network, layout, photos["front"], photos["side"])[:, region]
        far = distances_mm(hidden, np.tile(seen, (n, 1, 1)), np.tile(faces.px_per_mm, n))
        moved[row] = far.reshape(n, -1).mean(axis=1)
    return moved
