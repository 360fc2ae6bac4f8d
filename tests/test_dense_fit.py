"""From photos over dense points to one head: exact with an exact network, and a position map."""

import numpy as np
import pytest
import skimage.data
import torch

from facelib.detect.faces import find_face
from facelib.evaluation.metrics import shape_error_mm
from facelib.face.dense_points import load_dense_points
from facelib.face.layout import load_layout
from facelib.files.atomic import sha256
from facelib.files.paths import data_file
from facelib.fitting.fit import AGREE_ABOVE
from facelib.fitting.trials import held_out_head, see_head
from facelib.imaging.crop import Crop
from facelib.networks.dense import Dense, save_dense
from facelib.networks.found_points import FoundPoints
from facelib.networks.onnx_export import export_model, write_model
from facelib.networks.onnx_network import open_network
from facelib.reconstruction.crops import FRONT_BOX, SIDE_BOX, crop_from_detection
from facelib.reconstruction.dense_fit import DenseFit
from facelib.reconstruction.loading import load_predictor
from facelib.reconstruction.position_maps import predict_position_maps
from facelib.reconstruction.reconstruct import reconstruct
from facelib.render.camera import Camera

SIZE = 128
DEVIATION_PX = 0.25
POSES = (3, 10, 2), (2, 80, 0)  # front, side: pitch, yaw, roll in degrees
FACE = load_layout().labels["face"]


