"""The index of a copy of 300W-LP: its samples, their persons and poses, and a plan of pairs.

A sample is `NAME_k.jpg` with `NAME_k.mat`. A face is rotated further for each k = 0, 1, 2, …. The
name without k is the person, both in a folder and in its mirrored twin (`…_Flip`).
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from facelib.datasets.basel.fitted_photo import POSE_SHAPE, Skipped
from facelib.datasets.registry import (
    FIRST_IDENTITY,
    find_dataset,
    is_stand_in,
    missing_sentence,
)
from facelib.files.atomic import replacing
from facelib.files.letter_case import find_any_case
from facelib.files.matfiles import read_mat
from facelib.files.reading import read_npz
from facelib.files.workers import ignore_ctrl_c

SUBSETS = ("AFW", "HELEN", "IBUG", "LFPW")
FOLDERS = tuple(name + flip for name in SUBSETS for flip in ("", "_Flip"))
NAME = re.compile(r"([A-Za-z0-9][A-Za-z0-9_-]{0,39})_(\d{1,3})")
FRONT_YAW, SIDE_YAW = np.radians(45.0), np.radians(100.0)  # the thesis, section 4.2.1

CACHE_NAME, CACHE_FORMAT = "facelib-index.npz", 1
MAX_CACHE_BYTES = 2**28  # 122,450 samples take 30 MB, and reasons more

_log = logging.getLogger(__name__)


@dataclass(frozen=True, order=True)
class PhotoSample:
    """One photo with its parameters, by file name.

    Attributes:
        folder: AFW … LFPW_Flip.
        stem: file name without ending.
    """

    folder: str
    stem: str

    @property
    def face(self) -> str:
        """The person's name: the stem without k."""
        return self.stem.rpartition("_")[0]

    @property
    def k(self) -> int:
        """The number of the rotation step; 0 is the original photo."""
        return int(self.stem.rpartition("_")[2])

    @property
    def flipped(self) -> bool:
        """Whether it is a mirror image."""
        return self.folder.endswith("_Flip")

    @property
    def name(self) -> str:
        """Folder and stem."""
        return f"{self.folder}/{self.stem}"

    @property
    def identity(self) -> int:
        """The person's number, which depends only on the name."""
        return _identity_number(self.face)


@dataclass(frozen=True)
class Index:
    """All samples of a copy whose pose can be read.

    Attributes:
        root: holds the folders AFW … LFPW_Flip.
        samples: sorted.
        poses: (N, 7) float64, each file's Pose_Para: pitch, yaw, roll, rad; tx, ty, tz, px; scale.
        skipped: samples that cannot be used, with reasons.
        stand_in: whether this project made the files.
    """

    root: Path
    samples: tuple[PhotoSample, ...]
    poses: np.ndarray
    skipped: tuple[Skipped, ...]
    stand_in: bool

    @cached_property
    def yaws(self) -> np.ndarray:
        """(N,) float64 rad, positive toward the image's right; the files count the other way."""
        return -self.poses[:, 1]


@dataclass(frozen=True)
class PlannedPair:
    """A front and a side sample of one face."""

    front: PhotoSample
    side: PhotoSample


def _identity_number(face: str) -> int:
    """Number a person by a hash of the name, which needs no list of people."""
    return FIRST_IDENTITY + int.from_bytes(hashlib.sha256(face.encode()).digest()[:5], "big")


def list_samples(
    root: Path | str,
) -> tuple[list[PhotoSample], list[tuple[int, int]], list[Skipped]]:
    """List the samples of a copy without opening a file.

    Args:
        root: holds some of the folders AFW … LFPW_Flip.

    Returns:
        samples, sorted; size and modification time (ns) of each .mat; and the skipped files.

    Raises:
        FileNotFoundError: if none of the folders is there.
    """
    root = Path(root)
    folders = {name: find_any_case(root, name) for name in FOLDERS}
    present = {name: path for name, path in folders.items() if path.is_dir()}
    if not present:
        raise FileNotFoundError(missing_sentence(find_dataset("300W_LP"), root))
    found, skipped = [], []
    for name, path in present.items():
        _list_folder(name, path, found, skipped)
    found.sort(key=lambda entry: (entry[0].folder, entry[0].face, entry[0].k))
    return [sample for sample, _ in found], [stamp for _, stamp in found], skipped


def _list_folder(folder: str, path: Path, found: list, skipped: list) -> None:
    """Append a folder's samples with their stamps, and the files that are not samples."""
    with os.scandir(path) as entries:
        files = list(entries)
    names = {entry.name.lower() for entry in files}
    for entry in files:
        stem, ending = os.path.splitext(entry.name)
        ending = ending.lower()
        if ending not in (".mat", ".jpg"):
            continue
        shown = f"{folder}/{ascii(stem)[1:-1]}"
        if not NAME.fullmatch(stem):
            skipped.append(Skipped(shown, f"the name is not NAME_k{ending}"))
        elif not entry.is_file():
            skipped.append(Skipped(shown, f"{ending} is not a file"))
        elif ending == ".mat" and f"{stem}.jpg".lower() not in names:
            skipped.append(Skipped(shown, "the .jpg is missing"))
        elif ending == ".jpg" and f"{stem}.mat".lower() not in names:
            skipped.append(Skipped(shown, "the .mat is missing"))
        elif ending == ".mat":
            status = entry.stat()
            found.append((PhotoSample(folder, stem), (status.st_size, status.st_mtime_ns)))


