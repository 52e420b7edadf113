"""`Effected`: a model whose stems go through effects."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from restem.streamer.model.protocol import StreamingModel, check_streaming
from restem.streamer.processors.chain import Chain
from restem.streamer.processors.nodes import (
    ChainNode,
    begin_line,
    compile_graph,
    parts_of,
    push_through,
)
from restem.streamer.resampler import Audio

MEASURED_SECONDS = 1.0  # of noise, to see how late an effect is
LONGEST_SECONDS = 30.0
Effect = Any  # what a chain may hold, or a list of it


class EffectedState(NamedTuple):
    """State between steps, apart from the plugins' own."""

    model: Any
    waiting: tuple[Audio, ...]  # [c, n] of each stem
    run: int  # which stream the plugins are in
    steps: int  # that they have taken


class Effected:
    """A streaming model whose stems go through effects, each stem through its own.

    The effects get blocks of `block_size`, always. Stems whose effects are less late wait for the
    others, so that all stay aligned: latency is the model's plus the latest effect's.

    The plugins remember on their own. There is one set of them, so there is one stream at a time:
    `init_state` makes them forget, and ends the stream before it. VST3s want it on the main thread.

    Args:
        model: what to run.
        effects: for some of its stems, a plugin or board, or a list of them; each plugin once.

    Raises:
        ValueError: a stem is unknown, or an effect does not stream, or not these channels.
    """

    def __init__(self, model: StreamingModel, effects: Mapping[str, Effect]) -> None:
        check_streaming(model)
        for stem in effects:
            if stem not in model.stems:
                choices = ", ".join(model.stems)
                raise ValueError(f"effects: unknown stem '{stem}'; expected one of {choices}")
        self.model, self.effects = model, dict(effects)
        self.sample_rate, self.channels = model.sample_rate, model.channels
        self.stems, self.block_size, self.device = model.stems, model.block_size, model.device
        self._lines = [_line(effects[s], s) if s in effects else [] for s in model.stems]
        parts = [id(part) for line in self._lines for part in parts_of(line)]
        if len(set(parts)) < len(parts):
            raise ValueError("effects: one plugin is there twice; load one for each place")
        self.effect_latency = {
            stem: self._measure(line, stem)
            for stem, line in zip(self.stems, self._lines, strict=True)
            if line
        }
        self._effect_latency_max = max(self.effect_latency.values(), default=0)
        self.latency = model.latency + self._effect_latency_max
        self._run = self._steps = 0

    def _prepare(self, line: list[ChainNode]) -> None:
        begin_line(line, self.sample_rate, self.channels, self.block_size, steady=True)

    def _measure(self, line: list[ChainNode], stem: str) -> int:
        """The most samples that a line withholds, hearing noise."""
        noise = np.random.default_rng(0).uniform(-0.1, 0.1, (self.channels, self.block_size))
        block = noise.astype(np.float32)
        fed = given = withheld = 0
        try:
            self._prepare(line)
            while fed < MEASURED_SECONDS * self.sample_rate or not given:
                fed += self.block_size
                given += push_through(line, block).shape[1]
                withheld = max(withheld, fed - given)
                if withheld > LONGEST_SECONDS * self.sample_rate:
                    raise ValueError(f"is more than {LONGEST_SECONDS:g} s late")
        except (ValueError, RuntimeError) as error:
            raise ValueError(f"effects: {stem}: {' '.join(str(error).split())}") from error
        return withheld

    def init_state(self) -> EffectedState:
        for line in self._lines:
            self._prepare(line)
        self._run, self._steps = self._run + 1, 0
        silence = np.zeros((self.channels, self._effect_latency_max), np.float32)
        return EffectedState(self.model.init_state(), (silence,) * len(self.stems), self._run, 0)

    def step(self, block: Tensor, state: EffectedState) -> tuple[Tensor, EffectedState]:
        """[c, block_size] -> [s, c, block_size] and the next state.

        Raises:
            RuntimeError: the state is of another stream, or of another step, than the plugins.
        """
        if (state.run, state.steps) != (self._run, self._steps):
            raise RuntimeError(
                "effects remember one stream only, and this state is not where they are; "
                "build a model for each stream, and reset one in which a call failed"
            )
        stems, model_state = self.model.step(block, state.model)
        self._steps += 1
        parts: Audio = stems.detach().cpu().numpy()
        answers, waiting = [], []
        for line, before, part in zip(self._lines, state.waiting, parts, strict=True):
            fresh = push_through(line, np.ascontiguousarray(part))
            ready = np.concatenate((before, fresh), axis=1)
            if ready.shape[1] < self.block_size:
                raise RuntimeError("an effect is later than when it was loaded; load it again")
            answers.append(ready[:, : self.block_size])
            waiting.append(ready[:, self.block_size :])
        answer = torch.from_numpy(np.stack(answers)).to(stems.device)
        return answer, EffectedState(model_state, tuple(waiting), self._run, self._steps)


def _line(effect: Effect, stem: str) -> list[ChainNode]:
    """Effects in a row."""
    try:
        return compile_graph(Chain(effect if isinstance(effect, list | tuple) else [effect]).plan())
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"effects: {stem}: {error}") from error
