"""The inputs of a set of synthetic pairs: its settings, its poses, and the plan of its shards."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from facelib.files.setting import setting
from facelib.imaging.backgrounds import describable_textures, fingerprint
from facelib.synthetic.ingredients import Ingredients

FORMAT = 4  # increased whenever the same seed gives other pairs
SHARD_SIZE = 64
SMALLEST_PX = 16
PEOPLE = ("adults", "children")


@dataclass(frozen=True)
class PoseRange:
    """Ranges of uniformly drawn poses; the sign of a side view's yaw is drawn, too.

    Attributes:
        front_yaw_deg: largest |yaw| of a front view.
        side_yaw_deg: smallest and largest |yaw| of a side view.
        pitch_deg: largest |pitch| of both.
        roll_deg: largest |roll| of both.
    """

    front_yaw_deg: float
    side_yaw_deg: tuple[float, float]
    pitch_deg: float
    roll_deg: float


# The thesis's ranges (section 4.2), and everything that counts as a front or a side, with the pitch
# and roll of photos that are not posed. Hardly one in 20 of the latter is within the thesis's
# ranges: hence half of each. To find points in any photo, a third of the photos has a head from
# profile to profile, whichever of the pair it is, nodding and tilted as far as heads go.
POSES = {
    "thesis": (PoseRange(14.0, (67.5, 100.0), 9.0, 9.0),),
    "wide": (PoseRange(45.0, (45.0, 100.0), 25.0, 20.0),),
}
POSES["mixed"] = POSES["thesis"] + POSES["wide"]
POSES["any"] = POSES["mixed"] + (PoseRange(100.0, (0.0, 100.0), 40.0, 30.0),)


@dataclass(frozen=True)
class SyntheticSettings:
    """The settings of a set of pairs, apart from their number; each field's help describes it.

    `ingredients` are the additions to a plain head under plain light; all by default.

    Raises:
        ValueError: if a number is out of range or the preset does not exist.
    """

    size: int = setting(256, "Side of the photos, px.", minimum=SMALLEST_PX)
    seed: int = setting(0, "Seed of every random draw.", minimum=0)
    held_out: bool = setting(False, "Draw people who are in no training set of this seed.")
    pairs_per_person: int = setting(
        1, "Consecutive pairs of one person, with different expressions.", minimum=1
    )
    people: str = setting(
        "adults",
        "Whom to draw. Children are a stress set, extrapolated from adults, and only held out.",
        choices=PEOPLE,
    )
    ingredients: Ingredients = field(default_factory=Ingredients.all)
    preset: str = setting(
        "thesis",
        "Poses: as in the thesis, wide, half of each (mixed), or a third of each and of heads seen "
        "from anywhere in front (any).",
        choices=tuple(POSES),
    )
    sitting: bool = setting(
        False,
        "Take both photos in one sitting: the head turns; camera, light and background stay.",
    )

    def __post_init__(self) -> None:
        """Raise ValueError for settings out of range."""
        if self.size < SMALLEST_PX or self.pairs_per_person < 1 or self.seed < 0:
            raise ValueError(
                f"expected size of at least {SMALLEST_PX} px, pairs_per_person of at least 1 and "
                f"seed of at least 0, got {self.size}, {self.pairs_per_person}, {self.seed}"
            )
        if self.preset not in POSES:
            raise ValueError(f"expected a preset of {', '.join(POSES)}, got {self.preset!r}")
        if self.people not in PEOPLE:
            raise ValueError(f"expected people of {', '.join(PEOPLE)}, got {self.people!r}")
        if self.people == "children" and not (self.held_out and self.ingredients.origins):
            raise ValueError(
                "children are a stress set and never for training: expected them held out and "
                "with the ingredient origins, which gives people an age"
            )


@dataclass(frozen=True)
class Plan:
    """The samples that a folder shall hold.

    Attributes:
        count: number of samples.
        settings: their settings.
        first: index of the first sample, to extend a set in a second folder.
        truth: also store the annotations per pixel.
        shard_size: samples per shard; the last one may have fewer.

    Raises:
        ValueError: if a number is out of range.
    """

    count: int = field(metadata={"help": "How many pairs.", "minimum": 1})
    settings: SyntheticSettings = field(default_factory=SyntheticSettings)
    first: int = setting(0, "Number of the first sample.", minimum=0)
    truth: bool = setting(False, "Also store label, normal and depth per pixel: 1.4 MB per pair.")
    shard_size: int = setting(
        SHARD_SIZE, "Pairs per file, which one worker makes at a time.", minimum=1
    )

    def __post_init__(self) -> None:
        """Raise ValueError for numbers out of range."""
        if self.count < 1 or self.first < 0 or self.shard_size < 1:
            raise ValueError(
                "expected count and shard_size of at least 1 and first of at least 0, "
                f"got {self.count}, {self.shard_size} and {self.first}"
            )

    def indices(self, shard: int) -> range:
        """Return the indices of a shard's samples."""
        start = self.first + shard * self.shard_size
        return range(start, min(start + self.shard_size, self.first + self.count))

    @property
    def n_shards(self) -> int:
        """The number of shards."""
        return -(-self.count // self.shard_size)

    def described(self) -> dict:
        """Return everything that determines the folder's bytes, for the manifest."""
        numbers = {name: getattr(self, name) for name in ("first", "count", "truth", "shard_size")}
        described = {"source": "synthetic", "format": FORMAT, **numbers, **asdict(self.settings)}
        described["describable_textures"] = fingerprint(describable_textures())
        return json.loads(json.dumps(described))
