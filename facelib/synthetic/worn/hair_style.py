"""A person's hairstyle, as plain numbers, drawn at random."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

# Frequency of each kind for men, for women and, per melanin, for all; scaled to a sum of 1.
KIND_SHARES = {
    "bald": (0.09, 0.0, 0.0),
    "cropped": (0.3, 0.0, 0.0),
    "short": (0.5, 0.04, 0.0),
    "swept": (0.25, 0.1, 0.0),
    "bowl": (0.12, 0.12, 0.0),
    "bob": (0.03, 0.22, 0.0),
    "long": (0.03, 0.34, 0.0),
    "tied": (0.03, 0.24, 0.0),
    "coily": (0.0, 0.0, 0.15),
}
HAIR_KINDS = tuple(KIND_SHARES)
# Where hair is tied, mm on the mean head.
KNOTS = {"high": (0.0, 92.0, -112.0), "low": (0.0, -20.0, -108.0)}
# Ranges of the uniform draws of each style; other fields keep their default.
SPANS: dict[str, dict[str, tuple[float, float]]] = {
    "bald": {},
    "cropped": {
        "top_mm": (5, 16),
        "side_mm": (3, 9),
        "back_mm": (3, 10),
        "volume_mm": (2.5, 5),
        "forward": (0.2, 1),
    },
    "short": {
        "top_mm": (28, 60),
        "side_mm": (10, 26),
        "back_mm": (12, 30),
        "volume_mm": (7, 16),
        "forward": (-0.4, 0.8),
        "fringe_mm": (0, 34),
    },
    "swept": {
        "top_mm": (60, 110),
        "side_mm": (30, 60),
        "back_mm": (35, 70),
        "volume_mm": (8, 18),
        "forward": (-1, -0.6),
    },
    "bowl": {
        "top_mm": (85, 120),
        "side_mm": (50, 80),
        "back_mm": (45, 80),
        "volume_mm": (9, 16),
        "forward": (0.2, 0.6),
        "fringe_mm": (42, 62),
    },
    "bob": {
        "top_mm": (190, 235),
        "side_mm": (110, 160),
        "back_mm": (100, 150),
        "volume_mm": (12, 24),
        "forward": (-0.2, 0.3),
    },
    "long": {
        "top_mm": (320, 420),
        "side_mm": (260, 360),
        "back_mm": (240, 360),
        "volume_mm": (12, 26),
        "forward": (-0.4, 0.2),
    },
    "tied": {
        "top_mm": (200, 260),
        "side_mm": (200, 240),
        "back_mm": (160, 220),
        "volume_mm": (3, 7),
    },
    "coily": {"top_mm": (8, 18), "side_mm": (8, 14), "back_mm": (8, 14), "volume_mm": (8, 42)},
}
# Number of strands of each style, and half width of a ribbon, mm.
STRANDS = {
    "bald": (0, 1.0),
    "cropped": (3400, 0.9),
    "short": (2200, 1.5),
    "swept": (1500, 1.9),
    "bowl": (1300, 2.2),
    "bob": (720, 3.2),
    "long": (720, 3.6),
    "tied": (1000, 2.2),
    "coily": (3000, 2.3),
}


CURLY_SHARE, CURLY_PER_MELANIN = 0.25, 0.5
CURLY_MM, STRAIGHT_MM = (1.5, 5.0), (0.0, 1.2)  # radius of the curls
CURLY_WAVE_MM, STRAIGHT_WAVE_MM = (16, 60), (50, 120)
RECEDING_SHARE, RECEDING_MM = 0.25, (8, 32)  # of the men
HAIRLINE_DEVIATION_MM, HAIRLINE_MM = 3, (-8, 32)
FRINGE_SHARE, FRINGE_MM = 0.35, (45, 62)  # of the kinds WITH_FRINGE
WITH_FRINGE = ("bob", "long")
# Hair from the parting across one half of the face, to the cheek or below the chin.
CURTAIN_SHARE, CURTAIN_MM = 0.08, (105, 300)  # of the kinds WITH_FRINGE
CURTAIN_PART_MM = (4, 26)
PART_MM = (0, 38)
GLOSS = (0.05, 0.3)


@dataclass(frozen=True)
class HairStyle:
    """A person's hairstyle.

    Attributes:
        kind: one of `HAIR_KINDS`.
        top_mm: length of the strands on top.
        side_mm: length at the sides.
        back_mm: length at the back.
        volume_mm: distance of the outer strands from the skin.
        part_mm: position of the parting: x on the mean head.
        forward: −1 combed back .. 1 combed forward.
        fringe_mm: length over the forehead; 0 for a free forehead.
        curtain_mm: length across the half of the face away from the parting; 0 for a free face.
        curl_mm: radius of the curls; 0 is straight.
        wave_mm: length along the strand of one winding of a curl.
        knot: "" or where the hair is tied: a key of `KNOTS`.
        bun: whether tied hair is rolled up.
        hairline_mm: how far the hairline recedes.
        strands: number of strands.
        half_width_mm: of a ribbon.
        color: (3,) linear RGB.
        gloss: strength of the highlight.
        seed: of everything that varies from strand to strand.
    """

    kind: str = "short"
    top_mm: float = 55.0
    side_mm: float = 25.0
    back_mm: float = 30.0
    volume_mm: float = 10.0
    part_mm: float = 25.0
    forward: float = 0.0
    fringe_mm: float = 0.0
    curtain_mm: float = 0.0
    curl_mm: float = 0.0
    wave_mm: float = 40.0
    knot: str = ""
    bun: bool = False
    hairline_mm: float = 0.0
    strands: int = 1500
    half_width_mm: float = 1.5
    color: tuple[float, float, float] = (0.045, 0.024, 0.013)
    gloss: float = 0.25
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the kind and the knot."""
        if self.kind not in HAIR_KINDS or self.knot not in ("", *KNOTS):
            raise ValueError(
                f"expected a kind of {HAIR_KINDS}, got {self.kind!r}, knot {self.knot!r}"
            )


