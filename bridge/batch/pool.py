"""Processes that render mixes, each with a model and threads of its own.

Each has one mix at a time. A process that dies costs its mix, and is replaced.
"""

import multiprocessing
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path

from restem.bridge.batch.catalogue import FAILED, Outcome, Request, attempt
from restem.bridge.batch.inputs import Work
from restem.bridge.errors import describe_error
from restem.bridge.files.writer import missing_folders, remove_empty
from restem.bridge.progress import Progress
from restem.bridge.signals import ended_as_by_ctrl_c

REPORT_STEP = 0.01  # of a mix, between two reports
CONTEXT = multiprocessing.get_context("spawn")


@dataclass(frozen=True)
class Fault:
    """The reason why a process cannot render at all."""

    text: str


@dataclass
class Renderer:
    """A process, the line to it, and its mix."""

    process: SpawnProcess
    line: Connection
    work: Work
    progress: Progress


class Pool:
    """Renders mixes in so many processes; see `run`."""

    def __init__(
        self,
        request: Request,
        works: Iterable[Work],
        jobs: int,
        progress: Callable[[Work], Progress],
    ) -> None:
        threads = 1 if request.threads is None else request.threads
        self._request, self._jobs = replace(request, threads=threads), jobs
        self._waiting, self._progress = iter(works), progress
        self._renderers: dict[Connection, Renderer] = {}
        self._new: set[Path] = set()

    def run(self) -> Iterator[Outcome]:
        """Give the outcomes as mixes are done.

        Raises:
            ValueError: the model cannot be built.
        """
        try:
            for number in range(self._jobs):
                self._start(speaks=number == 0)
            while self._renderers:
                for line in wait([*self._renderers]):
                    assert isinstance(line, Connection)
                    yield from self._attend(self._renderers[line])
        finally:
            for renderer in self._renderers.values():
                renderer.process.terminate()
            for renderer in self._renderers.values():
                renderer.process.join()
            remove_empty(self._new)

    def _start(self, speaks: bool = False) -> None:
        """Start a process for the next mix, if there is one."""
        work = self._next_work()
        if work is None:
            return
        line, far = CONTEXT.Pipe()
        process = CONTEXT.Process(target=serve, args=(self._request, far, speaks), daemon=True)
        with far:
            process.start()
        self._renderers[line] = Renderer(process, line, work, self._progress(work))
        line.send(work)

    def _attend(self, renderer: Renderer) -> Iterator[Outcome]:
        try:
            message = renderer.line.recv()
        except (EOFError, OSError):
            yield self._lost(renderer)
            self._start()
            return
        if isinstance(message, Fault):
            raise ValueError(message.text)
        if isinstance(message, Outcome):
            yield message
            self._next(renderer)
        else:
            renderer.progress(*message)

    def _next_work(self) -> Work | None:
        """The next mix; its folder, if it is new, is of no single process: all may make it."""
        work = next(self._waiting, None)
        if work is not None:
            with suppress(OSError):  # what is wrong with it is said where its files are made
                self._new |= missing_folders(self._request.out / work.below)
        return work

    def _next(self, renderer: Renderer) -> None:
        work = self._next_work()
        with suppress(OSError):  # it has died: the line says so when it is read
            renderer.line.send(work)
        if work is None:
            del self._renderers[renderer.line]
            renderer.process.join()
        else:
            renderer.work, renderer.progress = work, self._progress(work)

    def _lost(self, renderer: Renderer) -> Outcome:
        del self._renderers[renderer.line]
        renderer.process.join()
        code = renderer.process.exitcode
        reason = f"{renderer.work.mix}: its process ended with exit code {code}; try it alone"
        return Outcome(renderer.work, FAILED, error=reason)


def serve(request: Request, line: Connection, speaks: bool) -> None:
    """Render mixes that come over a line, until None comes or the other end has gone."""
    from restem.streamer.engine.allocator import keep_freed_memory

    keep_freed_memory()
    if not speaks:  # what there is to say of the model is said once
        warnings.simplefilter("ignore")
    with suppress(EOFError, OSError, KeyboardInterrupt), ended_as_by_ctrl_c():
        try:
            model = request.load()
        except Exception as error:
            line.send(Fault(describe_error(error)))
            return
        while (work := line.recv()) is not None:
            line.send(attempt(request, model, work, _steps(line)))


def _steps(line: Connection) -> Progress:
    told = 0.0

    def advance(done: float, total: float) -> None:
        nonlocal told
        if done / total - told >= REPORT_STEP:
            told = done / total
            line.send((done, total))

    return advance
