"""Random adult heads from MakeHuman's targets, and their principal components.

Macro targets shape the whole head by origin, sex, age and build; local targets are sliders of
single features.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from makehuman.files import MM_PER_UNIT, read_target
from makehuman.mesh import HeadMesh

N_HEADS = 5000
N_COMPONENTS = 60
SEED = 20

# MakeHuman's local targets that shape a head, by folder: standard deviation of the sliders.
LOCAL_FOLDERS = {
    "head": 0.12,
    "chin": 0.20,
    "cheek": 0.20,
    "ears": 0.18,
    "eyebrows": 0.20,
    "eyes": 0.16,
    "forehead": 0.20,
    "mouth": 0.18,
    "nose": 0.19,
    "neck": 0.12,
    "asym": 0.10,
}
# Sliders that soon leave the range of adult faces, or only move the whole head.
SKIPPED = ("head-age", "head-trans", "measure-", "ear-shape", "asymm-", "neck-trans", "eye-bag-out")
# Weight of a left or right slider's own draw, against the draw that it shares with its twin.
ASYMMETRY = 0.15
MAX_DEVIATIONS = 2.2  # of a slider
# Endings of targets that are the two directions of one slider.
OPPOSITES = (
    ("incr", "decr"), ("up", "down"), ("in", "out"), ("forward", "backward"), ("convex", "concave"),
    ("compress", "uncompress"),
)  # fmt: skip


def random_heads(targets: Path, mesh: HeadMesh, rng: np.random.Generator) -> np.ndarray:
    """Draw N_HEADS adult heads, with origin, sex, age, build, and all local sliders.

    Args:
        targets: MakeHuman's folder of targets.
        mesh: of the head.
        rng: draws.

    Returns:
        (N_HEADS, V, 3) float32, mm.
    """
    macros = _macro_offsets(targets / "macrodetails", mesh.n_base)
    weights = [_macro_weights(*traits) for traits in random_traits(rng)]
    offsets = [macro.reshape(-1, mesh.n_base, 3)[:, mesh.kept] for macro in macros]
    offsets = np.concatenate(offsets).reshape(-1, 3 * len(mesh.kept))
    offsets = offsets.astype(np.float32) * MM_PER_UNIT
    heads = (np.array(weights, np.float32) @ offsets).reshape(N_HEADS, -1, 3)
    heads += mesh.vertices.astype(np.float32)
    for folder, deviation in LOCAL_FOLDERS.items():
        _add_sliders(heads, targets / folder, deviation, mesh, rng)
    return heads


def random_traits(rng: np.random.Generator) -> list[tuple]:
    """Draw the traits of N_HEADS adults: sex (1 male), age (1 old), muscle, weight, origin (3,)."""
    return [
        (
            rng.beta(0.4, 0.4),
            rng.uniform(0, 1) ** 1.3,
            rng.beta(3, 3),
            rng.beta(2.5, 2.5),
            rng.dirichlet([0.6, 0.6, 0.6]),
        )
        for _ in range(N_HEADS)
    ]


def _macro_offsets(folder: Path, n_vertices: int) -> tuple[np.ndarray, np.ndarray]:
    """Load the macro targets as arrays [origin, sex, age] and [sex, age, muscle, weight]."""
    sexes, ages = ("female", "male"), ("young", "old")
    origins = ("african", "asian", "caucasian")
    levels = ("min", "average", "max")

    def target(name: str) -> np.ndarray:
        return read_target(folder / f"{name}.target.gz", n_vertices)

    origin = [[[target(f"{o}-{s}-{a}") for a in ages] for s in sexes] for o in origins]
    build = [
        [
            [[target(f"universal-{s}-{a}-{m}muscle-{w}weight") for w in levels] for m in levels]
            for a in ages
        ]
        for s in sexes
    ]
    return np.array(origin), np.array(build)


def _macro_weights(
    sex: float, age: float, muscle: float, weight: float, origin: np.ndarray
) -> np.ndarray:
    """Return the weight of each macro target for these traits, in the order of `_macro_offsets`."""
    sex_age = np.outer([1 - sex, sex], [1 - age, age])
    by_origin = np.einsum("o,sa->osa", origin, sex_age)
    by_build = np.einsum("sa,m,w->samw", sex_age, _level_weights(muscle), _level_weights(weight))
    return np.concatenate([by_origin.ravel(), by_build.ravel()])


def _level_weights(level: float) -> np.ndarray:
    """Return the weights of (min, average, max) for a level in [0, 1], average at one half."""
    return np.array([max(1 - 2 * level, 0), 1 - abs(2 * level - 1), max(2 * level - 1, 0)])


def _add_sliders(
    heads: np.ndarray, folder: Path, deviation: float, mesh: HeadMesh, rng: np.random.Generator
) -> None:
    """Add a folder's sliders to the heads, in place; left and right are strongly correlated."""
    shared: dict[str, np.ndarray] = {}
    for slider in _pair_sliders(_target_names(folder)):
        offsets = [read_target(folder / f"{name}.target.gz", mesh.n_base) for name in slider]
        own = rng.normal(0, deviation, N_HEADS)
        value = own
        if slider[0].startswith(("l-", "r-")):
            common = shared.setdefault(slider[0][2:], own)
            value = (
                common if common is own else np.sqrt(1 - ASYMMETRY**2) * common + ASYMMETRY * own
            )
        limit = MAX_DEVIATIONS * deviation
        value = np.clip(value, -limit, limit).astype(np.float32)
        if len(slider) == 1:
            offsets.append(np.zeros_like(offsets[0]))
        positive, negative = (
            offset[mesh.kept].astype(np.float32) * MM_PER_UNIT for offset in offsets
        )
        moved = np.flatnonzero(np.abs(positive).sum(1) + np.abs(negative).sum(1))
        heads[:, moved] += np.maximum(value, 0)[:, None, None] * positive[moved]
        heads[:, moved] += np.maximum(-value, 0)[:, None, None] * negative[moved]


