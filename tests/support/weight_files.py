"""Files of small networks' weights, good ones and traps."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from restem.models import zoo
from tests.support.tiny_networks import PARAMS, noise

SMALL: dict[str, dict[str, Any]] = {
    **PARAMS,
    "demucs-l": {**zoo.NETWORKS["demucs-l"].params, **PARAMS["demucs-l"]},
    "embedded": {
        "stems": ["vocals", "drums"],
        "n_fft": 64,
        "hop_length": 32,
        "bands": [[8, 2, 1], [4, 2, 2]],
        "separator_dim": 8,
        "separator_layers": 1,
        "summary_dim": 8,
        "repair_dim": 8,
    },
}


def network_named(name: str, seed: int = 0) -> nn.Module:
    """A small network with random weights, and statistics as if it had been trained."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = zoo.build_network(name, SMALL[name], "test")
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm2d):
                nn.init.uniform_(layer.running_mean)
                nn.init.uniform_(layer.running_var, 0.5, 2.0)
    return network.eval().requires_grad_(False)


def answer(network: nn.Module) -> Tensor:
    """What a network of any kind makes of half a second of noise."""
    if not hasattr(network, "step"):
        channels = network.config.channels  # type: ignore[union-attr]
        samples = getattr(network.config, "window", 24000)  # that all its input has
        audio = noise(samples, channels=channels)
        names = "DTTBSR", "MelRNN", "MelRoFormer", "MelUNet", "Spleeter"
        alone = type(network).__name__ in names  # mixes one by one
        return network(audio if alone else audio[None])
    stems, _ = network.step(noise(network.block_size), network.init_state())  # type: ignore
    return stems


class Touch:
    """A pickle that would create a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch '{self.path}'",)
