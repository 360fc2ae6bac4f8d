"""Figures of the book: interactive meshes, keypoints on images, position maps with colour bars.

`show_mesh` returns one object with two views: JupyterLab draws its live k3d widget, and the built
book draws the same scene from a snapshot in the page. k3d's own script is one file of the book, so
that no page needs a network.
"""

import base64
import html
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import k3d
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from PIL import Image

from facelib.geometry.mesh import Mesh, vertex_colors
from facelib.imaging.imagefiles import to_uint8
from facelib.show.still import (
    FIELD_OF_VIEW_DEG,
    POINT_COLOR,
    draw_still,
    fitting_camera,
    trimmed_webp,
)

# One colour per mesh, distinct for colour-blind readers too (Okabe and Ito's palette, lightened).
MESH_COLORS = ((0.84, 0.72, 0.62), (0.34, 0.66, 0.86), (0.9, 0.6, 0.2), (0.35, 0.7, 0.55))

AXES_OF_FRAME = {
    "head": ("x [mm]", "y [mm]", "z [mm]"),
    "eye": ("x [mm]", "y [mm]", "z [mm]"),
    "image": ("x [px]", "-y [px]", "z [px]"),
}


@dataclass(frozen=True)
class StartView:
    """The initial view, as near as shows the whole scene: radians around y, radians upward."""

    yaw: float = 0.45
    pitch: float = 0.15


@dataclass(frozen=True)
class MeshView:
    """An interactive scene: a live widget with a kernel, a snapshot in the book."""

    plot: k3d.Plot
    still: bytes
    alt: str
    legend: str = ""

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, object]:
        """Return the live view and the book's view; the viewer shows the one that it supports."""
        live = self.plot._repr_mimebundle_()
        live = live[0] if isinstance(live, tuple) else live
        return {**live, "text/html": self.to_html(), "text/plain": f"Interactive mesh: {self.alt}"}

    def to_html(self) -> str:
        """Return the book's view: a still image that the book's script replaces by the scene."""
        scene = base64.b64encode(self.plot.get_binary_snapshot()).decode()
        still = base64.b64encode(self.still).decode()
        alt = html.escape(self.alt, quote=True)
        return (
            f'<div class="mesh-view" style="height:{self.plot.height}px" data-scene="{scene}">'
            f'<img alt="{alt}" src="data:image/webp;base64,{still}"></div>{self.legend}'
        )


def show_mesh(
    meshes: Mesh | Sequence[Mesh],
    *,
    alt: str,
    frame: str = "head",
    points: np.ndarray | None = None,
    values: np.ndarray | None = None,
    value_range: tuple[float, float] | None = None,
    values_unit: str = "mm",
    wireframe: bool = False,
    view: StartView | None = None,
    height: int = 420,
) -> MeshView:
    """Show one mesh, or several in one scene, that the reader can rotate.

    Args:
        meshes: one Mesh or several; texture is drawn if there is one, then colors, else a plain
            colour each.
        alt: what the picture shows, for readers who cannot see it.
        frame: "head", "eye" (mm, y up) or "image" (px, y down; drawn with −y upward).
        points: (P, 3) in the same frame, drawn as small balls.
        values: (N,) one number per vertex of the first mesh, drawn in colours with a bar.
        value_range: numbers at both ends of the bar; smallest and largest value if not given.
        values_unit: of the numbers, for the bar.
        wireframe: draw triangle edges instead of surfaces.
        view: where the reader's eye starts.
        height: px in the page.

    Returns:
        The view; a notebook shows it when it is a cell's last expression.

    Raises:
        ValueError: for an unknown frame, an empty alt text, or values of another length.
    """
    meshes = [meshes] if isinstance(meshes, Mesh) else list(meshes)
    view = view or StartView()
    _check_scene(meshes, alt, frame, values)
    meshes = [_upright(mesh, frame) for mesh in meshes]
    points = None if points is None else _upright_points(points, frame)
    camera = fitting_camera(np.concatenate([m.vertices for m in meshes]), view.yaw, view.pitch)
    plot = _new_plot(AXES_OF_FRAME[frame], camera, height)
    painted = []
    for i, mesh in enumerate(meshes):
        coloring = (values if i == 0 else None, value_range)
        plot += _k3d_mesh(mesh, MESH_COLORS[i % len(MESH_COLORS)], wireframe, *coloring)
        painted.append(_painted(mesh, i, *coloring))
    if points is not None:
        plot += _k3d_points(points, meshes)
    legend = "" if values is None else _legend(*_value_range(values, value_range), values_unit)
    return MeshView(plot, trimmed_webp(draw_still(painted, camera, points)), alt, legend)


