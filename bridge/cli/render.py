"""`restem render`."""

import argparse
import json
from pathlib import Path

from restem.bridge.cli.options import add_device, add_effects, add_json, add_stems
from restem.bridge.cli.output import answer, describe_error, print_error, progress_bar


def add_render(verb: argparse.ArgumentParser) -> None:
    verb.description = "Write OUT/<mix>/<stem>.<format>, aligned with the mix to the sample."
    verb.add_argument(
        "mixes", nargs="*", type=Path, metavar="MIX", help="audio file, 1 or 2 channels"
    )
    verb.add_argument(
        "--session",
        nargs="+",
        type=Path,
        default=[],
        metavar="TAKE",
        help="folders that `restem live` recorded: print them again, stems and master",
    )
    verb.add_argument("-o", "--out", type=Path, required=True, metavar="OUT", help="output folder")
    verb.add_argument("--profile", help="a name of `restem profiles` or a .yaml file (live-cpu)")
    add_stems(verb)
    verb.add_argument(
        "--format", type=str.lower, choices=("wav", "flac"), default="wav", help="(wav)"
    )
    add_effects(verb)
    verb.add_argument(
        "--subtype", type=str.upper, help="sample format, e.g. PCM_16 (wav: FLOAT, flac: PCM_24)"
    )
    verb.add_argument("--overwrite", action="store_true", help="replace stems that exist")
    add_device(verb)
    add_json(verb)
    verb.set_defaults(run=_render)


def _render(args: argparse.Namespace) -> int:
    from restem.bridge.files.render import output_folders, render_file
    from restem.bridge.takes.rerender import rerender_take
    from restem.streamer.builder import load_profile
    from restem.streamer.engine.allocator import keep_freed_memory
    from restem.streamer.profiles import DEFAULT

    keep_freed_memory()
    takes = [path for path in args.session if not path.is_file()]  # `--session TAKE song.wav`
    mixes = list(dict.fromkeys((*args.mixes, *args.session)))
    if not mixes:
        raise ValueError("nothing to render: name a MIX, or a take with --session")
    output_folders(mixes, args.out)
    model = load_profile(args.profile or DEFAULT, args.device, args.stems, args.effects)
    reports: list[dict[str, object]] = []
    failed = False
    for mix in mixes:
        try:
            with progress_bar(mix.name, real_time=True) as progress:
                work = rerender_take if mix in takes else render_file
                report = work(
                    model,
                    mix,
                    args.out,
                    file_format=args.format,
                    subtype=args.subtype,
                    overwrite=args.overwrite,
                    progress=progress,
                )
        except Exception as error:
            if args.debug:
                raise
            text = describe_error(error, mix)
            print_error(text)
            reports.append({"mix": str(mix), "error": text})
            failed = True
            continue
        reports.append(report.as_dict())
        if not args.json:
            failed |= not answer(report.line())
    if args.json:
        failed |= not answer(json.dumps(reports, indent=2))
    return int(failed)
