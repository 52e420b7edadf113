"""The command line: `restem`, also `python -m restem.bridge.cli.main`.

Answers go to stdout, progress and complaints to stderr. A bad input costs one line and exit code 1,
wrong usage exit code 2, Ctrl-C and other requests to end 130. Nothing heavy is imported until a
verb needs it.
"""

import argparse
import os
import sys
import warnings
from collections.abc import Sequence

import restem
from restem.bridge.cli.evaluate import add_demo, add_evaluate
from restem.bridge.cli.live import add_devices, add_live
from restem.bridge.cli.osc import add_osc, add_osc_monitor, add_osc_send
from restem.bridge.cli.output import (
    finish_answers,
    prepare_streams,
    print_error,
    print_note,
)
from restem.bridge.cli.plugin import add_plugin, add_serve
from restem.bridge.cli.profiles import add_models, add_profiles
from restem.bridge.cli.render import add_render
from restem.bridge.cli.songs import add_songs
from restem.bridge.cli.train import add_train
from restem.bridge.cli.verify import add_verify
from restem.bridge.cli.weights import add_weights
from restem.bridge.errors import describe_error
from restem.bridge.signals import ended_as_by_ctrl_c


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    prepare_streams()
    # Read when PyTorch is loaded, by workers too: its threads sleep while they wait for each other.
    # Threads that spin take the cores from other programs, and wait many times longer for theirs.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    args = _parser().parse_args(argv)
    warnings.showwarning = print_note
    try:
        with ended_as_by_ctrl_c():
            code: int = args.run(args)
    except KeyboardInterrupt:
        print_error("interrupted; unfinished files were removed")
        return 130
    except BrokenPipeError:
        finish_answers()
        return 1
    except Exception as error:
        if args.debug:
            raise
        print_error(describe_error(error))
        return 1
    return code if finish_answers() else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="restem", description="Eight restored stems from a mixed, mastered stereo signal."
    )
    parser.add_argument("--version", action="version", version=f"restem {restem.__version__}")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--debug", action="store_true", help="show the traceback of an error")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    add_render(verbs.add_parser("render", parents=[common], help="restore the stems of files"))
    add_live(verbs.add_parser("live", parents=[common], help="restore stems while music plays"))
    add_osc(
        verbs.add_parser(
            "osc", parents=[common], help="an engine without a sound device, for OSC and files"
        )
    )
    add_osc_monitor(
        verbs.add_parser("osc-monitor", parents=[common], help="show what restem sends over OSC")
    )
    add_osc_send(verbs.add_parser("osc-send", parents=[common], help="send restem a message"))
    add_serve(verbs.add_parser("serve", parents=[common], help="engines for the plugin in a DAW"))
    add_plugin(verbs.add_parser("plugin", help="build, install and check the DAW plugin"), common)
    add_verify(
        verbs.add_parser("verify", parents=[common], help="hold every promise against this machine")
    )
    add_devices(verbs.add_parser("devices", parents=[common], help="list sound devices"))
    add_demo(verbs.add_parser("demo", parents=[common], help="restore a short mix and measure it"))
    add_profiles(
        verbs.add_parser("profiles", parents=[common], help="list or measure the profiles")
    )
    add_models(verbs.add_parser("models", parents=[common], help="list the networks"))
    add_evaluate(verbs.add_parser("evaluate", parents=[common], help="score stems of known songs"))
    add_train(verbs.add_parser("train", parents=[common], help="train on songs of your own"))
    add_songs(verbs.add_parser("songs", help="check and render songs to train on"), common)
    add_weights(verbs.add_parser("weights", help="fetch, add and check weights"), common)
    return parser


if __name__ == "__main__":
    sys.exit(main())
