"""`restem serve` and `restem plugin build | install | uninstall | list | doctor`."""

import argparse
import json
from functools import partial
from pathlib import Path

from restem.bridge.cli.options import (
    add_device,
    add_json,
    add_remote,
    add_takes,
    names_argument,
    positive_argument,
    remote_settings,
)
from restem.bridge.cli.output import print_note, print_rows
from restem.bridge.plugin.formats import FORMATS


def add_serve(verb: argparse.ArgumentParser) -> None:
    verb.description = (
        "Engines for the plugins in this user's DAWs, one for each; a plugin starts it by itself "
        "once it is installed."
    )
    verb.add_argument(
        "--for-plugins", action="store_true", help="end by itself a minute after the last plugin"
    )
    verb.add_argument("--threads", type=positive_argument, default=1, help="for a network (1)")
    verb.add_argument(
        "--force", action="store_true", help="start even what is too slow here; dry until it holds"
    )
    add_device(verb)
    add_takes(verb, records=False)
    add_remote(verb)
    verb.set_defaults(run=_serve)


def _serve(args: argparse.Namespace) -> int:
    from restem.bridge.plugin.service import LINGER_SECONDS, Service
    from restem.bridge.settings import Settings

    settings = Settings(
        device=args.device,
        threads=args.threads,
        force=args.force,
        takes=args.takes,
        take_format=args.take_format,
    )
    with Service(settings, remote_settings(args), print_note) as service:
        print_note("waiting for plugins; Ctrl-C ends it")
        service.run(args.seconds, LINGER_SECONDS if args.for_plugins else None)
    return 0


def add_plugin(verb: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    actions = verb.add_subparsers(required=True, metavar="ACTION")
    build = actions.add_parser("build", parents=[common], help="compile it on this machine")
    build.add_argument("-o", "--output", type=Path, metavar="DIR", help="folder (the user's data)")
    build.add_argument(
        "--profiles",
        type=names_argument,
        default=(),
        metavar="A,B",
        help="its menu, the default first; names or .yaml files (all, live-cpu-fast first)",
    )
    _add_formats(build)
    build.set_defaults(run=_build)
    install = actions.add_parser("install", parents=[common], help="put it where DAWs look")
    _add_formats(install)
    install.set_defaults(run=_install)
    uninstall = actions.add_parser("uninstall", parents=[common], help="remove it from there")
    uninstall.set_defaults(run=_uninstall)
    for each in (install, uninstall):
        where = each.add_mutually_exclusive_group()
        where.add_argument("--user", action="store_true", help="for this user (the default)")
        where.add_argument("--system", action="store_true", help="for all, under /usr/lib")
    listing = actions.add_parser("list", parents=[common], help="what a DAW would find")
    listing.set_defaults(run=_list)
    doctor = actions.add_parser("doctor", parents=[common], help="say what is missing, and test it")
    doctor.set_defaults(run=_doctor)
    for each in (listing, doctor):
        add_json(each)


def _add_formats(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--format",
        dest="formats",
        type=_formats_argument,
        default=FORMATS,
        metavar="A,B",
        help=f"of {', '.join(FORMATS)} (all)",
    )


def _formats_argument(text: str) -> tuple[str, ...]:
    names = tuple(name.lower() for name in names_argument(text))
    if unknown := [name for name in names if name not in FORMATS]:
        raise argparse.ArgumentTypeError(
            f"expected some of {', '.join(FORMATS)}, got '{unknown[0]}'"
        )
    return names


def _build(args: argparse.Namespace) -> int:
    from restem.bridge.plugin.build import build
    from restem.bridge.plugin.install import build_folder

    output = args.output or build_folder()
    for path in build(output, args.formats, args.profiles, _note_step):
        print(path)
    return 0


def _note_step(text: str) -> None:
    print_note(f"building: {text}")


def _install(args: argparse.Namespace) -> int:
    from restem.bridge.plugin.build import build
    from restem.bridge.plugin.install import install

    for path in install(args.formats, args.system, partial(build, notify=_note_step)):
        print(path)
    return 0


def _uninstall(args: argparse.Namespace) -> int:
    from restem.bridge.plugin.install import uninstall

    for path in uninstall(args.system):
        print(f"{path}: removed")
    return 0


def _list(args: argparse.Namespace) -> int:
    from restem.bridge.plugin.abi import abi_hash
    from restem.bridge.plugin.install import installed

    rows = [
        {
            "format": each.kind,
            "path": str(each.path),
            "fits this restem": "yes" if each.abi == abi_hash() else "no: build it anew",
        }
        for each in installed()
    ]
    if not rows and not args.json:
        print("no plugin is installed; restem plugin install")
        return 0
    print_rows(rows, args.json)
    return 0


def _doctor(args: argparse.Namespace) -> int:
    from restem.bridge.plugin.doctor import diagnose

    findings = list(diagnose())
    if args.json:
        print(json.dumps([each.as_dict() for each in findings], indent=2))
    else:
        for each in findings:
            print(f"{each.what}: {each.problem or each.found}")
    return int(any(each.problem for each in findings))