def random_hair_style(
    rng: np.random.Generator,
    color: np.ndarray,
    melanin: float = 0.3,
    feminine: float = 0.5,
    adult: bool = True,
) -> HairStyle:
    """Draw a style.

    Args:
        rng: draws.
        color: (3,) linear RGB.
        melanin: of the skin, 0..1; curls get more frequent with it.
        feminine: 0..1; how likely the long styles are.
        adult: whether hair may be lost.
    """
    masculine = 1 - feminine
    men, women, all_ = np.array(list(KIND_SHARES.values())).T
    shares = men * masculine + women * feminine + all_ * melanin
    shares[HAIR_KINDS.index("bald")] *= adult
    kind = str(rng.choice(HAIR_KINDS, p=shares / shares.sum()))
    curly = rng.random() < CURLY_SHARE + CURLY_PER_MELANIN * melanin
    curl_mm = rng.uniform(*(CURLY_MM if curly else STRAIGHT_MM))
    receding = rng.random() < RECEDING_SHARE * masculine * adult
    hairline = rng.uniform(*RECEDING_MM) if receding else rng.normal(0, HAIRLINE_DEVIATION_MM)
    chosen = {name: float(rng.uniform(*span)) for name, span in SPANS[kind].items()}
    if kind in WITH_FRINGE and rng.random() < FRINGE_SHARE:
        chosen["fringe_mm"] = float(rng.uniform(*FRINGE_MM))
    knot = str(rng.choice(list(KNOTS))) if kind == "tied" else ""
    style = HairStyle(
        kind=kind,
        part_mm=float(rng.choice([-1, 1]) * rng.uniform(*PART_MM)),
        curl_mm=float(curl_mm),
        wave_mm=float(rng.uniform(*(CURLY_WAVE_MM if curly else STRAIGHT_WAVE_MM))),
        knot=knot,
        bun=bool(rng.random() < 0.5),
        hairline_mm=float(np.clip(hairline, *HAIRLINE_MM)),
        strands=STRANDS[kind][0],
        half_width_mm=STRANDS[kind][1],
        color=tuple(float(value) for value in color),
        gloss=float(rng.uniform(*GLOSS)),
        seed=int(rng.integers(2**31)),
        **chosen,
    )
    if kind not in WITH_FRINGE or rng.random() > CURTAIN_SHARE:
        return style
    return replace(
        style,
        part_mm=float(np.sign(style.part_mm) * rng.uniform(*CURTAIN_PART_MM)),
        curtain_mm=float(min(rng.uniform(*CURTAIN_MM), style.top_mm)),
        fringe_mm=0.0,
    )
