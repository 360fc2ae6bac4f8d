"""A report on one reconstruction: a single web page that works from disk and requests nothing.

It shows the head, movable; the fit over the photos; how sure it is, where; the maps behind it; and
how to take better photos.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from string import Template

import numpy as np

from facelib.files.atomic import replacing
from facelib.geometry.transforms import pose_from_rotation
from facelib.show.colors import color_scale, hex_color, viridis
from facelib.show.head_view import HeadView, viewer_script
from facelib.show.report_advice import ALWAYS, advice_on
from facelib.show.report_content import ReportContent, ReportPhoto
from facelib.show.report_pictures import (
    camera_plan,
    data_url,
    depth_and_normals,
    overlay,
    painted_page,
    portraits,
    position_map_picture,
)

FULL_FRAME_MM = 43.27  # diagonal of a 35 mm film frame, to which equivalent focal lengths relate
PORTRAIT_YAWS_DEG = (0.0, -40.0, 90.0)
SCALE_STEP_MM = 0.5  # the colours of deviations begin and end at multiples of it


def write_report(path: Path | str, content: ReportContent) -> None:
    """Write the report as one HTML file, whole or not at all.

    Raises:
        OSError: if the file cannot be written.
    """
    page = report_html(content)
    with replacing(Path(path)) as temporary:
        temporary.write_text(page, encoding="utf-8")


def report_html(content: ReportContent) -> str:
    """Return the report's page."""
    makers = {
        "head": ("The head", _head),
        "photos": ("On the photos", _on_photos),
        "certainty": ("Where it is sure", _certainty),
        "maps": ("Depth, normals, position map", _maps),
        "cameras": ("Cameras", _cameras),
        "keypoints": ("Keypoints", _keypoints),
        "time": ("Time", _time),
        "advice": ("Better photos", _advice),
    }
    sections = {name: (title, make(content)) for name, (title, make) in makers.items()}
    shown = {name: both for name, both in sections.items() if both[1]}
    facts = "".join(f"<li>{_text(k)}: {_text(v)}</li>" for k, v in content.facts.items())
    template = (resources.files("facelib.show") / "page" / "report.html").read_text("utf-8")
    return Template(template).substitute(
        title=f"A head from {_photos_in_words(content)}",
        summary=_summary(content),
        contents="".join(f'<li><a href="#{n}">{title}</a></li>' for n, (title, _) in shown.items()),
        sections="\n".join(
            f'<section id="{name}" aria-labelledby="{name}-title">'
            f'<h2 id="{name}-title">{title}</h2>\n{body}</section>'
            for name, (title, body) in shown.items()
        ),
        facts=f"<ul>{facts}</ul>" if facts else "",
        script=viewer_script(),
    )


def _text(value: object) -> str:
    return html.escape(str(value))


def _photos_in_words(content: ReportContent) -> str:
    return "one photo" if len(content.photos) == 1 else "two photos"


def _figure(picture: str, caption: str) -> str:
    return f"<figure>{picture}<figcaption>{caption}</figcaption></figure>"


def _image(url: str, alt: str, kind: str = "") -> str:
    return f'<img class="{kind}" src="{url}" alt="{_text(alt)}">'


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> str:
    """Return a table whose first column names the rows; cells are HTML already."""
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    body = "".join(
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in rest)}</tr>'
        for first, *rest in rows
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{caption}"><table>'
        f"<caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _summary(content: ReportContent) -> str:
    names = " and ".join(
        f"<strong>{_text(photo.file_name)}</strong> ({photo.view})" for photo in content.photos
    )
    lead = f"Built from {names}."
    if content.head_deviations_mm is not None:
        regions = content.region_deviations_mm
        error = regions.get("face", float(np.mean(content.head_deviations_mm)))
        lead += f" A point of the face is estimated to be off by {error:.1f} mm."
    if not content.warnings:
        return f'<p class="lead">{lead}</p>'
    warned = "".join(f"<p><strong>Please look:</strong> {_text(w)}</p>" for w in content.warnings)
    return f'<p class="lead">{lead}</p><div class="alert" role="note">{warned}</div>'


