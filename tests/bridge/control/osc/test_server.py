"""The OSC server: what it answers, in which order, to whom, and what it survives."""

import random
import resource
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from pythonosc import slip
from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from restem.bridge.control.osc import service
from restem.bridge.control.osc.codec import NTP_EPOCH, encode
from restem.bridge.control.osc.commands import COMMANDS
from restem.bridge.control.osc.peers import WAITING
from restem.bridge.control.osc.server import OscServer
from restem.bridge.control.tree import ControlTree
from tests.support.jack_server import until
from tests.support.osc_console import RATE, STEMS, Console, StillSession, control, run

GAIN = "/restem/stem/vocals/gain_db"


@pytest.fixture
def session() -> StillSession:
    return StillSession()


@pytest.fixture
def server(session: StillSession) -> Iterator[OscServer]:
    with OscServer(ControlTree(session), port=0) as server:
        yield server


@pytest.fixture
def console(server: OscServer) -> Iterator[Console]:
    console = Console(server)
    yield console
    console.close()


@pytest.fixture
def other(server: OscServer) -> Iterator[Console]:
    console = Console(server)
    yield console
    console.close()


def bundle(*packets: bytes, at: float | None = None) -> bytes:
    builder = OscBundleBuilder(IMMEDIATELY if at is None else at)
    for packet in packets:
        kind = OscBundle if OscBundle.dgram_is_bundle(packet) else OscMessage
        builder.add_content(kind(packet))
    dgram: bytes = builder.build().dgram
    return dgram


def typed(address: str, *args: tuple[Any, str]) -> bytes:
    builder = OscMessageBuilder(address)
    for value, tag in args:
        builder.add_arg(value, tag)
    dgram: bytes = builder.build().dgram
    return dgram


def texts(messages: list[Any]) -> list[tuple[Any, ...]]:
    return [(message.address, *message.args) for message in messages]


def test_an_address_reads_with_arguments_sets_and_answers_under_itself(console: Console) -> None:
    assert texts(console.ask(GAIN)) == [(GAIN, 0.0)]
    assert console.ask(GAIN, -6.0) == []
    assert texts(console.ask(GAIN)) == [(GAIN, -6.0)]
    assert texts(console.ask("/restem/stem/vocals/fader")) == [
        ("/restem/stem/vocals/fader", pytest.approx(0.6))
    ]


def test_patterns_set_and_read_many(console: Console, session: StillSession) -> None:
    assert console.ask("/restem/stem/{vocals,drums}/mute", 1) == []
    mutes = {strip: session.mixer.get("mute", strip) for strip in session.mixer.strips}
    assert mutes == {"vocals": True, "bass": False, "drums": True, "residual": False}
    answers = texts(console.ask("/restem/stem/*/mute"))
    assert answers == [(f"/restem/stem/{strip}/mute", int(mute)) for strip, mute in mutes.items()]
    assert len(console.ask("/restem/stem/b[a-c]ss/pan")) == 1
    assert len(console.ask("/restem/stem/vocals")) == 5


def test_strips_by_number_are_answered_where_they_are_asked(
    console: Console, other: Console, session: StillSession
) -> None:
    first = "/restem/stem/1/gain_db"
    assert console.ask(first, -6.0) == []
    assert texts(console.ask(first)) == [(first, -6.0)]
    assert texts(console.ask(GAIN)) == [(GAIN, -6.0)]
    assert texts(console.ask("/restem/stem/{1,bass}/mute")) == [
        ("/restem/stem/bass/mute", 0),
        ("/restem/stem/1/mute", 0),
    ]
    assert {m.address.rpartition("/")[0] for m in console.ask("/restem/stem/1")} == {
        "/restem/stem/1"
    }
    assert len(console.ask("/restem/stem/*/pan")) == len(STEMS) + 1
    console.ask("/restem/subscribe", first, 50, 60)
    other.ask(GAIN, -9.0)
    assert texts(console.until(first)) == [(first, -9.0)]


@pytest.mark.parametrize("address", ["/restem/stem/vocals", "/restem/stem", "/restem", "/restem/"])
def test_a_branch_can_be_read_but_not_set(
    console: Console, session: StillSession, address: str
) -> None:
    before = session.mixer.now()
    assert console.error(address, -6.0)[1] == "branch"
    assert session.mixer.now() == before
    assert session.resets == 0
    assert len(console.ask(address)) >= 5


@pytest.mark.parametrize(
    ("value", "tag", "expected"),
    [
        (1, "i", True),
        (0.0, "f", False),
        (1, "h", True),
        (1.0, "d", True),
        (True, "T", True),
        (False, "F", False),
    ],
)
def test_every_number_is_a_yes_or_no(
    console: Console, session: StillSession, value: Any, tag: str, expected: bool
) -> None:
    session.mixer.set("mute", not expected, "bass")
    console.send_packet(typed("/restem/stem/bass/mute", (value, tag)))
    assert console.settled() == []
    assert session.mixer.get("mute", "bass") is expected


