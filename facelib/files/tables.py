"""Tables in Markdown, and how long something took as people say it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def markdown(heads: Sequence[str], rows: Iterable[Sequence[str]], sides: str | None = None) -> str:
    """Format cells as a Markdown table.

    Args:
        heads: one per column.
        rows: cells, one per head.
        sides: `<` or `>` per column: pads cells to equal width, so that the source reads as a
            table, and aligns `>` columns to the right; None does not pad.

    Raises:
        ValueError: if a row does not have one cell per head.

    Examples:
        >>> print(markdown(["name", "mm"], [["nose", "1.2"]]))
        | name | mm |
        |---|---|
        | nose | 1.2 |
    """
    rows = [list(heads), *map(list, rows)]
    if any(len(row) != len(heads) for row in rows):
        raise ValueError(f"expected {len(heads)} cells in each row, got {[len(r) for r in rows]}")
    if sides is None:
        rule = "|" + "---|" * len(heads)
        lines = ["| " + " | ".join(row) + " |" for row in rows]
    else:
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        ends = ["-" if side == "<" else ":" for side in sides]
        rule = ["-" * (width - 1) + end for width, end in zip(widths, ends, strict=True)]
        rule = "| " + " | ".join(rule) + " |"
        rows = [map("{:{}{}}".format, row, sides, widths) for row in rows]
        lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], rule, *lines[1:]])


def duration(seconds: float) -> str:
    """Write a time as people say it.

    Examples:
        >>> duration(42.2), duration(750)
        ('42 seconds', '12 minutes')
    """
    return f"{seconds:.0f} seconds" if seconds < 90 else f"{seconds / 60:.0f} minutes"
