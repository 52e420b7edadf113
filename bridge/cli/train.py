"""`restem train`."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from restem.bridge.cli.options import add_device
from restem.bridge.cli.output import print_note, progress_lines


def add_train(verb: argparse.ArgumentParser) -> None:
    verb.description = (
        "Train a recipe on folders of songs; a run in OUT is continued. With --export, write the "
        "newest weights of the run in OUT, and a profile to render with beside them."
    )
    verb.add_argument("recipe", help="embedded, dtt-bsr, dttnet, demucs-l, or a .yaml file")
    verb.add_argument(
        "-o", "--out", type=Path, required=True, metavar="OUT", help="the run's folder"
    )
    verb.add_argument(
        "--songs", type=Path, nargs="+", metavar="FOLDER", help="folders of songs to train on"
    )
    verb.add_argument(
        "--held-out",
        type=Path,
        nargs="+",
        default=(),
        metavar="FOLDER",
        help="folders of songs to validate on (a tenth of the songs)",
    )
    verb.add_argument("--layout", default="restem", help="of the folders (restem)")
    verb.add_argument("--minutes", type=float, help="the whole schedule (the recipe's)")
    verb.add_argument("--steps", type=int, help="the whole schedule (the recipe's)")
    verb.add_argument("--seed", type=int, help="(the recipe's)")
    verb.add_argument("--threads", type=int, help="CPU threads (all cores)")
    verb.add_argument("--export", type=Path, metavar="FILE", help="write weights, do not train")
    add_device(verb)
    verb.set_defaults(run=_train)


def _train(args: argparse.Namespace) -> int:
    import torch

    from restem.bridge.evaluation.plots import average
    from restem.bridge.training import TrainingSongs, export, run_training
    from restem.models.training.loop import Progress as TrainingProgress
    from restem.models.training.recipes import check, read_recipe
    from restem.streamer.builder import pick_device

    given = {name: getattr(args, name) for name in ("minutes", "steps", "seed")}
    recipe = read_recipe(args.recipe)
    recipe = replace(recipe, **{name: v for name, v in given.items() if v is not None})
    check(recipe, args.recipe)
    if args.export:
        export(recipe, args.out, args.export)
        print(f"{args.export}: exported from {args.out}")
        return 0
    if not args.songs:
        raise ValueError("--songs FOLDER: the songs to train on are missing")
    if args.threads:
        torch.set_num_threads(args.threads)
    material = TrainingSongs(tuple(args.songs), tuple(args.held_out), args.layout)
    told = False
    with progress_lines(Path(args.recipe).stem) as bar:

        def report(now: TrainingProgress) -> None:
            nonlocal told
            if not told:
                told = True
                print_note(
                    "after the schedule the weights are calibrated on held-out clips and exported, "
                    f"some minutes more; {args.out / 'profile.yaml'} comes last"
                )
            bar(now.fraction, 1.0)
            if now.scores:
                scores = ", ".join(
                    f"{stage} {value:.2f}"
                    for stage, value in average(now.scores).items()
                    if stage != "clips"
                )
                print(
                    f"{now.minutes:.1f} min, {now.steps} steps: held-out MMSNR {scores} dB",
                    file=sys.stderr,
                )

        run_training(recipe, material, args.out, pick_device(args.device), report)
    print(f"weights, curves and profile.yaml are in {args.out}")
    return 0
