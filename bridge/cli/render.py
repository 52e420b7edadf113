"""`restem render`."""

import argparse
import itertools
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

from restem.bridge.cli.options import (
    add_device,
    add_effects,
    add_json,
    add_profile,
    add_stems,
    positive_argument,
    seconds_argument,
    start_argument,
    stems_argument,
)
from restem.bridge.cli.output import JsonList, answer, print_error, print_note
from restem.bridge.progress import Progress, progress_bar

if TYPE_CHECKING:
    from restem.bridge.batch.catalogue import Outcome, Request, Summary
    from restem.bridge.batch.inputs import Work
    from restem.bridge.files.outputs import Selection
    from restem.bridge.files.render import RenderOptions

OUT = "restem-stems"


def add_render(verb: argparse.ArgumentParser) -> None:
    verb.description = "Write OUT/<mix>/<stem>.<format>, aligned with the mix to the sample."
    verb.add_argument(
        "mixes",
        nargs="*",
        type=Path,
        metavar="MIX",
        help="audio file of 1 or 2 channels (more: --downmix), folder or pattern; - is "
        "standard input",
    )
    verb.add_argument(
        "--list", type=Path, metavar="FILE", help="more of them, one a line; - is standard input"
    )
    verb.add_argument(
        "--session",
        nargs="+",
        type=Path,
        default=[],
        metavar="TAKE",
        help="folders that `restem live` recorded: print them again, stems and master",
    )
    verb.add_argument(
        "-o",
        "--out",
        type=Path,
        metavar="OUT",
        help=f"output folder; - writes a single file to standard output ({OUT})",
    )
    add_profile(verb)
    add_stems(verb)
    _add_selection(verb)
    verb.add_argument(
        "--format",
        type=str.lower,
        choices=("wav", "flac", "m4a", "mp3", "opus"),
        default="wav",
        help="(wav)",
    )
    add_effects(verb)
    verb.add_argument(
        "--subtype", type=str.upper, help="sample format, e.g. PCM_16 (wav: FLOAT, flac: PCM_24)"
    )
    _add_form(verb)
    verb.add_argument("--overwrite", action="store_true", help="replace stems that exist")
    _add_batch(verb)
    add_device(verb)
    add_json(verb)
    verb.set_defaults(run=_render, usage_error=verb.error)


def _add_selection(verb: argparse.ArgumentParser) -> None:
    """Flags for what gets a file."""
    verb.add_argument(
        "--two-stems",
        type=stems_argument,
        metavar="STEM",
        help="two files: this stem, and all else as no_STEM; they add up to the mix",
    )
    verb.add_argument(
        "--minus",
        type=stems_argument,
        default=(),
        metavar="A,B",
        help="a file of the mix without these stems; with --stems beside theirs, else alone",
    )
    rest = verb.add_mutually_exclusive_group()
    rest.add_argument(
        "--residual",
        action="store_true",
        help="a file of what the stems leave of the mix: with it they add up to the mix",
    )
    rest.add_argument(
        "--add-up",
        action="store_true",
        help="spread that over the stems in equal parts, so that they add up to the mix",
    )


def _add_form(verb: argparse.ArgumentParser) -> None:
    """Flags for the form of the files."""
    verb.add_argument(
        "--downmix",
        action="store_true",
        help="mix more than two channels (5.1, quad, 7.1) down to stereo, by ITU-R BS.775",
    )
    verb.add_argument(
        "--start", type=start_argument, default=0.0, metavar="SECONDS", help="of the mix (0)"
    )
    verb.add_argument(
        "--duration", type=seconds_argument, metavar="SECONDS", help="of what is restored (all)"
    )
    verb.add_argument(
        "--name",
        default="{mix}/{stem}.{ext}",
        metavar="TEMPLATE",
        help="of the files in OUT ({mix}/{stem}.{ext})",
    )
    verb.add_argument(
        "--clip",
        choices=("clamp", "rescale", "float"),
        default="clamp",
        help="what is beyond full scale: clamp it in integers, rescale all files of the mix by one "
        "gain, or write float (clamp)",
    )
    verb.add_argument("--dither", action="store_true", help="16-bit files, before rounding")
    verb.add_argument(
        "--bitrate",
        type=positive_argument,
        metavar="KBPS",
        help="of compressed files (stereo: m4a 256, mp3 320, opus 192; mono half of it)",
    )
    verb.add_argument("--no-tags", action="store_true", help="leave the mix's tags and cover out")


