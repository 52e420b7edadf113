"""The lobby: one service, one name, nothing left in anybody's way."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from restem.bridge.plugin.lobby import (
    MESSAGE_AT,
    MESSAGE_BYTES,
    PROFILE_AT,
    SLOTS,
    Head,
    Lobby,
    LobbyTakenError,
    Slot,
    lobby_name,
)
from tests.support.plugin_stub import PluginStub

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the plugin is for Linux so far")


@pytest.fixture(autouse=True)
def _own_lobby(own_lobby: str) -> None:
    """No lobby of a user is touched."""


def test_what_the_service_writes_a_plugin_reads() -> None:
    service = Lobby(serve=True, abi=7)
    plugin = Lobby()
    service.write_text(3, MESSAGE_AT, MESSAGE_BYTES, "zu langsam, für alle")
    service.slot(3)[Slot.QUOTED] = 1663
    service.beat()
    assert plugin.text(3, MESSAGE_AT, MESSAGE_BYTES) == "zu langsam, für alle"
    assert plugin.slot(3)[Slot.QUOTED] == 1663
    assert plugin.words[[Head.ABI, Head.PID, Head.BEAT]].tolist() == [7, os.getpid(), 1]
    plugin.close()
    service.close()


def test_a_text_that_is_too_long_is_cut_between_letters() -> None:
    service = Lobby(serve=True)
    service.write_text(0, MESSAGE_AT, 8, "abcdeäöü")
    assert service.text(0, MESSAGE_AT, 8) == "abcdeä"
    assert service.text(0, PROFILE_AT, 8) == ""
    service.close()


def test_only_its_user_may_open_it() -> None:
    service = Lobby(serve=True)
    assert Path("/dev/shm", lobby_name()).stat().st_mode & 0o777 == 0o600
    service.close()


def test_a_second_service_is_refused_and_the_first_one_lives_on() -> None:
    service = Lobby(serve=True, abi=7)
    with pytest.raises(LobbyTakenError, match="a service runs already"):
        Lobby(serve=True, abi=8)
    assert Lobby().words[Head.ABI] == 7
    service.close()
    with pytest.raises(FileNotFoundError):
        Lobby()


def test_what_is_no_lobby_is_refused() -> None:
    service = Lobby(serve=True)
    service.words[0] = 1
    with pytest.raises(ValueError, match="no lobby of restem, or of another version"):
        Lobby()
    service.close()


def test_plugins_claim_slots_of_their_own_until_there_is_none() -> None:
    service = Lobby(serve=True)
    assert [PluginStub().number for _ in range(SLOTS)] == list(range(SLOTS))
    with pytest.raises(StopIteration):
        PluginStub()
    service.close()


def test_a_service_that_is_killed_is_in_nobodys_way(own_lobby: str) -> None:
    script = (
        "import sys\nfrom restem.bridge.plugin.lobby import Lobby\n"
        "lobby = Lobby(serve=True, abi=5)\nprint('there', flush=True)\nsys.stdin.read()\n"
    )
    killed = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert killed.stdout is not None
    assert killed.stdin is not None
    assert killed.stdout.readline() == "there\n"
    plugin = Lobby()
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    killed.stdin.close()
    killed.stdout.close()
    successor = Lobby(serve=True, abi=6)
    assert Lobby().words[Head.ABI] == 6
    assert plugin.words[Head.ABI] == 5  # what was mapped stays mapped
    assert Path("/dev/shm", own_lobby).exists()  # and no tracker removes it for the dead one
    successor.close()
