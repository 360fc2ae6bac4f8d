"""Look inside a network: what its layers answer, which photo it uses, where its errors come from.

Chapter 11. A network can be asked in four ways, from outside to inside: change a photo and see how
far the answer moves (`spoiled_views`, `occlusion_map`), follow a derivative back to the pixels
(`depth_gradient`), watch the layers (`layer_outputs`), and, where its inner numbers mean something,
read them (`read_causes`). `error_parts` says what an error consists of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from facelib.evaluation.pairs import vertex_error_mm
from facelib.face.layout import UVLayout
from facelib.geometry.registration import umeyama
from facelib.geometry.transforms import pose_from_rotation
from facelib.imaging.crop import Crop
from facelib.networks.catalogue import create
from facelib.networks.compact import HEAD_TO_CROP, MM_PER_UNIT, Compact, rotation_from_6d
from facelib.networks.convention import POSITION_SCALE
from facelib.pairs.store import FacePair
from facelib.reconstruction.reconstruct import predict_position_maps

GREY = 0.5  # of the boxes that hide parts of a photo: the middle of 0..1
HIDDEN_SIDE = 0.5  # of the box that `spoiled_views` hides, as a share of the photo's side


@dataclass(frozen=True, eq=False)
class Faces:
    """Some people as one network sees them.

    Attributes:
        fronts: (B, S, S, 3) float32 RGB in 0..1.
        sides: the same shape.
        vertices_crop: (B, V, 3) float64 px, the truth in the front crops.
        px_per_mm: (B,) float64, front crop px per head mm.
    """

    fronts: np.ndarray
    sides: np.ndarray
    vertices_crop: np.ndarray
    px_per_mm: np.ndarray

    @property
    def photos(self) -> torch.Tensor:
        """(B, 6, S, S) float32: front and side stacked, as networks take them."""
        stacked = np.concatenate([self.fronts, self.sides], axis=3)
        return torch.from_numpy(np.ascontiguousarray(stacked.transpose(0, 3, 1, 2)))


def faces_at(size: int, pairs: Sequence[FacePair]) -> Faces:
    """Bring pairs, photos and truth, to the size of a network.

    Args:
        size: side of the network's photos, px.
        pairs: at least one, of any sizes.
    """

    def cut(photo: np.ndarray) -> np.ndarray:
        return Crop.whole(len(photo), size).cut(photo.astype(np.float32) / 255)

    return Faces(
        fronts=np.stack([cut(pair.front) for pair in pairs]),
        sides=np.stack([cut(pair.side) for pair in pairs]),
        vertices_crop=np.stack(
            [Crop.whole(p.size, size).image_to_crop(p.vertices_image) for p in pairs]
        ),
        px_per_mm=np.array([pair.px_per_mm * size / pair.size for pair in pairs]),
    )


def answer(
    network: nn.Module, layout: UVLayout, fronts: np.ndarray, sides: np.ndarray | None
) -> np.ndarray:
    """Return a network's vertices for each face, (B, V, 3) float32, px of the front crops.

    Args:
        network: from `facelib.networks`.
        layout: of the photos' size.
        fronts: (B, S, S, 3) float32 RGB in 0..1.
        sides: the same shape; None where there are none.

    Raises:
        NoSideError: if there are no sides and the network needs them.
    """
    maps = predict_position_maps(network, fronts, sides)
    return np.stack([layout.vertices(position_map) for position_map in maps])


def distances_mm(
    vertices_crop: np.ndarray,
    others_crop: np.ndarray,
    px_per_mm: np.ndarray,
    measure: Callable[[np.ndarray, np.ndarray], float] = vertex_error_mm,
) -> np.ndarray:
    """Measure each face of two sets that correspond.

    Args:
        vertices_crop: (B, V, 3) float px.
        others_crop: the same shape, the same frames.
        px_per_mm: (B,) float.
        measure: of `facelib.evaluation.pairs`, takes (V, 3) mm twice.

    Returns:
        (B,) float64, mm.
    """
    faces = zip(vertices_crop, others_crop, px_per_mm, strict=True)
    return np.array([measure(one / scale, other / scale) for one, other, scale in faces])


def spoiled_views(
    fronts: np.ndarray, sides: np.ndarray
) -> dict[str, tuple[np.ndarray, np.ndarray | None]]:
    """Spoil one photo or the other, in every way that this book asks about.

    Args:
        fronts: (B, S, S, 3) float32 RGB in 0..1; B of 2 or more, so that there are others.
        sides: the same shape.

    Returns:
        Fronts and sides (None: there is none) by what was done; the first are as they came.

    Raises:
        ValueError: if there is one person only.
    """
    if len(fronts) < 2:
        raise ValueError("expected 2 people or more, got one: nobody to take a photo from")
    middle = (0.5, 0.5)
    others = np.roll(np.arange(len(fronts)), 1)
    return {
        "both photos": (fronts, sides),
        "no side photo": (fronts, None),
        "side: black": (fronts, np.zeros_like(sides)),
        "side: middle hidden": (fronts, hide(sides, middle, HIDDEN_SIDE)),
        "side: of another person": (fronts, sides[others]),
        "side: the front again": (fronts, fronts),
        "front: black": (np.zeros_like(fronts), sides),
        "front: middle hidden": (hide(fronts, middle, HIDDEN_SIDE), sides),
        "front: of another person": (fronts[others], sides),
        "front: the side again": (sides, sides),
        "swapped": (sides, fronts),
    }


def hide(photos: np.ndarray, centre: tuple[float, float], box: float) -> np.ndarray:
    """Return photos with a grey square on them.

    Args:
        photos: (..., S, S, 3) float.
        centre: x and y of the square's middle, as shares of the photo's side.
        box: side of the square, as a share of the photo's side; cut off where it leaves the photo.
    """
    size = photos.shape[-2]
    (left, top), (right, bottom) = (
        np.clip(np.rint((np.asarray(centre) + step * box / 2) * size), 0, size).astype(int)
        for step in (-1, 1)
    )
    hidden = photos.copy()
    hidden[..., top:bottom, left:right, :] = GREY
    return hidden


def occlusion_map(
    network: nn.Module, layout: UVLayout, faces: Faces, photo: str, n: int, box: float
) -> np.ndarray:
    """Say how far the answer moves when a grey box hides each place of one photo.

    Args:
        network: from `facelib.networks`.
        layout: of its size.
        faces: the answer is averaged over all of them.
        photo: "front" or "side".
        n: boxes in a row and in a column, evenly over the photo.
        box: side of the box, as a share of the photo's.

    Returns:
        (n, n) float64, mm: mean distance that the face's vertices move, [row, column] of the box.

    Raises:
        ValueError: if there is no such photo.

    Reference:
        M. Zeiler and R. Fergus, Visualizing and understanding convolutional networks, ECCV 2014.
    """
    if photo not in ("front", "side"):
        raise ValueError(f"photo must be front or side, got {photo!r}")
    region = layout.labels["face"]
    seen = answer(network, layout, faces.fronts, faces.sides)[:, region]
    places = (np.arange(n) + 0.5) / n
    whole = {"front": faces.fronts, "side": faces.sides}
    moved = np.empty((n, n))
    for row, y in enumerate(places):  # a row of boxes at once: (n · B, S, S, 3)
        photos = {name: np.tile(shown, (n, 1, 1, 1)) for name, shown in whole.items()}
        photos[photo] = np.concatenate([hide(whole[photo], (x, y), box) for x in places])
        hidden = answer(network, layout, photos["front"], photos["side"])[:, region]
        far = distances_mm(hidden, np.tile(seen, (n, 1, 1)), np.tile(faces.px_per_mm, n))
        moved[row] = far.reshape(n, -1).mean(axis=1)
    return moved


def depth_reader(layout: UVLayout, keypoints: Sequence[int]) -> np.ndarray:
    """Return the weights that read the mean depth of some keypoints out of a position map.

    Args:
        layout: of the map's size.
        keypoints: numbers of the 68; 30 is the tip of the nose, 8 the chin.

    Returns:
        (size, size) float32; their sum of products with the map's z is the mean z.
    """
    rows = layout.keypoint_matrix[list(keypoints)] @ layout.sampling_matrix
    return np.asarray(rows.mean(axis=0), np.float32).reshape(layout.size, layout.size)


def depth_gradient(
    network: nn.Module,
    photos: torch.Tensor,
    reader: np.ndarray,
    n_noisy: int,
    noise: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Say how the depth of a point would change with each pixel of both photos (SmoothGrad).

    The gradient is averaged over copies of the photos with a little noise, because a network of
    many kinks has another gradient a hair's breadth away.

    Args:
        network: from `facelib.networks`, in evaluation mode.
        photos: (6, S, S) float32 in 0..1, front and side of one person.
        reader: (S, S) weights from `depth_reader`.
        n_noisy: noisy copies; with a noise of 0 one is enough and gives the plain gradient.
        noise: standard deviation of the noise, of the 0..1 of a pixel.
        rng: draws the noise.

    Returns:
        (6, S, S) float64, px of depth per unit of brightness.

    Reference:
        D. Smilkov et al., SmoothGrad: removing noise by adding noise, arXiv 1706.03825, 2017.
    """
    noisy = photos.numpy() + rng.normal(scale=noise, size=(n_noisy, *photos.shape))
    pixels = torch.from_numpy(noisy.astype(np.float32)).requires_grad_()
    depths = (network(pixels)[:, 2] * torch.from_numpy(reader)).sum(dim=(1, 2))
    (gradients,) = torch.autograd.grad(depths.sum(), pixels)
    mean = gradients.numpy().mean(axis=0, dtype=np.float64)
    return mean * photos.shape[-1] * POSITION_SCALE


