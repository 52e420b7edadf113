"""`restem live` and `restem devices`."""

import argparse
import sys
from collections.abc import Callable
from typing import cast

from restem.bridge.cli.options import (
    add_engine,
    add_json,
    add_remote,
    add_takes,
    engine_settings,
    remote_settings,
)
from restem.bridge.cli.output import print_failures, print_note, print_rows


def add_live(verb: argparse.ArgumentParser) -> None:
    verb.description = (
        "Restore stems from an input while it plays, over a sound device or as a JACK client."
    )
    add_engine(verb)
    verb.add_argument(
        "--jack",
        nargs="?",
        const="restem",
        metavar="NAME",
        help="be a JACK client of that name (restem); --input and --output name ports to connect",
    )
    verb.add_argument("--server", help="name of the JACK server (the default one)")
    verb.add_argument(
        "--channels",
        default="stereo",
        metavar="MAP",
        help="outputs: stereo, stems (after the master), stems-only, or 1=vocals.left,.., with "
        "no_vocals.left for the mix without a stem (stereo)",
    )
    verb.add_argument(
        "--inputs", metavar="L,R", help="input channels that are heard, counted from 1 (1,2)"
    )
    verb.add_argument(
        "--late",
        choices=("residual", "spread", "silence"),
        help="where the dry mix goes while a step is late (the profile's)",
    )
    add_takes(verb)
    verb.add_argument("--plain", action="store_true", help="a line a second instead of the view")
    add_remote(verb)
    verb.set_defaults(run=_live)


def _live(args: argparse.Namespace) -> int:
    from restem.bridge.control.remote import Remote
    from restem.bridge.session.base import watch
    from restem.bridge.session.live import LiveSession

    remote, speakers = remote_settings(args), [cast("Callable[[str], None]", print_note)]

    def notify(text: str) -> None:
        speakers[-1](text)

    with (
        LiveSession(engine_settings(args), notify) as session,
        Remote(session, remote, notify) as control,
    ):
        if args.record:
            session.recorder.start()
        if args.json or args.plain or not sys.stdout.isatty():
            watch(session, sys.stdout, args.seconds, as_json=args.json)
        else:
            from restem.bridge.control.terminal import View

            view = View(session, control.panic, args.seconds)
            speakers.append(view.show_message)
            view.run()
            speakers.pop()
    return print_failures(session.recorder.failures)


def add_devices(parser: argparse.ArgumentParser) -> None:
    parser.description = "List sound devices."
    add_json(parser)
    parser.set_defaults(run=_devices)


def _devices(args: argparse.Namespace) -> int:
    from dataclasses import asdict

    from restem.bridge.audio.portaudio import list_devices

    found = [asdict(device) for device in list_devices()]
    if not found and not args.json:
        print("no sound device here; plug one in, or start JACK or PipeWire")
        return 0
    print_rows(found, args.json)
    return 0
