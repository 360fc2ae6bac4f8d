"""Pictures of the same points: point at one, and the point is marked in all; no kernel needed."""

import base64
import html
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from facelib.show.figures import MeshView
from facelib.show.picture_script import picture_url, with_script

HIDDEN = -1
WHOLE = 10_000  # a picture's width and height, in the steps of the stored places
DIGITS = 2


@dataclass(frozen=True)
class LinkedPicture:
    """A picture and where the points lie in it.

    Attributes:
        image: (H, W, 3) RGB in 0..1.
        points: (N, 2) px, x right, y down, origin at the top-left pixel's centre; nan if hidden.
        alt: what the picture shows, for readers who cannot see it.
    """

    image: np.ndarray
    points: np.ndarray
    alt: str

    def places(self) -> np.ndarray:
        """Return the points' places in the picture: (N, 2) int16, HIDDEN where there is none."""
        height, width = self.image.shape[:2]
        share = (np.asarray(self.points, float) + 0.5) / (width, height)
        seen = ((share >= 0) & (share <= 1)).all(axis=1, keepdims=True)
        return np.where(seen, np.round(WHOLE * np.nan_to_num(share)), HIDDEN).astype("<i2")


@dataclass(frozen=True)
class LinkedMesh:
    """A mesh with the points on it, which the reader can turn.

    Attributes:
        view: the mesh, shown with one ball where the first marked point lies.
        points: (N, 3) mm, in the head frame, as the mesh is.
    """

    view: MeshView
    points: np.ndarray

    def to_html(self) -> str:
        """Return the view and its points, float32 in base64."""
        data = base64.b64encode(np.asarray(self.points, "<f4").tobytes()).decode()
        return f'<div class="linked-mesh" data-points="{data}">{self.view.to_html()}</div>'


@dataclass(frozen=True)
class LinkedView:
    """Linked pictures; a notebook shows it when it is a cell's last expression.

    Attributes:
        pictures: title → picture.
        readings: name → unit and (N, K) numbers that are shown of the chosen point.
        mesh: a mesh on which the point is marked too, or None.
        start: the point that is marked first.
    """

    pictures: Mapping[str, LinkedPicture] = field(repr=False)
    readings: Mapping[str, tuple[str, np.ndarray]] = field(repr=False)
    mesh: LinkedMesh | None = field(repr=False)
    start: int

    def _repr_html_(self) -> str:
        return with_script(self.to_html())

    def to_html(self) -> str:
        """Return the element, without style and script; the first point is marked in it."""
        readings = [
            (name, unit, values.shape[1], np.round(values.astype(float), DIGITS).ravel().tolist())
            for name, (unit, values) in self.readings.items()
        ]
        pictures = "".join(self._picture_html(*item) for item in self.pictures.items())
        return (
            f'<div class="linked" data-start="{self.start}" '
            f'data-readings="{html.escape(json.dumps(readings, separators=(",", ":")))}">'
            f'<div class="linked-pictures">{pictures}</div><output></output>'
            f"{self.mesh.to_html() if self.mesh else ''}</div>"
        )

    def _picture_html(self, title: str, picture: LinkedPicture) -> str:
        places = picture.places()
        data = base64.b64encode(places.tobytes()).decode()
        x, y = places[self.start] / (WHOLE / 100)
        hidden = " hidden" if x < 0 else ""
        return (
            f'<figure><div class="linked-picture" tabindex="0" role="group" '
            f'aria-label="{html.escape(title)}: arrow keys choose a point" data-places="{data}">'
            f'<img src="{picture_url(picture.image)}" alt="{html.escape(picture.alt)}">'
            f'<i class="linked-mark" style="left:{x:g}%;top:{y:g}%"{hidden}></i></div>'
            f"<figcaption>{html.escape(title)}</figcaption></figure>"
        )


def show_linked(
    pictures: Mapping[str, LinkedPicture],
    readings: Mapping[str, tuple[str, np.ndarray]] | None = None,
    *,
    mesh: LinkedMesh | None = None,
    start: int = 0,
) -> LinkedView:
    """Show pictures in which the same point is marked: the one that the reader points at.

    Args:
        pictures: title → picture; all have the same N points. A few thousand are enough: for a
            position map, every fourth texel in both directions.
        readings: name → unit ("" for none) and (N,) or (N, K) numbers to show of the point.
        mesh: a mesh on which the point is marked too: in the book, where it can be turned.
        start: the point that is marked first, and for readers without scripts.

    Raises:
        ValueError: if the numbers of points differ, or an alt text is empty.
    """
    readings = {
        name: (unit, np.reshape(values, (len(values), -1)))
        for name, (unit, values) in (readings or {}).items()
    }
    lengths = [len(picture.points) for picture in pictures.values()]
    lengths += [len(values) for _, values in readings.values()]
    lengths += [len(mesh.points)] if mesh else []
    if len(set(lengths)) != 1 or not 0 <= start < lengths[0]:
        raise ValueError(f"expected the same number of points everywhere, got {lengths}")
    if not all(picture.alt.strip() for picture in pictures.values()):
        raise ValueError("alt must describe each picture, got an empty text")
    return LinkedView(dict(pictures), readings, mesh, start)
