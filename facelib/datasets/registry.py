"""The list of data sets: purpose, licence, source, and which files are present.

None of the licensed ones ships. Each face data set has a stand-in: files made by this project with
the same names, format and units. A marker file distinguishes a stand-in from the real data.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from glob import escape
from itertools import islice
from pathlib import Path

from facelib.files.atomic import remove_unfinished, replacing
from facelib.files.paths import data_dir
from facelib.files.tables import markdown

STAND_IN_MARKER = "STAND-IN.txt"
FIRST_IDENTITY = 2_000_000_000  # of people in licensed data; synthetic people have lower numbers
MAX_COUNTED = 1_000_000  # files; more need not be counted


@dataclass(frozen=True)
class Expected:
    """One kind of files in a dataset.

    Attributes:
        pattern: glob below the dataset's folder.
        count: expected number; a stand-in may have fewer.
        what: what they are, in the plural.
        instead: glob of files to accept if none matches the pattern.
    """

    pattern: str
    count: int
    what: str
    instead: str | None = None

    def present_in(self, folder: Path) -> int:
        """Count the files present."""
        patterns = [self.pattern, self.instead] if self.instead else [self.pattern]
        counts = (sum(1 for _ in islice(folder.glob(p), MAX_COUNTED)) for p in patterns)
        return next((count for count in counts if count), 0)


@dataclass(frozen=True)
class Dataset:
    """One dataset that a user may add.

    Attributes:
        name: its authors' name for it.
        folder: below the data folder.
        purpose: its use in this project.
        licence: in a few words.
        ask: address to request it from.
        expected: its files.
        stand_in: its name in the command `standin`, or None if it has no stand-in.
    """

    name: str
    folder: str
    purpose: str
    licence: str
    ask: str
    expected: tuple[Expected, ...]
    stand_in: str | None = None


DATASETS = (
    Dataset(
        "Basel Face Model 2009", "BFM", "the face model behind 300W-LP",
        "research only, not to be passed on", "faces.dmi.unibas.ch/bfm",
        (
            Expected("BFM.mat", 1, "models", instead="**/01_MorphableModel.mat"),
            Expected("BFM_UV.mat", 1, "texture layouts", instead="**/BFM_UV.mat"),
        ),
        "bfm",
    ),
    Dataset(
        "300W-LP", "300W_LP", "photos with fitted faces, to train on",
        "research only", "cbsr.ia.ac.cn/users/xiangyuzhu/projects/3DDFA/main.htm",
        (Expected("*/*.jpg", 122_450, "photos"), Expected("*/*.mat", 122_450, "fits")),
        "300w-lp",
    ),
    Dataset(
        "AFLW2000-3D", "AFLW2000", "photos with fitted faces, to test on",
        "research only", "cbsr.ia.ac.cn/users/xiangyuzhu/projects/3DDFA/main.htm",
        (Expected("*.jpg", 2_000, "photos"), Expected("*.mat", 2_000, "fits")),
        "aflw2000",
    ),
    Dataset(
        "MICC Florence", "florence", "scans of 53 people, to test on",
        "research only, after a signed agreement",
        "micc.unifi.it/resources/datasets/florence-3d-faces",
        (Expected("subject_*/Model/frontal1/obj/*.obj", 53, "frontal scans"),),
        "florence",
    ),
    Dataset(
        "FaceGen exports", "facegen", "the thesis's synthetic people, to train on",
        "as the SDK's licence says", "facegen.com",
        (Expected("*/*_front.png", 10_000, "front views"),),
        "facegen",
    ),
    Dataset(
        "Describable Textures", "dtd", "backgrounds behind synthetic people",
        "research only", "robots.ox.ac.uk/~vgg/data/dtd",
        (Expected("images/*/*.jpg", 5_640, "pictures"),),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Presence:
    """The number of files of a dataset that are present.

    Attributes:
        counts: one number per entry of `Dataset.expected`.
        stand_in: whether its folder is marked as a stand-in.
    """

    counts: tuple[int, ...]
    stand_in: bool

    @property
    def present(self) -> bool:
        """Whether files of each kind are present."""
        return all(self.counts)


def find_dataset(folder: str) -> Dataset:
    """Return the dataset that belongs in a folder, such as "florence".

    Raises:
        ValueError: if there is none.
    """
    for dataset in DATASETS:
        if dataset.folder == folder:
            return dataset
    known = ", ".join(dataset.folder for dataset in DATASETS)
    raise ValueError(f"expected one of the folders {known}, got {folder!r}")


def presence(dataset: Dataset, root: Path | None = None) -> Presence:
    """Count a dataset's files.

    Args:
        dataset: from `DATASETS`.
        root: the folder that holds the datasets' folders; None: the project's data folder.
    """
    folder = (root or data_dir()) / dataset.folder
    counts = tuple(expected.present_in(folder) for expected in dataset.expected)
    return Presence(counts, is_stand_in(folder))


def missing_sentence(dataset: Dataset, folder: Path | str) -> str:
    """Return a sentence: a dataset is missing in a folder, and its source."""
    wanted = " and ".join(expected.pattern for expected in dataset.expected)
    sentence = f"no {wanted} of {dataset.name} in {folder}: ask for it at {dataset.ask}"
    if dataset.stand_in:
        command = f"facelib standin {dataset.stand_in} {shlex.quote(str(folder))}"
        return f"{sentence}, or make a stand-in with `{command}`"
    return sentence


def mark_stand_in(folder: Path | str, dataset: Dataset, made_by: str) -> None:
    """Write the marker file that declares a folder's content a stand-in.

    Args:
        folder: must exist.
        dataset: the real one.
        made_by: the command that made it.
    """
    text = (
        f"STAND-IN for {dataset.name}\n\n"
        f"These files are not {dataset.name}. facelib made them in its format, from synthetic\n"
        "people, so that the same code runs without the licensed data. Results on them say\n"
        f"nothing about {dataset.name}, and are a stand-in's wherever they are shown.\n\n"
        f"Made by: {made_by}\nLicence: CC0\n"
    )
    with replacing(Path(folder) / STAND_IN_MARKER) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def new_stand_in(folder: Path | str, dataset: Dataset, made_by: str) -> Iterator[Path]:
    """Yield a temporary folder for a stand-in, renamed to the folder if the block succeeds.

    Args:
        folder: new or empty, so that a stand-in never mixes with real data.
        dataset: the real one.
        made_by: the command that makes it.

    Yields:
        The folder to write to; the marker file is added at the end.

    Raises:
        ValueError: if the folder is not empty.
        OSError: if it cannot be written.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"expected a new or an empty folder, but {folder} holds files")
    folder.parent.mkdir(parents=True, exist_ok=True)
    remove_unfinished(folder.parent, escape(folder.name))
    with replacing(folder) as unfinished:
        unfinished.mkdir()
        yield unfinished
        mark_stand_in(unfinished, dataset, made_by)


def is_stand_in(folder: Path | str) -> bool:
    """Whether a folder is marked as holding a stand-in."""
    return (Path(folder) / STAND_IN_MARKER).is_file()


def markdown_registry(root: Path | None = None) -> str:
    """Write the data sets as a Markdown table, with the number of files that are present.

    Args:
        root: the folder that holds the datasets' folders; None: the project's data folder.
    """
    rows = [
        (each.name, each.purpose, each.licence, each.ask, f"{each.folder}/",
         _presence_cell(each, presence(each, root)))
        for each in DATASETS
    ]  # fmt: skip
    return markdown(("data set", "for", "licence", "ask at", "folder", "present"), rows)


def _presence_cell(dataset: Dataset, found: Presence) -> str:
    counted = ", ".join(
        f"{count} of {expected.count} {expected.what}"
        for count, expected in zip(found.counts, dataset.expected, strict=True)
    )
    return f"STAND-IN: {counted}" if found.stand_in else counted
