"""Pin every package that `make` installs, with the checksums of its files.

    make lock                                  # after a change of requirements.in
    rm requirements*.txt && make lock          # newer versions of everything below it, too

requirements.in names our own dependencies; uv finds what these need on every system. torch has two
files of its own, of which `make` installs one: requirements-torch.txt, its public build with what
that needs for graphics cards, 3 GB on Linux; and requirements-torch-cpu.txt, its build for
processors, if pip finds one here.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from facelib.files.atomic import replacing, sha256

ROOT = Path(__file__).resolve().parents[1]
ASKED, LOCK, TORCH, TORCH_CPU = (
    ROOT / f"requirements{rest}" for rest in (".in", ".txt", "-torch.txt", "-torch-cpu.txt")
)
OLDEST_PYTHON = "3.11"
# jsonschema, if they are there, prepares grammars of internet addresses for two seconds in every
# program that reads a notebook. Only jupyter-events asks for that, and nothing here checks them.
LEFT_OUT = "rfc3987-syntax", "lark"
OF_TORCH = re.compile(r"(nvidia|cuda)-|(torch|triton)==")
HEAD = "# {what}. Made by `make lock`; edit requirements.in instead.\n\n"


def resolve(kept: str) -> list[str]:
    """Return a block of lines per package: its pin, and a checksum per file.

    Args:
        kept: an earlier lock, whose versions stay as long as they fit.
    """
    with TemporaryDirectory() as folder:
        lock = Path(folder) / "lock.txt"
        lock.write_text(kept, encoding="utf-8")
        subprocess.run(
            [sys.executable, "-m", "uv", "pip", "compile", ASKED, "--output-file", lock]
            + ["--universal", "--python-version", OLDEST_PYTHON, "--generate-hashes"]
            + ["--no-annotate", "--no-header", "--no-emit-index-url", "--quiet"],
            check=True,
        )
        return re.split(r"\n(?=\S)", lock.read_text("utf-8").strip())


def cpu_build(block: str) -> str | None:
    """Return the block of the build for processors, or None if pip finds the public one alone."""
    with TemporaryDirectory() as folder:
        words = ["pip", "download", "--quiet", "--no-deps", "--dest", folder, block.split()[0]]
        subprocess.run([sys.executable, "-m", *words], check=True)
        (wheel,) = Path(folder).iterdir()
        version = wheel.name.split("-")[1]
        return f"torch=={version} \\\n    --hash=sha256:{sha256(wheel)}" if "+" in version else None


def write(path: Path, what: str, blocks: list[str]) -> None:
    """Write a requirements file, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(HEAD.format(what=what) + "\n".join(blocks) + "\n", encoding="utf-8")


def main() -> None:
    """Write the three files."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    found = resolve("".join(p.read_text("utf-8") for p in (LOCK, TORCH) if p.exists()))
    blocks = [block for block in found if not block.startswith(tuple(f"{n}==" for n in LEFT_OUT))]
    of_torch = [block for block in blocks if OF_TORCH.match(block)]
    write(LOCK, "All packages but torch", [block for block in blocks if block not in of_torch])
    write(TORCH, "torch's public build, with what it needs for graphics cards", of_torch)
    small = cpu_build(next(block for block in of_torch if block.startswith("torch==")))
    if small:
        write(TORCH_CPU, "torch's build for processors", [small])
    else:
        print(f"pip finds no build of torch for processors here: {TORCH_CPU.name} is as it was")


if __name__ == "__main__":
    main()
