"""FaceGen's files of a view, its pose and camera, and their conversion from and to our `Camera`.

FaceGen's `fg3 render NAME -s NAME` stores the pose in NAME.xml, as a quaternion from the mesh to a
head that faces +z, and the camera in NAME_cam.xml: a linear part (FaceGen's roll, tilt and pan), a
translation, and the frustum. A point is mapped mesh → eye → clip → image (eq. 4.1), and

    x_eye = linear · R(quaternion) · x_mesh + translation.

The XML is of unknown origin, so it is parsed with defusedxml.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError, tostring

import numpy as np
from defusedxml.ElementTree import fromstring
from scipy.spatial.transform import Rotation

from facelib.files.reading import in_a_line, regular_file
from facelib.render.camera import Camera

POSE = "val/rend/pose/rotateToHcs"
CAMERA = "val/modelview"
MAX_BYTES = 1 << 20  # FaceGen's files have a few kilobytes
COUNTERS = ("count", "item_version")  # Boost's metadata of a list, not its items
SQUARE = 1e-3  # relative difference allowed between a pixel's sides
HEADER = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes" ?>\n<!DOCTYPE boost_serialization>\n'
    '<boost_serialization signature="serialization::archive" version="12">\n<val>\n'
)
FOOTER = "</val>\n</boost_serialization>\n"


@dataclass(frozen=True)
class FaceGenView:
    """Pose and camera of one rendering.

    Attributes:
        quaternion: (4,) float64 x, y, z, w of length 1, mesh frame → head facing +z.
        linear: (3, 3) float64, a rotation that is applied after it.
        translation_eye: (3,) float64, the mesh's unit: its origin in the eye frame.
        frustum: left, right, bottom, top, near, far, the mesh's unit.
    """

    quaternion: np.ndarray
    linear: np.ndarray
    translation_eye: np.ndarray
    frustum: tuple[float, ...]

    @property
    def rotation(self) -> np.ndarray:
        """(3, 3) float64, mesh → eye."""
        return self.linear @ Rotation.from_quat(self.quaternion).as_matrix()

    def camera(self, width: int, height: int) -> Camera:
        """Return the camera that took this view; its head frame is the mesh's own.

        Args:
            width: of the image, px.
            height: of the image, px.

        Raises:
            ValueError: if the frustum is invalid, its pixels are not square, or the head is behind
                the camera.
        """
        left, right, bottom, top, near, far = self.frustum
        if not (0 < near < far and left < right and bottom < top):
            raise ValueError(
                "expected a frustum with left < right, bottom < top and 0 < near < far, "
                f"got {self.frustum}"
            )
        focal_px = near * width / (right - left), near * height / (top - bottom)
        if abs(focal_px[0] - focal_px[1]) > SQUARE * focal_px[0]:
            raise ValueError(
                f"expected a frustum of the image's shape, {width}:{height} px, "
                f"got {right - left:g}:{top - bottom:g}"
            )
        distance = -self.translation_eye[2]
        if not distance > 0:
            raise ValueError(
                f"expected a head before the camera, got one behind it, z = {-distance:g}"
            )
        centre = (-0.5 - left * focal_px[0] / near, -0.5 + top * focal_px[0] / near)
        if not np.isfinite([*centre, *focal_px, focal_px[0] / distance]).all():
            raise ValueError(f"expected a camera of sensible size, got the frustum {self.frustum}")
        return Camera(
            self.rotation, self.translation_eye, focal_px[0] / distance, width, height,
            np.array(centre), focal_px[0],
        )  # fmt: skip

    @classmethod
    def of_camera(cls, camera: Camera) -> FaceGenView:
        """Describe a perspective camera as FaceGen does."""
        quaternion = Rotation.from_matrix(camera.rotation).as_quat()
        return cls(quaternion, np.eye(3), np.asarray(camera.translation_eye), camera.frustum())


def read_view(pose_path: Path, camera_path: Path) -> FaceGenView:
    """Read a view's two files.

    The quaternion's real part is `m_real`, or a fourth item of `m_comp`; without either it is 1
    before normalisation, as in FaceGen.

    Raises:
        ValueError: naming the file and its fault, for any content.
    """
    pose = _parsed(pose_path)
    comp = _numbers(pose, f"{POSE}/m_comp/m", pose_path, (3, 4))
    if len(comp) == 3:
        real = pose.findtext(f"{POSE}/m_real")
        comp = np.append(comp, 1.0 if real is None else _number(real, "m_real", pose_path))
    length = np.linalg.norm(comp)
    if not 0 < length < np.inf:
        raise ValueError(f"{pose_path} must hold a rotation, but its quaternion is {comp}")
    camera = _parsed(camera_path)
    linear = np.eye(3)
    if camera.find(f"{CAMERA}/linear") is not None:
        linear = _numbers(camera, f"{CAMERA}/linear/m", camera_path, (9,)).reshape(3, 3)
        if not (np.abs(linear).max() < 2 and _is_rotation(linear)):
            raise ValueError(f"{camera_path} must hold a rotation in modelview/linear, got another")
    translation = _numbers(camera, f"{CAMERA}/translation/m", camera_path, (3,))
    frustum = _numbers(camera, "val/frustum/m", camera_path, (6,))
    return FaceGenView(comp / length, linear, translation, tuple(frustum.tolist()))


def write_view(pose_path: Path, camera_path: Path, view: FaceGenView) -> None:
    """Write a view's two files as FaceGen does."""
    x, y, z, w = view.quaternion
    pose_path.write_text(
        f"{HEADER}<rend><pose><rotateToHcs>\n<m_real>{w:.17g}</m_real>\n<m_comp>"
        f"{_list((x, y, z))}</m_comp>\n</rotateToHcs></pose></rend>\n{FOOTER}",
        encoding="utf-8",
    )
    camera_path.write_text(
        f"{HEADER}<modelview>\n<linear>{_list(view.linear.ravel())}</linear>\n<translation>"
        f"{_list(view.translation_eye)}</translation>\n</modelview>\n<frustum>"
        f"{_list(view.frustum)}</frustum>\n{FOOTER}",
        encoding="utf-8",
    )


