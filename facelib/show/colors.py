"""Colours for numbers, without matplotlib: viridis, and its scale as SVG."""

from __future__ import annotations

import html
import re

import numpy as np

# Samples of matplotlib's viridis (CC0): its lightness is linear, in grey and for the
# colour-blind too.
_VIRIDIS = np.array(
    [
        [0.267, 0.005, 0.329], [0.282, 0.095, 0.417], [0.279, 0.175, 0.483],
        [0.259, 0.252, 0.525], [0.230, 0.322, 0.546], [0.199, 0.388, 0.555],
        [0.173, 0.449, 0.558], [0.149, 0.508, 0.557], [0.128, 0.567, 0.551],
        [0.121, 0.626, 0.533], [0.158, 0.684, 0.502], [0.246, 0.739, 0.452],
        [0.369, 0.789, 0.383], [0.516, 0.831, 0.294], [0.678, 0.864, 0.190],
        [0.846, 0.887, 0.100], [0.993, 0.906, 0.144],
    ]
)  # fmt: skip
_STOPS = np.linspace(0, 1, len(_VIRIDIS))


def viridis(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Colour numbers: (…) to (…, 3) float32 RGB in 0..1; values beyond low and high are clipped."""
    share = (np.asarray(values, np.float64) - low) / max(high - low, 1e-12)
    return np.stack([np.interp(share, _STOPS, c) for c in _VIRIDIS.T], axis=-1).astype(np.float32)


def color_scale(low: float, high: float, unit: str, label: str) -> str:
    """Return the scale of `viridis` as an SVG element: a bar with numbers below it."""
    stops = "".join(
        f'<stop offset="{stop:.3f}" stop-color="{hex_color(color)}"/>'
        for stop, color in zip(_STOPS, _VIRIDIS, strict=True)
    )
    numbers = "".join(
        f'<text x="{10 + 280 * (tick - low) / (high - low):.0f}" y="38" text-anchor="middle">'
        f"{_number(tick)}</text>"
        for tick in _round_numbers(low, high)
    )
    name = html.escape(f"{label} [{unit}]")
    gradient = "scale-" + re.sub(r"\W+", "-", label)  # an id that no other scale of the page has
    return (
        '<svg class="scale" viewBox="-8 0 316 60" fill="currentColor" role="img" '
        f'aria-label="Colour scale: {name} from {_number(low)} to {_number(high)}">'
        f'<linearGradient id="{gradient}">{stops}</linearGradient>'
        f'<rect x="10" y="4" width="280" height="18" fill="url(#{gradient})"/>{numbers}'
        f'<text x="150" y="56" text-anchor="middle">{name}</text></svg>'
    )


def _round_numbers(low: float, high: float) -> np.ndarray:
    """Return three to six multiples of 1, 2 or 5 times a power of ten from low to high."""
    power = 10.0 ** np.floor(np.log10((high - low) / 2))
    steps = power * np.array([0.5, 1, 2, 5])
    step = next(s for s in steps if np.floor(high / s + 1e-9) - np.ceil(low / s - 1e-9) <= 5)
    return step * np.arange(np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9) + 1)


def _number(value: float) -> str:
    return f"{value + 0.0:.4g}".replace("-", "−")


def hex_color(color: np.ndarray) -> str:
    """Return #rrggbb for (3,) RGB in 0..1."""
    return "#" + "".join(f"{round(255 * float(c)):02x}" for c in color)
