"""Freed memory is kept: seen in the page faults of a process of its own."""

import ctypes
import subprocess
import sys

import pytest

from restem.streamer.engine.allocator import keep_freed_memory

ROUNDS = 12
TEMPORARIES = f"""
import resource, sys
import torch
from restem.streamer.engine.allocator import keep_freed_memory
torch.set_num_threads(1)
assert sys.argv[1] == "default" or keep_freed_memory()
def work(rounds):
    for size in (16, 15) * rounds:  # MB of float32: 64 and 60 MB each
        more = torch.zeros(size << 20) + 1
        del more
work(2)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
work({ROUNDS})
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(policy: str) -> int:
    """Of large temporaries that are freed at once, again and again."""
    command = [sys.executable, "-c", TEMPORARIES, policy]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def glibc() -> bool:
    return sys.platform == "linux" and hasattr(ctypes.CDLL(None), "gnu_get_libc_version")


@pytest.mark.skipif(not glibc(), reason="needs glibc")
def test_large_temporaries_that_come_again_and_again_cost_few_page_faults() -> None:
    assert page_faults("kept") < page_faults("default") / 10


def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not keep_freed_memory()


def test_other_c_libraries_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    assert not keep_freed_memory()
