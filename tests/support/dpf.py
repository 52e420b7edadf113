"""A compiler and the DISTRHO Plugin Framework, where there are such."""

import sys

import pytest

from restem.bridge.plugin.build import find_compiler
from restem.bridge.plugin.dpf import find_dpf


def _missing() -> str:
    if sys.platform != "linux":
        return "the plugin is for Linux so far"
    try:
        find_compiler(), find_dpf()
    except ValueError as error:
        return str(error)
    return ""


needs_dpf = pytest.mark.skipif(bool(_missing()), reason=f"needs a compiler and DPF: {_missing()}")