def _target_names(folder: Path) -> list[str]:
    """List a folder's local targets without those in `SKIPPED`, sorted."""
    names = sorted(path.name.removesuffix(".target.gz") for path in folder.glob("*.target.gz"))
    return [name for name in names if not any(part in name for part in SKIPPED)]


def _pair_sliders(names: list[str]) -> list[tuple[str, ...]]:
    """Group opposite targets (…-incr, …-decr) into one signed slider each."""
    sliders, used = [], set()
    for name in names:
        if name in used:
            continue
        stem, _, end = name.rpartition("-")
        twins = [f"{stem}-{b if end == a else a}" for a, b in OPPOSITES if end in (a, b)]
        slider = (name, *[twin for twin in twins if twin in names])
        used.update(slider)
        sliders.append(slider)
    return sliders


def align_rigidly(heads: np.ndarray, members: np.ndarray) -> None:
    """Remove each head's rotation and translation, in place (Kabsch on `members`)."""
    reference = heads[:, members].mean(0)
    for _ in range(2):
        centre = reference.mean(0)
        for index in range(len(heads)):
            points = heads[index][members]
            rotation, _ = Rotation.align_vectors(reference - centre, points - points.mean(0))
            heads[index] = rotation.apply(heads[index] - points.mean(0)) + centre
        reference = heads[:, members].mean(0)


def principal_components(heads: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """PCA by the Gram matrix: mean (V, 3), basis (K, V, 3) mm per sigma, share of variance."""
    mean = heads.mean(0, dtype=np.float64)
    deviations = (heads - mean.astype(np.float32)).reshape(len(heads), -1)
    gram = (deviations @ deviations.T).astype(np.float64) / (len(heads) - 1)
    values, vectors = np.linalg.eigh(gram)
    values, vectors = values[::-1][:N_COMPONENTS], vectors[:, ::-1][:, :N_COMPONENTS]
    basis = (vectors.T / np.sqrt(len(heads) - 1)) @ deviations  # rows: sigma * direction
    share = values.sum() / np.trace(gram)
    return mean, basis.reshape(N_COMPONENTS, -1, 3), share