def _head(content: ReportContent) -> str:
    layers, explained = {"Plain grey": ""}, []
    for layer in content.layers:
        layers[layer.name] = data_url(layer.picture, lossless=True)
        explained.append(f"<p><strong>{_text(layer.name)}</strong>: {_text(layer.text)}</p>")
        explained.append(_legend(layer.legend))
    if content.head_deviations_mm is not None:
        low, high = _deviation_range(content)
        colors = viridis(content.head_deviations_mm, low, high)
        layers["How sure"] = data_url(painted_page(content.head, colors))
        explained.append(
            "<p><strong>How sure</strong>: bright where a point may be far off, dark where it is "
            f"precise.</p>{color_scale(low, high, 'mm', 'estimated error on the head')}"
        )
    still = data_url(portraits(content.head, content.normals_head, PORTRAIT_YAWS_DEG))
    alt = f"The textured head, built from {_photos_in_words(content)}."
    return HeadView(content.glb, still, alt, layers).to_html() + "".join(explained)


def _legend(entries: Sequence[tuple[Sequence[float], str]]) -> str:
    items = "".join(
        f'<li><span class="swatch" style="background:{hex_color(np.array(color))}"></span>'
        f"{_text(words)}</li>"
        for color, words in entries
    )
    return f'<ul class="legend">{items}</ul>'


def _on_photos(content: ReportContent) -> str:
    figures = "".join(
        _figure(
            overlay(
                content,
                photo,
                f"The {photo.view} photo with the fitted face mesh and 68 keypoints over it",
            ),
            f"The {photo.view} photo, {_text(photo.file_name)}. Rings are keypoints that the head "
            f"itself hides. {_text(photo.note)}",
        )
        for photo in content.photos
    )
    switches = "".join(
        f'<label><input type="checkbox" id="show-{name}"{checked}> {name}</label> '
        for name, checked in (("mesh", " checked"), ("keypoints", " checked"), ("head", ""))
    )
    return (
        "<p>The lines should follow the rims of the eyes, the nose, the lips and the jaw. Where "
        "they do not, the head is wrong.</p>"
        f'<div class="overlays"><p class="switches">{switches}</p>'
        f'<div class="grid wide">{figures}</div></div>'
    )


def _deviation_range(content: ReportContent) -> tuple[float, float]:
    """Return the ends of the colours, mm; the highest twentieth of the vertices shares a colour."""
    ends = np.quantile(content.head_deviations_mm, [0, 0.95]) / SCALE_STEP_MM
    low = np.floor(ends[0]) * SCALE_STEP_MM
    return float(low), float(max(np.ceil(ends[1]) * SCALE_STEP_MM, low + SCALE_STEP_MM))


def _certainty(content: ReportContent) -> str:
    if content.head_deviations_mm is None:
        return ""
    low, high = _deviation_range(content)
    colors = viridis(content.head_deviations_mm, low, high)
    picture = data_url(portraits(content.head, content.normals_head, PORTRAIT_YAWS_DEG, colors))
    scale = color_scale(low, high, "mm", "estimated error")
    regions = content.region_deviations_mm.items()
    table = _table(
        ("region", "mm"),
        [(_text(name), f"{value:.1f}") for name, value in regions],
        "Estimated error by region, the mean over its points",
    )
    return _figure(
        _image(picture, "The head three times, coloured by its estimated error", "paper") + scale,
        "Standard deviation of each point, its three axes together. It includes the size of the "
        "head, which photos do not show. What no photo shows, such as the back of the head, is the "
        "most likely one for this face.",
    ) + (table if regions else "")


