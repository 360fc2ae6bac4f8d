"""The learning rate over time and by layer."""

import numpy as np
import pytest
from torch import nn
from toy_training import tiny_config

from facelib.training.progress import Progress
from facelib.training.schedule import learning_rate_at, rate_groups


@pytest.fixture
def config(tmp_path):
    return tiny_config(tmp_path / "pairs", tmp_path / "run")


def test_rate_warms_up_and_follows_the_cosine(config):
    config = config.changed(schedule="cosine", warmup_samples=39)
    rates = [learning_rate_at(config, Progress(step=s), 400) for s in (0, 5, 50, 100)]
    np.testing.assert_allclose(rates[0], 1e-2 / 40)
    np.testing.assert_allclose(rates[2], 5e-3)
    np.testing.assert_allclose(rates[3], 0, atol=1e-9)
    assert rates[0] < rates[1] < 1e-2


def test_one_cycle_rises_from_a_25th_and_falls_to_nothing(config):
    config = config.changed(schedule="one_cycle")
    steps = np.arange(0, 101, 5)
    rates = np.array([learning_rate_at(config, Progress(step=s), 400) for s in steps])
    np.testing.assert_allclose(rates[[0, 6, 20]], [1e-2 / 25, 1e-2, 0], atol=1e-12)
    assert (np.diff(rates[:7]) > 0).all() and (np.diff(rates[6:]) < 0).all()
    # Half way down, between 30 % and the end, lies half the rate.
    assert learning_rate_at(config, Progress(step=65), 400) == pytest.approx(5e-3)


def test_wide_layers_get_a_smaller_share_of_the_rate():
    network = nn.Sequential(
        nn.Conv2d(2, 5, 1), nn.Conv2d(5, 8, 4), nn.ConvTranspose2d(8, 3, 4), nn.BatchNorm2d(3)
    )
    groups = rate_groups(network, 40)
    shares = {id(p): group["rate_share"] for group in groups for p in group["params"]}
    assert len(shares) == len(list(network.parameters()))
    assert shares[id(network[0].weight)] == 1
    assert shares[id(network[1].weight)] == 40 / (5 * 16)
    assert shares[id(network[2].weight)] == 40 / (8 * 16)
    assert shares[id(network[3].weight)] == shares[id(network[2].bias)] == 1
    assert [group["rate_share"] for group in rate_groups(network, None)] == [1]
