"""Readers of photos, meshes and data sets, each with a small valid file to spoil."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.ExifTags import Base

from soaking import hostile_formats as formats
from soaking import hostile_forms as forms
from soaking.hostile_bytes import Spoiler

ROOT = Path(__file__).resolve().parents[2]
HEIC_PHOTO = ROOT / "tests" / "pictures" / "face.heic"


@dataclass(frozen=True, eq=False)
class Subject:
    """A reader, and how to try it.

    Attributes:
        name: of the reader and its format.
        room: subjects of one room are tried in one process.
        make: writes valid files into a folder, and returns the one to spoil.
        read: the public reader; raises AssertionError if what it returns cannot be right.
        attacks: faults of this format's structure, by name.
        is_text: whether faults of text make sense, too.
        command: the words of `facelib` that read the file and write to a folder; None without.
        writes: names of files that the reader may add.
    """

    name: str
    room: str
    make: Callable[[Path], Path]
    read: Callable[[Path], object]
    attacks: Mapping[str, Spoiler] = field(default_factory=dict)
    is_text: bool = False
    command: Callable[[Path, Path], list[str]] | None = None
    writes: tuple[str, ...] = ()


def noise(height: int = 40, width: int = 30, channels: int = 3) -> np.ndarray:
    """A small noisy picture, uint8."""
    return np.random.default_rng(0).integers(0, 256, (height, width, channels), np.uint8)


# ------------------------------------------------------------------------------------------- photos
def _picture(folder: Path, ending: str, form: str, mode: str = "RGB", **options) -> Path:
    exif = Image.Exif()
    exif[Base.Orientation] = 6
    exif.get_ifd(0x8769)[Base.FocalLengthIn35mmFilm] = 28
    more = {"exif": exif} if form in ("JPEG", "PNG", "TIFF", "WEBP", "AVIF") else {}
    if mode == "I;16":
        picture = Image.fromarray(noise()[..., 0].astype(np.uint16) * 97)
    elif mode == "F":
        picture = Image.fromarray(noise()[..., 0].astype(np.float32) / 255)
    else:
        picture = Image.fromarray(noise()).convert(mode)
    path = folder / f"photo.{ending}"
    picture.save(path, form, **more, **options)
    return path


def _heic(folder: Path) -> Path:
    path = folder / "photo.heic"
    path.write_bytes(HEIC_PHOTO.read_bytes())
    return path


def _read_photo(path: Path) -> None:
    from facelib.imaging.imagefiles import read_photo

    photo = read_photo(path)
    assert photo.pixels.ndim == 3 and photo.pixels.shape[2] == 3 and photo.pixels.size
    assert photo.pixels.dtype in (np.uint8, np.float32)
    assert np.isfinite(photo.pixels).all() and photo.pixels.min() >= 0
    assert photo.pixels.dtype == np.uint8 or photo.pixels.max() <= 1
    assert photo.focal_px is None or 0 < photo.focal_px < 1e6
    assert 0 < photo.scale <= 1


def _reconstruct(path: Path, out: Path) -> list[str]:
    return ["reconstruct", str(path), "-o", str(out / "me.ply"), "--detail", "0"]


def _photo(ending: str, form: str, attacks: Mapping[str, Spoiler] | None = None, **options):
    make = partial(_picture, ending=ending, form=form, **options)
    extra = {"number": forms.extreme_number, **(attacks or {})}
    words = [
        *(str(v) for k, v in options.items() if k == "mode"),
        *(["progressive"] * ("progressive" in options)),
    ]
    name = " ".join(["photo", ending, *words])
    return Subject(name, "photos", make, _read_photo, extra, command=_reconstruct)


_PNG = {"head": forms.png_header, "text bomb": forms.png_text_bomb, "bomb": forms.png_pixel_bomb}
_JPEG = {"head": forms.jpeg_header, "exif": forms.exif}
PHOTOS = (
    _photo("jpg", "JPEG", _JPEG),
    _photo("jpg", "JPEG", _JPEG, progressive=True),
    _photo("jpg", "JPEG", _JPEG, mode="CMYK"),
    _photo("png", "PNG", _PNG),
    _photo("png", "PNG", _PNG, mode="P"),
    _photo("png", "PNG", _PNG, mode="I;16"),
    _photo("tif", "TIFF", {"tag": forms.tiff_tag}, compression="tiff_lzw"),
    _photo("tif", "TIFF", {"tag": forms.tiff_tag}, mode="F"),
    _photo("tif", "TIFF", {"tag": forms.tiff_tag}, mode="I;16"),
    _photo("webp", "WEBP", {"exif": forms.exif}),
    _photo("avif", "AVIF", {"exif": forms.exif}, speed=10),
    Subject("photo heic", "photos", _heic, _read_photo, {"number": forms.extreme_number}),
    _photo("gif", "GIF"),
    _photo("bmp", "BMP"),
    _photo("ico", "ICO", {"bomb": forms.icon_bomb}),
    _photo("jp2", "JPEG2000"),
    _photo("tga", "TGA"),
    _photo("pcx", "PCX"),
    _photo("ppm", "PPM"),
    _photo("sgi", "SGI"),
)


def _read_background(path: Path) -> None:
    from facelib.imaging.backgrounds import TEXTURE_SHARE, random_background

    seeds = (seed for seed in range(99) if np.random.default_rng(seed).random() < TEXTURE_SHARE)
    image = random_background(np.random.default_rng(next(seeds)), 16, (path,))
    assert image.shape == (16, 16, 3) and np.isfinite(image).all()


def _read_rgba(path: Path) -> None:
    from facelib.datasets.facegen.files import read_rgba

    assert read_rgba(path).shape[2] == 4


# ------------------------------------------------------------------------------------------- meshes
def _mesh(folder: Path, ending: str, texture: bool = True, spoil: str | None = None) -> Path:
    from facelib.geometry.mesh import Mesh
    from facelib.geometry.meshfiles import write_mesh

    columns, rows = np.meshgrid(np.arange(5), np.arange(4))
    at = (columns[:-1, :-1] + 5 * rows[:-1, :-1]).ravel()
    triangles = np.concatenate(
        [np.stack([at, at + 1, at + 6], 1), np.stack([at, at + 6, at + 5], 1)]
    )
    uv = np.stack([columns.ravel() / 4, rows.ravel() / 3], 1)
    vertices = np.column_stack([uv * 100, np.random.default_rng(0).random(20)])
    colors = None if texture else np.random.default_rng(1).random((20, 3))
    mesh = Mesh(
        vertices, triangles, uv if texture else None, noise(8, 8) / 255 if texture else None, colors
    )
    write_mesh(folder / f"scan.{ending}", mesh)
    (folder / "link.png").symlink_to(folder.parent / f"{forms.BAIT}.png")
    return next(folder.glob(f"scan*.{spoil or ending}"))


def _ascii_ply(folder: Path) -> Path:
    head = ("ply", "format ascii 1.0", "comment made here", "element vertex 4", "property float x",
            "property float y", "property float z", "element face 2",
            "property list uchar int vertex_indices", "end_header")  # fmt: skip
    body = ("0 0 0", "1 0 0", "1 1 0", "0 1 0.5", "3 0 1 2", "3 0 2 3")
    (folder / "scan.ply").write_text("\n".join((*head, *body)) + "\n")
    return folder / "scan.ply"


def _check_mesh(mesh) -> None:
    assert len(mesh.triangles)
    assert 0 <= mesh.triangles.min() and mesh.triangles.max() < len(mesh.vertices)
    assert mesh.texture is None or mesh.texture.shape[:2] != forms.BAIT_SIZE


def _read_mesh(path: Path) -> None:
    from facelib.geometry.meshfiles import read_mesh

    whole = path.suffix in (".glb", ".ply")
    _check_mesh(read_mesh(path if whole else path.with_name("scan.obj")))


def _read_scan(path: Path) -> None:
    from facelib.datasets.florence.scan_file import read_scan

    scan = read_scan(path.with_name("scan.obj"))
    _check_mesh(scan.mesh_scan)
    assert np.isfinite(scan.mesh_scan.vertices).all()
    assert all(len(note) < 300 and note.isprintable() for note in scan.notes)


def _read_facegen_mesh(path: Path) -> None:
    from facelib.datasets.facegen.files import read_obj_triangles, read_obj_vertices

    vertices, triangles = read_obj_vertices(path), read_obj_triangles(path)
    assert np.isfinite(vertices).all() and triangles.dtype.kind == "i"


_OBJ, _TEXT = partial(_mesh, ending="obj"), {"is_text": True}
MESHES = (
    Subject("mesh obj", "meshes", _OBJ, _read_mesh, formats.OBJ, **_TEXT),
    Subject("mesh mtl", "meshes", partial(_OBJ, spoil="mtl"), _read_mesh, formats.MTL, **_TEXT),
    Subject("mesh texture", "meshes", partial(_OBJ, spoil="png"), _read_mesh, _PNG),
    Subject("mesh ply", "meshes", partial(_mesh, ending="ply", texture=False), _read_mesh,
            formats.PLY),
    Subject("mesh ply text", "meshes", _ascii_ply, _read_mesh, formats.PLY, **_TEXT),
    Subject("mesh glb", "meshes", partial(_mesh, ending="glb"), _read_mesh, formats.GLB),
    Subject("scan obj", "meshes", _OBJ, _read_scan, formats.OBJ, **_TEXT),
    Subject("scan mtl", "meshes", partial(_OBJ, spoil="mtl"), _read_scan, formats.MTL, **_TEXT),
    Subject("scan texture", "meshes", partial(_OBJ, spoil="png"), _read_scan, _PNG),
    Subject("facegen obj", "meshes", _OBJ, _read_facegen_mesh, formats.OBJ, **_TEXT),
)  # fmt: skip


# ---------------------------------------------------------------------------------------- data sets
def _view(folder: Path, spoil: str) -> Path:
    from facelib.datasets.facegen.standin import export_camera
    from facelib.datasets.facegen.view import FaceGenView, write_view

    view = FaceGenView.of_camera(export_camera(np.array([3.0, -20.0, 1.0]), 64))
    write_view(folder / "front.xml", folder / "front_cam.xml", view)
    return folder / f"{spoil}.xml"


def _read_view(path: Path) -> None:
    from facelib.datasets.facegen.view import read_view

    folder = path.parent
    camera = read_view(folder / "front.xml", folder / "front_cam.xml")
    assert np.isfinite(camera.rotation).all() and np.isfinite(camera.frustum).all()


def _read_template(path: Path) -> None:
    from facelib.datasets.facegen.view import with_pose

    assert with_pose(path, np.array([0.0, 0, 0, 1])).startswith("<?xml")


def _keypoints(folder: Path) -> Path:
    (folder / "keypoints.txt").write_text("\n".join(map(str, range(68))) + "\n")
    return folder / "keypoints.txt"


def _read_keypoints(path: Path) -> None:
    from facelib.datasets.facegen.files import read_keypoint_indices

    indices = read_keypoint_indices(path)
    assert indices.shape == (68,) and indices.min() >= 0


def _basel(folder: Path, spoil: str = "BFM.mat") -> Path:
    from facelib.datasets.basel.files import BaselArrays, write_basel

    rng, n = np.random.default_rng(0), 80
    columns = {"mean": 3 * n, "basis": (3 * n, 2), "deviations": 2}
    arrays = {
        f"{part}_{name}": rng.random(size).astype(np.float32) + 0.1
        for part in ("shape", "expression", "texture")
        for name, size in columns.items()
        if (part, name) != ("expression", "mean")
    }
    triangles = rng.integers(0, n, (50, 3)).astype(np.int32)
    write_basel(
        folder,
        BaselArrays(**arrays, triangles=triangles, mouth_triangles=triangles[:3],
                    keypoints=np.arange(68, dtype=np.int32)),
        rng.random((n, 2)),
    )  # fmt: skip
    return folder / spoil


def _read_basel(path: Path) -> None:
    from facelib.datasets.basel.model import load_basel

    head = load_basel(path.parent).head
    assert np.isfinite(head.mean_head).all() and np.isfinite(head.uv).all()
    assert head.triangles.max() < len(head.mean_head)


def _fitted(folder: Path, inside: str = "") -> Path:
    from facelib.files.matfiles import write_mat

    rng = np.random.default_rng(0)
    (folder / inside).mkdir(exist_ok=True, parents=True)
    for k in range(2):
        arrays = {
            "Pose_Para": np.array([[0.1, 0.9 * k, 0.1, 100, 200, -60, 0.001]], np.float32),
            "Shape_Para": rng.random((199, 1)), "Exp_Para": rng.random((29, 1)),
            "pt2d": rng.random((2, 68)) * 450,
        }  # fmt: skip
        write_mat(folder / inside / f"face_{k}.mat", arrays)
        (folder / inside / f"face_{k}.jpg").write_bytes(_jpeg())
    return folder / inside / "face_0.mat"


def _jpeg() -> bytes:
    stream = io.BytesIO()
    Image.fromarray(noise()).save(stream, "JPEG")
    return stream.getvalue()


def _read_fitted(path: Path) -> None:
    from facelib.datasets.basel.fitted_photo import read_parameters

    parameters = read_parameters(path)
    assert np.isfinite(parameters.rotation).all() and np.isfinite(parameters.shape_para).all()


def _index_cache(folder: Path) -> Path:
    from facelib.datasets.w300lp.index import CACHE_NAME, index_samples

    _fitted(folder, "AFW")
    index_samples(folder)
    return folder / CACHE_NAME


def _read_index(path: Path) -> None:
    from facelib.datasets.w300lp.index import FOLDERS, index_samples, plan_pairs

    root = path.parents[1] if path.parent.name in FOLDERS else path.parent
    index = index_samples(root)
    assert np.isfinite(index.poses).all()
    assert all(entry.reason.isprintable() and len(entry.reason) < 500 for entry in index.skipped)
    plan_pairs(index)


def _matrix(folder: Path) -> Path:
    from scipy.sparse import random_array

    from facelib.face.matrix_file import save_matrix

    save_matrix(folder / "layout.npz", random_array((9, 7), density=0.3, format="csr", rng=0))
    return folder / "layout.npz"


def _read_matrix(path: Path) -> None:
    from facelib.face.matrix_file import load_matrix

    matrix = load_matrix(path)
    assert np.isfinite(matrix @ np.ones(matrix.shape[1])).all()


_VIEW, _UV, _LP = partial(_view, spoil="front"), "BFM_UV.mat", "w300lp"
_CACHE = {"writes": ("facelib-index.npz",)}
DATASETS = (
    Subject("background jpg", "photos", partial(_picture, ending="jpg", form="JPEG"),
            _read_background, _JPEG),
    Subject("facegen png", "photos", partial(_picture, ending="png", form="PNG", mode="RGBA"),
            _read_rgba, _PNG),
    Subject("facegen pose", "data", _VIEW, _read_view, formats.XML, **_TEXT),
    Subject("facegen camera", "data", partial(_view, spoil="front_cam"), _read_view, formats.XML,
            **_TEXT),
    Subject("facegen template", "data", _VIEW, _read_template, formats.XML, **_TEXT),
    Subject("facegen keypoints", "data", _keypoints, _read_keypoints, {}, **_TEXT),
    Subject("facegen keypoints mat", "data", _basel, _read_keypoints, formats.MAT),
    Subject("facegen matrix", "data", _matrix, _read_matrix, forms.NPZ),
    Subject("basel mat", "data", _basel, _read_basel, formats.MAT),
    Subject("basel uv", "data", partial(_basel, spoil=_UV), _read_basel, formats.MAT),
    Subject("300w-lp parameters", "data", _fitted, _read_fitted, formats.MAT),
    Subject("300w-lp index", "data", _index_cache, _read_index, forms.NPZ, **_CACHE),
    Subject("300w-lp folder", "data", partial(_fitted, inside="AFW"), _read_index, formats.MAT,
            **_CACHE),
)  # fmt: skip
