"""A person made ready for the camera: painted, dressed, and of a surface that light can fall on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from facelib.face.headmodel import load_head
from facelib.geometry.mesh import Mesh, vertex_normals
from facelib.pairs.labels import NUMBER_OF, head_labels
from facelib.synthetic.casting import Person, lit_mouth
from facelib.synthetic.ingredients import Ingredients
from facelib.synthetic.light.radiance import Surface
from facelib.synthetic.lit_photo import make_surface, with_colors
from facelib.synthetic.looks.appearance import Appearance, paint, vertex_colors, vertex_gloss
from facelib.synthetic.looks.atlas import SHIRT_UV, Atlas
from facelib.synthetic.looks.brushes import skin_color
from facelib.synthetic.looks.complexion import FLUSH, Complexion, skin_tone
from facelib.synthetic.looks.skin_paint import Painting
from facelib.synthetic.texture_cache import head_atlas, head_materials, painted
from facelib.synthetic.worn.outfit import Outfit, Worn, looks_under, random_outfit, wear, with_cloth
from facelib.synthetic.worn.scalp import behind_hairline, mean_scalp
from facelib.synthetic.worn.shirt import RINGS, neck_edge, shirt_triangles, shirt_vertices


@dataclass(frozen=True)
class Dressed:
    """A head with all that is on it.

    Attributes:
        looks: what was painted on the page; the person's own, unless something is worn over it.
        atlas: of the page.
        mesh_head: textured, mm; the head's vertices first.
        normals_head: (N, 3) float, of the mesh's vertices.
        labels: (N,) uint8, numbers of `facelib.pairs.labels.LABELS`.
        gloss: (N,) float32, strength of the plain highlight.
        worn: what is drawn over the render: hair and glasses; None for nothing.
        surface: for the finer shading; None where it is not asked for.
        skin: None where it was not drawn.
    """

    looks: Appearance
    atlas: Atlas
    mesh_head: Mesh
    normals_head: np.ndarray
    labels: np.ndarray
    gloss: np.ndarray
    worn: Worn | None = None
    surface: Surface | None = None
    skin: Complexion | None = None


def draw_outfit(rng: np.random.Generator, person: Person, ingredients: Ingredients) -> Outfit:
    """Draw what a person wears, as far as it is switched on."""
    feminine = 0.5 if person.traits is None else 1 - person.traits.male
    return random_outfit(rng, person.appearance, ingredients, feminine)


def dress(
    person: Person,
    expression: np.ndarray,
    vertices_head: np.ndarray,
    outfit: Outfit,
    ingredients: Ingredients,
    page_size: int,
    skin_rng: np.random.Generator,
) -> Dressed:
    """Paint a person and put their outfit on.

    Args:
        person: who.
        expression: (E,) float, strengths of the head model's actions; they deepen lines.
        vertices_head: (N, 3) float, mm: the acting head.
        outfit: what they wear; nothing gives the plain shirt.
        ingredients: what the photos shall have.
        page_size: width of the texture page, px.
        skin_rng: draws the skin, where it is switched on.
    """
    grown = outfit.hair is not None
    atlas = _hair_atlas(page_size) if grown else head_atlas(page_size)
    looks = looks_under(person.appearance, outfit)
    skin, painting = None, None
    if ingredients.skin:
        age_years = None if person.traits is None else person.traits.age_years
        hairline_mm = atlas.hairline_mm if grown else None
        skin, painting = painted(skin_rng, looks, expression, page_size, age_years, hairline_mm)
    mesh = dressed_mesh(vertices_head, looks, atlas, None if painting is None else painting.page)
    worn = None
    if outfit != Outfit():
        bare = _bare_skin(person.appearance, finely=painting is not None)
        worn = wear(outfit, bare, load_head(), mean_scalp(), vertices_head)
    mesh, normals, labels = _clothed(mesh, worn)
    gloss = np.zeros(len(mesh.vertices), np.float32)
    gloss[: len(vertices_head)] = vertex_gloss(looks, atlas)
    dressed = Dressed(looks, atlas, mesh, normals, labels, gloss, worn, skin=skin)
    if ingredients.skin or ingredients.light or ingredients.film:
        dressed = _surfaced(dressed, painting)
    if ingredients.expressions:
        dressed = _mouth_lit(dressed, vertices_head)
    return dressed


def dressed_mesh(
    vertices_head: np.ndarray, looks: Appearance, atlas: Atlas, page: np.ndarray | None = None
) -> Mesh:
    """Build the textured head, its vertices first, with a shirt below the neck; head frame, mm.

    Args:
        vertices_head: (N, 3) float, mm.
        looks: painted plainly where no page is given.
        atlas: the page's layout.
        page: (1.25·size, size, 3) float32, a page painted already.
    """
    edge, triangles = _shirt()
    n_shirt = len(edge) * len(RINGS)
    return Mesh(
        np.concatenate([vertices_head, shirt_vertices(vertices_head, edge)]),
        triangles,
        np.concatenate([atlas.uv, np.tile(np.float32(SHIRT_UV), (n_shirt, 1))]),
        paint(looks, atlas) if page is None else page,
        np.concatenate([vertex_colors(atlas), np.ones((n_shirt, 3), np.float32)]),
    )


@lru_cache(maxsize=1)
def outside_triangles() -> np.ndarray:
    """Triangles of head and shirt without the cloth's inner side, whose normals would cancel."""
    _, triangles = _shirt()
    n_cloth = len(triangles) - len(load_head().triangles)
    return triangles[: len(triangles) - n_cloth // 2]


def _mouth_lit(dressed: Dressed, vertices_head: np.ndarray) -> Dressed:
    """Let the mouth's inside have, and mirror, only the light that its opening lets in."""
    mesh, light = lit_mouth(dressed.mesh_head, vertices_head)
    if dressed.surface is None:
        return replace(dressed, mesh_head=mesh)
    gloss = dressed.surface.gloss.copy()
    gloss[: len(light)] *= light
    return replace(dressed, mesh_head=mesh, surface=replace(dressed.surface, gloss=gloss))


def _bare_skin(looks: Appearance, finely: bool) -> np.ndarray:
    """Linear RGB (3,) of skin below the neck, by the law that the face was painted with."""
    if finely:
        return skin_tone(looks.melanin, FLUSH + looks.blood)
    return skin_color(*np.array([looks.melanin, looks.blood]))


def _clothed(mesh: Mesh, worn: Worn | None) -> tuple[Mesh, np.ndarray, np.ndarray]:
    """Change the plain shirt for an outfit's cloth: the mesh, its normals and its labels."""
    normals = vertex_normals(mesh.vertices, outside_triangles())
    if worn is None or worn.cloth is None:
        return mesh, normals, _plain_labels()
    cloth, n_head = worn.cloth, len(load_head().mean_head)
    labels = np.zeros(len(cloth.vertices_head), np.uint8)
    labels[cloth.triangles] = cloth.triangle_label[:, None]
    mesh, normals = with_cloth(mesh, normals, cloth, n_head)
    return mesh, normals, np.concatenate([_plain_labels()[:n_head], labels])


def _surfaced(dressed: Dressed, painting: Painting | None) -> Dressed:
    materials = head_materials(dressed.atlas.size)
    mesh = with_colors(dressed.mesh_head, materials)
    bare = dressed.labels == NUMBER_OF["neck"]
    surface = make_surface(mesh, dressed.normals_head, materials, dressed.skin, painting, bare)
    return replace(dressed, mesh_head=mesh, surface=surface)


@lru_cache(maxsize=2)
def _hair_atlas(size: int) -> Atlas:
    """The shipped head's atlas with the hairline that hair is grown from."""
    atlas = head_atlas(size)
    return replace(atlas, hairline_mm=behind_hairline(atlas.position_mm).astype(np.float32))


@lru_cache(maxsize=1)
def _shirt():
    """The neck's edge, and the triangles of head and shirt together."""
    model = load_head()
    edge = neck_edge(model.mean_head, model.triangles)
    shirt = shirt_triangles(len(edge), len(model.mean_head))
    return edge, np.concatenate([model.triangles, shirt])


@lru_cache(maxsize=1)
def _plain_labels():
    """What each vertex of `dressed_mesh` is part of."""
    edge, _ = _shirt()
    shirt = np.full(len(edge) * len(RINGS), NUMBER_OF["clothes"], np.uint8)
    return np.concatenate([head_labels(load_head().regions), shirt])
