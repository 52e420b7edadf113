"""Audio files, written and read whole."""

from pathlib import Path

import av
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


def encode(path: Path, audio: Audio, codec: str, container: str, layout: str = "stereo") -> Path:
    """Write [c, n] as AAC and the like, for speakers as FFmpeg names them."""
    with av.open(str(path), "w", format=container) as file:
        stream = file.add_stream(codec, rate=RATE, layout=layout)
        packed = np.ascontiguousarray(audio.T).reshape(1, -1)  # planes of 8 channels fail in PyAV
        frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=layout)
        frame.sample_rate, frame.pts = RATE, 0
        resampler = av.AudioResampler(stream.codec_context.format, layout, RATE)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            file.mux(stream.encode(part))
        file.mux(stream.encode(None))
    return path


def dull(samples: int, channels: int = 2) -> Audio:
    """Noise that codecs keep."""
    smooth, rough = np.hanning(33) / 16, noise(samples, channels)
    return np.stack([np.convolve(side, smooth, "same") for side in rough]).astype("f4")
