"""The worker: a process that steps a model as fast as the mix comes in, and writes its stems.

It shares nothing with the audio thread but the rings, so nothing that it does can delay a callback;
it may hang or die, and another takes its place.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import torch

from streamer.ring import TIMES, Cell, Rings, read_ring, write_ring
from streamer.streaming import StreamingModel

WARM_UP = 8  # steps before any is timed
TIMED = 60  # steps
DESCRIBED = ("stems", "sample_rate", "channels", "block_size", "latency")
NAP_SECONDS = 0.0005  # between two looks at the mix ring


@dataclass(frozen=True)
class StepTimes:
    """How long steps took, in milliseconds."""

    p50: float
    p99: float
    worst: float

    @staticmethod
    def of(seconds: list[float]) -> "StepTimes":
        p50, p99 = np.percentile(seconds, (50, 99))
        return StepTimes(1000 * float(p50), 1000 * float(p99), 1000 * max(seconds))


@dataclass(frozen=True)
class Ready:
    """What a worker says before its first step on music."""

    model: dict[str, Any]  # its attributes in `DESCRIBED`
    times: StepTimes


def run(build: Callable[[], StreamingModel], threads: int, line: Connection) -> None:
    """Be a worker: build, warm up, answer `Ready`, then work until the line closes.

    Args:
        build: makes the model; a picklable call.
        threads: for PyTorch.
        line: to the engine; it gets `Ready`, or a string that says what is wrong, now or later, and
            sends the name of the rings and the number of the deck.
    """
    try:
        torch.set_num_threads(threads)
        model = build()
        times = measure(model)
    except Exception as error:
        line.send(f"{type(error).__name__}: {error}")
        return
    line.send(Ready({name: getattr(model, name) for name in DESCRIBED}, times))
    try:
        name, deck = line.recv()
    except EOFError:
        return
    rings = Rings(name=name)
    try:
        Worker(model, rings, deck).work(line)
    except Exception as error:  # the engine says it, and starts another
        line.send(f"{type(error).__name__}: {error}")
    finally:
        rings.close()


@torch.inference_mode()
def measure(model: StreamingModel) -> StepTimes:
    """Step on noise, as fast as it goes, and time it."""
    generator = torch.Generator().manual_seed(0)
    state, seconds = model.init_state(), []
    shape = (model.channels, model.block_size)
    for step in range(WARM_UP + TIMED):
        block = 0.1 * torch.randn(shape, generator=generator).to(model.device)
        began = time.perf_counter()
        stems, state = model.step(block, state)
        stems.cpu()
        if step >= WARM_UP:
            seconds.append(time.perf_counter() - began)
    return StepTimes.of(seconds)


class Worker:
    """Steps one model along the mix ring."""

    def __init__(self, model: StreamingModel, rings: Rings, deck: int) -> None:
        self.model, self.rings, self.deck = model, rings, deck
        self.position = 0  # where the next block begins
        self.state: Any = None
        self.origin = -1

    def work(self, line: Connection) -> None:
        """Work until the engine hangs up."""
        beat = 0
        while not line.poll():
            beat += 1
            self.rings.put(Cell.BEAT, beat, self.deck)
            if not self.advance():
                time.sleep(NAP_SECONDS)

    def advance(self) -> bool:
        """Take one step, if a whole block has been heard."""
        reset = self.rings.get(Cell.RESET)
        if reset != self.origin:
            self.begin(reset)
        heard, size = self.rings.get(Cell.HEARD), self.model.block_size
        behind = heard - self.position
        if behind < size:
            return False
        if behind > self.rings.geometry.capacity // 2:  # it will never catch up: leave some out
            blocks = behind // size - 1
            self.position += blocks * size
            self.count(Cell.DROPPED, blocks)
        began = time.perf_counter_ns()
        block = torch.from_numpy(read_ring(self.rings.mix, self.position, size))
        with torch.inference_mode():
            stems, self.state = self.model.step(block.to(self.model.device), self.state)
            answer = stems.cpu().numpy()
        begin = self.position - self.model.latency
        write_ring(self.rings.stems[self.deck], begin, answer)
        self.position += size
        self.rings.put(Cell.SOLVED, begin + size, self.deck)
        steps = self.rings.get(Cell.STEPS, self.deck)
        self.rings.step_times[self.deck, steps % TIMES] = time.perf_counter_ns() - began
        self.rings.put(Cell.STEPS, steps + 1, self.deck)
        return True

    def begin(self, position: int) -> None:
        """Forget everything; blocks begin at `position` from now on."""
        self.state, self.position, self.origin = self.model.init_state(), position, position
        self.rings.put(Cell.SOLVED, position - self.model.latency, self.deck)
        self.rings.put(Cell.ORIGIN, position, self.deck)

    def count(self, which: Cell, more: int) -> None:
        self.rings.put(which, self.rings.get(which, self.deck) + more, self.deck)
