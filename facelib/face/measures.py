"""Anthropometric measures of the face in mm: distances between two landmarks.

Landmarks have the names of anthropometry and lie on vertices of the shipped head, where its
mean shape has the feature; on other heads they stay on the same vertices. Paired landmarks are
listed for the subject's left side (x > 0); their twins follow from the model's mirror.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from facelib.face.headmodel import MorphableModel

MIDLINE = {
    "sellion": 132,  # deepest point of the nasal root
    "pronasale": 1482,  # foremost point of the nose
    "subnasale": 343,  # where the septum meets the upper lip
    "labiale_superius": 455,  # upper border of the upper lip's vermilion
    "stomion_superius": 474,  # lower edge of the upper lip
    "stomion_inferius": 523,  # upper edge of the lower lip
    "labiale_inferius": 492,  # lower border of the lower lip's vermilion
    "menton": 732,  # bottom of the chin, where its outline becomes level
}
LEFT = {
    "zygion": 3954,  # outermost point of the cheekbone's arch, in front of the ear
    "gonion": 3035,  # outermost point of the angle of the jaw
    "alare": 3613,  # outermost point of the nose's wing
    "cheilion": 2715,  # corner of the mouth
    "endocanthion": 2297,  # where the lids meet, at the nose
    "exocanthion": 3219,  # where the lids meet, at the temple
}
PUPIL = "pupil"  # the eyeball's centre: the eyes look straight ahead, at infinity

MEASURES = {
    "bizygomatic_breadth": ("zygion_left", "zygion_right"),
    "bigonial_breadth": ("gonion_left", "gonion_right"),
    "menton_sellion_length": ("menton", "sellion"),
    "interpupillary_breadth": ("pupil_left", "pupil_right"),
    "intercanthal_width": ("endocanthion_left", "endocanthion_right"),
    "biocular_width": ("exocanthion_left", "exocanthion_right"),
    "nose_length": ("sellion", "subnasale"),
    "nose_breadth": ("alare_left", "alare_right"),
    "nose_protrusion": ("subnasale", "pronasale"),
    "mouth_width": ("cheilion_left", "cheilion_right"),
    "upper_vermilion_height": ("labiale_superius", "stomion_superius"),
    "lower_vermilion_height": ("stomion_inferius", "labiale_inferius"),
}


def landmarks(model: MorphableModel, vertices: np.ndarray) -> dict[str, np.ndarray]:
    """Compute the landmarks of heads of any shape, or of a shape basis.

    Args:
        model: whose mirror and eyeballs are used.
        vertices: (..., N, 3) in any frame.

    Returns:
        (..., 3) by name; paired landmarks end in `_left` and `_right`, the subject's.
    """
    points = {name: vertices[..., vertex, :] for name, vertex in MIDLINE.items()}
    for name, vertex in LEFT.items():
        points[f"{name}_left"] = vertices[..., vertex, :]
        points[f"{name}_right"] = vertices[..., model.mirror[vertex], :]
    left = model.regions["eyeballs"] & (model.mean_head[:, 0] > 0)
    points[f"{PUPIL}_left"] = vertices[..., left, :].mean(-2)
    points[f"{PUPIL}_right"] = vertices[..., model.mirror[left], :].mean(-2)
    return points


def measure(points: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return every measure of faces with these landmarks: (...) float64 by name, in their unit.

    Args:
        points: (..., 3) by landmark, as `landmarks` gives them.
    """
    return {
        name: np.linalg.norm(points[first] - points[second], axis=-1)
        for name, (first, second) in MEASURES.items()
    }


def measure_shapes(model: MorphableModel, shapes: np.ndarray) -> np.ndarray:
    """Measure heads without expression, without building all their vertices.

    Args:
        model: the head model.
        shapes: (..., K) float, coefficients in standard deviations.

    Returns:
        (..., M) float64, mm, in the order of `MEASURES`.
    """
    mean = landmarks(model, model.mean_head)
    basis = landmarks(model, model.shape_basis.astype(np.float64))
    measures = measure({name: mean[name] + shapes @ basis[name] for name in mean})
    return np.stack([measures[name] for name in MEASURES], -1)


def measures_and_slopes(model: MorphableModel, shape: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return one head's measures and their derivatives by its coefficients.

    Args:
        model: the head model.
        shape: (K,) float, coefficients in standard deviations.

    Returns:
        (M,) float64, mm; (M, K) float64, mm per standard deviation, the analytic derivative.
    """
    mean = landmarks(model, model.mean_head)
    basis = landmarks(model, model.shape_basis.astype(np.float64))
    values, slopes = [], []
    for first, second in MEASURES.values():
        along = basis[first] - basis[second]  # (K, 3)
        difference = mean[first] - mean[second] + shape @ along
        values.append(np.linalg.norm(difference))
        slopes.append(along @ difference / values[-1])
    return np.array(values), np.array(slopes)
