"""The methods that are compared, from no photo at all to the true surface.

Each gets a person as `people.take` photographed them and returns (V, 3) layout vertices, px of the
front crop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING

import numpy as np

from facelib.evaluation.pairs import predict_vertices
from facelib.evaluation.suite.people import Taken
from facelib.face.dense_points import N_KEYPOINTS, load_dense_points
from facelib.face.layout import load_layout
from facelib.files.paths import data_file
from facelib.files.threads import single_threaded_blas
from facelib.fitting.fit import FitSettings, fit_head
from facelib.fitting.head_prior import shipped_prior
from facelib.fitting.noise import SharedNoise
from facelib.fitting.seen import SeenPoints
from facelib.reconstruction.loading import load_predictor

if TYPE_CHECKING:
    from facelib.reconstruction.position_maps import Network

KEYPOINT_PX = 0.5  # standard deviation that the fit expects of true keypoints, of a 256 px crop
THESIS = (("prn", "front"), ("one_view", "front"), ("two_view", "front, side"))
SHIPPED = tuple(("weights", f"{name}.safetensors") for name, _ in THESIS)
SHIPPED += (("weights", "compact.safetensors"), ("dense", "dense.safetensors"))
SURFACE_MM = 0.05  # standard deviation of true vertices, for the fit to the true surface


@dataclass(frozen=True)
class Peer:
    """One method.

    Attributes:
        name: as tables print it.
        given: what the method knows of the person, in words.
        answer: of the person, and of another person: (V, 3) px of the person's front crop.
    """

    name: str
    given: str
    answer: Callable[[Taken, Taken], np.ndarray]


def other_head(taken: Taken, other: Taken) -> np.ndarray:
    """Put the true head of another person, with their expression, where the person's head is."""
    return to_crop(taken, other.vertices_head)


def from_keypoints(taken: Taken, _: Taken, views: int) -> np.ndarray:
    """Fit a head to the 68 true keypoints of the first photos."""
    points, corners = load_dense_points(), load_dense_points().corners
    first = tuple(part[:N_KEYPOINTS] for part in corners)
    true_head = points.matrix[:N_KEYPOINTS] @ taken.vertices_head.astype(np.float64)
    size = {"width": taken.pair.size, "height": taken.pair.size}
    seen = [
        SeenPoints.at(first, camera.head_to_image(true_head)[:, :2], KEYPOINT_PX, **size)
        for camera in taken.cameras[:views]
    ]
    with single_threaded_blas():
        return fit_head(seen, FitSettings(noise=SharedNoise(share=0.0))).vertices_image


def from_surface(taken: Taken, _: Taken) -> np.ndarray:
    """Return what the head model makes of the true vertices: least squares with its prior."""
    prior, face = shipped_prior(), load_layout().labels["face"]
    basis = prior.basis[face].reshape(-1, prior.basis.shape[2]).astype(np.float64)
    off = (taken.vertices_head - prior.mean_head)[face].ravel()
    with single_threaded_blas():
        information = basis.T @ basis / SURFACE_MM**2 + prior.precision
        pull = basis.T @ off / SURFACE_MM**2 + prior.precision @ prior.likeliest
        return to_crop(taken, prior.vertices(np.linalg.solve(information, pull)))


def to_crop(taken: Taken, vertices_head: np.ndarray) -> np.ndarray:
    """Project (V, 3) mm by the true front camera, as the truth was: lowest z at 0."""
    vertices = taken.cameras[0].head_to_image(np.asarray(vertices_head, np.float64))
    return vertices - [0, 0, vertices[:, 2].min()]


@lru_cache(maxsize=8)
def network(folder: str, name: str) -> Network:
    """Load shipped weights, once per process."""
    return load_predictor(data_file(folder, name), prefer_onnx=True)


def predicted(taken: Taken, _: Taken, folder: str, name: str, with_side: bool) -> np.ndarray:
    """Let shipped weights answer."""
    found = network(folder, name)
    return predict_vertices(found, taken.pair, load_layout(found.size), with_side)


def peers(mean_face: np.ndarray) -> tuple[Peer, ...]:
    """Return the methods in the order of the table.

    Args:
        mean_face: (V, 3) px of the crop, the mean of training pairs.
    """

    def weights(folder: str, name: str, with_side: bool) -> Callable:
        return partial(predicted, folder=folder, name=name, with_side=with_side)

    return (
        Peer("mean face", "no photo", lambda taken, other: mean_face),
        Peer("another person's true head", "pose", other_head),
        *(
            Peer(name, given, weights("weights", f"{name}.safetensors", given != "front"))
            for name, given in THESIS
        ),
        Peer("compact", "front", weights("weights", "compact.safetensors", False)),
        Peer("compact", "front, side", weights("weights", "compact.safetensors", True)),
        Peer("dense and its fit", "front", weights("dense", "dense.safetensors", False)),
        Peer("dense and its fit", "front, side", weights("dense", "dense.safetensors", True)),
        Peer("fit", "68 true points of the front", partial(from_keypoints, views=1)),
        Peer("fit", "68 true points of both", partial(from_keypoints, views=2)),
        Peer("head model", "the true surface", from_surface),
    )
