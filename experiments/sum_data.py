"""Write data/SHA256SUMS, the checksums of the head model's files and of all weights that ship.

    python experiments/sum_data.py

facelib compares these files with the list when it loads them, so run this after every script that
makes one of them. Seconds.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from facelib.files.atomic import replacing, sha256
from facelib.files.paths import SUMS, data_dir

FOLDERS = ("dense", "experiment", "head", "people", "weights")
ENDINGS = (".npz", ".onnx", ".safetensors")


def sums_of(folder: Path) -> str:
    """Return the list of a data folder, one line per file, as `sha256sum` writes them."""
    files = sorted(
        path
        for name in FOLDERS
        for path in folder.joinpath(name).glob("*")
        if path.suffix in ENDINGS
    )
    return "".join(f"{sha256(path)}  {path.relative_to(folder).as_posix()}\n" for path in files)


def main() -> None:
    """Write the list."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    with replacing(data_dir() / SUMS) as temporary:
        temporary.write_text(sums_of(data_dir()), encoding="utf-8")


if __name__ == "__main__":
    main()
