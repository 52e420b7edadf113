"""Many mixes, one after the other or in several processes; one that fails does not stop the rest.

Works are an iterator from end to end: a million of them take the memory of their digests.

works ─┬─ clashes of names ──────────────► failed
       ├─ record beside the stems: same ─► skipped
       └─ this process, or a pool ───────► done or failed
"""

import itertools
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from restem.bridge.batch.digests import Digests
from restem.bridge.batch.inputs import PIPE, Work
from restem.bridge.errors import describe_error
from restem.bridge.files.outputs import Outputs
from restem.bridge.files.pipes import stdin_as_file
from restem.bridge.files.record import Recipe, make_recipe
from restem.bridge.files.render import PLAIN, RenderOptions, RenderReport, render_file
from restem.bridge.progress import Progress
from restem.streamer.builder import build_profile, pick_stems, profile_with_effects
from restem.streamer.model.protocol import StreamingModel
from restem.streamer.profiles import DEFAULT, Profile

DONE, SKIPPED, FAILED = "done", "skipped", "failed"


@dataclass(frozen=True)
class Outcome:
    """Result of a mix."""

    work: Work
    status: str
    report: RenderReport | None = None
    error: str = ""
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, object]:
        """For JSON: the report's keys, or the mix and the error."""
        if self.report is not None:
            return self.report.as_dict()
        known: dict[str, object] = {"mix": str(self.work.mix)}
        return known | ({"error": self.error} if self.error else {})


@dataclass(frozen=True)
class Request:
    """Settings of a run; they go to other processes as they are.

    Args:
        out: the output folder.
        profile, device, effects: as for `load_profile`.
        file_format, subtype, overwrite, options: as for `render_file`.
        skip_existing: leave out what a record says is there already.
        threads: for the network; PyTorch's own number if None.
    """

    out: Path
    profile: str = DEFAULT
    device: str = "auto"
    effects: str | None = None
    file_format: str = "wav"
    subtype: str | None = None
    overwrite: bool = False
    options: RenderOptions = PLAIN
    skip_existing: bool = False
    threads: int | None = None
    raises: bool = False  # errors as they are, for debugging
    records: bool = True  # beside the stems

    @cached_property
    def described(self) -> Profile:
        return profile_with_effects(self.profile, self.effects)

    @cached_property
    def recipe(self) -> Recipe:
        """Description of all that stems of this request depend on but the mix."""
        form = self.file_format, self.subtype, replace(self.options, recipe=None)
        return make_recipe(self.described, self.options.selection.needed, form)

    def load(self) -> StreamingModel:
        """Build the model.

        Raises:
            ValueError: as `load_profile`.
        """
        if self.threads:
            import torch

            torch.set_num_threads(self.threads)
        return build_profile(self.described, self.device, self.options.selection.needed)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the files of every mix."""
        selection = self.options.selection
        return Outputs(pick_stems(self.described.stems, selection.needed), selection).names

    def is_complete(self, work: Work) -> bool:
        """True if the stems of a mix are there, made of the same."""
        out, naming = self.out / work.below, self.options.naming
        try:
            first = naming.files(work.mix, out, self.names, self.file_format)[0]
            return self.recipe.record(work.mix, first).is_complete()
        except OSError:
            return False

    def render(
        self, model: StreamingModel, work: Work, progress: Progress | None = None
    ) -> RenderReport:
        """Render one mix; raises as `render_file`, or as `rerender_take`."""
        form: dict[str, Any] = {
            "file_format": self.file_format,
            "subtype": self.subtype,
            "overwrite": self.overwrite,
            "progress": progress,
        }
        out = self.out / work.below
        if work.is_take:
            from restem.bridge.takes.rerender import rerender_take

            return rerender_take(model, work.mix, out, **form)
        if work.mix != PIPE:
            options = replace(self.options, recipe=self.recipe if self.records else None)
            return render_file(model, work.mix, out, **form, options=options)
        with stdin_as_file() as path:
            report = render_file(model, path, out, **form, options=self.options)
        return replace(report, mix=PIPE)


class Places:
    """Places of stems that are taken already."""

    def __init__(self, request: Request) -> None:
        self._request, self._taken = request, Digests()

    def clash(self, work: Work) -> str:
        """Take a work's place, or say why its stems cannot go there; empty if they can."""
        out = self._request.out / work.below
        place = self._request.options.naming.place(work.mix, out)
        if self._taken.add(str(place).casefold()):
            return ""
        return (
            f"{work.mix} and a mix before it: both would go to {place}; "
            "rename one or render it to another folder"
        )


