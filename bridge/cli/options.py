"""Flags that several verbs share, and what they mean."""

import argparse
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from restem.bridge.control.remote import RemoteSettings
    from restem.bridge.settings import Settings


def add_json(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--json", action="store_true", help="answer in JSON")


def add_effects(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--effects", metavar="FILE", help="YAML of effects by stem (the profile's)")


def add_device(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--device", type=str.lower, default="auto", help="auto, cpu or cuda (auto)")


def add_profile(verb: argparse._ActionsContainer) -> None:
    verb.add_argument(
        "--profile",
        help="a name of `restem profiles` or of weights with stems of their own, or a .yaml file "
        "(live-cpu)",
    )


def add_stems(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--stems", type=stems_argument, metavar="A,B", help="only these stems (all)")


def add_engine(verb: argparse.ArgumentParser) -> None:
    """Options shared by `live` and `verify`."""
    add_network(verb)
    verb.add_argument("--input", metavar="DEV", help="number or name, see `restem devices`")
    verb.add_argument("--output", metavar="DEV", help="number or name")
    verb.add_argument(
        "--blocksize",
        type=positive_argument,
        help="frames a callback (256; with JACK the server's)",
    )
    verb.add_argument("--rate", type=positive_argument, help="of the device, in Hz (the model's)")


def add_network(verb: argparse.ArgumentParser) -> None:
    """Options common to all engines."""
    add_profile(verb)
    add_stems(verb)
    add_effects(verb)
    verb.add_argument(
        "--allowance",
        type=positive_argument,
        metavar="FRAMES",
        help="time for a step (the profile's, or one model block)",
    )
    verb.add_argument("--threads", type=positive_argument, default=1, help="for the network (1)")
    verb.add_argument(
        "--force", action="store_true", help="start even what is too slow here; dry until it holds"
    )
    add_device(verb)
    add_json(verb)


def add_remote(verb: argparse.ArgumentParser) -> None:
    """Options of remote control and of a session's duration."""
    verb.add_argument("--seconds", type=seconds_argument, help="stop by itself after this long")
    verb.add_argument("--no-osc", action="store_true", help="no OSC server")
    verb.add_argument(
        "--osc-port", type=port_argument, metavar="PORT", help="of OSC, UDP and TCP (7770)"
    )
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
        type=port_argument,
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
        "--restore",
        action="store_true",
        help="begin with the values and JACK connections of the last session's end",
    )


def add_takes(verb: argparse.ArgumentParser, records: bool = True) -> None:
    """Options of recordings; `records` if one may begin at once."""
    verb.add_argument(
        "--takes", default="restem-takes", metavar="DIR", help="for recordings (restem-takes)"
    )
    if records:
        verb.add_argument("--record", action="store_true", help="record from the start")
    verb.add_argument(
        "--take-format",
        type=str.lower,
        choices=("wav", "flac"),
        default="wav",
        help="of recordings (wav)",
    )


def names_argument(text: str) -> tuple[str, ...]:
    """Names between commas; an empty one only where there is no other."""
    names = tuple(name.strip() for name in text.split(","))
    return tuple(filter(None, names)) or names[:1]


def stems_argument(text: str) -> tuple[str, ...]:
    """Names of stems; of restem's own ones in any case."""
    from restem.models.stems import STEMS

    names = names_argument(text)
    return tuple(name.lower() if name.lower() in STEMS else name for name in names)


def positive_argument(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 on, got '{text}'")
    return int(text)


def port_argument(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"expected a port from 0 to 65535, got '{text}'")
    return int(text)


def seconds_argument(text: str) -> float:
    try:
        if 0 < (number := float(text)) < math.inf:
            return number
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"expected seconds, more than 0, got '{text}'")


def start_argument(text: str) -> float:
    return 0.0 if text.strip("0.") == "" and text.count(".") < 2 else seconds_argument(text)


def engine_settings(args: argparse.Namespace) -> "Settings":
    """Settings of `live` and `verify`."""
    from restem.bridge.settings import Settings
    from restem.streamer.engine.playback_kernel import LatePolicy
    from restem.streamer.profiles import DEFAULT

    late, client = getattr(args, "late", None), getattr(args, "jack", None)
    return Settings(
        profile=args.profile or DEFAULT,
        device=args.device,
        stems=args.stems,
        effects=args.effects,
        input=getattr(args, "input", None),
        output=getattr(args, "output", None),
        backend="jack" if client else "portaudio",
        client=client or "restem",
        server=getattr(args, "server", None),
        input_channels=parse_inputs(getattr(args, "inputs", None)),
        channels=getattr(args, "channels", "stereo"),
        host_block_size=getattr(args, "blocksize", None),
        rate=getattr(args, "rate", None),
        allowance=args.allowance,
        policy=LatePolicy[late.upper()] if late else None,
        threads=args.threads,
        force=args.force,
        takes=getattr(args, "takes", "restem-takes"),
        take_format=getattr(args, "take_format", "wav"),
    )


def remote_settings(args: argparse.Namespace) -> "RemoteSettings":
    """Settings of the remote control.

    Raises:
        ValueError: a port is taken; one line.
    """
    from restem.bridge.control.osc.server import HOST
    from restem.bridge.control.remote import RemoteSettings

    settings = RemoteSettings(
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
    settings.check_ports()
    return settings


def parse_inputs(text: str | None) -> tuple[int, int] | None:
    """Inputs counted from 1, `3,4` or `3` for both sides, as indices.

    Raises:
        ValueError: it is something else.
    """
    if text is None:
        return None
    numbers = text.split(",")
    if len(numbers) > 2 or not all(n.strip().isdigit() and int(n) > 0 for n in numbers):
        raise ValueError(f"inputs: expected one or two channels counted from 1, got {text!r}")
    return int(numbers[0]) - 1, int(numbers[-1]) - 1
