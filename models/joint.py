"""Networks that answer a mix with all of their stems at once, in windows of it.

Shape letters: `s` stem, `c` channel, `n` sample.
"""

import re
from collections.abc import Mapping, Sequence
from copy import copy
from math import ceil
from typing import Any, Protocol, Self

import torch
from torch import Tensor, nn

# Windows of files, where a network sees all of one: about what it was trained on, in seconds.
FILE_WINDOW = {"context": 3.0, "block_size": 5.0, "fade": 0.1, "lookahead": 3.0}
OUR_NAMES = {  # of stems that others call otherwise
    "guitar": "guitars",
    "keys": "keyboards",
    "keyboard": "keyboards",
    "percussion": "percussions",
    "piano": "keyboards",
    "synth": "synthesizers",
    "synthesizer": "synthesizers",
    "voice": "vocals",
    "vocal": "vocals",
}


def stem_names(params: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the `instruments` of a training file, ours where there is one.

    Raises:
        ValueError: there are none, or two of one name.
    """
    given = params.get("instruments")
    if not isinstance(given, Sequence) or isinstance(given, str) or not given:
        raise ValueError("instruments must be given, a list of what the stems are")
    plain = (re.sub("[^a-z0-9]+", "_", str(name).lower()).strip("_") for name in given)
    names = tuple(OUR_NAMES.get(name, name) for name in plain)
    if len(set(names)) < len(names) or not all(names):
        raise ValueError(f"instruments must be names, each once, got {list(given)}")
    return names


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

    def file_window(self) -> dict[str, int]:
        """Sizes of windows for files, in samples: whole hops, so that windows share frames."""
        hop_length = self.config.hop_length
        hops = {
            name: ceil(seconds * self.sample_rate / hop_length)
            for name, seconds in FILE_WINDOW.items()
        }
        return {name: hop_length * count for name, count in hops.items()}

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
