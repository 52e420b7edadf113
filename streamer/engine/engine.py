"""The engine: a worker behind the rings, watched, and the law kept whatever happens to it.

    stems[n + latency] == render(mix)[n]

    latency = model + re-blocking + allowance + fade      frames, one integer for the whole run

The allowance is the time that a worker has for a step; whatever takes longer is late, and the dry
mix stands in (`streamer.engine.playback_kernel`). A worker that dies or hangs is replaced, at once, and after
longer and longer rests if its successors fail, too; the new one hears what the mix ring still
holds, so that its memory is warm. Another model can take over while the music
plays: it is started beside the old one, and once its stems are there, one fades into the other.
"""

import math
import multiprocessing
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

import numpy as np

from restem.streamer.engine.playback_kernel import LARGEST, Fades, Policy, perform, ready_span
from restem.streamer.engine.rings import DECKS, Audio, Cell, Geometry, Rings
from restem.streamer.engine.worker import Ready, StepTimes, run
from restem.streamer.mixer.mixer import Mixer
from restem.streamer.model.protocol import StreamingModel

FADE = 128  # frames between stems and dry mix
START_SECONDS = 300.0  # a model may take that long to load
HUNG_SECONDS = 3.0  # without a sign of life, at least
MEASURE_SECONDS = 30.0  # of a model whose steps are long, about
GLANCE_SECONDS = 0.05  # between two looks at the workers
REST_SECONDS = (
    1.0,
    60.0,
)  # before a worker's second successor, doubled for each further one; at most
PROVEN_SECONDS = 30.0  # a worker that lasted so long does not count as a failure of its model
BUSY = 0.8  # of a block's duration: a step that takes longer leaves no time for anything else

Build = Callable[[], StreamingModel]


class TooSlowError(ValueError):
    """A model does not hold its deadline on this machine."""


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


@dataclass(frozen=True)
class Status:
    """What an engine says of itself; counts since it started."""

    state: str  # ready, late (dry mix stands in), starting (its worker is being replaced)
    latency: Latency
    block_size: int
    sample_rate: int
    heard: int
    late: int
    late_frames: int
    bad_samples: int
    dropped: int
    steps: int
    restarts: int
    failure: str  # why a worker was replaced last, in one line; "" if none was
    step_times: StepTimes | None


