"""A mesh with sliders that move it along directions: live in JupyterLab, and in the book too.

A linear model needs no kernel: vertices = mean + Σ slider · direction. The book's script
(`book/_static/mesh_views.js`) computes that sum in the reader's browser.
"""

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass, replace

import ipywidgets
import numpy as np

from facelib.geometry.mesh import Mesh
from facelib.show.figures import MeshView, StartView, show_mesh

STEP = 0.1


@dataclass(frozen=True)
class MorphView:
    """An interactive mesh with one slider per direction.

    Attributes:
        view: the mesh where all sliders are at 0.
        mean: (N, 3) float32 vertices of that mesh.
        directions: (K, N, 3) float32, what one unit of each slider adds.
        names: K labels of the sliders.
        limit: the sliders run from −limit to limit.
    """

    view: MeshView
    mean: np.ndarray
    directions: np.ndarray
    names: tuple[str, ...]
    limit: float

    def vertices(self, values: Sequence[float]) -> np.ndarray:
        """Return the vertices for slider values (K,): (N, 3) float32."""
        return self.mean + np.tensordot(np.asarray(values, np.float32), self.directions, 1)

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, object]:
        """Return the live view and the book's view; the viewer shows the one that it supports."""
        live = self.live()._repr_mimebundle_()
        live = live[0] if isinstance(live, tuple) else live
        text = f"Mesh with sliders: {self.view.alt}"
        return {**live, "text/html": self.to_html(), "text/plain": text}

    def live(self) -> ipywidgets.VBox:
        """Return the widgets that JupyterLab shows."""
        sliders = [
            ipywidgets.FloatSlider(0, min=-self.limit, max=self.limit, step=STEP, description=name)
            for name in self.names
        ]
        mesh = self.view.plot.objects[0]

        def move(_change):
            mesh.vertices = self.vertices([slider.value for slider in sliders])

        for slider in sliders:
            slider.observe(move, names="value")
        return ipywidgets.VBox([self.view.plot, *sliders])

    def to_html(self) -> str:
        """Return the book's view; the sliders stay hidden without scripts."""
        unit = float(np.abs(self.directions).max()) / 32767
        steps = np.round(self.directions / unit).astype("<i2")
        data = base64.b64encode(steps.tobytes()).decode()
        rows = "".join(self._slider_html(name) for name in self.names)
        return (
            f'<div class="morph" data-directions="{data}" data-unit="{unit!r}">'
            f'{self.view.to_html()}<div class="morph-sliders" hidden>{rows}</div></div>'
        )

    def _slider_html(self, name: str) -> str:
        return (
            f"<label><span>{html.escape(name)}</span>"
            f'<input type="range" min="{-self.limit}" max="{self.limit}" step="{STEP}" value="0">'
            '<output aria-hidden="true">0.0</output></label>'
        )


def show_morph(
    mesh: Mesh,
    directions: np.ndarray,
    *,
    alt: str,
    names: Sequence[str] | None = None,
    limit: float = 2.5,
    view: StartView | None = None,
    height: int = 420,
) -> MorphView:
    """Show a mesh of a linear model with a slider for each direction.

    Args:
        mesh: vertices in mm, head frame, where all sliders are at 0.
        directions: (K, N, 3) mm, what one unit of each slider adds to the vertices.
        alt: what the picture shows, for readers who cannot see it.
        names: K labels of the sliders; "direction 1" and so on if not given.
        limit: the sliders run from −limit to limit.
        view: where the reader's eye starts.
        height: px of the mesh in the page.

    Returns:
        The view; a notebook shows it when it is a cell's last expression.

    Raises:
        ValueError: if the directions do not fit the mesh or the names.
    """
    directions = np.asarray(directions, np.float32)
    if directions.ndim != 3 or directions.shape[1:] != mesh.vertices.shape or not len(directions):
        raise ValueError(
            f"directions must be (K, {len(mesh.vertices)}, 3) with K of at least 1, "
            f"got {directions.shape}"
        )
    if not np.any(directions):
        raise ValueError("directions must move the mesh, got only zeros")
    names = tuple(names or [f"direction {k + 1}" for k in range(len(directions))])
    if len(names) != len(directions):
        raise ValueError(f"expected {len(directions)} names, got {len(names)}")
    mean = np.asarray(mesh.vertices, np.float32)
    shown = show_mesh(replace(mesh, vertices=mean), alt=alt, view=view, height=height)
    return MorphView(shown, mean, directions, names, float(limit))