def with_pose(path: Path, quaternion: np.ndarray) -> str:
    """Return FaceGen's render settings with another pose.

    Args:
        path: an XML file as `fg3 render` writes it.
        quaternion: (4,) x, y, z, w.

    Returns:
        The same XML with `rotateToHcs` replaced.

    Raises:
        ValueError: if the file is missing or holds no pose.
    """
    root = _parsed(path)
    items, real = _list_items(root, f"{POSE}/m_comp/m", path), root.find(f"{POSE}/m_real")
    if len(items) != 3 or real is None:
        raise ValueError(f"{path} must be FaceGen's render settings with {POSE}, m_real and m_comp")
    for element, value in zip([*items, real], quaternion, strict=True):
        element.text = f"{value:.17g}"
    head = HEADER[: HEADER.index("<boost_serialization ")]
    try:
        return head + tostring(root, encoding="unicode") + "\n"
    except RecursionError as error:
        raise ValueError(f"{path} is nested too deeply") from error


def _parsed(path: Path) -> Element:
    try:
        content = regular_file(path, "FaceGen's XML", MAX_BYTES).read_bytes()
    except FileNotFoundError as error:
        raise ValueError(f"expected the file {path}, found none") from error
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
    try:
        return fromstring(content)
    except ParseError as error:
        raise ValueError(f"{path} is not XML: {error}") from error
    except (ValueError, LookupError) as error:  # entities, unknown encodings
        raise ValueError(f"{path} is not XML that may be trusted: {in_a_line(error)}") from error


def _list_items(root: Element, where: str, path: Path) -> list[Element]:
    found = root.find(where)
    if found is None:
        raise ValueError(f"{path} must hold {where}, found none")
    return [item for item in found if item.tag not in COUNTERS]


def _numbers(root: Element, where: str, path: Path, counts: tuple[int, ...]) -> np.ndarray:
    items = _list_items(root, where, path)
    if len(items) not in counts:
        wanted = " or ".join(map(str, counts))
        raise ValueError(f"{path} must hold {wanted} numbers in {where}, got {len(items)}")
    return np.array([_number(item.text, where, path) for item in items])


def _number(text: str | None, where: str, path: Path) -> float:
    try:
        number = float(text or "")
    except ValueError:
        number = np.nan
    if not abs(number) < 1e12:
        raise ValueError(f"{path} must hold finite numbers in {where}, got {(text or '')[:40]!r}")
    return number


def _is_rotation(matrix: np.ndarray) -> bool:
    return np.allclose(matrix @ matrix.T, np.eye(3), atol=1e-4) and np.linalg.det(matrix) > 0


def _list(numbers) -> str:
    return "<m>" + "".join(f"<item>{number:.17g}</item>" for number in numbers) + "</m>"
