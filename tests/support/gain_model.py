"""A streaming model that costs next to nothing, for tests of what runs models."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

GAINS = (0.25, -0.5, 0.75)


@dataclass
class Plain:
    """Each stem is the mix times its gain; state: the newest `latency` samples."""

    block_size: int = 512
    latency: int = 300
    sample_rate: int = 48000
    channels: int = 2
    stems: tuple[str, ...] = ("vocals", "bass", "drums")
    gains: tuple[float, ...] = GAINS
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def init_state(self) -> Tensor:
        return torch.zeros(self.channels, self.latency)

    def step(self, block: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        joined = torch.cat((state, block), dim=-1)
        now = joined[:, : self.block_size]
        return torch.stack([gain * now for gain in self.gains]), joined[:, self.block_size :]


@dataclass
class Unity(Plain):
    """One stem, which is the mix."""

    stems: tuple[str, ...] = ("vocals",)
    gains: tuple[float, ...] = (1.0,)
