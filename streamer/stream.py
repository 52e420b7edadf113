"""Any host block size over any streaming model, and the render of whole signals on the same path.

Shape letters: `s` stem, `c` channel, `n` sample.
"""

import math
from collections.abc import Iterable, Iterator
from typing import Any, overload

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from restem.streamer.model.protocol import StreamingModel, check_streaming
from restem.streamer.model.reblocked import Reblocked
from restem.streamer.resampler import Audio, Resampler

HIGHEST_PEAK = 1000.0  # louder than any mix; 16-bit integers that are no whisper are above it


class Stream:
    """One running stream: owns a state and re-blocks for the host.

    A model steps in blocks of `block_size`; the host's blocks are cut and joined to fit. That costs
    `block_size - gcd(host_block, block_size)` samples if every host block has one size, and
    `block_size - 1` if they may vary; less is impossible.

    Args:
        model: what to run. Many streams may run on one model.
        host_block: samples in every call of `process`, or None if calls may differ.

    Raises:
        TypeError: it is no streaming model.
        ValueError: `host_block` is below 1.
    """

    def __init__(self, model: StreamingModel, host_block: int | None = None) -> None:
        check_streaming(model)
        if host_block is not None and host_block < 1:
            raise ValueError(f"host_block must be at least 1 sample, got {host_block}")
        self.model = model
        self.host_block = host_block
        self._reblocked = Reblocked(model, host_block)
        self.reset()

    @property
    def reblocking(self) -> int:
        """Samples of latency that the host's block size costs."""
        return self._reblocked.reblocking

    @property
    def latency(self) -> int:
        """Samples from the mix to the stems, exact and constant."""
        return self._reblocked.latency

    def reset(self) -> None:
        """Forget everything heard so far."""
        self._state = self._reblocked.init_state()

    def process(self, audio: Tensor | NDArray[Any]) -> Tensor:
        """Take the mix's next samples, give as many of every stem, `latency` samples late.

        A call that raises has taken nothing: the stream is where it was before.

        Args:
            audio: [c, n] in floating point, full scale ±1, on any device; n is `host_block`, or
                anything if that is None.

        Returns:
            [s, c, n] float32 on the device of `audio`.

        Raises:
            TypeError: it is neither a tensor nor an array, or not in floating point.
            ValueError: the shape is another one, or the level that of integers.
        """
        audio = as_audio(audio, self.model.channels)
        check_level(audio)
        return self.advance(audio)

    @torch.no_grad()
    def advance(self, audio: Tensor) -> Tensor:
        """`process` at any level, for hosts that know what they send."""
        count = audio.shape[-1]
        if self.host_block is not None and count != self.host_block:
            raise ValueError(
                f"this stream was promised blocks of {self.host_block} samples, "
                f"got {count}; leave host_block out if they may vary"
            )
        here = audio.to(self.model.device, torch.float32)
        answer, self._state = self._reblocked.step(here, self._state)
        return answer.to(audio.device)


def render_blocks(
    model: StreamingModel, blocks: Iterable[Tensor | NDArray[Any]]
) -> Iterator[Tensor]:
    """Restore a signal that comes in blocks: what a stream plays, with its latency cut off.

    Memory does not grow with the signal.

    Args:
        model: what to run.
        blocks: [c, n] each, of any sizes, in floating point, at any level.

    Yields:
        [s, c, m]; all of them together are as long as all blocks together.

    Raises:
        TypeError, ValueError: as `Stream.process`, but for the level.
    """
    stream = Stream(model)
    early = stream.latency  # samples still to come out before the signal's first
    for block in _with_silence(blocks, model, stream.latency):
        stems = stream.advance(block)
        cut = min(early, stems.shape[-1])
        early -= cut
        yield stems[..., cut:]


def _with_silence(
    blocks: Iterable[Tensor | NDArray[Any]], model: StreamingModel, samples: int
) -> Iterator[Tensor]:
    device = torch.device("cpu")
    for block in blocks:
        audio = as_audio(block, model.channels)
        device = audio.device
        yield audio
    silence = _silence(model.channels, model.block_size, device=device)
    for start in range(0, samples, model.block_size):
        yield silence[:, : samples - start]


