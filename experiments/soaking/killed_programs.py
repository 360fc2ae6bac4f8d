"""The programs that `kills` stops, what they write, and which of it depends on the time."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
import skimage.data
import torch
from PIL import Image
from safetensors.numpy import load_file

from facelib.files.atomic import sha256
from facelib.networks.weights import read_card

ROOT = Path(__file__).resolve().parents[2]
SIZE = 64  # px, of all pairs
GIVEN = "given"  # in the folder of every trial: a link to what the programs read
OF_THE_TIME = {
    "seconds", "date", "data_share", "data_work_share", "environment", "environments",
    "continued", "ended", "hours", "papermill", "execution",
}  # fmt: skip
MATLAB_TEXT = 116  # bytes
TRAINED = ("checkpoint.pt", "best.safetensors", "log.jsonl")
FACELIB = (sys.executable, "-m", "facelib")


@dataclass(frozen=True)
class Program:
    """A program that is stopped and started again.

    Attributes:
        subject: its name in the record.
        words: the command line, run in the folder of a trial.
        out: patterns of the files and folders in there that it writes.
        kills: how many times it is to be killed.
        growing: names of files that change while it runs; the others appear complete.
        drafts: patterns of files that may be anything until it has ended.
        kept: returns the finished pieces of work in a folder, each with something that tells
            when it was done; a second start must not do them again.
        overwrites: whether it may find an older file at `out`.
        template: a folder of `write_given` with which every trial begins.
        refusal: what it says, with an exit code, if its work is finished.
        codes: the exit codes after Ctrl-C and SIGTERM.
        is_ours: whether what it says then is ours; make and papermill have their own words.
    """

    subject: str
    words: tuple[str, ...]
    out: tuple[str, ...] = ("out",)
    kills: int = 50
    growing: tuple[str, ...] = ()
    drafts: tuple[str, ...] = ()
    kept: Callable[[Path], dict[str, object]] = lambda folder: {}  # noqa: E731
    overwrites: bool = False
    template: str | None = None
    refusal: str = ""
    codes: tuple[int, ...] = (0, 1, -2)  # Python gives the latter if an import was interrupted
    is_ours: bool = True

    def has_ended(self, code: int, said: str) -> bool:
        """Whether it has done its work, or found it done."""
        return code == 0 or (bool(self.refusal) and self.refusal in said)


def programs() -> list[Program]:
    """Return all programs; they read what `write_given` writes."""
    pairs = "pairs synthetic out --count 8 --shard-size 2 --with none --quiet --size"
    train = (
        f"train {GIVEN}/pairs out --network compact --size {SIZE} --batch-size 2 --epochs 2 "
        "--threads 1 --log-steps 1 --checkpoint-minutes 0.001 --quiet"
    )
    photo = f"reconstruct {GIVEN}/photos/a_front.jpg --detail 0 --texture-size 256"
    folder = f"reconstruct --pairs {GIVEN}/photos -o out --detail 0 --texture-size 256 --jobs 1"
    weights = f"--weights {GIVEN}/run/best.safetensors"
    whole = {"kills": 20, "refusal": "expected a new or an empty folder"}
    stored = {"growing": ("manifest.json",), "kept": listed_shards}
    return [
        _facelib("pairs", f"{pairs} {SIZE}", **stored),
        _facelib("pairs, 2 workers", f"{pairs} {SIZE} --workers 2", **stored),
        _facelib("train", train, growing=TRAINED, kept=logged_steps),
        _facelib("reconstruct to OBJ", f"{photo} -o me.obj", out=("me.*",), overwrites=True),
        _facelib("reconstruct to GLB", f"{photo} -o me.glb --report me.html", out=("me.*",)),
        _facelib("reconstruct --pairs", folder, growing=("results.csv",), kept=listed_heads),
        _facelib(
            "evaluate",
            f"evaluate pairs {GIVEN}/pairs --limit 2 {weights} --json scores.json",
            out=("scores.json",),
            overwrites=True,
        ),
        _facelib(
            "standin facegen",
            "standin facegen out --count 3 --size 32",
            kept=written("out/0*/*"),
        ),
        _facelib("standin florence", "standin florence out --count 1", **whole),
        _facelib("standin bfm", "standin bfm out", **whole),
        _facelib("standin 300w-lp", "standin 300w-lp out --count 1", **whole),
        _facelib(
            "export",
            f"export --weights {GIVEN}/prn/best.safetensors -o x.onnx",
            out=("x.onnx",),
            overwrites=True,
            kills=20,
        ),
        Program(
            "sweep",
            (sys.executable, "experiments/sweep.py", f"{GIVEN}/pairs", "--grid", "grid.yaml",
             "--runs", "out", "--result", "result.json"),
            out=("out", "result.json"),
            kills=20,
            growing=TRAINED,
            kept=written("out/*.ipynb"),
            template="sweep",
        ),
        Program(
            "make book",
            ("make", "--silent", "html", "-j2", "OWN_PHOTOS="),  # its sources are not copied
            out=("book",),
            kills=20,
            drafts=("book/_build/*",),
            kept=written("book/chapters/*.ipynb"),
            template="book",
            codes=(0, 2, -2, -15),
            is_ours=False,
        ),
    ]  # fmt: skip


def _facelib(subject: str, words: str, **others) -> Program:
    return Program(f"facelib {subject}", (*FACELIB, *words.split()), **others)


def files_of(program: Program, folder: Path) -> dict[str, Path]:
    """List the files that a program has written to the folder of a trial, hidden ones apart."""
    places = (place for pattern in program.out for place in folder.glob(pattern))
    found = (path for place in places for path in (place, *place.rglob("*")))
    files = {str(path.relative_to(folder)): path for path in found if path.is_file()}
    return {name: path for name, path in sorted(files.items()) if not is_hidden(name)}


def is_hidden(name: str) -> bool:
    """Whether a file or a folder on the way to it has a hidden name."""
    return any(part.startswith(".") for part in Path(name).parts)


def written(pattern: str) -> Callable[[Path], dict[str, object]]:
    """Return a function that tells when the files of a pattern were written, ns."""
    return lambda folder: {
        str(path.relative_to(folder)): path.stat().st_mtime_ns
        for path in folder.glob(pattern)
        if not is_hidden(str(path.relative_to(folder)))
    }


def listed_shards(folder: Path) -> dict[str, object]:
    """Return when the shards were written that the manifest names."""
    if not (manifest := folder / "out" / "manifest.json").exists():
        return {}
    numbers = [shard["number"] for shard in json.loads(manifest.read_text("utf-8"))["shards"]]
    times = [written(f"out/{number:05d}_*.npy")(folder) for number in numbers]
    return {name: at for each in times for name, at in each.items()}


def listed_heads(folder: Path) -> dict[str, object]:
    """Return how long each head took that the table names."""
    if not (table := folder / "out" / "results.csv").exists():
        return {}
    with table.open(newline="", encoding="utf-8") as file:
        return {row["name"]: row["seconds"] for row in csv.DictReader(file)}


def logged_steps(folder: Path) -> dict[str, object]:
    """Return when the steps of a run were done that its checkpoint contains."""
    if not (checkpoint := folder / "out" / "checkpoint.pt").exists():
        return {}
    last = torch.load(checkpoint, weights_only=True)["progress"]["step"]
    _, *lines = (folder / "out" / "log.jsonl").read_text("utf-8").splitlines()
    logged = map(json.loads, lines)
    return {
        f"step {line['step']}, {line['validation_loss']}": line["seconds"]
        for line in logged
        if line["step"] <= last and not line.get("final")
    }


def content(path: Path) -> object:
    """Return what a file holds, without the time and the duration of its making.

    Raises:
        Exception: of any kind, if the file is not whole.
    """
    reader = READERS.get(path.suffix)
    return sha256(path) if reader is None else reader(path)


def _timeless(value: object) -> object:
    if isinstance(value, dict):
        return {k: _timeless(v) for k, v in value.items() if k not in OF_THE_TIME}
    return [_timeless(each) for each in value] if isinstance(value, list) else value


def _json(path: Path) -> object:
    return _timeless(json.loads(path.read_text("utf-8")))


def _lines(path: Path) -> object:
    return [_timeless(json.loads(line)) for line in path.read_text("utf-8").splitlines()]


def _notebook(path: Path) -> object:
    """Read a notebook without the name of the cell that papermill adds, which is drawn anew."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if "injected-parameters" in cell.metadata.get("tags", []):
            del cell["id"]
    return _timeless(dict(notebook))


