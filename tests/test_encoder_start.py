"""Training the encoder alone: it learns, and the decoder does not change."""

from types import SimpleNamespace

import torch
from torch import nn

from facelib.networks.base import FaceNetwork
from facelib.training.encoder_start import start_encoder


class Stream:
    """Batches in which a photo's brightness gives the place of its whole map."""

    batch_size = 16

    def batch(self, step):
        generator = torch.Generator().manual_seed(step)
        brightness = torch.rand(self.batch_size, 1, 1, 1, generator=generator)
        photos = brightness.expand(-1, 6, 8, 8) + 0.05 * torch.rand(
            self.batch_size, 6, 8, 8, generator=generator
        )
        texels = torch.arange(64.0).reshape(1, 1, 8, 8) / 64
        return SimpleNamespace(photos=photos, maps=(brightness + texels).expand(-1, 3, 8, 8))


class TwoParts(FaceNetwork):
    name, has_encoder = "two_parts", True

    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = nn.Conv2d(6, 4, 8), nn.Conv2d(4, 3, 1)

    def encode(self, photos):
        return self.encoder(photos)


def test_encoder_explains_the_maps_and_decoder_stays():
    torch.manual_seed(0)
    network = TwoParts()
    encoder, decoder = network.encoder.weight.clone(), network.decoder.weight.clone()
    start = start_encoder(network, Stream(), 16000)
    assert start.samples == 16000
    assert start.unexplained < 0.5
    assert torch.equal(network.decoder.weight, decoder)
    assert not torch.equal(network.encoder.weight, encoder)


def test_fewer_samples_than_a_batch_are_one_step():
    assert start_encoder(TwoParts(), Stream(), 1).samples == Stream.batch_size
