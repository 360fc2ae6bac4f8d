"""The cost of a network, against numbers worked out by hand."""

import pytest
import torch
from torch import nn

from facelib.networks.catalogue import create
from facelib.networks.cost import count_multiply_adds, measure_cost


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        # Every output pixel of a convolution costs k² C multiply-adds a channel, of a depthwise
        # one k², of a transposed one of stride t k² C / t²; a matrix costs its entries.
        (nn.Conv2d(6, 32, 3, 2, 1), (1, 6, 64, 64), 9 * 6 * 32 * 32**2),
        (nn.Conv2d(32, 32, 3, 1, 1, groups=32), (1, 32, 16, 16), 9 * 32 * 16**2),
        (nn.ConvTranspose2d(8, 4, 4, 2, 1), (1, 8, 16, 16), 4 * 4 * 8 * 4 * 32**2 // 4),
        (nn.Linear(100, 7), (3, 100), 3 * 700),
    ],
)
def test_multiply_adds_are_what_the_formula_says(layer, shape, expected):
    assert count_multiply_adds(layer, torch.zeros(shape)) == expected


def test_a_network_is_measured_as_a_whole():
    network = create("compact", 64).train()
    small, large = measure_cost(network, 64, repeats=1), measure_cost(network, 128, repeats=1)
    assert network.training
    assert small.parameters == large.parameters == sum(p.numel() for p in network.parameters())
    assert 3 < large.multiply_adds / small.multiply_adds < 4  # layers behind the pooling stay
    kernels = sum(t.numel() for t in network.state_dict().values() if t.ndim > 1)
    assert small.megabytes == pytest.approx(2e-6 * kernels, rel=0.02)
    assert (small.name, small.size) == ("compact", 64)
    assert small.milliseconds > 0