def index_samples(root: Path | str, cache: Path | None = None, workers: int = 1) -> Index:
    """List the samples of a copy and read their poses.

    Each .mat is opened once: poses are cached in a file and read again only where a .mat changed.

    Args:
        root: holds some of the folders AFW … LFPW_Flip.
        cache: file that stores the poses; `facelib-index.npz` in the root by default.
        workers: number of processes that read.

    Returns:
        Index; samples without a readable pose are in its `skipped`.

    Raises:
        FileNotFoundError: if none of the folders is there.
    """
    root = Path(root)
    cache = cache or root / CACHE_NAME
    samples, stamps, skipped = list_samples(root)
    poses, reasons = _cached_poses(cache, samples, stamps)
    missing = [i for i in range(len(samples)) if np.isnan(poses[i, 0]) and not reasons[i]]
    for i, (pose, reason) in zip(
        missing, _read_poses(root, samples, missing, workers), strict=True
    ):
        poses[i], reasons[i] = pose, reason
    if missing:
        _write_cache(cache, samples, stamps, poses, reasons)
    good = [i for i, reason in enumerate(reasons) if not reason]
    skipped += [
        Skipped(sample.name, reason)
        for sample, reason in zip(samples, reasons, strict=True)
        if reason
    ]
    kept = tuple(samples[i] for i in good)
    return Index(root, kept, poses[good], tuple(skipped), is_stand_in(root))


def plan_pairs(index: Index, seed: int = 0) -> list[PlannedPair]:
    """Pair every front photo with one side photo of the same face (thesis, 4.2.1 and 4.3.4).

    A face in a mirrored folder is paired within that folder, because its mirror image is another
    shape.

    Args:
        index: of the copy.
        seed: of the choice of side photos; a face's pairs do not depend on other faces.

    Returns:
        Pairs in the samples' order. Faces without a front or a side photo have none.
    """
    fronts, sides = defaultdict(list), defaultdict(list)
    for sample, yaw in zip(index.samples, np.abs(index.yaws), strict=True):
        if yaw <= FRONT_YAW:
            fronts[sample.folder, sample.face].append(sample)
        elif yaw <= SIDE_YAW:
            sides[sample.folder, sample.face].append(sample)
    pairs = []
    for key, group in fronts.items():
        if key in sides:
            rng = np.random.default_rng([seed, _identity_number(key[1])])
            chosen = rng.integers(len(sides[key]), size=len(group))
            pairs += [PlannedPair(f, sides[key][c]) for f, c in zip(group, chosen, strict=True)]
    return pairs


def _read_pose(path: Path) -> tuple[np.ndarray, str]:
    """Return a file's Pose_Para and "", or NaN and a reason."""
    try:
        pose = read_mat(path, {"Pose_Para": POSE_SHAPE})["Pose_Para"]
        return pose.ravel().astype(np.float64), ""
    except (ValueError, OSError) as error:
        return np.full(7, np.nan), str(error)


def _read_poses(root: Path, samples: list[PhotoSample], missing: list[int], workers: int):
    paths = [find_any_case(root, f"{samples[i].name}.mat") for i in missing]
    if workers == 1:
        return map(_read_pose, paths)
    from joblib import Parallel, delayed

    jobs = (delayed(_read_pose)(path) for path in paths)
    settings = {"batch_size": 256, "return_as": "generator", "initializer": ignore_ctrl_c}
    return Parallel(n_jobs=workers, **settings)(jobs)


def _cached_poses(cache: Path, samples: list, stamps: list) -> tuple[np.ndarray, list[str]]:
    """Return poses (N, 7), NaN if unreadable, and reasons, "" if readable."""
    poses, reasons = np.full((len(samples), 7), np.nan), [""] * len(samples)
    if not cache.is_file():
        return poses, reasons
    try:
        known = _read_cache(cache)
    except (ValueError, OSError) as error:
        _log.warning("reading all poses anew, since the index is damaged: %s", error)
        return poses, reasons
    for i, sample in enumerate(samples):
        stamp, pose, reason = known.get(sample.name, (None, None, ""))
        if stamp == stamps[i]:
            poses[i], reasons[i] = pose, reason
    return poses, reasons


def _read_cache(cache: Path) -> dict[str, tuple[tuple[int, int], np.ndarray, str]]:
    """Read stamp, pose and reason of every sample by name; nothing of an older format."""
    arrays = read_npz(cache, "an index of poses", MAX_CACHE_BYTES)
    if arrays.get("format", np.zeros(0)).tolist() != CACHE_FORMAT:
        return {}
    n = len(arrays.get("names", ()))
    shapes = {"names": ("U", (n,)), "reasons": ("U", (n,)), "stamps": ("i", (n, 2)),
              "poses": ("f", (n, 7))}  # fmt: skip
    for name, expected in shapes.items():
        array = arrays.get(name, np.zeros(()))
        if (array.dtype.kind, array.shape) != expected:
            raise ValueError(f"expected an index of poses at {cache}, got other {name}")
    if not np.isfinite(arrays["poses"][arrays["reasons"] == ""]).all():
        raise ValueError(f"expected an index of poses at {cache}, got some that are not finite")
    names, reasons = arrays["names"].tolist(), arrays["reasons"].tolist()
    stamps = map(tuple, arrays["stamps"].tolist())
    return {n: each for n, *each in zip(names, stamps, arrays["poses"], reasons, strict=True)}


def _write_cache(
    cache: Path, samples: list, stamps: list, poses: np.ndarray, reasons: list
) -> None:
    try:
        with replacing(cache) as temporary, temporary.open("wb") as file:
            np.savez_compressed(
                file, format=CACHE_FORMAT, names=np.array([s.name for s in samples], str),
                stamps=np.array(stamps, np.int64).reshape(-1, 2), poses=poses,
                reasons=np.array(reasons, str),
            )  # fmt: skip
    except OSError as error:
        _log.warning("cannot keep the index in %s: %s", cache, error)
