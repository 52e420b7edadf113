"""Formats of the plugin, and the binary of each inside its bundle."""

import platform

BINARIES = {
    "clap": "restem.clap",
    "vst3": f"restem.vst3/Contents/{platform.machine()}-linux/restem.so",
    "lv2": "restem.lv2/restem_dsp.so",
}
FORMATS = tuple(BINARIES)