def _table(path: Path) -> object:
    return _timeless(list(csv.DictReader(io.StringIO(path.read_text("utf-8")))))


def _weights(path: Path) -> object:
    tensors = load_file(path)
    return _timeless(read_card(path)), {name: each.tobytes() for name, each in tensors.items()}


def _checkpoint(path: Path) -> object:
    """Read a checkpoint without the weights inside, which name the seconds of their making."""
    state = torch.load(path, weights_only=True)
    del state["best"]
    return _plain(_timeless(state))


def _plain(value: object) -> object:
    """Make tensors comparable by ==."""
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value.numpy().tobytes() if isinstance(value, torch.Tensor) else value


def _page(path: Path) -> object:
    """Read a page without its digits, some of which are durations."""
    text = path.read_text("utf-8").rstrip()
    if "<html" in text and not text.endswith("</html>"):
        raise ValueError(f"{path.name} is cut")
    return re.sub(r"[\d.]+", "", text)


def _matlab(path: Path) -> object:
    """Read a MATLAB file without the text at its start, which has the date."""
    return path.read_bytes()[MATLAB_TEXT:]


READERS: dict[str, Callable[[Path], object]] = {
    ".json": _json,
    ".jsonl": _lines,
    ".ipynb": _notebook,
    ".csv": _table,
    ".safetensors": _weights,
    ".pt": _checkpoint,
    ".html": _page,
    ".mat": _matlab,
}


