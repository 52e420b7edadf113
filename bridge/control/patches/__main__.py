"""`python -m restem.bridge.control.patches` writes the patches."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from restem.bridge.control.patches import (
    max_device,
    max_patch,
    open_stage_control_session,
    pd_patch,
    touchosc_layout,
)
from restem.models.stems import STEMS


def main(arguments: Sequence[str] | None = None) -> int:
    """Write patches; the exit status."""
    parser = argparse.ArgumentParser(
        "python -m restem.bridge.control.patches", description=main.__doc__
    )
    parser.add_argument(
        "--max", nargs="+", default=[], type=Path, metavar="FILE", help=".maxpat, or .amxd for Live"
    )
    parser.add_argument("--pd", type=Path, metavar="FILE", help="the patch for Pure Data")
    parser.add_argument("--stems", default=",".join(STEMS), metavar="A,B,..", help="(%(default)s)")
    parser.add_argument(
        "--touchosc", type=Path, metavar="FILE", help="the layout for TouchOSC, .tosc"
    )
    parser.add_argument(
        "--open-stage-control", type=Path, metavar="FILE", help="the session, .json"
    )
    wanted = parser.parse_args(arguments)
    others = wanted.pd, wanted.touchosc, wanted.open_stage_control
    if not wanted.max and not any(others):
        parser.error("nothing to write: give --max, --pd, --touchosc or --open-stage-control")
    stems = wanted.stems.split(",")
    try:
        for path in wanted.max:
            is_device = path.suffix == ".amxd"
            path.write_bytes(max_device(stems) if is_device else max_patch(stems).encode())
        if wanted.pd:
            wanted.pd.write_text(pd_patch(stems), encoding="utf-8")
        if wanted.touchosc:
            wanted.touchosc.write_bytes(touchosc_layout(stems))
        if wanted.open_stage_control:
            session = open_stage_control_session(stems)
            wanted.open_stage_control.write_text(session, encoding="utf-8")
    except (OSError, ValueError) as error:
        print(f"restem: error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