def _add_batch(verb: argparse.ArgumentParser) -> None:
    """Flags for many files."""
    verb.add_argument(
        "--skip-existing",
        action="store_true",
        help="leave out mixes whose stems are there and were made just so, by the record with them",
    )
    verb.add_argument(
        "--jobs", type=positive_argument, metavar="N", help="mixes at a time, in processes (1)"
    )
    verb.add_argument(
        "--threads",
        type=positive_argument,
        help="for the network (1 with --jobs, else as many as PyTorch takes)",
    )
    verb.add_argument(
        "--report", type=Path, metavar="FILE", help="append a line of JSON here for every mix"
    )


def _render(args: argparse.Namespace) -> int:
    from restem.bridge.batch.inputs import PIPE
    from restem.bridge.files.pipes import single_file_to_stdout
    from restem.streamer.engine.allocator import keep_freed_memory

    keep_freed_memory()
    if not (args.mixes or args.session or args.list):
        if args.out is None:
            args.usage_error("the following arguments are required: MIX")
        raise ValueError("nothing to render: name a MIX, or a take with --session")
    if args.list == PIPE and PIPE in args.mixes:
        raise ValueError("standard input is a list or a mix, not both")
    options = _options(args)
    if args.out != PIPE:
        return _render_all(args, _request(args, args.out or Path(OUT), options), answer)
    if len(args.mixes) != 1 or args.session or args.json or options.selection.files != 1:
        raise ValueError(
            "standard output takes one file of one mix: name one stem with --stems, or those to "
            "leave out with --minus, and no --json"
        )
    with single_file_to_stdout() as folder:
        return _render_all(args, replace(_request(args, folder, options), records=False), _note)


def _note(text: str) -> bool:
    print_note(text)
    return True


def _options(args: argparse.Namespace) -> "RenderOptions":
    from restem.bridge.files.names import Naming
    from restem.bridge.files.render import PLAIN, RenderOptions

    options = RenderOptions(
        selection=_selection(args),
        naming=Naming(args.name),
        start=args.start,
        duration=args.duration,
        clip=args.clip,
        dither=args.dither,
        bitrate=args.bitrate,
        tags=not args.no_tags,
        downmix=args.downmix,
    )
    if args.session and replace(options, selection=PLAIN.selection) != PLAIN:
        raise ValueError(
            "--downmix, --start, --duration, --name, --clip, --dither, --bitrate and --no-tags are "
            "for mixes; takes are printed as they were played"
        )
    return options


def _selection(args: argparse.Namespace) -> "Selection":
    from restem.bridge.files.outputs import Selection

    others = args.minus or args.residual or args.add_up
    if args.session and (args.two_stems or others):
        raise ValueError("--two-stems, --minus, --residual and --add-up are for mixes, not takes")
    if args.two_stems:
        if args.stems or others or len(args.two_stems) > 1:
            raise ValueError("--two-stems: takes one stem, and no other flag for what is written")
        return Selection(args.two_stems, args.two_stems)
    is_alone = args.minus and not (args.residual or args.add_up)
    stems = () if args.stems is None and is_alone else args.stems
    return Selection(stems, args.minus, args.residual, args.add_up)


def _request(args: argparse.Namespace, out: Path, options: "RenderOptions") -> "Request":
    from restem.bridge.batch.catalogue import Request
    from restem.streamer.profiles import DEFAULT

    return Request(
        out=out,
        profile=args.profile or DEFAULT,
        device=args.device,
        effects=args.effects,
        file_format=args.format,
        subtype=args.subtype,
        overwrite=args.overwrite,
        options=options,
        skip_existing=args.skip_existing,
        threads=args.threads,
        raises=args.debug,
    )


