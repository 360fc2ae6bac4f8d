"""Photos in, a textured mesh out: crop, predict, map back to the photo, sample its colours.

Chapter 10. All results are in the front photo's own pixels (image frame), or in the mesh frame,
which is the image frame made right-handed: see `image_to_mesh`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from facelib.detect import Detection, detection_from_box, find_face
from facelib.face.layout import UVLayout, load_layout
from facelib.geometry.mesh import Mesh
from facelib.geometry.meshfiles import write_mesh
from facelib.imaging.crop import Crop
from facelib.imaging.imagefiles import read_image
from facelib.networks.onnx_network import OnnxNetwork
from facelib.reconstruction.loading import load_predictor
from facelib.reconstruction.texture import sample_texture

if TYPE_CHECKING:
    from facelib.networks.base import FaceNetwork
    from facelib.reconstruction.dense_fit import DenseFit

Photo: TypeAlias = np.ndarray | Path | str
Face: TypeAlias = Detection | Sequence[float]
Network: TypeAlias = "FaceNetwork | OnnxNetwork | DenseFit"

TEXTURE_SIZE = 512
N_ROUNDS = 2
"""Predictions per face: the keypoints of each define the crop of the next."""
MAX_CROP_SHIFT = 0.25
"""A predicted crop is rejected, and the detector's kept, if its centre is off by this share, …"""
MAX_CROP_ZOOM = 1.4
"""… or if the predicted crop's side differs by more than this factor."""


@dataclass(frozen=True)
class BoxToCrop:
    """The relation of a detector's box to the crop around the 68 keypoints, fitted on renderings.

    Attributes:
        size: crop side / mean side of the detector's box.
        shift_y: how far below the box centre the crop's centre lies, as a share of the box height.
    """

    size: float
    shift_y: float


# Means over 60 renderings each of random heads (front: |yaw| ≤ 45°, side: 60..100°). The crop's
# standard deviations are 4 % in size and 2 % in position (front), 6 % and 4 % (side): almost
# always within the ±10 % by which training shifts and scales its crops.
FRONT_BOX = BoxToCrop(size=1.24, shift_y=0.145)
SIDE_BOX = BoxToCrop(size=1.215, shift_y=0.145)


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """One face, as predicted from its photos.

    Attributes:
        vertices_image: (V, 3) float32, the layout's vertices, front photo px, lowest z about 0.
        keypoints_image: (68, 3) float32, px of the front photo.
        mesh: right-handed, y up, textured: `image_to_mesh` of the vertices.
        position_map: (S, S, 3) float32, the network's last prediction, px of the front crop.
        front_crop: the last crop of the front photo.
        side_crop: the last crop of the side photo; None without a side photo.
    """

    vertices_image: np.ndarray
    keypoints_image: np.ndarray
    mesh: Mesh
    position_map: np.ndarray
    front_crop: Crop
    side_crop: Crop | None

    def save(self, path: Path | str) -> None:
        """Write the mesh; the ending, .obj, .glb or .ply, selects the format.

        Raises:
            ValueError: if the ending is another one.
            OSError: if the file cannot be written.
        """
        write_mesh(path, self.mesh)


class NoSideError(ValueError):
    """The network needs a side photo, and none was given."""


def crop_from_detection(
    detection: Detection, output_size: int, box_to_crop: BoxToCrop = FRONT_BOX
) -> Crop:
    """Guess from a detector's box the crop that the 68 keypoints would give.

    Args:
        detection: in the px of some photo; only its box is used.
        output_size: side of the crop, px.
        box_to_crop: `FRONT_BOX` or `SIDE_BOX`.

    Returns:
        The crop, near what `Crop.around_keypoints` gives for the same face.
    """
    low, high = detection.box[:2], detection.box[2:]
    x, y = (low + high) / 2
    y += box_to_crop.shift_y * (high[1] - low[1])
    size = box_to_crop.size * float(np.mean(high - low))
    return Crop((float(x), float(y)), size, output_size)


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
            f"{network.name} needs a photo from the side, too; other networks, such as compact, "
            "can do without"
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
        n_rounds: number of predictions; each crops around the keypoints of the one before.
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
    layout = layout_of(network.size)
    detection = _detection(front_face, front, "the front photo")
    first_crop = crop_from_detection(detection, network.size, FRONT_BOX)
    side_crop = sides = None
    if side is not None:
        detection = _detection(side_face, side, "the side photo")
        side_crop = crop_from_detection(detection, network.size, SIDE_BOX)
        sides = side_crop.cut(side)[None]

    def predict(crop: Crop) -> np.ndarray:
        return predict_position_maps(network, crop.cut(front)[None], sides)[0]

    crop, position_map = _refined(first_crop, predict, layout, n_rounds)
    vertices = crop.crop_to_image(layout.vertices(position_map)).astype(np.float32)
    mesh = Mesh(
        image_to_mesh(vertices, front.shape[0]),
        layout.triangles,
        layout.uv,
        sample_texture(front, vertices, layout_of(texture_size)),
    )
    keypoints = layout.keypoints(vertices).astype(np.float32)
    return Reconstruction(vertices, keypoints, mesh, position_map, crop, side_crop)


def _read(photo: Photo) -> np.ndarray:
    if not isinstance(photo, np.ndarray):
        return read_image(photo)
    return photo.astype(np.float32) / 255 if photo.dtype == np.uint8 else photo


def _detection(face: Face | None, photo: np.ndarray, name: str) -> Detection:
    if face is None:
        return find_face(photo, name)
    return face if isinstance(face, Detection) else detection_from_box(face)


def _refined(
    first_crop: Crop, predict: Callable[[Crop], np.ndarray], layout: UVLayout, n_rounds: int
) -> tuple[Crop, np.ndarray]:
    """Predict, crop around the predicted keypoints, predict again; return the last crop and map."""
    crop, position_map = first_crop, predict(first_crop)
    for _ in range(n_rounds - 1):
        keypoints = crop.crop_to_image(layout.keypoints(layout.vertices(position_map)))
        if np.ptp(keypoints[:, :2], axis=0).max() == 0:
            break
        better = Crop.around_keypoints(keypoints, crop.output_size)
        if not _plausible(better, first_crop):
            break
        crop, position_map = better, predict(better)
    return crop, position_map


def _plausible(crop: Crop, first_crop: Crop) -> bool:
    """Whether a predicted crop still shows the face that the detector found."""
    shift = np.abs(np.subtract(crop.centre_px, first_crop.centre_px)).max() / first_crop.size_px
    zoom = crop.size_px / first_crop.size_px
    return shift <= MAX_CROP_SHIFT and 1 / MAX_CROP_ZOOM <= zoom <= MAX_CROP_ZOOM
