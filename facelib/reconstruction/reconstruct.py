"""Photos in, a face out: find it, crop it, find points in it, fit a head to the points.

Chapter 12.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TypeAlias

import numpy as np

from facelib.detect.faces import MIN_SCORE, SURE_SCORE, turned_face
from facelib.face.dense_points import N_KEYPOINTS
from facelib.face.layout import UVLayout, load_layout
from facelib.files.steps import Steps
from facelib.files.threads import Threads, in_threads
from facelib.fitting.seen import SeenPoints
from facelib.imaging.crop import Crop
from facelib.imaging.imagefiles import Photo, read_photo
from facelib.reconstruction.crops import crop_from_detection, network_input, refined
from facelib.reconstruction.dense_fit import DenseFit, PairFit
from facelib.reconstruction.doubts import (
    Doubt,
    best_side,
    doubt_about,
    doubt_about_photo,
    is_swapped,
    other_face,
    swapped,
)
from facelib.reconstruction.found import BOX_TO_CROP, FRONT, SIDE, Face, PhotoOfFace, find_in_photo
from facelib.reconstruction.loading import load_predictor
from facelib.reconstruction.looking import is_unsure, look_upright
from facelib.reconstruction.position_maps import Network, check_side_photo, predict_position_maps
from facelib.reconstruction.result import Reconstruction

AnyPhoto: TypeAlias = Photo | np.ndarray | Path | str

N_ROUNDS = 2
"""Predictions per photo: the keypoints of each define the crop of the next."""
FACE_OPTIONS = {FRONT: "--face", SIDE: "--side-face"}


def reconstruct(
    front: AnyPhoto,
    side: AnyPhoto | None = None,
    network: Network | Path | str | None = None,
    *,
    front_face: Face | None = None,
    side_face: Face | None = None,
    n_rounds: int = N_ROUNDS,
    layout_of: Callable[[int], UVLayout] = load_layout,
    announce: Callable[[str], None] = lambda _: None,
) -> Reconstruction:
    """Turn one or two photos of a face into a 3D head.

    Two files in, one out:

        import facelib

        face = facelib.reconstruct("front.jpg", "side.jpg")
        face.save("me.glb")  # or me.obj, with its .mtl and .png, or me.ply
        face.show()          # in JupyterLab

    The side photo is optional, and the two may differ in size. A photo may also be an array of
    pixels. What was found:

        face.mesh             # the textured head: .vertices in m, .triangles, .uv and .texture
        face.shape            # (60,) coefficients of the head, in standard deviations
        face.expression       # strength of ARKit's facial actions in the front photo, by name
        face.cameras          # one per photo, in its pixels
        face.keypoints_image  # (68, 3): draw x and y over the front photo to check them
        face.vertices_image   # (V, 3) the same for the vertices of the face
        face.position_map     # (S, S, 3) px of the front crop
        face.deviations_mm    # (V,): how far each vertex is likely to be off
        face.photos           # per photo: its pixels, the faces in it, the crop
        face.doubts           # what seems wrong with the photos, each .kind and .sentence
        face.seconds          # how long each step took

    Each doubt is also a warning of the logger `facelib`; the head is made all the same.

    If the face is not found, give its box. For many photos, load the network once:

        from facelib.reconstruction.loading import load_predictor

        network = load_predictor(prefer_onnx=True)
        face = facelib.reconstruct(photo, network=network, front_face=(120, 80, 300, 310))

    Chapter 12 goes through every step.

    Args:
        front: the front photo, |yaw| up to 45°: a file, a `Photo`, or (H, W, 3) RGB, float32 in
            0..1 or uint8.
        side: a photo of the same face from the side, or None.
        network: loaded, or the file of its weights; None takes the default network.
        front_face: the face in ``front``: a `Detection`, the box (x0, y0, x1, y1) from brow to
            chin, px of the file or of the array, or its number among the faces found, of which 1
            is the largest; None takes the largest.
        side_face: the same in ``side``.
        n_rounds: number of predictions in each photo; each crops around the keypoints of the one
            before. Networks of position maps refine the front crop alone.
        layout_of: returns the layout at a size; by default the shipped one.
        announce: gets the name of each step as it begins.

    Returns:
        Reconstruction.

    Raises:
        FileNotFoundError: if a photo, the weights or the layout are missing.
        NoFaceError: if no face is found; the message names the photo.
        NoSideError: if there is no side photo and the network needs one.
        ValueError: if a file is not what it should be, or a box has no area.
    """
    steps = Steps(announce)
    with steps.step("reading"):
        photos, network = _read(front, side, network)
    check_side_photo(network, side is not None)
    with steps.step("finding the face"), Threads(len(photos)) as threads:
        fits = isinstance(network, DenseFit)
        # The points show whether a photo is turned: only where they do not, the detector is asked.
        sure = [
            MIN_SCORE if fits and face is None else SURE_SCORE for face in (front_face, side_face)
        ]
        given = (FRONT, SIDE), photos, (front_face, side_face), [network.size] * len(photos), sure
        found = list(threads.map(find_in_photo, *given))
    by = _by_fit if fits else _by_map
    result = by(network, found, layout_of(network.size), n_rounds, steps)
    doubts = (*result.doubts, *_doubts_about_photos(result))
    for doubt in doubts:
        logging.getLogger(__name__).warning("%s", doubt.sentence)
    name = f"{network.name} in {network.engine}"
    return replace(result, doubts=doubts, network=name, seconds=dict(steps.seconds))


def _read(
    front: AnyPhoto, side: AnyPhoto | None, network: Network | Path | str | None
) -> tuple[list[Photo], Network]:
    """Read the photos, each in a thread of its own, while the network is loaded."""
    given = [front] if side is None else [front, side]
    with Threads(len(given)) as threads:
        photos = threads.map(_photo, given)
        if network is None or isinstance(network, (str, Path)):
            network = load_predictor(None if network is None else Path(network), prefer_onnx=True)
        return list(photos), network


def _photo(given: AnyPhoto) -> Photo:
    if isinstance(given, Photo):
        return given
    return Photo.of_pixels(given) if isinstance(given, np.ndarray) else read_photo(given)


def _by_map(
    network: Network, found: Sequence[PhotoOfFace], layout: UVLayout, n_rounds: int, steps: Steps
) -> Reconstruction:
    """Read the vertices from a predicted position map."""
    front = found[0]
    sides = [network_input(each.photo.pixels, each.crop) for each in found[1:]]

    @cache
    def predict(crop: Crop) -> np.ndarray:
        fronts = network_input(front.photo.pixels, crop)[None]
        return predict_position_maps(network, fronts, np.stack(sides) if sides else None)[0]

    def keypoints_of(crop: Crop) -> np.ndarray:
        return layout.keypoints(layout.vertices(predict(crop)))

    with steps.step("predicting the position map"):
        crop = refined(front.crop, keypoints_of, n_rounds)
        vertices_crop = layout.vertices(predict(crop))
    photos = (replace(front, crop=crop), *found[1:])
    return _in_photo(photos, vertices_crop, layout, predicted_map=predict(crop))


def _by_fit(
    network: DenseFit, found: Sequence[PhotoOfFace], layout: UVLayout, n_rounds: int, steps: Steps
) -> Reconstruction:
    """Find points in each photo by itself, and fit a head to all of them."""

    def look(each: PhotoOfFace) -> PhotoOfFace:
        return _looked_at(network, each, n_rounds)

    with steps.step("finding the points"), Threads(len(found)) as threads:
        front, *sides = threads.map(look, found)
    with steps.step("fitting the head"):
        if not sides:
            fit = network.fit([front.seen])
            return _in_photo((front,), fit.vertices_image, layout, fit=fit)

        def candidates() -> Iterator[SeenPoints]:
            """Look at the other faces of the side photo only if the first does not fit."""
            yield sides[0].seen
            for each in _other_faces(sides[0]):
                sides.append(look(each))
                yield sides[-1].seen

        number, pair = best_side(network, front.seen, candidates())
        side, doubts = sides[number], []
        if number:
            doubts.append(other_face(side.name, side.photo, side.face))
        front, side, pair, swaps = _in_order(network, front, side, pair)
        doubts += [*swaps, *doubt_about(pair)]
    return _in_photo(
        (front, side), pair.together.vertices_image, layout,
        fit=pair.together, agreement=pair.agreement, doubts=tuple(doubts),
    )  # fmt: skip


def _looked_at(network: DenseFit, found: PhotoOfFace, n_rounds: int) -> PhotoOfFace:
    """Find the points of a face, in the direction in which the network is surest of them."""

    def look(pixels: np.ndarray, crop: Crop) -> tuple[Crop, SeenPoints]:
        return network.look(pixels, crop, n_rounds, found.photo.focal_px)

    best = look_upright(look, found.photo, found.face, BOX_TO_CROP[found.view], network.size)
    is_sure = found.chosen or found.quarter_turns or found.face.score >= SURE_SCORE
    if is_unsure(best.seen) and not is_sure:
        found = find_in_photo(found.view, found.photo, None, network.size)
        best = look_upright(look, found.photo, found.face, BOX_TO_CROP[found.view], network.size)
    shape, turns = found.photo.pixels.shape, best.quarter_turns
    others = [turned_face(face, shape, turns) for face in found.faces]
    faces = [
        best.face if before is found.face else after
        for before, after in zip(found.faces, others, strict=True)
    ]
    return replace(
        found,
        photo=best.photo,
        faces=tuple(faces),
        face=best.face,
        crop=best.crop,
        quarter_turns=(found.quarter_turns + turns) % 4,
        seen=best.seen,
    )


def _other_faces(side: PhotoOfFace) -> Iterator[PhotoOfFace]:
    """Yield the other faces of a side photo, if nobody said which one it is."""
    for face in () if side.chosen else side.faces[1:]:
        crop = crop_from_detection(face, side.crop.output_size, BOX_TO_CROP[SIDE])
        yield replace(side, face=face, crop=crop)


def _in_order(
    network: DenseFit, front: PhotoOfFace, side: PhotoOfFace, pair: PairFit
) -> tuple[PhotoOfFace, PhotoOfFace, PairFit, list[Doubt]]:
    """Exchange the photos, and fit again, if the second is the front photo."""
    yaws_deg = pair.front.yaws_deg[0], pair.side.yaws_deg[0]
    if not is_swapped(*yaws_deg):
        return front, side, pair, []
    pair = network.fit_pair(side.seen, front.seen)
    front, side = replace(side, view=FRONT), replace(front, view=SIDE)
    return front, side, pair, [swapped(*yaws_deg)]


def _doubts_about_photos(result: Reconstruction) -> list[Doubt]:
    """Return what seems wrong with each photo by itself."""

    def about(number: int, found: PhotoOfFace) -> list[Doubt]:
        keypoints = result.keypoints_image
        if number:
            if found.seen is None:  # a network of position maps knows nothing of the side photo
                return []
            keypoints = found.crop.crop_to_image(found.seen.places_image[:N_KEYPOINTS])
        return doubt_about_photo(
            found.name, found.photo, found.faces, found.face, keypoints,
            FACE_OPTIONS[found.given_as], found.quarter_turns, found.seen,
        )  # fmt: skip

    return sum(in_threads(about, range(len(result.photos)), result.photos), [])


def _in_photo(
    photos: tuple[PhotoOfFace, ...], vertices_crop: np.ndarray, layout: UVLayout, **rest: object
) -> Reconstruction:
    """Bring (V, 3) vertices, px of the front crop, back to the front photo."""
    vertices = photos[0].crop.crop_to_image(vertices_crop).astype(np.float32)
    keypoints = layout.keypoints(vertices).astype(np.float32)
    return Reconstruction(photos, vertices, keypoints, layout, **rest)