@pytest.mark.parametrize(
    ("address", "args", "code", "part"),
    [
        ("/restem/stem/flute/mute", (1,), "unknown_address", "there is no"),
        ("/restem/stem/9/mute", (1,), "unknown_address", "there is no"),
        ("/nothing", (), "unknown_address", "there is no"),
        (GAIN, ("loud",), "wrong_type", "takes a number, got 'loud'"),
        (GAIN, (b"\0\0\0\0",), "wrong_type", "takes a number, got a blob"),
        (GAIN, (1.0, 2.0), "wrong_count", "takes 1 arguments"),
        (GAIN, (float("nan"),), "wrong_type", "gain_db must be a number"),
        (GAIN, (40.0,), "clipped", "40.0 is not in [-90, 12] dB: 12"),
        (GAIN, (float("inf"),), "clipped", "inf is not in"),
        ("/restem/stem/[/mute", (1,), "malformed", "without its end"),
        ("/restem/model", ("x",), "read_only", "can only be read"),
        ("/restem/reset", (1, 2), "wrong_count", "takes nothing, or one number"),
        ("/restem/subscribe", (), "wrong_type", "subscribe takes pattern"),
        ("/restem/subscribe", (GAIN, "often"), "wrong_type", "expected a number, got 'often'"),
        ("/restem/subscribe", ("/restem/panic",), "write_only", "has no value"),
        ("/restem/renew", (), "no_subscription", "it may have ended"),
        ("/restem/unsubscribe", (GAIN,), "no_subscription", "no such subscription"),
        ("/restem/sync", (), "wrong_count", "sync takes a number"),
    ],
)
def test_a_refusal_names_address_code_and_reason(
    console: Console, address: str, args: tuple[Any, ...], code: str, part: str
) -> None:
    where, why, text = console.error(address, *args)
    assert (where, why) == (address, code)
    assert part in text
    assert "\n" not in text


@pytest.mark.parametrize(
    "wanted",
    ["/****/****/****/****!", "/" + "*" * 24 + "x/y", "/restem/{a,b}{c,d}{e,f}{g,h}", "/x" * 2000],
)
def test_patterns_that_would_take_long_are_refused_or_soon_done(
    console: Console, wanted: str
) -> None:
    assert console.error("/restem/subscribe", wanted)[1] in ("malformed", "unknown_address")


def test_a_pattern_of_parameters_and_others_is_refused_whole(
    console: Console, session: StillSession
) -> None:
    assert console.error("/restem/{bypass,record}", 1)[1] == "mixed"
    assert session.mixer.get("bypass") is False
    assert session.state == "stopped"


def test_who_is_not_let_in_cannot_fill_the_schedule() -> None:
    with OscServer(control()[1], port=0, passphrase="sesame") as server:
        console = Console(server)
        for _ in range(50):
            console.send_packet(bundle(encode("/restem/ping", 1), at=time.time() + 50))
            console.send_packet(bundle(encode("/restem/dump"), at=time.time() + 50))
        for _ in range(50):
            assert console.receive().args[1] == "auth"
        assert len(server._scheduled) == 50  # pings are answered to anybody


def test_what_waits_and_what_is_subscribed_to_is_limited(
    server: OscServer, console: Console, session: StillSession
) -> None:
    packet = bundle(*[encode(GAIN, -1.0)] * 50, at=time.time() + 50)
    for _ in range(50):
        console.send_packet(packet)
    assert {error.args[1] for error in console.settled()} == {"too_many"}
    assert sum(len(c.timed) for c in server._clients.values()) == 2000
    for port in range(70):
        console.send("/restem/subscribe", GAIN, 1, 60, 40000 + port)
    assert [e.args[1] for e in console.settled() if e.address == "/restem/error"] == [
        "too_many"
    ] * 6
    console.send("/restem/subscribe", GAIN, 1, 60, 41000)
    assert [e.address for e in console.settled()] == ["/restem/error"]  # and not confirmed


def test_files_are_for_programs_of_this_machine(server: OscServer, console: Console) -> None:
    console.ask("/restem/ping")
    (client,) = server._clients.values()
    client.is_page = True
    console.send("/restem/profile", "/etc/passwd.yaml")
    assert console.settled()[0].args[1] == "auth"
    console.send("/restem/profile", "live-cpu-fast")
    assert texts(console.settled()) == [("/restem/profile", "live-cpu-fast")]


def test_what_a_tcp_client_sent_before_it_left_is_obeyed(
    server: OscServer, session: StillSession
) -> None:
    leaving = socket.create_connection(("127.0.0.1", server.port))
    for i in range(1, 20001):
        leaving.sendall(slip.encode(encode(GAIN, -i / 1000)))
    leaving.close()
    until(lambda: session.mixer.get("gain_db", "vocals") == -20, "the last message")
    assert server.counts.messages == 20000
    assert server.counts.lost == 0
    until(lambda: not server._connections, "the connection to end")


def test_out_of_range_is_clipped_and_said(console: Console, session: StillSession) -> None:
    console.ask(GAIN, 40)
    assert session.mixer.get("gain_db", "vocals") == 12


