"""The compact network in training: keypoints of both photos, heat maps, exact resume."""

import numpy as np
import pytest
import torch
from toy_training import without_clock

from facelib.face.layout import load_layout
from facelib.geometry.transforms import rotation_from_pose
from facelib.networks import compact
from facelib.networks.catalogue import create
from facelib.networks.weights import load_weights
from facelib.pairs.annotations import ViewTruth
from facelib.pairs.augmentation import Augmentation, augment
from facelib.pairs.sample import FacePair, Sample
from facelib.pairs.shrink import shrink
from facelib.pairs.store import ShardedPairs, write_shards
from facelib.render.camera import Camera
from facelib.training.config import TrainConfig
from facelib.training.log import read_log
from facelib.training.loop import train
from facelib.training.loss import TrainingLoss
from facelib.training.settings import LossSettings
from facelib.training.stream import make_batch


def fresh(size=64, seed=0):
    torch.manual_seed(seed)
    return create("compact", size)


def test_one_batch_can_be_learned_by_heart(data_dir):
    """Keypoints in photos of noise, and the poses and shapes that they are to give."""
    size, layout = SIZE, load_layout(SIZE)
    batch = make_batch(ShardedPairs(data_dir), range(4), layout)
    loss, network = TrainingLoss(LossSettings(heat_map_weight=0.01), layout), fresh(size).train()
    network.set_heatmap_gradient(False)
    front = np.stack([layout.keypoints(points)[:, :2] for points in batch.vertices_image])
    keypoints = [(torch.from_numpy(k).float() + 0.5) / size for k in (front, batch.keypoints_side)]
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    steps = 150
    for step in range(steps):
        # Whitened by so few, the keypoints jump from step to step: only small ones settle.
        optimizer.param_groups[0]["lr"] = 3e-3 * (1 - step / steps)
        optimizer.zero_grad()
        answer = network.answer(batch.photos)
        heat_maps = zip((answer.heat_front, answer.heat_side), keypoints, strict=True)
        loss(answer.maps, batch.maps, heat_maps=list(heat_maps)).backward()
        optimizer.step()
    alike = loss(batch.maps.mean(dim=0, keepdim=True), batch.maps)
    assert loss(network(batch.photos), batch.maps) < 0.1 * alike
    told = network.describe(batch.photos)
    for found, true in zip((told.keypoints_front, told.keypoints_side), keypoints, strict=True):
        assert (found + 0.5 - size * true).norm(dim=2).mean() < 2


SIZE = 64


def turned_heads(count, size=SIZE, views=True):
    """Heads in many poses, before photos that show one keypoint of each as a dot."""
    layout, rng = load_layout(size), np.random.default_rng(8)
    heads = layout.references_head
    pose, angles = np.zeros(3, np.float32), (0.1, 0.3, 0.2)

    def view(head):
        rotation = rotation_from_pose(*rng.uniform(-1, 1, 3) * angles)
        camera = Camera(rotation, np.zeros(3), size / rng.uniform(230, 270), size, size, [31.5] * 2)
        points = camera.head_to_image(head)
        z_origin = -points[:, 2].min()
        points += [0, 0, z_origin]
        keypoints = layout.keypoints(points).astype(np.float32)
        return ViewTruth(camera, keypoints, np.ones(68, bool), z_origin), points

    for number in range(count):
        (front, points), (side, _) = (view(heads[number % len(heads)]) for _ in range(2))
        photos = [dotted(v.keypoints_image[DOT, :2], size) for v in (front, side)]
        photos = [np.maximum(p, rng.integers(0, 60, p.shape, np.uint8)) for p in photos]
        args = *photos, points.astype(np.float32), number, pose, pose, "", front.camera.scale
        yield Sample(FacePair(*args), (front, side), {}) if views else FacePair(*args)


DOT = 30  # the tip of the nose, which no pose takes out of the crop


def dotted(place, size):
    rows, columns = np.mgrid[:size, :size]
    distance = (columns - place[0]) ** 2 + (rows - place[1]) ** 2
    return np.repeat((255 * np.exp(-distance / 8))[..., None], 3, 2).round().astype(np.uint8)


def centroid(photo):
    """Where the dot is: the mean of the pixels by their light above the noise, x and y."""
    light = np.clip(photo - 0.35, 0, None)
    rows, columns = np.mgrid[: len(photo), : len(photo)]
    return np.array([np.average(columns, weights=light), np.average(rows, weights=light)])


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("views")
    write_shards(turned_heads(24), folder, {}, shard_size=24)
    return folder


