"""Sphinx extension for the first page: a head that turns, its photos, and three measured numbers.

    ```{landing-head} The text that is read to those who cannot see the head.
    ```
    ```{landing-numbers}
    ```

The head is made when the page is built, by what `facelib reconstruct` runs, from two rendered
photos of a person in no training set. The numbers are read from the suite's record.
"""

import base64
import re
from functools import lru_cache
from io import BytesIO
from pathlib import Path

import numpy as np
from docutils import nodes
from docutils.parsers.rst import Directive
from PIL import Image
from sphinx.application import Sphinx

from facelib import reconstruct
from facelib.detect.faces import detection_from_box
from facelib.evaluation.intervals import Estimate, estimate
from facelib.evaluation.suite.record import read_suite
from facelib.evaluation.suite.tables import BASELINE, DEFAULT
from facelib.files.paths import data_file
from facelib.reconstruction.crops import FRONT_BOX, SIDE_BOX
from facelib.show.head_view import HeadView
from facelib.synthetic.samples import make_pair
from facelib.synthetic.settings import SyntheticSettings

PERSON, SEED = 2, 2  # with short hair, because the head paints hair on the skin
PHOTO_PX, SHOWN_PX, TEXTURE_PX = 512, 320, 512
CARD_PX = 630  # height of the picture that other sites show beside a link
PICTURE = re.compile(r"data:image/\w+;base64,([^\"]+)")
RECORD = data_file("evaluation", "suite.json")
FRONT_ALONE = DEFAULT[0], "front"
NUMBER = '<div class="landing-number"><b>{}</b><span>{}</span><small>{}</small></div>'


@lru_cache(maxsize=1)
def head_and_photos() -> tuple[HeadView, tuple[np.ndarray, np.ndarray]]:
    """Photograph a synthetic person and reconstruct the head."""
    pair = make_pair(PERSON, SyntheticSettings(PHOTO_PX, SEED, held_out=True))
    photos = pair.front, pair.side
    boxes = [box_of_whole_photo(kind) for kind in (FRONT_BOX, SIDE_BOX)]
    found = reconstruct(*photos, front_face=boxes[0], side_face=boxes[1])
    return found.show(detail=0, texture_size=TEXTURE_PX), photos


def box_of_whole_photo(box_to_crop):
    """Return the detector's box whose crop is the whole photo: it is cut close, as for training."""
    side, middle = PHOTO_PX / box_to_crop.size, (PHOTO_PX - 1) / 2
    y = middle - box_to_crop.shift_y * side
    half = side / 2
    return detection_from_box((middle - half, y - half, middle + half, y + half))


def photo_html(photo: np.ndarray, alt: str) -> str:
    """Return a photo as an element of the page."""
    packed = BytesIO()
    Image.fromarray(photo).resize((SHOWN_PX, SHOWN_PX)).save(packed, "JPEG", quality=85)
    url = "data:image/jpeg;base64," + base64.b64encode(packed.getvalue()).decode()
    return f'<img src="{url}" alt="{alt}" width="{SHOWN_PX}" height="{SHOWN_PX}">'


def numbers() -> tuple[int, dict[str, Estimate]]:
    """Return how many people were measured, and the errors with their intervals, mm."""
    methods = read_suite(RECORD).methods
    both, alone, mean_face = (
        methods.where(method=method, given=given)["shape_mm"]
        for method, given in (DEFAULT, FRONT_ALONE, BASELINE)
    )
    found = {"error": both, "mean face": mean_face, "gain": alone - both}
    return len(both), {name: estimate(values) for name, values in found.items()}


class LandingHead(Directive):
    """The head, and the two photos that it was made of."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Return the elements as they stand in the page."""
        self.state.document.settings.env.note_dependency(str(data_file("dense", "dense.onnx")))
        view, (front, side) = head_and_photos()
        described = HeadView(view.glb, view.still, self.arguments[0], view.layers)
        photos = photo_html(
            front,
            "A rendered man with short black hair and stubble, his head tilted, from the front",
        ) + photo_html(side, "The same man in profile")
        html = (
            f'<div class="landing"><div class="landing-photos">{photos}</div>'
            f'<div class="landing-head">{described._repr_html_()}</div></div>'
        )
        return [nodes.raw("", html, format="html")]


class LandingNumbers(Directive):
    """Error, mean face, and gain of the second photo."""

    def run(self) -> list[nodes.Node]:
        """Return the three numbers, each with its interval and its meaning."""
        self.state.document.settings.env.note_dependency(str(RECORD))
        n_people, found = numbers()
        meanings = {
            "error": "mean error of the shape, from two photos",
            "mean face": "the error of the mean face, which sees no photo",
            "gain": "taken off by the second photo",
        }
        cells = "".join(
            NUMBER.format(
                f"{found[name].value:.2f} mm",
                meaning,
                f"95 % interval {found[name].low:.2f} to {found[name].high:.2f}",
            )
            for name, meaning in meanings.items()
        )
        whom = f"{n_people} synthetic people whom no network has seen, a stand-in for people"
        html = f'<div class="landing-numbers">{cells}</div><p>On {whom}.</p>'
        return [nodes.raw("", html, format="html")]


def side_by_side(page: str) -> Image.Image:
    """Return a page's photos and head, a row of pictures of one height."""
    found = [BytesIO(base64.b64decode(data)) for data in PICTURE.findall(page)]
    pictures = [Image.open(each).convert("RGBA") for each in found]
    widths = [round(picture.width * CARD_PX / picture.height) for picture in pictures]
    card = Image.new("RGB", (sum(widths), CARD_PX), "white")
    for number, (picture, width) in enumerate(zip(pictures, widths, strict=True)):
        picture = picture.resize((width, CARD_PX))
        card.paste(picture, (sum(widths[:number]), 0), picture)
    return card


def write_card(app: Sphinx, error: Exception | None) -> None:
    """Draw the picture for links to the book, which each page names (book/pages.py)."""
    if error is None and app.builder.name == "html":
        page = (Path(app.outdir) / "index.html").read_text("utf-8")
        side_by_side(page).save(Path(app.outdir) / "_static" / "card.jpg", quality=85)


def setup(app: Sphinx) -> dict[str, bool]:
    """Offer the two directives, and connect the last step."""
    app.add_directive("landing-head", LandingHead)
    app.add_directive("landing-numbers", LandingNumbers)
    app.connect("build-finished", write_card)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