@pytest.mark.parametrize(("args", "resets"), [((), 1), ((1,), 1), ((0,), 0), (("",), 1)])
def test_buttons_fire_when_pressed_and_not_when_let_go(
    console: Console, session: StillSession, args: tuple[Any, ...], resets: int
) -> None:
    assert console.ask("/restem/reset", *args) == []
    assert session.resets == resets


def test_panic_silences_the_master(console: Console, session: StillSession) -> None:
    console.ask("/restem/panic")
    assert session.mixer.get("master_gain_db") == -90
    assert session.resets == 1


@pytest.mark.parametrize("command", ["/restem/panic", "/restem/cancel"])
def test_panic_and_cancel_drop_what_waits_for_its_time(
    server: OscServer, console: Console, session: StillSession, command: str
) -> None:
    changes = encode("/restem/master_gain_db", -3.0), encode("/restem/ping", 7)
    console.send_packet(bundle(*changes, at=time.time() + 0.05))
    console.send_packet(bundle(*changes, at=time.time() + 5))
    console.ask(command)
    run(session.mixer, 10 * RATE)
    assert session.mixer.get("master_gain_db") == (-90 if command == "/restem/panic" else 0)
    assert len(server._scheduled) == 0
    assert not any(client.timed for client in server.clients())
    later = bundle(encode("/restem/ping", 8), at=time.time() + 0.05)
    console.send_packet(later)
    assert texts(console.until("/restem/pong")) == [("/restem/pong", 8)]


def test_a_bundle_is_obeyed_in_its_order(console: Console, session: StillSession) -> None:
    master = "/restem/master_gain_db"
    console.send_packet(bundle(encode("/restem/panic"), encode(master, -2.0)))
    assert console.settled() == []
    assert session.mixer.get("master_gain_db") == -2
    solos = bundle(encode("/restem/stem/*/solo", 0))
    console.send_packet(bundle(solos, encode("/restem/stem/drums/solo", 1)))
    assert console.settled() == []
    assert session.mixer.get("solo", "drums") is True
    console.send_packet(bundle(encode(GAIN), encode(GAIN, -6.0), encode(GAIN)))
    assert texts(console.settled()) == [(GAIN, 0.0), (GAIN, -6.0)]


def test_what_is_behind_a_slow_command_in_its_bundle_waits_for_it(
    console: Console, session: StillSession
) -> None:
    session.may_switch.clear()
    switch = encode("/restem/profile", "live-cpu-fast")
    console.send_packet(bundle(switch, encode(GAIN, -6.0), encode(GAIN)))
    assert texts(console.ask_ping(1)) == [("/restem/pong", 1)]
    assert session.mixer.get("gain_db", "vocals") == 0
    session.may_switch.set()
    assert texts(console.settled()) == [("/restem/profile", "live-cpu-fast"), (GAIN, -6.0)]


def test_a_timed_bundle_keeps_its_order_too(console: Console, session: StillSession) -> None:
    master = "/restem/master_gain_db"
    parts = (
        encode(GAIN, -1.0),
        encode("/restem/panic"),
        encode(master, -2.0),
        encode("/restem/ping"),
    )
    console.send_packet(bundle(*parts, at=time.time() + 0.2))
    console.until("/restem/pong")
    assert session.mixer.get("master_gain_db") == -2


def test_a_bundle_is_made_whole_or_not_at_all(console: Console, session: StillSession) -> None:
    fine, wrong = encode(GAIN, -3.0), encode("/restem/stem/bass/pan", "left")
    console.send_packet(bundle(fine, wrong))
    (error,) = console.settled()
    assert error.args[:2] == ("/restem/stem/bass/pan", "wrong_type")
    assert session.mixer.get("gain_db", "vocals") == 0
    before = session.mixer.position
    console.send_packet(bundle(fine, encode("/restem/bypass", 1)))
    assert console.settled() == []
    run(session.mixer, 256)
    (moment,) = session.mixer.history(before)
    assert {change[0] for change in moment.changes} == {"gain_db", "bypass"}


def test_a_time_to_come_is_kept_to_the_sample(console: Console, session: StillSession) -> None:
    ahead = 1.0
    due, position = time.time() + ahead, session.position_at(time.monotonic() + ahead)
    console.send_packet(bundle(encode(GAIN, -3.0), encode("/restem/bypass", 1), at=due))
    assert console.settled() == []
    assert session.mixer.get("gain_db", "vocals") == 0
    run(session.mixer, position + RATE)
    (moment,) = session.mixer.history()
    assert abs(moment.position - position) < 0.05 * RATE  # the time to ask for both clocks
    assert len(moment.changes) == 2
    assert session.mixer.late == 0


def test_commands_of_a_time_to_come_wait_for_it(console: Console, session: StillSession) -> None:
    now = time.time()
    for number, ahead in ((7, 0.6), (6, 0.3)):
        console.send_packet(bundle(encode("/restem/ping", number), at=now + ahead))
    assert console.settled() == []
    assert [console.receive().args for _ in range(2)] == [(6,), (7,)]


