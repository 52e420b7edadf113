"""DTT-BSR+: a generative separator, then a regression network that repairs its output.

    mix -> separator (one DTT-BSR or DTTNet a stem) -> repair (one Demucs-L a stem) -> stems

After arXiv 2606.24127. Both stages are offline networks here: `forward` takes a whole signal or a
window of one, and gives the samples [start, stop) of the answer, for the cost of what these depend
on. The separator sees all of the window; the repair's receptive field is finite, so a window with
`context` and `lookahead` samples around a passage gives that passage exactly.

Shape letters: `g` network, `b` batch, `s` stem, `c` channel, `n` sample.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from restem.models.demucs import Demucs
from restem.models.inference.demucs import StackedDemucs
from restem.models.inference.frozen import module_list
from restem.models.inference.one_by_one import OneByOne
from restem.models.inference.unet import EncoderCache, StackedUNet

CHANNELS = 2
WindowCache = tuple[EncoderCache, ...] | None  # of a window, what the next one may be made from


class Separator(nn.Module):
    """Stage 1: one network a stem; mono networks take left and right as a batch.

    Args:
        networks: by stem.
        sample_rate: Hz.
        dtype: what they compute in; see `StackedUNet`.
        together: networks of one configuration run as one, which is for GPUs: a plain CPU is as
            fast, and takes less memory, with one after the other.
        inference: makes that one; None: they stay as they are.
    """

    def __init__(
        self,
        networks: Mapping[str, Any],
        sample_rate: int,
        dtype: torch.dtype = torch.float32,
        together: bool = False,
        inference: Callable[[Sequence[Any], torch.dtype], nn.Module] | None = StackedUNet,
    ) -> None:
        super().__init__()
        self.stems = tuple(networks)
        self.sample_rate = sample_rate
        self.channels = CHANNELS
        self.input_shape = (CHANNELS,)
        alike: dict[object, list[int]] = {}
        for row, network in enumerate(networks.values()):
            alike.setdefault(network.config if together else row, []).append(row)
        each = [*networks.values()]
        rows = [row for rows in alike.values() for row in rows]
        self.in_order = rows == sorted(rows)
        self.register_buffer("order", torch.tensor(rows).argsort(), persistent=False)
        self.order: Tensor
        stack: Any = inference or OneByOne
        self.stacks = module_list(
            stack([each[row] for row in rows], dtype) for rows in alike.values()
        )

    @property
    def device(self) -> torch.device:
        return self.order.device

    def forward(self, mix: Tensor, start: int = 0, stop: int | None = None) -> Tensor:
        """[c, n] -> [s, c, stop - start]."""
        return self._gather([stack(_batch(stack, mix), start, stop) for stack in self.stacks])

    def prepare_window(self, mix: Tensor, hop: int) -> WindowCache:
        """Prepare a first window, [c, n], for `step_window`.

        Returns:
            None if windows that are `hop` samples apart share too little.
        """
        begun = [stack.prepare_window(_batch(stack, mix), hop) for stack in self.stacks]
        levels = tuple(each for each in begun if each is not None)
        return levels if len(levels) == len(begun) else None

    def step_window(
        self, mix: Tensor, before: WindowCache, hop: int, start: int, stop: int
    ) -> tuple[Tensor, WindowCache]:
        """`forward` for a window that is `hop` samples later than the one before."""
        if before is None:
            return self(mix, start, stop), None
        pairs = [
            stack.step_window(_batch(stack, mix), levels, hop, start, stop)
            for stack, levels in zip(self.stacks, before, strict=True)
        ]
        answers, levels = zip(*pairs, strict=True)
        return self._gather(answers), levels

    def _gather(self, answers: Sequence[Tensor]) -> Tensor:
        """[g, b, c, n] of each stack -> [s, c, n], in the order of the stems."""
        stems = torch.cat([answer.flatten(1, 2) for answer in answers])
        return stems if self.in_order else stems[self.order]


def _batch(stack: Any, audio: Tensor) -> Tensor:
    """[.., c, n] -> [.., b, c, n]: left and right apart, or together, as the networks want them."""
    mono = stack.config.channels == 1
    return audio.unsqueeze(-2 if mono else -3)


class Repair(nn.Module):
    """Stage 2: one network a stem; a stem without one passes unchanged.

    Args:
        networks: by stem, all of one geometry.
        stems: every stem that comes in.
        geometry: a network of that geometry, on any device, for when `networks` is empty.
        sample_rate: Hz.
        dtype: what they compute in; see `StackedDemucs`.
    """

    def __init__(
        self,
        networks: Mapping[str, Demucs],
        stems: Sequence[str],
        geometry: Demucs,
        sample_rate: int,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.stems = tuple(stems)
        self.sample_rate = sample_rate
        self.channels = CHANNELS
        self.input_shape = (len(self.stems), CHANNELS)
        rows = [row for row, stem in enumerate(self.stems) if stem in networks]
        chosen = [networks[self.stems[row]] for row in rows]
        self.stack = StackedDemucs(chosen, dtype) if chosen else None
        self.past, self.lookahead = geometry.receptive_field
        self.stride = geometry.stride
        self.normalizes = geometry.config.normalize
        # Windows one stride apart, or any multiple, then lie on one grid with the whole signal.
        strides = -(-(self.past + self.lookahead) // self.stride)
        self.context = strides * self.stride - self.lookahead
        # Of the stems with a network; on the device, which would wait for an index from elsewhere.
        self.register_buffer("rows", torch.tensor(rows, dtype=torch.long), persistent=False)
        self.rows: Tensor

    @property
    def device(self) -> torch.device:
        return self.rows.device

    def forward(self, stems: Tensor, start: int = 0, stop: int | None = None) -> Tensor:
        """Repair a window: [s, c, n] -> [s, c, stop - start], without its margins.

        The first `context` and the last `lookahead` samples of the answer lack what they depend on.
        """
        if self.stack is None:
            return stems[..., start:stop].clone()
        length, trim = stems.shape[-1], self.stack.trim
        stop = length if stop is None else stop
        padded = pad(stems[self.rows], (0, self.stack.valid_length(length) - length))
        # Silent where convolutions give nothing.
        first, last = max(start, trim), min(stop, padded.shape[-1] - trim)
        wanted = stems[..., start:stop]
        if first >= last:
            return self._joined(wanted, torch.zeros_like(wanted[self.rows]))
        answer = self.stack(_batch(self.stack, padded), first - trim, last - trim).flatten(1, 2)
        return self._joined(wanted, pad(answer, (first - start, stop - last)))

    def prepare_window(self, stems: Tensor, hop: int) -> None:
        """Windows keep nothing."""

    def step_window(
        self, stems: Tensor, before: None, hop: int, start: int, stop: int
    ) -> tuple[Tensor, None]:
        """The samples [start, stop) of a window."""
        return self(stems, start, stop), None

    def process_all(self, stems: Tensor, start: int = 0, stop: int | None = None) -> Tensor:
        """Repair a whole signal, silence before and after it: [s, c, n] -> [s, c, stop - start]."""
        stop = stems.shape[-1] if stop is None else stop
        if self.stack is None:
            return stems[..., start:stop].clone()
        first, last = self.receptive_range(start, stop, stems.shape[-1])
        seen = stems[self.rows][..., first:last]
        answer = self.stack.repair(_batch(self.stack, seen)).flatten(1, 2)
        return self._joined(stems[..., start:stop], answer[..., start - first : stop - first])

    def _joined(self, stems: Tensor, repaired: Tensor) -> Tensor:
        """All stems, those with a network repaired."""
        return stems.index_copy(0, self.rows, repaired)

    def receptive_range(self, start: int, stop: int, length: int) -> tuple[int, int]:
        """The samples that the samples [start, stop) of a signal's repair depend on."""
        if self.normalizes:
            return 0, length
        first = max(0, start - self.past) // self.stride * self.stride
        return first, min(length, stop + self.lookahead)


