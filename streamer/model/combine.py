"""Models made of models: one after the other, side by side, one on what another leaves."""

import itertools
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor

from restem.streamer.model.graphed import Graphed, graphed
from restem.streamer.model.protocol import StreamingModel, check_streaming
from restem.streamer.model.reblocked import Reblocked, reblocked


class Series:
    """Models one after the other; latencies add up.

    Args:
        models: each takes what the one before gives, all at one sample rate and block size. One
            that takes stems says so: its `input_shape` is (s, c), as that of `Chunked`.

    Raises:
        TypeError: one is no streaming model.
        ValueError: no model, or their sample rates or block sizes differ, or one takes another
            shape than it would get.
    """

    def __init__(self, *models: StreamingModel) -> None:
        if not models:
            raise ValueError("a series needs at least one model")
        for model in models:
            check_streaming(model)
        for name in ("sample_rate", "block_size"):
            values = [getattr(model, name) for model in models]
            if len(set(values)) > 1:
                raise ValueError(f"the models of a series must agree on {name}, got {values}")
        for before, after in itertools.pairwise(models):
            given, taken = (len(before.stems), before.channels), input_shape(after)
            if given != taken:
                raise ValueError(
                    "each model of a series must take what the one before gives, "
                    f"{[*given, 'samples']}, got one that takes {[*taken, 'samples']}"
                )
        self.models = models
        self.input_shape = input_shape(models[0])
        self.sample_rate = models[0].sample_rate
        self.channels = models[0].channels
        self.stems = models[-1].stems
        self.block_size = models[0].block_size
        self.latency = sum(model.latency for model in models)
        self.device = models[0].device

    def init_state(self) -> tuple[Any, ...]:
        return tuple(model.init_state() for model in self.models)

    def step(self, block: Tensor, state: Sequence[Any]) -> tuple[Tensor, tuple[Any, ...]]:
        states = []
        for model, before in zip(self.models, state, strict=True):
            block, after = model.step(block, before)
            states.append(after)
        return block, tuple(states)


def input_shape(model: StreamingModel) -> tuple[int, ...]:
    """The shape of a model's blocks, without time: (c,) for a mix, (s, c) for stems."""
    return tuple(getattr(model, "input_shape", (model.channels,)))


class Parallel:
    """Models side by side, each on a device of its own; one mix goes to all of them.

    Args:
        models: alike in all but their stems.
        stems: the stems of all, in the order that they are to come out.

    Raises:
        ValueError: no model, or they differ; or other stems.
    """

    def __init__(self, *models: StreamingModel, stems: Sequence[str]) -> None:
        if not models:
            raise ValueError("there must be a model at least")
        for model in models:
            check_streaming(model)
        for name in ("sample_rate", "channels", "block_size", "latency"):
            values = [getattr(model, name) for model in models]
            if len(set(values)) > 1:
                raise ValueError(f"models side by side must agree on {name}, got {values}")
        given = [stem for model in models for stem in model.stems]
        if sorted(given) != sorted(stems):
            raise ValueError(f"expected the stems {sorted(stems)}, the models have {sorted(given)}")
        self.models = models
        self.sample_rate, self.channels = models[0].sample_rate, models[0].channels
        self.block_size, self.latency = models[0].block_size, models[0].latency
        self.stems = tuple(stems)
        self.device = models[0].device
        self._order = torch.tensor([given.index(stem) for stem in stems], device=self.device)

    def init_state(self) -> tuple[Any, ...]:
        return tuple(model.init_state() for model in self.models)

    def step(self, block: Tensor, state: Sequence[Any]) -> tuple[Tensor, tuple[Any, ...]]:
        answers, states = [], []
        for model, before in zip(self.models, state, strict=True):
            with current(model.device):  # nothing is waited for before all have been started
                answer, after = model.step(block.to(model.device, non_blocking=True), before)
            answers.append(answer)
            states.append(after)
        stems = torch.cat([answer.to(self.device) for answer in answers])
        return stems[self._order], tuple(states)


class Delayed:
    """A model whose stems come later."""

    def __init__(self, model: StreamingModel, samples: int) -> None:
        self.model, self.samples = model, samples
        self.sample_rate, self.channels, self.stems = model.sample_rate, model.channels, model.stems
        self.block_size, self.latency = model.block_size, model.latency + samples
        self.device = model.device

    def init_state(self) -> tuple[Any, Tensor]:
        shape = len(self.stems), self.channels, self.samples
        return self.model.init_state(), torch.zeros(shape, dtype=torch.float32, device=self.device)

    def step(self, block: Tensor, state: tuple[Any, Tensor]) -> tuple[Tensor, tuple[Any, Tensor]]:
        stems, after = self.model.step(block, state[0])
        stems, line = delay(stems, state[1])
        return stems, (after, line)