def new_trial(program: Program, given: Path, folder: Path) -> None:
    """Make the folder of a trial."""
    folder.mkdir()
    (folder / GIVEN).symlink_to(given)
    if program.template:
        shutil.copytree(given / program.template, folder, symlinks=True, dirs_exist_ok=True)


def environment(folder: Path) -> dict[str, str]:
    """Return the variables of a program, whose temporary files go to the folder of its trial."""
    temporary = folder / "temporary"
    temporary.mkdir(exist_ok=True)
    own = dict.fromkeys(("TMPDIR", "JOBLIB_TEMP_FOLDER", "JUPYTER_RUNTIME_DIR"), str(temporary))
    paths = {"PYTHONPATH": str(ROOT), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return os.environ | own | paths | {"OMP_NUM_THREADS": "1"}


def write_given(given: Path, run: Callable[[Sequence[str], Path], None]) -> None:
    """Write what the programs read: pairs, weights, photos and two small projects.

    Args:
        given: a new folder.
        run: a function that runs a command line in a folder to its end.
    """
    given.mkdir()
    pairs = f"pairs synthetic pairs --count 6 --with none --size {SIZE} --quiet"
    options = f"--size {SIZE} --batch-size 2 --max-samples 2"
    trainings = [
        f"train pairs {run_folder} --network {network} {options}"
        for run_folder, network in (("run", "compact"), ("prn", "prn"))
    ]
    for words in (pairs, *trainings):
        run((*FACELIB, *words.split()), given)
    photos = given / "photos"
    photos.mkdir()
    face = Image.fromarray(skimage.data.astronaut()[:256, 100:356])
    for name in "abc":
        face.save(photos / f"{name}_front.jpg")
    _write_sweep(given / "sweep")
    _write_book(given / "book")


def _write_sweep(folder: Path) -> None:
    """The script with a chapter that does nothing but train."""
    (folder / "experiments").mkdir(parents=True)
    (folder / "notebooks").mkdir()
    for name in ("sweep.py", "grid.py"):
        shutil.copy(ROOT / "experiments" / name, folder / "experiments")
    cells = list(_sweep_cells())
    nbformat.write(_notebook_of(cells), folder / "notebooks" / "10_training.ipynb")
    grid = {"common": {"epochs": 1}, "grid": {"learning_rate": [0.001, 0.002]}}
    (folder / "grid.yaml").write_text(json.dumps(grid))  # which is YAML, too


def _sweep_cells() -> Iterator[tuple[str, list[str]]]:
    settings = f'network="compact", size={SIZE}, batch_size=2, threads=1, progress=False'
    yield 'data_dir = ""\nrun_dir = ""\nepochs = 1\nlearning_rate = 0.001', ["parameters"]
    yield (
        "from facelib.training.config import TrainConfig\n"
        "from facelib.training.loop import train\n"
        "train(TrainConfig.from_dict(dict(data_dir=data_dir, run_dir=run_dir, epochs=epochs,\n"
        f"    learning_rate=learning_rate, {settings}, checkpoint_minutes=0.001)))",
        [],
    )


def _write_book(folder: Path) -> None:
    """The book's rules with two chapters that only count."""
    for name in ("notebooks", "book/parameters"):
        (folder / name).mkdir(parents=True)
    for name in ("Makefile", "book/dependencies.py"):
        shutil.copy(ROOT / name, folder / name)
    for name in ("requirements.txt", "pyproject.toml", "setup.py"):
        (folder / name).touch()
        os.utime(folder / name, (0, 0))  # older than the environment, which is not to be made anew
    (folder / ".venv").symlink_to(Path(sys.prefix))
    (folder / "_config.yml").write_text("title: Small\nexecute: {execute_notebooks: 'off'}\n")
    toc = {"format": "jb-book", "root": "index", "chapters": []}
    (folder / "book/index.md").write_text("# Small\n\nA book.\n")
    for number in (1, 2):
        toc["chapters"].append({"file": f"chapters/{number}"})
        (folder / f"book/parameters/{number}.yaml").write_text("last: 9\n")
        cells = [("last = 3", ["parameters"]), ("print(*range(last))", [])]
        path = folder / f"notebooks/{number}.ipynb"
        nbformat.write(_notebook_of(cells, f"# Chapter {number}"), path)
    (folder / "_toc.yml").write_text(json.dumps(toc))


def _notebook_of(cells: Sequence[tuple[str, list[str]]], title: str = "# Chapter"):
    v4 = nbformat.v4
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = v4.new_notebook(metadata={"kernelspec": kernel})
    notebook.cells = [v4.new_markdown_cell(title, id="title")]
    for number, (source, tags) in enumerate(cells):
        cell = v4.new_code_cell(source, id=f"cell{number}", metadata={"tags": tags})
        notebook.cells.append(cell)
    return notebook
