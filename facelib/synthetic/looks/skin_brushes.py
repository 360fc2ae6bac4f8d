"""Compiled loops that paint a whole skin: dyes with mottles, freckles and creases, and its relief.

Rows of the page are built in small buffers, so that every loop runs along memory.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from facelib.synthetic.looks.complexion import BLOOD, FLOOR, MELANIN, PALE
from facelib.synthetic.looks.relief import DEEP

COARSE = 4  # the smooth dyes are given on a grid this many times coarser
PER_BYTE = np.float32(1 / 255)
NOISE_DEVIATION = 32  # of mottles, as int8
PIT = 127  # int8 value of the deepest pore
STUBBLE, STUBBLE_PER_NOISE = 0.55, 0.014  # opacity of stubble, and its change with noise
MOLE_DARK = (0.45, 0.55, 0.65)  # absorption of moles, RGB


class DyeWeights(NamedTuple):
    """Weights of small details in a person's two dyes, and the depth of the pores.

    Attributes:
        lips_melanin: melanin of the lips.
        lips_blood: their blood.
        soft_melanin: melanin per deviation of the soft mottles.
        soft_blood: blood per deviation of the soft mottles.
        fine_melanin: melanin per deviation of the fine mottles.
        freckles: melanin of the darkest freckle.
        pores_mm: depth of the deepest pore.
        crease_melanin: melanin per mm of height: below 0, as valleys are dark.
        crease_blood: blood per mm of height.
        pore_melanin: melanin per mm of height.
    """

    lips_melanin: float
    lips_blood: float
    soft_melanin: float
    soft_blood: float
    fine_melanin: float
    freckles: float
    pores_mm: float
    crease_melanin: float
    crease_blood: float
    pore_melanin: float


# Places in an array of `DyeWeights`: the kernel reads them from memory, because the compiler would
# multiply constants with each other first and so change the page's last bits.
(
    _LIPS_MELANIN,
    _LIPS_BLOOD,
    _SOFT_MELANIN,
    _SOFT_BLOOD,
    _FINE_MELANIN,
    _FRECKLES,
    _PORES_MM,
    _CREASE_MELANIN,
    _CREASE_BLOOD,
    _PORE_MELANIN,
) = range(len(DyeWeights._fields))


class SkinMaps(NamedTuple):
    """Maps of a page that all people share.

    Attributes:
        lips: (size, size) uint8: where lips are,
        mottled: (size, size) uint8: where skin is mottled and freckled,
        coarse: (size, size) uint8: and how coarse its pores are.
        soft: (size, size) int8, seamless noise of deviation `NOISE_DEVIATION`,
        fine: (size, size) int8: and finer noise.
        spots: (size, size) uint8, seamless: freckles.
        pores: (size, size) int8, seamless, down to −`PIT`.
    """

    lips: np.ndarray
    mottled: np.ndarray
    coarse: np.ndarray
    soft: np.ndarray
    fine: np.ndarray
    spots: np.ndarray
    pores: np.ndarray


@njit(cache=True)
def carve(relief, top, left, profile, depth):
    """Add a group of lines to the relief, mm; profile is int8, −DEEP at a valley's bottom."""
    scale = np.float32(depth / DEEP)
    for row in range(profile.shape[0]):
        for col in range(profile.shape[1]):
            relief[top + row, left + col] += profile[row, col] * scale


