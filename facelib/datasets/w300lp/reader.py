"""Convert 300W-LP to pairs: photos with Basel parameters in, pairs with vertices out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import numpy as np

from facelib.datasets.basel.fitted_photo import (
    FittedPhoto,
    Skipped,
    crop_fitted,
    read_fitted,
    read_parameters,
)
from facelib.datasets.basel.layout import BaselFace, load_basel_face
from facelib.datasets.w300lp.index import Index, PhotoSample, PlannedPair, index_samples, plan_pairs
from facelib.files.letter_case import find_any_case
from facelib.files.workers import ignore_ctrl_c, naming_dead_workers
from facelib.pairs.sample import FacePair
from facelib.pairs.store import write_shards

PAIRS_FORMAT = 1  # increased whenever the same files and seed give other pairs
CHUNK = 64  # pairs that a worker makes at a time


@dataclass(frozen=True)
class Report:
    """Counts of the pairs made from a copy of 300W-LP, and the skipped samples.

    Attributes:
        n_samples: photos with a readable pose.
        n_pairs: pairs that were made.
        skipped: samples and pairs that cannot be used, with reasons.
        stand_in: whether photos or model are a stand-in.
    """

    n_samples: int
    n_pairs: int
    skipped: tuple[Skipped, ...]
    stand_in: bool

    @property
    def text(self) -> str:
        """One line of counts, then one line per skipped sample or pair."""
        what = "stand-in of 300W-LP" if self.stand_in else "300W-LP"
        lines = [
            f"{what}: {self.n_samples} photos, {self.n_pairs} pairs, {len(self.skipped)} left out"
        ]
        lines += [f"{entry.name}: {entry.reason}" for entry in self.skipped]
        return "\n".join(lines) + "\n"


def read_sample(root: Path, sample: PhotoSample, face: BaselFace) -> FittedPhoto:
    """Read a photo with its fitted face.

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: naming the file and its fault.
    """
    photo, fit = (find_any_case(root, f"{sample.name}{end}") for end in (".jpg", ".mat"))
    return read_fitted(photo, face, read_parameters(fit))


def make_pair(
    root: Path, pair: PlannedPair, face: BaselFace, size: int = 256, seed: int = 0
) -> FacePair:
    """Read both photos of a pair and crop them; the same files and seed give the same pair.

    Args:
        root: of the data set.
        pair: its samples.
        face: the Basel model in our layout.
        size: side of the crops, px.
        seed: of the crops' jitter.

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: if a sample is unreadable or inconsistent.
    """
    front, side = pair.front, pair.side
    rng = np.random.default_rng([seed, front.identity, front.flipped, front.k])
    front_photo, side_photo = (read_sample(root, sample, face) for sample in (front, side))
    front_image, vertices_image, crop = crop_fitted(front_photo, size, rng)
    side_image, _, _ = crop_fitted(side_photo, size, rng)
    return FacePair(
        front=front_image,
        side=side_image,
        vertices_image=vertices_image,
        identity=front.identity,
        front_pose_deg=front_photo.parameters.pose_deg,
        side_pose_deg=side_photo.parameters.pose_deg,
        name=f"{'flip-' if front.flipped else ''}{front.stem}+{side.k}",
        px_per_mm=front_photo.parameters.px_per_mm * crop.scale,
    )


def iterate_pairs(
    index: Index,
    face: BaselFace,
    size: int = 256,
    seed: int = 0,
    workers: int = 1,
) -> Iterator[FacePair | Skipped]:
    """Yield each pair of a copy in order, with a `Skipped` for each unusable one.

    Args:
        index: of the copy.
        face: the Basel model in our layout.
        size: side of the crops, px.
        seed: of the choice of side photos and of the crops.
        workers: number of processes.
    """
    plan = plan_pairs(index, seed)
    if workers == 1:
        yield from (_try_pair(index.root, pair, face, size, seed) for pair in plan)
        return
    from joblib import Parallel, delayed

    chunks = (plan[i : i + CHUNK] for i in range(0, len(plan), CHUNK))
    parallel = Parallel(n_jobs=workers, return_as="generator", initializer=ignore_ctrl_c)
    with naming_dead_workers():
        for chunk in parallel(delayed(_try_pairs)(index.root, c, face, size, seed) for c in chunks):
            yield from chunk


def _try_pairs(root, pairs, face, size, seed):
    return [_try_pair(root, pair, face, size, seed) for pair in pairs]


def _try_pair(root, pair, face, size, seed) -> FacePair | Skipped:
    try:
        return make_pair(root, pair, face, size, seed)
    except (ValueError, OSError) as error:
        return Skipped(f"{pair.front.name}+{pair.side.k}", str(error))


def prepare_pairs(
    root: Path | str,
    basel_folder: Path | str,
    folder: Path | str,
    size: int = 256,
    seed: int = 0,
    workers: int = 1,
) -> Report:
    """Convert a copy of 300W-LP to a folder of pairs.

    Skipped samples and pairs are listed in its `skipped.txt`.

    Args:
        root: of the photos.
        basel_folder: of the Basel model.
        folder: must hold no pairs yet.
        size: side of the crops, px.
        seed: of the choice of side photos and of the crops.
        workers: number of processes.

    Raises:
        FileNotFoundError: if photos or model are missing.
        ValueError: if the folder holds pairs already, or no pair could be made.
    """
    face = load_basel_face(basel_folder)
    index = index_samples(root, workers=workers)
    skipped = list(index.skipped)

    def good_pairs() -> Iterator[FacePair]:
        for result in iterate_pairs(index, face, size, seed, workers):
            if isinstance(result, Skipped):
                skipped.append(result)
            else:
                yield result

    stand_in = index.stand_in or face.stand_in
    settings = {
        "source": "300W-LP", "format": PAIRS_FORMAT, "seed": seed, "size": size,
        "stand_in": stand_in,
    }  # fmt: skip
    pairs = good_pairs()
    first = list(islice(pairs, 1))
    if not first:
        reasons = [f"{entry.name} is left out: {entry.reason}" for entry in skipped[:1]]
        raise ValueError("; ".join([f"expected photos of {root} that make a pair", *reasons]))
    n_pairs = write_shards(chain(first, pairs), folder, settings)
    report = Report(len(index.samples), n_pairs, tuple(skipped), stand_in)
    (Path(folder) / "skipped.txt").write_text(report.text, encoding="utf-8")
    return report