def _maps(content: ReportContent) -> str:
    front = content.photos[0]
    figures = []
    if front.camera is not None:
        depth, normals, (farthest, _) = depth_and_normals(content, front)
        figures.append(
            _figure(
                _image(data_url(depth), "Depth of the head in the front photo", "square paper")
                + color_scale(-farthest, 0, "mm", "depth from the nearest point"),
                "Depth, seen from the front camera.",
            )
        )
        figures.append(
            _figure(
                _image(data_url(normals), "Normals of the head in the front photo", "square paper"),
                "Normals: red to the right, green up, blue toward the camera.",
            )
        )
    picture = position_map_picture(content.position_map, content.covered)
    size = len(content.position_map)
    figures.append(
        _figure(
            _image(data_url(picture), "The face's position map", "square paper"),
            f"The position map, {size} × {size}: each texel of the unwrapped face holds its place "
            "x, y, z in the crop of the front photo, here as red, green, blue.",
        )
    )
    return f'<div class="grid">{"".join(figures)}</div>'


def _cameras(content: ReportContent) -> str:
    photos = [photo for photo in content.photos if photo.camera is not None]
    if not photos:
        return ""
    rows = zip(*(_camera_column(photo) for photo in photos), strict=True)
    names = ("yaw", "pitch", "roll", "distance", "focal length", "face")
    table = _table(
        ("", *(photo.view for photo in photos)),
        [(name, *cells) for name, cells in zip(names, rows, strict=True)],
        "The cameras, as fitted",
    )
    plan = _figure(
        camera_plan(photos),
        "Seen from above, the nose points down. Distances are drawn by their square root.",
    )
    return (
        "<p>A positive yaw rotates the face to the picture’s right, a positive pitch tilts it up. "
        "Distance and focal length can hardly be told apart in a photo: only their ratio, the size "
        f'of the face, is certain.</p><div class="grid wide">{table}{plan}</div>'
    )


def _camera_column(photo: ReportPhoto) -> Iterator[str]:
    camera = photo.camera
    pitch, yaw, roll = np.degrees(pose_from_rotation(camera.rotation))
    yield from (f"{round(angle)}°".replace("-", "−") for angle in (yaw, pitch, roll))
    if camera.focal_px is None:
        yield from ("–", "–")
    else:
        yield f"{np.linalg.norm(camera.translation_eye) / 1000:.2f} m"
        height, width = photo.pixels.shape[:2]
        equivalent = camera.focal_px / np.hypot(width, height) * FULL_FRAME_MM
        source = "from the file" if photo.focal_known else "estimated"
        yield f"{equivalent:.0f} mm <small>(35 mm equivalent, {source})</small>"
    yield f"{camera.scale:.2f} px per mm"


def _keypoints(content: ReportContent) -> str:
    heads = ["number"]
    for photo in content.photos:
        heads += [f"{photo.view} x", f"{photo.view} y"]
    places = np.concatenate([photo.keypoints_image[:, :2] for photo in content.photos], axis=1)
    rows = [(str(number), *(f"{c:.1f}" for c in row)) for number, row in enumerate(places)]
    table = _table(heads, rows, "68 keypoints in iBUG’s order, pixels of the photos")
    return f"<details><summary>Table of the 68 keypoints</summary>{table}</details>"


def _time(content: ReportContent) -> str:
    if not content.seconds:
        return ""
    total = sum(content.seconds.values())
    rows = [
        (_text(step), f"{1000 * seconds:.0f} ms", f"{seconds / total:.0%}")
        for step, seconds in content.seconds.items()
    ]
    rows.append(("together", f"{1000 * total:.0f} ms", "100%"))
    return _table(("step", "time", "share"), rows, "How long each step took")


def _advice(content: ReportContent) -> str:
    found = advice_on(content)
    own = "".join(f"<li>{_text(each)}</li>" for each in found)
    lead = f"<p>For these photos:</p><ul>{own}</ul><p>In general:</p>" if found else ""
    return lead + f"<ul>{''.join(f'<li>{_text(each)}</li>' for each in ALWAYS)}</ul>"
