"""`restem profiles` and `restem models`."""

import argparse
import json

from restem.bridge.cli.options import add_json, positive_argument
from restem.bridge.cli.output import print_note, print_rows, print_table, progress_lines


def add_profiles(verb: argparse.ArgumentParser) -> None:
    verb.description = (
        "List the profiles and their latencies; with --measure how fast they run here, each in a "
        "process of its own, and whether `restem live` would take them."
    )
    verb.add_argument("--measure", action="store_true", help="takes a minute or more")
    verb.add_argument(
        "--profile",
        action="append",
        metavar="NAME|FILE",
        help="measure only this one; may be given again (all of the package)",
    )
    verb.add_argument("--threads", type=positive_argument, help="for the network, measured (1)")
    verb.add_argument("--device", type=str.lower, help="measured: auto, cpu or cuda (auto)")
    add_json(verb)
    verb.set_defaults(run=_profiles)


def _profiles(args: argparse.Namespace) -> int:
    from restem.streamer.descriptions import describe_profiles

    if args.measure:
        return _profiles_measure(args)
    for option in ("profile", "threads", "device"):
        if getattr(args, option) is not None:
            raise ValueError(f"--{option} is for measuring: give --measure, too")
    rows = describe_profiles()
    if args.json:
        print(json.dumps(rows, indent=2))
        return 0
    columns = ("profile", "networks", "block", "model latency", "ready")
    print_table(
        columns,
        [
            (
                row["name"],
                " + ".join(row["networks"]),
                f"{row['block_size']}",
                f"{row['latency']} samples = {row['latency_ms']:.1f} ms",
                row["ready"],
            )
            for row in rows
        ],
    )
    for row in rows:
        print(f"\n{row['name']}: {row['description']}")
    return 0


def _profiles_measure(args: argparse.Namespace) -> int:
    from restem.bridge.speed import COLUMNS, LIMIT_SECONDS, measure_profiles
    from restem.streamer.profiles import profile_names

    names, speeds = args.profile or profile_names(), []
    print_note(f"{len(names)} profiles are measured, each in {LIMIT_SECONDS:.0f} s at the most")
    with progress_lines("profiles") as progress:
        progress(0, len(names))
        for speed in measure_profiles(names, args.device or "auto", args.threads or 1):
            speeds.append(speed)
            progress(len(speeds), len(names))
    failed = any(speed.holds is None for speed in speeds)
    if args.json:
        print(json.dumps([speed.as_dict() for speed in speeds], indent=2))
        return int(failed)
    print_table(COLUMNS, [speed.row() for speed in speeds])
    for speed in speeds:
        if speed.problem:
            print(f"\n{speed.profile}: {speed.problem}")
    if any(speed.weights == "seeded" for speed in speeds):
        print("\nseeded: noise stands in for weights that are missing; steps take the same time")
    return int(failed)


def add_models(parser: argparse.ArgumentParser) -> None:
    parser.description = "List the networks."
    add_json(parser)
    parser.set_defaults(run=_models)


def _models(args: argparse.Namespace) -> int:
    from restem.models.zoo import describe_networks

    print_rows(describe_networks(), args.json)
    return 0
