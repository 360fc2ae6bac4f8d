"""Materials of a dressed head: how skin, eyes, teeth and cloth reflect and scatter light."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from facelib.face.headmodel import MorphableModel
from facelib.geometry.mesh import Mesh
from facelib.synthetic.light.radiance import Surface
from facelib.synthetic.looks.atlas import Atlas
from facelib.synthetic.looks.complexion import Complexion
from facelib.synthetic.looks.relief import texel_slopes


class Material(NamedTuple):
    """How a surface reflects and scatters light.

    Attributes:
        gloss: strength of the reflection; 1 corresponds to skin's refractive index.
        roughness: GGX's alpha, 0..1.
        scatter: 1 with subsurface scattering as in skin, 0 without.
    """

    gloss: float
    roughness: float
    scatter: float


# Regions of the head with a material other than the person's own skin.
MATERIALS = {
    "lips": Material(1.5, 0.32, 1.0),
    "ears": Material(0.7, 0.5, 1.0),
    "scalp": Material(0.45, 0.6, 0.4),
    "neck": Material(0.6, 0.55, 1.0),
    "mouth_cavity": Material(0.5, 0.3, 0.0),
    "eye_sockets": Material(1.0, 0.3, 1.0),
    "teeth": Material(1.6, 0.22, 0.3),
    "tongue": Material(1.2, 0.35, 0.5),
    "eyeballs": Material(2.4, 0.1, 0.0),
}
PLAIN_SKIN = Material(0.8, 0.42, 1.0)  # if no complexion was drawn
CLOTH = Material(0.15, 0.8, 0.0)  # everything that is not part of the head model
NOSE_GLOSS, NOSE_FRONT_MM = 1.25, 80.0  # the nose shines more in front of this z, head frame
MOUTH_REGIONS = ("mouth_cavity", "teeth", "tongue")  # painted dark already
# Shares of the sky that are set by hand: the mouth is painted dark already, lids and sockets hide
# an eyeball that is visible on the mean head, and nothing hides cloth.
MOUTH_OPENNESS, EYEBALL_OPENNESS, CLOTH_OPENNESS = 1.0, 0.6, 0.9


@dataclass(frozen=True)
class HeadMaterials:
    """Materials of the head's vertices, the same for all people.

    Attributes:
        openness: (N,) float32, the share of the sky that the mean head does not hide.
        gloss: (N,) float32, relative to skin = 1.
        roughness: (N,) float32; 0 where it is that of the person's skin.
        scatter: (N,) float32.
        inside: (N,) bool: mouth, teeth and tongue, which keep the darkness of their colours.
        texel_slopes: (N, 6) float32, head frame, 1/mm.
        is_eye: (M,) bool.
    """

    openness: np.ndarray
    gloss: np.ndarray
    roughness: np.ndarray
    scatter: np.ndarray
    inside: np.ndarray
    texel_slopes: np.ndarray
    is_eye: np.ndarray


def build_materials(model: MorphableModel, atlas: Atlas) -> HeadMaterials:
    """Prepare the head's materials; takes a moment, so keep them."""
    count = len(model.mean_head)
    gloss, roughness = np.ones(count, np.float32), np.zeros(count, np.float32)
    scatter = np.ones(count, np.float32)
    for name, material in MATERIALS.items():
        members = model.regions[name]
        gloss[members], roughness[members], scatter[members] = material
    gloss[model.regions["nose"] & (model.mean_head[:, 2] > NOSE_FRONT_MM)] = NOSE_GLOSS
    inside = np.any([model.regions[name] for name in MOUTH_REGIONS], axis=0)
    openness = atlas.openness()
    openness[inside] = MOUTH_OPENNESS
    openness[model.regions["eyeballs"]] = EYEBALL_OPENNESS
    slopes = texel_slopes(model.mean_head, model.triangles, atlas.uv, atlas.size)
    slopes[inside] = 0
    is_eye = model.regions["eyeballs"][model.triangles].all(axis=1)
    return HeadMaterials(
        openness.astype(np.float32), gloss, roughness, scatter, inside, slopes, is_eye
    )


def make_surface(
    mesh_head: Mesh,
    normals_head: np.ndarray,
    materials: HeadMaterials,
    skin: Complexion | None = None,
    relief: np.ndarray | None = None,
    bare: np.ndarray | None = None,
) -> Surface:
    """Make the surface of a dressed mesh, whose first vertices are the head's.

    Args:
        mesh_head: head and outfit.
        normals_head: (N, 3) float, outward.
        materials: of the head's vertices.
        skin: complexion with oil and roughness; None: plain skin.
        relief: (h, w) float32, mm, of the texture page; None for smooth skin.
        bare: (N,) bool: vertices that are skin but not part of the head; None for none.
    """
    count, head = len(mesh_head.vertices), len(materials.openness)
    gloss, roughness = (skin.oil, skin.roughness) if skin else PLAIN_SKIN[:2]
    is_eye = np.zeros(len(mesh_head.triangles), bool)
    is_eye[: len(materials.is_eye)] = materials.is_eye
    own = materials.roughness > 0
    others = np.tile(np.float32(CLOTH), (count - head, 1))
    if bare is not None:
        others[bare[head:]] = MATERIALS["neck"]
    return Surface(
        normals_head,
        _extended(materials.openness, np.full(count - head, CLOTH_OPENNESS)),
        _extended(materials.gloss * np.where(own, 1.0, gloss), others[:, 0]),
        _extended(np.where(own, materials.roughness, roughness), others[:, 1]),
        _extended(materials.scatter, others[:, 2]),
        np.concatenate([materials.texel_slopes, np.zeros((count - head, 6), np.float32)]),
        relief,
        is_eye,
    )


def with_colors(mesh_head: Mesh, materials: HeadMaterials) -> Mesh:
    """Return the mesh with its head darkened by openness when lit, not by its vertex colours."""
    colors = np.array(mesh_head.colors)
    colors[: len(materials.inside)][~materials.inside] = 1.0
    return replace(mesh_head, colors=colors)


def _extended(values, others):
    return np.concatenate([values, others]).astype(np.float32)
