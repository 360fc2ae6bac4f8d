"""Two buttons for photos in JupyterLab, and what is made of them below."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path

import ipywidgets
from IPython.display import display

VIEWS = ("front", "side")
IN_BOOK = "<p>In JupyterLab two buttons here take your photos.</p>"


@dataclass(frozen=True, eq=False)
class PhotoPanel:
    """A panel that takes a front photo and, if there is one, a side photo.

    The photos go from the browser to the notebook's kernel, where JupyterLab was started, and into
    a temporary folder that is removed at once. Nothing is sent anywhere else.

    Attributes:
        build: makes of the photos' paths what is shown; a ValueError becomes a sentence.
    """

    build: Callable[..., object]

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, object]:
        """Return the live panel, and a sentence for the book, where there is no kernel."""
        live = self.live()._repr_mimebundle_()
        live = live[0] if isinstance(live, tuple) else live
        return {**live, "text/html": IN_BOOK, "text/plain": "A panel that takes two photos."}

    def live(self) -> ipywidgets.VBox:
        """Return the widgets that JupyterLab shows."""
        uploads = [
            ipywidgets.FileUpload(accept="image/*", description=f"{view} photo") for view in VIEWS
        ]
        button = ipywidgets.Button(description="Build the head", disabled=True)
        shown = ipywidgets.Output()
        uploads[0].observe(lambda _: setattr(button, "disabled", not uploads[0].value), "value")

        def run(_button) -> None:
            button.disabled = True
            shown.clear_output()
            with shown:
                display(self._built([upload.value for upload in uploads]))
            button.disabled = False

        button.on_click(run)
        return ipywidgets.VBox([ipywidgets.HBox([*uploads, button]), shown])

    def _built(self, uploads: list[tuple]) -> object:
        """Build from the files of both buttons; return what came out, or a sentence."""
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for view, files in zip(VIEWS, uploads, strict=True):
                for file in files[:1]:
                    paths.append(Path(folder, view).with_suffix(Path(file.name).suffix))
                    paths[-1].write_bytes(file.content)
            try:
                return self.build(*paths)
            except ValueError as error:
                return ipywidgets.HTML(value=f"<p>{escape(str(error))}</p>")
