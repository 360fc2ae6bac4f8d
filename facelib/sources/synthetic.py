"""Synthetic people photographed from the front and from the side.

Sample i is a function of the settings and i alone: every draw has a generator of its own, spawned
by index, so the number of workers and the order of work change nothing. Held-out people come from
another branch of the same seed and have identity numbers from `HELD_OUT_IDENTITY` on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from facelib.appearance import (
    Appearance,
    paint,
    random_appearance,
    vertex_colors,
    vertex_gloss,
)
from facelib.atlas import SHIRT_UV, Atlas, build_atlas
from facelib.backgrounds import random_background
from facelib.headmodel import load_head
from facelib.ingredients import Ingredients
from facelib.mesh import Mesh, vertex_normals
from facelib.outfit import Outfit, Worn, draw_worn, looks_under, random_outfit, wear, with_cloth
from facelib.pairs import FacePair, write_shards
from facelib.render import Camera, render
from facelib.scalp import behind_hairline, mean_scalp
from facelib.shirt import RINGS, neck_edge, shirt_triangles, shirt_vertices
from facelib.sources.scene import (
    View,
    develop,
    frame_view,
    random_distance_mm,
    random_expression,
    random_lights,
    random_pose_deg,
)
from facelib.uvmap import load_layout

FORMAT = 2  # raised whenever the same seed gives other pairs
N_SHAPE = 60
SHAPE_LIMIT = 2.5  # standard deviations; beyond, heads look drawn rather than born
HELD_OUT_IDENTITY = 1_000_000_000
FINE_GRID_BELOW = 200  # px: smaller photos are rendered at twice their size and averaged
CHUNK = 16  # samples a worker makes at a time
# Branches of the seed's tree.
TRAINING, HELD_OUT = 0, 1
PERSON, FACE, VIEW = 0, 1, 2
OUTFIT = 5


@dataclass(frozen=True)
class SyntheticSettings:
    """What decides a set of pairs, apart from their number.

    Attributes:
        size: side of the photos, px.
        seed: any non-negative int.
        held_out: draw people that no training set of any size has.
        pairs_per_person: consecutive samples that show one person with another expression.
        ingredients: what the photos have beyond a plain head under plain light.
    """

    size: int = 256
    seed: int = 0
    held_out: bool = False
    pairs_per_person: int = 1
    ingredients: Ingredients = field(default_factory=Ingredients)


@dataclass(frozen=True)
class Person:
    """Who is photographed.

    Attributes:
        shape: (60,) float64, standard deviations.
        appearance: their looks.
    """

    shape: np.ndarray
    appearance: Appearance


def random_person(rng: np.random.Generator) -> Person:
    """Draw a person."""
    shape = np.clip(rng.standard_normal(N_SHAPE), -SHAPE_LIMIT, SHAPE_LIMIT)
    return Person(shape, random_appearance(rng))


def make_person(index: int, settings: SyntheticSettings) -> Person:
    """Return the person of sample `index`."""
    return random_person(_generator(settings, PERSON, index // settings.pairs_per_person))


def make_pair(index: int, settings: SyntheticSettings) -> FacePair:
    """Make sample `index`: two photos of one face and its layout vertices.

    Args:
        index: 0, 1, 2, …
        settings: size, seed and kind of people.

    Returns:
        FacePair whose vertices are in px of the front photo, lowest z at 0.
    """
    person = make_person(index, settings)
    rng = _generator(settings, FACE, index)
    model = load_head()
    vertices_head = model.vertices(person.shape, random_expression(rng, model.expression_names))
    atlas = head_atlas(texture_size(settings.size))
    outfit = make_outfit(index, settings, person.appearance)
    mesh_head, normals_head, worn = outfitted(vertices_head, person.appearance, atlas, outfit)
    gloss = np.zeros(len(mesh_head.vertices), np.float32)
    gloss[: len(vertices_head)] = vertex_gloss(person.appearance, atlas)
    keypoints_head = model.keypoints(vertices_head)
    views, photos = [], []
    for side in (False, True):
        rng = _generator(settings, VIEW, index, int(side))
        view = frame_view(
            keypoints_head, random_pose_deg(rng, side), random_distance_mm(rng), settings.size, rng
        )
        views.append(view)
        photos.append(photograph(mesh_head, normals_head, gloss, view.camera, rng, worn))
    return _as_pair(index, settings, vertices_head, views, photos)


def make_outfit(index: int, settings: SyntheticSettings, looks: Appearance) -> Outfit:
    """Return what the person of sample `index` wears, as far as it is switched on."""
    rng = _generator(settings, OUTFIT, index // settings.pairs_per_person)
    return random_outfit(rng, looks, settings.ingredients)


def outfitted(
    vertices_head: np.ndarray, looks: Appearance, atlas: Atlas, outfit: Outfit
) -> tuple[Mesh, np.ndarray, Worn | None]:
    """Paint a head, (N, 3) float, mm, and put an outfit on it; nothing gives the plain shirt.

    Returns:
        The textured mesh, the head's vertices first; its normals (K, 3); and what is worn.
    """
    if outfit == Outfit():
        mesh = dressed_mesh(vertices_head, looks, atlas)
        return mesh, vertex_normals(mesh.vertices, _outside()), None
    worn = wear(outfit, looks, load_head(), mean_scalp(), vertices_head)
    under = atlas if outfit.hair is None else _hair_atlas(atlas.size)
    mesh = dressed_mesh(vertices_head, looks_under(looks, outfit), under)
    normals = vertex_normals(mesh.vertices, _outside())
    if worn.cloth is not None:  # instead of the plain shirt
        mesh, normals = with_cloth(mesh, normals, worn.cloth, len(vertices_head))
    return mesh, normals, worn


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
    worn: Worn | None = None,
) -> np.ndarray:
    """Take a photo of a head under random light before a random background.

    Args:
        mesh_head: textured head, mm.
        normals_head: (N, 3) float, outward.
        gloss: (N,) float32, strength of the highlights.
        camera: of the photo's size.
        rng: draws light, background and film.
        worn: what is drawn over the render: hair and glasses.

    Returns:
        (H, W, 3) uint8 RGB.
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
    if worn is not None:
        shot = draw_worn(shot, camera, worn, lights, ambient)
    return develop(shot.image, shot.alpha, random_background(rng, camera.width), rng)


