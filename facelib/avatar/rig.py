"""A head with its rig: 52 facial actions as morph targets, in metres (chapter 12)."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np

from facelib.avatar.surface import HeadSurface
from facelib.face.headmodel import MorphableModel
from facelib.geometry.asset import MeshAsset, MeshPart, Morph
from facelib.geometry.mesh import MovedPart
from facelib.synthetic.people.acting import act

INTEROCULAR_MM = 63.0  # between the eyeballs' centres: the mean of adults
ROUGHNESS = {"skin": 0.6, "eyes": 0.1, "teeth": 0.25, "mouth": 0.4}
TWO_SIDED = ("skin", "teeth", "mouth")  # surfaces with a rim
SMALLEST_MOVE_MM = 0.005  # vertices that an action moves by less stay
SMALLEST_BEND = 0.05  # rad: normals that it rotates by less stay

BLINKS = ("eyeBlinkLeft", "eyeBlinkRight")

Expression = Literal["photo", "neutral"]


def interocular_mm(head: MorphableModel, vertices_head: np.ndarray) -> float:
    """Return the distance between the eyeballs' centres of a head's (N, 3) vertices, mm."""
    eyeballs, low_x = head.regions["eyeballs"], head.mean_head[:, 0] < 0
    centres = [vertices_head[eyeballs & side].mean(axis=0) for side in (low_x, ~low_x)]
    return float(np.linalg.norm(centres[1] - centres[0]))


def head_asset(
    head: MorphableModel,
    surface: HeadSurface,
    shape: np.ndarray,
    expression: np.ndarray,
    texture: np.ndarray | None = None,
    *,
    start: Expression = "photo",
    rig: bool = True,
    interocular: float = INTEROCULAR_MM,
) -> MeshAsset:
    """Make a head to write: with a rig, at rest and movable; without, in one expression.

    Args:
        head: the model.
        surface: of the head or the face, at any detail.
        shape: (k,) coefficients, see `MorphableModel.vertices`.
        expression: (E,) the photo's.
        texture: (S, S, 3) uint8 RGB on the surface's page, or None.
        start: the expression that shows first, the photo's or none.
        rig: whether to add morph targets.
        interocular: distance between the eyeballs' centres in the neutral head, mm. Photos do not
            show a head's size, so this sets it.

    Returns:
        MeshAsset in metres: head frame, y up, facing +z, origin mid-head.
    """
    neutral = head.vertices(shape)
    metres = interocular / interocular_mm(head, neutral) / 1000
    actions = personal_actions(head, shape)
    shown = np.zeros(len(actions))
    if start == "photo":
        shown = _same_effect(np.asarray(expression, float), head.expression_basis, actions)
    vertices_head = neutral if rig else neutral + np.tensordot(shown, actions, 1)
    vertices = (surface.from_head @ vertices_head * metres).astype(np.float32)
    normals = surface.normals(vertices)
    morphs = ()
    if rig:
        morphs = _morphs(head, actions, surface, (vertices, normals), metres)
    return MeshAsset(
        vertices=vertices,
        normals=normals,
        triangles=surface.triangles,
        parts=tuple(
            MeshPart(name, triangles, ROUGHNESS[name], name in TWO_SIDED)
            for name, triangles in surface.parts
        ),
        uv=surface.uv,
        texture=texture,
        morphs=morphs,
        strengths=tuple(shown.tolist()) if rig else (),
        is_photo=True,
    )


def personal_actions(head: MorphableModel, shape: np.ndarray) -> np.ndarray:
    """Return a person's facial actions: (E, N, 3) float32, mm at full strength.

    They are the model's, but for blinks. The model moves all people's lids by the same vectors, so
    that lids overlap by 4 mm on average; here each goes down its own eyeball and overlaps by 1.
    """
    actions = head.expression_basis.copy()
    neutral = act(head, shape, None)
    for name in BLINKS:
        closed = act(head, shape, head.expression(**{name: 1.0}))
        actions[head.expression_names.index(name)] = closed - neutral
    return actions


def _same_effect(strengths: np.ndarray, actions: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return strengths of other actions that come nearest to those of some: (E,), least squares."""
    common = np.einsum("end,end->e", actions, others)
    return strengths * common / np.einsum("end,end->e", others, others)


def _morphs(
    head: MorphableModel,
    actions: np.ndarray,
    surface: HeadSurface,
    neutral: tuple[np.ndarray, np.ndarray],
    metres: float,
) -> tuple[Morph, ...]:
    """Move the surface as the person's actions move the model.

    Args:
        head: the model.
        actions: (E, N, 3) mm, of `personal_actions`.
        surface: V vertices.
        neutral: (V, 3) m and (V, 3), vertices and normals at rest.
        metres: per mm of the model.
    """
    moved = dict(zip(head.expression_names, _model_moves(head, surface), strict=True))
    blinks = [head.expression_names.index(name) for name in BLINKS]
    moved |= zip(BLINKS, _surface_moves(actions[blinks], surface), strict=True)
    vertices, normals = neutral
    morphs = []
    for name, (places, moves_mm, part) in moved.items():
        moves = moves_mm * np.float32(metres)
        acting = vertices.copy()
        acting[places] += moves
        bends = part.normals(acting) - normals[part.near]
        bent = np.einsum("vd,vd->v", bends, bends) > SMALLEST_BEND**2
        morphs.append(Morph(name, places, moves, part.near[bent], bends[bent]))
    return tuple(morphs)


@lru_cache(maxsize=2)
def _model_moves(
    head: MorphableModel, surface: HeadSurface
) -> list[tuple[np.ndarray, np.ndarray, MovedPart]]:
    """Return how the model's actions, which all people share, move a surface."""
    return _surface_moves(head.expression_basis, surface)


def _surface_moves(
    actions: np.ndarray, surface: HeadSurface
) -> list[tuple[np.ndarray, np.ndarray, MovedPart]]:
    """Move a surface by E actions, (E, N, 3) mm: each is linear, so all are one product.

    Returns:
        Of each action: the vertices that move, (Q,) int, their moves, (Q, 3) float32, mm, and the
        part whose normals change.
    """
    every_mm = np.concatenate(actions, axis=1)  # (N, 3E), x, y, z of each action
    moves_mm = (surface.from_head @ every_mm).reshape(len(surface.uv), -1, 3)
    moved = np.abs(moves_mm).max(axis=2) > SMALLEST_MOVE_MM
    places = (np.flatnonzero(each) for each in moved.T)
    return [
        (place, moves_mm[place, number], surface.moved_part(place))
        for number, place in enumerate(places)
    ]