MOVING = Augmentation(40.0, (1.0, 1.0), 0.0, shift=0.1, zoom=0.2)


@pytest.mark.parametrize("size", [64, 32])
def test_keypoints_follow_each_photo_through_shrinking_and_augmentation(data_dir, size):
    layout = load_layout(size)
    rngs = [np.random.default_rng(seed) for seed in range(8)]
    batch = make_batch(ShardedPairs(data_dir), range(8), layout, MOVING, rngs)
    photos = batch.photos.permute(0, 2, 3, 1).numpy()
    for row in range(8):
        seen = centroid(photos[row, ..., 3])
        np.testing.assert_allclose(batch.keypoints_side[row, DOT], seen, atol=0.3)
        front = layout.keypoints(batch.vertices_image[row])[DOT, :2]
        np.testing.assert_allclose(front, centroid(photos[row, ..., 0]), atol=0.3)


def test_samples_are_those_of_augment(data_dir):
    """The order of draws is part of a run: photos and vertices first, then the side's drop-out."""
    pairs, layout, settings = ShardedPairs(data_dir), load_layout(32), Augmentation.for_photos()
    rngs = [np.random.default_rng(seed) for seed in range(6)]
    batch = make_batch(pairs, range(6), layout, settings, rngs, side_dropout=0.5)
    for row in range(6):
        rng = np.random.default_rng(row)
        front, side, vertices = augment(*shrink(*pairs.arrays(row), 32), rng, settings)
        photos = batch.photos[row].permute(1, 2, 0).numpy()
        np.testing.assert_array_equal(photos, np.concatenate([front, side], axis=2))
        np.testing.assert_array_equal(batch.vertices_image[row], vertices)
        assert batch.has_side[row].item() == (rng.random() >= 0.5)


@pytest.fixture
def config(tmp_path, data_dir):
    return TrainConfig.from_dict(
        {
            "data_dir": data_dir,
            "run_dir": tmp_path / "run",
            "network": "compact",
            "size": 32,
            "batch_size": 4,
            "epochs": 2,
            "learning_rate": 2e-3,
            "precision": "bfloat16",
            "average_decay": 0.9,
            "validation_fraction": 0.2,
            "side_dropout": 0.5,
            "log_steps": 1,
            "threads": 1,
            "progress": False,
        }
    )


def test_a_run_goes_on_exactly(config, tmp_path):
    whole = config.changed(run_dir=tmp_path / "whole")
    best = train(whole)
    train(config.changed(max_samples=28))  # stops inside the second epoch
    again = train(config)
    logs = [without_clock(read_log(c.run.run_dir)[1]) for c in (whole, config)]
    assert logs[0] == logs[1]
    a, b = (load_weights(path).state_dict() for path in (best, again))
    assert a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def test_heat_maps_learn_from_keypoints_alone_during_their_warm_up(config, monkeypatch):
    flows = []
    real = compact.Compact.set_heatmap_gradient
    monkeypatch.setattr(
        compact.Compact, "set_heatmap_gradient", lambda self, on: (flows.append(on), real(self, on))
    )
    run, folder = config.changed(max_samples=16), config.run.run_dir  # four steps
    weights = train(run.changed(heatmap_warmup_samples=8))
    train(run.changed(run_dir=folder / "fresh"))
    train(run.changed(run_dir=folder / "trained", init_weights=weights))
    assert flows == [False] * 2 + [True] * 2 + [False] * 4 + [True] * 4


def test_a_set_without_side_keypoints_trains_the_fronts_and_the_log_shows_it(config, tmp_path):
    folder = tmp_path / "pairs"
    write_shards(turned_heads(8, 32, views=False), folder, {}, shard_size=8)
    pairs = ShardedPairs(folder)
    assert np.isnan(make_batch(pairs, range(2), load_layout(32)).keypoints_side).all()
    for data_dir, known in ((folder, False), (config.data.data_dir, True)):
        run = config.changed(data_dir=data_dir, run_dir=tmp_path / str(known), max_samples=8)
        weights = train(run.changed(average_decay=None))
        assert read_log(run.run.run_dir)[0]["knows_keypoints_side"] is known
        network = load_weights(weights)
        torch.manual_seed(config.run.seed)
        start = create("compact", 32)
        views = (network.front, start.front), (network.side, start.side)
        learned = [not torch.equal(a.heat.weight, b.heat.weight) for a, b in views]
        assert learned == [True, known]