def side_by_side(meshes: Sequence[Mesh], gap: float = 20.0) -> list[Mesh]:
    """Return copies moved along x so that they stand next to each other.

    Args:
        meshes: in one frame.
        gap: free space between neighbours, in the meshes' own unit.

    Returns:
        As many meshes; the row is centred on x = 0.
    """
    widths = [float(np.ptp(m.vertices[:, 0])) for m in meshes]
    lefts = np.cumsum([0.0, *[width + gap for width in widths[:-1]]])
    lefts -= (lefts[-1] + widths[-1]) / 2
    moved = []
    for mesh, left in zip(meshes, lefts, strict=True):
        shift = np.array([left - mesh.vertices[:, 0].min(), 0, 0], np.float32)
        moved.append(replace(mesh, vertices=mesh.vertices + shift))
    return moved


def draw_points(
    axes: Axes, image: np.ndarray, points_image: np.ndarray, label: str | None = None
) -> None:
    """Draw points over the image that they belong to.

    Args:
        axes: matplotlib axes to draw on.
        image: (H, W, 3) RGB in 0..1.
        points_image: (P, 2 or 3) px, x right, y down, origin at the top-left pixel's centre.
        label: name for the legend.
    """
    axes.imshow(np.clip(image, 0, 1))
    axes.scatter(points_image[:, 0], points_image[:, 1], s=8, color="#d55e00", label=label)
    axes.set(xlabel="x, image frame [px]", ylabel="y, image frame [px]")


def draw_position_map(position_map: np.ndarray, coverage: np.ndarray, unit: str = "px") -> Figure:
    """Draw a position map's three channels, each with its colour bar.

    Args:
        position_map: (S, S, 3), indexed [v, u], holding x, y, z.
        coverage: (S, S) bool, False where the map holds no face point (drawn white).
        unit: of the three channels, for the colour bars.

    Returns:
        The figure.
    """
    figure, axes = plt.subplots(1, 3, figsize=(10, 3.2), layout="constrained")
    for channel, (axis, name) in enumerate(zip(axes, "xyz", strict=True)):
        shown = np.where(coverage, position_map[..., channel], np.nan)
        picture = axis.imshow(shown, cmap="viridis", extent=(0, 1, 1, 0))
        axis.set(title=f"{name}(u, v)", xlabel="u", ylabel="v")
        figure.colorbar(picture, ax=axis, label=f"{name} [{unit}]", shrink=0.8)
    return figure


def draw_steps(steps: Mapping[str, np.ndarray], photo_px: int, n_on_photo: int) -> Figure:
    """Draw a cloud of points after each of several transforms, coloured by z.

    Args:
        steps: title → (N, 3) points; the last is in the image frame, y down.
        photo_px: side of the photo, whose frame is dotted.
        n_on_photo: number of last steps that are in the photo's frame.
    """
    figure, row = plt.subplots(1, len(steps), figsize=(9.5, 3), layout="constrained")
    for axes, (title, points) in zip(row, steps.items(), strict=True):
        x, y, z = points[np.argsort(points[:, 2])].T
        axes.scatter(x, y, c=z, s=1)
        axes.set_title(title, fontsize=9)
        axes.set(aspect="equal", xlabel="x")
        axes.tick_params(labelsize=7)
    for axes in row[len(row) - n_on_photo :]:
        frame = plt.Rectangle((0, 0), photo_px, photo_px, fill=False, ls=":", ec="0.4")
        axes.add_patch(frame)
        axes.set(xlim=(-15, photo_px + 15), ylim=(-15, photo_px + 15))
    row[-1].invert_yaxis()
    row[0].set_ylabel("y")
    return figure


def _check_scene(meshes: Sequence[Mesh], alt: str, frame: str, values: np.ndarray | None) -> None:
    if frame not in AXES_OF_FRAME:
        raise ValueError(f"frame must be one of {', '.join(AXES_OF_FRAME)}, got {frame!r}")
    if not alt.strip():
        raise ValueError("alt must describe the picture, got an empty text")
    if not meshes:
        raise ValueError("meshes must hold at least one mesh, got none")
    if values is not None and np.shape(values) != (len(meshes[0].vertices),):
        expected = (len(meshes[0].vertices),)
        raise ValueError(f"values must have shape {expected}, got {np.shape(values)}")


