"""The thesis's networks and their baseline, against Table 4.1, counts and padding rules."""

import pytest
import torch
from torch.nn import functional

from facelib import networks
from facelib.networks.catalogue import create
from facelib.networks.cost import count_parameters_as_keras
from facelib.networks.weights import load_weights, read_card, save_weights


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return create("two_view").eval()


def test_parameters_counted_as_keras_counts_them(network):
    assert count_parameters_as_keras(network) == 11_791_273


@pytest.mark.parametrize("name", ["prn", "one_view", "compact"])
def test_one_interface_photos_in_map_out(name):
    one = create(name, 64).eval()
    photos = torch.rand(2, 6, 64, 64)
    with torch.no_grad():
        alone = one(photos[:, :3])
        both = one(photos)
    assert (one.name, one.size) == (name, 64)
    assert alone.shape == both.shape == (2, 3, 64, 64)
    if one.side_photo == "unused":
        torch.testing.assert_close(alone, both)
    with pytest.raises(ValueError, match="divisible by 32"):
        one(torch.zeros(1, 5, 64, 64))


def test_one_view_is_two_view_with_half_the_first_kernel(network):
    one = create("one_view")
    fewer = count_parameters_as_keras(network) - count_parameters_as_keras(one)
    assert fewer == 3 * 3 * 3 * 32


def test_prn_has_the_parameters_of_its_description():
    """Kernels of 4 and of 1 without biases; BatchNorm after all but one."""
    widths = [16, 32, 32, 64, 64, 128, 128, 256, 256, 512, 512]
    expected = 16 * 3 * 16 + 2 * 16
    for a, b in zip(widths[:-1], widths[1:], strict=True):
        half = b // 2
        expected += a * half + 16 * half**2 + half * b + (a * b if a != b else 0)
        expected += 2 * (half + half + b)
    widths = [512, 512] + [256] * 3 + [128] * 3 + [64] * 3 + [32] * 2 + [16] * 2 + [3] * 3
    expected += sum(16 * a * b + 2 * b for a, b in zip(widths[:-1], widths[1:], strict=True))
    prn = create("prn")
    assert sum(p.numel() for p in prn.parameters()) == expected
    assert prn.encode(torch.zeros(2, 3, 256, 256)).shape == (2, 512, 8, 8)


@pytest.mark.parametrize("stride", [1, 2])
def test_prn_pads_as_tensorflow_does(stride):
    """One tap shows the position of a kernel of 4: one row before the pixel, the rest after."""
    layer = networks.prn.SameConv(1, 1, stride)
    image = torch.rand(1, 1, 8, 8)
    with torch.no_grad():
        layer.weight.zero_()[..., 1, 1] = 1
        torch.testing.assert_close(layer(image), image[..., ::stride, ::stride])
        layer.weight.zero_()[..., 0, 0] = 1
        shifted = functional.pad(image, (1, 0, 1, 0))[..., :8:stride, :8:stride]
        torch.testing.assert_close(layer(image), shifted)


def test_stages_have_the_shapes_of_table_4_1(network):
    encoder = [(128, 32), (64, 96), (32, 144), (16, 192), (8, 576), (8, 512)]
    decoder = [(8, 512), (16, 256), (16, 256), (16, 256), (32, 128), (32, 128), (32, 128)]
    decoder += [(64, 64), (64, 64), (64, 64), (128, 32), (128, 32), (256, 16), (256, 16)]
    decoder += [(256, 3)] * 3
    stages = network.stages(256)
    assert [s.output_shape for s in stages] == [(n, n, c) for n, c in encoder + decoder]
    assert [s.kernel for s in stages[6:]] == [4] * 17
    assert [s.stride for s in stages[6:]] == [1, 2, 1, 1, 2, 1, 1, 2, 1, 1, 2, 1, 2, 1, 1, 1, 1]


@pytest.mark.parametrize(("size", "batch"), [(32, 1), (64, 3), (96, 2)])
def test_any_size_divisible_by_32_keeps_its_size(network, size, batch):
    with torch.no_grad():
        out = network(torch.rand(batch, 6, size, size))
    assert out.shape == (batch, 3, size, size)
    assert 0 <= out.min() and out.max() <= 1


@pytest.mark.parametrize("shape", [(1, 6, 65, 65), (1, 3, 64, 64), (6, 64, 64)])
def test_wrong_shapes_are_refused(network, shape):
    with pytest.raises(ValueError, match="divisible by 32"):
        network(torch.zeros(shape))


@pytest.mark.parametrize("stride", [1, 2])
def test_transposed_convolution_is_the_gradient_of_a_same_convolution(stride):
    """Keras defines it so: 'same' at kernel 4 pads 1 before, 2 (stride 1) or 1 (stride 2) after."""
    torch.manual_seed(1)
    layer = networks.two_view.TransposedConv(5, 4, stride).double()
    features = torch.rand(2, 5, 6, 6, dtype=torch.double)
    image = torch.zeros(2, 4, 6 * stride, 6 * stride, dtype=torch.double, requires_grad=True)
    padded = functional.pad(image, (1, 3 - stride, 1, 3 - stride))
    functional.conv2d(padded, layer.weight, stride=stride).backward(features)
    expected = image.grad + layer.bias[:, None, None]
    torch.testing.assert_close(layer(features), expected)


def test_signal_survives_the_decoder_at_the_start():
    torch.manual_seed(2)
    fresh = create("two_view").train()
    a, b = fresh(torch.rand(2, 6, 64, 64))
    assert (a - b).abs().max() > 1e-3


@pytest.mark.parametrize("name", ["prn", "one_view", "two_view"])
def test_every_parameter_gets_a_gradient(name):
    torch.manual_seed(3)
    fresh = create(name).train()
    fresh(torch.rand(2, 6, 64, 64)).square().sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in fresh.parameters())
    assert fresh.first[0].weight.grad.abs().max() > 0


@pytest.mark.parametrize(("half", "tolerance"), [(False, 0.0), (True, 5e-3)])
def test_weights_survive_the_round_trip(tmp_path, network, half, tolerance):
    path = tmp_path / "weights.safetensors"
    save_weights(path, network, {"seed": 7}, half=half)
    again = load_weights(path)
    photos = torch.rand(1, 6, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(again(photos), network(photos), rtol=0, atol=tolerance)
    assert read_card(path) == {"seed": 7, "network": "two_view", "size": 256}
    assert not again.training
    assert [p.name for p in tmp_path.iterdir()] == ["weights.safetensors"]


def test_missing_and_foreign_weights_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere\.safetensors"):
        load_weights(tmp_path / "nowhere.safetensors")
    (tmp_path / "text.safetensors").write_text("not weights at all")
    with pytest.raises(ValueError, match=r"text\.safetensors"):
        load_weights(tmp_path / "text.safetensors")


def test_unknown_networks_and_sizes_are_refused():
    with pytest.raises(ValueError, match="two_view"):
        create("resnet")
    with pytest.raises(ValueError, match="32"):
        create("two_view", 100)


def test_calibrated_decoder_passes_on_what_tells_photos_apart():
    torch.manual_seed(0)
    network, photos = create("two_view", 64), torch.rand(8, 6, 64, 64)
    photos *= torch.rand(8, 6, 1, 1)

    def spread() -> float:
        with torch.no_grad():
            return network.train()(photos).std(0).mean().item()

    before = spread()
    network.calibrate(photos)
    assert spread() > 2 * before
