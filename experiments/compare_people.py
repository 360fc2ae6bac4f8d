"""Calibrate the population, and compare the measures of its people with those of real faces.

    python experiments/compare_people.py --picture build/mean_faces.png

It calibrates data/people/makehuman.npz, the population of MakeHuman's heads (`build_people.py`), to
data/people/measures.csv, and writes the result to data/head/people.npz, from which facelib draws.
Then it measures people of both and writes the table to data/people/comparison.json.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import click
import numpy as np
from calibrate_people import (
    MEAN_AGE_YEARS,
    MEANS_FROM,
    SEXES,
    Published,
    calibrate,
    pure_traits,
    read_published,
)
from PIL import Image

from facelib.face.headmodel import MorphableModel, load_head
from facelib.face.measures import MEASURES, measure_shapes
from facelib.files.atomic import replacing
from facelib.files.command import typed_command
from facelib.files.paths import data_dir
from facelib.files.tables import markdown
from facelib.geometry.mesh import Mesh
from facelib.show.still import HEIGHT_PX, WIDTH_PX, draw_still
from facelib.synthetic.people.population import (
    ORIGINS,
    PHOTOS_FROM_AGE,
    SHAPE_AGE_YEARS,
    Population,
    Traits,
    age_quantile,
    load_population,
    random_shape,
    random_traits,
)

FOLDER = data_dir() / "people"
GREY = 0.75
TARGET_HEAD = (0.0, 0.0, 30.0)  # the point in the middle of the pictures, mm
VIEWS = ((0.0, 0.0, 530.0), (430.0, 0.0, 310.0))  # where the camera is, mm: front, three quarters


def draw_makehuman(rng: np.random.Generator, population: Population) -> tuple[Traits, np.ndarray]:
    """Draw a person of any age of the model, all equally likely."""
    traits = replace(random_traits(rng), age_years=float(rng.uniform(*SHAPE_AGE_YEARS)))
    return traits, random_shape(rng, traits, population)


def draw_calibrated(rng: np.random.Generator, population: Population) -> tuple[Traits, np.ndarray]:
    """Draw a person as for training pairs."""
    traits = random_traits(rng)
    return traits, random_shape(rng, traits, population)


def measure_groups(
    model: MorphableModel, people: Iterable[tuple[Traits, np.ndarray]]
) -> dict[tuple[str, str], np.ndarray]:
    """Measure people by sex and origin, each also "all": (people, M), mm."""
    traits, shapes = zip(*people, strict=True)
    measured = measure_shapes(model, np.array(shapes))
    groups = {}
    for sex in ("all", *SEXES):
        for origin in ("all", *ORIGINS):
            members = [sex in ("all", t.sex) and origin in ("all", t.origin) for t in traits]
            groups[sex, origin] = measured[members]
    return groups


def compare(
    published: Sequence[Published], populations: dict[str, dict[tuple[str, str], np.ndarray]]
) -> list[dict]:
    """Return a line per published figure, with ours for the same group."""
    lines = []
    for line in published:
        column = list(MEASURES).index(line.measure)
        ours = {}
        for name, groups in populations.items():
            values = groups[line.sex, line.origin][:, column]
            ours[name] = {
                "n": len(values),
                "mean_mm": round(float(values.mean()), 2),
                "sd_mm": round(float(values.std(ddof=1)), 2),
            }
        lines.append({**vars(line), **ours})
    return lines


def summarise(lines: Sequence[dict], name: str) -> dict[str, float]:
    """Return a population's distances from the figures that the calibration uses, best first."""
    best = {}
    for line in sorted(
        (line for line in lines if line["source"] in MEANS_FROM and line["origin"] in ORIGINS),
        key=lambda line: MEANS_FROM.index(line["source"]),
    ):
        best.setdefault((line["measure"], line["sex"], line["origin"]), line)
    used = best.values()
    off = np.array([line[name]["mean_mm"] - line["mean_mm"] for line in used])
    spreads = [line[name]["sd_mm"] / line["sd_mm"] for line in used if line["sd_mm"]]
    return {
        "mean_off_by_mm": round(float(np.abs(off).mean()), 2),
        "worst_off_by_mm": round(float(np.abs(off).max()), 2),
        "sd_ours_by_published": round(float(np.median(spreads)), 2),
    }


def describe_change(
    model: MorphableModel, before: Population, after: Population
) -> list[dict[str, float]]:
    """Return how far each group's mean face moves, mm, and its largest coefficient."""
    face = model.regions["face"] & ~model.regions["ears"]
    moves = []
    for origin in ORIGINS:
        for sex in SEXES:
            traits = pure_traits(origin, sex, MEAN_AGE_YEARS)
            old, new = before.mean_shape(traits), after.mean_shape(traits)
            moved = np.tensordot(new - old, model.shape_basis[:, face], 1)
            distance = np.linalg.norm(moved, axis=-1)
            moves.append(
                {
                    "origin": origin,
                    "sex": sex,
                    "moved_mean_mm": round(float(distance.mean()), 2),
                    "moved_most_mm": round(float(distance.max()), 2),
                    "largest_coefficient_before": round(float(np.abs(old).max()), 2),
                    "largest_coefficient_after": round(float(np.abs(new).max()), 2),
                }
            )
    return moves


