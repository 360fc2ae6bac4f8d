"""A head that a web page's reader can rotate and move: a GLB beside the script that draws it.

The script `viewer/head_view.js` is three.js and the code of `experiments/viewer` in one file.
"""

from __future__ import annotations

import base64
import gzip
import html
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from string import Template

RUN_ONCE = Template("""(window.headViewScript ??= (async () => {
  const packed = Uint8Array.from(atob("$packed"), (character) => character.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.textContent = await new Response(stream).text();
  document.head.append(script);
})()).then(() => headView.start());""")


@dataclass(frozen=True)
class HeadView:
    """A view of a head; a notebook shows it when it is a cell's last expression.

    Attributes:
        glb: the head's GLB file; its morph targets get sliders.
        still: a picture of the head, a data URL, for readers without scripts and for paper.
        alt: what the picture shows, for readers who cannot see it.
        layers: label → data URL of a picture on the head's uv page that can replace the texture;
            an empty one shows plain grey.
        first_view: yaw and pitch of the camera around the head, degrees.
    """

    glb: bytes = field(repr=False)  # a notebook keeps the text of what it shows
    still: str = field(repr=False)
    alt: str
    layers: Mapping[str, str] = field(default_factory=lambda: {"Plain grey": ""}, repr=False)
    first_view: tuple[float, float] = (15, 5)

    def to_html(self) -> str:
        """Return the element; the page needs `viewer_script` once."""
        glb = base64.b64encode(gzip.compress(self.glb, compresslevel=6, mtime=0)).decode()
        layers = html.escape(json.dumps(dict(self.layers)))
        yaw, pitch = self.first_view
        return (
            f'<div class="head-view" data-view="{yaw:g},{pitch:g}" data-layers="{layers}" '
            f'data-glb="{glb}"><img src="{self.still}" alt="{html.escape(self.alt)}"></div>'
        )

    def _repr_html_(self) -> str:
        # A notebook may keep any one of its outputs, so each has the script, and the first runs it.
        packed = base64.b64encode(gzip.compress(viewer_script().encode(), mtime=0)).decode()
        return f"{self.to_html()}<script>{RUN_ONCE.substitute(packed=packed)}</script>"


def viewer_script() -> str:
    """Return the script that brings every `HeadView` of a page to life; it requests nothing."""
    return (resources.files("facelib.show") / "viewer" / "head_view.js").read_text("ascii")
