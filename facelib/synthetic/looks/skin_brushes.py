"""Compiled loops that paint a whole skin: dyes with mottles, freckles and creases, and its relief.

Rows of the page are built in small buffers, so that every loop runs along memory.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from facelib.synthetic.looks.complexion import BLOOD, FLOOR, MELANIN, PALE

COARSE = 4  # the smooth dyes are given on a grid this many times coarser
PER_BYTE = np.float32(1 / 255)


@njit(cache=True)
def carve(relief, top, left, profile, depth):
    """Add a group of lines to the relief, mm; profile is int8, −120 at a valley's bottom."""
    scale = np.float32(depth / 120)
    for row in range(profile.shape[0]):
        for col in range(profile.shape[1]):
            relief[top + row, left + col] += profile[row, col] * scale


@njit(cache=True, error_model="numpy", fastmath={"contract", "arcp", "nsz", "reassoc"})
def paint_dyes(melanin, blood, maps, mottle, spots, pores, shifts, weights, out, relief):
    """Dye the page and roughen its relief.

    Args:
        melanin: (size/4, size/4) float32, smooth.
        blood: (size/4, size/4) float32, smooth.
        maps: (3, size, size) uint8: lips, where skin is mottled, how coarse the pores are.
        mottle: (2, size, size) int8, seamless noise of deviation 32: soft and fine.
        spots: (size, size) uint8, seamless.
        pores: (size, size) int8, seamless.
        shifts: (4,) int: rows and columns by which spots and noise are moved.
        weights: (10,) float32: of lips in melanin and blood; of soft noise in both; of fine noise
            in melanin; of freckles; of pores, mm; of creases in melanin and blood per mm; of pores
            in melanin.
        out: (size, size, 3) float32, written.
        relief: (size, size) float32, mm: creases in, creases and pores out.
    """
    size = out.shape[0]
    coarse = melanin.shape[1]
    m, b = np.empty(size, np.float32), np.empty(size, np.float32)
    lm, lb = np.empty(coarse, np.float32), np.empty(coarse, np.float32)
    tone = np.empty((3, size), np.float32)
    zero, half, one = np.float32(0), np.float32(0.5), np.float32(1)
    per_spot, per_noise = weights[5] * PER_BYTE * PER_BYTE, np.float32(1 / 32 / 255)
    pore_mm = weights[6] * PER_BYTE * np.float32(1 / 127)
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
                there = maps[1, row, c] * per_noise
                soft = mottle[0, noise_row, c + move] * there
                fine = mottle[1, noise_row, c + move] * there
                m[c] += soft * weights[2] + fine * weights[4]
                b[c] += soft * weights[3]
                pit = np.float32(pores[noise_row, c + move]) * np.float32(maps[2, row, c])
                groove = min(relief[row, c], zero)
                m[c] += groove * weights[7] + pit * pore_mm * weights[9]
                b[c] += groove * weights[8]
                relief[row, c] += pit * pore_mm
        for part in range(2):
            start = (size - shifts[1]) * part
            stop = size if part else size - shifts[1]
            move = shifts[1] - size * part
            for c in range(start, stop):
                spot = np.float32(spots[spot_row, c + move]) * np.float32(maps[1, row, c])
                lips = np.float32(maps[0, row, c]) * PER_BYTE
                m[c] += spot * per_spot + lips * weights[0]
                b[c] += lips * weights[1]
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
    """Row of a field that is COARSE times finer, bilinear, texel centres aligned."""
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
    """Lay a colour, linear RGB and opacity, over the page where a uint8 mask says so."""
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
    """Shaven or short hair: a veil of the hair's colour that gathers in dots."""
    strength = color[3] * PER_BYTE
    for row in range(mask.shape[0]):
        for col in range(mask.shape[1]):
            share = mask[row, col] * strength
            if share > 0:
                dots = np.float32(0.55) + np.float32(0.014) * grain[top + row, left + col]
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
                page[r, c, k] *= np.float32(1) - inside * np.float32(0.45 + 0.1 * k)
