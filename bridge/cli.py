"""The command line: `restem`, also `python -m bridge.cli`.

Answers go to stdout, progress and complaints to stderr. A bad input costs one line and exit code 1,
wrong usage exit code 2, Ctrl-C 130. Nothing heavy is imported until a verb needs it.
"""

import argparse
import json
import math
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from bridge.osc.client import OscClient
    from bridge.remote import RemoteSettings
    from bridge.running import Settings

Progress = Callable[[float, float], None]  # done, in all


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    args = _parser().parse_args(argv)
    warnings.showwarning = _note
    try:
        code: int = args.run(args)
    except KeyboardInterrupt:
        _complain("interrupted; unfinished files were removed")
        return 130
    except BrokenPipeError:
        return 1
    except Exception as error:
        if args.debug:
            raise
        _complain(_describe(error))
        return 1
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="restem", description="Eight restored stems from a mixed, mastered stereo signal."
    )
    parser.add_argument("--version", action="version", version=f"restem {_version()}")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--debug", action="store_true", help="show the traceback of an error")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    _add_render(verbs.add_parser("render", parents=[common], help="restore the stems of files"))
    _add_live(verbs.add_parser("live", parents=[common], help="restore stems while music plays"))
    _add_osc(
        verbs.add_parser(
            "osc", parents=[common], help="an engine without a sound device, for OSC and files"
        )
    )
    _add_osc_monitor(
        verbs.add_parser("osc-monitor", parents=[common], help="show what restem sends over OSC")
    )
    _add_osc_send(verbs.add_parser("osc-send", parents=[common], help="send restem a message"))
    _add_verify(
        verbs.add_parser("verify", parents=[common], help="hold every promise against this machine")
    )
    devices = verbs.add_parser(
        "devices", parents=[common], help="list sound devices", description="List sound devices."
    )
    _add_json(devices)
    devices.set_defaults(run=_devices)
    _add_demo(verbs.add_parser("demo", parents=[common], help="restore a short mix and measure it"))
    _add_profiles(
        verbs.add_parser("profiles", parents=[common], help="list or measure the profiles")
    )
    models = verbs.add_parser(
        "models", parents=[common], help="list the networks", description="List the networks."
    )
    _add_json(models)
    models.set_defaults(run=_models)
    _add_evaluate(verbs.add_parser("evaluate", parents=[common], help="score stems of known songs"))
    _add_train(verbs.add_parser("train", parents=[common], help="train on songs of your own"))
    _add_songs(verbs.add_parser("songs", help="check and render songs to train on"), common)
    _add_weights(verbs.add_parser("weights", help="fetch, add and check weights"), common)
    return parser


def _version() -> str:
    try:
        return version("restem")
    except PackageNotFoundError:
        return "(not installed)"


