"""`restem osc`, `osc-monitor` and `osc-send`."""

import argparse
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from restem.bridge.control.osc.client import OscClient
from restem.bridge.cli.options import (
    add_network,
    add_remote,
    add_takes,
    engine_settings,
    port_argument,
    positive_argument,
    remote_settings,
)
from restem.bridge.cli.output import print_failures, print_note

NEGATIVE = re.compile(r"-(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$|-inf(inity)?$", re.IGNORECASE)


def add_osc(verb: argparse.ArgumentParser) -> None:
    verb.description = (
        "An engine without a sound device: it plays files, or audio that comes over OSC, and is "
        "controlled as `restem live` is."
    )
    verb.add_argument("file", nargs="?", type=Path, metavar="MIX", help="a file to begin with")
    add_network(verb)
    verb.add_argument(
        "--jitter",
        type=positive_argument,
        metavar="FRAMES",
        help="that audio over OSC may be late (50 ms)",
    )
    add_takes(verb)
    add_remote(verb)
    verb.set_defaults(run=_osc)


def _add_osc_client(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--host", default="127.0.0.1", help="where restem is (127.0.0.1)")
    verb.add_argument("--port", type=port_argument, default=7770, help="of its OSC server (7770)")
    verb.add_argument(
        "--passphrase",
        metavar="TEXT",
        default=os.environ.get("RESTEM_OSC_PASSPHRASE"),
        help="if it wants one ($RESTEM_OSC_PASSPHRASE)",
    )
    verb.add_argument("--json", action="store_true", help="print a line of JSON for each message")


def add_osc_monitor(verb: argparse.ArgumentParser) -> None:
    verb.description = "Print values as they change, or whatever comes to a port, until Ctrl-C."
    verb.add_argument(
        "pattern", nargs="?", default="/restem", help="of addresses (/restem, which is all)"
    )
    verb.add_argument("--hz", type=float, default=10.0, help="at most so often a second (10)")
    verb.add_argument(
        "--listen", type=port_argument, metavar="PORT", help="listen here, ask for nothing"
    )
    _add_osc_client(verb)
    verb.set_defaults(run=_osc_monitor)


def add_osc_send(verb: argparse.ArgumentParser) -> None:
    verb.description = "Send one message and print what comes back; exit code 1 if it is refused."
    verb.add_argument("address", help="for example /restem/stem/vocals/gain_db")
    verb.add_argument("args", nargs="*", help="numbers or text; none reads the value")
    verb.add_argument("--types", metavar="TAGS", help="of the arguments: i, f or s for each")
    _add_osc_client(verb)
    verb._negative_number_matcher = NEGATIVE  # else -1e1 and -inf would be options
    verb.set_defaults(run=_osc_send)


def _osc(args: argparse.Namespace) -> int:
    from restem.bridge.control.remote import Remote
    from restem.bridge.session.base import watch
    from restem.bridge.session.headless import FileSession

    remote = remote_settings(args)
    with (
        FileSession(engine_settings(args), notify=print_note) as session,
        Remote(session, remote, print_note),
    ):
        if args.record:
            session.recorder.start()
        if args.file:
            session.load(args.file)
            session.play()
        watch(session, sys.stdout, args.seconds, as_json=args.json)
    return print_failures(session.recorder.failures)


@contextmanager
def _osc_client(args: argparse.Namespace) -> "Iterator[OscClient]":
    from restem.bridge.control.osc.client import OscClient, authorise

    with OscClient(args.port, args.host) as client:
        if args.passphrase:
            authorise(client, args.passphrase)
        yield client


def _osc_monitor(args: argparse.Namespace) -> int:
    from restem.bridge.control.osc.client import as_json, listen, monitor

    form = as_json if args.json else None
    with suppress(KeyboardInterrupt):
        if args.listen is not None:
            listen(args.listen, args.host, sys.stdout, form)
        else:
            with _osc_client(args) as client:
                monitor(client, args.pattern, args.hz, sys.stdout, form)
    return 0


def _osc_send(args: argparse.Namespace) -> int:
    from restem.bridge.control.osc.client import as_json, parse_args, send

    words = parse_args(args.args, args.types)
    with _osc_client(args) as client:
        return int(
            not send(client, args.address, words, sys.stdout, as_json if args.json else None)
        )
