"""What pictures on sliders and linked pictures share: their style and script, and small pictures.

Each output carries both, so that it works in JupyterLab, in the book and in a page on its own.
"""

import base64
import io
from importlib import resources

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from facelib.imaging.imagefiles import to_uint8

QUALITY = 80


def with_script(element: str) -> str:
    """Return an element's HTML between the style that it needs and the script that wakes it."""
    folder = resources.files("facelib.show") / "viewer"
    style, script = ((folder / f"pictures.{kind}").read_text("utf-8") for kind in ("css", "js"))
    return f"<style>{style}</style>{element}<script>{script}</script>"


def picture_url(picture: np.ndarray | Figure) -> str:
    """Return a picture as a WebP data URL; a figure is closed, so that it is not shown again.

    Args:
        picture: (H, W, 3) RGB in 0..1, or a matplotlib figure, which loses nothing.
    """
    buffer = io.BytesIO()
    if isinstance(picture, Figure):
        drawn = io.BytesIO()
        picture.savefig(drawn, format="png", bbox_inches="tight")
        plt.close(picture)
        Image.open(drawn).convert("RGB").save(buffer, "WEBP", lossless=True)
    else:
        Image.fromarray(to_uint8(picture)).save(buffer, "WEBP", quality=QUALITY)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
