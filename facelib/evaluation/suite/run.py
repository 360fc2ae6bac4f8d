"""Do the whole suite: a row of numbers per person, method and point of a curve."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date

import numpy as np
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from facelib.evaluation.pairs import mean_vertices
from facelib.evaluation.suite.curves import CURVES, NONE, OTHER, Curve, Point, shortened
from facelib.evaluation.suite.errors import all_errors, quick_errors, regions
from facelib.evaluation.suite.peers import SHIPPED, network, peers
from facelib.evaluation.suite.people import Taken, take
from facelib.evaluation.suite.record import Row
from facelib.face.layout import load_layout
from facelib.files.atomic import sha256
from facelib.files.paths import data_file
from facelib.files.revision import revision
from facelib.fitting.fit import HeadFit
from facelib.geometry.registration import umeyama
from facelib.imaging.crop import Crop
from facelib.synthetic.samples import make_pair
from facelib.synthetic.settings import FORMAT, SyntheticSettings

DIGITS = 4
DEFAULT = "dense", "dense.safetensors"


@dataclass(frozen=True)
class Suite:
    """What is measured.

    Attributes:
        n_people: people on whom all methods are compared.
        n_mean: training pairs behind the mean face.
        n_varied: the first of them, who stand behind every point of every curve.
        curves: what is varied.
        seed: of the people, whom no network has seen.
        size: px of the photos.
    """

    n_people: int = 100
    n_mean: int = 200
    n_varied: int = 60
    curves: tuple[Curve, ...] = CURVES
    seed: int = 2028
    size: int = 256

    @property
    def people(self) -> SyntheticSettings:
        """Settings of the people who are measured."""
        return SyntheticSettings(self.size, self.seed, held_out=True)

    @property
    def training(self) -> SyntheticSettings:
        """Settings of the people behind the mean face."""
        return SyntheticSettings(self.size, self.seed)


ALL = Suite()
SMALL = Suite(3, 10, 1, CURVES[:1] + tuple(shortened(c, 2) for c in CURVES[1:3]), size=128)
SUITES = {"all": ALL, "small": SMALL}


def measure(
    suite: Suite, workers: int, announce: Callable[[str], None]
) -> tuple[list[Row], list[Row]]:
    """Measure everything.

    Args:
        suite: what.
        workers: processes; their number changes no result.
        announce: gets a line after each tenth of the work.

    Returns:
        The rows of the methods, and those of the curves, by person.
    """
    mean_face = mean_vertices(make_pair(i, suite.training) for i in range(suite.n_mean))
    jobs = [delayed(_alone)(compare, i, suite, mean_face) for i in range(suite.n_people)]
    jobs += [delayed(_alone)(vary, i, suite) for i in range(suite.n_people)]
    found: list[list[Row]] = []
    for rows in Parallel(n_jobs=workers, return_as="generator")(jobs):
        found.append(rows)
        if len(found) * 10 // len(jobs) > (len(found) - 1) * 10 // len(jobs):
            announce(f"{len(found)} of {len(jobs)}")
    methods, curves = found[: suite.n_people], found[suite.n_people :]
    return sum(methods, []), sum(curves, [])


def _alone(function: Callable[..., list[Row]], *given: object) -> list[Row]:
    """Use one thread: results then have the same bits, and the processes share the cores."""
    with threadpool_limits(1):
        return function(*given)


def described(suite: Suite, command: str) -> dict:
    """Say how the rows were made."""
    return {
        "command": command,
        "date": date.today().isoformat(),
        "revision": revision(),
        "people": asdict(suite.people),
        "generator_format": FORMAT,
        "weights": {
            f"{folder}/{name}": sha256(data_file(folder, name)) for folder, name in SHIPPED
        },
    }


def compare(index: int, suite: Suite, mean_face: np.ndarray) -> list[Row]:
    """Score every method on one person: a row each, with the person's traits."""
    taken = take(index, suite.people)
    other = take((index + 1) % suite.n_people, suite.people)
    rows: list[Row] = []
    for peer in peers(mean_face):
        errors = all_errors(peer.answer(taken, other), taken.pair)
        rows.append({"index": index, "method": peer.name, "given": peer.given, **errors})
    return [_rounded(row | taken.facts) for row in rows]


def vary(index: int, suite: Suite) -> list[Row]:
    """Score the default on one person at every point of every curve: a row each.

    People beyond the first `n_varied` stand only behind the first curve, as they are drawn.
    """
    other = take((index + 1) % suite.n_people, suite.people)
    curves = suite.curves if index < suite.n_varied else suite.curves[:1]
    return [
        _rounded({"index": index, "curve": curve.name, "level": point.level, **errors})
        for curve in curves
        for point in curve.points
        for errors in [_errors_at(index, point, other, suite)]
    ]


def _errors_at(index: int, point: Point, other: Taken, suite: Suite) -> Row:
    taken = take(index, suite.people, point.change, point.scene)
    front, side = taken.pair.front, taken.pair.side
    if point.edit:
        front, side = point.edit((front, side), np.random.default_rng([suite.seed, index]))
    if point.level == OTHER:
        side = other.pair.side
    fit = network(*DEFAULT)
    whole = Crop.whole(suite.size, fit.size)
    photos = np.stack([whole.cut(p.astype(np.float32) / 255) for p in (front, side)])
    pair = fit.fit_pair(*fit.see(photos))
    found = pair.front if point.level == NONE else pair.together
    errors = _errors_of(found, taken, whole)
    alone = quick_errors(whole.crop_to_image(pair.front.vertices_image), taken.pair)
    return {
        **errors,
        "front_alone_shape_mm": alone["shape_mm"],
        "front_alone_vertex_mm": alone["vertex_mm"],
        "agreement": pair.agreement,
        "agrees": bool(pair.agrees),
    }


def _errors_of(found: HeadFit, taken: Taken, whole: Crop) -> Row:
    """Return a fit's errors, and the root mean squares, true and expected, by region."""
    errors = quick_errors(whole.crop_to_image(found.vertices_image), taken.pair)
    face = load_layout().labels["face"]
    head, true = found.vertices_head, taken.vertices_head.astype(np.float64)
    off = umeyama(head[face], true[face]).apply(head) - true
    for name, chosen in {"face": face, **regions()}.items():
        errors[f"{name}_rms_mm"] = _root_mean_square(off[chosen])
        errors[f"{name}_expected_rms_mm"] = _root_mean_square(found.deviations_head[chosen])
    return errors


def _root_mean_square(offsets: np.ndarray) -> float:
    return float(np.sqrt(np.square(offsets.astype(np.float64)).sum(axis=1).mean()))


def _rounded(row: Row) -> Row:
    return {k: round(v, DIGITS) if isinstance(v, float) else v for k, v in row.items()}
