"""The worker: a process that steps a model as fast as the mix comes in, and writes its stems.

It shares nothing with the audio thread but the rings, so nothing that it does can delay a callback;
it may hang or die, and another takes its place.
"""

import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import torch

from restem.streamer.engine.allocator import keep_freed_memory
from restem.streamer.engine.rings import TIMES, Audio, Cell, Rings, read_ring, write_ring
from restem.streamer.model.protocol import StreamingModel

WARM_UP = 8  # steps before any is timed
TIMED = 60  # steps
ROUND = 10  # steps
HOPELESS_SECONDS = 10.0  # of measuring a model whose steps take longer than their blocks
DESCRIBED = ("stems", "sample_rate", "channels", "block_size", "latency")
LOST = ("launch failure", "illegal", "ECC", "unknown error", "misaligned", "lost")
ROOM = "another program may use the GPU; --device cpu or fewer --stems"
NAP_SECONDS = 0.0005  # between two looks at the mix ring


@dataclass(frozen=True)
class StepTimes:
    """Durations of steps, in milliseconds."""

    p50: float
    p99: float
    worst: float
    steady: float | None = None  # the worst of ten steps, in the median of such rounds

    @staticmethod
    def of(seconds: list[float]) -> "StepTimes":
        p50, p99 = np.percentile(seconds, (50, 99))
        rounds = [max(seconds[start : start + ROUND]) for start in range(0, len(seconds), ROUND)]
        steady = float(np.median(rounds))
        return StepTimes(*(1000 * float(t) for t in (p50, p99, max(seconds), steady)))


@dataclass(frozen=True)
class Ready:
    """Worker's message before its first step on music."""

    model: dict[str, Any]  # its attributes in `DESCRIBED`
    times: StepTimes


def run(
    build: Callable[[], StreamingModel], threads: int, line: Connection, seconds: float = math.inf
) -> None:
    """Be a worker: build, warm up, answer `Ready`, then work until the line closes.

    Args:
        build: makes the model; a picklable call.
        threads: for PyTorch.
        line: to the engine; it gets `Ready`, or a string that says what is wrong, now or later, and
            sends the name of the rings and the number of the deck.
        seconds: to measure for at most, see `measure`.
    """
    try:
        keep_freed_memory()
        torch.set_num_threads(threads)
        model = build()
        times = measure(model, seconds)
    except Exception as error:
        line.send(last_words(error))
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
        line.send(last_words(error))
    finally:
        rings.close()


def last_words(error: Exception) -> str:
    """Error that ended a worker; of a GPU's errors the line that matters, and a remedy."""
    text = str(error)
    first = text.partition("\n")[0]
    if isinstance(error, torch.OutOfMemoryError):
        wanted = re.search(r"Tried (to allocate [\d.]+ \w+)", text)
        return f"CUDA out of memory{f': tried {wanted[1]}' if wanted else ''}; {ROOM}"
    if "CUDA" in first and ("out of memory" in first or "ALLOC_FAILED" in first):
        return f"{first}; {ROOM}"
    if isinstance(error, RuntimeError) and first.startswith("CUDA error"):
        lost = any(sign in first for sign in LOST)
        remedy = "the GPU may be lost: see `nvidia-smi`, or use" if lost else "use"
        return f"{first}; {remedy} --device cpu"
    return f"{type(error).__name__}: {error}"


def measure(model: StreamingModel, seconds: float = math.inf) -> StepTimes:
    """Step on noise, as fast as it goes, and time it as a worker's steps are.

    It ends early, with as many steps as there are, after `seconds`, but not before it is warm; or
    after `HOPELESS_SECONDS` if steps take longer than their blocks. A GPU's first says little.
    """
    generator = torch.Generator().manual_seed(0)
    runner, state, times = DeviceRunner(model), model.init_state(), list[float]()
    shape, duration = (model.channels, model.block_size), model.block_size / model.sample_rate
    enough = 1 if model.device.type == "cpu" else 2  # steps, to know that all are too slow
    first = time.perf_counter()
    for _ in range(WARM_UP + TIMED):
        block = 0.1 * torch.randn(shape, generator=generator)
        began = time.perf_counter()
        _, state = runner.step(block.numpy(), state)
        now = time.perf_counter()
        times.append(now - began)
        hopeless = len(times) >= enough and min(times[-enough:]) > duration
        if now - first > HOPELESS_SECONDS and hopeless:
            break
        if now - first > seconds and len(times) > WARM_UP:
            break
    return StepTimes.of(times[WARM_UP:] or times[-1:])