class Engine:
    """Runs a model for a host that calls `process`, or natively, from an audio thread.

    Args:
        build: makes the model; picklable, for it is called in the worker's process.
        host_block: frames in every call, or None if calls may differ.
        allowance: frames that a step may take, rounded up to whole host blocks; None: one block of
            the model.
        policy: where the dry mix goes while stems are late.
        threads: of the worker's PyTorch.

    Raises:
        ValueError: the model cannot be built, or (`TooSlowError`) does not keep up here; one line.
    """

    def __init__(
        self,
        build: Build,
        host_block: int | None = None,
        allowance: int | None = None,
        policy: Policy = Policy.RESIDUAL,
        threads: int = 1,
    ) -> None:
        self.policy, self.threads, self.restarts, self.failure = policy, threads, 0, ""
        self._deck = 0
        self._failures = 0  # of workers, one after the other
        self._lock = threading.Lock()  # of the control side; no audio thread ever takes it
        self._closing = threading.Event()
        first = _Process(build, threads)
        try:
            ready = first.ready()
            self.model = ready.model
            self.latency = count_latency(self.model, host_block, allowance)
            check_speed(ready, self.latency.allowance)
            self.rings = Rings(self._geometry(host_block))
        except BaseException:
            first.stop()
            raise
        self.rings.put(Cell.ORIGIN, -1, 1)
        self.fades = Fades(len(self.stems), self.channels)
        self.mixer = Mixer(self.stems, self.sample_rate, self.channels)
        self._workers: list[_Process | None] = [first, None]
        first.work(self.rings.name, 0)
        self._watch = threading.Thread(target=self._watch_workers, daemon=True)
        self._watch.start()

    def _geometry(self, host_block: int | None) -> Geometry:
        taps = (len(self.model["stems"]) + 1) * self.channels
        return Geometry(
            sample_rate=self.model["sample_rate"],
            channels=self.channels,
            stems=len(self.model["stems"]),
            taps=taps,
            latency=self.latency.total,
            fade=FADE,
            capacity=max(count_capacity(self.latency.total, self.model["block_size"]), 1 << 16),
            host_block=host_block or 0,
        )

    @property
    def stems(self) -> tuple[str, ...]:
        return tuple(self.model["stems"])

    @property
    def sample_rate(self) -> int:
        """Hz."""
        return int(self.model["sample_rate"])

    @property
    def channels(self) -> int:
        return int(self.model["channels"])

    @property
    def worker_pid(self) -> int | None:
        """The process of the worker that is heard; None while it is being replaced."""
        worker = self._workers[self._deck]
        return worker.process.pid if worker else None

    def process(self, audio: Audio, patience_ms: int = 0) -> Audio:
        """What an audio callback does, for callers in Python.

        Args:
            audio: [c, n] float32, the mix's next frames.
            patience_ms: how long to wait for stems that are late, in every 1024 frames.

        Returns:
            [o, n], as many outputs as the mixer's routing has, `latency.total` frames late.

        Raises:
            ValueError: the shape is another one.
        """
        if audio.ndim != 2 or audio.shape[0] != self.channels:
            raise ValueError(
                f"audio must be [{self.channels} channels, samples], got {list(audio.shape)}"
            )
        outputs = len(self.mixer.routing.outputs)
        played = np.empty((outputs, audio.shape[1]), np.float32)
        rings, fades = self.rings, self.fades
        for start in range(0, audio.shape[1], LARGEST):
            count = min(LARGEST, audio.shape[1] - start)
            fades.heard[:, :count] = audio[:, start : start + count]
            perform(
                rings.header,
                rings.mix,
                rings.stems,
                rings.tap,
                fades.state,
                fades.weights,
                fades.strips,
                fades.dry,
                self.mixer.memory,
                int(self.policy),
                patience_ms,
                fades.heard,
                fades.out,
                count,
            )
            played[:, start : start + count] = fades.out[:outputs, :count]
        return played

    def reset(self) -> None:
        """Forget everything heard so far; what is still under way, dry too, is not played."""
        self.rings.put(Cell.RESET, self.rings.get(Cell.HEARD))

    def status(self) -> Status:
        get, deck = self.rings.get, self._deck
        recent = self.rings.step_times[deck]
        recent = recent[recent > 0]
        late = self.fades.state[deck] < 1
        replaced = self._workers[deck] is None
        return Status(
            state="starting" if replaced else "late" if late else "ready",
            latency=self.latency,
            block_size=int(self.model["block_size"]),
            sample_rate=self.sample_rate,
            heard=get(Cell.HEARD),
            late=get(Cell.LATE),
            late_frames=get(Cell.LATE_FRAMES),
            bad_samples=get(Cell.BAD_SAMPLES),
            dropped=sum(get(Cell.DROPPED, deck) for deck in range(DECKS)),
            steps=sum(get(Cell.STEPS, deck) for deck in range(DECKS)),
            restarts=self.restarts,
            failure=self.failure,
            step_times=StepTimes.of((recent / 1e9).tolist()) if len(recent) else None,
        )

    def swap(self, build: Build) -> None:
        """Let another model take over while this one plays; the latency stays what it is.

        Raises:
            ValueError: it cannot be built, has other stems, another rate or more latency, or is
                too slow; the old one plays on.
        """
        new = _Process(build, self.threads)
        try:
            ready = new.ready()
            self._check_fit(ready)
            with self._lock:
                deck = 1 - self._deck
                self.rings.put(Cell.ORIGIN, -1, deck)
                new.work(self.rings.name, deck)
                self._workers[deck] = new
            self._await_lead(deck)
        except BaseException:
            with self._lock:  # or the watch would take it for one that died
                spare = 1 - self._deck
                left, self._workers[spare] = self._workers[spare], None
            for worker in {new, left}:
                if worker:
                    worker.stop()
            raise
        with self._lock:
            old, self._deck, self._failures = self._deck, deck, 0
            self.rings.put(Cell.ACTIVE, deck)
        self._await_fade(deck)
        with self._lock:
            left = self._workers[old]
            self._workers[old] = None
        if left:
            left.stop()

    def _check_fit(self, ready: Ready) -> None:
        for name in ("stems", "sample_rate", "channels"):
            if ready.model[name] != self.model[name]:
                raise ValueError(
                    f"the new model has {name} {ready.model[name]}, this engine {self.model[name]}"
                )
        more = ready.model["latency"] + ready.model["block_size"] + FADE - self.latency.total
        if more > 0:
            raise ValueError(
                f"the new model needs {more} samples more than this engine's latency of "
                f"{self.latency.total}: start with the slower one"
            )
        check_speed(ready, self.latency.allowance)

    def _await_lead(self, deck: int) -> None:
        """Wait until a deck's stems are ahead of what is played."""
        deadline = time.monotonic() + START_SECONDS
        while not leads(self.rings, deck):
            if time.monotonic() > deadline or not self._lives(deck):
                raise ValueError("the new model does not keep up; the old one plays on")
            self._closing.wait(GLANCE_SECONDS)

    def _await_fade(self, deck: int) -> None:
        """Wait until the other deck is no longer heard, or no music comes to fade it out."""
        deadline = time.monotonic() + 1.0
        while self.fades.state[2] != deck and time.monotonic() < deadline:
            self._closing.wait(GLANCE_SECONDS)

    def _lives(self, deck: int) -> bool:
        worker = self._workers[deck]
        return worker is not None and worker.process.is_alive()

    def _watch_workers(self) -> None:
        """Replace a worker that died or hangs; hand over timed changes that are soon due.

        The other deck's, if there is one, is on trial: whoever swaps it in looks after it.
        """
        seen = [(-1, time.monotonic())] * DECKS
        # A sign comes between steps, which may take as long as their blocks.
        patience = max(HUNG_SECONDS, 2 * self.model["block_size"] / self.sample_rate)
        while not self._closing.wait(GLANCE_SECONDS):
            self.mixer.pump()
            with self._lock:
                deck = self._deck
                worker = self._workers[deck]
            if worker is None:
                continue
            beat = self.rings.get(Cell.BEAT, deck)
            if beat != seen[deck][0]:
                seen[deck] = beat, time.monotonic()
            hung = time.monotonic() - max(seen[deck][1], worker.began) > patience
            if hung or not worker.process.is_alive():
                reason = "it hangs" if hung else worker.last_words()
                self._replace(deck, worker, reason)
                seen[deck] = -1, time.monotonic()

    def _replace(self, deck: int, worker: "_Process", reason: str) -> None:
        """Start others until one stands; the dry mix plays meanwhile."""
        with self._lock:
            if self._workers[deck] is not worker or self._closing.is_set():
                return
            self._workers[deck] = None
        worker.kill()
        if time.monotonic() - worker.began > PROVEN_SECONDS:
            self._failures = 0
        problem = ended = f"the worker was replaced: {reason}"
        while self._rest(deck, problem):
            self._failures += 1
            self.restarts += 1
            new = _Process(worker.build, self.threads)
            try:
                new.ready(self._closing, self.mixer.pump)
            except ValueError as error:
                new.kill()
                problem = f"the worker cannot be replaced: {error}"
                continue
            with self._lock:
                if self._is_played(deck):
                    self._say(ended)
                    self._workers[deck] = new
                    new.work(self.rings.name, deck)
                    return
            new.kill()

    def _rest(self, deck: int, problem: str) -> bool:
        """Say what is wrong and wait before the next worker; whether it is wanted then."""
        least, most = REST_SECONDS
        seconds = min(least * 2 ** min(self._failures - 1, 16), most) if self._failures else 0.0
        until = time.monotonic() + seconds
        self._say(f"{problem}; the next starts in {seconds:.0f} s" if seconds else problem)
        while self._is_played(deck) and (left := until - time.monotonic()) > 0:
            self.mixer.pump()
            self._closing.wait(min(left, GLANCE_SECONDS))
        return self._is_played(deck)

    def _is_played(self, deck: int) -> bool:
        return self._deck == deck and not self._closing.is_set()

    def _say(self, failure: str) -> None:
        self.failure = " ".join(failure.split())

    def close(self) -> None:
        """Stop the workers and remove the rings."""
        self._closing.set()
        self._watch.join()
        for worker in self._workers:
            if worker:
                worker.stop()
        self.rings.close()

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def count_latency(
    model: Mapping[str, Any], host_block: int | None, allowance: int | None
) -> Latency:
    """Count the latency of a model behind the rings.

    A worker begins a step when a callback has handed it the block's last frame, and has until a
    later callback wants the answer: whole host blocks, at least one.

    Args:
        model: its block_size and latency.
        host_block: frames in every callback, or None if they may differ (up to `LARGEST`).
        allowance: frames that a step may take, None for one block.
    """
    size = int(model["block_size"])
    host = host_block or LARGEST
    wanted = size if allowance is None else allowance
    reblocking = size - (1 if host_block is None else math.gcd(host, size))
    return Latency(int(model["latency"]), reblocking, max(1, -(-wanted // host)) * host, FADE)


def count_capacity(latency: int, block_size: int) -> int:
    """Frames of the rings: half of them is what a worker may be behind, a quarter what warms it."""
    return 1 << (4 * (latency + 2 * block_size + LARGEST) - 1).bit_length()


def leads(rings: Rings, deck: int) -> bool:
    """Whether a deck's stems are there for what is played next, a fade and more of them."""
    begin, end = ready_span(rings.header, deck, rings.get(Cell.RESET))
    played = rings.get(Cell.HEARD) - rings.geometry.latency
    return bool(begin <= played and played + rings.geometry.fade <= end)


def check_speed(ready: Ready, allowance: int) -> None:
    """Raise `TooSlowError` unless a model holds its deadline on this machine."""
    model, times = ready.model, ready.times
    block_ms = 1000 * model["block_size"] / model["sample_rate"]
    allowed_ms = 1000 * allowance / model["sample_rate"]
    if times.p50 > BUSY * block_ms or times.p99 > allowed_ms:
        raise TooSlowError(
            f"too slow here: a step takes {times.p50:.1f} ms (p99 {times.p99:.1f} ms), its block "
            f"lasts {block_ms:.1f} ms and {allowed_ms:.1f} ms are allowed"
        )


def holds(
    build: Build, host_block: int | None = None, allowance: int | None = None, threads: int = 1
) -> bool:
    """Whether an engine of these arguments would hold its deadline on this machine."""
    try:
        ready = try_out(build, threads)
        check_speed(ready, count_latency(ready.model, host_block, allowance).allowance)
    except ValueError:
        return False
    return True


def try_out(
    build: Build,
    threads: int = 1,
    seconds: float = MEASURE_SECONDS,
    start_seconds: float = START_SECONDS,
) -> Ready:
    """Build and measure a model as an engine does, in a process of its own.

    Args:
        build, threads: as of an engine.
        seconds: to measure for, about.
        start_seconds: for all of it.

    Raises:
        ValueError: it cannot be built, or (`TooSlowError`) time is over; one line.
    """
    worker = _Process(build, threads, seconds)
    try:
        return worker.ready(patience=start_seconds)
    except ValueError:
        worker.kill()
        raise
    finally:
        worker.stop()


class _Process:
    """A worker's process and the line to it."""

    def __init__(self, build: Build, threads: int, seconds: float = MEASURE_SECONDS) -> None:
        context = multiprocessing.get_context("spawn")
        self.build, self.began = build, time.monotonic()
        self.line: Connection
        self.line, far = context.Pipe()
        self.process: BaseProcess = context.Process(
            target=run, args=(build, threads, far, seconds), name="restem worker", daemon=True
        )
        self.process.start()
        far.close()

    def ready(
        self,
        closing: threading.Event | None = None,
        meanwhile: Callable[[], object] = lambda: None,
        patience: float = START_SECONDS,
    ) -> Ready:
        """Wait for the model to be built and measured; `meanwhile` is called again and again.

        Raises:
            ValueError: it could not be, or (`TooSlowError`) not in `patience` seconds; says why.
        """
        deadline = time.monotonic() + patience
        while not self.line.poll(GLANCE_SECONDS):
            meanwhile()
            if closing is not None and closing.is_set():
                raise ValueError("the engine was closed")
            if time.monotonic() > deadline:
                raise TooSlowError(f"the model did not start within {patience:.0f} s")
        try:
            answer = self.line.recv()
        except EOFError:
            self.process.join(1)
            raise ValueError(
                f"the worker ended with exit code {self.process.exitcode} while it started"
            ) from None
        if isinstance(answer, str):
            raise ValueError(answer)
        assert isinstance(answer, Ready)
        return answer

    def work(self, rings: str, deck: int) -> None:
        self.began = time.monotonic()
        with suppress(OSError):  # it is gone: the next look sees it
            self.line.send((rings, deck))

    def last_words(self) -> str:
        """Why it ended, as far as it said."""
        try:
            if self.line.poll():
                return str(self.line.recv())
        except (EOFError, OSError):
            pass
        return f"it ended with exit code {self.process.exitcode}"

    def stop(self) -> None:
        """Let it end by itself, within a while."""
        self.line.close()
        self.process.join(2.0)
        self.kill()

    def kill(self) -> None:
        self.process.kill()
        self.process.join()
