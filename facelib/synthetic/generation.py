"""Sets of synthetic samples at any scale: in one process, in many, or on a cluster.

The unit of work is a shard, which depends only on the plan and its number: any worker, in any
order, writes the same bytes. The manifest lists the finished shards, so a killed run resumes where
it stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

from tqdm import tqdm

from facelib.face.layout import load_layout
from facelib.files.lock import locked
from facelib.files.reading import in_a_line
from facelib.files.threads import single_threaded_blas
from facelib.files.workers import ignore_ctrl_c, naming_dead_workers
from facelib.pairs.sample import shard_arrays
from facelib.pairs.shards import (
    MANIFEST,
    array_path,
    check_sums,
    open_shard,
    read_manifest,
    remove_unfinished,
    write_manifest,
    write_shard,
)
from facelib.pairs.store import SET_FORMAT
from facelib.synthetic.samples import make_sample
from facelib.synthetic.settings import Plan

CONNECT_SECONDS = 10  # timeout for connecting to a cluster
WAIT_SECONDS = 60  # if no shard is finished within them, the cluster must at least have workers
SHOWN, LONGEST_VALUE = 6, 60  # differences that are said, and characters of a value
MAKERS = ("facelib", "numpy", "scipy", "numba", "pillow")  # the manifest records their versions


def generate_pairs(
    folder: Path | str,
    plan: Plan,
    workers: int = 1,
    dask: str | None = None,
    progress: bool = False,
    verify: bool = False,
) -> int:
    """Make the samples of a plan that a folder does not hold yet, and write them to it.

    Args:
        folder: new, or one that was begun with the same plan.
        plan: the samples to make.
        workers: processes on this machine.
        dask: address of a Dask scheduler whose workers are used instead; they must see the folder
            under the same path, and have this version of facelib.
        progress: show a bar on stderr.
        verify: compare the shards that are there with their checksums, and make those that differ
            again; otherwise only missing files and wrong lengths are noticed.

    Returns:
        The number of samples made now; 0 if the folder was complete.

    Raises:
        ValueError: if the folder holds other samples, naming the differences.
        FolderInUseError: if another program writes to the folder.
        OSError: if a file cannot be written or the cluster cannot be reached.
    """
    folder = Path(folder).resolve()
    with locked(folder):
        manifest = begun_manifest(folder, plan, n_vertices=len(load_layout().uv))
        remove_unfinished(folder)
        missing = _missing(folder, plan, manifest, verify)
        write_manifest(folder, manifest)  # from here on the folder belongs to this plan
        todo = sum(len(plan.indices(shard)) for shard in missing)
        with tqdm(
            total=plan.count, initial=plan.count - todo, unit="pair", disable=not progress
        ) as bar:
            for entry in _finished(folder, plan, missing, workers, dask):
                _check_arrived(folder, entry)
                manifest["shards"].append(entry)
                manifest["shards"].sort(key=lambda shard: shard["number"])
                write_manifest(folder, manifest)
                bar.update(entry["count"])
        remove_unfinished(folder)  # of workers that died
        if not manifest["complete"]:
            manifest["complete"] = True
            write_manifest(folder, manifest)
    return todo


def make_shard(folder: Path, number: int, plan: Plan, described: dict | None = None) -> dict:
    """Make and write one shard.

    Args:
        folder: exists.
        number: the shard's number.
        plan: the plan of the folder.
        described: the main program's `plan.described()`, to detect a worker with another version
            of facelib or other backgrounds.

    Returns:
        Its entry for the manifest.

    Raises:
        RuntimeError: if this process would make other bytes than the main program.
    """
    here = plan.described()
    if described is not None and described != here:
        differing = [name for name in here | described if here.get(name) != described.get(name)]
        raise RuntimeError(
            f"a worker has {_differences(here, described, differing)}: give all machines the "
            "same facelib and the same data/dtd"
        )
    indices = plan.indices(number)
    with single_threaded_blas():
        samples = (make_sample(index, plan.settings, plan.truth) for index in indices)
        return write_shard(folder, number, shard_arrays(samples, len(indices)))


def _finished(
    folder: Path, plan: Plan, missing: list[int], workers: int, dask: str | None
) -> Iterator[dict]:
    """Yield the entry of every missing shard as it is finished, in any order."""
    if not missing:
        return
    if dask is None and workers == 1:
        yield from (make_shard(folder, shard, plan) for shard in missing)
        return
    make = partial(make_shard, folder, plan=plan, described=plan.described())
    if dask is not None:
        yield from _on_cluster(dask, make, missing)
        return
    from joblib import Parallel, delayed

    with naming_dead_workers():
        parallel = Parallel(
            n_jobs=workers, return_as="generator_unordered", batch_size=1, initializer=ignore_ctrl_c
        )
        yield from parallel(delayed(make)(shard) for shard in missing)


def _on_cluster(address: str, make: Callable[[int], dict], shards: list[int]) -> Iterator[dict]:
    """Make shards on a Dask cluster, whose workers may leave and join.

    Dask gives the shard of a worker that leaves to another one.
    """
    distributed = _distributed()
    with distributed.Client(address, timeout=CONNECT_SECONDS) as client:
        waiting = set(client.map(make, shards, pure=False))
        while waiting:
            try:
                finished, waiting = distributed.wait(
                    waiting, timeout=WAIT_SECONDS, return_when="FIRST_COMPLETED"
                )
                yield from (future.result() for future in finished)
            except distributed.TimeoutError as error:
                # Without the key, the client looks for a cluster that may have gone, and either
                # finds it or cancels what it was to make.
                if client.scheduler_info().get("workers") == {}:
                    raise OSError(f"the cluster {address} has no workers") from error
            except distributed.CancelledError as error:
                raise OSError(f"the cluster {address} has gone") from error
            except distributed.KilledWorker as error:
                raise ChildProcessError(
                    f"several workers of the cluster {address} died making one shard, perhaps "
                    "because memory ran out"
                ) from error


def _distributed() -> ModuleType:
    try:
        import distributed
    except ImportError as error:
        raise OSError(
            "a cluster needs the package distributed: pip install distributed (requirements.txt "
            "names the version)"
        ) from error
    return distributed


def begun_manifest(folder: Path, plan: Plan, n_vertices: int) -> dict:
    """Return the manifest of a folder, a new one if it holds none yet.

    Args:
        folder: exists.
        plan: what it is to hold.
        n_vertices: of each face.

    Raises:
        ValueError: if the folder was begun with another format or other settings.
    """
    if not (folder / MANIFEST).exists():
        made_by = {name: version(name) for name in MAKERS}
        manifest = {"format": SET_FORMAT, "settings": plan.described(), "made_by": made_by}
        manifest |= {"complete": False, "size": plan.settings.size}
        return manifest | {"n_vertices": n_vertices, "shards": []}
    manifest = read_manifest(folder)
    if manifest.get("format") != SET_FORMAT:
        raise ValueError(
            f"{folder} holds pairs of format {manifest.get('format')}, not {SET_FORMAT}: it can be "
            "read but not continued; choose another folder"
        )
    there, asked = manifest["settings"], plan.described()
    differing = [name for name in asked | there if there.get(name) != asked.get(name)]
    if differing:
        raise ValueError(
            f"{folder} was begun with {_differences(there, asked, differing)}; "
            "give the same settings to continue, or another folder"
        )
    return manifest


def _differences(there: dict, asked: dict, names: list[str]) -> str:
    """Describe differences: `seed 3 instead of 4`."""
    words = []
    for name in names:
        old, new = there.get(name), asked.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            words += [_differences(old, new, [k for k in old | new if old.get(k) != new.get(k)])]
        else:
            words.append(f"{_shown(name)} {_shown(old)} instead of {_shown(new)}")
    return ", ".join(words[:SHOWN])


def _shown(value: object) -> str:
    return in_a_line(value)[:LONGEST_VALUE]


def _missing(folder: Path, plan: Plan, manifest: dict, verify: bool) -> list[int]:
    """Return the numbers of missing shards; remove entries whose files are missing or damaged."""
    check = check_sums if verify else open_shard
    manifest["shards"] = [shard for shard in manifest["shards"] if _is_whole(check, folder, shard)]
    there = {shard["number"] for shard in manifest["shards"]}
    missing = [number for number in range(plan.n_shards) if number not in there]
    manifest["complete"] = manifest["complete"] and not missing
    return missing


def _is_whole(check: Callable, folder: Path, shard: dict) -> bool:
    try:
        check(folder, shard)
    except ValueError:
        return False
    return True


def _check_arrived(folder: Path, entry: dict) -> None:
    for name in entry["sha256"]:
        path = array_path(folder, entry["number"], name)
        if not path.is_file():
            raise OSError(
                f"a worker wrote {path.name}, but {folder} does not have it here: choose a folder "
                "that all machines share under one path"
            )
