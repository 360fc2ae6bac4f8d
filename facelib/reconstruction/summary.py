"""A reconstruction in a few plain values, for programs, and in a few words, for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from facelib.geometry.transforms import pose_from_rotation
from facelib.reconstruction.mesh_settings import MeshSettings

if TYPE_CHECKING:
    from facelib.imaging.imagefiles import Photo
    from facelib.reconstruction.found import PhotoOfFace
    from facelib.reconstruction.result import Reconstruction
    from facelib.render.camera import Camera

SUMMARY_FORMAT = 1


def summary(result: Reconstruction, settings: MeshSettings, files: Sequence[str]) -> dict:
    """Return what `facelib reconstruct --json` prints; keys may be added, none will change.

    Keys:
        format: 1, the version of this list.
        files: names of the files written.
        network: what found the face.
        interocular_mm: distance between the eyes that the mesh was scaled to.
        estimated_error_mm: mean standard deviation of a vertex; null without a fit.
        agreement: log of the odds that both photos show one person; null if not known.
        warnings: list of {kind, sentence}.
        photos: list, front first, of {view, file, width_px, height_px, quarter_turns,
        faces_found, note, face_box_px: [x0, y0, x1, y1], crop_px: [x, y, side], camera};
        camera is null without a fit, or {pitch_deg, yaw_deg, roll_deg, distance_mm,
        focal_px, focal_known}. All px are those of the upright file, even if it was shrunk.
        shape: list of 60 coefficients, in standard deviations; null without a fit.
        expression: strength in the front photo by ARKit's name; null without a fit.
        keypoints_px: 68 × [x, y, z] in the front photo.
        seconds: by step.
    """
    cameras = result.cameras or (None,) * len(result.photos)
    return {
        "format": SUMMARY_FORMAT,
        "files": list(files),
        "network": result.network,
        "interocular_mm": settings.interocular_mm,
        "estimated_error_mm": _rounded(result.estimated_error_mm),
        "agreement": _rounded(result.agreement),
        "warnings": [{"kind": d.kind, "sentence": d.sentence} for d in result.doubts],
        "photos": [_photo(*each) for each in zip(result.photos, cameras, strict=True)],
        "shape": None if result.shape is None else _rounded(result.shape),
        "expression": result.expression
        and {name: _rounded(strength) for name, strength in result.expression.items()},
        "keypoints_px": _rounded(result.keypoints_file),
        "seconds": {step: _rounded(seconds) for step, seconds in result.seconds.items()},
    }


def in_words(result: Reconstruction, settings: MeshSettings, files: Sequence[str]) -> str:
    """Return two or three lines that say what was written, and how sure it is."""
    lines = [found.photo.note for found in result.photos if found.photo.note]
    lines.append(f"wrote {', '.join(files)} ({result.network})")
    scale = f"distance between the eyes set to {settings.interocular_mm:g} mm (--interocular)"
    lines.append(f"in metres, {scale}")
    if result.estimated_error_mm is not None:
        lines.append(f"estimated error of a vertex: {result.estimated_error_mm:.1f} mm")
        if len(result.photos) == 1:
            lines[-1] += " from the front photo alone; a photo from the side would show its depth"
    return "\n".join(lines)


def _photo(found: PhotoOfFace, camera: Camera | None) -> dict:
    photo, crop = found.photo, found.crop
    (width, height), side = photo.full_size_px, crop.size_px / photo.scale
    return {
        "view": found.view,
        "file": photo.name,
        "width_px": width,
        "height_px": height,
        "quarter_turns": found.quarter_turns,
        "faces_found": len(found.faces),
        "note": photo.note,
        "face_box_px": _rounded(photo.to_file_px(found.face.box.reshape(2, 2)).ravel()),
        "crop_px": _rounded(np.array([*photo.to_file_px(crop.centre_px), side])),
        "camera": camera and _camera(camera, photo),
    }


def _camera(camera: Camera, photo: Photo) -> dict:
    pitch, yaw, roll = np.degrees(pose_from_rotation(camera.rotation))
    return {
        "pitch_deg": _rounded(pitch),
        "yaw_deg": _rounded(yaw),
        "roll_deg": _rounded(roll),
        "distance_mm": _rounded(-camera.translation_eye[2]),
        "focal_px": _rounded(camera.focal_px / photo.scale),
        "focal_known": photo.focal_px is not None,
    }


def _rounded(value: float | np.ndarray | None) -> float | list | None:
    """Return a number, or the numbers of an array, with three decimals, as plain values."""
    return None if value is None else np.round(np.asarray(value, np.float64), 3).tolist()