def side_share(gradient: np.ndarray) -> float:
    """Return the share of a (6, S, S) gradient's absolute weight that lies on the side photo.

    Raises:
        ValueError: if the gradient is 0 everywhere: then there is nothing to share.
    """
    weight = np.abs(gradient).sum(axis=(1, 2))
    if not weight.sum() > 0:
        raise ValueError("expected a gradient that is not 0 everywhere")
    return float(weight[3:].sum() / weight.sum())


def untrained(name: str, size: int, photos: torch.Tensor, seed: int) -> nn.Module:
    """Make a network of random weights whose answer does depend on its photos: the control.

    Fresh networks need not: layers that start at zero get torch's own start here, a decoder that
    must be calibrated is, and BatchNorm's moving statistics are those of the photos.

    Args:
        name: one of `NETWORKS`.
        size: px, side of its photos.
        photos: (B, 6, size, size), some people.
        seed: of the weights; torch's global generator is left as it was.

    Returns:
        The network in evaluation mode.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = create(name, size)
        if hasattr(network, "calibrate"):
            network.calibrate(photos)
        for module in network.modules():
            if isinstance(module, nn.Linear) and not module.weight.any():
                module.reset_parameters()
            elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                module.momentum = 1.0  # the next batch is all that counts
        with torch.inference_mode():
            network.train()(photos)
    return network.eval()


def layer_outputs(
    network: nn.Module, layers: Mapping[str, nn.Module], photos: torch.Tensor
) -> dict[str, torch.Tensor]:
    """Return what layers answer while the network looks at photos.

    Args:
        network: from `facelib.networks`; it is left in the mode (train, eval) it was in.
        layers: some of its modules, by any names.
        photos: (B, C, S, S), as the network takes them.

    Returns:
        The answers by the same names, in the order in which the layers were first used. A layer
        that is used several times answers with all its calls, joined along the batch.
    """
    calls: dict[str, list[torch.Tensor]] = {}

    def recorder(name: str) -> Callable:
        return lambda module, inputs, output: calls.setdefault(name, []).append(output)

    hooks = [layer.register_forward_hook(recorder(name)) for name, layer in layers.items()]
    was_training = network.training
    try:
        with torch.inference_mode():
            network.eval()(photos)
    finally:
        network.train(was_training)
        for hook in hooks:
            hook.remove()
    return {name: torch.cat(outputs) for name, outputs in calls.items()}


@dataclass(frozen=True, eq=False)
class Causes:
    """What `compact` says on its way to a map: how heads lie, and how they are shaped.

    Attributes:
        pose_deg: (B, 3) float64 pitch, yaw, roll of the heads in the front photos.
        px_per_mm: (B,) float64, scale of the crops.
        shape: (B, K) float64, coefficients of the network's directions, in standard deviations.
    """

    pose_deg: np.ndarray
    px_per_mm: np.ndarray
    shape: np.ndarray


@torch.inference_mode()
def read_causes(
    network: Compact, photos: torch.Tensor, has_side: torch.Tensor | None = None
) -> Causes:
    """Read the numbers from which `compact` makes its map.

    Args:
        network: in evaluation mode.
        photos: (B, 3 or 6, S, S), as it takes them.
        has_side: (B,) bool or None, as it takes them.
    """
    told = network.describe(photos, has_side)
    rotations = rotation_from_6d(told.pose[:, 1:7]).double().numpy()
    return Causes(
        pose_deg=np.degrees([pose_from_rotation(rotation) for rotation in rotations]),
        px_per_mm=told.pose[:, 0].double().exp().numpy() * photos.shape[-1] / MM_PER_UNIT,
        shape=told.shape.double().numpy(),
    )


def shape_coefficients(network: Compact, vertices_head: np.ndarray) -> np.ndarray:
    """Return the coefficients that draw heads nearest to given ones, in least squares.

    Args:
        network: whose directions are used.
        vertices_head: (B, V, 3) float mm, head frame.

    Returns:
        (B, K) float64, standard deviations; 0 along directions of no length.
    """
    directions = network.directions.double().flatten(1).numpy()
    away = np.asarray(vertices_head) / MM_PER_UNIT - network.mean_head.double().numpy()
    # The directions are principal components, at right angles: each can be asked alone.
    length2 = (directions**2).sum(axis=1)
    along = away.reshape(len(away), -1) @ directions.T
    return np.divide(along, length2, out=np.zeros_like(along), where=length2 > 1e-9)


@dataclass(frozen=True)
class ErrorParts:
    """What separates a predicted face from the true one. Squares in mm², means over vertices.

    `across`, `depth`, `scale`, `turn` and `shape` add up to the mean squared distance, but for
    products of three errors, which are small where the errors are.

    Attributes:
        across: by the place of the face's middle in the photo.
        depth: by that middle's depth.
        scale: by the face's size.
        turn: by the way it is turned.
        shape: what no similarity can mend.
        turn_deg: pitch, yaw and roll by which the prediction is turned too far.
    """

    across: float
    depth: float
    scale: float
    turn: float
    shape: float
    turn_deg: tuple[float, float, float]


def error_parts(
    prediction_crop: np.ndarray, truth_crop: np.ndarray, px_per_mm: float
) -> ErrorParts:
    """Split a face's squared error into place, size, turn and shape.

    Umeyama's similarity takes the prediction as near to the truth as moving, sizing and turning
    can. What is left is shape; what it did is the rest, and stands at right angles to what is left.

    Args:
        prediction_crop: (V, 3) float px.
        truth_crop: (V, 3) float px, the same crop frame.
        px_per_mm: of the crop.
    """
    prediction, truth = (
        np.asarray(points, np.float64) / px_per_mm for points in (prediction_crop, truth_crop)
    )
    mend = umeyama(prediction, truth)
    shift = truth.mean(axis=0) - prediction.mean(axis=0)
    centred = prediction - prediction.mean(axis=0)
    turned = centred @ mend.rotation.T
    # From the crop frame, y down, to the eye frame that angles are counted in; and from what would
    # mend the turn to the turn itself.
    upright = np.diag(HEAD_TO_CROP)
    turn = pose_from_rotation(upright @ mend.rotation.T @ upright)
    return ErrorParts(
        across=float(shift[:2] @ shift[:2]),
        depth=float(shift[2] ** 2),
        scale=_mean_square((mend.scale - 1) * turned),
        turn=_mean_square(turned - centred),
        shape=_mean_square(truth - mend.apply(prediction)),
        turn_deg=tuple(float(angle) for angle in np.degrees(turn)),
    )


def _mean_square(offsets: np.ndarray) -> float:
    return float((offsets**2).sum(axis=1).mean())
