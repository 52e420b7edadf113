"""Music played through an engine with a real worker, in step with it."""

import time
from collections.abc import Callable

import numpy as np

from restem.streamer.engine.engine import Engine
from restem.streamer.engine.process import Build
from restem.streamer.engine.rings import Audio, Cell
from restem.streamer.mixer.routing import Routing
from tests.support.gain_model import Plain
from tests.support.law import expected, music

BLOCK = 256
PATIENCE_SECONDS = 120.0  # of a test; a worker has a Python to start


def until(condition: Callable[[], bool], during: Callable[[], object] = lambda: None) -> None:
    """Wait for a condition, doing something meanwhile."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "nothing happened"
        during()
        time.sleep(0.001)


class Player:
    """Plays music through an engine, and waits for its worker where a test says so."""

    def __init__(self, build: Build = Plain) -> None:
        self.engine = Engine(build, host_block=BLOCK, allowance=8192)
        self.engine.mixer.route(Routing.preset("stems-only", self.engine.stems))
        self.heard: list[Audio] = []
        self.played: list[Audio] = []

    @property
    def latency(self) -> int:
        return self.engine.latency.total

    def caught_up(self) -> bool:
        rings, size = self.engine.rings, int(self.engine.model["block_size"])
        solved = rings.get(Cell.READY_UNTIL, self.engine._deck) + int(self.engine.model["latency"])
        return rings.get(Cell.FRAMES_IN) - solved < size

    def play(self, blocks: int, seed: int = 0, in_step: bool = True) -> None:
        mix = music(blocks * BLOCK, seed)
        for start in range(0, mix.shape[1], BLOCK):
            self.heard.append(mix[:, start : start + BLOCK])
            self.played.append(self.engine.process(self.heard[-1]))
            if in_step:
                until(self.caught_up)

    def error(self, last: int | None = None, model: Plain | None = None) -> float:
        """How far what was played is from the law; of the last blocks only, if so asked."""
        law = expected(np.concatenate(self.heard, axis=-1), self.latency, model)
        played = np.concatenate(self.played, axis=-1).reshape(law.shape)
        begin = 0 if last is None else -last * BLOCK
        return float(np.abs(played - law)[..., begin:].max())

    def foreign(self) -> float:
        """How far any frame is from the law's own, faded by any share: 0 unless from elsewhere."""
        law = expected(np.concatenate(self.heard, axis=-1), self.latency)
        played = np.concatenate(self.played, axis=-1).reshape(law.shape)
        power = np.maximum((law * law).sum(axis=(0, 1)), 1e-12)
        share = np.clip((played * law).sum(axis=(0, 1)) / power, 0, 1)
        return float(np.abs(played - share * law).max())
