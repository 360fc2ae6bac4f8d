"""The suite's report: a record in, a folder of Markdown and figures out."""

from __future__ import annotations

from pathlib import Path

from facelib.evaluation.suite import figures, tables
from facelib.evaluation.suite.record import SuiteRecord
from facelib.files.atomic import replacing
from facelib.files.tables import markdown

DRAWINGS = {
    "distributions": figures.draw_distributions,
    "second_photo": figures.draw_second_photo,
    "curves": figures.draw_curves,
    "sureness": figures.draw_sureness,
}
LEFT_OUT = (0.0, 0.1, 0.25, 0.5)
N_WORST = 12
TRAITS = ("sex", "origin", "age_years", "glasses", "beard", "hair_over_face", "front_thing")


def write_report(folder: Path, record: SuiteRecord) -> Path:
    """Write `report.md` and its figures.

    Args:
        folder: exists.
        record: of the suite.

    Returns:
        The report's path.
    """
    for name, draw in DRAWINGS.items():
        with replacing(folder / f"{name}.png") as temporary:
            draw(record).savefig(temporary, format="png", dpi=120)
    path = folder / "report.md"
    with replacing(path) as temporary:
        temporary.write_text("\n\n".join(blocks(record)) + "\n", encoding="utf-8")
    return path


def blocks(record: SuiteRecord) -> list[str]:
    """Return the report's paragraphs, tables and pictures."""
    n_people = len({index for (index,) in record.methods.different("index")})
    curves = [name for (name,) in record.curves.different("curve")]
    found = [
        "# How good is it, and where does it fail?",
        f"`{record.about['command']}`, {record.about['date']}. {n_people} synthetic people whom "
        "no network has seen, a **stand-in** for people. In brackets: 95 % intervals from drawing "
        "the people again; each misses its truth with 5 %.",
        "## Methods on the same people",
        *(f"- **{metric.heading}**: {metric.meaning}." for metric in tables.METRICS),
        *(tables.method_table(record, metric) for metric in tables.METRICS),
        _picture("distributions", "Share of people below each error, by method."),
        "Mean errors along each axis, and shape errors by region, mm:",
        tables.part_table(record),
        f"Scans ({record.about['scans_of']}), mean distances, along the axes of the head:",
        tables.scan_table(record),
        "## Two photos or one",
        tables.curve_table(record, figures.SECOND_PHOTO.name),
        _picture("second_photo", "Error against what the second photo is."),
        "## One thing at a time",
        _picture("curves", "Error against everything that is varied by numbers."),
    ]
    found += [tables.curve_table(record, name) for name in curves[2:]]
    groups = tables.groups_of(record)
    return [*found, "## Whom it serves worse", tables.served_worse(groups)] + [
        tables.group_table(groups),
        *(tables.trait_table(record, trait, edges) for trait, edges in tables.TRAIT_EDGES.items()),
        *([tables.tone_table(record)] if "melanin" in curves else []),
        "## Is it sure where it is right?",
        tables.sureness_table(record, _sure_points(record)),
        "\n".join(
            f"- without the least sure {share:.0%}: {kept.words()} mm ({kept.n} people)"
            for share, kept in zip(LEFT_OUT, tables.rejection(record, LEFT_OUT), strict=True)
        ),
        _picture("sureness", "True against expected error, and errors without the least sure."),
        f"## The worst {N_WORST}",
        worst_table(record),
    ]


def worst_table(record: SuiteRecord) -> str:
    """List the worst people with what is known of them."""
    found = tables.worst(record, N_WORST)
    causes = tables.causes(record)
    heads = ["person", "shape error, mm", "cause", *(name.replace("_", " ") for name in TRAITS)]
    rows = [
        [
            f"{found['index'][i]:.0f}",
            f"{found['shape_mm'][i]:.2f}",
            causes.get(int(found["index"][i]), ("not looked for", 0.0))[0],
        ]
        + [_plain(found[name][i]) for name in TRAITS]
        for i in range(len(found))
    ]
    return markdown(heads, rows)


def _sure_points(record: SuiteRecord) -> list[tuple[str, str | float]]:
    wanted = ("as drawn", "covered share", "worn")
    return [point for point in record.curves.different("curve", "level") if point[0] in wanted]


def _plain(value: object) -> str:
    return f"{value:.0f}" if isinstance(value, float) else str(value)


def _picture(name: str, words: str) -> str:
    return f"![{words}]({name}.png)"
