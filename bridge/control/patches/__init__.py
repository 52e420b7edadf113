"""Patches for Max and Pure Data, and layouts for TouchOSC and Open Stage Control, that control
restem, made from the table of parameters.

    widgets ── restem-vocals-fader-out ──► network ──► restem
    widgets ◄── set, to restem-vocals-fader ── network ◄── restem

The patches have the same names to send to and to receive from, in which * is a strip:

    restem-*-PARAMETER         moves a strip's widget, as a hand does; so do `restem-PARAMETER`,
                               `restem-profile`, `restem-record`, `restem-reset`, `restem-panic`
    ... and -out after it      what the widget sends
    restem-*-level             peaks in dBFS, the master's too
    restem-in                  all that restem says
    restem-status              see `bridge.control.session_nodes.STATUS`
    restem-error               an address that was refused, a code, and why
    restem-listen              the port to listen at
    restem-connect             the host and the port to send to
"""

from restem.bridge.control.patches.max import max_device, max_patch
from restem.bridge.control.patches.open_stage_control import open_stage_control_session
from restem.bridge.control.patches.pd import pd_patch
from restem.bridge.control.patches.touchosc import touchosc_layout

__all__ = [
    "max_device",
    "max_patch",
    "open_stage_control_session",
    "pd_patch",
    "touchosc_layout",
]