@overload
def render(model: StreamingModel, audio: Tensor | NDArray[Any]) -> Tensor: ...
@overload
def render(model: StreamingModel, audio: Tensor, sample_rate: int) -> Tensor: ...
@overload
def render(model: StreamingModel, audio: NDArray[Any], sample_rate: int) -> Audio: ...
def render(
    model: StreamingModel, audio: Tensor | NDArray[Any], sample_rate: int | None = None
) -> Tensor | Audio:
    """Restore a whole signal, on the path that streams it.

    Args:
        model: what to run.
        audio: [c, n] in floating point, full scale ±1.
        sample_rate: Hz, of `audio` and the answer; the model's if None.

    Returns:
        [s, c, n] float32, aligned with `audio`, on its device; an array if it is one and its sample
        rate is given.

    Raises:
        TypeError, ValueError: as `Stream.process`, or the sample rate is no whole number.
    """
    check_streaming(model)
    wave = as_audio(audio, model.channels)
    check_level(wave)
    if sample_rate is None:
        return render_whole(model, wave)
    if sample_rate != round(sample_rate) or sample_rate < 1:
        raise ValueError(f"sample_rate must be a whole number of Hz, got {sample_rate}")
    stems = render_converted(model, wave, round(sample_rate))
    return stems.numpy() if isinstance(audio, np.ndarray) else stems.to(wave.device)


def render_whole(model: StreamingModel, audio: Tensor) -> Tensor:
    """`render` at any level."""
    return torch.cat([*render_blocks(model, audio.split(model.block_size, dim=-1))], dim=-1)


def render_converted(model: StreamingModel, audio: Tensor, sample_rate: int) -> Tensor:
    """`render` at any level and sample rate: converted before and after, as files are."""
    if sample_rate == model.sample_rate:
        return render_whole(model, audio)
    there = Resampler(sample_rate, model.sample_rate, model.channels)
    wide = there.process(audio.cpu().float().numpy(), last=True)
    stems = render_whole(model, torch.from_numpy(wide.copy()))
    shape, samples = (len(model.stems), model.channels), audio.shape[-1]
    back = Resampler(model.sample_rate, sample_rate, math.prod(shape))
    rows = back.process(stems.flatten(0, 1).cpu().numpy(), last=True)[:, :samples]
    rows = np.pad(rows, ((0, 0), (0, samples - rows.shape[1])))
    return torch.from_numpy(rows.reshape(*shape, samples))


def as_audio(audio: object, channels: int) -> Tensor:
    """A tensor as it is, an array as a tensor: [c, n].

    Raises:
        TypeError: it is neither, or not in floating point.
        ValueError: the shape is another one.
    """
    if not isinstance(audio, Tensor | np.ndarray):
        kinds = "a torch.Tensor or a numpy.ndarray"
        raise TypeError(f"audio must be {kinds}, got {type(audio).__name__}")
    floats = audio.dtype.is_floating_point if isinstance(audio, Tensor) else audio.dtype.kind == "f"
    if not floats:
        raise TypeError(f"audio must be in floating point, full scale ±1, got {audio.dtype}")
    if audio.ndim != 2 or audio.shape[0] != channels:
        raise ValueError(f"audio must be [{channels} channels, samples], got {list(audio.shape)}")
    # A copy: PyTorch warns of arrays that must not be written.
    return audio if isinstance(audio, Tensor) else torch.from_numpy(np.array(audio, np.float32))


def check_level(audio: Tensor) -> None:
    """Refuse integers that were only made floats; NaN passes.

    Raises:
        ValueError: the peak is more than 60 dB above full scale.
    """
    peak = float(audio.abs().max()) if audio.numel() else 0.0
    if peak > HIGHEST_PEAK:
        raise ValueError(
            f"audio must have full scale ±1, got a peak of {peak:g}; "
            "divide 16-bit integers by 32768"
        )


def _silence(*shape: int, device: torch.device) -> Tensor:
    return torch.zeros(*shape, dtype=torch.float32, device=device)
