"""Measure how far the default contradicts itself: on photos of people, and on rendered ones.

    python experiments/measure_agreement.py
    python experiments/measure_agreement.py --photos FRONT... --pair FRONT SECOND

Nothing here needs the truth. Photos are changed in ways that change no face: mirrored, cropped
otherwise, stored as a poor JPEG; and the front alone is held against both. What moves is error.
A head is also drawn into the side photo, and its profile is held against the true one's, which is
known of rendered photos. Photos of people are named in the record and never stored. The result is
data/evaluation/agreement.json, for chapter 11. Three minutes of one core.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import click
import numpy as np

from facelib.evaluation.suite.peers import network
from facelib.evaluation.suite.people import Taken, take
from facelib.evaluation.suite.record import Row, write_columns
from facelib.evaluation.suite.run import ALL, DEFAULT
from facelib.face.dense_points import load_dense_points
from facelib.face.layout import load_layout
from facelib.files.command import typed_command
from facelib.files.paths import data_dir
from facelib.files.revision import revision
from facelib.fitting.fit import HeadFit
from facelib.fitting.head_prior import shipped_prior
from facelib.fitting.seen import SeenPoints
from facelib.geometry.registration import umeyama, weak_perspective
from facelib.geometry.transforms import pose_from_rotation
from facelib.imaging.crop import Crop
from facelib.imaging.effects import jpeg
from facelib.imaging.imagefiles import read_photo, to_float, to_uint8
from facelib.reconstruction.dense_fit import DenseFit
from facelib.reconstruction.reconstruct import reconstruct
from facelib.render.rasterize import rasterize

RESULT = data_dir() / "evaluation" / "agreement.json"
N_RENDERED = 40
# To the right and down, as shares of the crop's side, and enlarged.
RECROPS = ((0.05, 0, 1), (-0.05, 0, 1), (0, 0.05, 1), (0, -0.05, 1), (0, 0, 0.95), (0, 0, 1.05))
JPEG_QUALITY = 20
BORDER_PX = 64  # around a rendered photo, so that another crop does not leave it
SEEN = 0.5  # visibility above which a point holds a head in place
DIGITS = 4

PHOTO_AND_CROP = tuple[np.ndarray, Crop]


@dataclass(frozen=True)
class Version:
    """Changed photos as the network gets them, and whether they were mirrored."""

    change: str
    crops: np.ndarray
    mirrored: bool = False


def versions(photos: list[PHOTO_AND_CROP]) -> Iterator[Version]:
    """Yield the crops of one photo or two as they are, and then changed."""
    whole = np.stack([crop.cut(photo) for photo, crop in photos])
    yield Version("", whole)
    yield Version("mirrored", np.ascontiguousarray(whole[:, :, ::-1]), mirrored=True)
    compressed = [jpeg(to_uint8(each), JPEG_QUALITY) for each in whole]
    yield Version("JPEG", to_float(np.stack(compressed)))
    for right, down, zoom in RECROPS:
        yield Version(
            "another crop",
            np.stack([moved(crop, right, down, zoom).cut(photo) for photo, crop in photos]),
        )


def moved(crop: Crop, right: float, down: float, zoom: float) -> Crop:
    """Return a crop moved by shares of its side, and enlarged."""
    x, y = crop.centre_px
    centre = x + right * crop.size_px, y + down * crop.size_px
    return replace(crop, centre_px=centre, size_px=zoom * crop.size_px)


def apart_mm(one: np.ndarray, other: np.ndarray) -> float:
    """Return the mean distance of two heads' (V, 3) faces after a similarity, mm."""
    face = load_layout().labels["face"]
    laid = umeyama(one[face], other[face]).apply(one[face])
    return float(np.linalg.norm(laid - other[face], axis=1).mean())


def head_of(found: HeadFit, mirrored: bool) -> np.ndarray:
    """Return a fit's head (V, 3), mm, mirrored back."""
    head = found.vertices_head
    return head[load_layout().mirror] * [-1, 1, 1] if mirrored else head


def disagreements(
    fit: DenseFit, photos: list[PHOTO_AND_CROP]
) -> tuple[HeadFit, list[SeenPoints], dict[str, float]]:
    """Return the fit to photos, the points, and how far each kind of change moves the head, mm."""
    first: HeadFit | None = None
    moved: dict[str, list[float]] = {}
    for version in versions(photos):
        seen = fit.see(version.crops)
        found = fit.fit(seen)
        if first is None:
            first, points = found, seen
            continue
        distance = apart_mm(head_of(found, version.mirrored), first.vertices_head)
        moved.setdefault(version.change, []).append(distance)
    return first, points, {change: float(np.mean(found)) for change, found in moved.items()}


def row_of(fit: DenseFit, photos: list[PHOTO_AND_CROP]) -> tuple[Row, HeadFit, list[SeenPoints]]:
    """Return the disagreements of photos as a row, with the fit and the points behind it."""
    found, seen, moved = disagreements(fit, photos)
    face = load_layout().labels["face"]
    expected = np.linalg.norm(found.deviations_head[face], axis=1)
    row: Row = {"photos": len(photos), "expected_mm": float(expected.mean())}
    row |= {f"{change.replace(' ', '_')}_mm": mm for change, mm in moved.items()}
    if len(photos) == 2:
        alone = fit.fit(seen[:1])
        row["front_alone_mm"] = apart_mm(alone.vertices_head, found.vertices_head)
    return row, found, seen