def _works(args: argparse.Namespace, out: Path) -> "Iterator[Work]":
    """Mixes and takes to render; `--session TAKE song.wav` has a song.

    Raises:
        ValueError: nothing was found.
    """
    from restem.bridge.batch.inputs import Work, find_works, read_list

    takes = [path for path in dict.fromkeys(args.session) if not path.is_file()]
    songs = [path for path in args.session if path.is_file()]
    listed = read_list(args.list) if args.list else ()
    found = find_works(itertools.chain(args.mixes, songs, listed), out)
    works = itertools.chain(found, (Work(path, is_take=True) for path in takes))
    first = next(works, None)
    if first is None:
        raise ValueError(f"no audio files in {', '.join(map(str, args.mixes)) or args.list}")
    return itertools.chain([first], works)


def _is_catalogue(args: argparse.Namespace) -> bool:
    """Recognise work that is many files, by its flags or because a folder or pattern was named."""
    from restem.bridge.batch.inputs import is_many

    flags = args.list or args.jobs or args.skip_existing or args.report
    return bool(flags) or any(map(is_many, args.mixes))


def _render_all(args: argparse.Namespace, request: "Request", say: Callable[[str], bool]) -> int:
    """Render mixes that were named one by one, or a catalogue as it is found."""
    from restem.bridge.batch.catalogue import Places, Summary
    from restem.bridge.cli.catalogue_progress import counted

    works, summary = _works(args, request.out), Summary()
    if not _is_catalogue(args):
        named = [*works]
        for clash in filter(None, map(Places(request).clash, named)):
            raise ValueError(clash)
        return _run(args, request, named, lambda: len(named), summary, say)
    total: Callable[[], int] = lambda: 0  # noqa: E731
    if sys.stderr.isatty() and (args.list is None or args.list.is_file()):  # pipes are read once
        total = counted(_works(args, request.out))
    code = _run(args, request, works, total, summary, say)
    print_note(summary.line())
    return code


def _run(
    args: argparse.Namespace,
    request: "Request",
    works: "Iterable[Work]",
    total: Callable[[], int],
    summary: "Summary",
    say: Callable[[str], bool],
) -> int:
    from restem.bridge.batch.catalogue import FAILED, run

    lost = False
    with (
        _report(args.report) as lines,
        JsonList() if args.json else nullcontext() as answers,
        _bar(works, total, summary) as (progress, end),
    ):
        for outcome in run(request, works, args.jobs or 1, progress):
            summary.add(outcome)
            end(outcome.work)
            if lines:
                print(json.dumps({"status": outcome.status, **outcome.as_dict()}), file=lines)
                lines.flush()
            if answers:
                answers.add(outcome.as_dict())
            lost |= not _announce(outcome, None if answers else say)
    lost |= answers is not None and answers.is_lost
    return int(lost or summary.counts[FAILED] > 0)


def _announce(outcome: "Outcome", say: Callable[[str], bool] | None) -> bool:
    """Say what came of a mix; False if the answer was lost."""
    for note in outcome.notes:
        print_note(note)
    if outcome.error:
        print_error(outcome.error)
    return not (say and outcome.report) or say(outcome.report.line())


@contextmanager
def _report(path: Path | None) -> Iterator[IO[str] | None]:
    from restem.bridge.files.reader import one_line_errors

    if path is None:
        yield None
        return
    with one_line_errors(path):
        file = path.open("a", encoding="utf-8")
    with file:
        yield file


@contextmanager
def _bar(
    works: "Iterable[Work]", total: Callable[[], int], summary: "Summary"
) -> "Iterator[tuple[Callable[[Work], Progress], Callable[[Work], None]]]":
    """A bar of the only mix, or of all of them: functions to call where one begins, and ends."""
    from restem.bridge.cli.catalogue_progress import Shares

    if isinstance(works, list) and len(works) == 1:
        with progress_bar(works[0].mix.name, real_time=True) as show:
            yield lambda work: show, lambda work: None
        return
    with progress_bar("mixes", note=summary.line) as show:
        shares = Shares(show, total, summary)
        yield shares.of, shares.end
