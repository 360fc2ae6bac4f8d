"""Build data/people/children.npz: the population of children, for a stress set.

    python experiments/build_children.py --picture build/children.png

The head model has no children. Their mean heads, of girls and boys, are those of women of 25,
because boys have neither men's brows nor their necks, conditioned on smaller measures: each target
is the women's measure times the published mean of the child's age and sex over the published mean
of women of 25 (data/people/growth.csv). Run it after `compare_people.py`.
"""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
from build_people import hold_out
from calibrate_people import SEXES, condition_mean, pure_traits
from compare_people import draw_mean_faces

from facelib.face.headmodel import MorphableModel, load_head
from facelib.face.measures import MEASURES, measure_shapes
from facelib.files.atomic import replacing
from facelib.files.paths import data_dir
from facelib.files.tables import markdown
from facelib.synthetic.people.population import (
    CHILD_AGE_YEARS,
    ORIGINS,
    Population,
    load_population,
)

FOLDER = data_dir() / "people"
ADULT_YEARS = 25.0
# Children differ less from each other than adults: the published deviations of six measures are
# at 4 years 0.83 times those at 25, on average.
SPREAD_SHARE = 0.83

Growth = dict[tuple[str, str, float], float]  # mean, mm, by measure, sex and age in years


def read_growth(path: Path) -> Growth:
    """Read growth.csv."""
    with path.open(newline="") as file:
        return {
            (row["measure"], row["sex"], float(row["age_years"])): float(row["mean_mm"])
            for row in csv.DictReader(file)
        }


def growth_shares(growth: Growth, sex: str, age_years: float) -> np.ndarray:
    """Return a child's mean measures over a woman's: (M,), nan where growth has none."""
    shares = np.full(len(MEASURES), np.nan)
    for m, measure in enumerate(MEASURES):
        if (measure, sex, age_years) in growth:
            shares[m] = growth[measure, sex, age_years] / growth[measure, "female", ADULT_YEARS]
    return shares


def shrink(model: MorphableModel, adults: Population, growth: Growth) -> Population:
    """Extrapolate the means of adults to children, and choose who is held out."""
    means = np.empty_like(adults.corner_means)
    for o, origin in enumerate(ORIGINS):
        adult = adults.mean_shape(pure_traits(origin, "female", ADULT_YEARS))
        for s, sex in enumerate(SEXES):
            for a, age_years in enumerate(CHILD_AGE_YEARS):
                targets = measure_shapes(model, adult) * growth_shares(growth, sex, age_years)
                means[o, s, a] = condition_mean(model, adult, adults.spread, targets)
    spread = SPREAD_SHARE * adults.spread
    face = model.regions["face"] & ~model.regions["ears"]
    face_basis = model.shape_basis[:, face].reshape(len(model.shape_basis), -1).astype(float)
    held_out = hold_out(means.reshape(-1, means.shape[-1]), spread, face_basis)
    return replace(adults, corner_means=means, spread=spread, **held_out)


def print_table(
    model: MorphableModel, adults: Population, children: Population, growth: Growth
) -> None:
    """Print each measure of European women and children, and what the children's should be, mm."""
    rows = []
    woman = adults.mean_shape(pure_traits("european", "female", ADULT_YEARS))
    adult = measure_shapes(model, woman)
    for s, sex in enumerate(SEXES):
        for a, age_years in enumerate(CHILD_AGE_YEARS):
            child = measure_shapes(model, children.corner_means[ORIGINS.index("european"), s, a])
            targets = adult * growth_shares(growth, sex, age_years)
            for name, *values in zip(MEASURES, adult, targets, child, strict=True):
                rows.append([name, sex, f"{age_years:.0f}", *(f"{mm:.1f}" for mm in values)])
    heads = ["measure", "sex", "years", "women", "target", "children's mean"]
    print(markdown(heads, rows, "<<>>>>"))


@click.command(help=__doc__.splitlines()[0])
@click.option("--picture", type=click.Path(path_type=Path), help="PNG of adults and children.")
def main(picture: Path | None) -> None:
    """Write the population of children and perhaps the picture."""
    model, adults = load_head(), load_population()
    growth = read_growth(FOLDER / "growth.csv")
    children = shrink(model, adults, growth)
    arrays = {
        name: getattr(children, name)
        for name in vars(children)
        if name != "shape_age_years"  # the same for all children
    }
    with replacing(FOLDER / "children.npz") as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)
    if picture:
        draw_mean_faces(model, (adults, children), picture)
    print_table(model, adults, children, growth)


if __name__ == "__main__":
    main()
