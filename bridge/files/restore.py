"""A mix through a model, block by block, at the mix's own sample rate, channels and length.

    mix -> model's rate, stereo -> render_blocks -> mix's rate and channels -> outputs

Shape letters: `o` output, `s` stem, `c` channel, `n` sample.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import torch
from torch import Tensor

from restem.bridge.files.outputs import Outputs
from restem.bridge.files.reader import MixReader
from restem.bridge.progress import Progress
from restem.streamer.model.protocol import StreamingModel
from restem.streamer.resampler import Audio, Resampler
from restem.streamer.stream import render_blocks


class Meter:
    """Blocks [.., n] on their way, their peak, and progress in seconds.

    Raises:
        ValueError: one has NaN or Inf.
    """

    def __init__(self, blocks: Iterable[Audio], mix: MixReader, progress: Progress | None) -> None:
        self._blocks, self._mix, self._progress = blocks, mix, progress
        self.peak = 0.0

    def __iter__(self) -> Iterator[Audio]:
        rate, done = self._mix.sample_rate, 0
        for block in self._blocks:
            self.peak = max(self.peak, checked_peak(block, self._mix, done))
            yield block
            done += block.shape[-1]
            if self._progress:
                self._progress(done / rate, self._mix.frames / rate)


def output_blocks(model: StreamingModel, mix: MixReader, outputs: Outputs) -> Iterator[Audio]:
    """The wanted signals, [o, c, n], at the mix's sample rate and channels and as long as it."""
    kept: deque[Audio] = deque()  # itertools.tee keeps up to 57 blocks too many

    def read() -> Iterator[Audio]:
        for block in mix:
            kept.append(block)
            yield block

    def again() -> Iterator[Audio]:
        while True:
            yield kept.popleft()

    dry = block_reader(again())
    for stems in fit_length(restore_blocks(model, mix, read()), mix.frames):
        yield outputs(stems, dry(stems.shape[-1]))


def block_reader(blocks: Iterable[Audio]) -> Callable[[int], Audio]:
    """A function that gives the next so many samples of [c, n] blocks of any lengths."""
    source: Iterator[Audio] = iter(blocks)
    rest: list[Audio] = []

    def take(count: int) -> Audio:
        while not rest or sum(block.shape[1] for block in rest) < count:
            rest.append(next(source))
        joined = np.concatenate(rest, axis=1)
        rest[:] = [joined[:, count:]]
        return joined[:, :count]

    return take


def restore_blocks(
    model: StreamingModel, mix: MixReader, blocks: Iterable[Audio] | None = None
) -> Iterator[Audio]:
    """The stems, [s, c, n], at the mix's sample rate and channels, up to rounding as long as it.

    Args:
        model: what to run.
        mix: its sample rate and channels hold for the answer.
        blocks: of the mix, if it is read elsewhere.
    """
    stem_count = len(model.stems)
    back = Resampler(model.sample_rate, mix.sample_rate, stem_count * mix.channels)
    there = Resampler(mix.sample_rate, model.sample_rate, mix.channels)
    read = _for_model(model, mix if blocks is None else blocks, there)
    for answer in render_blocks(model, read):
        stems: Audio = answer.numpy()
        if mix.channels == 1:
            stems = stems.mean(axis=1, keepdims=True)
        rows = back.process(stems.reshape(back.channels, -1))
        yield rows.reshape(stem_count, mix.channels, -1)
    rest = back.process(np.zeros((back.channels, 0), np.float32), last=True)
    yield rest.reshape(stem_count, mix.channels, -1)


def _for_model(
    model: StreamingModel, blocks: Iterable[Audio], there: Resampler
) -> Iterator[Tensor]:
    """The mix at the model's sample rate; mono goes to all channels."""
    for block in blocks:
        yield torch.from_numpy(there.process(block)).expand(model.channels, -1)
    rest = there.process(np.zeros((there.channels, 0), np.float32), last=True)
    yield torch.from_numpy(rest).expand(model.channels, -1)


def fit_length(blocks: Iterable[Audio], frames: int) -> Iterator[Audio]:
    """Cut or fill up the few samples that two roundings of the length may differ by."""
    left = frames
    for block in blocks:
        kept = block[..., :left]
        yield kept
        left -= kept.shape[-1]
    yield np.zeros((*block.shape[:-1], left), np.float32)


def checked_peak(stems: Audio, mix: MixReader, done: int) -> float:
    """The peak of a block that begins after `done` samples.

    Raises:
        ValueError: it has NaN or Inf.
    """
    peak = float(np.abs(stems).max(initial=0))
    if not math.isfinite(peak):
        raise ValueError(
            f"{mix.path}: the model answers with NaN or Inf after {done / mix.sample_rate:.1f} s; "
            "lower the mix's level or choose another model"
        )
    return peak
