"""Models made of models: one after the other, side by side; and the first stage alone."""

import itertools
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from restem.streamer.model.graphed import Graphed, graphed
from restem.streamer.model.protocol import StreamingModel, check_streaming


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