class ExactNetwork:
    """Answers where the points truly are in photos that show nothing but their own number."""

    name, engine = "dense", "nothing"

    def __init__(self, cameras, heads):
        dense = load_dense_points()
        self.places = np.stack(
            [
                camera.head_to_image(dense.matrix @ head)[:, :2]
                for camera, head in zip(cameras, heads, strict=True)
            ]
        )

    def find_points(self, photos):
        places = self.places[photos[:, SIZE // 2, SIZE // 2, 0].round().astype(int)]
        deviation = DEVIATION_PX**2 * np.eye(2)
        covariances = np.broadcast_to(deviation, (*places.shape, 2))
        return FoundPoints(places, covariances, np.full(places.shape[:2], 0.5))

    find_once = find_points


def numbered(*numbers):
    return np.stack([np.full((SIZE, SIZE, 3), number, np.float32) for number in numbers])


@pytest.fixture(scope="module")
def two_people():
    """Two heads with their cameras; photos 0 and 1 show the first one, 2 and 3 the second."""
    rng = np.random.default_rng(0)
    heads = [head for _ in range(2) for head in [held_out_head(rng)] * 2]
    points = np.arange(4)
    cameras = [
        see_head(rng, head, points, 0.01, pose, size=SIZE)[1]
        for head, pose in zip(heads, POSES * 2, strict=True)
    ]
    return heads, cameras, DenseFit(ExactNetwork(cameras, heads), SIZE)


def test_exact_points_give_the_head_of_the_photos(two_people):
    heads, cameras, dense_fit = two_people
    together = dense_fit.fit(dense_fit.see(numbered(0, 1)))
    assert shape_error_mm(together.vertices_head[FACE], heads[0][FACE]) < 0.3
    true_image = cameras[0].head_to_image(heads[0])[:, :2]
    assert np.abs(together.vertices_image[:, :2] - true_image)[FACE].max() < 0.5  # px


def test_points_come_in_px_with_the_deviation_that_the_network_said(two_people):
    _, _, dense_fit = two_people
    (seen,) = dense_fit.see(numbered(3))
    np.testing.assert_allclose(seen.places_image, dense_fit.network.places[3])
    np.testing.assert_allclose(seen.covariance_px2[5], np.eye(2) * DEVIATION_PX**2)
    np.testing.assert_allclose(seen.visibility, 0.5)


def test_position_maps_hold_the_fitted_vertices_with_and_without_side_photos(two_people):
    _, _, dense_fit = two_people
    fronts, sides, layout = numbered(0, 2), numbered(1, 3), load_layout(SIZE)
    for given in (None, sides):
        maps = predict_position_maps(dense_fit, fronts, given)
        seen = dense_fit.see(fronts[1:]) + ([] if given is None else dense_fit.see(given[1:]))
        vertices = dense_fit.fit(seen).vertices_image
        assert maps.shape == (2, SIZE, SIZE, 3) and maps.dtype == np.float32
        assert np.abs(layout.vertices(maps[1]) - vertices)[FACE].mean() < 0.05  # px
        assert vertices[:, 2].min() == pytest.approx(0.0, abs=1e-9)


def test_photos_of_one_person_agree_and_of_two_do_not(two_people):
    _, _, dense_fit = two_people
    first_front, first_side, _, second_side = dense_fit.see(numbered(0, 1, 2, 3))
    assert dense_fit.fit_pair(first_front, first_side).agreement > AGREE_ABOVE
    assert dense_fit.fit_pair(first_front, second_side).agreement < AGREE_ABOVE


def box_of_whole_photo(box_to_crop):
    """The detector's box for which the first crop is the whole photo."""
    side, middle = SIZE / box_to_crop.size, (SIZE - 1) / 2
    y = middle - box_to_crop.shift_y * side
    return middle - side / 2, y - side / 2, middle + side / 2, y + side / 2


def rebuild(dense_fit, front, side=None, **options):
    """Reconstruct photos of these numbers; the exact network needs crops of the whole photo."""
    photos = [None if number is None else numbered(number)[0] for number in (front, side)]
    faces = {"front_face": box_of_whole_photo(FRONT_BOX), "side_face": box_of_whole_photo(SIDE_BOX)}
    return reconstruct(*photos, dense_fit, n_rounds=1, **faces, **options)


def test_reconstruct_gives_the_fit_and_a_map_that_holds_its_vertices(two_people):
    heads, cameras, dense_fit = two_people
    face = rebuild(dense_fit, 0, 1)
    true_image = cameras[0].head_to_image(heads[0])[:, :2]
    assert np.abs(face.vertices_image[:, :2] - true_image)[FACE].max() < 0.5  # px
    drawn = load_layout(SIZE).position_map(face.front_crop.image_to_crop(face.vertices_image))
    assert np.abs(drawn - face.position_map).max() < 0.01  # px
    keypoints = load_layout(SIZE).keypoints(face.vertices_image)
    np.testing.assert_allclose(face.keypoints_image, keypoints, atol=0.01)
    np.testing.assert_allclose(face.fit.vertices_image, face.vertices_image, atol=0.01)


def test_a_side_photo_makes_vertices_more_certain(two_people):
    _, _, dense_fit = two_people
    alone, both = rebuild(dense_fit, 0), rebuild(dense_fit, 0, 1)
    assert alone.agreement is None and alone.side_crop is None
    assert alone.deviations_mm.shape == (len(FACE),)
    assert both.deviations_mm[FACE].mean() < alone.deviations_mm[FACE].mean()


@pytest.mark.parametrize(
    ("front", "side", "words"),
    [
        (0, 3, ["do not seem to show one face", "another person"]),
        (1, 0, ["swapped", "from the side (yaw 80°)"]),
        (0, 0, ["same direction", "yaw 10° and 10°"]),
        (0, 1, []),
    ],
)
def test_a_wrong_side_photo_gives_one_sentence(two_people, front, side, words, caplog):
    _, _, dense_fit = two_people
    face = rebuild(dense_fit, front, side)
    assert [r.getMessage() for r in caplog.records] == [d.sentence for d in face.doubts]
    # The exact network's photos are of one colour each.
    said = [doubt.sentence for doubt in face.doubts if doubt.kind != "faint"]
    assert len(said) == bool(words) and all(word in said[0] for word in words)


def test_swapped_photos_are_put_right(two_people):
    _, _, dense_fit = two_people
    right, wrong = rebuild(dense_fit, 0, 1), rebuild(dense_fit, 1, 0)
    assert [doubt.kind for doubt in wrong.doubts][:1] == ["swapped"]
    assert [found.view for found in wrong.photos] == ["front", "side"]
    np.testing.assert_array_equal(wrong.photos[0].photo.pixels, right.photos[0].photo.pixels)
    # Another face in a photo is chosen with the option of the place in which it was typed.
    assert [found.given_as for found in wrong.photos] == ["side", "front"]
    # Crops come from other boxes, so the points differ a little.
    np.testing.assert_allclose(wrong.fit.vertices_head, right.fit.vertices_head, atol=0.5)


def test_each_photo_is_seen_again_in_a_crop_around_its_own_keypoints(two_people):
    heads, cameras, dense_fit = two_people
    for number in (0, 1):
        points = load_dense_points().matrix @ heads[number]
        places = cameras[number].head_to_image(points)[:68, :2]
        crop, _ = dense_fit.look(numbered(number)[0], Crop.whole(SIZE, SIZE), n_rounds=2)
        expected = Crop.around_keypoints(places, SIZE)
        np.testing.assert_allclose(crop.centre_px, expected.centre_px, atol=1e-6)
        assert crop.size_px == pytest.approx(expected.size_px)


def test_the_middle_of_a_whole_photo_is_its_principal_point_in_the_crop(two_people):
    _, _, dense_fit = two_people
    photo = np.zeros((300, 400, 3), np.float32)
    photo[100:292, 40:232] = 1.0  # so that the exact network finds a number in it
    crop, unknown = dense_fit.look(photo, Crop((136.0, 196.0), 192.0, SIZE), n_rounds=1)
    assert unknown.principal_px is None and unknown.focal_px is None
    _, seen = dense_fit.look(photo, crop, n_rounds=1, focal_px=450.0)
    camera = Camera(
        np.eye(3), np.array([0, 0, -900.0]), 0.5, 400, 300, np.array([199.5, 149.5]), 450.0
    )
    cropped = camera.cropped(crop)
    np.testing.assert_allclose(seen.principal_px, cropped.centre_px)
    assert seen.focal_px == pytest.approx(cropped.focal_px)
    assert 0 < seen.focal_spread < unknown.focal_spread


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Weights of a `dense` whose every layer counts, beside their ONNX file."""
    torch.manual_seed(0)
    network = Dense()
    for look in network.looks:
        torch.nn.init.normal_(look.out.weight, std=0.01)
        torch.nn.init.normal_(look.own, std=0.01)
    path = tmp_path_factory.mktemp("weights") / "dense.safetensors"
    save_dense(path, network, {"size": 192})
    write_model(path.with_suffix(".onnx"), export_model(path))
    return path


def points_of_both_engines(weights, photos):
    """What torch and what ONNX Runtime find."""
    both = [load_predictor(weights, prefer_onnx) for prefer_onnx in (False, True)]
    assert [each.engine for each in both] == ["torch", "ONNX Runtime"]
    return [each.network.find_points(photos) for each in both]


@pytest.mark.parametrize("count", [1, 3])
def test_exported_networks_agree_with_torch_for_any_number_of_photos(weights, count):
    photos = np.random.default_rng(0).random((count, 192, 192, 3), dtype=np.float32)
    expected, found = points_of_both_engines(weights, photos)
    # Random weights amplify rounding errors, about a hundred times as much as trained ones.
    np.testing.assert_allclose(found.places, expected.places, atol=0.01)  # px
    np.testing.assert_allclose(found.covariances, expected.covariances, rtol=0.01, atol=1e-4)
    np.testing.assert_allclose(found.visibility, expected.visibility, atol=1e-3)


def test_the_shipped_files_agree_on_a_face_and_are_of_the_same_weights():
    weights = data_file("dense", "dense.safetensors")
    exported = open_network(weights.with_suffix(".onnx"))
    assert exported.weights_sha256 == sha256(weights)
    photo = (skimage.data.astronaut() / 255).astype(np.float32)
    crop = crop_from_detection(find_face(photo), exported.size)
    expected, found = points_of_both_engines(weights, crop.cut(photo)[None])
    difference = np.abs(found.places - expected.places)
    assert difference.mean() < 1e-4 and difference.max() < 1e-3  # px
    np.testing.assert_allclose(found.covariances, expected.covariances, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(found.visibility, expected.visibility, atol=1e-4)


def test_a_file_holds_half_precision_weights_and_no_more(weights):
    exported = weights.with_suffix(".onnx")
    assert exported.stat().st_size < 1.05 * weights.stat().st_size
    assert b".py" not in exported.read_bytes()


@pytest.mark.parametrize("prefer_onnx", [False, True])
def test_weights_of_a_file_make_position_maps_of_their_size(weights, prefer_onnx):
    dense_fit = load_predictor(weights, prefer_onnx)
    assert isinstance(dense_fit, DenseFit) and dense_fit.size == 192
    maps = dense_fit.position_maps(np.full((1, 192, 192, 3), 0.5, np.float32), None)
    assert maps.shape == (1, 192, 192, 3) and np.isfinite(maps).all()


def test_weights_of_another_network_are_refused():
    with pytest.raises(ValueError, match="expected weights of dense"):
        DenseFit.load(data_file("weights", "compact.onnx"))
