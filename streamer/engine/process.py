"""Worker processes: started, measured, tried out."""

import multiprocessing
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from restem.streamer.engine.latency import count_latency
from restem.streamer.engine.worker import Ready, run
from restem.streamer.model.protocol import StreamingModel

START_SECONDS = 300.0  # a model may take that long to load
MEASURE_SECONDS = 30.0  # of a model whose steps are long, about
GLANCE_SECONDS = 0.05  # between two looks at the workers
BUSY = 0.8  # of a block's duration: a step that takes longer leaves no time for anything else
Build = Callable[[], StreamingModel]


class TooSlowError(ValueError):
    """A model does not hold its deadline on this machine."""


def check_speed(ready: Ready, allowance: int) -> None:
    """Raise `TooSlowError` unless a model holds its deadline on this machine.

    Rounds decide, not the slowest step: a single hiccup of the machine is nothing to refuse for.
    """
    model, times = ready.model, ready.times
    block_ms = 1000 * model["block_size"] / model["sample_rate"]
    allowed_ms = 1000 * allowance / model["sample_rate"]
    steady = times.p99 if times.steady is None else times.steady
    if times.p50 > BUSY * block_ms or steady > allowed_ms:
        raise TooSlowError(
            f"too slow here: a step takes {times.p50:.1f} ms (p99 {times.p99:.1f} ms), its block "
            f"lasts {block_ms:.1f} ms and {allowed_ms:.1f} ms are allowed"
        )


def speed_caution(ready: Ready, allowance: int) -> str:
    """A line for the user where some steps were late while a model was measured, else nothing."""
    allowed_ms = 1000 * allowance / ready.model["sample_rate"]
    if ready.times.p99 <= allowed_ms:
        return ""
    return (
        f"some steps took {ready.times.p99:.1f} ms while they were measured, {allowed_ms:.1f} ms "
        "are allowed: expect late ones, or give it a larger --allowance"
    )


def holds(
    build: Build, host_block: int | None = None, allowance: int | None = None, threads: int = 1
) -> bool:
    """True if an engine of these arguments would hold its deadline on this machine."""
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
    worker = WorkerProcess(build, threads, seconds)
    try:
        return worker.ready(patience=start_seconds)
    except ValueError:
        worker.kill()
        raise
    finally:
        worker.stop()


class WorkerProcess:
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
        """The worker's error or exit code."""
        try:
            if self.line.poll():
                return str(self.line.recv())
        except (EOFError, OSError):
            pass
        return f"it ended with exit code {self.process.exitcode}"

    def stop(self) -> None:
        """Ask the worker to exit, then kill it."""
        self.line.close()
        self.process.join(2.0)
        self.kill()

    def kill(self) -> None:
        self.process.kill()
        self.process.join()