def iterate_pairs(
    count: int, settings: SyntheticSettings, workers: int = 1, first: int = 0
) -> Iterator[FacePair]:
    """Yield samples first .. first + count − 1 in order.

    Args:
        count: how many.
        settings: what they are.
        workers: processes; 1 works in this one.
        first: index of the first sample.
    """
    if workers == 1:
        yield from (make_pair(index, settings) for index in range(first, first + count))
        return
    from joblib import Parallel, delayed

    last = first + count
    chunks = (range(i, min(i + CHUNK, last)) for i in range(first, last, CHUNK))
    parallel = Parallel(n_jobs=workers, return_as="generator")
    for chunk in parallel(delayed(_make_chunk)(indices, settings) for indices in chunks):
        yield from chunk


def generate_pairs(
    folder: Path | str,
    count: int,
    size: int = 256,
    seed: int = 0,
    workers: int = 1,
    held_out: bool = False,
    pairs_per_person: int = 1,
    first: int = 0,
    shard_size: int = 256,
) -> int:
    """Make pairs and write them to a new folder.

    Args:
        folder: must hold no pairs yet.
        count: how many pairs.
        size: side of the photos, px.
        seed: of every draw.
        workers: processes.
        held_out: draw people that are in no training set of this seed.
        pairs_per_person: how many pairs show the same person.
        first: index of the first sample, to extend a set in a second folder.
        shard_size: pairs in a shard.

    Returns:
        How many were written.

    Raises:
        ValueError: if the folder already holds pairs, or a number makes no sense.
    """
    if count < 1 or size < 16 or pairs_per_person < 1 or first < 0 or seed < 0:
        raise ValueError(
            "expected count and pairs_per_person of at least 1, size of at least 16 px, first and "
            f"seed of at least 0, got {count}, {pairs_per_person}, {size}, {first}, {seed}"
        )
    settings = SyntheticSettings(size, seed, held_out, pairs_per_person)
    described = {"source": "synthetic", "format": FORMAT, "first": first, **asdict(settings)}
    pairs = iterate_pairs(count, settings, workers, first)
    return write_shards(pairs, folder, described, shard_size)


def texture_size(photo_size: int) -> int:
    """Width of the texture page that is just finer than a photo of this size, px."""
    return 256 if photo_size <= 128 else 512


@lru_cache(maxsize=2)
def head_atlas(size: int) -> Atlas:
    """Return the atlas of the shipped head, made once a process."""
    model = load_head()
    keypoints_head = model.keypoints(model.mean_head)
    return build_atlas(
        model.mean_head, model.triangles, model.uv, model.regions, keypoints_head, size
    )


@lru_cache(maxsize=2)
def _hair_atlas(size: int) -> Atlas:
    """The shipped head's atlas with the hairline that hair is grown from."""
    atlas = head_atlas(size)
    return replace(atlas, hairline_mm=behind_hairline(atlas.position_mm).astype(np.float32))


def _as_pair(
    index: int,
    settings: SyntheticSettings,
    vertices_head: np.ndarray,
    views: list[View],
    photos: list[np.ndarray],
) -> FacePair:
    front = views[0].camera
    vertices_image = front.head_to_image(_layout_matrix() @ vertices_head)
    vertices_image[:, 2] -= vertices_image[:, 2].min()
    person = index // settings.pairs_per_person
    kind = "held-out" if settings.held_out else "synthetic"
    return FacePair(
        front=photos[0],
        side=photos[1],
        vertices_image=vertices_image.astype(np.float32),
        identity=person + (HELD_OUT_IDENTITY if settings.held_out else 0),
        front_pose_deg=views[0].pose_deg,
        side_pose_deg=views[1].pose_deg,
        name=f"{kind}-s{settings.seed}-{index:07d}",
        px_per_mm=float(front.scale),
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
def _outside():
    """Triangles of head and shirt without the cloth's inner side, whose normals would cancel."""
    edge, triangles = _outfit()
    n_cloth = len(triangles) - len(load_head().triangles)
    return triangles[: len(triangles) - n_cloth // 2]


def _make_chunk(indices, settings):
    return [make_pair(index, settings) for index in indices]


def _generator(settings, *branch):
    kind = HELD_OUT if settings.held_out else TRAINING
    return np.random.default_rng(np.random.SeedSequence(settings.seed, spawn_key=(kind, *branch)))