class DeviceRunner:
    """Steps a model for callers whose audio is in the host's memory.

    A GPU reads and writes fixed, pinned places there, and one wait is for the whole step.
    """

    def __init__(self, model: StreamingModel) -> None:
        self.model = model
        self.apart = model.device.type == "cuda"
        shape = model.channels, model.block_size
        self._block = torch.empty(shape, pin_memory=self.apart)
        self._stems = torch.empty(len(model.stems), *shape, pin_memory=self.apart)

    @torch.inference_mode()
    def step(self, block: Audio, state: Any) -> tuple[Audio, Any]:
        """[c, block_size] -> [s, c, block_size], valid until the next step, and the next state."""
        given = torch.from_numpy(block)
        if not self.apart:
            stems, state = self.model.step(given.to(self.model.device), state)
            return stems.cpu().numpy(), state
        there = self._block.copy_(given).to(self.model.device, non_blocking=True)
        stems, state = self.model.step(there, state)
        self._stems.copy_(stems, non_blocking=True)
        self._wait()
        return self._stems.numpy(), state

    def _wait(self) -> None:
        torch.cuda.current_stream(self.model.device).synchronize()


class Worker:
    """Steps one model along the mix ring."""

    def __init__(self, model: StreamingModel, rings: Rings, deck: int) -> None:
        self.model, self.rings, self.deck = model, rings, deck
        self.runner = DeviceRunner(model)
        self.position = 0  # where the next block begins
        self.state: Any = None
        self.origin = -1
        self.steps = 0
        rings.step_times[deck] = 0

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
        reset, frames_in = self.rings.get(Cell.RESET), self.rings.get(Cell.FRAMES_IN)
        size, position = self.model.block_size, self.position if reset == self.origin else reset
        if self._is_lost(frames_in, position):  # leave blocks out, but come early enough to be warm
            warm = frames_in - self.rings.geometry.capacity // 4 - reset
            position = reset + warm // size * size
        if (reset, position) != (self.origin, self.position):
            self.start_run(reset, position)
        if frames_in - self.position < size:
            return False
        began = time.perf_counter_ns()
        block = read_ring(self.rings.mix, self.position, size)
        if self._is_lost(self.rings.get(Cell.FRAMES_IN), position):  # the block may be overwritten
            return True
        answer, self.state = self.runner.step(block, self.state)
        if not np.isfinite(answer).all():  # nor would the next ones be, of the same memory
            bad = self.rings.get(Cell.BAD_ANSWERS, self.deck)
            self.rings.put(Cell.BAD_ANSWERS, bad + 1, self.deck)
            self.start_run(reset, position + size)
            return True
        begin = self.position - self.model.latency
        write_ring(self.rings.stems[self.deck], begin, answer)
        self.position += size
        self.rings.put(Cell.READY_UNTIL, begin + size, self.deck)
        steps = self.rings.get(Cell.STEPS, self.deck)
        self.rings.step_times[self.deck, self.steps % TIMES] = time.perf_counter_ns() - began
        self.rings.put(Cell.STEPS, steps + 1, self.deck)
        self.steps += 1
        return True

    def _is_lost(self, frames_in: int, position: int) -> bool:
        """True if a block at `position` is too old to be of use, or even to be there."""
        return frames_in - position > self.rings.geometry.capacity // 2

    def start_run(self, origin: int, position: int) -> None:
        """Forget everything; a new run of blocks begins at `position`.

        Whatever the deck's ring holds from an earlier run stays unheard from here on. The stores
        keep the order that `streamer.engine.playback_kernel.ready_span` needs.
        """
        get, put, deck = self.rings.get, self.rings.put, self.deck
        first, before = position - self.model.latency, get(Cell.BLOCK_ORIGIN, deck)
        ready_from, expected = position, first  # older frames would be of music not heard here
        if before == origin:  # a run of the same music, ended by a hole or a death
            expected = get(Cell.READY_UNTIL, deck)
            ready_from = max(position, expected, get(Cell.READY_FROM, deck))
        elif before >= 0:
            expected = origin - self.model.latency
        dropped = max(0, first - expected) // self.model.block_size
        put(Cell.DROPPED, get(Cell.DROPPED, deck) + dropped, deck)
        self.state, self.position, self.origin = self.model.init_state(), position, origin
        put(Cell.READY_FROM, ready_from, deck)
        put(Cell.READY_UNTIL, first, deck)
        put(Cell.BLOCK_ORIGIN, origin, deck)