@njit(cache=True, error_model="numpy", fastmath={"contract", "arcp", "nsz", "reassoc"})
def paint_dyes(melanin, blood, maps, shifts, weights, out, relief):
    """Dye the page and roughen its relief.

    Args:
        melanin: (size/4, size/4) float32, smooth.
        blood: (size/4, size/4) float32, smooth.
        maps: `SkinMaps`.
        shifts: (4,) int: rows and columns by which spots, and then noise and pores, are moved.
        weights: (10,) float32: `DyeWeights`.
        out: (size, size, 3) float32, written, linear RGB.
        relief: (size, size) float32, mm: creases in, creases and pores out.
    """
    size = out.shape[0]
    coarse = melanin.shape[1]
    m, b = np.empty(size, np.float32), np.empty(size, np.float32)
    lm, lb = np.empty(coarse, np.float32), np.empty(coarse, np.float32)
    tone = np.empty((3, size), np.float32)
    zero, half, one = np.float32(0), np.float32(0.5), np.float32(1)
    per_spot = weights[_FRECKLES] * PER_BYTE * PER_BYTE
    per_noise = np.float32(1 / NOISE_DEVIATION / 255)
    pore_mm = weights[_PORES_MM] * PER_BYTE * np.float32(1 / PIT)
    for row in range(size):
        _enlarge_row(melanin, row, lm, m)
        _enlarge_row(blood, row, lb, b)
        spot_row, noise_row = (row + shifts[0]) % size, (row + shifts[2]) % size
        for part in range(2):
            # Two runs, before and after the seam, so that the loop needs no remainder.
            start = (size - shifts[3]) * part
            stop = size if part else size - shifts[3]
            move = shifts[3] - size * part
            for c in range(start, stop):
                there = maps.mottled[row, c] * per_noise
                soft = maps.soft[noise_row, c + move] * there
                fine = maps.fine[noise_row, c + move] * there
                m[c] += soft * weights[_SOFT_MELANIN] + fine * weights[_FINE_MELANIN]
                b[c] += soft * weights[_SOFT_BLOOD]
                pit = np.float32(maps.pores[noise_row, c + move]) * np.float32(maps.coarse[row, c])
                groove = min(relief[row, c], zero)
                m[c] += groove * weights[_CREASE_MELANIN] + pit * pore_mm * weights[_PORE_MELANIN]
                b[c] += groove * weights[_CREASE_BLOOD]
                relief[row, c] += pit * pore_mm
        for part in range(2):
            start = (size - shifts[1]) * part
            stop = size if part else size - shifts[1]
            move = shifts[1] - size * part
            for c in range(start, stop):
                spot = np.float32(maps.spots[spot_row, c + move])
                spot *= np.float32(maps.mottled[row, c])
                lips = np.float32(maps.lips[row, c]) * PER_BYTE
                m[c] += spot * per_spot + lips * weights[_LIPS_MELANIN]
                b[c] += lips * weights[_LIPS_BLOOD]
        for k in range(3):
            dark, red = np.float32(MELANIN[k] / 64), np.float32(BLOOD[k] / 64)
            base, floor = np.float32(PALE[k]), np.float32(FLOOR)
            for c in range(size):
                # exp(−z) as (1 + z/64 + z²/8192)^−64: within half a percent up to z = 5.
                z = dark * max(m[c], zero) + red * max(b[c], zero)
                p = one + z + half * z * z
                p2 = p * p
                p4 = p2 * p2
                p8 = p4 * p4
                p16 = p8 * p8
                p32 = p16 * p16
                tone[k, c] = floor + base / (p32 * p32)
        for c in range(size):
            out[row, c, 0], out[row, c, 1], out[row, c, 2] = tone[0, c], tone[1, c], tone[2, c]


@njit(cache=True, inline="always")
def _enlarge_row(field, row, blended, out):
    """Enlarge a row of a field COARSE (4) times, bilinear, texel centres aligned."""
    count = field.shape[0]
    y = (np.float32(row) + np.float32(0.5)) / np.float32(COARSE) - np.float32(0.5)
    y = min(max(y, np.float32(0)), np.float32(count - 1))
    top = int(y)
    below, share = min(top + 1, count - 1), y - np.float32(top)
    for i in range(field.shape[1]):
        blended[i] = field[top, i] + (field[below, i] - field[top, i]) * share
    last = field.shape[1] - 1
    for i in range(last + 1):
        previous, following = blended[max(i - 1, 0)], blended[min(i + 1, last)]
        here = blended[i]
        out[4 * i] = here + (previous - here) * np.float32(0.375)
        out[4 * i + 1] = here + (previous - here) * np.float32(0.125)
        out[4 * i + 2] = here + (following - here) * np.float32(0.125)
        out[4 * i + 3] = here + (following - here) * np.float32(0.375)


@njit(cache=True)
def cover(page, top, left, mask, color):
    """Blend a colour, linear RGB and opacity, over the page through a uint8 mask."""
    strength = color[3] * PER_BYTE
    for row in range(mask.shape[0]):
        for col in range(mask.shape[1]):
            share = mask[row, col] * strength
            if share > 0:
                for k in range(3):
                    here = page[top + row, left + col, k]
                    page[top + row, left + col, k] = here + (color[k] - here) * share


@njit(cache=True)
def stubble(page, top, left, mask, grain, color):
    """Shaven or short hair: a transparent layer of the hair's colour with dots."""
    strength = color[3] * PER_BYTE
    for row in range(mask.shape[0]):
        for col in range(mask.shape[1]):
            share = mask[row, col] * strength
            if share > 0:
                noise = grain[top + row, left + col]
                dots = np.float32(STUBBLE) + np.float32(STUBBLE_PER_NOISE) * noise
                share *= min(max(dots, np.float32(0)), np.float32(1))
                for k in range(3):
                    here = page[top + row, left + col, k]
                    page[top + row, left + col, k] = here + (color[k] - here) * share


@njit(cache=True)
def add_mole(page, relief, row, col, radius_px, height):
    """A dark, slightly raised spot with a soft rim; it multiplies the colour below it."""
    reach = int(radius_px * 2) + 2
    for r in range(max(row - reach, 0), min(row + reach + 1, relief.shape[0])):
        for c in range(max(col - reach, 0), min(col + reach + 1, relief.shape[1])):
            d = ((r - row) ** 2 + (c - col) ** 2) / (radius_px * radius_px)
            inside = np.float32(np.exp(-d * d))
            relief[r, c] += height * inside
            for k in range(3):
                page[r, c, k] *= np.float32(1) - inside * np.float32(MOLE_DARK[k])
