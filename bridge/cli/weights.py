"""`restem weights list | fetch | add | verify`."""

import argparse
import json
from pathlib import Path

from restem.bridge.cli.options import add_json
from restem.bridge.cli.output import print_rows
from restem.bridge.progress import progress_bar


def add_weights(verb: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    actions = verb.add_subparsers(required=True, metavar="ACTION")
    listing = actions.add_parser("list", parents=[common], help="published and installed weights")
    add_json(listing)
    listing.set_defaults(run=_weights_list)
    fetch = actions.add_parser("fetch", parents=[common], help="download published weights")
    fetch.add_argument("name", help="SET or SET/STEM, e.g. dtt-bsr or dtt-bsr/vocals")
    fetch.add_argument("--again", action="store_true", help="download what is installed, too")
    fetch.set_defaults(run=_weights_fetch)
    add = actions.add_parser("add", parents=[common], help="install a checkpoint of your own")
    add.add_argument("name", help="SET/STEM")
    add.add_argument("--config", type=Path, help="YAML with the network's params (published ones)")
    add.add_argument("--checkpoint", type=Path, required=True, help=".pth, .ckpt or .safetensors")
    add.add_argument("--network", help="a name of `restem models` (guessed from the params)")
    add.add_argument("--licence", help="of the weights, kept beside them")
    add.add_argument("--overwrite", action="store_true", help="replace weights of that name")
    add.set_defaults(run=_weights_add)
    verify = actions.add_parser("verify", parents=[common], help="check every installed file")
    add_json(verify)
    verify.set_defaults(run=_weights_verify)


def _weights_list(args: argparse.Namespace) -> int:
    from restem.bridge.weights import listing

    print_rows([row.as_dict() for row in listing()], args.json)
    return 0


def _weights_fetch(args: argparse.Namespace) -> int:
    from restem.bridge.weights import fetch, published

    for weights in published(args.name):
        print(f"{weights.name}: from {weights.origin}; licence: {weights.licence}")
        with progress_bar(weights.name) as progress:
            path = fetch(weights.name, progress=progress, again=args.again)
        print(f"{weights.name}: installed as {path}")
    return 0


def _weights_add(args: argparse.Namespace) -> int:
    from restem.bridge.weights import add

    more = {"licence": args.licence} if args.licence else {}
    path = add(
        args.name,
        args.config,
        args.checkpoint,
        network=args.network,
        overwrite=args.overwrite,
        **more,
    )
    print(f"{args.name}: installed as {path}")
    return 0


def _weights_verify(args: argparse.Namespace) -> int:
    from restem.bridge.weights import verify

    checks = verify()
    if args.json:
        print(json.dumps([check.as_dict() for check in checks], indent=2))
    else:
        for check in checks:
            print(f"{check.name}: {check.problem or 'ok'}")
        if not checks:
            print("no weights are installed beside the embedded ones")
    return int(any(check.problem for check in checks))
