"""The tools on the command line: `restem osc-send` and `restem osc-monitor`."""

import io
import json
import math
import socket
import threading
from collections.abc import Iterator

import pytest

from restem.bridge.cli.main import main
from restem.bridge.control.osc.client import OscClient, as_json, listen, monitor, parse_args
from restem.bridge.control.osc.codec import Message, encode
from restem.bridge.control.osc.server import OscServer
from restem.bridge.control.tree import ControlTree
from tests.support.jack_server import until
from tests.support.osc_console import StillSession

GAIN = "/restem/stem/vocals/gain_db"


@pytest.fixture
def session() -> StillSession:
    return StillSession()


@pytest.fixture
def server(session: StillSession) -> Iterator[OscServer]:
    with OscServer(ControlTree(session), port=0) as server:
        yield server


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = main([str(word) for word in words])
    answer = capsys.readouterr()
    return code, answer.out, answer.err


def test_a_message_is_sent_and_what_comes_back_is_printed(
    server: OscServer, session: StillSession, capsys: pytest.CaptureFixture[str]
) -> None:
    port = ("--port", server.port)
    assert run(capsys, "osc-send", *port, GAIN) == (0, f"{GAIN} 0\n", "")
    assert run(capsys, "osc-send", *port, GAIN, -6.5) == (0, "", "")
    assert session.mixer.get("gain_db", "vocals") == -6.5
    code, out, _ = run(capsys, "osc-send", *port, GAIN, "loud")
    assert code == 1
    assert out.startswith(f"/restem/error {GAIN} wrong_type ")
    assert run(capsys, "osc-send", *port, "/restem/ping", "7", "--types", "s")[1] == (
        "/restem/pong 7\n"
    )


def test_what_takes_long_is_waited_for_and_clipped_is_not_refused(
    server: OscServer, session: StillSession, capsys: pytest.CaptureFixture[str]
) -> None:
    session.may_switch.clear()
    threading.Timer(3.0, session.may_switch.set).start()
    words = ("osc-send", "--port", server.port, "/restem/profile", "live-cpu-fast")
    assert run(capsys, *words)[:2] == (0, "/restem/profile live-cpu-fast\n")
    code, out, _ = run(capsys, "osc-send", "--port", server.port, GAIN, 40)
    assert (code, out) == (0, f"/restem/error {GAIN} clipped '40 is not in [-90, 12] dB: 12'\n")


def test_numbers_below_zero_of_any_form_and_empty_text_are_arguments(
    server: OscServer, session: StillSession, capsys: pytest.CaptureFixture[str]
) -> None:
    port = ("--port", server.port)
    for word, gain in (("-1e1", -10), ("-.5e+1", -5), ("-inf", -90)):
        assert run(capsys, "osc-send", *port, GAIN, word)[0] == 0
        assert session.mixer.get("gain_db", "vocals") == gain
    code, out, err = run(capsys, "osc-send", *port, "/restem/ping", "")
    assert (code, out, err) == (0, "/restem/pong ''\n", "")
    with pytest.raises(SystemExit):
        run(capsys, "osc-send", *port, GAIN, "-loud")


def test_answers_are_json_where_a_script_reads_them(
    server: OscServer, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("osc-send", "--json", "--port", server.port)
    _, out, _ = run(capsys, *words, "/restem/stem/vocals/{pan,mute}")
    assert [json.loads(line) for line in out.splitlines()] == [
        {"address": "/restem/stem/vocals/mute", "args": [0]},
        {"address": "/restem/stem/vocals/pan", "args": [0.0]},
    ]
    code, out, _ = run(capsys, *words, GAIN, "loud")
    assert (code, json.loads(out)["args"][1]) == (1, "wrong_type")
    answer = Message("/x", (math.inf, b"ab", None, True, "ü"))
    assert json.loads(as_json(answer)) == {"address": "/x", "args": [None, "YWI=", None, True, "ü"]}


def test_nobody_who_answers_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        for verb in (["osc-send", GAIN], ["osc-monitor"]):
            code, out, err = run(capsys, *verb, "--port", port)
            assert (code, out) == (1, "")
            assert err == (
                f"restem: error: nobody answers at 127.0.0.1, port {port}; "
                "is restem live running there?\n"
            )


def test_a_passphrase_opens_and_a_wrong_one_is_one_line(
    session: StillSession, capsys: pytest.CaptureFixture[str]
) -> None:
    with OscServer(ControlTree(session), port=0, passphrase="sesame") as server:
        words = ("osc-send", "--port", server.port, GAIN)
        assert run(capsys, *words, "--passphrase", "sesame")[1] == f"{GAIN} 0\n"
        code, _, err = run(capsys, *words, "--passphrase", "simsim")
        assert (code, err) == (1, "restem: error: this is not the passphrase\n")


def test_words_are_numbers_where_they_look_like_it() -> None:
    assert parse_args(["1", "2.5", "x", "1e3", "nan"]) == [1, 2.5, "x", 1000.0, "nan"]
    assert parse_args(["-1e1", "-inf", "inf", "", "-"]) == [-10.0, -math.inf, math.inf, "", "-"]
    with pytest.raises(ValueError, match="types: expected 1 of i, f and s, got 'ff'"):
        parse_args(["1"], "ff")
    with pytest.raises(ValueError, match="types: could not convert string to float: 'x'"):
        parse_args(["x"], "f")


def test_a_monitor_shows_what_changes(server: OscServer, session: StillSession) -> None:
    out = io.StringIO()
    client = OscClient(server.port)

    def watch() -> None:
        with pytest.raises((OSError, ValueError)):  # when the client is closed
            monitor(client, "/restem/stem/*/gain_db", 50, out)

    thread = threading.Thread(target=watch)
    thread.start()
    until(lambda: f"{GAIN} 0\n" in out.getvalue(), "the values as they are")
    session.mixer.set("gain_db", -3.0, "vocals")
    until(lambda: f"{GAIN} -3\n" in out.getvalue(), "the change")
    client.close()
    thread.join(10)
    assert not thread.is_alive()
    with OscClient(server.port) as other, pytest.raises(ValueError, match="there is no /nothing"):
        monitor(other, "/nothing", 10, out)


def test_a_listener_prints_whatever_comes(capsys: pytest.CaptureFixture[str]) -> None:
    out = io.StringIO()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        with pytest.raises(ValueError, match=f"port {port} of 127.0.0.1: Address already in use"):
            listen(port, "127.0.0.1", out)
    threading.Thread(target=listen, args=(port, "127.0.0.1", out), daemon=True).start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:

        def sent() -> bool:
            sender.sendto(b"noise", ("127.0.0.1", port))
            sender.sendto(encode("/any/thing", 1, "x y"), ("127.0.0.1", port))
            return "/any/thing 1 'x y'" in out.getvalue()

        until(sent, "the message")
