"""`restem verify`."""

import argparse
import json

from restem.bridge.cli.options import add_engine, engine_settings, seconds_argument
from restem.bridge.cli.output import print_table
from restem.bridge.progress import progress_bar


def add_verify(verb: argparse.ArgumentParser) -> None:
    verb.description = (
        "Play music through the engine at the pace of a sound card and check latency, streaming "
        "against rendering, sums and late steps; with --input and --output and a cable between "
        "them the device's round trip too. Exit code 1 if a promise is broken."
    )
    add_engine(verb)
    verb.add_argument("--seconds", type=seconds_argument, default=30.0, help="of music (30)")
    verb.set_defaults(run=_verify)


def _verify(args: argparse.Namespace) -> int:
    from restem.bridge.audio.portaudio import find_device
    from restem.bridge.verify import verify

    devices = None
    if args.input or args.output:
        devices = find_device(args.input, 1, 0), find_device(args.output, 0, 1)
    with progress_bar("verify") as progress:
        checks = verify(engine_settings(args), devices, args.seconds, progress)
    if args.json:
        print(json.dumps([check.as_dict() for check in checks], indent=2))
    else:
        columns = ("promise", "measured", "expected", "verdict")
        print_table(columns, [check.row() for check in checks])
    return int(any(check.passed is False for check in checks))
