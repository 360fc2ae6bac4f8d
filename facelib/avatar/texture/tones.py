"""The person's own colours, of skin, lips and hair, and what in a photo is none of them.

A colour is compared in logs: of its brightness, which light changes, and of red and blue relative
to green, which light hardly changes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from facelib.imaging.effects import box_mean

DARKEST = 4.0  # of 255, below which a log means nothing
MAD_TO_DEVIATION = 1.4826
LEAST_SPREAD = np.float32([0.16, 0.035, 0.05])  # of log brightness, red and blue relative to green
MOST_SPREAD = np.float32([0.30, 0.09, 0.14])
ALIKE = 2.5  # standard deviations up to which a colour surely belongs
SURE, FEW = 0.25, 50  # quality of texels that are measured, and how many it takes
HAIR_MM = 64.0  # range of the map of hair: from so far before the hairline to so far behind it
HAIRY_MM, HAIR_SURE = 6.0, 0.05  # hair is measured so far behind the hairline, from this quality
# Logs of red/green and of blue/green that hair has in most light: no hats in bright colours.
HAIR_RED, HAIR_BLUE = (-0.15, 0.9), (-1.2, 0.25)
HAIR_DARKER, HAIR_GREYER = 0.45, 0.15  # logs by which hair is darker than skin, or less red
FAIR_HAIR = np.float32([1, 0.5, 0.5])  # how much of its measured colour fair hair keeps
HAIR_AMONG = 0.2  # share of such texels there that makes hair
BEFORE_MM = 8.0  # hair is accepted so far before the hairline
# Texels are left out unless so many around them are alike: hair shades the skin next to it.
AROUND_PX, LIPS_AROUND_PX, AMONG_ALIKE = 5, 2, 0.85
STRANGE = 4.0  # standard deviations that no light on skin explains
STRANGE_PX, STRANGE_AMONG = 1, 0.3  # around a texel, and how many of those leave it out
BEHIND_GLASSES = 3.0  # median of the same deviations around an eye behind dark glasses
BARE = 0.1  # share of beards, brows and lids in what counts as skin
# The fit does not know where ears are. Of its quality an ear keeps a share, unless so many of its
# texels are seen, and so many of those are skin.
EARS, EAR_SEEN, EAR_SURE = 0.1, 0.4, 0.6


@dataclass(frozen=True)
class Tone:
    """A normal distribution of colours in logs.

    Attributes:
        middle: (3,) float32: log of green, of red/green and of blue/green.
        spread: (3,) float32, their standard deviations.
    """

    middle: np.ndarray
    spread: np.ndarray

    @classmethod
    def of(cls, colors: np.ndarray) -> Tone:
        """Measure the tone of (n, 3) colours, 0..255: medians, which outliers hardly move."""
        logs = log_tones(colors)
        middle = np.median(logs, axis=0)
        spread = MAD_TO_DEVIATION * np.median(np.abs(logs - middle), axis=0)
        return cls(middle, np.clip(spread, LEAST_SPREAD, MOST_SPREAD))

    def likeness(self, colors: np.ndarray) -> np.ndarray:
        """Rate (..., 3) colours, 0..255: (...) float32, 1 for colours alike, 0 for others."""
        return _likeness(self.distance(colors))

    def distance(self, colors: np.ndarray) -> np.ndarray:
        """Measure how far (..., 3) colours, 0..255, are from the middle, in deviations: (...)."""
        away = (log_tones(colors) - self.middle) / self.spread
        return np.sqrt(np.einsum("...k,...k->...", away, away))

    @property
    def color(self) -> np.ndarray:
        """(3,) float32 RGB, 0..255: the middle."""
        green, red, blue = self.middle
        return np.exp(np.float32([green + red, green, green + blue]))


@dataclass(frozen=True)
class OwnColors:
    """What a photo shows of the person.

    Attributes:
        skin: tone of the skin.
        lips: tone of the lips.
        hair: tone of the hair; None if the photo shows none.
        bare: (h, w) float32 in 0..1: how far a texel is as skin is.
        share: (h, w) float32 in 0..1: how far a texel is the person's.
    """

    skin: Tone
    lips: Tone
    hair: Tone | None
    bare: np.ndarray
    share: np.ndarray


def log_tones(colors: np.ndarray) -> np.ndarray:
    """Convert (..., 3) RGB, 0..255, to logs of green, red/green, blue/green: (..., 3) float32."""
    logs = np.log(np.maximum(colors, np.float32(DARKEST)))
    logs[..., 0] -= logs[..., 1]
    logs[..., 2] -= logs[..., 1]
    return logs[..., [1, 0, 2]]


def hair_depth_mm(maps: dict[str, np.ndarray]) -> np.ndarray:
    """(h, w) float32: how far behind the usual hairline a texel is, on the mean head."""
    return (maps["hair"] - np.float32(0.5)) * np.float32(HAIR_MM)


def own_colors(
    color: np.ndarray, rated: np.ndarray, framed: np.ndarray, maps: dict[str, np.ndarray]
) -> OwnColors:
    """Measure the person's colours in a photo, and find what has others: walls, collars, strands.

    In the middle of the face, brows, lids, beards and make-up differ from skin, and the points'
    visibility shows what covers it; only what is most unlike skin is left out there: glasses.

    Args:
        color: (h, w, 3) float32, the coarse page in evened light, 0..255.
        rated: (h, w) float32, its quality.
        framed: (h, w) bool: texels that show the frame of glasses.
        maps: of `paint.page_maps`.
    """
    inner, hair_mm = maps["inner"], hair_depth_mm(maps)
    plain = (inner > 0.5) & (maps["features"] < BARE) & (maps["eyes"] == 0)
    skin = _measured(color, rated, plain)
    distance = skin.distance(color)
    alike = bare = _likeness(distance)
    hair = _hair(color, rated, skin, hair_mm)
    if hair is not None:
        alike = np.maximum(alike, hair.likeness(color) * (hair_mm > -BEFORE_MM))
    share = _alike_around(alike, AROUND_PX)
    exempt = np.maximum(inner, maps["features"]) * _free_of_glasses(distance, rated, maps)
    share = exempt + (1 - exempt) * share
    mouth = maps["lips"] > 0.5
    lips = _measured(color, rated, mouth)
    alike = np.ones_like(rated)
    alike[mouth] = lips.likeness(color[mouth])
    share *= _alike_around(alike, LIPS_AROUND_PX) * ~framed
    if hair is not None and hair.middle[0] > skin.middle[0]:  # skin shines through fair hair
        hair = replace(hair, middle=hair.middle * FAIR_HAIR)
    share *= _free_of_doubtful_ears(share, rated, maps["ears"])
    return OwnColors(skin, lips, hair, bare, share)


def _likeness(distance: np.ndarray) -> np.ndarray:
    return np.exp(-(np.maximum(distance - ALIKE, 0) ** 2)).astype(np.float32)


def _alike_around(alike: np.ndarray, reach_px: int) -> np.ndarray:
    """(h, w) float32 in 0..1: 0 where too many texels around are strange."""
    return np.clip((box_mean(alike, reach_px) - AMONG_ALIKE) / (1 - AMONG_ALIKE), 0, 1)


def _free_of_glasses(
    distance: np.ndarray, rated: np.ndarray, maps: dict[str, np.ndarray]
) -> np.ndarray:
    """(h, w) float32: 0 for texels most unlike skin where no beard grows, and behind dark glasses.

    Dark glasses leave most of the skin around an eye unlike skin: at a large distance, in standard
    deviations of its tone.
    """
    bare = (maps["beard"] < BARE) & (maps["features"] < BARE)
    strange = np.float32(bare & (distance > STRANGE))
    free = (box_mean(strange, STRANGE_PX) < STRANGE_AMONG).astype(np.float32)
    middle = free.shape[1] // 2
    for half in (np.s_[:, :middle], np.s_[:, middle:]):
        eye = maps["eyes"][half] > 0
        skin_around = distance[half][eye & bare[half] & (rated[half] > 0)]
        if len(skin_around) > FEW and np.median(skin_around) > BEHIND_GLASSES:
            free[half][eye] = 0
    return free


def _free_of_doubtful_ears(share: np.ndarray, rated: np.ndarray, ears: np.ndarray) -> np.ndarray:
    """(h, w) float32: EARS on an ear of which a photo shows little, or much besides skin."""
    kept = 1 - (1 - np.float32(EARS)) * ears
    middle = ears.shape[1] // 2
    for half in (np.s_[:, :middle], np.s_[:, middle:]):
        shown = ears[half] * (rated[half] > 0)
        seen = shown.sum() > EAR_SEEN * ears[half].sum()
        if seen and (shown * share[half]).sum() > EAR_SURE * shown.sum():
            kept[half] = 1
    return kept


def _measured(color: np.ndarray, rated: np.ndarray, where: np.ndarray) -> Tone:
    for least in (SURE, 0.0):
        at = where & (rated > least)
        if at.sum() >= FEW:
            return Tone.of(color[at])
    return Tone.of(color[rated > 0] if (rated > 0).any() else color.reshape(-1, 3))


def _hair(color: np.ndarray, rated: np.ndarray, skin: Tone, hair_mm: np.ndarray) -> Tone | None:
    """Find the tone of the hair on the scalp; None if it is bald, or under a hat."""
    there = color[(hair_mm > HAIRY_MM) & (rated > HAIR_SURE)]
    brightness, red, _ = (log_tones(there) - skin.middle).T
    other = there[(brightness < -HAIR_DARKER) | (red < -HAIR_GREYER)]
    if len(other) < max(HAIR_AMONG * len(there), 4 * FEW):
        return None
    hair = Tone.of(other)
    _, red, blue = hair.middle
    likely = HAIR_RED[0] < red < HAIR_RED[1] and HAIR_BLUE[0] < blue < HAIR_BLUE[1]
    return hair if likely else None