def rendered_rows(fit: DenseFit, index: int) -> list[Row]:
    """Return the rows of one rendered person, from the front alone and from both photos."""
    taken = take(index, ALL.people)
    crop = Crop((BORDER_PX + (ALL.size - 1) / 2,) * 2, float(ALL.size), fit.size)
    border = ((BORDER_PX, BORDER_PX), (BORDER_PX, BORDER_PX), (0, 0))
    photos = [
        (np.pad(to_float(p), border, "edge"), crop) for p in (taken.pair.front, taken.pair.side)
    ]
    alone, front_fit, _ = row_of(fit, photos[:1])
    both, found, seen = row_of(fit, photos)
    side = seen[1]
    for row, head in ((alone, front_fit), (both, found)):
        row["who"], row["index"] = "rendered", index
        row["error_mm"] = apart_mm(head.vertices_head, taken.vertices_head.astype(float))
        row["profile_mm"] = profile_error_mm(head.vertices_head, side, taken)
    both["mean_head_profile_mm"] = profile_error_mm(shipped_prior().mean_head, side, taken)
    return [alone, both]


def drawn_into(vertices_head: np.ndarray, side: SeenPoints) -> np.ndarray:
    """Place a head (V, 3) where its points lie in the side photo: (V, 3) px, z toward the camera.

    Scale, turn and shift come from the points that the network sees there, the same for every head.
    """
    points = load_dense_points()
    own = points.matrix @ np.asarray(vertices_head, np.float64)
    weights = np.where(side.slides, 0.0, (side.visibility > SEEN).astype(float))
    scale, rotation, shift = weak_perspective(own, side.places_image * [1, -1], weights)
    placed = scale * vertices_head @ rotation.T
    return np.column_stack([placed[:, :2] + shift, placed[:, 2]]) * [1, -1, 1]


def profile_error_mm(vertices_head: np.ndarray, side: SeenPoints, taken: Taken) -> float:
    """Return the mean distance, row by row, of a head's profile from the true one's, mm."""
    camera, whole = taken.cameras[1], Crop.whole(taken.pair.size, side.width)
    true_px = whole.image_to_crop(camera.head_to_image(taken.vertices_head.astype(np.float64)))
    toward = np.sign(pose_from_rotation(np.asarray(camera.rotation))[1])
    ours, true = (
        outline(v, side.width, toward) for v in (drawn_into(vertices_head, side), true_px)
    )
    upright = np.ptp(true_px[:, 1]) / np.ptp(taken.vertices_head @ np.asarray(camera.rotation)[1])
    return float(np.nanmean(np.abs(ours - true)) / upright)


def outline(vertices_px: np.ndarray, size: int, toward: float) -> np.ndarray:
    """Return (size,) the column of the outermost face pixel per row, NaN where there is none."""
    layout = load_layout()
    kept = layout.triangles[layout.labels["face"][layout.triangles].all(axis=1)]
    covered = rasterize(vertices_px, kept, size, size).covered
    outermost = covered[:, ::-1].argmax(axis=1) if toward > 0 else covered.argmax(axis=1)
    columns = size - 1 - outermost if toward > 0 else outermost
    return np.where(covered.any(axis=1), columns, np.nan)


def real_rows(fit: DenseFit, paths: tuple[Path, ...]) -> list[Row]:
    """Return the row of one photo of a person, or of two."""
    pixels = [to_float(read_photo(path).pixels) for path in paths]
    found = reconstruct(*pixels, network=fit)
    photos = [(one, each.crop) for one, each in zip(pixels, found.photos, strict=True)]
    row, _, _ = row_of(fit, photos)
    return [row | {"who": ", ".join(path.name for path in paths)}]


@click.command(help=__doc__)
@click.option("--photos", multiple=True, type=click.Path(exists=True, path_type=Path))
@click.option("--pair", nargs=2, multiple=True, type=click.Path(exists=True, path_type=Path))
def main(photos: tuple[Path, ...], pair: tuple[tuple[Path, Path], ...]) -> None:
    """Run the script."""
    fit = network(*DEFAULT)
    rows: list[Row] = []
    for paths in [(photo,) for photo in photos] + list(pair):
        rows += real_rows(fit, paths)
    for index in range(N_RENDERED):
        rows += rendered_rows(fit, index)
    about = {
        "command": typed_command(),
        "date": date.today().isoformat(),
        "revision": revision(),
        "seed": ALL.seed,
        "people": N_RENDERED,
    }
    rows = [
        {k: round(v, DIGITS) if isinstance(v, float) else v for k, v in r.items()} for r in rows
    ]
    write_columns(RESULT, about, rows)
    click.echo(f"wrote {RESULT.name}")


if __name__ == "__main__":
    main()
