"""Pictures on sliders and linked pictures whose content is known, for the tests of both."""

import numpy as np

from facelib.show.linked import LinkedPicture, LinkedView, show_linked
from facelib.show.steps import StepsView, show_steps

AXES = {"yaw [°]": (-30, 0, 30), "<lens>": ("near", "far")}
LEVELS = np.linspace(0, 1, 6)
SQUARE = np.array([[0, 0], [29, 0], [0, 19], [29, 19]], float)  # corners of `grey`'s pictures
SHIFTED = np.array([[9, 9], [19, 9], [9, 14], [np.nan, np.nan]])


def grey(level: float) -> np.ndarray:
    return np.full((20, 30, 3), level, np.float32)


def known_steps() -> StepsView:
    return show_steps(list(map(grey, LEVELS)), AXES, alt="A grey field.")


def known_linked() -> LinkedView:
    pictures = {
        "map": LinkedPicture(grey(0.2), SQUARE, "A dark field."),
        "photo": LinkedPicture(grey(0.8), SHIFTED, "A bright field."),
    }
    readings = {"x": ("mm", SQUARE[:, 0]), "u, v": ("", SQUARE / 10)}
    return show_linked(pictures, readings, start=1)