def _add_json(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--json", action="store_true", help="answer in JSON")


def _add_render(verb: argparse.ArgumentParser) -> None:
    verb.description = "Write OUT/<mix>/<stem>.<format>, aligned with the mix to the sample."
    verb.add_argument(
        "mixes", nargs="*", type=Path, metavar="MIX", help="audio file, 1 or 2 channels"
    )
    verb.add_argument(
        "--session",
        nargs="+",
        type=Path,
        default=[],
        metavar="TAKE",
        help="folders that `restem live` recorded: print them again, stems and master",
    )
    verb.add_argument("-o", "--out", type=Path, required=True, metavar="OUT", help="output folder")
    verb.add_argument("--profile", help="a name of `restem profiles` or a .yaml file (live-cpu)")
    verb.add_argument("--stems", metavar="A,B", help="only these stems (all)")
    verb.add_argument("--format", choices=("wav", "flac"), default="wav", help="(wav)")
    _add_effects(verb)
    verb.add_argument("--subtype", help="sample format, e.g. PCM_16 (wav: FLOAT, flac: PCM_24)")
    verb.add_argument("--overwrite", action="store_true", help="replace stems that exist")
    _add_device(verb)
    _add_json(verb)
    verb.set_defaults(run=_render)


def _add_effects(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--effects", metavar="FILE", help="YAML of effects by stem (the profile's)")


def _add_device(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--device", default="auto", help="auto, cpu or cuda (auto)")


def _add_engine(verb: argparse.ArgumentParser) -> None:
    """What `live` and `verify` have in common."""
    _add_network(verb)
    verb.add_argument("--input", metavar="DEV", help="number or name, see `restem devices`")
    verb.add_argument("--output", metavar="DEV", help="number or name")
    verb.add_argument(
        "--blocksize", type=_positive, help="frames a callback (256; with JACK the server's)"
    )
    verb.add_argument("--rate", type=_positive, help="of the device, in Hz (the model's)")


def _add_network(verb: argparse.ArgumentParser) -> None:
    """What runs, and how, in every engine."""
    verb.add_argument("--profile", help="a name of `restem profiles` or a .yaml file (live-cpu)")
    verb.add_argument("--stems", metavar="A,B", help="only these stems (all)")
    _add_effects(verb)
    verb.add_argument(
        "--allowance",
        type=_positive,
        metavar="FRAMES",
        help="time for a step (the profile's, or one model block)",
    )
    verb.add_argument("--threads", type=_positive, default=1, help="for the network (1)")
    _add_device(verb)
    _add_json(verb)


def _add_live(verb: argparse.ArgumentParser) -> None:
    verb.description = (
        "Restore stems from an input while it plays, over a sound device or as a JACK client."
    )
    _add_engine(verb)
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
        help="outputs: stereo, stems (after the master), stems-only, or 1=vocals.left,.. (stereo)",
    )
    verb.add_argument(
        "--inputs", metavar="L,R", help="input channels that are heard, counted from 1 (1,2)"
    )
    verb.add_argument(
        "--late",
        choices=("residual", "spread", "silence"),
        help="where the dry mix goes while a step is late (the profile's)",
    )
    _add_takes(verb)
    verb.add_argument("--plain", action="store_true", help="a line a second instead of the view")
    _add_remote(verb)
    verb.set_defaults(run=_live)


def _add_remote(verb: argparse.ArgumentParser) -> None:
    """How a session is controlled from outside, and for how long."""
    verb.add_argument("--seconds", type=_seconds, help="stop by itself after this long")
    verb.add_argument("--no-osc", action="store_true", help="no OSC server")
    verb.add_argument("--osc-port", type=_port, metavar="PORT", help="of OSC, UDP and TCP (7770)")
    verb.add_argument(
        "--osc-host",
        metavar="ADDRESS",
        help="where to be heard; 0.0.0.0 opens it to the network (127.0.0.1)",
    )
    verb.add_argument(
        "--osc-passphrase",
        metavar="TEXT",
        default=os.environ.get("RESTEM_OSC_PASSPHRASE"),
        help="wanted by /restem/auth before all else ($RESTEM_OSC_PASSPHRASE, or none)",
    )
    verb.add_argument(
        "--osc-allow",
        metavar="A,B",
        help="who may talk, e.g. 192.168.1.0/24 (all)",
    )
    verb.add_argument(
        "--oscquery",
        nargs="?",
        const=7780,
        type=_port,
        metavar="PORT",
        help="serve the tree of addresses over HTTP and WebSocket (7780)",
    )
    verb.add_argument("--announce", action="store_true", help="OSC and OSCQuery, over mDNS")
    verb.add_argument(
        "--midi",
        nargs="?",
        const="",
        metavar="MAP",
        help="MIDI control; MAP is a YAML file, where learned controls are kept, too",
    )
    verb.add_argument("--midi-ports", metavar="TEXT", help="only ports with this in their names")
    verb.add_argument("--midi-backend", metavar="NAME", help="jack (the system's)")
    verb.add_argument("--presets", type=Path, metavar="DIR", help="folder of presets (the user's)")
    verb.add_argument(
        "--restore", action="store_true", help="begin with the values of the last session's end"
    )


def _add_osc(verb: argparse.ArgumentParser) -> None:
    verb.description = (
        "An engine without a sound device: it plays files, or audio that comes over OSC, and is "
        "controlled as `restem live` is."
    )
    verb.add_argument("file", nargs="?", type=Path, metavar="MIX", help="a file to begin with")
    _add_network(verb)
    verb.add_argument(
        "--jitter", type=_positive, metavar="FRAMES", help="that audio over OSC may be late (50 ms)"
    )
    _add_takes(verb)
    _add_remote(verb)
    verb.set_defaults(run=_osc)


def _add_osc_client(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--host", default="127.0.0.1", help="where restem is (127.0.0.1)")
    verb.add_argument("--port", type=_port, default=7770, help="of its OSC server (7770)")
    verb.add_argument(
        "--passphrase",
        metavar="TEXT",
        default=os.environ.get("RESTEM_OSC_PASSPHRASE"),
        help="if it wants one ($RESTEM_OSC_PASSPHRASE)",
    )


def _add_osc_monitor(verb: argparse.ArgumentParser) -> None:
    verb.description = "Print values as they change, or whatever comes to a port, until Ctrl-C."
    verb.add_argument(
        "pattern", nargs="?", default="/restem", help="of addresses (/restem, which is all)"
    )
    verb.add_argument("--hz", type=float, default=10.0, help="at most so often a second (10)")
    verb.add_argument("--listen", type=_port, metavar="PORT", help="listen here, ask for nothing")
    _add_osc_client(verb)
    verb.set_defaults(run=_osc_monitor)


def _add_osc_send(verb: argparse.ArgumentParser) -> None:
    verb.description = "Send one message and print what comes back; exit code 1 if it is refused."
    verb.add_argument("address", help="for example /restem/stem/vocals/gain_db")
    verb.add_argument("args", nargs="*", help="numbers or text; none reads the value")
    verb.add_argument("--types", metavar="TAGS", help="of the arguments: i, f or s for each")
    _add_osc_client(verb)
    verb.set_defaults(run=_osc_send)


def _add_takes(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--takes", default="restem-takes", metavar="DIR", help="for recordings (restem-takes)"
    )
    verb.add_argument("--record", action="store_true", help="record from the start")
    verb.add_argument(
        "--take-format", choices=("wav", "flac"), default="wav", help="of recordings (wav)"
    )


def _add_verify(verb: argparse.ArgumentParser) -> None:
    verb.description = (
        "Play music through the engine at the pace of a sound card and check latency, streaming "
        "against rendering, sums and late steps; with --input and --output and a cable between "
        "them the device's round trip too. Exit code 1 if a promise is broken."
    )
    _add_engine(verb)
    verb.add_argument("--seconds", type=_seconds, default=30.0, help="of music (30)")
    verb.set_defaults(run=_verify)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 on, got '{text}'")
    return int(text)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"expected a port from 0 to 65535, got '{text}'")
    return int(text)


def _seconds(text: str) -> float:
    try:
        if 0 < (number := float(text)) < math.inf:
            return number
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"expected seconds, more than 0, got '{text}'")


def _add_demo(verb: argparse.ArgumentParser) -> None:
    verb.description = "Restore a short mix whose stems are known, and score every stem."
    verb.add_argument(
        "-o", "--out", type=Path, default=Path("restem-demo"), help="folder (restem-demo)"
    )
    verb.add_argument("--profile", help="a name of `restem profiles` or a .yaml file (live-cpu)")
    _add_device(verb)
    _add_json(verb)
    verb.set_defaults(run=_demo)


def _add_profiles(verb: argparse.ArgumentParser) -> None:
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
    verb.add_argument("--threads", type=_positive, help="for the network, measured (1)")
    verb.add_argument("--device", help="measured: auto, cpu or cuda (auto)")
    _add_json(verb)
    verb.set_defaults(run=_profiles)


def _add_evaluate(verb: argparse.ArgumentParser) -> None:
    verb.description = (
        "Restore the mixes of songs whose stems are known, or take stems that are there already, "
        "and score them beside the mix itself."
    )
    verb.add_argument("songs", type=Path, metavar="SONGS", help="a folder of songs")
    verb.add_argument("--layout", default="restem", help="of the folder (restem)")
    source = verb.add_mutually_exclusive_group()
    source.add_argument("--profile", help="a name of `restem profiles` or a .yaml file (live-cpu)")
    source.add_argument(
        "--estimates",
        type=Path,
        metavar="DIR",
        help="score DIR/<song>/<stem>.wav or .flac, as `restem render` writes them",
    )
    verb.add_argument("--songs", dest="names", metavar="A,B", help="only these songs (all)")
    verb.add_argument("--stems", metavar="A,B", help="only these stems (all)")
    verb.add_argument(
        "--seconds",
        type=float,
        metavar="N",
        help="of each song only the N seconds in which most stems play (all; memory grows with it)",
    )
    verb.add_argument(
        "--degrade", type=int, metavar="SEED", help="degrade stems and mix as in training (no)"
    )
    verb.add_argument("--metrics", metavar="A,B", help="of mmsnr, si-sdr, zimtohrli, fad (all)")
    verb.add_argument(
        "--embedding", default="mel", help="for fad: mel, clap, clap:MODEL, MODULE:FUNCTION (mel)"
    )
    verb.add_argument("-o", "--out", type=Path, help="write scores.json and scores.png here")
    verb.add_argument("--keep", action="store_true", help="write mixes and stems to OUT, too")
    verb.add_argument("--overwrite", action="store_true", help="replace what exists in OUT")
    _add_device(verb)
    _add_json(verb)
    verb.set_defaults(run=_evaluate)


def _add_train(verb: argparse.ArgumentParser) -> None:
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
    _add_device(verb)
    verb.set_defaults(run=_train)


def _add_songs(verb: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    actions = verb.add_subparsers(required=True, metavar="ACTION")
    check = actions.add_parser(
        "check", parents=[common], help="open a folder of songs, name all that is wrong with it"
    )
    check.add_argument("folder", type=Path, metavar="FOLDER", help="a folder of songs")
    check.add_argument(
        "--layout", default="restem", help="a name of `restem songs layouts` or a .yaml file"
    )
    _add_json(check)
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
    render.add_argument("--seconds", type=_seconds, default=90.0, help="cut each song here (90)")
    render.add_argument("--seed", type=int, default=0, help="of all that is drawn at random (0)")
    render.add_argument("--jobs", type=int, default=1, metavar="N", help="songs at a time (1)")
    render.set_defaults(run=_songs_render)
    layouts = actions.add_parser("layouts", parents=[common], help="list the known trees of songs")
    _add_json(layouts)
    layouts.set_defaults(run=_songs_layouts)


def _add_weights(verb: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    actions = verb.add_subparsers(required=True, metavar="ACTION")
    listing = actions.add_parser("list", parents=[common], help="published and installed weights")
    _add_json(listing)
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
    _add_json(verify)
    verify.set_defaults(run=_weights_verify)


def _render(args: argparse.Namespace) -> int:
    from bridge.files import output_folders, render_file
    from bridge.takes import render_take
    from streamer import load_profile
    from streamer.heap import keep_freed_memory
    from streamer.profiles import DEFAULT

    keep_freed_memory()
    mixes = list(dict.fromkeys((*args.mixes, *args.session)))
    if not mixes:
        raise ValueError("nothing to render: name a MIX, or a take with --session")
    output_folders(mixes, args.out)
    stems = None if args.stems is None else [s.strip() for s in args.stems.split(",")]
    model = load_profile(args.profile or DEFAULT, args.device, stems, args.effects)
    reports, failed = [], False
    for mix in mixes:
        try:
            with _progress(mix.name, real_time=True) as progress:
                work = render_take if mix in args.session else render_file
                report = work(
                    model,
                    mix,
                    args.out,
                    file_format=args.format,
                    subtype=args.subtype,
                    overwrite=args.overwrite,
                    progress=progress,
                )
        except Exception as error:
            if args.debug:
                raise
            _complain(_describe(error, mix))
            failed = True
            continue
        reports.append(report.as_dict())
        if not args.json:
            print(report.line())
    if args.json:
        print(json.dumps(reports, indent=2))
    return int(failed)


def _settings(args: argparse.Namespace) -> "Settings":
    """What `live` and `verify` were asked for."""
    from bridge.live import parse_inputs
    from bridge.running import Settings
    from streamer.playback import Policy
    from streamer.profiles import DEFAULT

    late = getattr(args, "late", None)
    return Settings(
        profile=args.profile or DEFAULT,
        device=args.device,
        stems=None if args.stems is None else tuple(s.strip() for s in args.stems.split(",")),
        effects=args.effects,
        input=getattr(args, "input", None),
        output=getattr(args, "output", None),
        jack=getattr(args, "jack", None),
        server=getattr(args, "server", None),
        heard=parse_inputs(getattr(args, "inputs", None)),
        channels=getattr(args, "channels", "stereo"),
        blocksize=getattr(args, "blocksize", None),
        rate=getattr(args, "rate", None),
        allowance=args.allowance,
        policy=Policy[late.upper()] if late else None,
        threads=args.threads,
        takes=getattr(args, "takes", "restem-takes"),
        take_format=getattr(args, "take_format", "wav"),
    )


def _live(args: argparse.Namespace) -> int:
    import signal

    from bridge.live import LiveSession
    from bridge.remote import Remote
    from bridge.running import watch

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does
    remote, speakers = _remote(args), [cast("Callable[[str], None]", _note)]

    def tell(text: str) -> None:
        speakers[-1](text)

    with LiveSession(_settings(args), tell) as session, Remote(session, remote, tell):
        if args.record:
            session.recorder.start()
        if args.json or args.plain or not sys.stdout.isatty():
            watch(session, sys.stdout, args.seconds, as_json=args.json)
        else:
            from bridge.view import View

            view = View(session, args.seconds)
            speakers.append(view.tell)
            view.run()
            speakers.pop()
    return 0


def _remote(args: argparse.Namespace) -> "RemoteSettings":
    """How a session is controlled."""
    from bridge.osc.server import HOST
    from bridge.remote import RemoteSettings

    return RemoteSettings(
        osc=not args.no_osc,
        host=args.osc_host or HOST,
        port=args.osc_port,
        passphrase=args.osc_passphrase,
        jitter=getattr(args, "jitter", None),
        allowed=tuple(args.osc_allow.split(",")) if args.osc_allow else (),
        query_port=args.oscquery,
        announce=args.announce,
        midi=args.midi is not None,
        midi_map=Path(args.midi) if args.midi else None,
        midi_ports=args.midi_ports,
        midi_backend=args.midi_backend,
        presets=args.presets,
        restore=args.restore,
    )


def _osc(args: argparse.Namespace) -> int:
    import signal

    from bridge.headless import FileSession
    from bridge.remote import Remote
    from bridge.running import watch

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does
    remote = _remote(args)
    with FileSession(_settings(args), tell=_note) as session, Remote(session, remote, _note):
        if args.record:
            session.recorder.start()
        if args.file:
            session.load(args.file)
            session.play()
        watch(session, sys.stdout, args.seconds, as_json=args.json)
    return 0


@contextmanager
def _osc_client(args: argparse.Namespace) -> "Iterator[OscClient]":
    from bridge.osc.client import OscClient, authorise

    with OscClient(args.port, args.host) as client:
        if args.passphrase:
            authorise(client, args.passphrase)
        yield client


def _osc_monitor(args: argparse.Namespace) -> int:
    from bridge.osc.client import listen, monitor

    with suppress(KeyboardInterrupt):
        if args.listen is not None:
            listen(args.listen, args.host, sys.stdout)
        else:
            with _osc_client(args) as client:
                monitor(client, args.pattern, args.hz, sys.stdout)
    return 0


def _osc_send(args: argparse.Namespace) -> int:
    from bridge.osc.client import parse_args, send

    words = parse_args(args.args, args.types)
    with _osc_client(args) as client:
        return int(not send(client, args.address, words, sys.stdout))


def _verify(args: argparse.Namespace) -> int:
    from bridge.audio import find_device
    from bridge.verify import verify

    devices = None
    if args.input or args.output:
        devices = find_device(args.input, 1, 0), find_device(args.output, 0, 1)
    with _progress("verify") as progress:
        checks = verify(_settings(args), devices, args.seconds, progress)
    if args.json:
        print(json.dumps([check.as_dict() for check in checks], indent=2))
    else:
        columns = ("promise", "measured", "expected", "verdict")
        _print_table(columns, [check.row() for check in checks])
    return int(any(check.passed is False for check in checks))


def _devices(args: argparse.Namespace) -> int:
    from dataclasses import asdict

    from bridge.audio import list_devices

    found = [asdict(device) for device in list_devices()]
    if not found and not args.json:
        print("no sound device here; plug one in, or start JACK or PipeWire")
        return 0
    _print_rows(found, args.json)
    return 0


def _demo(args: argparse.Namespace) -> int:
    from bridge.demo import run_demo
    from streamer import load_profile
    from streamer.heap import keep_freed_memory
    from streamer.profiles import DEFAULT

    keep_freed_memory()
    model = load_profile(args.profile or DEFAULT, args.device)
    with _progress("demo", real_time=True) as progress:
        result = run_demo(model, args.out, progress)
    if args.json:
        print(json.dumps(result.as_dict(), indent=2))
    else:
        _print_table(result.columns, result.rows())
        print(f"stems, references and overview.png are in {args.out}")
    return 0


def _evaluate(args: argparse.Namespace) -> int:
    from dataclasses import fields

    from bridge.evaluate import Request, run_evaluation
    from streamer.heap import keep_freed_memory

    keep_freed_memory()
    given = {field.name: getattr(args, field.name) for field in fields(Request)}
    for name in ("names", "stems", "metrics"):
        if given[name] is not None:
            given[name] = tuple(part.strip() for part in given[name].split(","))
    with _progress("evaluate") as progress:
        scores = run_evaluation(Request(**given), progress)
    for note in scores.notes:
        _note(note)
    if args.json:
        print(json.dumps(scores.as_dict(), indent=2))
        return 0
    _print_table(scores.columns, scores.rows())
    if args.out:
        print(f"scores.json and scores.png are in {args.out}")
    return 0


def _train(args: argparse.Namespace) -> int:
    import torch

    from bridge.training import Material, average, export, run_training
    from models.training.recipes import check, read_recipe
    from models.training.train import Progress as TrainingProgress
    from streamer.profiles import pick_device

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
    material = Material(tuple(args.songs), tuple(args.held_out), args.layout)
    with _progress(args.recipe) as bar:

        def report(now: TrainingProgress) -> None:
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


def _profiles(args: argparse.Namespace) -> int:
    from streamer.profiles import describe_profiles

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
    _print_table(
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
    from bridge.speed import COLUMNS, measure_profiles
    from streamer.profiles import profile_names

    names, speeds = args.profile or profile_names(), []
    with _progress("profiles") as progress:
        progress(0, len(names))
        for speed in measure_profiles(names, args.device or "auto", args.threads or 1):
            speeds.append(speed)
            progress(len(speeds), len(names))
    failed = any(speed.holds is None for speed in speeds)
    if args.json:
        print(json.dumps([speed.as_dict() for speed in speeds], indent=2))
        return int(failed)
    _print_table(COLUMNS, [speed.row() for speed in speeds])
    for speed in speeds:
        if speed.problem:
            print(f"\n{speed.profile}: {speed.problem}")
    if any(speed.weights == "seeded" for speed in speeds):
        print("\nseeded: noise stands in for weights that are missing; steps take the same time")
    return int(failed)


def _models(args: argparse.Namespace) -> int:
    from models.zoo import describe_networks

    _print_rows(describe_networks(), args.json)
    return 0


def _songs_check(args: argparse.Namespace) -> int:
    from models.training.songs import open_songs, summarize

    with warnings.catch_warnings(record=True) as problems:
        warnings.simplefilter("always")
        try:
            with _progress(args.folder.name) as progress:
                songs = open_songs(args.folder, args.layout, progress)
        finally:
            for problem in problems:
                _note(problem.message)
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
    _print_rows(rows, as_json=False)
    return 0


def _songs_render(args: argparse.Namespace) -> int:
    from models.training.midi import Fonts, Several, render_songs
    from models.training.sampler import Recordings

    if not args.font and not args.instruments:
        raise ValueError("nothing to play with: give --font FONT or --instruments FOLDER")
    fonts = [Fonts(args.font, args.drum_font)] if args.font else []
    recordings = [Recordings(folder, args.without) for folder in args.instruments]
    sounds = Several([*fonts, *recordings])
    with _progress(args.folder.name) as progress:
        report = render_songs(
            args.folder, args.out, sounds, args.seconds, args.seed, args.jobs, progress
        )
    counts = f"{len(report.rendered)} songs rendered, {len(report.kept)} were there"
    print(f"{args.out}: {counts}, {len(report.failed)} failed")
    return int(bool(report.failed))


def _songs_layouts(args: argparse.Namespace) -> int:
    from models.training.songs import describe_layouts

    _print_rows(describe_layouts(), args.json)
    return 0


def _weights_list(args: argparse.Namespace) -> int:
    from bridge.weights import listing

    _print_rows([row.as_dict() for row in listing()], args.json)
    return 0


def _weights_fetch(args: argparse.Namespace) -> int:
    from bridge.weights import fetch, published

    for weights in published(args.name):
        print(f"{weights.name}: from {weights.origin}; licence: {weights.licence}")
        with _progress(weights.name) as progress:
            path = fetch(weights.name, progress=progress, again=args.again)
        print(f"{weights.name}: installed as {path}")
    return 0


def _weights_add(args: argparse.Namespace) -> int:
    from bridge.weights import add

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
    from bridge.weights import verify

    checks = verify()
    if args.json:
        print(json.dumps([check.as_dict() for check in checks], indent=2))
    else:
        for check in checks:
            print(f"{check.name}: {check.problem or 'ok'}")
        if not checks:
            print("no weights are installed beside the embedded ones")
    return int(any(check.problem for check in checks))


@contextmanager
def _progress(label: str, real_time: bool = False) -> Iterator[Progress]:
    """A progress bar on stderr where that is a terminal; `real_time` if it counts seconds."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(label, total=None, rate="")

        def advance(done: float, total: float) -> None:
            speed = bar.tasks[0].speed
            rate = f"{speed:.1f}x real time" if speed and real_time else ""
            bar.update(task, completed=done, total=total, rate=rate)

        yield advance


def _print_rows(rows: Sequence[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print(json.dumps(rows, indent=2))
    else:
        _print_table(tuple(rows[0]), [tuple(row.values()) for row in rows])


def _print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a Markdown table: it reads well and pastes well."""
    cells = [[*columns], *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    lines = [" | ".join(f"{c:<{w}}" for c, w in zip(row, widths, strict=True)) for row in cells]
    rule = "|".join("-" * (width + 2) for width in widths)
    print(f"| {lines[0]} |\n|{rule}|", *(f"| {line} |" for line in lines[1:]), sep="\n")


def _note(message: Warning | str, *_: Any, **__: Any) -> None:
    print(f"restem: note: {message}", file=sys.stderr)


def _complain(text: str) -> None:
    print(f"restem: error: {text}", file=sys.stderr)


def _describe(error: Exception, mix: Path | None = None) -> str:
    """One line; errors that are no bad input say where they happened and how to learn more."""
    text = " ".join(str(error).split())
    if isinstance(error, ValueError | OSError):
        return text or type(error).__name__
    place = f"{mix}: " if mix else ""
    if type(error).__name__ == "OutOfMemoryError":
        return f"{place}the GPU's memory is full; ask for fewer --stems or --device cpu"
    return f"{place}{type(error).__name__}: {text} (--debug shows where)"


if __name__ == "__main__":
    sys.exit(main())
