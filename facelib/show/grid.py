"""Numbers measured at every place of a grid, looked up by sliders: in JupyterLab and in the book.

An experiment that is too slow to run while a slider moves is run in advance for all its settings.
The book's script (`book/_static/grid_views.js`) looks up the numbers in the reader's browser.
"""

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ipywidgets
import numpy as np


@dataclass(frozen=True)
class GridView:
    """Bars whose lengths follow sliders.

    Attributes:
        values: (n₁, …, nₐ, S) float ≥ 0, S numbers at each place of a grid of A axes.
        axes: name → its n values, one slider each.
        series: S names of the bars.
        unit: of the numbers.
        start: (A,) initial positions of the sliders.
    """

    values: np.ndarray
    axes: Mapping[str, Sequence[float]]
    series: tuple[str, ...]
    unit: str
    start: tuple[int, ...]

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, object]:
        """Return the live view and the book's view; the viewer shows the one that it supports."""
        live = self.live()._repr_mimebundle_()
        live = live[0] if isinstance(live, tuple) else live
        text = f"Sliders for {', '.join(self.axes)}; bars for {', '.join(self.series)}."
        return {**live, "text/html": self.to_html(), "text/plain": text}

    def live(self) -> ipywidgets.VBox:
        """Return the widgets that JupyterLab shows."""
        sliders = [
            ipywidgets.SelectionSlider(
                options=[(f"{value:g}", number) for number, value in enumerate(values)],
                value=first,
                description=name,
                style={"description_width": "12em"},
            )
            for (name, values), first in zip(self.axes.items(), self.start, strict=True)
        ]
        bars = ipywidgets.HTML(self._bars_html(self.start))

        def look_up(_change):
            bars.value = self._bars_html(tuple(slider.value for slider in sliders))

        for slider in sliders:
            slider.observe(look_up, names="value")
        return ipywidgets.VBox([bars, *sliders])

    def to_html(self) -> str:
        """Return the book's view; without scripts it shows the start, without sliders."""
        values = json.dumps(np.round(self.values, 3).ravel().tolist(), separators=(",", ":"))
        rows = "".join(
            f"<label><span>{html.escape(name)}</span>"
            f'<input type="range" min="0" max="{len(numbers) - 1}" step="1" value="{first}" '
            f"data-labels='{json.dumps([f'{number:g}' for number in numbers])}'>"
            f'<output aria-hidden="true">{numbers[first]:g}</output></label>'
            for (name, numbers), first in zip(self.axes.items(), self.start, strict=True)
        )
        return (
            f'<div class="grid-view" data-values="{values}" data-unit="{html.escape(self.unit)}" '
            f'data-longest="{self.values.max():.3f}">{self._bars_html(self.start)}'
            f'<div class="morph-sliders" hidden>{rows}</div></div>'
        )

    def _bars_html(self, place: tuple[int, ...]) -> str:
        longest = self.values.max()
        rows = "".join(
            f'<div class="grid-bar"><span style="display:inline-block;width:10em">'
            f'{html.escape(name)}</span><i style="display:inline-block;height:1em;'
            f"forced-color-adjust:none;background:#0072b2;"
            f'width:{20 * number / longest:.2f}em"></i> '
            f'<span class="grid-value">{number:.2f} {html.escape(self.unit)}</span></div>'
            for name, number in zip(self.series, self.values[place], strict=True)
        )
        return f'<div class="grid-bars" role="status" aria-atomic="true">{rows}</div>'


def show_grid(
    values: np.ndarray,
    axes: Mapping[str, Sequence[float]],
    series: Sequence[str],
    *,
    unit: str,
    start: Sequence[int] | None = None,
) -> GridView:
    """Show numbers of an experiment with a slider for each of its settings.

    Args:
        values: (n₁, …, nₐ, S) float ≥ 0.
        axes: name of each setting, with its unit → the n values that were tried.
        series: S names, one per bar.
        unit: of the numbers.
        start: initial positions of the sliders; the middle if not given.

    Raises:
        ValueError: if the numbers do not fill the grid.
    """
    values = np.asarray(values, float)
    expected = (*map(len, axes.values()), len(series))
    if values.shape != expected or not np.isfinite(values).all() or values.max() <= 0:
        raise ValueError(f"expected finite values above 0 {expected}, got {values.shape}")
    middle = tuple(len(numbers) // 2 for numbers in axes.values())
    return GridView(values, dict(axes), tuple(series), unit, tuple(start or middle))