def face_spread_mm(model: MorphableModel, population: Population) -> float:
    """Return the root mean square distance of people's faces from their group's mean, mm."""
    face = model.regions["face"] & ~model.regions["ears"]
    per_z = np.tensordot(population.spread.T, model.shape_basis[:, face], 1)  # (K, F, 3)
    return float(np.sqrt((per_z**2).sum((0, 2)).mean()))


def describe_ages() -> dict:
    """Return the distribution of ages: photos by their first age, evenly up to the next."""
    shares = (0.05, 0.25, 0.5, 0.75, 0.95)
    return {
        "photos_from_age": PHOTOS_FROM_AGE,
        "quantiles_5_25_50_75_95": [round(age_quantile(share), 1) for share in shares],
        "source": "zhang2017age",
    }


def draw_mean_faces(model: MorphableModel, populations: Sequence[Population], path: Path) -> None:
    """Draw mean faces in grey: a column per group, and per population a row per view."""
    colors = np.full(model.mean_head.shape, GREY)
    square = slice((WIDTH_PX - HEIGHT_PX) // 2, (WIDTH_PX + HEIGHT_PX) // 2)
    rows = []
    for population in populations:
        for view in VIEWS:
            row = []
            for origin in ORIGINS:
                for sex in SEXES:
                    shape = population.mean_shape(pure_traits(origin, sex, MEAN_AGE_YEARS))
                    mesh = Mesh(model.vertices(shape), model.triangles, colors=colors)
                    drawn = draw_still([mesh], [*view, *TARGET_HEAD, 0, 1, 0])
                    row.append(np.asarray(Image.fromarray(drawn[:, square]).convert("L")))
            rows.append(np.hstack(row))
    Image.fromarray(np.vstack(rows)).save(path)


def print_table(lines: Sequence[dict], names: Sequence[str]) -> None:
    """Print published and our means and standard deviations, mm."""
    heads = ["measure", "sex", "origin", "source", "published", *names]
    rows = [
        [
            *(line[key] for key in ("measure", "sex", "origin", "source")),
            *(
                f"{part['mean_mm']:.1f} ({part['sd_mm']:.1f})"
                if part["sd_mm"] is not None
                else f"{part['mean_mm']:.1f}"
                for part in (line, *(line[name] for name in names))
            ),
        ]
        for line in lines
    ]
    print(markdown(heads, rows, "<<<<" + ">" * (1 + len(names))))


@click.command(help=__doc__.splitlines()[0])
@click.option("--heads", default=2000, show_default=True, help="People to draw of each population.")
@click.option("--seed", default=0, show_default=True)
@click.option("--picture", type=click.Path(path_type=Path), help="PNG of the mean faces.")
def main(heads: int, seed: int, picture: Path | None) -> None:
    """Write the calibrated population, the comparison and perhaps the picture."""
    model, made = load_head(), load_population(FOLDER / "makehuman.npz")
    published = read_published(FOLDER / "measures.csv")
    calibrated = calibrate(model, made, published)
    populations = {
        name: measure_groups(model, [draw(rng, population) for _ in range(heads)])
        for name, draw, population, rng in (
            ("makehuman", draw_makehuman, made, np.random.default_rng(seed)),
            ("calibrated", draw_calibrated, calibrated, np.random.default_rng(seed)),
        )
    }
    lines = compare(published, populations)
    result = {
        "command": typed_command(),
        "date": date.today().isoformat(),
        "seed": seed,
        "heads": heads,
        "summary": {name: summarise(lines, name) for name in populations},
        "face_spread_mm": {
            "makehuman": round(face_spread_mm(model, made), 2),
            "calibrated": round(face_spread_mm(model, calibrated), 2),
        },
        "mean_faces": describe_change(model, made, calibrated),
        "ages": describe_ages(),
        "lines": lines,
    }
    with replacing(FOLDER / "comparison.json") as temporary:
        temporary.write_text(json.dumps(result, indent=1) + "\n")
    with replacing(data_dir() / "head" / "people.npz") as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **{k: np.asarray(v) for k, v in vars(calibrated).items()})
    if picture:
        draw_mean_faces(model, (made, calibrated), picture)
    print_table(lines, list(populations))
    print(json.dumps({k: v for k, v in result.items() if k != "lines"}, indent=1))


if __name__ == "__main__":
    main()