def test_a_time_that_has_passed_means_now_and_is_counted(
    server: OscServer, console: Console, session: StillSession
) -> None:
    console.send_packet(bundle(encode(GAIN, -3.0), at=time.time() - 5))
    assert console.settled() == []
    assert session.mixer.get("gain_db", "vocals") == -3
    assert server.counts.late_bundles == 1
    console.send_packet(bundle(encode(GAIN, -9.0), at=time.time() + 1e6))
    assert console.settled()[0].args[1] == "too_far"


@pytest.mark.parametrize("ahead", [70.0, 1200.0, 3000.0])
def test_a_time_far_ahead_is_refused_in_a_line(
    server: OscServer, console: Console, session: StillSession, ahead: float
) -> None:
    console.send_packet(bundle(encode("/restem/ping"), at=time.time() + ahead))
    (answer,) = console.settled()
    assert answer.args[1] == "too_far"
    assert f"{ahead / 60:.0f} minutes" in answer.args[2]
    assert len(server._scheduled) == 0


def test_times_after_2036_are_not_those_of_1900(
    console: Console, session: StillSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    ping = encode("/restem/ping", 7)
    part = struct.pack(">i", len(ping)) + ping
    in_2036 = b"#bundle\0" + struct.pack(">II", 5, 0) + part
    console.send_packet(in_2036)
    assert [m.args[1] for m in console.settled()] == ["too_far"]
    console.send_packet(b"#bundle\0" + struct.pack(">II", 0, 0) + part)
    assert texts(console.settled()) == [("/restem/pong", 7)]
    monkeypatch.setattr(time, "time", lambda: 2**32 + 4.8 - NTP_EPOCH)
    console.send_packet(in_2036)
    assert texts(console.until("/restem/pong")) == [("/restem/pong", 7)]


def test_bundles_in_bundles_have_times_of_their_own(
    console: Console, session: StillSession
) -> None:
    inner = bundle(encode(GAIN, -3.0), at=time.time() + 50)
    console.send_packet(bundle(encode("/restem/bypass", 1), inner))
    assert console.settled() == []
    assert session.mixer.get("bypass") is True
    assert session.mixer.get("gain_db", "vocals") == 0
    deep = encode(GAIN, -3.0)
    for _ in range(9):
        deep = bundle(deep)
    console.send_packet(deep)
    assert "deep" in console.settled()[0].args[2]


def test_a_subscription_sends_what_is_first_and_then_what_changes(
    console: Console, other: Console
) -> None:
    first = console.ask("/restem/subscribe", "/restem/stem/*/gain_db", 50, 60)
    assert texts(first)[0] == ("/restem/subscribe", "/restem/stem/*/gain_db", 50.0, 60.0)
    assert len(first) == 1 + len(STEMS) + 1
    other.ask(GAIN, -6.0)
    assert texts(console.until(GAIN, -6.0)) == [(GAIN, -6.0)]


def test_what_one_sets_itself_does_not_come_back_unless_asked(
    console: Console, other: Console
) -> None:
    for each in (console, other):
        each.ask("/restem/subscribe", GAIN, 100, 60)
    console.ask(GAIN, -6.0)
    assert texts(other.until(GAIN)) == [(GAIN, -6.0)]
    other.ask(GAIN, -7.0)
    assert texts(console.until(GAIN)) == [(GAIN, -7.0)]  # and nothing of -6 before
    assert texts(console.ask("/restem/echo", 1)) == [("/restem/echo", 1)]
    console.send(GAIN, -8.0)
    assert texts(console.until(GAIN)) == [(GAIN, -8.0)]


def test_a_setter_whose_value_became_another_one_is_sent_that(console: Console) -> None:
    console.ask("/restem/subscribe", "/restem/stem/vocals/*", 100, 60)
    for _ in range(2):  # the second time nothing changes
        console.send(GAIN, 40.0)
        assert texts(console.until(GAIN)[-1:]) == [(GAIN, 12.0)]
    console.send("/restem/stem/vocals/mute", 7)
    assert console.until("/restem/stem/vocals/mute")[-1].args == (1,)


def test_two_clients_that_move_one_fader_both_end_where_it_is(
    console: Console, other: Console, session: StillSession
) -> None:
    for each in (console, other):
        each.ask("/restem/subscribe", GAIN, 20, 60)
    threads = [
        threading.Thread(target=lambda c=c, s=s: [c.send(GAIN, -s - i / 50) for i in range(500)])
        for c, s in ((console, 1.0), (other, 20.0))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen = {each: each.settled() for each in (console, other)}
    value = session.mixer.get("gain_db", "vocals")
    loser = console if value <= -20 else other
    last = [m.args[0] for m in seen[loser] if m.address == GAIN]
    if not last or last[-1] != pytest.approx(value):
        loser.until(GAIN, pytest.approx(value))
    assert len(seen[loser]) < 200  # coalesced to its rate


def test_changes_are_coalesced_to_the_clients_rate_and_the_last_one_comes(
    console: Console, other: Console
) -> None:
    console.ask("/restem/subscribe", GAIN, 5, 60)
    began = time.monotonic()
    for i in range(1000):
        other.send(GAIN, -i / 100)
    other.settled()
    received = console.until(GAIN, pytest.approx(-9.99))
    assert len(received) <= 5 * (time.monotonic() - began) + 2


def test_a_lease_ends_unless_it_is_renewed(server: OscServer, console: Console) -> None:
    console.ask("/restem/subscribe", GAIN, 50, 0.5)
    console.ask("/restem/subscribe", "/restem/bypass", 50, 0.5)
    assert texts(console.ask("/restem/subscribers"))[0] == ("/restem/subscribers", 2)
    assert texts(console.ask("/restem/renew", 60)) == [("/restem/renew", 2)]
    console.ask("/restem/subscribe", "/restem/dry_wet", 50, 0.4)
    console.ask("/restem/subscribe", "/restem/master", 50, 0.2)
    (client,) = server._clients.values()
    until(lambda: len(client.subscriptions) == 3, "the shorter lease to end")
    assert "/restem/master" not in client.subscriptions
    until(lambda: len(client.subscriptions) == 2, "the longer one to end")
    assert texts(console.ask("/restem/unsubscribe")) == [("/restem/unsubscribe", 2)]
    assert texts(console.ask("/restem/subscribers")) == [("/restem/subscribers", 0)]


def test_a_subscription_without_a_lease_lives_while_its_client_does_something(
    server: OscServer, console: Console
) -> None:
    console.ask("/restem/subscribe", GAIN)
    console.ask("/restem/subscribe", "/restem/bypass", 10, 10)
    (client,) = server._clients.values()
    lasting, leased = client.subscriptions.values()

    def let_pass(seconds: float) -> None:
        is_still = threading.Event()
        server.post(is_still.set)  # behind all that was sent
        assert is_still.wait(20)
        client.last_done -= seconds
        for subscription in (lasting, leased):
            subscription.ends -= seconds

    let_pass(8)
    assert client.left(lasting) <= 2
    console.ask(GAIN)
    let_pass(1.5)
    assert client.left(lasting) > 5
    refused = server.counts.refused
    console.send("/restem/nothing", 1)
    until(lambda: server.counts.refused > refused, "the refusal")
    assert client.left(lasting) <= 8.5
    assert client.left(leased) <= 0.5
    until(lambda: len(client.subscriptions) == 1, "the lease to end")
    let_pass(8.5)
    until(lambda: not client.subscriptions, "the other to end")


def test_a_number_may_come_as_text(session: StillSession, console: Console) -> None:
    console.send(GAIN, " -6.5")
    console.send("/restem/bypass", "1")
    console.settled()
    assert session.mixer.get("gain_db", "vocals") == -6.5
    assert session.mixer.get("bypass") is True


def test_answers_and_values_go_to_the_port_that_is_asked_for(
    console: Console, other: Console
) -> None:
    console.send("/restem/reply_to", other.port)
    console.send("/restem/ping", 1)
    assert texts(other.until("/restem/pong")) == [
        ("/restem/reply_to", other.port),
        ("/restem/pong", 1),
    ]
    console.send("/restem/reply_to", 0)
    console.until("/restem/reply_to")
    console.ask("/restem/subscribe", GAIN, 50, 60, other.port)
    assert texts(other.until(GAIN)) == [(GAIN, 0.0)]


def test_restem_does_not_talk_to_itself(server: OscServer, console: Console) -> None:
    own = server.port
    assert console.error("/restem/reply_to", own)[1] == "own_port"
    assert console.error("/restem/subscribe", GAIN, 10, 60, own)[1] == "own_port"
    server.post(lambda: server._udp.sendto(encode(GAIN), ("127.0.0.1", own)))
    until(lambda: server.counts.own == 1, "its own packet to be counted")
    assert len(server.clients()) == 1


@pytest.mark.parametrize(
    ("tags", "data"),
    [
        (b"c", struct.pack(">i", 5)),
        (b"r", bytes(4)),
        (b"m", bytes(4)),
        (b"S", b"x\0\0\0"),
        (b"I", b""),
        (b"[ii]", bytes(8)),
    ],
)
def test_a_rare_type_does_not_fell_the_bundle_it_is_in(
    console: Console, session: StillSession, tags: bytes, data: bytes
) -> None:
    tagged = b"," + tags + b"\0" * (4 - (1 + len(tags)) % 4)
    odd = b"/restem/ping\0\0\0\0" + tagged + data
    console.send_packet(bundle_of(odd, encode(GAIN, -6.0)))
    assert "malformed" not in [m.args[1] for m in console.settled() if len(m.args) > 1]
    assert session.mixer.get("gain_db", "vocals") == -6


def bundle_of(*packets: bytes) -> bytes:
    """A bundle of packets of any kind, for now."""
    parts = b"".join(struct.pack(">i", len(packet)) + packet for packet in packets)
    return b"#bundle\0" + struct.pack(">q", 1) + parts


def test_an_array_of_one_number_is_that_number(console: Console, session: StillSession) -> None:
    packet = GAIN.encode() + bytes(4 - len(GAIN) % 4) + b",[f]\0\0\0\0" + struct.pack(">f", -6)
    console.send_packet(packet)
    assert console.settled() == []
    assert session.mixer.get("gain_db", "vocals") == -6


def test_text_is_no_switch_of_the_echo(console: Console) -> None:
    assert console.error("/restem/echo", "0")[1] == "wrong_type"


def test_a_console_that_says_it_is_alive_gets_no_answer(console: Console) -> None:
    assert console.ask("/ping") == []


def test_a_number_is_text_where_text_is_wanted(console: Console) -> None:
    assert console.error("/restem/profile", 3.0)[2] == "unknown profile '3'"


def test_complaints_are_not_complained_about(server: OscServer, console: Console) -> None:
    assert console.ask("/restem/error", "/x", "unknown_address", "there is no /x") == []
    assert server.counts.refused == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_no_other_program_can_take_the_port(host: str) -> None:
    with OscServer(control()[1], host, port=0) as server:
        Console(server).ask("/restem/ping")  # a client makes no difference
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            with socket.socket(socket.AF_INET, kind) as thief:
                thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                with pytest.raises(OSError, match="in use"):
                    thief.bind(("127.0.0.1", server.port))


def test_new_clients_are_obeyed_in_their_order(server: OscServer) -> None:
    for _ in range(50):
        fresh = [Console(server), Console(server)]
        for number in range(5):
            for each in fresh:
                each.send("/restem/ping", number)
        for each in fresh:
            assert [m.args for m in each.settled()] == [(n,) for n in range(5)]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((GAIN, 500.0), "rate_hz 500 is not in [0.1, 100]: 100"),
        ((GAIN, 10.0, 1e9), "lease_s 1e+09 is not in [0.1, 86400]: 86400"),
    ],
)
def test_a_subscription_that_is_not_as_asked_says_so(
    console: Console, args: tuple[Any, ...], said: str
) -> None:
    error, *_ = console.ask("/restem/subscribe", *args)
    assert error.args == ("/restem/subscribe", "clipped", said)


