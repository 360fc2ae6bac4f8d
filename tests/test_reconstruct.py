"""Reconstruction with a network whose output is known: crops, frames, textures."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.spatial import cKDTree
from toy_face import Constant, dome, toy_layout

import facelib
from facelib.detect.faces import NoFaceError, detection_from_box, find_face
from facelib.face.headmodel import load_head
from facelib.face.layout import load_layout
from facelib.geometry.mesh import Mesh
from facelib.geometry.meshfiles import read_mesh
from facelib.imaging.crop import Crop
from facelib.networks.base import FaceNetwork
from facelib.networks.convention import POSITION_SCALE
from facelib.reconstruction.crops import FRONT_BOX, SIDE_BOX, crop_from_detection
from facelib.reconstruction.face_mesh import face_mesh
from facelib.reconstruction.face_picture import face_picture
from facelib.reconstruction.mesh_settings import MeshSettings
from facelib.reconstruction.position_maps import NoSideError, predict_position_maps
from facelib.reconstruction.reconstruct import reconstruct
from facelib.reconstruction.report import report_content
from facelib.reconstruction.summary import in_words, summary
from facelib.reconstruction.texture import sample_texture
from facelib.render.camera import Camera
from facelib.render.render import Light, render
from facelib.synthetic.samples import make_pair
from facelib.synthetic.settings import SyntheticSettings

LAYOUT = toy_layout(64)


def gradient(height, width):
    """A photo whose red is x and whose green is y."""
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    return np.stack([columns / width, rows / height, np.full_like(rows, 0.5)], axis=-1)


def run(network, front=None, **options):
    front = gradient(200, 300) if front is None else front
    box = detection_from_box((100, 60, 180, 150))
    return build(front, front, network, front_face=box, side_face=box, **options)


def build(front, side, network, **options):
    return reconstruct(front, side, network, layout_of=toy_layout, **options)


def test_network_sees_front_then_side_and_answers_in_pixels():
    class Probe(FaceNetwork):
        name = "probe"

        def forward(self, photos, has_side=None):
            assert not self.training
            return torch.stack([photos[:, 0], photos[:, 4], photos[:, 5]], dim=1)

    fronts, sides = np.random.default_rng(0).random((2, 3, 8, 8, 3), dtype=np.float32)
    probe = Probe().train()
    maps = predict_position_maps(probe, fronts, sides) / np.float32(8 * POSITION_SCALE)
    np.testing.assert_allclose(maps[..., 0], fronts[..., 0], rtol=1e-6)
    np.testing.assert_allclose(maps[..., 1:], sides[..., 1:], rtol=1e-6)
    assert probe.training


@pytest.mark.parametrize("side_photo", ["optional", "unused"])
def test_a_network_that_can_do_without_a_side_gets_the_front_alone(side_photo):
    class Probe(Constant):
        def forward(self, photos, has_side=None):
            assert photos.shape[1] == 3
            return super().forward(photos)

    network = Probe(dome((30, 33), 40), LAYOUT)
    network.side_photo = side_photo
    box = detection_from_box((100, 60, 180, 150))
    result = build(gradient(200, 300), None, network, front_face=box)
    assert result.side_crop is None
    network.side_photo = "needed"
    with pytest.raises(NoSideError, match="constant"):
        build(gradient(200, 300), None, network, front_face=box)


@pytest.mark.parametrize("shape", [(8, 8, 3), (1, 8, 9, 3), (1, 8, 8, 4)])
def test_crops_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match="must be"):
        predict_position_maps(torch.nn.Identity(), np.zeros(shape), np.zeros(shape))


def test_vertices_return_to_the_photo_through_the_crop():
    vertices_crop = dome((30, 33), 40)
    network = Constant(vertices_crop, LAYOUT)
    result = run(network, n_rounds=1)
    expected = result.front_crop.crop_to_image(vertices_crop)
    np.testing.assert_allclose(result.vertices_image, expected, atol=0.01)
    np.testing.assert_allclose(result.keypoints_image, LAYOUT.keypoints(expected), atol=0.01)
    assert network.calls == 1


def test_second_crop_is_the_one_around_the_predicted_keypoints():
    network = Constant(dome((30, 33), 40), LAYOUT)
    first, second = run(network, n_rounds=1), run(network, n_rounds=2)
    expected = Crop.around_keypoints(first.keypoints_image, LAYOUT.size)
    np.testing.assert_allclose(second.front_crop.centre_px, expected.centre_px, atol=0.05)
    assert second.front_crop.size_px == pytest.approx(expected.size_px, rel=1e-3)


@pytest.mark.parametrize(
    "vertices_crop", [dome((60, 5), 20), dome((31, 31), 4), np.zeros((144, 3))]
)
def test_absurd_prediction_does_not_move_the_crop(vertices_crop):
    network = Constant(vertices_crop, LAYOUT)
    assert run(network).front_crop == run(network, n_rounds=1).front_crop


def test_a_mapped_face_becomes_an_upright_right_handed_mesh_in_metres():
    result = run(Constant(dome((30, 33), 40), LAYOUT))
    mesh = face_mesh(gradient(200, 300), result.vertices_image, LAYOUT, 64, interocular_mm=63.0)
    a, b, c = (mesh.vertices[mesh.triangles[:, i]] for i in range(3))
    assert (np.cross(b - a, c - a)[:, 2] > 0).all()  # all toward the camera
    assert mesh.texture.shape == (64, 64, 3)
    eyes = [result.keypoints_image[36:42].mean(0), result.keypoints_image[42:48].mean(0)]
    px = np.linalg.norm(eyes[1] - eyes[0])
    np.testing.assert_allclose(
        np.ptp(mesh.vertices, axis=0), 0.063 * np.ptp(result.vertices_image, axis=0) / px, rtol=1e-4
    )
    np.testing.assert_allclose(mesh.vertices.min(axis=0), -mesh.vertices.max(axis=0), atol=1e-6)
    top = result.vertices_image[:, 1].argmin()
    assert mesh.vertices[top, 1] == mesh.vertices[:, 1].max()  # y points up


def test_texture_holds_the_colours_under_the_vertices():
    photo, vertices = gradient(200, 300), dome((140, 105), 60)
    texture = sample_texture(photo, vertices, LAYOUT)
    truth = LAYOUT.position_map(vertices)[LAYOUT.coverage]
    np.testing.assert_allclose(texture[LAYOUT.coverage][:, 0], truth[:, 0] / 300, atol=0.005)
    np.testing.assert_allclose(texture[LAYOUT.coverage][:, 1], truth[:, 1] / 200, atol=0.005)
    outside = texture[~LAYOUT.coverage]
    assert outside[:, 0].min() > 0.3, "the rim repeats the face's colours"


def test_texture_of_a_large_photo_is_averaged_not_picked():
    stripes = np.zeros((400, 600, 3), dtype=np.float32)
    stripes[:, ::2] = 1  # far finer than a texture pixel
    texture = sample_texture(stripes, dome((300, 200), 380), LAYOUT)
    assert np.abs(texture[LAYOUT.coverage] - 0.5).max() < 0.2


def test_face_partly_outside_the_photo_still_gets_a_texture():
    texture = sample_texture(gradient(200, 300), dome((5, 5), 60), LAYOUT)
    assert np.isfinite(texture).all()


def test_inputs_are_left_alone():
    front = gradient(200, 300)
    before = front.copy()
    run(Constant(dome((30, 33), 40), LAYOUT), front)
    np.testing.assert_array_equal(front, before)


def test_missing_face_names_the_photo():
    blank = np.zeros((64, 64, 3), dtype=np.float32)
    network = Constant(dome((30, 33), 40), LAYOUT)
    with pytest.raises(NoFaceError, match="no face found in the side photo"):
        build(blank, blank, network, front_face=(10, 10, 50, 50))


@pytest.fixture(scope="module")
def two_files(tmp_path_factory):
    """A rendered pair as files, and boxes around the faces, which fill the photos."""
    folder, pair = tmp_path_factory.mktemp("pair"), make_pair(3, SyntheticSettings(256, seed=2))
    for view, photo in (("front", pair.front), ("side", pair.side)):
        Image.fromarray(photo).save(folder / f"{view}.png")
    return folder, {"front_face": (45, 20, 210, 205), "side_face": (45, 20, 210, 205)}


@pytest.fixture(scope="module")
def rendered_face(two_files):
    """A newcomer's call: two files, the shipped network."""
    folder, boxes = two_files
    return facelib.reconstruct(folder / "front.png", str(folder / "side.png"), **boxes)


