"""Write the tables of README.md from the records that ship.

    python experiments/write_readme.py

Each table stands between two comments, which name it, and is replaced as a whole. Run it after a
record has changed; `test_readme.py` compares.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np

from facelib.evaluation.intervals import estimate
from facelib.evaluation.speed import read_speed, speed_caption, speed_table
from facelib.evaluation.suite.companions import peer_table
from facelib.evaluation.suite.record import read_columns, read_suite
from facelib.evaluation.suite.tables import BASELINE, DEFAULT
from facelib.files.atomic import replacing
from facelib.files.paths import data_file
from facelib.files.reading import read_json
from facelib.files.tables import duration, markdown

README = Path(__file__).resolve().parents[1] / "README.md"


def results() -> str:
    """Compare all methods on the same people."""
    record = read_suite(data_file("evaluation", "suite.json"))
    methods = record.methods
    baseline = methods.where(method=BASELINE[0], given=BASELINE[1])["shape_mm"]
    rows = []
    for method, given in methods.different("method", "given"):
        found = methods.where(method=method, given=given)
        bold = "**" if (method, given) == DEFAULT else ""
        skill = estimate(found["shape_mm"] / baseline, np.median).value
        rows.append([
            f"{bold}{method}{bold}",
            given,
            f"{bold}{estimate(found['shape_mm']).words()}{bold}",
            f"{skill:.2f}",
            estimate(found["surface_mm"]).words(),
        ])  # fmt: skip
    heads = ["method", "knows", "shape error, mm", "median skill", "surface distance, mm"]
    made = f"{len(baseline)} people, `{record.about['command']}`, {record.about['date']}."
    return f"{markdown(heads, rows)}\n\n{made}"


def peers() -> str:
    """Compare with other people's programs."""
    about, rows = read_columns(data_file("evaluation", "peers.json"))
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    sides = ", ".join(f"{name} in {n}" for name, n in about["sides_found"].items())
    made = (
        f"Faces found in {about['people']} side photos: {sides}. Versions: {versions}. "
        f"`{about['command']}`, {about['date']}."
    )
    return f"{peer_table(rows)}\n\n{made}"


def speed() -> str:
    """Show how long each stage takes, beside its baseline."""
    record = read_speed(data_file("evaluation", "speed.json"))
    return f"{speed_table(record)}\n\n{speed_caption(record)}"


def waits() -> str:
    """Show what a newcomer waits for."""
    record = read_json(data_file("evaluation", "from_scratch.json"))
    rows = [
        (f"{wait['what']}: `{wait['command']}`", duration(wait["seconds"]))
        for wait in record["waits"]
    ]
    made = (
        f"In a fresh clone, on {record['cores']} cores of {record['processor']}, "
        f"{record['date']}, by `{record['command']}`; its yardstick takes "
        f"{record['yardstick_ms']} ms."
    )
    return f"{markdown(['what', 'time'], rows)}\n\n{made}"


BLOCKS: dict[str, Callable[[], str]] = {
    "results": results,
    "peers": peers,
    "speed": speed,
    "waits": waits,
}


def written(text: str) -> str:
    """Return a README with its tables replaced.

    Raises:
        ValueError: if a table's two comments are not there.
    """
    for name, make in BLOCKS.items():
        pattern = rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)"
        block = make()
        text, count = re.subn(
            pattern, lambda m, b=block: f"{m[1]}{b}\n{m[2]}", text, flags=re.DOTALL
        )
        if count != 1:
            raise ValueError(f"expected the comments of {name} once, found them {count} times")
    return text


@click.command(help=__doc__)
def main() -> None:
    """Run the script."""
    text = written(README.read_text("utf-8"))
    with replacing(README) as temporary:
        temporary.write_text(text, encoding="utf-8")
    click.echo("wrote README.md")


if __name__ == "__main__":
    main()
