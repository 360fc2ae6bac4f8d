"""Photos in, a textured mesh out: crop, predict, map back to the photo, sample its colours.

Chapter 10. All results are in the front photo's own pixels (image frame), or in the mesh frame,
which is the image frame made right-handed: see `image_to_mesh`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from facelib.detect.centerface import Detection
from facelib.detect.faces import detection_from_box, find_face
from facelib.face.layout import UVLayout, load_layout
from facelib.fitting.fit import HeadFit
from facelib.geometry.mesh import Mesh
from facelib.geometry.meshfiles import write_mesh
from facelib.imaging.crop import Crop
from facelib.imaging.imagefiles import read_image
from facelib.networks.onnx_network import OnnxNetwork
from facelib.reconstruction.crops import (
    FRONT_BOX,
    SIDE_BOX,
    BoxToCrop,
    crop_from_detection,
    refined,
)
from facelib.reconstruction.dense_fit import DenseFit, PairFit
from facelib.reconstruction.doubts import doubt_about, is_swapped, swapped
from facelib.reconstruction.loading import load_predictor
from facelib.reconstruction.texture import sample_texture

if TYPE_CHECKING:
    from facelib.networks.base import FaceNetwork

Photo: TypeAlias = np.ndarray | Path | str
Face: TypeAlias = Detection | Sequence[float]
Network: TypeAlias = "FaceNetwork | OnnxNetwork | DenseFit"

TEXTURE_SIZE = 512
N_ROUNDS = 2
"""Predictions per photo: the keypoints of each define the crop of the next."""


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """One face, as predicted from its photos.

    Attributes:
        vertices_image: (V, 3) float32, the layout's vertices, front photo px, lowest z about 0.
        keypoints_image: (68, 3) float32, px of the front photo.
        mesh: right-handed, y up, textured: `image_to_mesh` of the vertices.
        position_map: (S, S, 3) float32, the last prediction, px of the front crop.
        front_crop: the last crop of the front photo.
        side_crop: the last crop of the side photo; None without a side photo.
        fit: the fitted head with its cameras and covariance; its image frame is the front crop.
            None for a network that predicts position maps.
        agreement: log of the odds that the two photos show one face, see `fitting.fit.agreement`;
            None without a side photo or without a fit.
        doubt: what seems wrong with the photos, one sentence; None if nothing does.
    """

    vertices_image: np.ndarray
    keypoints_image: np.ndarray
    mesh: Mesh
    position_map: np.ndarray
    front_crop: Crop
    side_crop: Crop | None
    fit: HeadFit | None = None
    agreement: float | None = None
    doubt: str | None = None

    @property
    def deviations_mm(self) -> np.ndarray | None:
        """(V,) standard deviation of each vertex, the three axes together, mm; None without a fit.

        It includes the size of the head, which photos do not show.
        """
        return None if self.fit is None else np.linalg.norm(self.fit.deviations_head, axis=1)

    def save(self, path: Path | str) -> None:
        """Write the mesh; the ending, .obj, .glb or .ply, selects the format.

        Raises:
            ValueError: if the ending is another one.
            OSError: if the file cannot be written.
        """
        write_mesh(path, self.mesh)


class NoSideError(ValueError):
    """The network needs a side photo, and none was given."""


def predict_position_maps(
    network: Network, fronts: np.ndarray, sides: np.ndarray | None
) -> np.ndarray:
    """Run a network over pairs of crops, or over front crops alone.

    Args:
        network: a `FaceNetwork`, which torch runs, an `OnnxNetwork` or a `DenseFit`.
        fronts: (B, S, S, 3) float32 RGB in 0 to 1.
        sides: the same shape; None without side photos.

    Returns:
        (B, S, S, 3) float32, x, y, z in px of the front crops.

    Raises:
        NoSideError: if there are no sides and the network needs them.
        ValueError: if the crops are not (B, S, S, 3) or differ in shape.
    """
    if fronts.ndim != 4 or fronts.shape[1] != fronts.shape[2] or fronts.shape[3] != 3:
        raise ValueError(f"fronts must be (B, S, S, 3), got {fronts.shape}")
    if sides is None:
        check_side_photo(network, has_side=False)
    elif sides.shape != fronts.shape:
        raise ValueError(f"sides must be like fronts {fronts.shape}, got {sides.shape}")
    return network.position_maps(fronts, sides)


def check_side_photo(network: Network, has_side: bool) -> None:
    """Raise NoSideError if a network needs a side photo and there is none."""
    if not has_side and network.side_photo == "needed":
        raise NoSideError(
            f"{network.name} needs a photo from the side, too; the default network can do without"
        )


def image_to_mesh(points_image: np.ndarray, height: int) -> np.ndarray:
    """Convert image points to the right-handed frame that mesh viewers expect: y points up.

    The photo's bottom-left pixel becomes the origin; x, z and the unit (px) stay. Triangles are
    counter-clockwise from outside, as in the head frame.

    Args:
        points_image: (N, 3) float, px.
        height: rows of the photo.

    Returns:
        (N, 3), the same type. The function is its own inverse.
    """
    return points_image * np.array([1, -1, 1], points_image.dtype) + np.array(
        [0, height - 1, 0], points_image.dtype
    )


def reconstruct(
    front: Photo,
    side: Photo | None = None,
    network: Network | Path | str | None = None,
    *,
    front_face: Face | None = None,
    side_face: Face | None = None,
    texture_size: int = TEXTURE_SIZE,
    n_rounds: int = N_ROUNDS,
    layout_of: Callable[[int], UVLayout] = load_layout,
) -> Reconstruction:
    """Turn one or two photos of a face into a textured 3D mesh.

    Two files in, one out:

        import facelib

        face = facelib.reconstruct("front.jpg", "side.jpg")
        face.save("me.glb")  # or me.obj, with its .mtl and .png, or me.ply

    The side photo is optional, and the two may differ in size. A photo may also be an array of
    pixels. The result is in the front photo's own frame: x right and y down, in px from the centre
    of its top-left pixel; z toward the camera in the same unit, with the face's lowest point at 0.
    The mesh is in the frame of mesh viewers, y up:

        face.keypoints_image  # (68, 3): draw x and y over the photo to check them
        face.vertices_image   # (V, 3)
        face.mesh             # .vertices, .triangles, .uv and .texture
        face.deviations_mm    # (V,): how far each vertex is likely to be off

    Photos that seem to be swapped, or not to show one face, are reported as a warning of the
    logger `facelib` and in `face.doubt`; the mesh is made all the same.

    If no face is found, give its box. For many photos, load the network once:

        from facelib.reconstruction.loading import load_predictor

        network = load_predictor(prefer_onnx=True)
        face = facelib.reconstruct(photo, network=network, front_face=(120, 80, 300, 310))

    Chapter 10 goes through every step.

    Args:
        front: the front photo, |yaw| up to 45°: a file, or (H, W, 3) RGB, float32 in 0..1 or
            uint8.
        side: a photo of the same face from the side, or None.
        network: loaded, or the file of its weights; None takes the default network.
        front_face: the face in ``front``: a `Detection`, or the box (x0, y0, x1, y1) from brow to
            chin, px; None runs the detector.
        side_face: the same in ``side``.
        texture_size: side of the mesh's texture, texels.
        n_rounds: number of predictions in each photo; each crops around the keypoints of the one
            before. Networks of position maps refine the front crop alone.
        layout_of: returns the layout at a size; by default the shipped one.

    Returns:
        Reconstruction.

    Raises:
        FileNotFoundError: if a photo, the weights or the layout are missing.
        NoFaceError: if the detector finds no face; the message names the photo.
        NoSideError: if there is no side photo and the network needs one.
        ValueError: if a file is not what it should be, or a box has no area.
    """
    front, side = _read(front), None if side is None else _read(side)
    if network is None or isinstance(network, (str, Path)):
        network = load_predictor(None if network is None else Path(network), prefer_onnx=True)
    check_side_photo(network, side is not None)
    photos, crops = [front], [_first_crop(front_face, front, network.size, FRONT_BOX, "front")]
    if side is not None:
        photos.append(side)
        crops.append(_first_crop(side_face, side, network.size, SIDE_BOX, "side"))
    by = _by_fit if isinstance(network, DenseFit) else _by_map
    answer = by(network, photos, crops, layout_of(network.size), n_rounds)
    if answer.doubt:
        logging.getLogger(__name__).warning("%s", answer.doubt)
    return _in_photo(front, answer, layout_of(network.size), layout_of(texture_size))


def _read(photo: Photo) -> np.ndarray:
    if not isinstance(photo, np.ndarray):
        return read_image(photo)
    return photo.astype(np.float32) / 255 if photo.dtype == np.uint8 else photo


def _detection(face: Face | None, photo: np.ndarray, name: str) -> Detection:
    if face is None:
        return find_face(photo, name)
    return face if isinstance(face, Detection) else detection_from_box(face)


def _first_crop(
    face: Face | None, photo: np.ndarray, size: int, box_to_crop: BoxToCrop, view: str
) -> Crop:
    detection = _detection(face, photo, f"the {view} photo")
    return crop_from_detection(detection, size, box_to_crop)


@dataclass(frozen=True, eq=False)
class _Answer:
    """The vertices (V, 3) px of the front crop, their map, the last crops, and the fit if any."""

    vertices_crop: np.ndarray
    position_map: np.ndarray
    crops: Sequence[Crop]
    fit: HeadFit | None = None
    pair: PairFit | None = None

    @property
    def doubt(self) -> str | None:
        if self.pair is None:
            return None
        yaws = self.pair.front.yaws_deg[0], self.pair.side.yaws_deg[0]
        doubts = [swapped(*yaws)] if is_swapped(*yaws) else doubt_about(self.pair)
        return " ".join(doubt.sentence for doubt in doubts) or None


def _by_map(
    network: FaceNetwork | OnnxNetwork,
    photos: Sequence[np.ndarray],
    crops: Sequence[Crop],
    layout: UVLayout,
    n_rounds: int,
) -> _Answer:
    """Read the vertices from a predicted position map."""
    front, front_crop = photos[0], crops[0]
    sides = crops[1].cut(photos[1])[None] if len(photos) > 1 else None

    @cache
    def predict(crop: Crop) -> np.ndarray:
        return predict_position_maps(network, crop.cut(front)[None], sides)[0]

    def keypoints_of(crop: Crop) -> np.ndarray:
        return layout.keypoints(layout.vertices(predict(crop)))

    crop = refined(front_crop, keypoints_of, n_rounds)
    return _Answer(layout.vertices(predict(crop)), predict(crop), [crop, *crops[1:]])


def _by_fit(
    network: DenseFit,
    photos: Sequence[np.ndarray],
    crops: Sequence[Crop],
    layout: UVLayout,
    n_rounds: int,
) -> _Answer:
    """Find points in each photo by itself, and fit a head to all of them."""
    looks = [network.look(*each, n_rounds) for each in zip(photos, crops, strict=True)]
    crops, seen = zip(*looks, strict=True)
    pair = network.fit_pair(*seen) if len(seen) > 1 else None
    fit = network.fit(seen) if pair is None else pair.together
    position_map = layout.position_map(fit.vertices_image)
    return _Answer(fit.vertices_image, position_map, crops, fit, pair)


def _in_photo(
    front: np.ndarray, answer: _Answer, layout: UVLayout, texture_layout: UVLayout
) -> Reconstruction:
    """Bring an answer back to the front photo, and take the photo's colours."""
    crop, side_crop = (*answer.crops, None)[:2]
    vertices = crop.crop_to_image(answer.vertices_crop).astype(np.float32)
    mesh = Mesh(
        image_to_mesh(vertices, front.shape[0]),
        layout.triangles,
        layout.uv,
        sample_texture(front, vertices, texture_layout),
    )
    return Reconstruction(
        vertices_image=vertices,
        keypoints_image=layout.keypoints(vertices).astype(np.float32),
        mesh=mesh,
        position_map=answer.position_map,
        front_crop=crop,
        side_crop=side_crop,
        fit=answer.fit,
        agreement=None if answer.pair is None else answer.pair.agreement,
        doubt=answer.doubt,
    )
