"""Photos of people whose traits are known, and of the same people with one thing changed.

A person with one thing changed keeps head, cameras, background and everything else that was drawn,
so that a difference of errors is due to that thing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from skimage.color import rgb2lab

from facelib.face.layout import load_layout
from facelib.files.threads import single_threaded_blas
from facelib.imaging.effects import to_display
from facelib.pairs.sample import VIEW_NAMES, FacePair
from facelib.render.camera import Camera
from facelib.synthetic.light.lighting import lamp_lighting
from facelib.synthetic.looks.complexion import FLUSH, skin_tone
from facelib.synthetic.person import Person
from facelib.synthetic.samples import make_outfit, make_person, session_pair
from facelib.synthetic.session import hold_session
from facelib.synthetic.settings import SyntheticSettings
from facelib.synthetic.streams import Streams
from facelib.synthetic.studio import Studio
from facelib.synthetic.worn.glasses import random_glasses
from facelib.synthetic.worn.hair_style import HairStyle, random_hair_style
from facelib.synthetic.worn.outfit import Outfit
from facelib.synthetic.worn.sunglasses import random_sun_tint

TONES = (0.02, 0.25, 0.5, 0.75, 1.0)  # melanin
FULL_BEARD, BEARD_MM = 0.9, 10.0
LONG_FRINGE_MM = 40.0  # reaches the brows
DARK = 0.6  # share of light; sunglasses transmit less

Pair = tuple[Person, Outfit]


@dataclass(frozen=True)
class Scene:
    """What is set in a photo session; what is None is drawn as for any other pair.

    Attributes:
        front_yaw_deg: |yaw| of the front photo; its sign is drawn.
        side_yaw_deg: |yaw| of the side photo, to the side that is drawn.
        pitch_deg: |pitch| of both photos; its signs are drawn.
        lamp_azimuth_deg: the only lamp's, from the camera; the room is dim.
        distance_mm: from the cameras to the head's origin.
        expression: factor on the strengths of the facial actions.
    """

    front_yaw_deg: float | None = None
    side_yaw_deg: float | None = None
    pitch_deg: float | None = None
    lamp_azimuth_deg: float | None = None
    distance_mm: float | None = None
    expression: float | None = None

    def in_studio(self, studio: Studio) -> Studio:
        """Return the studio with these things set."""
        changes: dict[str, Callable] = {}
        if {self.front_yaw_deg, self.side_yaw_deg, self.pitch_deg} != {None}:
            changes["draw_pose_deg"] = partial(self._pose_deg, studio.draw_pose_deg)
        if self.lamp_azimuth_deg is not None:
            light = lamp_lighting(self.lamp_azimuth_deg)
            changes["draw_light"] = lambda rng: light
        if self.distance_mm is not None:
            changes["draw_distance_mm"] = lambda rng: self.distance_mm
        if self.expression is not None:
            changes["draw_expression"] = lambda *given: np.clip(
                self.expression * studio.draw_expression(*given), 0, 1
            )
        return replace(studio, **changes)

    def _pose_deg(self, draw, rng, side: bool, ranges) -> np.ndarray:  # noqa: ANN001
        pose_deg = draw(rng, side, ranges)
        sizes = self.pitch_deg, self.side_yaw_deg if side else self.front_yaw_deg
        for axis, size in enumerate(sizes):
            if size is not None:
                pose_deg[axis] = np.copysign(size, pose_deg[axis])
        return pose_deg


AS_DRAWN = Scene()


@dataclass(frozen=True)
class Taken:
    """Two photos of a person, with all that is known of both.

    Attributes:
        pair: the photos, and the face's vertices in the front photo.
        vertices_head: (V, 3) float32, mm, head frame.
        cameras: of front and side.
        facts: traits, and what is worn and held.
    """

    pair: FacePair
    vertices_head: np.ndarray
    cameras: tuple[Camera, Camera]
    facts: dict[str, str | float | bool]


def take(
    index: int, settings: SyntheticSettings, change: str = "", scene: Scene = AS_DRAWN
) -> Taken:
    """Photograph a person.

    Args:
        index: number of the sample.
        settings: that it is drawn with.
        change: one of `CHANGES`, for the person as changed; "" for the person as drawn.
        scene: what is set instead of drawn.
    """
    with single_threaded_blas():
        person, outfit = make_person(index, settings), make_outfit(index, settings)
        if change:
            rng = np.random.default_rng([settings.seed, index])
            person, outfit = CHANGES[change](rng, *plain(person, outfit))
        studio = replace(
            scene.in_studio(Studio.of(settings.ingredients, settings.people)),
            draw_person=lambda rng, held_out: person,
            draw_outfit=lambda rng, drawn: outfit,
        )
        session = hold_session(studio, Streams(settings, index), settings)
        vertices_head = load_layout().from_head @ session.dressed.vertices_head
        pair = session_pair(index, settings, session, vertices_head)
        held = {
            f"{view}_thing": photo.drawn.get("thing", "none")
            for view, photo in zip(VIEW_NAMES, session.photos, strict=True)
        }
        cameras = session.views[0].camera, session.views[1].camera
        return Taken(pair, vertices_head.astype(np.float32), cameras, facts(person, outfit) | held)


def facts(person: Person, outfit: Outfit) -> dict[str, str | float | bool]:
    """Return a person's traits and what covers the face, as plain values."""
    hair, glasses, looks = outfit.hair, outfit.glasses, person.appearance
    dark = glasses is not None and np.mean(glasses.tint.above) < DARK
    tone = to_display(skin_tone(looks.melanin, FLUSH + looks.blood))
    lightness, _, yellow = rgb2lab(tone[None, None])[0, 0]
    return {
        "sex": person.traits.sex,
        "origin": person.traits.origin,
        "age_years": round(person.traits.age_years, 1),
        "melanin": round(looks.melanin, 3),
        "ita_deg": round(float(np.degrees(np.arctan2(lightness - 50, yellow))), 1),
        "glasses": "none" if glasses is None else "dark" if dark else "clear",
        "beard": outfit.facial.beard,
        "hair_over_face": bool(hair.curtain_mm > 0 or hair.fringe_mm > LONG_FRINGE_MM),
        "hat": outfit.hat is not None,
    }


