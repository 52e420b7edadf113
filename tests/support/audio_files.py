"""Audio files, written and read whole."""

from pathlib import Path

import numpy as np
import soundfile

from restem.streamer.resampler import Audio
from tests.support.tiny_networks import Halves

RATE = Halves.sample_rate


def noise(samples: int, channels: int = 2) -> Audio:
    return np.random.default_rng(0).normal(0, 0.1, (channels, samples)).astype(np.float32)


def write(path: Path, audio: Audio, sample_rate: int = RATE, subtype: str = "FLOAT") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, audio.T, sample_rate, subtype)
    return path


def read(path: Path) -> Audio:
    audio: Audio = soundfile.read(path, dtype="float32", always_2d=True)[0].T
    return audio
