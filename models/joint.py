"""Networks that answer a mix with all of their stems at once, in windows of it.

Shape letters: `s` stem, `c` channel, `n` sample.
"""

from collections.abc import Sequence
from copy import copy
from math import ceil
from typing import Protocol, Self

import torch
from torch import Tensor, nn


class JointConfig(Protocol):
    """Sizes that all of them have."""

    @property
    def stems(self) -> tuple[str, ...]: ...

    @property
    def sample_rate(self) -> int: ...

    @property
    def channels(self) -> int: ...

    @property
    def n_fft(self) -> int: ...

    @property
    def hop_length(self) -> int: ...


class Joint(nn.Module):
    """Base of them: an offline network for `streamer.model.chunked`.

    A subclass answers [c, n] with the samples [start, stop) of its stems, [s, c, stop - start], in
    `forward(mix, start, stop)`.
    """

    window: Tensor  # of the STFT and of its inverse, [n_fft]

    def __init__(self, config: JointConfig) -> None:
        super().__init__()
        self.config = config
        self.sample_rate, self.channels = config.sample_rate, config.channels
        self.input_shape = (config.channels,)
        self.stems = config.stems
        window = torch.hann_window(config.n_fft, dtype=torch.float32)
        self.register_buffer("window", window, persistent=False)

    @property
    def device(self) -> torch.device:
        return self.window.device

    def select(self, stems: Sequence[str]) -> Self:
        """The same network with some of its stems as answer."""
        chosen = copy(self)
        chosen.stems = tuple(stems)
        return chosen

    def whole_hops(self, seconds: float) -> int:
        """So many seconds in samples, up to the next frame: windows then share their frames."""
        return self.config.hop_length * ceil(seconds * self.sample_rate / self.config.hop_length)

    def frames_of(self, start: int, stop: int, frames: int) -> tuple[int, int]:
        """The frames whose windows touch the samples [start, stop)."""
        half, hop_length = self.config.n_fft // 2, self.config.hop_length
        first = max(0, (start - half) // hop_length + 1)
        return first, max(first + 1, min(frames, (stop - 1 + half) // hop_length + 1))

    def prepare_window(self, mix: Tensor, hop: int) -> None:
        """Windows keep nothing."""

    def step_window(
        self, mix: Tensor, before: None, hop: int, start: int, stop: int
    ) -> tuple[Tensor, None]:
        """The samples [start, stop) of a window."""
        return self(mix, start, stop), None