def _upright_points(points: np.ndarray, frame: str) -> np.ndarray:
    # k3d's world is right-handed with y up; the image frame's y points down.
    return points * np.array([1, -1, 1], np.float32) if frame == "image" else np.asarray(points)


def _upright(mesh: Mesh, frame: str) -> Mesh:
    return replace(mesh, vertices=_upright_points(mesh.vertices, frame))


def _new_plot(axes: Sequence[str], camera: Sequence[float], height: int) -> k3d.Plot:
    plot = k3d.plot(
        axes=[rf"\text{{{name}}}" for name in axes],
        height=height,
        camera_auto_fit=False,
        camera_fov=FIELD_OF_VIEW_DEG,
        background_color=0xFFFFFF,
        grid_color=0xDDDDDD,
        label_color=0x444444,
        grid_visible=False,  # in the book, the key A shows it
        menu_visibility=False,
        axes_helper=0,
    )
    plot.camera = list(camera)
    return plot


def _k3d_mesh(
    mesh: Mesh,
    color: Sequence[float],
    wireframe: bool,
    values: np.ndarray | None,
    value_range: tuple[float, float] | None,
) -> k3d.objects.Mesh:
    options = {"flat_shading": False, "side": "double", "wireframe": wireframe}
    if values is not None:
        low, high = _value_range(values, value_range)
        options |= {
            "attribute": np.asarray(values, np.float32),
            "color_map": k3d.matplotlib_color_maps.Viridis,
            "color_range": [low, high],
        }
    elif mesh.texture is not None and mesh.uv is not None:
        options |= {
            "texture": _png(mesh.texture),
            "texture_file_format": "png",
            # k3d reads a texture from its top row down, as v does here: no flip.
            "uvs": np.asarray(mesh.uv, np.float32),
        }
    elif mesh.colors is not None:
        options["colors"] = _packed(mesh.colors)
    else:
        options["color"] = int(_packed(np.array([color]))[0])
    vertices = np.asarray(mesh.vertices, np.float32)
    return k3d.mesh(vertices, np.asarray(mesh.triangles, np.uint32), **options)


def _k3d_points(points: np.ndarray, meshes: Sequence[Mesh]) -> k3d.objects.Points:
    extent = np.ptp(np.concatenate([mesh.vertices for mesh in meshes]), axis=0).max()
    return k3d.points(
        np.asarray(points, np.float32), point_size=float(extent) / 60, color=POINT_COLOR
    )


def _value_range(
    values: np.ndarray, value_range: tuple[float, float] | None
) -> tuple[float, float]:
    return value_range or (float(np.min(values)), float(np.max(values)))


def _legend(low: float, high: float, unit: str) -> str:
    """Return the bar that stands below a mesh in the book, where it covers nothing."""
    shades = ", ".join(to_hex(color) for color in plt.get_cmap("viridis")(np.linspace(0, 1, 9)))
    return (
        f'<div class="mesh-legend">{low:.3g} <i style="background:linear-gradient(to right, '
        f'{shades})"></i> {high:.3g} {html.escape(unit)}</div>'
    )


def _packed(colors: np.ndarray) -> np.ndarray:
    levels = to_uint8(colors).astype(np.uint32)
    return (levels[:, 0] << 16) | (levels[:, 1] << 8) | levels[:, 2]


def _painted(
    mesh: Mesh,
    index: int,
    values: np.ndarray | None,
    value_range: tuple[float, float] | None,
) -> Mesh:
    """Return the mesh with one colour per vertex, from its texture or its colours."""
    if values is not None:
        low, high = _value_range(values, value_range)
        share = (np.asarray(values) - low) / max(high - low, 1e-12)
        return replace(mesh, colors=plt.get_cmap("viridis")(share)[:, :3])
    colors = vertex_colors(mesh)
    if colors is None:
        colors = np.tile(MESH_COLORS[index % len(MESH_COLORS)], (len(mesh.vertices), 1))
    return replace(mesh, colors=colors)


def _png(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(to_uint8(image)).save(buffer, "PNG")
    return buffer.getvalue()
