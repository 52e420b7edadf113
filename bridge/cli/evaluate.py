"""`restem evaluate` and `restem demo`."""

import argparse
import json
from pathlib import Path

from restem.bridge.cli.options import (
    add_device,
    add_json,
    add_profile,
    add_stems,
    names_argument,
)
from restem.bridge.cli.output import print_note, print_table
from restem.bridge.progress import progress_bar


def add_demo(verb: argparse.ArgumentParser) -> None:
    verb.description = "Restore a short mix whose stems are known, and score every stem."
    verb.add_argument(
        "-o", "--out", type=Path, default=Path("restem-demo"), help="folder (restem-demo)"
    )
    add_profile(verb)
    add_device(verb)
    add_json(verb)
    verb.set_defaults(run=_demo)


def add_evaluate(verb: argparse.ArgumentParser) -> None:
    verb.description = (
        "Restore the mixes of songs whose stems are known, or take stems that are there already, "
        "and score them beside the mix itself."
    )
    verb.add_argument("songs", type=Path, metavar="SONGS", help="a folder of songs")
    verb.add_argument("--layout", default="restem", help="of the folder (restem)")
    source = verb.add_mutually_exclusive_group()
    add_profile(source)
    source.add_argument(
        "--estimates",
        type=Path,
        metavar="DIR",
        help="score DIR/<song>/<stem>.wav or .flac, as `restem render` writes them",
    )
    verb.add_argument(
        "--songs", type=names_argument, dest="names", metavar="A,B", help="only these songs (all)"
    )
    add_stems(verb)
    verb.add_argument(
        "--seconds",
        type=float,
        metavar="N",
        help="of each song only the N seconds in which most stems play (all; memory grows with it)",
    )
    verb.add_argument(
        "--degrade", type=int, metavar="SEED", help="degrade stems and mix as in training (no)"
    )
    verb.add_argument(
        "--metrics",
        type=names_argument,
        metavar="A,B",
        help="of mmsnr, si-sdr, sdr, zimtohrli, fad (all)",
    )
    verb.add_argument(
        "--embedding", default="mel", help="for fad: mel, clap, clap:MODEL, MODULE:FUNCTION (mel)"
    )
    verb.add_argument(
        "-o", "--out", type=Path, help="write scores.json, scores.csv and scores.png here"
    )
    verb.add_argument("--keep", action="store_true", help="write mixes and stems to OUT, too")
    verb.add_argument("--overwrite", action="store_true", help="replace what exists in OUT")
    add_device(verb)
    add_json(verb)
    verb.set_defaults(run=_evaluate)


def _demo(args: argparse.Namespace) -> int:
    from restem.bridge.demo import run_demo
    from restem.streamer.builder import load_profile
    from restem.streamer.engine.allocator import keep_freed_memory
    from restem.streamer.profiles import DEFAULT

    keep_freed_memory()
    model = load_profile(args.profile or DEFAULT, args.device)
    with progress_bar("demo", real_time=True) as progress:
        result = run_demo(model, args.out, progress)
    if args.json:
        print(json.dumps(result.as_dict(), indent=2))
    else:
        print_table(result.columns, result.rows())
        print(f"restored stems, references and overview.png are in {args.out}")
    return 0


def _evaluate(args: argparse.Namespace) -> int:
    from dataclasses import fields

    from restem.bridge.evaluation.evaluate import EvaluationRequest, run_evaluation
    from restem.streamer.engine.allocator import keep_freed_memory

    keep_freed_memory()
    given = {field.name: getattr(args, field.name) for field in fields(EvaluationRequest)}
    with progress_bar("evaluate") as progress:
        scores = run_evaluation(EvaluationRequest(**given), progress)
    for note in scores.notes:
        print_note(note)
    if args.json:
        print(json.dumps(scores.as_dict(), indent=2))
        return 0
    print_table(scores.columns, scores.rows())
    if args.out:
        print(f"scores.json, scores.csv and scores.png are in {args.out}")
    return 0
