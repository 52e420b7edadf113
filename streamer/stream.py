"""Any host block size over any streaming model, and the render of whole signals on the same path.

Shape letters: `s` stem, `c` channel, `n` sample.
"""

import math
from collections import deque
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from restem.streamer.model.protocol import StreamingModel


class Stream:
    """One running stream: owns a state and re-blocks for the host.

    A model steps in blocks of `block_size`; the host's blocks are cut and joined to fit. That costs
    `block_size - gcd(host_block, block_size)` samples if every host block has one size, and
    `block_size - 1` if they may vary; less is impossible.

    Args:
        model: what to run. Many streams may run on one model.
        host_block: samples in every call of `process`, or None if calls may differ.

    Raises:
        ValueError: `host_block` is below 1.
    """

    def __init__(self, model: StreamingModel, host_block: int | None = None) -> None:
        if host_block is not None and host_block < 1:
            raise ValueError(f"host_block must be at least 1 sample, got {host_block}")
        self.model = model
        self.host_block = host_block
        self.reset()

    @property
    def reblocking(self) -> int:
        """Samples of latency that the host's block size costs."""
        size = self.model.block_size
        return size - (1 if self.host_block is None else math.gcd(self.host_block, size))

    @property
    def latency(self) -> int:
        """Samples from the mix to the stems, exact and constant."""
        return self.model.latency + self.reblocking

    def reset(self) -> None:
        """Forget everything heard so far."""
        model = self.model
        self._state = model.init_state()
        self._pending = torch.zeros(model.channels, model.block_size, device=model.device)
        self._filled = 0
        shape = (len(model.stems), model.channels, self.reblocking)
        self._ready = deque([torch.zeros(shape, device=model.device)])

    @torch.no_grad()
    def process(self, audio: Tensor) -> Tensor:
        """Take the mix's next samples, give as many of every stem, `latency` samples late.

        Args:
            audio: [c, n] float32, on any device; n is `host_block`, or anything if that is None.

        Returns:
            [s, c, n] on the device of `audio`.

        Raises:
            TypeError: it is no tensor.
            ValueError: the shape is another one.
        """
        self._check(audio)
        count, taken = audio.shape[-1], 0
        audio_here = audio.to(self.model.device, torch.float32)
        while taken < count:
            room = min(self.model.block_size - self._filled, count - taken)
            fresh = audio_here[:, taken : taken + room]
            self._pending[:, self._filled : self._filled + room] = fresh
            self._filled += room
            taken += room
            if self._filled == self.model.block_size:
                with torch.inference_mode():
                    block = self._pending.clone()
                    stems, self._state = self.model.step(block, self._state)
                self._ready.append(stems)
                self._filled = 0
        return self._pull(count).to(audio.device)

    def _check(self, audio: Tensor) -> None:
        if not isinstance(audio, Tensor):
            raise TypeError(f"audio must be a torch.Tensor, got {type(audio).__name__}")
        if audio.ndim != 2 or audio.shape[0] != self.model.channels:
            expected = f"[{self.model.channels} channels, samples]"
            raise ValueError(f"audio must be {expected}, got {list(audio.shape)}")
        if self.host_block is not None and audio.shape[1] != self.host_block:
            raise ValueError(
                f"this stream was promised blocks of {self.host_block} samples, "
                f"got {audio.shape[1]}; leave host_block out if they may vary"
            )

    def _pull(self, count: int) -> Tensor:
        # The empty part is the shape of an empty answer; cat makes what callers may change.
        shape = (len(self.model.stems), self.model.channels, 0)
        parts = [torch.zeros(shape, device=self.model.device)]
        while count:
            first = self._ready.popleft()
            if first.shape[-1] > count:
                self._ready.appendleft(first[..., count:])
                first = first[..., :count]
            parts.append(first)
            count -= first.shape[-1]
        return torch.cat(parts, dim=-1)


def render_blocks(model: StreamingModel, blocks: Iterable[Tensor]) -> Iterator[Tensor]:
    """Restore a signal that comes in blocks: what a stream plays, with its latency cut off.

    Memory does not grow with the signal.

    Args:
        model: what to run.
        blocks: [c, n] each, of any sizes.

    Yields:
        [s, c, m]; all of them together are as long as all blocks together.
    """
    stream = Stream(model)
    early = stream.latency  # samples still to come out before the signal's first
    for block in _with_silence(blocks, model, stream.latency):
        stems = stream.process(block)
        cut = min(early, stems.shape[-1])
        early -= cut
        yield stems[..., cut:]


def _with_silence(
    blocks: Iterable[Tensor], model: StreamingModel, samples: int
) -> Iterator[Tensor]:
    device = None
    for block in blocks:
        device = block.device
        yield block
    silence = torch.zeros(model.channels, model.block_size, device=device)
    for start in range(0, samples, model.block_size):
        yield silence[:, : samples - start]


def render(model: StreamingModel, audio: Tensor) -> Tensor:
    """Restore a whole signal, on the path that streams it.

    Args:
        model: what to run.
        audio: [c, n] at the model's sample rate.

    Returns:
        [s, c, n], aligned with `audio`, on its device.
    """
    return torch.cat([*render_blocks(model, audio.split(model.block_size, dim=-1))], dim=-1)
