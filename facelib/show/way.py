"""Where a chapter stands on the book's way from a point of the head to a head that one can keep."""

import html
from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One chapter: its short name, what goes into it and what comes out of it."""

    name: str
    takes: str
    gives: str


WAY = {
    "Tools": (
        Step("points", "a point of the head, in mm", "its pixel, and the way back"),
        Step("pictures", "a mesh, a camera and lights", "a picture"),
        Step("heads", "a few dozen numbers", "the vertices of a head"),
        Step("maps", "the vertices of a face", "an image that holds them: a position map"),
    ),
    "Data": (
        Step("people", "a random number", "a person: a head with an age, a sex and an origin"),
        Step("looks", "a person", "a photo, with skin, hair, glasses and light"),
        Step("scale", "one photo with its truth", "as many as a network needs"),
        Step("pairs", "photos from several sources", "pairs of photos with the true vertices"),
    ),
    "Learning": (
        Step("networks", "two photos", "an answer: a position map, or points with their doubts"),
        Step("training", "pairs, and a network that knows nothing", "weights"),
        Step("evaluation", "an answer and the truth", "an error, with its interval"),
    ),
    "Use": (
        Step("a head", "two photos of one person", "a textured head in a file"),
        Step("inside", "a trained network", "what it looks at, and where it fails"),
        Step("two photos", "points in two photos, with their doubts", "one head that fits both"),
        Step("care", "a tool that works", "what it must not be used for"),
        Step("broken", "files and machines that misbehave", "one clear sentence"),
        Step("the thesis", "a thesis and its code", "what of it holds"),
    ),
}
CHIP = (
    "display:inline-block;margin:2px 4px 2px 0;padding:1px 8px;border-radius:1em;"
    "border:1px solid var(--pst-color-border,#bbb);white-space:nowrap;"
)
HERE = (
    "background:var(--pst-color-primary,#0a7d91);color:var(--pst-color-primary-text,#fff);"
    "border-color:transparent;font-weight:600;"
)


@dataclass(frozen=True)
class WayView:
    """The book's chapters in their order, one of them marked; a notebook shows it as a picture."""

    chapter: int

    def _repr_html_(self) -> str:
        number, rows = 0, []
        for part, steps in WAY.items():
            chips = []
            for step in steps:
                number += 1
                chips.append(self._chip(number, step))
            rows.append(
                f'<div style="display:grid;grid-template-columns:5.5em 1fr"><span>{part}</span>'
                f'<ol style="list-style:none;padding:0;margin:0">'
                f"{''.join(chips)}</ol></div>"
            )
        here = _steps()[self.chapter - 1]
        return (
            '<div class="way" role="group" aria-label="Where this chapter stands" '
            f'style="font-size:0.85rem;line-height:1.9">{"".join(rows)}'
            f"<p><strong>In:</strong> {html.escape(here.takes)}. "
            f"<strong>Out:</strong> {html.escape(here.gives)}.</p></div>"
        )

    def __repr__(self) -> str:
        """Return the text that stands for the picture where none can be shown."""
        here = _steps()[self.chapter - 1]
        return f"Chapter {self.chapter}, {here.name}: {here.takes} -> {here.gives}"

    def _chip(self, number: int, step: Step) -> str:
        style, current = CHIP, ""
        if number == self.chapter:
            style, current = CHIP + HERE, ' aria-current="step"'
        return f'<li style="{style}"{current}>{number} {html.escape(step.name)}</li>'


def show_way(chapter: int) -> WayView:
    """Show where a chapter stands in the book.

    Args:
        chapter: its number, from 1.

    Raises:
        ValueError: if the book has no such chapter.
    """
    if not 1 <= chapter <= len(_steps()):
        raise ValueError(f"chapter must be from 1 to {len(_steps())}, got {chapter}")
    return WayView(chapter)


def _steps() -> list[Step]:
    return [step for steps in WAY.values() for step in steps]
