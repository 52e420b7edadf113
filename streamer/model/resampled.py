"""A streaming model at another sample rate: a device at 44.1 kHz around a network at 48 kHz.

    block ─► filter ─► frames wait for a whole block ─► model ─► stems wait ─► filter ─► block

The filters are those of `Resampler`, to the coefficient, but not its machinery: soxr works in long
FFTs and lets 20 ms of a stream wait each way. Here its impulse response, read once, is applied as a
matrix to fixed windows of the stream, and what waits is half a filter, 2.4 ms.

Time is counted in units of `1 / (p r)` seconds for rates `q r` and `p r` without a common divisor:
all frames of both rates lie on whole units, `p` apart at the one and `q` at the other.

Shape letters: `s` stem, `c` channel, `n` sample, `g` group, `w` sample of a window.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from restem.streamer.model.protocol import StreamingModel
from restem.streamer.resampler import Audio, Resampler

HALF = 106  # frames of the lower rate: where soxr's HQ filters have ended, to 1e-7 of their peak
LOWEST_RATE, HIGHEST_RATE = 8000, 192000  # Hz
LARGEST_TERM = 2048  # of a ratio of rates
GROUP = 256  # frames that one product of matrices takes or gives, about


class ResampledState(NamedTuple):
    """State between steps."""

    input: Tensor  # [c, n] the device's newest frames
    waiting: Tensor  # [c, n] frames at the model's rate, less than a block of it
    model: Any
    ready: Tensor  # [s, c, n] stems at the model's rate, as far back as the filter looks
    early_frames: int  # still to come out of the first filter before the mix's first
    early_stems: int  # still to come out of the model before the stems' first


class Resampled:
    """Run a streaming model at another sample rate than its own.

    What it answers is what `restem render` writes for a file of that rate, to float rounding, but
    for the end: there a file stops, and a stream hears the model's answer to the silence after it.

    A step takes the whole periods of both rates that fit into a block of the model, at least one,
    and the model steps as often as a block of it is complete. Where a period is not longer than the
    model's block, that is at most once. Smaller blocks are input sooner, for less re-blocking
    before them, but then most steps only wait and some take all the time: whoever measures steps
    or gives them time must know that.

    Args:
        model: what to run.
        sample_rate: Hz, of the device.
        block_size: samples in a step, whole periods; None for as near to the model's as they fit.
        in_step: the model begins with silence, as long as the filter's delay, so that its blocks
            end with the stream's where they are whole periods: for a block of latency less. The
            windows of an offline network then lie elsewhere in the mix than in a file's render.

    Raises:
        ValueError: the rate is out of range, or its ratio to the model's has terms above 2048, or
            the block is no whole number of periods.
    """

    def __init__(
        self,
        model: StreamingModel,
        sample_rate: int,
        block_size: int | None = None,
        in_step: bool = False,
    ) -> None:
        p, q = _ratio(sample_rate, model.sample_rate)
        self.model = model
        if block_size is not None and (block_size < 1 or block_size % p):
            raise ValueError(
                f"block_size must be a multiple of {p} samples, the period of {sample_rate} and "
                f"{model.sample_rate} Hz, got {block_size}"
            )
        self.sample_rate = sample_rate
        self.channels, self.stems, self.device = model.channels, model.stems, model.device
        periods = block_size // p if block_size else _fitting_periods(model.block_size, q)
        self.block_size, self._inner = periods * p, periods * q
        self._delay = _filter_delay(p, q)
        self._lead = self._delay % model.block_size if in_step else 0  # silence before the mix
        self.latency = self._count_latency(p, q)
        self._there = _Filter(sample_rate, model.sample_rate, -self._delay, periods, model.device)
        self._back = _Filter(model.sample_rate, sample_rate, -self.latency, periods, model.device)

    def _count_latency(self, p: int, q: int) -> int:
        size, periods = self.model.block_size, self._inner // q
        return _least_latency(size, self.model.latency, periods, p, q, self._lead)

    def init_state(self) -> ResampledState:
        mix, stems = (self.channels,), (len(self.stems), self.channels)
        return ResampledState(
            input=self._silence(*mix, -self._there.start),
            waiting=self._silence(*mix, self._lead),
            model=self.model.init_state(),
            ready=self._silence(*stems, -self._back.start),
            early_frames=self._delay,
            early_stems=self.model.latency + self._lead,
        )

    def _silence(self, *shape: int) -> Tensor:
        return torch.zeros(shape, dtype=torch.float32, device=self.device)

    def step(self, block: Tensor, state: ResampledState) -> tuple[Tensor, ResampledState]:
        """[c, block_size] -> [s, c, block_size] and the next state."""
        input = torch.cat((state.input, block), dim=-1)
        early = min(state.early_frames, self._inner)
        waiting = torch.cat((state.waiting, self._there(input)[:, early:]), dim=-1)
        inner, early_stems, ready = state.model, state.early_stems, [state.ready]
        size = self.model.block_size
        while waiting.shape[-1] >= size:
            stems, inner = self.model.step(waiting[:, :size].clone(), inner)
            waiting = waiting[:, size:]
            cut = min(early_stems, size)
            early_stems -= cut
            ready.append(stems[..., cut:])
        joined = torch.cat(ready, dim=-1)
        return self._back(joined), ResampledState(
            input=input[:, self.block_size :],
            waiting=waiting,
            model=inner,
            ready=joined[..., self._inner :],
            early_frames=state.early_frames - early,
            early_stems=early_stems,
        )


def _fitting_periods(block_size: int, q: int) -> int:
    """Whole periods in a block of the model, at least one."""
    return max(1, block_size // q)


def _filter_delay(p: int, q: int) -> int:
    """Samples of the first filter, at the model's rate."""
    return HALF * max(p, q) // p


