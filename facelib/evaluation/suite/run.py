"""Do the whole suite: a row of numbers per person, method and point of a curve."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date

import numpy as np
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from facelib.evaluation.pairs import mean_vertices
from facelib.evaluation.suite.curves import CAUSES, CURVES, NONE, OTHER, Curve, Point, shortened
from facelib.evaluation.suite.errors import all_errors, quick_errors, regions
from facelib.evaluation.suite.peers import SHIPPED, network, peers
from facelib.evaluation.suite.people import Taken, take
from facelib.evaluation.suite.record import Row
from facelib.evaluation.suite.scans import compare_scan, licensed_scans
from facelib.face.layout import load_layout
from facelib.files.atomic import sha256
from facelib.files.paths import data_file
from facelib.files.revision import revision
from facelib.files.workers import ignore_ctrl_c
from facelib.fitting.fit import HeadFit
from facelib.geometry.registration import umeyama
from facelib.imaging.crop import Crop
from facelib.synthetic.samples import make_pair
from facelib.synthetic.settings import FORMAT, SyntheticSettings

DIGITS = 4
DEFAULT = "dense", "dense.safetensors"
DEFAULT_ROW = "dense and its fit", "front, side"


@dataclass(frozen=True)
class Suite:
    """What is measured.

    Attributes:
        n_people: people on whom all methods are compared.
        n_mean: training pairs behind the mean face.
        n_varied: the first of them, who stand behind every point of every curve.
        n_scans: scans on which some methods are compared.
        n_worst: people with the largest errors, whose causes are looked for.
        curves: what is varied.
        causes: what is taken away from those people; the first is nothing.
        seed: of the people, whom no network has seen.
        size: px of the photos.
    """

    n_people: int = 100
    n_mean: int = 200
    n_varied: int = 60
    n_scans: int = 20
    n_worst: int = 12
    curves: tuple[Curve, ...] = CURVES
    causes: tuple[Point, ...] = CAUSES
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
SMALL_CURVES = CURVES[:1] + tuple(shortened(c, 2) for c in CURVES[1:3])
SMALL = Suite(2, 4, 1, 1, 1, SMALL_CURVES, CAUSES[:2], size=128)
SUITES = {"all": ALL, "small": SMALL}


def measure(suite: Suite, workers: int, announce: Callable[[str], None]) -> list[list[Row]]:
    """Measure everything.

    Args:
        suite: what.
        workers: processes; their number changes no result.
        announce: gets a line after each tenth of the work.

    Returns:
        The rows of each of `record.PARTS`.
    """
    mean_face = mean_vertices(make_pair(i, suite.training) for i in range(suite.n_mean))
    everybody = range(suite.n_people)
    methods = _run(workers, announce, [(compare, i, suite, mean_face) for i in everybody])
    curves = _run(workers, announce, [(vary, i, suite) for i in everybody])
    scans = _run(workers, announce, [(compare_scan, i) for i in range(n_scans(suite))])
    causes = _run(workers, announce, [(explain, i, suite) for i in worst_people(methods, suite)])
    return [methods, curves, scans, causes]


def _run(workers: int, announce: Callable[[str], None], jobs: Sequence[tuple]) -> list[Row]:
    """Do jobs, a function and its arguments each; return the rows of all in their order."""
    rows: list[Row] = []
    parallel = Parallel(n_jobs=workers, return_as="generator", initializer=ignore_ctrl_c)
    for done, found in enumerate(parallel(delayed(_alone)(*job) for job in jobs), start=1):
        rows += [_rounded(row) for row in found]
        if done == len(jobs) or done * 10 // len(jobs) > (done - 1) * 10 // len(jobs):
            announce(f"{jobs[0][0].__name__}: {done} of {len(jobs)}")
    return rows


def worst_people(methods: Sequence[Row], suite: Suite) -> list[int]:
    """Return the numbers of the people with the largest shape errors of the default."""
    name, given = DEFAULT_ROW
    found = [row for row in methods if (row["method"], row["given"]) == (name, given)]
    found.sort(key=lambda row: -row["shape_mm"])
    return [row["index"] for row in found[: suite.n_worst]]


def n_scans(suite: Suite) -> int:
    """Count the scans that there are for a suite; of its stand-in there are always enough."""
    return min(suite.n_scans, len(licensed_scans()) or suite.n_scans)


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
        "scans_of": "MICC Florence" if licensed_scans() else "STAND-IN for MICC Florence",
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
    return [row | taken.facts for row in rows]


def vary(index: int, suite: Suite) -> list[Row]:
    """Score the default on one person at every point of every curve: a row each.

    People beyond the first `n_varied` stand only behind the first curve, as they are drawn.
    """
    other = take((index + 1) % suite.n_people, suite.people)
    curves = suite.curves if index < suite.n_varied else suite.curves[:1]
    return [
        {
            "index": index,
            "curve": curve.name,
            "level": point.level,
            **_errors_at(index, point, other, suite),
        }
        for curve in curves
        for point in curve.points
    ]


def explain(index: int, suite: Suite) -> list[Row]:
    """Take what may be behind one person's error away, a row each."""
    other = take((index + 1) % suite.n_people, suite.people)
    return [
        {
            "index": index,
            "without": point.level,
            "shape_mm": _errors_at(index, point, other, suite)["shape_mm"],
        }
        for point in suite.causes
    ]


def _errors_at(index: int, point: Point, other: Taken, suite: Suite) -> Row:
    people = suite.people
    if point.without:
        people = replace(people, ingredients=replace(people.ingredients, **{point.without: False}))
    taken = take(index, people, point.change, point.scene)
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
        "ita_deg": taken.facts["ita_deg"],
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