def test_the_door_takes_files_and_gives_a_head_with_all_that_is_known(rendered_face, tmp_path):
    face = rendered_face
    assert [found.photo.name for found in face.photos] == ["front.png", "side.png"]
    assert face.shape.shape == (60,) and set(face.expression) == set(load_head().expression_names)
    assert face.position_map.shape == (192, 192, 3) and face.keypoints_image.shape == (68, 3)
    assert (face.deviations_mm > 0).all() and sum(face.seconds.values()) > 0
    front, side = face.cameras
    drawn = front.head_to_image(face.fit.vertices_head)[:, :2]
    np.testing.assert_allclose(drawn, face.vertices_image[:, :2], atol=0.01)
    assert (side.width, side.height) == (256, 256)
    face.save(tmp_path / "me.glb", detail=0, texture_size=256)
    assert face.texture(256).pixels.shape == (256, 256, 3)
    written = read_mesh(tmp_path / "me.glb")
    assert 0.2 < np.ptp(written.vertices[:, 1]) < 0.4  # m, chin to crown and some neck


def test_a_report_has_the_head_over_both_photos_and_says_how_sure_it_is(rendered_face):
    content = report_content(rendered_face, MeshSettings(detail=0, texture_size=256))
    assert content.glb.startswith(b"glTF")
    assert content.head_deviations_mm.shape == (len(content.head.vertices),)
    # The estimates of the head's surface and of the layout are the same where both are the face.
    surface = np.median(content.head_deviations_mm)
    assert 0.5 < surface / np.median(rendered_face.deviations_mm) < 4
    side = content.photos[1]
    seen = rendered_face.photos[1]
    found = seen.crop.crop_to_image(seen.seen.places_image[:68])
    off = np.linalg.norm(side.keypoints_image[:, :2] - found, axis=1)
    assert np.median(off) < 6  # px of 256: the common head's points lie on those of the network
    shares = content.layers[0].picture
    assert shares.shape == (512, 512, 3) and 0 <= shares.min() and shares.max() <= 1


