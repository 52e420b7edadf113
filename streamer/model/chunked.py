"""Any offline network as a streaming model: windows with context and lookahead, crossfaded.

    | context | block | fade | lookahead |     what the network sees each step
              ^^^^^^^^^^^^^^                   what is used of its answer

Each step the window moves on by one block. The answer's fade is kept and crossfaded into the next
answer's first samples, two estimates of the same passage. The newest sample that leaves a step is
`fade + lookahead` samples old: the latency.

Shape letters: `s` stem, `c` channel, `n` sample.
"""

from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor

from restem.streamer.model.protocol import check_attributes


class OfflineModel(Protocol):
    """A network that restores a whole signal at once, to the same length."""

    @property
    def sample_rate(self) -> int:
        """Hz."""

    @property
    def stems(self) -> tuple[str, ...]:
        """Names, in the order of the output's first dimension."""

    @property
    def channels(self) -> int:
        """Channels of each stem."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The input's shape without time: (c,) for a mix, (s, c) for stems."""

    @property
    def device(self) -> torch.device:
        """Device of the network."""

    def __call__(self, audio: Tensor) -> Tensor:
        """[*input_shape, n] -> [s, c, n]."""


@runtime_checkable
class SlidingModel(Protocol):
    """An offline network that gives a part of its answer for less than the whole one.

    Nor need it do all anew for a window that is only a little later than the last.
    """

    def prepare_window(self, window: Tensor, hop: int) -> Any | None:
        """Cache of a first window; None if windows `hop` samples apart share too little."""

    def step_window(
        self, window: Tensor, kept: Any, hop: int, start: int, stop: int
    ) -> tuple[Tensor, Any]:
        """The samples [start, stop) of the answer, and what is kept of this window.

        Args:
            window: [*input_shape, n], `hop` samples later than the last one.
            kept: what was kept of that, or None.
        """


class ChunkedState(NamedTuple):
    """State between steps; every shape is fixed."""

    past: Tensor  # [*input_shape, window - block], the newest samples
    tail: Tensor  # [s, c, fade], the last answer's fade
    silence: Tensor  # [], samples still to come out before the signal's first
    kept: Any = None  # what a `SlidingModel` keeps of the last window


class Chunked:
    """Run an offline network window by window.

    The answer equals the network's answer to the whole signal where its receptive field fits into
    context and lookahead; elsewhere it is an approximation that more of both improves.

    Args:
        network: the offline network.
        block_size: samples that one step takes and gives.
        context: samples of the past that the network sees beside the block.
        fade: samples over which neighbouring answers are crossfaded, at most `block_size`.
        lookahead: samples of the future that the network sees.
        keeps: a `SlidingModel` keeps what windows share; the same answers, for less.

    Raises:
        TypeError: the network lacks a part of `OfflineModel`.
        ValueError: a size is out of range.
    """

    def __init__(
        self,
        network: OfflineModel,
        *,
        block_size: int,
        context: int = 0,
        fade: int = 0,
        lookahead: int = 0,
        keeps: bool = True,
    ) -> None:
        check_attributes(network, OfflineModel, "an offline network")
        if block_size < 1:
            raise ValueError(f"block_size must be at least 1 sample, got {block_size}")
        if context < 0 or lookahead < 0:
            raise ValueError(
                f"context and lookahead must not be negative, got {context} and {lookahead}"
            )
        if not 0 <= fade <= block_size:
            raise ValueError(f"fade must be in [0, block_size={block_size}], got {fade}")
        self.network = network
        self.input_shape = tuple(network.input_shape)
        self.sample_rate = network.sample_rate
        self.channels = network.channels
        self.stems = network.stems
        self.device = network.device
        self.block_size, self.context = block_size, context
        self.fade, self.lookahead = fade, lookahead
        self.keeps = keeps
        self.window = context + block_size + fade + lookahead
        self.latency = fade + lookahead
        ramp = (torch.arange(fade, device=self.device, dtype=torch.float32) + 0.5) / max(fade, 1)
        self._positions = torch.arange(block_size, device=self.device)
        self._rise = torch.sin(0.5 * torch.pi * ramp) ** 2

    def init_state(self) -> ChunkedState:
        shape = (*self.network.input_shape, self.window - self.block_size)
        past = torch.zeros(shape, dtype=torch.float32, device=self.device)
        shape = len(self.stems), self.channels, self.fade
        tail = torch.zeros(shape, dtype=torch.float32, device=self.device)
        kept = None
        if self.keeps and isinstance(self.network, SlidingModel):
            shape = (*self.network.input_shape, self.window)
            silence = torch.zeros(shape, dtype=torch.float32, device=self.device)
            kept = self.network.prepare_window(silence, self.block_size)
        return ChunkedState(past, tail, torch.tensor(self.latency, device=self.device), kept)

    def step(self, block: Tensor, state: ChunkedState) -> tuple[Tensor, ChunkedState]:
        """[*input_shape, block_size] -> [s, c, block_size] and the next state.

        Raises:
            ValueError: the network's answer has another shape than it says.
        """
        window = torch.cat((state.past, block), dim=-1)
        answer, kept = self._restore(window, state.kept)
        head, rest, tail = answer.split_with_sizes(
            (self.fade, self.block_size - self.fade, self.fade), dim=-1
        )
        out = torch.cat((crossfade(state.tail, head, self._rise), rest), dim=-1)
        # Zero the answer to the padding before the first sample.
        out.masked_fill_(self._positions < state.silence, 0)
        past, silence = window[..., self.block_size :], state.silence - self.block_size
        return out, ChunkedState(past, tail.clone(), silence.clamp_min(0), kept)

    def _restore(self, window: Tensor, kept: Any) -> tuple[Tensor, Any]:
        start, stop = self.context, self.context + self.block_size + self.fade
        if isinstance(self.network, SlidingModel):
            answer, kept = self.network.step_window(window, kept, self.block_size, start, stop)
            return self._checked(answer, stop - start), kept
        return self._checked(self.network(window), self.window)[..., start:stop], None

    def _checked(self, answer: Tensor, samples: int) -> Tensor:
        if answer.shape != (len(self.stems), self.channels, samples):
            raise ValueError(
                f"{type(self.network).__name__} must answer [{len(self.stems)} stems, "
                f"{self.channels} channels, {samples} samples], got {list(answer.shape)}"
            )
        return answer


def crossfade(old: Tensor, new: Tensor, rise: Tensor) -> Tensor:
    """Fade from `old` to `new`, two estimates of the same passage; exact where they agree.

    Args:
        old, new: [.., n].
        rise: [n], from 0 to 1; sin² here: correlated estimates would bump at equal power.
    """
    return old + rise * (new - old)
