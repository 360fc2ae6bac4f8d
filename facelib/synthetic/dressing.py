"""Prepare a person for the camera: painted, dressed, and with a surface for shading."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from facelib.face.headmodel import MorphableModel
from facelib.geometry.mesh import Mesh, vertex_normals
from facelib.pairs.labels import NUMBER_OF, head_labels
from facelib.synthetic.head_pages import head_materials
from facelib.synthetic.light.radiance import Surface
from facelib.synthetic.looks.appearance import Appearance
from facelib.synthetic.looks.atlas import SHIRT_UV, Atlas
from facelib.synthetic.materials import make_surface, with_colors
from facelib.synthetic.people.acting import mouth_light
from facelib.synthetic.person import Person
from facelib.synthetic.skin import Skin
from facelib.synthetic.things.placing import SHARE, Thing, random_thing
from facelib.synthetic.worn.garments import Garments
from facelib.synthetic.worn.outfit import Outfit, Worn, random_outfit, wear, with_cloth
from facelib.synthetic.worn.scalp import mean_scalp
from facelib.synthetic.worn.shirt import RINGS, neck_edge, shirt_triangles, shirt_vertices


@dataclass(frozen=True)
class Dressed:
    """A head with its paint, cloth, hair and glasses.

    Attributes:
        looks: the looks painted on the page: the person's own, except where something covers them.
        atlas: of the page.
        skin: the painted page.
        vertices_head: (N, 3) float64, mm: the acting head alone.
        mesh_head: textured, mm; the head's vertices first, then cloth.
        normals_head: (M, 3) float, of the mesh's vertices.
        labels: (M,) uint8, numbers of `facelib.pairs.labels.LABELS`.
        gloss: (M,) float32, strength of the plain highlight.
        worn: what is drawn over the render, hair and glasses; None for nothing.
        surface: for the finer shading; None until `with_surface` makes it.
        thing: what is between face and camera in one photo; None for nothing.
    """

    looks: Appearance
    atlas: Atlas
    skin: Skin
    vertices_head: np.ndarray
    mesh_head: Mesh
    normals_head: np.ndarray
    labels: np.ndarray
    gloss: np.ndarray
    worn: Worn | None = None
    surface: Surface | None = None
    thing: Thing | None = None


def draw_outfit(rng: np.random.Generator, person: Person, kinds: frozenset[str]) -> Outfit:
    """Draw a person's outfit, and keep only some kinds of it: see `Outfit.only`."""
    return random_outfit(rng, person.appearance, person.feminine, person.adult).only(kinds)


def clothe(
    outfit: Outfit,
    looks: Appearance,
    skin: Skin,
    atlas: Atlas,
    head: MorphableModel,
    vertices_head: np.ndarray,
) -> Dressed:
    """Wrap a painted page around an acting head and dress it.

    Args:
        outfit: what to wear; nothing gives the plain shirt.
        looks: what was painted.
        skin: the page.
        atlas: of the page.
        head: the head model.
        vertices_head: (N, 3) float, mm: the acting head.
    """
    mesh = dressed_mesh(head, vertices_head, atlas, skin.page)
    normals = vertex_normals(mesh.vertices, _outside_triangles(head))
    labels = _plain_labels(head)
    worn = None
    if outfit != Outfit():
        worn = wear(outfit, skin.bare, head, mean_scalp(), vertices_head)
        if worn.cloth is not None:
            mesh, normals = with_cloth(mesh, normals, worn.cloth, len(vertices_head))
            labels = np.concatenate([labels[: len(vertices_head)], _cloth_labels(worn.cloth)])
    gloss = np.zeros(len(mesh.vertices), np.float32)
    gloss[: len(vertices_head)] = atlas.gloss * np.float32(looks.gloss)
    return Dressed(looks, atlas, skin, vertices_head, mesh, normals, labels, gloss, worn)


def dressed_mesh(
    head: MorphableModel, vertices_head: np.ndarray, atlas: Atlas, page: np.ndarray
) -> Mesh:
    """Build the textured head, its vertices first, with a shirt below the neck; head frame, mm.

    Args:
        head: the head model.
        vertices_head: (N, 3) float, mm.
        atlas: the page's layout.
        page: (1.25·size, size, 3) float32, linear RGB.
    """
    edge, triangles = _shirt(head)
    n_shirt = len(edge) * len(RINGS)
    return Mesh(
        np.concatenate([vertices_head, shirt_vertices(vertices_head, edge)]),
        triangles,
        np.concatenate([atlas.uv, np.tile(np.float32(SHIRT_UV), (n_shirt, 1))]),
        page,
        np.concatenate([atlas.shade, np.ones((n_shirt, 3), np.float32)]),
    )


def with_surface(dressed: Dressed, head: MorphableModel) -> Dressed:
    """Return the same with a surface for the finer shading, which darkens folds by itself."""
    materials = head_materials(head, dressed.atlas.size)
    mesh = with_colors(dressed.mesh_head, materials)
    bare, skin = dressed.labels == NUMBER_OF["neck"], dressed.skin
    surface = make_surface(
        mesh, dressed.normals_head, materials, skin.complexion, skin.relief, bare
    )
    return replace(dressed, mesh_head=mesh, surface=surface)


def with_dark_mouth(dressed: Dressed, head: MorphableModel) -> Dressed:
    """Limit the light in the mouth, and its reflections, to what enters through the opening."""
    light = mouth_light(head, dressed.vertices_head)
    colors = dressed.mesh_head.colors.copy()
    colors[: len(light)] *= light[:, None]
    surface = dressed.surface
    if surface is not None:
        gloss = surface.gloss.copy()
        gloss[: len(light)] *= light
        surface = replace(surface, gloss=gloss)
    return replace(dressed, mesh_head=replace(dressed.mesh_head, colors=colors), surface=surface)


def draw_thing(rng: np.random.Generator, dressed: Dressed, share: float = SHARE) -> Thing | None:
    """Draw what is between a person's face and the camera, in this share of the photos."""
    return random_thing(rng, dressed.vertices_head, dressed.skin.bare, share)


@lru_cache(maxsize=1)
def _outside_triangles(head: MorphableModel) -> np.ndarray:
    """Triangles of head and shirt without the cloth's inner side, whose normals would cancel."""
    _, triangles = _shirt(head)
    n_cloth = len(triangles) - len(head.triangles)
    return triangles[: len(triangles) - n_cloth // 2]


def _cloth_labels(cloth: Garments) -> np.ndarray:
    """Labels of cloth's vertices, and of the bare skin in an open collar."""
    labels = np.zeros(len(cloth.vertices_head), np.uint8)
    labels[cloth.triangles] = cloth.triangle_label[:, None]
    return labels


@lru_cache(maxsize=1)
def _shirt(head: MorphableModel) -> tuple[np.ndarray, np.ndarray]:
    """The neck's edge, and the triangles of head and shirt together."""
    edge = neck_edge(head.mean_head, head.triangles)
    shirt = shirt_triangles(len(edge), len(head.mean_head))
    return edge, np.concatenate([head.triangles, shirt])


@lru_cache(maxsize=1)
def _plain_labels(head: MorphableModel) -> np.ndarray:
    """The label of each vertex of `dressed_mesh`."""
    edge, _ = _shirt(head)
    shirt = np.full(len(edge) * len(RINGS), NUMBER_OF["clothes"], np.uint8)
    return np.concatenate([head_labels(head.regions), shirt])