def plain(person: Person, outfit: Outfit) -> Pair:
    """Take glasses, hat, beard, and hair over the face away."""
    looks = replace(person.appearance, beard=0.0)
    hair = replace(outfit.hair, fringe_mm=0.0, curtain_mm=0.0)
    facial = replace(outfit.facial, beard="none")
    bare = replace(outfit, hair=hair, facial=facial, glasses=None, hat=None)
    return replace(person, appearance=looks), bare


def _with_tone(melanin: float) -> Callable[[np.random.Generator, Person, Outfit], Pair]:
    def change(rng: np.random.Generator, person: Person, outfit: Outfit) -> Pair:
        return replace(person, appearance=replace(person.appearance, melanin=melanin)), outfit

    return change


def _with_glasses(rng: np.random.Generator, person: Person, outfit: Outfit) -> Pair:
    glasses = random_glasses(rng)
    while np.mean(glasses.tint.above) < DARK:
        glasses = random_glasses(rng)
    return person, replace(outfit, glasses=glasses)


def _with_sunglasses(rng: np.random.Generator, person: Person, outfit: Outfit) -> Pair:
    tint = random_sun_tint(rng)
    return person, replace(outfit, glasses=replace(random_glasses(rng), tint=tint))


def _with_beard(rng: np.random.Generator, person: Person, outfit: Outfit) -> Pair:
    looks = replace(person.appearance, beard=FULL_BEARD)
    facial = replace(outfit.facial, beard="full", beard_mm=BEARD_MM)
    return replace(person, appearance=looks), replace(outfit, facial=facial)


def _with_long_hair(rng: np.random.Generator, person: Person, outfit: Outfit) -> Pair:
    hair = replace(_hair_across(rng, person, outfit), curtain_mm=0.0)
    return person, replace(outfit, hair=hair)


def _with_hair_across(rng: np.random.Generator, person: Person, outfit: Outfit) -> Pair:
    return person, replace(outfit, hair=_hair_across(rng, person, outfit))


def _hair_across(rng: np.random.Generator, person: Person, outfit: Outfit) -> HairStyle:
    hair = outfit.hair
    while not hair.curtain_mm:
        hair = random_hair_style(rng, outfit.hair.color, person.appearance.melanin, feminine=1.0)
    return hair


CHANGES: dict[str, Callable[[np.random.Generator, Person, Outfit], Pair]] = {
    "plain": lambda rng, person, outfit: (person, outfit),
    **{f"melanin {tone:g}": _with_tone(tone) for tone in TONES},
    "glasses": _with_glasses,
    "sunglasses": _with_sunglasses,
    "full beard": _with_beard,
    "long hair": _with_long_hair,
    "hair across the face": _with_hair_across,
}