class Cascade(nn.Module):
    """Both stages as one offline network, the repair optional.

    In a window that both stages share, the repair sees silence outside the window: less than
    `context` samples from the window's start or `lookahead` from its end the answer differs from
    that to the whole signal.
    """

    def __init__(self, separator: Separator, repair: Repair | None = None) -> None:
        super().__init__()
        self.separator = separator
        self.repair = repair
        self.stems = separator.stems
        self.sample_rate = separator.sample_rate
        self.channels = separator.channels
        self.input_shape = separator.input_shape

    @property
    def device(self) -> torch.device:
        return self.separator.device

    def forward(self, mix: Tensor, start: int = 0, stop: int | None = None) -> Tensor:
        """[c, n] -> [s, c, stop - start]."""
        stop = mix.shape[-1] if stop is None else stop
        seen = self._seen(start, stop, mix)
        return self._repaired(self.separator(mix, *seen), start - seen[0], stop - seen[0])

    def prepare_window(self, mix: Tensor, hop: int) -> WindowCache:
        """As `Separator.prepare_window`."""
        return self.separator.prepare_window(mix, hop)

    def step_window(
        self, mix: Tensor, before: WindowCache, hop: int, start: int, stop: int
    ) -> tuple[Tensor, WindowCache]:
        """As `Separator.step_window`."""
        seen = self._seen(start, stop, mix)
        stems, levels = self.separator.step_window(mix, before, hop, *seen)
        return self._repaired(stems, start - seen[0], stop - seen[0]), levels

    def _seen(self, start: int, stop: int, mix: Tensor) -> tuple[int, int]:
        """The samples of the first stage that the second wants."""
        return (
            self.repair.receptive_range(start, stop, mix.shape[-1])
            if self.repair
            else (start, stop)
        )

    def _repaired(self, stems: Tensor, start: int, stop: int) -> Tensor:
        return (
            self.repair.process_all(stems, start, stop) if self.repair else stems[..., start:stop]
        )
