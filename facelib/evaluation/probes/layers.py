"""Outputs of a network's layers, and an untrained network as the control."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import nn

from facelib.networks.base import FaceNetwork
from facelib.networks.catalogue import create


def untrained(name: str, size: int, photos: torch.Tensor, seed: int) -> FaceNetwork:
    """Make a network with random weights whose output depends on its photos: the control.

    The output of a fresh network may not. Here layers that start at zero get torch's default
    initialisation, a decoder that needs calibration gets it, and BatchNorm takes its statistics
    from the photos.

    Args:
        name: one of `NETWORKS`.
        size: px, side of its photos.
        photos: (B, 6, size, size), some people.
        seed: of the weights; torch's global generator is restored.

    Returns:
        The network in evaluation mode.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = create(name, size)
        network.calibrate(photos)
        for module in network.modules():
            if isinstance(module, nn.Linear) and not module.weight.any():
                module.reset_parameters()
            elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                module.momentum = 1.0  # only the next batch counts
        with torch.inference_mode():
            network.train()(photos)
    return network.eval()


def layer_outputs(
    network: FaceNetwork, layers: Mapping[str, nn.Module], photos: torch.Tensor
) -> dict[str, torch.Tensor]:
    """Return the outputs of some layers for photos.

    Args:
        network: from `facelib.networks`; its mode (train, eval) stays as it was.
        layers: some of its modules, by any names.
        photos: (B, C, S, S), as the network takes them.

    Returns:
        The outputs by the same names, in the order in which the layers were first called. The
        outputs of a layer that is called several times are joined along the batch.
    """
    calls: dict[str, list[torch.Tensor]] = {}

    def recorder(name: str) -> Callable:
        return lambda module, inputs, output: calls.setdefault(name, []).append(output)

    hooks = [layer.register_forward_hook(recorder(name)) for name, layer in layers.items()]
    was_training = network.training
    try:
        with torch.inference_mode():
            network.eval()(photos)
    finally:
        network.train(was_training)
        for hook in hooks:
            hook.remove()
    return {name: torch.cat(outputs) for name, outputs in calls.items()}
