"""`facelib reconstruct --pairs`: many pairs of photos, in processes, with a table of results."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path

import click

from facelib.cli import common
from facelib.cli.common import BAD_DATA, NO_SUCH_FILE, SOME_FAILED, UNWRITABLE, Failure, writing
from facelib.cli.outputs import Outputs
from facelib.cli.photo_job import PhotoJob, run_job
from facelib.files.atomic import remove_unfinished
from facelib.files.lock import locked
from facelib.files.workers import ignore_ctrl_c, naming_dead_workers
from facelib.reconstruction.mesh_settings import MeshSettings
from facelib.reconstruction.photo_pairs import (
    DONE,
    DOUBTFUL,
    FAILED,
    PairResult,
    PhotoPair,
    find_pairs,
    fingerprint,
    is_finished,
    read_results,
    write_results,
)

TABLE = "results.csv"


@dataclass(frozen=True)
class FolderSettings:
    """What is the same for all pairs.

    Attributes:
        folder: of the results.
        ending: of the meshes: .glb, .obj or .ply.
        mesh: how they are written.
        weights: of the network; None for the default one.
        facts: all that the results depend on besides the photos, as text.
    """

    folder: Path
    ending: str
    mesh: MeshSettings
    weights: Path | None
    facts: str

    def outputs(self, pair: PhotoPair) -> Outputs:
        """Name the files of a pair."""
        return Outputs(self.folder / f"{pair.name}{self.ending}")


def run_folder(
    source: Path, folder: Path, mesh: MeshSettings, *,
    weights: Path | None, ending: str, jobs: int | None, quiet: bool,
) -> None:  # fmt: skip
    """Do all pairs of a folder or a CSV file that are not done yet.

    Raises:
        Failure: if there are no pairs, or nothing can be written; after all pairs, if some failed.
    """
    pairs = _pairs_of(source)
    with ExitStack() as stack:
        with writing(folder):
            stack.enter_context(locked(folder))
            remove_unfinished(folder)
        settings = FolderSettings(folder, ending, mesh, weights, _facts(mesh, ending, weights))
        _check_names(pairs, settings)
        _run(pairs, settings, jobs, quiet)


def _run(
    pairs: Sequence[PhotoPair], settings: FolderSettings, jobs: int | None, quiet: bool
) -> None:
    table = settings.folder / TABLE
    try:
        earlier = read_results(table)
    except (ValueError, OSError) as error:
        raise Failure(str(error), UNWRITABLE) from error
    # Pairs that are no longer in the source keep their line.
    results, unchanged = dict(earlier), 0
    with _finished(pairs, settings, earlier, jobs) as finished, _bar(finished, pairs, quiet) as bar:
        for result in bar:
            unchanged += result.status != FAILED and result == earlier.get(result.name)
            results[result.name] = result
            with writing(table):
                write_results(table, results.values())
            if not quiet and not sys.stderr.isatty():
                words = f"{result.name}: {result.status}. {result.sentence}"
                click.echo(words.rstrip(" ."), err=True)
    _conclude([results[pair.name] for pair in pairs], unchanged, table, quiet)


def _pairs_of(source: Path) -> list[PhotoPair]:
    if not source.exists():
        raise Failure(f"no such folder or file: {source}", NO_SUCH_FILE)
    try:
        return find_pairs(source)
    except (ValueError, OSError) as error:
        raise Failure(str(error), BAD_DATA) from error


def _facts(mesh: MeshSettings, ending: str, weights: Path | None) -> str:
    from facelib import __version__
    from facelib.files.atomic import sha256
    from facelib.networks.loading import default_weights

    try:
        checksum = sha256(weights or default_weights())
    except OSError as error:
        raise Failure(f"cannot load the network: {error}", BAD_DATA) from error
    return json.dumps([__version__, checksum, ending, asdict(mesh)])


def _check_names(pairs: Sequence[PhotoPair], settings: FolderSettings) -> None:
    """Refuse results that would overwrite a photo, or each other."""
    photos = {photo.resolve() for pair in pairs for photo in pair.photos}
    written = Counter(path.resolve() for pair in pairs for path in settings.outputs(pair).files)
    for path, count in written.items():
        if count > 1:
            raise Failure(f"two pairs would share the file {path}; rename one", UNWRITABLE)
        if path in photos:
            raise Failure(f"{path} would be written over a photo", UNWRITABLE)


@contextmanager
def _finished(
    pairs: Sequence[PhotoPair],
    settings: FolderSettings,
    earlier: dict[str, PairResult],
    jobs: int | None,
) -> Iterator[Iterator[PairResult]]:
    """Yield an iterator of results in the order in which they come; stop all work at the end."""
    from joblib import Parallel, delayed, parallel_config

    tasks = (delayed(_do)(pair, settings, earlier.get(pair.name)) for pair in pairs)
    with parallel_config("loky", n_jobs=jobs or -1, inner_max_num_threads=1):
        results = Parallel(
            return_as="generator_unordered", batch_size=1, initializer=ignore_ctrl_c
        )(tasks)
    try:
        with naming_dead_workers():
            yield results
    except ChildProcessError as error:
        raise Failure(str(error), SOME_FAILED) from error
    finally:
        results.close()
        remove_unfinished(settings.folder)  # of workers that were stopped while they wrote


def _do(pair: PhotoPair, settings: FolderSettings, earlier: PairResult | None) -> PairResult:
    """Do one pair, whatever comes; return the earlier result if nothing has changed since."""
    start, mark = time.perf_counter(), ""
    try:
        if pair.problem:
            raise Failure(pair.problem, NO_SUCH_FILE)
        mark = fingerprint(pair, settings.facts)
        if is_finished(earlier, mark, settings.folder):
            return earlier
        outputs = settings.outputs(pair)
        job = PhotoJob(pair.photos, outputs, settings.mesh)
        face = run_job(job, settings.weights, lambda _: None, _network(settings.weights))
    except click.ClickException as failure:
        result = PairResult(pair.name, FAILED, failure.message)
    except OSError as error:
        result = PairResult(pair.name, FAILED, f"{error.strerror or error}: {error.filename}")
    except Exception as error:  # one bad pair must not stop the others
        if common.comes_from_ctrl_c(error):
            raise KeyboardInterrupt from error
        sentence = f"a fault of this program: {type(error).__name__}: {error}"
        result = PairResult(pair.name, FAILED, " ".join(sentence.split()))
    else:
        result = _result(pair, face, outputs)
    return replace(result, fingerprint=mark, seconds=f"{time.perf_counter() - start:.2f}")


def _result(pair: PhotoPair, face, outputs: Outputs) -> PairResult:
    yaws = ("", "") if face.fit is None else (*(f"{yaw:.0f}" for yaw in face.fit.yaws_deg), "")
    return PairResult(
        pair.name,
        DOUBTFUL if face.doubts else DONE,
        " ".join(doubt.sentence for doubt in face.doubts),
        *yaws[:2],
        "" if face.agreement is None else f"{face.agreement:.1f}",
        "" if face.estimated_error_mm is None else f"{face.estimated_error_mm:.2f}",
        "|".join(path.name for path in outputs.files),
    )


@lru_cache(maxsize=1)
def _network(weights: Path | None):
    """Load the network once per process."""
    return common.load_network(weights, prefer_onnx=True)


@contextmanager
def _bar(results: Iterator[PairResult], pairs: Sequence[PhotoPair], quiet: bool):
    """Yield the results, with a bar on a terminal."""
    if quiet or not sys.stderr.isatty():
        yield results
        return
    with click.progressbar(results, length=len(pairs), file=sys.stderr) as bar:
        yield bar


def _conclude(results: Sequence[PairResult], unchanged: int, table: Path, quiet: bool) -> None:
    count = Counter(result.status for result in results)
    if not quiet:
        words = [f"{count[status]} {status}" for status in (DONE, DOUBTFUL, FAILED)]
        click.echo(f"{', '.join(words)} ({unchanged} of them before); {table} has a line per pair")
    if count[FAILED]:
        failed = next(result for result in results if result.status == FAILED)
        message = f"{count[FAILED]} of {len(results)} pairs failed"
        raise Failure(f"{message}, {failed.name} because {failed.sentence}", SOME_FAILED)