@pytest.mark.parametrize("port", [-1, 65536, 0.5])
def test_a_port_that_cannot_be_is_refused(console: Console, port: float) -> None:
    assert console.error("/restem/reply_to", port)[1] == "wrong_type"
    assert console.error("/restem/subscribe", GAIN, 10, 60, port)[1] == "wrong_type"


def test_slow_commands_while_it_closes_are_refused_in_a_line(
    server: OscServer, console: Console
) -> None:
    server.finish()
    assert console.error("/restem/profile", "live-cpu-fast")[1] == "closing"
    assert server.counts.faults == 0


def test_a_slow_command_that_hangs_does_not_keep_it_from_closing(
    session: StillSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "FINISH_SECONDS", 0.1)
    session.may_switch.clear()
    with OscServer(ControlTree(session), port=0) as server:
        Console(server).send("/restem/profile", "live-cpu-fast")
        until(lambda: any(c.jobs for c in server.clients()), "the command to begin")
    session.may_switch.set()


def test_a_profile_is_switched_behind_and_sync_waits_for_it(
    console: Console, session: StillSession
) -> None:
    session.may_switch.clear()
    console.send("/restem/profile", "live-cpu-fast")
    console.send("/restem/sync", 1)
    assert texts([*console.ask_ping(3)]) == [("/restem/pong", 3)]  # nobody waits meanwhile
    session.may_switch.set()
    assert texts(console.until("/restem/synced")) == [
        ("/restem/profile", "live-cpu-fast"),
        ("/restem/synced", 1),
    ]
    assert console.error("/restem/profile", "nonesuch")[1] == "failed"