def delay(new: Tensor, line: Tensor) -> tuple[Tensor, Tensor]:
    """Samples that are later by what the line holds, and the line after them: [.., n] each."""
    joined = torch.cat((line, new), dim=-1)
    count = new.shape[-1]
    return joined[..., :count], joined[..., count:]


class ExtractionState(NamedTuple):
    """State between steps; every shape is fixed, but for those inside."""

    first: Any
    second: Any
    mix: Tensor  # [c, first.latency]
    extracted: Tensor  # [s, c, second.latency], of the first's stems


class Extraction:
    """A model that takes its stems out of the mix, and one that gets what remains.

        mix ─┬─► first ──┬────────────────────► delay ─► its stems
             └─► delay ─(−)─► second, re-blocked ──────► its stems

    The stems of both are equally late: `first.latency + second.latency`, re-blocking included. What
    the first takes for its stems is missing in the others, and nothing else is.

    Args:
        first: sets the block size.
        second: at the same sample rate; a model of other blocks is re-blocked.
        stems: those of either that are to come out, in their order.

    Raises:
        TypeError: one is no streaming model.
        ValueError: sample rates or channels differ, or a stem is of neither.
    """

    def __init__(self, first: StreamingModel, second: StreamingModel, stems: Sequence[str]) -> None:
        for model in (first, second):
            check_streaming(model)
        for name in ("sample_rate", "channels"):
            values = [getattr(model, name) for model in (first, second)]
            if len(set(values)) > 1:
                raise ValueError(f"both models must agree on {name}, got {values}")
        given = [*first.stems, *second.stems]
        if not set(stems) <= set(given):
            raise ValueError(f"expected some of the stems {given}, got {[*stems]}")
        self.first, self.second = first, reblocked(second, first.block_size)
        self.sample_rate, self.channels = first.sample_rate, first.channels
        self.stems, self.block_size = tuple(stems), first.block_size
        self.latency = self.first.latency + self.second.latency
        self.device = first.device
        self._order = torch.tensor([given.index(stem) for stem in stems], device=self.device)

    def init_state(self) -> ExtractionState:
        def silence(*shape: int) -> Tensor:
            return torch.zeros(shape, dtype=torch.float32, device=self.device)

        return ExtractionState(
            self.first.init_state(),
            self.second.init_state(),
            silence(self.channels, self.first.latency),
            silence(len(self.first.stems), self.channels, self.second.latency),
        )

    def step(self, block: Tensor, state: ExtractionState) -> tuple[Tensor, ExtractionState]:
        """[c, block_size] -> [s, c, block_size] and the next state."""
        extracted, first = self.first.step(block, state.first)
        mix, mix_line = delay(block, state.mix)
        others, second = self.second.step(mix - extracted.sum(dim=0), state.second)
        extracted, line = delay(extracted, state.extracted)
        stems = torch.cat((extracted, others))[self._order]
        return stems, ExtractionState(first, second, mix_line, line)


def current(device: torch.device) -> AbstractContextManager[Any]:
    """Makes a GPU the current one, meanwhile."""
    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()


def first_stage(model: StreamingModel) -> StreamingModel | None:
    """The separator of a cascade alone, None for other models."""
    if isinstance(model, Graphed):
        stage = first_stage(model.model)
        return None if stage is None else graphed(stage)
    if isinstance(model, Parallel):
        stages = [stage for each in model.models if (stage := first_stage(each)) is not None]
        whole = len(stages) == len(model.models)
        return Parallel(*stages, stems=model.stems) if whole else None
    if isinstance(model, Extraction):
        stage = first_stage(model.second)
        return None if stage is None else Extraction(model.first, stage, model.stems)
    if isinstance(model, Reblocked):
        stage = first_stage(model.model)
        return None if stage is None else reblocked(stage, model.block_size)
    without_repair = getattr(model, "without_repair", None)
    if without_repair is not None and getattr(model, "repair", True):  # it may have no layers
        alone: StreamingModel = without_repair()
        return alone
    if (
        isinstance(model, Series)
        and len(model.models) == 2
        and model.models[0].stems == model.stems
    ):
        return model.models[0]
    return None
