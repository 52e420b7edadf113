"""Processes that render mixes, each with a model and threads of its own.

Each has one mix at a time. A process that dies is replaced, and its mix is tried once more when all
others are done, alone: what ended the process may have been its neighbours, as when memory ran out.
"""

import multiprocessing
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
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
    """Renders mixes in so many processes; see `run`. A mix is looked for when one is idle."""

    def __init__(
        self,
        request: Request,
        works: Iterable[Work | Outcome],
        jobs: int,
        progress: Callable[[Work], Progress],
    ) -> None:
        threads = 1 if request.threads is None else request.threads
        self._request, self._jobs = replace(request, threads=threads), jobs
        self._waiting, self._progress = iter(works), progress
        self._renderers: dict[Connection, Renderer] = {}
        self._again: list[Work] = []  # their process died
        self._is_last_try = False
        self._new: set[Path] = set()

    def run(self) -> Iterator[Outcome]:
        """Give the outcomes as mixes are done, and those among the works as they come.

        Raises:
            ValueError: the model cannot be built.
        """
        try:
            yield from self._render(self._jobs)
            self._waiting, self._is_last_try = iter(self._again), True
            yield from self._render(1)
        finally:
            for renderer in self._renderers.values():
                renderer.process.terminate()
            for renderer in self._renderers.values():
                renderer.process.join()
            remove_empty(self._new)

    def _render(self, jobs: int) -> Iterator[Outcome]:
        for number in range(jobs):
            yield from self._start(speaks=number == 0 and not self._is_last_try)
        while self._renderers:
            for line in wait([*self._renderers]):
                assert isinstance(line, Connection)
                yield from self._attend(self._renderers[line])

    def _start(self, speaks: bool = False) -> Iterator[Outcome]:
        """Start a process for the next mix, if there is one."""
        work = yield from self._next_work()
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
            yield from self._lost(renderer)
            self._forget_folders(renderer)
            yield from self._start()
            return
        if isinstance(message, Fault):
            raise ValueError(message.text)
        if isinstance(message, Outcome):
            yield message
            self._forget_folders(renderer)
            yield from self._next(renderer)
        else:
            renderer.progress(*message)

    def _next_work(self) -> Generator[Outcome, None, Work | None]:
        """The next mix; its folder, if it is new, is of no single process: all may make it."""
        for work in self._waiting:
            if isinstance(work, Work):
                with suppress(OSError):  # what is wrong with it is said where its files are made
                    self._new |= missing_folders(self._request.out / work.below)
                return work
            yield work
        return None

    def _forget_folders(self, renderer: Renderer) -> None:
        """Remove folders that only this mix was for, if they are empty, or leave them for good."""
        wanted = set[Path]()
        for other in self._renderers.values():
            if other is not renderer:
                folder = self._request.out / other.work.below
                wanted |= {folder, *folder.parents}
        remove_empty(self._new - wanted)
        self._new &= wanted

    def _next(self, renderer: Renderer) -> Iterator[Outcome]:
        work = yield from self._next_work()
        with suppress(OSError):  # it has died: the line says so when it is read
            renderer.line.send(work)
        if work is None:
            del self._renderers[renderer.line]
            renderer.process.join()
        else:
            renderer.work, renderer.progress = work, self._progress(work)

    def _lost(self, renderer: Renderer) -> Iterator[Outcome]:
        del self._renderers[renderer.line]
        renderer.process.join()
        if not self._is_last_try:
            self._again.append(renderer.work)
            return
        reason = (
            f"{renderer.work.mix}: its process died twice, the second time alone, with exit code "
            f"{renderer.process.exitcode}; leave it out, or give it more memory"
        )
        yield Outcome(renderer.work, FAILED, error=reason)


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
