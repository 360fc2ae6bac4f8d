"""Synthetic people photographed from the front and from the side.

Sample i is a function of the settings and i alone: every draw has a generator of its own, spawned
by index, so the number of workers and the order of work change nothing. Held-out people come from
another branch of the same seed and have identity numbers from `HELD_OUT_IDENTITY` on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from facelib.face.headmodel import load_head
from facelib.face.layout import load_layout
from facelib.files.threads import single_threaded_blas
from facelib.pairs.store import FacePair, Sample
from facelib.synthetic.casting import Person, cast_person, draw_face, random_person
from facelib.synthetic.dressing import draw_outfit, dress
from facelib.synthetic.ingredients import Ingredients
from facelib.synthetic.light.lens import random_lens
from facelib.synthetic.photograph import photograph
from facelib.synthetic.scene import POSES, frame_view, random_distance_mm, random_pose_deg
from facelib.synthetic.session import Shoot
from facelib.synthetic.texture_cache import texture_size
from facelib.synthetic.worn.outfit import Outfit

FORMAT = 3  # raised whenever the same seed gives other pairs
HELD_OUT_IDENTITY = 1_000_000_000
# Branches of the seed's tree.
TRAINING, HELD_OUT = 0, 1
PERSON, FACE, VIEW, SKIN, OUTFIT = 0, 1, 2, 3, 5


@dataclass(frozen=True)
class SyntheticSettings:
    """What decides a set of pairs, apart from their number.

    Attributes:
        size: side of the photos, px.
        seed: any non-negative int.
        held_out: draw people that no training set of any size has.
        pairs_per_person: consecutive samples that show one person with another expression.
        ingredients: what the photos have beyond a plain head under plain light; all by default.
        preset: which poses are drawn, a name in `scene.POSES`.

    Raises:
        ValueError: if a number makes no sense or the preset has no such name.
    """

    size: int = 256
    seed: int = 0
    held_out: bool = False
    pairs_per_person: int = 1
    ingredients: Ingredients = field(default_factory=Ingredients.all)
    preset: str = "thesis"

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn."""
        if self.size < 16 or self.pairs_per_person < 1 or self.seed < 0:
            raise ValueError(
                "expected size of at least 16 px, pairs_per_person of at least 1 and seed of at "
                f"least 0, got {self.size}, {self.pairs_per_person}, {self.seed}"
            )
        if self.preset not in POSES:
            raise ValueError(f"expected a preset of {', '.join(POSES)}, got {self.preset!r}")


def make_person(index: int, settings: SyntheticSettings) -> Person:
    """Return the person of sample `index`."""
    rng = _generator(settings, PERSON, index // settings.pairs_per_person)
    if settings.ingredients.origins:
        return cast_person(rng, settings.held_out)
    return random_person(rng)


def make_pair(index: int, settings: SyntheticSettings) -> FacePair:
    """Make the photos of sample `index`: two of one face, and its layout vertices.

    Args:
        index: 0, 1, 2, …
        settings: size, seed and kind of people.

    Returns:
        FacePair whose vertices are in px of the front photo, lowest z at 0.
    """
    with single_threaded_blas():
        return _as_pair(index, settings, take_photos(index, settings))


def make_sample(index: int, settings: SyntheticSettings, pixels: bool = False) -> Sample:
    """Make sample `index`: its pair and what is known of it.

    Args:
        index: 0, 1, 2, …
        settings: size, seed and kind of people.
        pixels: also work out what every pixel shows.

    Returns:
        Sample whose pair is `make_pair`'s.
    """
    with single_threaded_blas():
        shoot = take_photos(index, settings)
        return Sample(
            pair=_as_pair(index, settings, shoot),
            views=shoot.view_truths(
                load_head().keypoints(shoot.vertices_head), _layout_matrix() @ shoot.vertices_head
            ),
            coefficients=shoot.coefficients(),
            pixels=shoot.pixel_truths() if pixels else None,
        )


def make_outfit(index: int, settings: SyntheticSettings) -> Outfit:
    """Return what the person of sample `index` wears, as far as it is switched on."""
    return _outfit_of(make_person(index, settings), index, settings)


def take_photos(index: int, settings: SyntheticSettings) -> Shoot:
    """Draw the person, the face they make and how they are photographed; take both photos."""
    person, ingredients = make_person(index, settings), settings.ingredients
    rng = _generator(settings, FACE, index)
    expression, vertices_head = draw_face(rng, person, ingredients)
    outfit = _outfit_of(person, index, settings)
    skin_rng = _generator(settings, SKIN, index // settings.pairs_per_person)
    page_size = texture_size(settings.size)
    dressed = dress(person, expression, vertices_head, outfit, ingredients, page_size, skin_rng)
    keypoints_head = load_head().keypoints(vertices_head)
    views, photos = [], []
    for side in (False, True):
        rng = _generator(settings, VIEW, index, int(side))
        pose_deg = random_pose_deg(rng, side, POSES[settings.preset])
        distance_mm = random_lens(rng).distance_mm if ingredients.film else random_distance_mm(rng)
        view = frame_view(keypoints_head, pose_deg, distance_mm, settings.size, rng)
        views.append(view)
        photos.append(photograph(dressed, view.camera, ingredients, rng))
    return Shoot(
        person=person,
        expression=expression,
        dressed=dressed,
        vertices_head=vertices_head,
        views=tuple(views),
        photos=tuple(photos),
        drawn={"outfit": outfit, "skin": dressed.skin},
    )


def _outfit_of(person: Person, index: int, settings: SyntheticSettings) -> Outfit:
    rng = _generator(settings, OUTFIT, index // settings.pairs_per_person)
    return draw_outfit(rng, person, settings.ingredients)


def _as_pair(index: int, settings: SyntheticSettings, shoot: Shoot) -> FacePair:
    front, side = shoot.views
    vertices_image = front.camera.head_to_image(_layout_matrix() @ shoot.vertices_head)
    vertices_image[:, 2] -= vertices_image[:, 2].min()
    person = index // settings.pairs_per_person
    kind = "held-out" if settings.held_out else "synthetic"
    return FacePair(
        front=shoot.photos[0].image,
        side=shoot.photos[1].image,
        vertices_image=vertices_image.astype(np.float32),
        identity=person + (HELD_OUT_IDENTITY if settings.held_out else 0),
        front_pose_deg=front.pose_deg,
        side_pose_deg=side.pose_deg,
        name=f"{kind}-s{settings.seed}-{index:07d}",
        px_per_mm=float(front.camera.scale),
    )


@lru_cache(maxsize=1)
def _layout_matrix():
    return load_layout().from_head


def _generator(settings, *branch):
    kind = HELD_OUT if settings.held_out else TRAINING
    return np.random.default_rng(np.random.SeedSequence(settings.seed, spawn_key=(kind, *branch)))