def test_a_report_shows_the_head_at_the_size_that_the_cameras_saw(rendered_face):
    settings = MeshSettings(detail=0, texture_size=256, interocular_mm=100)
    head = report_content(rendered_face, settings).head
    fitted = rendered_face.fit.prior.vertices(rendered_face.fit.coefficients)
    apart_mm, _ = cKDTree(head.vertices).query(fitted)
    assert np.median(apart_mm) < 1  # the surface is a little smoother than the model


def test_a_summary_is_plain_and_has_the_keys_that_it_documents(rendered_face):
    told = summary(rendered_face, MeshSettings(), ["me.glb"])
    assert json.loads(json.dumps(told)) == told
    documented = set(re.findall(r"^        (\w+):", summary.__doc__, re.MULTILINE)) - {"result"}
    assert documented >= told.keys()
    camera = told["photos"][1]["camera"]
    assert abs(camera["yaw_deg"]) > 45 and camera["distance_mm"] > 300
    assert in_words(rendered_face, MeshSettings(), ["me.glb"]).startswith("wrote me.glb")


def test_the_picture_of_faces_has_all_photos_below_each_other(rendered_face):
    picture = face_picture(rendered_face.photos)
    assert picture.dtype == np.uint8 and picture.shape[1:] == (256, 3)
    assert 512 < picture.shape[0] < 540


def test_pixels_and_files_give_the_same_face(two_files):
    folder, boxes = two_files
    with Image.open(folder / "front.png") as picture:
        pixels = np.asarray(picture)
    box = {"front_face": boxes["front_face"]}
    answers = [
        facelib.reconstruct(photo, **box).vertices_image
        for photo in (folder / "front.png", pixels, pixels.astype(np.float32) / 255)
    ]
    np.testing.assert_allclose(answers[1], answers[0], atol=1e-3)
    # Floats are rounded elsewhere than bytes, and the fit makes more of it along the view axis.
    np.testing.assert_allclose(answers[2], answers[0], atol=0.02)


def test_a_mapped_face_refuses_in_one_sentence_what_only_a_head_can_do(tmp_path):
    result = run(Constant(dome((30, 33), 40), LAYOUT))
    for wish in ({"part": "head"}, {"rig": True}, {"expression": "neutral"}, {"detail": 2}):
        with pytest.raises(ValueError, match=f"cannot do {next(iter(wish))}"):
            result.save(tmp_path / "me.glb", **wish)
    result.save(tmp_path / "me.glb", part="face", texture_size=64)
    assert len(read_mesh(tmp_path / "me.glb").vertices) == len(LAYOUT.uv)


