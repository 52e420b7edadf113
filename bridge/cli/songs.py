"""`restem songs check | render | layouts`."""

import argparse
import json
import warnings
from pathlib import Path

from restem.bridge.cli.options import add_json, seconds_argument
from restem.bridge.cli.output import print_note, print_rows
from restem.bridge.progress import progress_bar


def add_songs(verb: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    actions = verb.add_subparsers(required=True, metavar="ACTION")
    check = actions.add_parser(
        "check", parents=[common], help="open a folder of songs, name all that is wrong with it"
    )
    check.add_argument("folder", type=Path, metavar="FOLDER", help="a folder of songs")
    check.add_argument(
        "--layout", default="restem", help="a name of `restem songs layouts` or a .yaml file"
    )
    add_json(check)
    check.set_defaults(run=_songs_check)
    render = actions.add_parser(
        "render",
        parents=[common],
        help="General MIDI songs to dry stems, with FluidSynth or recorded notes",
        description="Write OUT/<song>/<stem>/0.wav and OUT/songs.yaml, which says how; songs that "
        "are there are kept.",
    )
    render.add_argument("folder", type=Path, metavar="MIDI_FOLDER", help="with .mid files")
    render.add_argument("out", type=Path, metavar="OUT", help="output folder")
    render.add_argument(
        "--font",
        type=Path,
        action="append",
        default=[],
        help="a General MIDI soundfont; given again, each stem's is drawn at random",
    )
    render.add_argument(
        "--drum-font",
        type=Path,
        action="append",
        default=[],
        metavar="FONT",
        help="a soundfont with a drum kit alone, as program 1 of bank 0; drawn for drums only",
    )
    render.add_argument(
        "--instruments",
        type=Path,
        action="append",
        default=[],
        metavar="FOLDER",
        help="recorded notes, listed in FOLDER/samples.csv; beside fonts, drawn for every stem",
    )
    render.add_argument(
        "--without",
        action="append",
        default=[],
        metavar="INSTRUMENT",
        help="an instrument of these folders that is left out, to be held out of training",
    )
    render.add_argument(
        "--seconds", type=seconds_argument, default=90.0, help="cut each song here (90)"
    )
    render.add_argument("--seed", type=int, default=0, help="of all that is drawn at random (0)")
    render.add_argument("--jobs", type=int, default=1, metavar="N", help="songs at a time (1)")
    render.set_defaults(run=_songs_render)
    layouts = actions.add_parser("layouts", parents=[common], help="list the known trees of songs")
    add_json(layouts)
    layouts.set_defaults(run=_songs_layouts)


def _songs_check(args: argparse.Namespace) -> int:
    from restem.models.training.data.songs import open_songs, summarize

    with warnings.catch_warnings(record=True) as problems:
        warnings.simplefilter("always")
        try:
            with progress_bar(args.folder.name) as progress:
                songs = open_songs(args.folder, args.layout, progress)
        finally:
            for problem in problems:
                print_note(problem.message)
    rows = summarize(songs)
    minutes = round(sum(song.duration_seconds for song in songs) / 60, 1)
    if args.json:
        report = {
            "songs": len(songs),
            "minutes": minutes,
            "stems": rows,
            "problems": [str(problem.message) for problem in problems],
        }
        print(json.dumps(report, indent=2))
        return 0
    print(f"{args.folder}: {len(songs)} songs, {minutes} minutes; problems: {len(problems)}\n")
    print_rows(rows, as_json=False)
    return 0


def _songs_render(args: argparse.Namespace) -> int:
    from restem.models.training.data.general_midi import Fonts, Several, render_songs
    from restem.models.training.data.sampler import Recordings

    if not args.font and not args.instruments:
        raise ValueError("nothing to play with: give --font FONT or --instruments FOLDER")
    fonts = [Fonts(args.font, args.drum_font)] if args.font else []
    recordings = [Recordings(folder, args.without) for folder in args.instruments]
    sounds = Several([*fonts, *recordings])
    with progress_bar(args.folder.name) as progress:
        report = render_songs(
            args.folder, args.out, sounds, args.seconds, args.seed, args.jobs, progress
        )
    counts = f"{len(report.rendered)} songs rendered, {len(report.kept)} were there"
    print(f"{args.out}: {counts}, {len(report.failed)} failed")
    return int(bool(report.failed))


def _songs_layouts(args: argparse.Namespace) -> int:
    from restem.models.training.data.songs import describe_layouts

    print_rows(describe_layouts(), args.json)
    return 0
