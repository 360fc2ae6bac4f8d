"""Samples by number: synthetic people photographed from the front and from the side.

Sample i is a function of the settings and i alone, so the number of workers and the order of work
do not matter. Held-out people have identity numbers from `HELD_OUT_IDENTITY` on.
"""

from __future__ import annotations

import numpy as np

from facelib.face.layout import load_layout
from facelib.files.threads import single_threaded_blas
from facelib.pairs.sample import FacePair, Sample
from facelib.synthetic.person import Person
from facelib.synthetic.session import Session, hold_session
from facelib.synthetic.settings import SyntheticSettings
from facelib.synthetic.streams import Streams
from facelib.synthetic.studio import Studio
from facelib.synthetic.worn.outfit import Outfit

HELD_OUT_IDENTITY = 1_000_000_000


def make_person(index: int, settings: SyntheticSettings) -> Person:
    """Return the person of sample `index`."""
    studio = Studio.of(settings.ingredients, settings.people)
    return studio.draw_person(Streams(settings, index).person, settings.held_out)


def make_outfit(index: int, settings: SyntheticSettings) -> Outfit:
    """Return the outfit of sample `index`'s person, without the kinds that are off."""
    studio, streams = Studio.of(settings.ingredients, settings.people), Streams(settings, index)
    return studio.draw_outfit(streams.outfit, make_person(index, settings))


def make_session(index: int, settings: SyntheticSettings) -> Session:
    """Draw sample `index` and take both photos."""
    return hold_session(
        Studio.of(settings.ingredients, settings.people), Streams(settings, index), settings
    )


def make_pair(index: int, settings: SyntheticSettings) -> FacePair:
    """Make the photos of sample `index`: two of one face, and its layout vertices.

    Args:
        index: 0, 1, 2, …
        settings: size, seed and kind of people.

    Returns:
        FacePair whose vertices are in px of the front photo, lowest z at 0.
    """
    from_head = load_layout().from_head
    with single_threaded_blas():
        session = make_session(index, settings)
        return session_pair(index, settings, session, from_head @ session.dressed.vertices_head)


def make_sample(index: int, settings: SyntheticSettings, pixels: bool = False) -> Sample:
    """Make sample `index`: `make_pair`'s pair with its ground truth.

    Args:
        index: 0, 1, 2, …
        settings: size, seed and kind of people.
        pixels: also compute the annotations per pixel.
    """
    from_head = load_layout().from_head
    with single_threaded_blas():
        session = make_session(index, settings)
        layout_vertices_head = from_head @ session.dressed.vertices_head
        return Sample(
            pair=session_pair(index, settings, session, layout_vertices_head),
            views=session.view_truths(layout_vertices_head),
            coefficients=session.coefficients(),
            pixels=session.pixel_truths() if pixels else None,
        )


def session_pair(
    index: int, settings: SyntheticSettings, session: Session, layout_vertices_head: np.ndarray
) -> FacePair:
    """Return the photos of a session with the face's layout vertices.

    Args:
        index: of the sample.
        settings: that it was drawn with.
        session: `make_session` of both.
        layout_vertices_head: (V, 3) float64, mm, head frame.
    """
    front, side = session.views
    vertices_image = front.camera.head_to_image(layout_vertices_head)
    vertices_image[:, 2] -= vertices_image[:, 2].min()
    person = Streams(settings, index).person_number
    kind = "held-out" if settings.held_out else "synthetic"
    kind = "children" if settings.people == "children" else kind
    return FacePair(
        front=session.photos[0].image,
        side=session.photos[1].image,
        vertices_image=vertices_image.astype(np.float32),
        identity=person + (HELD_OUT_IDENTITY if settings.held_out else 0),
        front_pose_deg=front.pose_deg,
        side_pose_deg=side.pose_deg,
        name=f"{kind}-s{settings.seed}-{index:07d}",
        px_per_mm=float(front.camera.scale),
    )
