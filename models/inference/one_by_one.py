"""Networks without an inference form of their own: each runs as it was written."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn


class OneByOne(nn.Module):
    """Several networks, one after the other; see `StackedUNet` for the form that runs them as one.

    Args:
        networks: each answers [b, c, n] with as much.
        dtype: of their weights; audio stays float32.
    """

    def __init__(self, networks: Sequence[Any], dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.config, self.dtype = networks[0].config, dtype
        self.networks = nn.ModuleList(network.to(dtype) for network in networks)

    def forward(self, audio: Tensor, start: int = 0, stop: int | None = None) -> Tensor:
        """[b, c, n] -> [g, b, c, stop - start]."""
        answers = [network(audio.to(self.dtype)) for network in self.networks]
        return torch.stack(answers)[..., start:stop].float()

    def prepare_window(self, audio: Tensor, hop: int) -> None:
        """None: nothing of a window serves the next one."""
