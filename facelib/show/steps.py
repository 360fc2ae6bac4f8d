"""Pictures made in advance, one for every place of one or more sliders; they need no kernel."""

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

import numpy as np
from matplotlib.figure import Figure

from facelib.show.picture_script import picture_url, with_script


@dataclass(frozen=True)
class StepsView:
    """Pictures on sliders; a notebook shows it when it is a cell's last expression.

    Attributes:
        pictures: data URLs, one for each place of the grid of the axes, the last axis fastest.
        axes: name → its labels, one slider each.
        alts: what each picture shows, for readers who cannot see it.
        start: initial position of each slider.
    """

    pictures: tuple[str, ...] = field(repr=False)  # a notebook keeps the text of what it shows
    axes: Mapping[str, tuple[str, ...]]
    alts: tuple[str, ...] = field(repr=False)
    start: tuple[int, ...]

    def _repr_html_(self) -> str:
        return with_script(self.to_html())

    def to_html(self) -> str:
        """Return the element, without style and script."""
        places = product(*self.axes.values())
        pictures = "".join(map(self._picture_html, places, self.pictures, self.alts))
        sliders = "".join(map(self._slider_html, self.axes, self.start))
        return (
            f'<div class="steps"><div class="steps-pictures">{pictures}</div>'
            f'<div class="step-sliders">{sliders}</div></div>'
        )

    def _picture_html(self, labels: Sequence[str], url: str, alt: str) -> str:
        place = ", ".join(f"{name} {label}" for name, label in zip(self.axes, labels, strict=True))
        alt, place = html.escape(f"{alt} {place}."), html.escape(place)
        return (
            f'<figure class="step"><img src="{url}" alt="{alt}">'
            f"<figcaption>{place}</figcaption></figure>"
        )

    def _slider_html(self, name: str, first: int) -> str:
        labels = self.axes[name]
        return (
            f"<label><span>{html.escape(name)}</span>"
            f'<input type="range" min="0" max="{len(labels) - 1}" step="1" value="{first}" '
            f'data-labels="{html.escape(json.dumps(labels))}">'
            f'<output aria-hidden="true">{html.escape(labels[first])}</output></label>'
        )


def show_steps(
    pictures: Sequence[np.ndarray | Figure],
    axes: Mapping[str, Sequence[str | float]],
    *,
    alt: str | Sequence[str],
    start: Sequence[int] | None = None,
) -> StepsView:
    """Show pictures that were made in advance, with a slider for each of their settings.

    Args:
        pictures: (H, W, 3) RGB in 0..1 or matplotlib figures, one for each combination of the
            settings, as `itertools.product(*axes.values())` lists them.
        axes: name of each setting, with its unit → its values, in the order of the slider.
        alt: what the pictures show, as a sentence, or a sentence for each; each one's settings are
            added to it.
        start: initial positions of the sliders, counted from 0; the middle if not given.

    Raises:
        ValueError: if there is not one picture per combination, or one has no alt text.
    """
    expected = int(np.prod([len(values) for values in axes.values()]))
    if len(pictures) != expected:
        raise ValueError(f"expected {expected} pictures for the sliders, got {len(pictures)}")
    alts = (alt,) * expected if isinstance(alt, str) else tuple(alt)
    if len(alts) != expected or not all(each.strip() for each in alts):
        raise ValueError("alt must describe the pictures, got an empty text or too few")
    labels = {
        name: tuple(v if isinstance(v, str) else f"{v:g}".replace("-", "−") for v in values)
        for name, values in axes.items()
    }
    start = tuple(start or (len(values) // 2 for values in axes.values()))
    return StepsView(tuple(map(picture_url, pictures)), labels, alts, start)
