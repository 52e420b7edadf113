"""The engine: a worker behind the rings, watched, and the law kept whatever happens to it.

    stems[n + latency] == render(mix)[n]

    latency = model + re-blocking + allowance + fade      frames, one integer for the whole run

The allowance is the time that a worker has for a step; whatever takes longer is late, and the dry
mix stands in (`playback_kernel`). A worker that dies or hangs is replaced, at once, and after
longer and longer rests if its successors fail, too; the new one hears what the mix ring still
holds, so that its memory is warm. Another model can take over while the music
plays: it is started beside the old one, and once its stems are there, one fades into the other.
"""

import threading
import time
from dataclasses import dataclass

import numpy as np

from restem.streamer.atomics import raise_to
from restem.streamer.engine.latency import FADE, Latency, count_capacity, count_latency
from restem.streamer.engine.playback_kernel import (
    LARGEST,
    PATIENCE_MS,
    LatePolicy,
    Playback,
    process_at,
    ready_span,
)
from restem.streamer.engine.process import (
    GLANCE_SECONDS,
    START_SECONDS,
    Build,
    TooSlowError,
    WorkerProcess,
    check_speed,
    speed_caution,
)
from restem.streamer.engine.rings import DECKS, Audio, Cell, Geometry, Rings, cell
from restem.streamer.engine.worker import Ready, StepTimes
from restem.streamer.mixer.kernel import memory_words
from restem.streamer.mixer.mixer import Mixer

SLEPT_SECONDS = 1.0  # between two looks at the workers: this process was stopped
HUNG_SECONDS = 3.0  # without a sign of life, at least
REST_SECONDS = (
    1.0,
    60.0,
)  # before a worker's second successor, doubled for each further one; at most
PROVEN_SECONDS = 30.0  # a worker that lasted so long does not count as a failure of its model