def test_recording_is_a_switch(console: Console, session: StillSession) -> None:
    assert texts(console.ask("/restem/record", 1)) == [("/restem/record", 1)]
    assert session.state == "recording"
    assert texts(console.ask("/restem/record", 0)) == [("/restem/record", 0)]


def test_a_dump_lists_every_value_and_their_number(console: Console) -> None:
    *values, end = console.ask("/restem/dump")
    assert texts([end]) == [("/restem/dumped", len(values))]
    addresses = [message.address for message in values]
    assert len(set(addresses)) == len(values)
    assert {"/restem/status", "/restem/meters", "/restem/profile", GAIN} <= set(addresses)


def test_meters_and_status_have_a_fixed_form(console: Console, session: StillSession) -> None:
    session.peaks["bass"] = (-3.04, -6.0)
    (meters,) = console.ask("/restem/meters")
    assert meters.args[2:4] == pytest.approx((-3.0, -6.0))
    assert len(meters.args) == 2 * (len(STEMS) + 2)
    assert texts(console.ask("/restem/meters/bass")) == [("/restem/meters/bass", -3.0, -6.0)]
    (status,) = console.ask("/restem/status")
    assert status.args[:3] == ("ready", "live-cpu", 6016)
    assert texts(console.ask("/restem/status/late")) == [("/restem/status/late", 3)]


