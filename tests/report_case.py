"""A reconstruction whose head, cameras and photos are known, for the tests of the report."""

from functools import cache

import numpy as np

from facelib.avatar.rig import head_asset
from facelib.avatar.surface import head_surface
from facelib.face.headmodel import load_head
from facelib.face.layout import load_layout
from facelib.geometry.gltf import glb_bytes
from facelib.geometry.mesh import Mesh, vertex_normals
from facelib.imaging.imagefiles import to_uint8
from facelib.render.camera import Camera
from facelib.render.render import Light, render
from facelib.show.report_content import ReportContent, ReportPhoto, SurfaceLayer

VIEWS = {"front": 5.0, "side": -80.0}  # yaws, degrees
BACKGROUND = (0.2, 0.3, 0.2)
LIGHT = Light(np.array([0.2, 0.3, 1.0]), np.full(3, 0.6))


@cache
def known_content(size=256):
    """Everything that a report shows of the mean head; photos are `size` px wide and high."""
    model, layout = load_head(), load_layout(64)
    rows, columns = np.mgrid[:64, :64] / np.float32(64)
    texture = np.stack([0.6 + 0 * rows, 0.3 + 0.3 * rows, 0.3 + 0.3 * columns], axis=-1)
    head = Mesh(model.mean_head, model.triangles, model.uv, texture)
    face = layout.from_head @ model.mean_head
    photos = []
    for view, yaw in VIEWS.items():
        pose = (0.0, np.radians(yaw), 0.0)
        camera = Camera.perspective(pose, 1200.0, 5.0 * size, size, size)
        seen = camera.head_to_image(face)
        picture = render(head, camera, [LIGHT], background=BACKGROUND).image
        photo = ReportPhoto(view, f"{view}.jpg", picture, seen, layout.keypoints(seen), camera)
        photos.append(photo)
    return ReportContent(
        glb=b"glTF",
        head=head,
        normals_head=vertex_normals(head.vertices, head.triangles),
        photos=tuple(photos),
        face_triangles=layout.triangles,
        position_map=layout.position_map(photos[0].vertices_image),
        covered=layout.coverage,
        head_deviations_mm=np.linspace(0.6, 4.0, len(head.vertices)),
        region_deviations_mm={"nose": 1.25, "face": 1.5},
        layers=(SurfaceLayer("Sources", texture, (((1, 0, 0), "front"),), "where it is from"),),
        seconds={"read": 0.2, "fit": 0.05},
        facts={"network": "dense"},
    )


@cache
def known_glb():
    """The mean head as it is given away, coarse, with its rig."""
    model, surface = load_head(), head_surface(0)
    texture = to_uint8(known_content().head.texture)
    neutral = np.zeros(len(model.expression_names))
    return glb_bytes(head_asset(model, surface, np.zeros(0), neutral, texture), "head")
