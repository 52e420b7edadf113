"""Files rendered in the background while music plays, one after the other, in a process of low
priority: jobs that a remote control begins, watches and cancels.
"""

import itertools
import multiprocessing
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue

from restem.models.errors import one_line

NICENESS = 10
REPORT_STEP = 0.01  # of a job, between two reports


@dataclass(frozen=True)
class Job:
    """A mix to be restored into a folder."""

    number: int
    mix: Path
    out: Path
    profile: str


@dataclass(frozen=True)
class Update:
    """Progress of a job, in [0, 1]; at last its folder or why it failed."""

    fraction: float
    folder: str = ""
    failure: str = ""

    @property
    def is_last(self) -> bool:
        return bool(self.folder or self.failure)


Report = Callable[[Job, Update], None]


class Jobs:
    """Renders what it is given, until it is closed."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._queue: SimpleQueue[tuple[Job, Report] | None] = SimpleQueue()
        self._waiting: set[int] = set()
        self._line: tuple[int, Connection] | None = None  # to the job under way
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, mix: Path, out: Path, profile: str, report: Report) -> Job:
        """Queue a job.

        Args:
            mix: an audio file.
            out: its stems go to a folder of its name in here.
            profile: a name or a path.
            report: called from a thread, again and again until the last update.
        """
        job = Job(next(self._numbers), mix, out, profile)
        with self._lock:
            self._waiting.add(job.number)
        self._queue.put((job, report))
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="restem jobs", daemon=True)
            self._thread.start()
        return job

    def cancel(self, number: int) -> bool:
        """Cancel a job and remove its unfinished files; False if there is none."""
        with self._lock:
            if number in self._waiting:
                self._waiting.remove(number)
                return True
            if self._line is None or self._line[0] != number:
                return False
            with suppress(OSError):
                self._line[1].send("cancel")
            return True

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            job, report = item
            report(job, self._render(job, report))

    def _render(self, job: Job, report: Report) -> Update:
        """Render one job and return its final update."""
        context = multiprocessing.get_context("spawn")
        with self._lock:
            if job.number not in self._waiting:
                return Update(0.0, failure="cancelled")
            self._waiting.remove(job.number)
            line, far = context.Pipe()
            self._line = job.number, line
        process = context.Process(target=render, args=(job, far), name="restem job", daemon=True)
        update: Update
        try:
            with far:
                process.start()
            while not (update := line.recv()).is_last:
                report(job, update)
            process.join()
        except (EOFError, OSError) as error:
            reason = f"{error}"
            if process.pid is not None:
                process.join()
                reason = f"exit code {process.exitcode}"
            update = Update(0.0, failure=f"the renderer ended: {reason}")
        with self._lock:
            self._line = None
        line.close()
        return update

    def close(self) -> None:
        """Cancel what is under way."""
        with self._lock:
            running = self._line[0] if self._line else None
            self._waiting.clear()
        if running is not None:
            self.cancel(running)
        self._queue.put(None)
        if self._thread:
            self._thread.join()


def render(job: Job, line: Connection) -> None:
    """The process of a job."""
    import torch

    from restem.bridge.files.render import render_file
    from restem.bridge.signals import ended_as_by_ctrl_c
    from restem.streamer.builder import load_profile
    from restem.streamer.engine.allocator import keep_freed_memory

    keep_freed_memory()
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    torch.set_num_threads(1)
    told = 0.0

    def progress(done: float, total: float) -> None:
        nonlocal told
        if line.poll():
            raise RuntimeError("cancelled")
        if done / total - told >= REPORT_STEP:
            told = done / total
            line.send(Update(told))

    try:
        with ended_as_by_ctrl_c():
            model = load_profile(job.profile, "cpu")
            made = render_file(model, job.mix, job.out, progress=progress)
        line.send(Update(1.0, folder=str(made.folder)))
    except KeyboardInterrupt:
        with suppress(OSError):  # the other end may be gone, too
            line.send(Update(told, failure="interrupted"))
    except Exception as error:
        line.send(Update(told, failure=one_line(error)))
