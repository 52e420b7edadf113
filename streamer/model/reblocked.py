"""A streaming model that takes blocks of another size than its own, or of any size.

    mix ─► waiting, less than a block of the model ─► model ─► ready ─► stems

Shape letters: `s` stem, `c` channel, `n` sample.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from restem.streamer.model.protocol import StreamingModel, check_streaming


class ReblockedState(NamedTuple):
    """State between steps."""

    waiting: Tensor  # [c, n], less than a block of the model
    ready: tuple[Tensor, ...]  # [s, c, n] each, stems that no block has asked for
    model: Any


class Reblocked:
    """Cut and join blocks to fit a model.

    That costs `reblocking` samples of latency; less is impossible.

    Args:
        model: what to run.
        block_size: samples in every step, or None if steps may differ.

    Raises:
        TypeError: it is no streaming model.
    """

    def __init__(self, model: StreamingModel, block_size: int | None) -> None:
        check_streaming(model)
        self.model = model
        self.sample_rate, self.channels, self.stems = model.sample_rate, model.channels, model.stems
        self.device = model.device
        self.block_size = 1 if block_size is None else block_size
        self.reblocking = reblocking(block_size, model.block_size)
        self.latency = model.latency + self.reblocking

    def init_state(self) -> ReblockedState:
        shape = len(self.stems), self.channels, self.reblocking
        waiting = _silence(self.channels, 0, device=self.device)
        return ReblockedState(
            waiting, (_silence(*shape, device=self.device),), self.model.init_state()
        )

    def step(self, block: Tensor, state: ReblockedState) -> tuple[Tensor, ReblockedState]:
        """[c, n] -> [s, c, n] and the next state."""
        waiting = torch.cat((state.waiting, block), dim=-1)
        size, inner, ready = self.model.block_size, state.model, [*state.ready]
        whole = waiting.shape[-1] // size * size
        for start in range(0, whole, size):
            with torch.inference_mode():
                stems, inner = self.model.step(waiting[:, start : start + size].clone(), inner)
            ready.append(stems)
        answer, rest = self._cut(ready, block.shape[-1])
        return answer, ReblockedState(waiting[:, whole:].clone(), rest, inner)

    def _cut(self, ready: Sequence[Tensor], count: int) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The first `count` samples of all that is ready, and the rest."""
        # The empty part is the shape of an empty answer; cat makes what callers may change.
        shape = len(self.stems), self.channels, 0
        parts, rest = [_silence(*shape, device=self.device)], []
        for part in ready:
            now, later = part[..., :count], part[..., count:]
            count -= now.shape[-1]
            parts.append(now)
            rest += [later] if later.shape[-1] else []
        return torch.cat(parts, dim=-1), tuple(rest)


def reblocking(given: int | None, wanted: int) -> int:
    """The least latency of blocks of one size, None if it may vary, to blocks of another."""
    return wanted - (1 if given is None else math.gcd(given, wanted))


def reblocked(model: StreamingModel, block_size: int) -> StreamingModel:
    """The model in blocks of that size: itself where they are its own."""
    return model if block_size == model.block_size else Reblocked(model, block_size)


def _silence(*shape: int, device: torch.device) -> Tensor:
    return torch.zeros(*shape, dtype=torch.float32, device=device)