def _least_latency(
    size: int, model_latency: int, periods: int, p: int, q: int, lead: int = 0
) -> int:
    """The least delay with which the second filter always finds the stems it looks at.

    A frame `n` looks at stems until `n q + reach`, in units of time. How many there are after
    `k` steps repeats itself when the mix's and the model's blocks end together.
    """
    inner, reach, latency = periods * q, HALF * max(p, q), 0
    for k in range(1, math.lcm(inner, size) // inner + 1):
        blocks = (k * inner - _filter_delay(p, q) + lead) // size
        stems = blocks * size - model_latency - lead
        latency = max(latency, (k * periods * p * q + reach - stems * p) // q)
    return latency


def sizes_at_rate(
    block_size: int, latency: int, model_rate: int, sample_rate: int
) -> tuple[int, int]:
    """Block size and latency that `at_rate` would give a model, in samples, without the model.

    Args:
        block_size, latency: of the model.
        model_rate, sample_rate: Hz; its own, and the device's.

    Raises:
        ValueError: as `Resampled`.
    """
    if sample_rate == model_rate:
        return block_size, latency
    p, q = _ratio(sample_rate, model_rate)
    periods = _fitting_periods(block_size, q)
    return periods * p, _least_latency(block_size, latency, periods, p, q)


def at_rate(model: StreamingModel, sample_rate: int) -> StreamingModel:
    """The model at a device's sample rate, in Hz: itself where that is its own.

    Raises:
        ValueError: as `Resampled`.
    """
    return model if sample_rate == model.sample_rate else Resampled(model, sample_rate)


def can_stream(sample_rate: int, model_rate: int) -> bool:
    """Rates between which there is a stream; whole signals may be at any.

    Raises:
        ValueError: the sample rate is out of range.
    """
    return max(_terms(sample_rate, model_rate)) <= LARGEST_TERM


def _ratio(sample_rate: int, model_rate: int) -> tuple[int, int]:
    """Both rates without their common divisor, which must be small."""
    terms = _terms(sample_rate, model_rate)
    if max(terms) > LARGEST_TERM:
        raise ValueError(
            f"{sample_rate} Hz to the model's {model_rate} Hz is {terms[0]}:{terms[1]}, and terms "
            f"above {LARGEST_TERM} are not offered in a stream; set the device to a usual rate "
            "such as 44100, or process the whole signal at once"
        )
    return terms


def _terms(sample_rate: int, model_rate: int) -> tuple[int, int]:
    if not LOWEST_RATE <= sample_rate <= HIGHEST_RATE:
        raise ValueError(
            f"sample_rate must be in [{LOWEST_RATE}, {HIGHEST_RATE}] Hz, got {sample_rate}"
        )
    divisor = math.gcd(sample_rate, model_rate)
    return sample_rate // divisor, model_rate // divisor


class _Filter:
    """Samples at a target rate, a block at a time, from fixed windows at the source rate.

    Block `k` begins with the target's sample `first + k * count`; its window begins with the
    source's sample `start + k * source_count`.
    """

    def __init__(
        self, source_rate: int, target_rate: int, first: int, periods: int, device: torch.device
    ) -> None:
        divisor = math.gcd(source_rate, target_rate)
        p, q = source_rate // divisor, target_rate // divisor
        fitting = [n for n in range(1, GROUP // max(p, q) + 1) if periods % n == 0]
        group = max(fitting, default=1)  # periods in one row of the product
        self.start, matrix = _filter_matrix(source_rate, target_rate, first, group * q)
        self._matrix = torch.from_numpy(matrix).to(device, torch.float64)
        self._hop = group * p
        self._width = matrix.shape[0] + (periods - group) * p

    def __call__(self, audio: Tensor) -> Tensor:
        """[.., n] from the window's begin -> [.., count]."""
        windows = audio[..., : self._width].unfold(-1, self._matrix.shape[0], self._hop)
        return (windows.double() @ self._matrix).flatten(-2).float()  # [.., g, w] -> [.., n]


def _filter_matrix(source_rate: int, target_rate: int, first: int, count: int) -> tuple[int, Audio]:
    """Filters of target samples [first, first + count).

    Returns:
        The first source sample that matters, and [w, count] from the source's to the target's.
    """
    divisor = math.gcd(source_rate, target_rate)
    p, q = source_rate // divisor, target_rate // divisor
    reach = HALF * max(p, q)
    start = -((reach - first * p) // q)
    stop = ((first + count - 1) * p + reach) // q + 1
    source = np.arange(start, stop)[:, None]
    target = np.arange(first, first + count)[None]
    # An impulse for each phase of a period, one period and one sample after the other.
    spacing = math.ceil((2 * reach + q) / (p * q)) * p + 1
    impulses = np.zeros((1, (p + 2) * spacing), np.float32)
    impulses[0, spacing : (p + 1) * spacing : spacing] = 1
    answer = Resampler(source_rate, target_rate, 1).process(impulses, last=True)[0]
    # Where the phase of `source` was input: both rates move on by whole periods.
    at = spacing * (1 + (source - spacing) % p)
    input = target + (at - source) // p * q
    near = np.abs(target * p - source * q) <= reach
    return start, np.where(near, answer[np.where(near, input, 0)], np.float32(0))