@pytest.mark.parametrize("as_slip", [True, False], ids=["SLIP", "length"])
def test_tcp_answers_in_the_frames_it_is_asked_in_and_again_after_a_reconnection(
    server: OscServer, as_slip: bool
) -> None:
    for _ in range(2):
        console = Console(server, tcp=True, slip=as_slip)
        assert texts(console.ask(GAIN)) == [(GAIN, 0.0)]
        assert len(console.ask("/restem/dump")) > 20
        console.close()
    until(lambda: not server._connections, "the connections to end")


def test_a_tcp_stream_may_come_byte_by_byte_and_a_damaged_one_is_closed(server: OscServer) -> None:
    console = Console(server, tcp=True)
    for byte in slip.encode(encode("/restem/ping", 1)):
        console.socket.sendall(bytes([byte]))
    assert console.receive().address == "/restem/pong"
    console.socket.sendall(b"\xc0\xdb\x00\xc0")
    assert console.receive().args[1] == "malformed"
    with pytest.raises(EOFError):
        console.receive()


def test_a_tcp_client_that_reads_late_gets_all_in_the_end(server: OscServer) -> None:
    slow, dumps = socket.socket(), 300
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.connect(("127.0.0.1", server.port))
    slow.settimeout(20)
    slow.sendall(slip.encode(encode("/restem/dump")) * dumps)
    until(lambda: any(c.backlog for c, _ in server._connections.values()), "it to be behind")
    received = b""
    while received.count(b"/restem/dumped") < dumps:
        received += slow.recv(1 << 16)
    slow.close()
    assert server.counts.unsent == 0


def test_a_passphrase_is_wanted_before_all_else() -> None:
    session, tree = control()
    with OscServer(tree, port=0, passphrase="sesame") as server:
        console = Console(server)
        console.send(GAIN, -6.0)
        assert console.receive().args[1] == "auth"
        console.send(GAIN)
        assert console.receive().args[1] == "auth"
        console.send_packet(bundle(encode(GAIN, -6.0)))
        assert console.receive().args[1] == "auth"
        console.send("/restem/auth", "sesam")
        assert console.receive().args == ("/restem/auth", "auth", "this is not the passphrase")
        assert session.mixer.get("gain_db", "vocals") == 0
        console.send("/restem/auth", "sesame")
        assert console.receive().args == (1,)
        assert console.ask(GAIN, -6.0) == []
        assert session.mixer.get("gain_db", "vocals") == -6
        stranger = Console(server)
        stranger.send(GAIN, -9.0)
        assert stranger.receive().args[1] == "auth"
        both = encode("/restem/auth", "sesame"), encode(GAIN, -9.0)
        Console(server).send_packet(bundle(*both))
        until(lambda: session.mixer.get("gain_db", "vocals") == -9, "one packet of a newcomer")


def test_wrong_passphrases_have_to_wait_ever_longer_and_the_user_is_told() -> None:
    said: list[str] = []
    with OscServer(control()[1], port=0, passphrase="sesame", notify=said.append) as server:
        guesser = Console(server)
        reasons = []
        for number in range(5):
            guesser.send("/restem/auth", f"{number}")
            reasons.append(guesser.receive().args[2])
        assert reasons[:4] == ["this is not the passphrase"] * 4
        assert reasons[4].startswith("too many wrong passphrases; wait for 2.0 s")
        other = Console(server)
        other.send("/restem/auth", "sesame")
        assert other.receive().args[1] == "auth"
        assert said == ["OSC: 127.0.0.1 sent 4 wrong passphrases; it has to wait now"]