def test_the_door_can_be_found_without_loading_what_is_behind_it():
    code = "import sys, facelib; dir(facelib); sys.exit('numpy' in sys.modules)"
    assert "reconstruct" in dir(facelib)
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    with pytest.raises(AttributeError, match="no attribute 'reconstuct'"):
        facelib.reconstuct  # noqa: B018


def test_crop_of_a_box_is_square_and_follows_it():
    one = crop_from_detection(detection_from_box((10, 20, 50, 80)), 64)
    moved = crop_from_detection(detection_from_box((110, 40, 190, 160)), 64)
    assert moved.size_px == pytest.approx(2 * one.size_px)
    np.testing.assert_allclose(
        np.subtract(moved.centre_px, [150, 100]), 2 * np.subtract(one.centre_px, [30, 50])
    )


@pytest.fixture(scope="module")
def coloured_head():
    """The shipped head with lips, brows and eyes dark enough for a detector."""
    head = load_head()
    colors = np.tile([0.8, 0.6, 0.5], (len(head.mean_head), 1))
    for region, color in {"lips": 0.4, "brows": 0.2, "eyeballs": 0.1, "scalp": 0.15}.items():
        colors[head.regions[region]] = color
    return head, colors


@pytest.mark.parametrize(
    ("yaw_deg", "pitch_deg", "box"),
    [
        (0, 0, FRONT_BOX),
        (-35, 8, FRONT_BOX),
        (20, -8, FRONT_BOX),
        (70, 5, SIDE_BOX),
        (-85, -5, SIDE_BOX),
    ],
)
def test_detected_crop_is_within_the_jitter_of_the_keypoint_crop(
    coloured_head, yaw_deg, pitch_deg, box
):
    head, colors = coloured_head
    camera = Camera.perspective(np.deg2rad([pitch_deg, yaw_deg, 4]), 800.0, 800.0, 400, 400)
    lights = [Light(np.array([0.3, 0.5, 1.0]), np.full(3, 0.6))]
    mesh = Mesh(head.mean_head, head.triangles, colors=colors)
    photo = render(mesh, camera, lights, ambient=np.full(3, 0.4), background=np.full(3, 0.5)).image
    keypoints = camera.head_to_image(head.keypoints(head.mean_head))
    expected = Crop.around_keypoints(keypoints, 64)
    crop = crop_from_detection(find_face(photo), 64, box)
    box_side = expected.size_px / 1.5
    shift = np.subtract(crop.centre_px, expected.centre_px) / box_side
    limit = 0.1 if box is FRONT_BOX else 0.15  # profiles are harder to box
    assert np.abs(shift).max() < limit
    assert abs(np.log(crop.size_px / expected.size_px)) < limit


def test_true_answer_lays_the_shipped_layout_on_the_photo(coloured_head):
    head, colors = coloured_head
    layout = load_layout(256)
    camera = Camera.perspective(np.deg2rad([0, 15, 0]), 800.0, 800.0, 400, 400)
    mesh = Mesh(head.mean_head, head.triangles, colors=colors)
    photo = render(mesh, camera, [], ambient=np.ones(3), background=np.zeros(3)).image
    truth = camera.head_to_image(layout.from_head @ head.mean_head)
    truth[:, 2] -= truth[:, 2].min()
    detection = find_face(photo)
    crop = crop_from_detection(detection, 256)
    network = Constant(crop.image_to_crop(truth), layout)
    result = reconstruct(
        photo, photo, network,
        front_face=detection, side_face=detection, n_rounds=1,
    )  # fmt: skip
    assert np.linalg.norm(result.vertices_image - truth, axis=1).max() < 1.0
    true_keypoints = camera.head_to_image(head.keypoints(head.mean_head))
    assert np.abs(result.keypoints_image - true_keypoints)[:, :2].max() < 1.0
    lips = layout.label_map("mouth") > 0.99
    skin = (layout.label_map("face") > 0.99) & (layout.label_map("mouth") < 0.01)
    texture = face_mesh(photo, result.vertices_image, layout, 256, interocular_mm=63.0).texture
    red_over_green = texture[..., 0] / texture[..., 1].clip(0.01)
    assert np.median(red_over_green[skin]) == pytest.approx(0.8 / 0.6, rel=0.02)
    assert np.median(red_over_green[lips]) < 1.2
