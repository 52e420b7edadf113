"""Plugins for tests of what runs plugins."""

from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pedalboard_native._internal import AddLatency

from restem.streamer.resampler import Audio

RATE = 48000
LIMITER = Path("/usr/lib/vst3/ZaMaximX2.vst3")
needs_limiter = pytest.mark.skipif(
    not LIMITER.exists(), reason=f"needs {LIMITER}: apt-get install zam-plugins"
)
VARYING = (700, 1, 13, 2500, 64, 0, 512, 4000)


class Same:
    """A Python processor with the least that it must have; changes nothing."""

    def process(
        self, input_array: Audio, sample_rate: float, buffer_size: int = 8192, reset: bool = True
    ) -> Audio:
        return input_array.copy()

    def reset(self) -> None:
        pass


def late(samples: int) -> Any:
    """A native plugin that changes nothing and withholds some samples."""
    return AddLatency(samples)


def noise(samples: int, channels: int = 2, seed: int = 0) -> Audio:
    audio = 0.1 * np.random.default_rng(seed).standard_normal((channels, samples))
    return audio.astype(np.float32)


def stream(processor: Any, audio: Audio, sizes: tuple[int, ...] = VARYING) -> Audio:
    """What comes out block by block, before the flush; a block of an interleaved [n, c] too."""
    parts, start, turns = [], 0, cycle(sizes)
    processor.reset()
    while start < audio.shape[1]:
        block = audio[:, start : start + next(turns)]
        if block.shape[1]:
            parts.append(processor(block, RATE, reset=False))
        start += block.shape[1]
    return np.concatenate(parts, axis=1)


def streamed(processor: Any, audio: Audio, sizes: tuple[int, ...] = VARYING) -> Audio:
    """What comes out block by block, and then of the flush."""
    return np.concatenate((stream(processor, audio, sizes), processor.flush()), axis=1)
