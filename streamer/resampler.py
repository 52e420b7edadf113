"""Streaming sample-rate conversion, aligned to the sample.

Shape letters: `c` channel, `n` samples in, `m` samples out.
"""

import math

import numpy as np
import soxr
from numpy.typing import NDArray

Audio = NDArray[np.float32]

RUN_IN = 1000  # samples of silence that go first: soxr bends the beginning, some 50 samples of it


class Resampler:
    """Convert one stream from one sample rate to another.

    The filter is linear-phase and its delay is taken out: sample 0 stays at time 0, and once
    flushed the answer is `round(n * target_rate / source_rate)` long. How the stream is cut into
    blocks does not change a bit of it. While it runs, about 1000 samples wait inside. Equal rates
    pass the audio itself.

    soxr's HQ: 127 dB or more below a sine stay as error, flat within 0.02 dB up to 0.9 of the lower
    Nyquist frequency. VHQ's 24 dB more would be lost in 24-bit files and may double the delay.

    Args:
        source_rate, target_rate: Hz.
        channels: of the audio, all in step.

    Raises:
        ValueError: a rate or `channels` is below 1.
    """

    def __init__(self, source_rate: int, target_rate: int, channels: int) -> None:
        if min(source_rate, target_rate, channels) < 1:
            raise ValueError(
                "sample rates and channels must be at least 1, "
                f"got {source_rate} Hz, {target_rate} Hz and {channels}"
            )
        self.source_rate, self.target_rate = source_rate, target_rate
        self.channels = channels
        self._soxr = None
        self._early = 0  # samples still to come out before the stream's first
        if source_rate != target_rate:
            self._soxr = soxr.ResampleStream(source_rate, target_rate, channels, quality="HQ")
            self._run_in()

    def _run_in(self) -> None:
        """Feed silence first, of a length that is whole at both rates."""
        period = self.source_rate // math.gcd(self.source_rate, self.target_rate)
        silence = math.ceil(RUN_IN / period) * period
        self._early = silence * self.target_rate // self.source_rate
        self.process(np.zeros((self.channels, silence), np.float32))

    def process(self, audio: Audio, last: bool = False) -> Audio:
        """Take the stream's next samples, give what is ready.

        Args:
            audio: [c, n], n may be 0.
            last: the stream ends here; flush what waits inside. Nothing may follow.

        Returns:
            [c, m]

        Raises:
            ValueError: the shape is another one.
        """
        if audio.ndim != 2 or audio.shape[0] != self.channels:
            expected = f"[{self.channels} channels, samples]"
            raise ValueError(f"audio must be {expected}, got {list(audio.shape)}")
        if self._soxr is None:
            return audio
        frames = np.ascontiguousarray(audio.T, dtype=np.float32)
        ready: Audio = self._soxr.resample_chunk(frames, last=last).T
        early = min(self._early, ready.shape[1])
        self._early -= early
        return ready[:, early:]