def attempt(
    request: Request, model: StreamingModel, work: Work, progress: Progress | None = None
) -> Outcome:
    """Render a mix; whatever goes wrong is part of the outcome, and so are warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            report = request.render(model, work, progress)
        except Exception as error:
            if request.raises:
                raise
            return Outcome(work, FAILED, error=describe_error(error, work.mix))
    return Outcome(work, DONE, report, notes=tuple(str(note.message) for note in caught))


def screen(request: Request, works: Iterable[Work]) -> Iterator[Work | Outcome]:
    """Pass on what is to be rendered, and the outcome of what is not."""
    places = Places(request)
    for work in works:
        if clash := places.clash(work):
            yield Outcome(work, FAILED, error=clash)
        elif request.skip_existing and not work.is_take and request.is_complete(work):
            yield Outcome(work, SKIPPED)
        else:
            yield work


def run_here(
    request: Request, works: Iterable[Work | Outcome], progress: Callable[[Work], Progress]
) -> Iterator[Outcome]:
    """Render in this process, in order; outcomes among the works pass through."""
    model: StreamingModel | None = None
    for work in works:
        if isinstance(work, Outcome):
            yield work
        else:
            model = model or request.load()
            yield attempt(request, model, work, progress(work))


@dataclass
class Summary:
    """Counts of a run."""

    counts: dict[str, int] = field(default_factory=lambda: {DONE: 0, SKIPPED: 0, FAILED: 0})
    audio_seconds: float = 0.0
    began: float = field(default_factory=time.monotonic)

    def add(self, outcome: Outcome) -> None:
        self.counts[outcome.status] += 1
        if outcome.report is not None:
            self.audio_seconds += outcome.report.frames / outcome.report.sample_rate

    def line(self) -> str:
        """For people."""
        seconds = time.monotonic() - self.began
        counts = ", ".join(f"{count} {status}" for status, count in self.counts.items())
        rate = self.audio_seconds / max(seconds, 1e-9)
        return (
            f"{counts}; {self.audio_seconds / 60:.1f} minutes of music in {seconds / 60:.1f}, "
            f"{rate:.1f}x real time"
        )


def run(
    request: Request,
    works: Iterable[Work],
    jobs: int = 1,
    progress: Callable[[Work], Progress] = lambda work: lambda done, total: None,
) -> Iterator[Outcome]:
    """Render mixes, each once; none is looked for before its turn, and none kept after it.

    Args:
        request: how.
        works: which.
        jobs: processes, each with a model of its own; 1 is this process.
        progress: gives the progress of a work to be called with seconds done and in all.

    Yields:
        An outcome for each, as they end.

    Raises:
        ValueError: the profile cannot be built.
    """
    screened = screen(request, works)
    ahead: list[Work] = []
    while jobs > 1 and len(ahead) < jobs and (work := next(screened, None)) is not None:
        if isinstance(work, Outcome):
            yield work
        else:
            ahead.append(work)
    todo = itertools.chain(ahead, screened)
    if len(ahead) < 2:
        yield from run_here(request, todo, progress)
        return
    from restem.bridge.batch.pool import Pool

    yield from Pool(request, todo, len(ahead), progress).run()