def test_hosts_that_are_not_allowed_are_not_heard_and_counted() -> None:
    said: list[str] = []
    with OscServer(control()[1], port=0, allowed=["127.0.0.2"], notify=said.append) as server:
        stranger, friend = Console(server), Console(server)
        friend.close()
        friend.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        friend.socket.bind(("127.0.0.2", 0))
        stranger.send("/restem/ping")
        stranger.send("/restem/ping")
        friend.send("/restem/ping")
        assert friend.receive().address == "/restem/pong"
        until(lambda: server.counts.denied == 2, "both to be counted")
        assert said == ["OSC: 127.0.0.1 is not among the hosts that are allowed; it is not heard"]


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        ({"host": "203.0.113.9"}, r"OSC: port 0 of 203\.0\.113\.9"),
        ({"allowed": ["localhostt"]}, "OSC: 'localhostt' does not appear to be"),
    ],
)
def test_what_cannot_be_served_is_one_line(wanted: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        OscServer(control()[1], **{"port": 0, **wanted})


def test_a_port_that_is_taken_is_one_line(server: OscServer) -> None:
    with pytest.raises(ValueError, match="is in use; take another one"):
        OscServer(control()[1], port=server.port)


def test_a_burst_is_obeyed_whole_and_in_order(
    server: OscServer, console: Console, session: StillSession
) -> None:
    seen: list[float] = []
    tree = server.control
    moved = tree.move
    tree.move = lambda changes, position=None: (  # type: ignore[method-assign]
        seen.extend(change[1] for change in changes),
        moved(changes, position),
    )[1]
    for i in range(3000):
        console.send(GAIN, -i / 50)
    assert console.settled() == []
    assert seen == [pytest.approx(-i / 50, abs=1e-4) for i in range(3000)]
    assert server.counts.lost == 0


FLOOD = """
import socket, sys
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
packet, target = bytes.fromhex(sys.argv[2]), ("127.0.0.1", int(sys.argv[1]))
while True:
    out.sendto(packet, target)
"""


def answered(console: Console, number: int) -> bool:
    """Ask once more: on a busy machine a single ping stayed unanswered; UDP may lose any."""
    console.send("/restem/ping", number)
    try:
        console.until("/restem/pong", number)
    except TimeoutError:
        return False
    return True


def test_a_flood_from_one_client_leaves_the_others_their_turn(
    server: OscServer, console: Console
) -> None:
    packet = encode("/restem/stem/*/gain_db", -1.0)
    flood = subprocess.Popen([sys.executable, "-c", FLOOD, str(server.port), packet.hex()])
    try:
        client = until(lambda: next(iter(server._clients.values()), None), "the flood")
        until(lambda: len(client.waiting) > 200 or client.lost, "the flood to be too much")
        console.socket.settimeout(0.1)
        for i in range(20):
            until(partial(answered, console, i), "the other's turn")
            assert client.waiting or client.lost
    finally:
        flood.kill()
        flood.wait()
    assert len(client.waiting) <= WAITING


VALID = encode(GAIN, -2.0)


def hostile(rng: random.Random) -> bytes:
    """Damaged messages, wrong types, deep bundles, oversize blobs, noise."""
    kind = rng.randrange(9)
    if kind == 0:
        return rng.randbytes(rng.randrange(1, 200))
    if kind == 1:
        damaged = bytearray(rng.choice([VALID, bundle(VALID, VALID)]))
        for _ in range(rng.randrange(1, 6)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        return bytes(damaged)
    if kind == 2:
        return VALID[: rng.randrange(1, len(VALID))]
    if kind == 3:
        tags = bytes(rng.choices(b"ifsbhdTFN[]crmtI", k=rng.randrange(1, 12)))
        return b"/restem/ping\0\0\0\0," + tags + b"\0" * 4 + rng.randbytes(4 * rng.randrange(20))
    if kind == 4:
        deep = VALID
        for _ in range(rng.randrange(1, 40)):
            deep = b"#bundle\0" + b"\0" * 7 + b"\1" + struct.pack(">i", len(deep)) + deep
        return deep
    if kind == 5:
        size = rng.choice([-1, 0, 3, 1 << 30, -(1 << 31)])
        return b"#bundle\0" + rng.randbytes(8) + struct.pack(">i", size) + VALID
    if kind == 6:
        name = "".join(map(chr, rng.choices(range(32, 0x2FF), k=rng.randrange(1, 40))))
        return encode(f"/restem/stem/{name}/gain_db", -1.0)
    if kind == 7:
        blob = b"/restem/profile\0,b\0\0" + struct.pack(">i", rng.choice([-4, 1 << 20, 5000]))
        return blob + b"x" * rng.randrange(6000)
    stars = "".join(rng.choices("*?[]{}!-,/abc", k=rng.randrange(1, 60)))
    return encode(f"/restem/{stars}", rng.choice([1, 2.5, "x", b"xy"]))


def test_hostile_packets_are_answered_or_counted_and_valid_ones_between_obeyed(
    server: OscServer, console: Console, session: StillSession
) -> None:
    rng = random.Random(0)
    counts, wrong, rounds, memory = server.counts, 0, 2000, 0
    for number in range(rounds):
        for _ in range(100):
            console.send_packet(hostile(rng))
        value = -1.0 - number / 100
        console.send(GAIN, value)
        answers = console.settled()
        wrong += sum(answer.address == "/restem/error" for answer in answers)
        assert session.mixer.get("gain_db", "vocals") == pytest.approx(value)
        assert server._thread.is_alive()
        if number == rounds // 4:
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert counts.packets == rounds * 102
    assert counts.malformed > rounds * 30
    assert wrong + counts.unsent == counts.malformed + counts.refused + counts.clipped
    assert counts.faults == 0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 10_000  # kB


def test_every_command_of_the_table_is_obeyed(server: OscServer, console: Console) -> None:
    console.ask("/restem/subscribe", GAIN, 1, 60)
    given = {"sync": (1,), "subscribe": (GAIN,), "reply_to": (0,), "echo": (0,), "auth": ("x",)}
    for row in COMMANDS:
        if row.address != "error":
            answers = console.ask(f"/restem/{row.address}", *given.get(row.address, ()))
            assert [a for a in answers if a.address == "/restem/error"] == [], row


def test_subscribers_are_told_good_bye(session: StillSession) -> None:
    with OscServer(ControlTree(session), port=0) as server:
        console = Console(server)
        console.ask("/restem/subscribe", GAIN, 1, 60)
    assert console.until("/restem/shutdown")
    free = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    free.bind(("127.0.0.1", server.port))
    free.close()
