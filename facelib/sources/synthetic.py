"""Synthetic people photographed from the front and from the side.

Sample i is a function of the settings and i alone: every draw has a generator of its own, spawned
by index, so the number of workers and the order of work change nothing. Held-out people come from
another branch of the same seed and have identity numbers from `HELD_OUT_IDENTITY` on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from facelib.appearance import (
    Appearance,
    paint,
    vertex_colors,
    vertex_gloss,
)
from facelib.atlas import SHIRT_UV, Atlas, build_atlas
from facelib.backgrounds import random_background
from facelib.headmodel import load_head
from facelib.ingredients import Ingredients
from facelib.labels import NUMBER_OF, head_labels
from facelib.mesh import Mesh, vertex_normals
from facelib.pairs import FacePair, Sample
from facelib.render import Camera, render
from facelib.shirt import RINGS, neck_edge, shirt_triangles, shirt_vertices
from facelib.sources.casting import Person, cast_person, draw_face, lit_mouth, random_person
from facelib.sources.scene import (
    POSES,
    develop,
    frame_view,
    random_distance_mm,
    random_lights,
    random_pose_deg,
)
from facelib.sources.shoot import Photo, Shoot
from facelib.threads import single_threaded_blas
from facelib.uvmap import load_layout

FORMAT = 2  # raised whenever the same seed gives other pairs
HELD_OUT_IDENTITY = 1_000_000_000
FINE_GRID_BELOW = 200  # px: smaller photos are rendered at twice their size and averaged
# Branches of the seed's tree.
TRAINING, HELD_OUT = 0, 1
PERSON, FACE, VIEW = 0, 1, 2


@dataclass(frozen=True)
class SyntheticSettings:
    """What decides a set of pairs, apart from their number.

    Attributes:
        size: side of the photos, px.
        seed: any non-negative int.
        held_out: draw people that no training set of any size has.
        pairs_per_person: consecutive samples that show one person with another expression.
        ingredients: what the photos have beyond a plain head under plain light.
        preset: which poses are drawn, a name in `scene.POSES`.

    Raises:
        ValueError: if a number makes no sense or the preset has no such name.
    """

    size: int = 256
    seed: int = 0
    held_out: bool = False
    pairs_per_person: int = 1
    ingredients: Ingredients = field(default_factory=Ingredients)
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


def take_photos(index: int, settings: SyntheticSettings) -> Shoot:
    """Draw the person, the face they make and how they are photographed; take both photos."""
    person = make_person(index, settings)
    rng = _generator(settings, FACE, index)
    model = load_head()
    expression, vertices_head = draw_face(rng, person, settings.ingredients)
    atlas = head_atlas(texture_size(settings.size))
    mesh_head = dressed_mesh(vertices_head, person.appearance, atlas)
    if settings.ingredients.expressions:
        mesh_head = lit_mouth(mesh_head, vertices_head)
    normals_head = vertex_normals(mesh_head.vertices, _outside())
    gloss = np.zeros(len(mesh_head.vertices), np.float32)
    gloss[: len(vertices_head)] = vertex_gloss(person.appearance, atlas)
    keypoints_head = model.keypoints(vertices_head)
    views, photos = [], []
    for side in (False, True):
        rng = _generator(settings, VIEW, index, int(side))
        pose_deg = random_pose_deg(rng, side, POSES[settings.preset])
        view = frame_view(keypoints_head, pose_deg, random_distance_mm(rng), settings.size, rng)
        views.append(view)
        photos.append(photograph(mesh_head, normals_head, gloss, view.camera, rng))
    return Shoot(
        person=person,
        expression=expression,
        looks=person.appearance,
        atlas=atlas,
        vertices_head=vertices_head,
        mesh_head=mesh_head,
        normals_head=normals_head,
        labels=_labels(),
        views=tuple(views),
        photos=tuple(photos),
    )


def dressed_mesh(vertices_head: np.ndarray, looks: Appearance, atlas: Atlas) -> Mesh:
    """Build the textured head, its vertices first, with a shirt below the neck; head frame, mm."""
    edge, triangles = _outfit()
    n_shirt = len(edge) * len(RINGS)
    return Mesh(
        np.concatenate([vertices_head, shirt_vertices(vertices_head, edge)]),
        triangles,
        np.concatenate([atlas.uv, np.tile(np.float32(SHIRT_UV), (n_shirt, 1))]),
        paint(looks, atlas),
        np.concatenate([vertex_colors(atlas), np.ones((n_shirt, 3), np.float32)]),
    )


def photograph(
    mesh_head: Mesh,
    normals_head: np.ndarray,
    gloss: np.ndarray,
    camera: Camera,
    rng: np.random.Generator,
) -> Photo:
    """Take a photo of a head under random light before a random background.

    Args:
        mesh_head: textured head, mm.
        normals_head: (N, 3) float, outward.
        gloss: (N,) float32, strength of the highlights.
        camera: of the photo's size.
        rng: draws light, background and film.
    """
    lights, ambient = random_lights(rng)
    fine = 2 if camera.width < FINE_GRID_BELOW else 1
    shot = render(
        mesh_head,
        camera,
        lights,
        ambient,
        specular=gloss,
        supersample=fine,
        normals=normals_head,
        shininess=24.0,
        cull_back=True,
    )
    background = random_background(rng, camera.width)
    image = develop(shot.image, shot.alpha, background, rng)
    return Photo(image, shot.fragments, {"lights": lights, "ambient": ambient})


def texture_size(photo_size: int) -> int:
    """Width of the texture page that is just finer than a photo of this size, px."""
    return 256 if photo_size <= 128 else 512


@lru_cache(maxsize=2)
def head_atlas(size: int) -> Atlas:
    """Return the atlas of the shipped head, made once a process."""
    model = load_head()
    keypoints_head = model.keypoints(model.mean_head)
    with single_threaded_blas():
        return build_atlas(
            model.mean_head, model.triangles, model.uv, model.regions, keypoints_head, size
        )


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


@lru_cache(maxsize=1)
def _outfit():
    """The neck's edge, and the triangles of head and shirt together."""
    model = load_head()
    edge = neck_edge(model.mean_head, model.triangles)
    shirt = shirt_triangles(len(edge), len(model.mean_head))
    return edge, np.concatenate([model.triangles, shirt])


@lru_cache(maxsize=1)
def _labels():
    """What each vertex of `dressed_mesh` is part of."""
    edge, _ = _outfit()
    shirt = np.full(len(edge) * len(RINGS), NUMBER_OF["clothes"], np.uint8)
    return np.concatenate([head_labels(load_head().regions), shirt])


@lru_cache(maxsize=1)
def _outside():
    """Triangles of head and shirt without the cloth's inner side, whose normals would cancel."""
    edge, triangles = _outfit()
    n_cloth = len(triangles) - len(load_head().triangles)
    return triangles[: len(triangles) - n_cloth // 2]


def _generator(settings, *branch):
    kind = HELD_OUT if settings.held_out else TRAINING
    return np.random.default_rng(np.random.SeedSequence(settings.seed, spawn_key=(kind, *branch)))
