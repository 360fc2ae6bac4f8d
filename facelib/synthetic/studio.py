"""The studio: the function of every step from a person to a photo, chosen once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from facelib.face.headmodel import MorphableModel, load_head
from facelib.imaging.backgrounds import describable_textures, random_background
from facelib.render.camera import Camera
from facelib.synthetic import plain
from facelib.synthetic.dressing import (
    Dressed,
    clothe,
    draw_outfit,
    draw_thing,
    with_dark_mouth,
    with_surface,
)
from facelib.synthetic.head_pages import hair_atlas, head_atlas
from facelib.synthetic.ingredients import Ingredients
from facelib.synthetic.light.lens import random_lens
from facelib.synthetic.light.lighting import Lighting, random_lighting
from facelib.synthetic.looks.atlas import Atlas
from facelib.synthetic.people.acting import act, settle_lips
from facelib.synthetic.people.expressions import random_strengths
from facelib.synthetic.people.population import (
    load_children,
    load_population,
    random_child_traits,
)
from facelib.synthetic.person import Person, cast_person
from facelib.synthetic.photo import (
    DrawBackground,
    Photo,
    Shot,
    develop_film,
    meter,
    shade_lifelike,
)
from facelib.synthetic.settings import PoseRange
from facelib.synthetic.skin import Skin, paint_skin_finely
from facelib.synthetic.streams import Streams
from facelib.synthetic.things.placing import Thing
from facelib.synthetic.viewpoint import random_pose_deg
from facelib.synthetic.worn.outfit import Outfit, looks_under

Rng = np.random.Generator
Light = Lighting | plain.PlainLight
WORN_KINDS = ("hair", "glasses", "clothes")


@dataclass(frozen=True)
class Studio:
    """The functions from a person to a photo, in order; `Studio.of` chooses them.

    Attributes:
        head: the head model of all people.
        draw_person: of a generator and whether the person is held out.
        draw_expression: of a generator, the head model and a shape, (E,) strengths of its actions.
        act: of the head model, a shape and strengths, (N, 3) vertices, mm.
        draw_outfit: of a generator and a person.
        paint: of a generator, a person, strengths, the head model and an atlas.
        finishes: functions applied to the dressed head, in order.
        draw_pose_deg: of a generator, whether it is a side view, and ranges: pitch, yaw, roll.
        draw_distance_mm: of a generator, from the camera to the head's origin.
        draw_thing: of a generator and the dressed head: what is before it in one photo, or None.
        draw_light: of a generator.
        shade: of the dressed head, a camera and the light.
        meter: of a shot's image and alpha, its exposure.
        draw_background: of a generator and a size, an image.
        develop: of a shot, its light, its exposure, a generator, `draw_background` and a generator
            of noise, a photo and what was drawn for it.
    """

    head: MorphableModel
    draw_person: Callable[[Rng, bool], Person]
    draw_expression: Callable[[Rng, MorphableModel, np.ndarray], np.ndarray]
    act: Callable[[MorphableModel, np.ndarray, np.ndarray], np.ndarray]
    draw_outfit: Callable[[Rng, Person], Outfit]
    paint: Callable[[Rng, Person, np.ndarray, MorphableModel, Atlas], Skin]
    finishes: tuple[Callable[[Dressed, MorphableModel], Dressed], ...]
    draw_pose_deg: Callable[[Rng, bool, Sequence[PoseRange]], np.ndarray]
    draw_distance_mm: Callable[[Rng], float]
    draw_thing: Callable[[Rng, Dressed], Thing | None]
    draw_light: Callable[[Rng], Light]
    shade: Callable[[Dressed, Camera, Light], Shot]
    meter: Callable[[np.ndarray, np.ndarray], float]
    draw_background: DrawBackground
    develop: Callable[[Shot, Light, float, Rng, DrawBackground, Rng], tuple[np.ndarray, dict]]

    @classmethod
    def of(cls, ingredients: Ingredients, people: str = "adults") -> Studio:
        """Choose every step by its switch, for the shipped head. Only this reads switches.

        Args:
            ingredients: the switches.
            people: "adults" or "children".
        """
        on, head = ingredients, load_head()
        kinds = frozenset(kind for kind in WORN_KINDS if getattr(on, kind))
        # Fine skin, things, light and film need a surface; otherwise the plain renderer is enough.
        surface = on.skin or on.things or on.light or on.film
        plain_light = plain.random_plain_lighting if surface else plain.random_lights
        textures = describable_textures() if surface else ()  # plain photos do not use them
        cast = partial(cast_person, population=load_population())
        if people == "children":
            population, draw_traits = load_children(), random_child_traits
            cast = partial(cast_person, population=population, draw_traits=draw_traits)
        finishes = ((with_surface,) if surface else ()) + (
            (with_dark_mouth,) if on.expressions else ()
        )
        return cls(
            head=head,
            draw_person=cast if on.origins else plain.random_person,
            draw_expression=_draw_settled_expression if on.expressions else plain.draw_expression,
            act=act if on.expressions else MorphableModel.vertices,
            draw_outfit=partial(draw_outfit, kinds=kinds),
            paint=paint_skin_finely if on.skin else plain.paint_skin_plainly,
            finishes=finishes,
            draw_pose_deg=random_pose_deg,
            draw_distance_mm=_lens_distance_mm if on.film else plain.random_distance_mm,
            draw_thing=draw_thing if on.things else plain.draw_no_thing,
            draw_light=random_lighting if on.light else plain_light,
            shade=shade_lifelike if surface else plain.shade,
            meter=meter if on.light or on.film else plain.no_meter,
            draw_background=partial(random_background, textures=textures),
            develop=develop_film if on.film else plain.develop,
        )

    def dress(
        self,
        person: Person,
        strengths: np.ndarray,
        vertices_head: np.ndarray,
        outfit: Outfit,
        page_size: int,
        rng: Rng,
    ) -> Dressed:
        """Paint a person and put their outfit on.

        Args:
            person: the person.
            strengths: (E,) float, of the head model's actions; they deepen lines.
            vertices_head: (N, 3) float, mm: the acting head.
            outfit: their outfit; an empty one gives the plain shirt.
            page_size: width of the texture page, px.
            rng: draws the complexion.
        """
        find_atlas = head_atlas if outfit.hair is None else hair_atlas
        atlas = find_atlas(self.head, page_size)
        looks = looks_under(person.appearance, outfit)
        painted = replace(person, appearance=looks)
        skin = self.paint(rng, painted, strengths, self.head, atlas)
        dressed = clothe(outfit, looks, skin, atlas, self.head, vertices_head)
        for finish in self.finishes:
            dressed = finish(dressed, self.head)
        return dressed

    def photograph(self, dressed: Dressed, camera: Camera, rng: Rng) -> Photo:
        """Take a photo of a head under random light, in front of a random background.

        Args:
            dressed: the person, dressed in this studio.
            camera: of the photo's size.
            rng: draws thing, light, background and film.
        """
        light = self.draw_light(rng)
        shot = self._shot(dressed, camera, light, rng)
        return self._developed(shot, light, self.meter(shot.image, shot.alpha), rng, rng)

    def photograph_sitting(
        self,
        dressed: Dressed,
        cameras: tuple[Camera, Camera],
        streams: Streams,
        rngs: tuple[Rng, Rng],
    ) -> tuple[Photo, Photo]:
        """Take both photos in one light, on one film, before one background.

        The camera stays where it is, so light and background are the same in its frame. The
        background is that of the crop: it does not shift with the crop.

        Args:
            dressed: the person, dressed in this studio.
            cameras: of front and side, of the photo's size.
            streams: draw light, background and film.
            rngs: draw things and noise of front and side.
        """
        light = self.draw_light(streams.sitting_light)
        shots = [
            self._shot(dressed, camera, light, rng)
            for camera, rng in zip(cameras, rngs, strict=True)
        ]
        level = self.meter(shots[0].image, shots[0].alpha)
        front, side = (
            self._developed(shot, light, level, streams.sitting_film, rng)
            for shot, rng in zip(shots, rngs, strict=True)
        )
        return front, side

    def _shot(self, dressed: Dressed, camera: Camera, light: Light, rng: Rng) -> Shot:
        """Draw what is before the head, and shade both."""
        # Things have their own stream, so that other draws do not depend on them.
        thing = self.draw_thing(rng.spawn(1)[0], dressed)
        return self.shade(replace(dressed, thing=thing), camera, light)

    def _developed(self, shot: Shot, light: Light, level: float, rng: Rng, noise_rng: Rng) -> Photo:
        """Develop a shot into a photo."""
        image, film = self.develop(shot, light, level, rng, self.draw_background, noise_rng)
        return Photo(image, shot.fragments, shot.cover, shot.drawn | film)


def _draw_settled_expression(rng: Rng, head: MorphableModel, shape: np.ndarray) -> np.ndarray:
    """Draw strengths of the head model's actions that do not make lips cross: (E,) float64."""
    return settle_lips(head, shape, random_strengths(rng, head.expression_names))


def _lens_distance_mm(rng: Rng) -> float:
    """Draw a lens and a framing, and return their distance."""
    return random_lens(rng).distance_mm
