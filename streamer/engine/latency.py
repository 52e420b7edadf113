"""The latency of an engine, counted once, and the size of its rings."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from restem.streamer.engine.playback_kernel import LARGEST

FADE = 128  # frames between stems and dry mix


@dataclass(frozen=True)
class Latency:
    """Frames from the mix to the stems, by cause."""

    model: int
    reblocking: int
    allowance: int
    fade: int

    @property
    def total(self) -> int:
        return self.model + self.reblocking + self.allowance + self.fade


def count_latency(
    model: Mapping[str, Any],
    host_block: int | None,
    allowance: int | None,
    varies: bool = False,
) -> Latency:
    """Count the latency of a model behind the rings.

    A worker begins a step when a callback has handed it the block's last frame, and has until a
    later callback wants the answer: whole host blocks, at least one.

    Args:
        model: its block_size and latency.
        host_block: frames in every callback, or None if they may differ (up to `LARGEST`).
        allowance: frames that a step may take, None for one block.
        varies: callbacks may have fewer than `host_block`, as where a host divides its own.
    """
    size = int(model["block_size"])
    host = host_block or LARGEST
    wanted = size if allowance is None else allowance
    reblocking = size - (1 if host_block is None or varies else math.gcd(host, size))
    return Latency(int(model["latency"]), reblocking, max(1, -(-wanted // host)) * host, FADE)


def count_capacity(latency: int, block_size: int) -> int:
    """Frames of the rings: half of them is what a worker may be behind, a quarter what warms it."""
    return 1 << (4 * (latency + 2 * block_size + LARGEST) - 1).bit_length()
