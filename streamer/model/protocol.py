"""The model interface that everything streams through, and models made of such models.

Shape letters: `s` stem, `c` channel, `n` sample.
"""

from typing import Any, Protocol

import torch
from torch import Tensor


class StreamingModel(Protocol):
    """A network that takes audio block by block; its state is a value.

    The law: with `latency` samples of delay, stepping gives what stepping over the whole signal
    gives, `streamed[n + latency] == render(mix)[n]`, whatever happens around the model.
    """

    @property
    def sample_rate(self) -> int:
        """Hz."""

    @property
    def channels(self) -> int:
        """Channels of the mix."""

    @property
    def stems(self) -> tuple[str, ...]:
        """Names, in the order of the output's first dimension."""

    @property
    def block_size(self) -> int:
        """Samples that one step takes and gives."""

    @property
    def latency(self) -> int:
        """Samples, exact and constant."""

    @property
    def device(self) -> torch.device:
        """Device of blocks and states."""

    def init_state(self) -> Any:
        """The state before the first sample: silence."""

    def step(self, block: Tensor, state: Any) -> tuple[Tensor, Any]:
        """[c, block_size] -> [s, c, block_size] and the next state; the old one stays valid."""


def check_attributes(thing: object, protocol: type, kind: str) -> None:
    """Refuse what lacks a part of a protocol.

    Raises:
        TypeError: something is missing; `kind` is named.
    """
    names = [name for name in vars(protocol) if not name.startswith("_")]
    missing = [name for name in names if not hasattr(thing, name)]
    if missing:
        raise TypeError(
            f"{kind} must have {', '.join(names)}; "
            f"{type(thing).__name__} has no {', '.join(missing)}"
        )


def check_streaming(model: object) -> None:
    """Refuse what is no streaming model, as `check_attributes`."""
    check_attributes(model, StreamingModel, "a streaming model (an offline network in a Chunked)")