@dataclass(frozen=True)
class Status:
    """State and counters of an engine since it started."""

    state: str  # ready, late (dry mix stands in), starting (its worker is being replaced)
    latency: Latency
    block_size: int
    sample_rate: int
    frames_in: int
    late: int
    late_frames: int
    bad_samples: int
    bad_answers: int  # of the model, not finite
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
        force: start a model that is too slow here, too; the dry mix plays until it holds.
        varies: calls may have fewer frames than `host_block`.

    Raises:
        ValueError: the model cannot be built, or (`TooSlowError`) does not keep up here; one line.
    """

    def __init__(
        self,
        build: Build,
        host_block: int | None = None,
        allowance: int | None = None,
        policy: LatePolicy = LatePolicy.RESIDUAL,
        threads: int = 1,
        force: bool = False,
        varies: bool = False,
    ) -> None:
        self.policy, self.threads, self.restarts, self.failure = policy, threads, 0, ""
        self.force, self.caution = force, ""  # a line about the speed, if there is one
        self._deck = 0
        self._failures = 0  # of workers, one after the other
        self._lock = threading.Lock()  # of the control side; no audio thread ever takes it
        self._closing = threading.Event()
        first = WorkerProcess(build, threads)
        try:
            ready = first.ready()
            self.model = ready.model
            self.latency = count_latency(self.model, host_block, allowance, varies)
            self._check_speed(ready)
            self.rings = Rings(self._geometry(0 if varies else host_block or 0))
        except BaseException:
            first.stop()
            raise
        self.rings.put(Cell.BLOCK_ORIGIN, -1, 1)
        self.mixer = Mixer(self.stems, self.sample_rate, self.channels, self.rings.mixer)
        self.playback = Playback.of(self.rings, self.mixer.memory)
        self._context = self.playback.context(policy)
        self._workers: list[WorkerProcess | None] = [first, None]
        first.work(self.rings.name, 0)
        self._watch = threading.Thread(target=self._watch_workers, daemon=True)
        self._watch.start()

    def _geometry(self, host_block: int) -> Geometry:
        strips = len(self.stems) + 1
        return Geometry(
            sample_rate=self.model["sample_rate"],
            channels=self.channels,
            stems=len(self.stems),
            taps=strips * self.channels,
            latency=self.latency.total,
            fade=FADE,
            capacity=max(count_capacity(self.latency.total, self.model["block_size"]), 1 << 16),
            host_block=host_block,
            mixer=memory_words(strips),
            policy=self.policy,
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
        """Process a block as an audio callback does.

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
        p = self.playback
        self._context[PATIENCE_MS] = patience_ms
        for start in range(0, audio.shape[1], LARGEST):
            count = min(LARGEST, audio.shape[1] - start)
            p.input[:, :count] = audio[:, start : start + count]
            process_at(self._context, count)
            played[:, start : start + count] = p.output[:outputs, :count]
        return played

    def reset(self) -> None:
        """Forget everything heard so far; what is still under way, dry too, is not played."""
        raise_to(self.rings.header, cell(Cell.RESET), self.rings.get(Cell.FRAMES_IN))

    def status(self) -> Status:
        get, deck = self.rings.get, self._deck
        recent = self.rings.step_times[deck]
        recent = recent[recent > 0]
        late = self.playback.fades[deck] < 1
        replaced = self._workers[deck] is None
        return Status(
            state="starting" if replaced else "late" if late else "ready",
            latency=self.latency,
            block_size=int(self.model["block_size"]),
            sample_rate=self.sample_rate,
            frames_in=get(Cell.FRAMES_IN),
            late=get(Cell.LATE),
            late_frames=get(Cell.LATE_FRAMES),
            bad_samples=get(Cell.BAD_SAMPLES),
            bad_answers=sum(get(Cell.BAD_ANSWERS, deck) for deck in range(DECKS)),
            dropped=sum(get(Cell.DROPPED, deck) for deck in range(DECKS)),
            steps=sum(get(Cell.STEPS, deck) for deck in range(DECKS)),
            restarts=self.restarts,
            failure=self.failure,
            step_times=StepTimes.of((recent / 1e9).tolist()) if len(recent) else None,
        )

    def swap(self, build: Build) -> None:
        """Swap in another model while this one plays; the latency stays the same.

        Raises:
            ValueError: it cannot be built, has other stems, another rate or more latency, or is
                too slow; the old one plays on.
        """
        new = WorkerProcess(build, self.threads)
        try:
            ready = new.ready()
            self._check_fit(ready)
            with self._lock:
                deck = 1 - self._deck
                self.rings.put(Cell.BLOCK_ORIGIN, -1, deck)
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
        self._check_speed(ready)

    def _check_speed(self, ready: Ready) -> None:
        try:
            check_speed(ready, self.latency.allowance)
            self.caution = speed_caution(ready, self.latency.allowance)
        except TooSlowError as error:
            if not self.force:
                raise
            self.caution = f"{error}: started all the same"

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
        while self.playback.fades[2] != deck and time.monotonic() < deadline:
            self._closing.wait(GLANCE_SECONDS)

    def _lives(self, deck: int) -> bool:
        worker = self._workers[deck]
        return worker is not None and worker.process.is_alive()

    def _watch_workers(self) -> None:
        """Replace a worker that died or hangs; hand over timed changes that are soon due.

        The other deck's, if there is one, is on trial: whoever swaps it in looks after it.
        """
        seen, looked = [(-1, time.monotonic())] * DECKS, time.monotonic()
        # The heartbeat is written between steps; a step may take a whole block.
        patience = max(HUNG_SECONDS, 2 * self.model["block_size"] / self.sample_rate)
        while not self._closing.wait(GLANCE_SECONDS):
            self.mixer.flush_scheduled()
            looked, before = time.monotonic(), looked
            if looked - before > SLEPT_SECONDS:  # whatever stopped this, stopped the workers, too
                seen = [(-1, looked)] * DECKS
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

    def _replace(self, deck: int, worker: "WorkerProcess", reason: str) -> None:
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
            new = WorkerProcess(worker.build, self.threads)
            try:
                new.ready(self._closing, self.mixer.flush_scheduled)
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
            self.mixer.flush_scheduled()
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
        self.mixer.unshare()
        self.rings.close()

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def leads(rings: Rings, deck: int) -> bool:
    """True if a deck's stems cover what is played next, by a fade or more."""
    begin, end = ready_span(rings.header, deck, rings.get(Cell.RESET))
    played = rings.get(Cell.FRAMES_IN) - rings.geometry.latency
    return bool(begin <= played and played + rings.geometry.fade <= end)
