"""OSCQuery: what the tree says of itself, who may listen and set, and what it survives."""

import asyncio
import gc
import http.client
import itertools
import json
import random
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import numpy as np
import pytest
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message import OscMessage
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from restem.bridge.control.addresses import Args
from restem.bridge.control.node import Node
from restem.bridge.control.osc.codec import decode, encode
from restem.bridge.control.osc.query import (
    ATTRIBUTES,
    LARGEST_FRAME,
    OscQuery,
)
from restem.bridge.control.osc.query_http import CONNECTIONS, Connection
from restem.bridge.control.osc.server import OscServer
from restem.bridge.control.tree import ControlTree
from restem.streamer.mixer.parameters import PARAMETERS
from tests.support.jack_server import until
from tests.support.osc_console import PATIENCE_SECONDS, STEMS, StillSession

GAIN, BASS = "/restem/stem/vocals/gain_db", "/restem/stem/bass/gain_db"
WriteResult = tuple[int, dict[str, str], bytes]
Packet = tuple[Any, ...]  # an address and its arguments


@pytest.fixture
def session() -> StillSession:
    return StillSession()


@pytest.fixture
def control(session: StillSession) -> ControlTree:
    return ControlTree(session)


@pytest.fixture
def server(control: ControlTree) -> Iterator[OscServer]:
    with OscServer(control, port=0) as server:
        yield server


@pytest.fixture
def query(server: OscServer) -> Iterator[OscQuery]:
    with OscQuery(server) as query:
        yield query


@contextmanager
def serving(control: ControlTree, host: str = "127.0.0.1", **options: Any) -> Iterator[OscQuery]:
    """OSCQuery and an OSC server with options of its own, at one address."""
    with OscServer(control, host, 0, **options) as server, OscQuery(server, host) as query:
        yield query


def ask(query: OscQuery, path: str, method: str = "GET", **options: Any) -> WriteResult:
    """Status, headers and body of an answer."""
    line = http.client.HTTPConnection("127.0.0.1", query.port, timeout=PATIENCE_SECONDS)
    try:
        line.request(method, path, **options)
        answer = line.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        line.close()


def get(query: OscQuery, path: str) -> dict[str, Any]:
    status, headers, body = ask(query, path)
    assert (status, headers["Content-Type"]) == (200, "application/json")
    found: dict[str, Any] = json.loads(body)
    return found


class Client:
    """A client with a WebSocket."""

    def __init__(self, query: OscQuery, **options: Any) -> None:
        where = f"ws://127.0.0.1:{query.port}"
        self._connecting = connect(where, proxy=None, close_timeout=1, **options)
        self._numbers = itertools.count()

    def __enter__(self) -> "Client":
        self.socket: ClientConnection = self._connecting.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._connecting.__exit__(*error)

    def say(self, command: str, address: str) -> None:
        self.socket.send(json.dumps({"COMMAND": command, "DATA": address}))

    def send(self, address: str, *args: Any) -> None:
        self.socket.send(encode(address, *args))

    def receive(self) -> Packet:
        packet = self.socket.recv(PATIENCE_SECONDS)
        assert isinstance(packet, bytes)
        ((message,),) = (bundle.messages for bundle in decode(packet))
        return message.address, *message.args

    def until(self, address: str, *args: Any) -> list[Packet]:
        """What comes in up to a message that begins so."""
        found = [self.receive()]
        while found[-1][: 1 + len(args)] != (address, *args):
            found.append(self.receive())
        return found

    def settled(self) -> list[Packet]:
        """What comes in until all that was said is done."""
        number = next(self._numbers)
        self.send("/restem/sync", number)
        return self.until("/restem/synced", number)[:-1]

    def error(self) -> Packet:
        """The next message, which is an error: its address and code."""
        name, *rest = self.receive()
        assert name == "/restem/error"
        assert "\n" not in rest[2]
        return rest[0], rest[1]


@pytest.fixture
def client(query: OscQuery) -> Iterator[Client]:
    with Client(query) as client:
        yield client


@pytest.fixture
def other(query: OscQuery) -> Iterator[Client]:
    with Client(query) as client:
        yield client


def leaves(tree: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The methods of a tree by their address."""
    if "CONTENTS" not in tree:
        return {tree["FULL_PATH"]: tree}
    found: dict[str, dict[str, Any]] = {}
    for name, inner in tree["CONTENTS"].items():
        assert inner["FULL_PATH"].rpartition("/")[::2] == (tree["FULL_PATH"].rstrip("/"), name)
        found |= leaves(inner)
    return found


# What the tree says.


def test_a_parameter_says_all_that_there_is_to_say(query: OscQuery, control: ControlTree) -> None:
    control.write(control.nodes[GAIN], (-6.0,))
    assert get(query, GAIN) == {
        "FULL_PATH": GAIN,
        "ACCESS": 3,
        "DESCRIPTION": "The strip's gain; -90 dB is silence.",
        "TYPE": "f",
        "VALUE": [-6.0],
        "RANGE": [{"MIN": -90.0, "MAX": 12.0}],
        "UNIT": ["gain.db"],
        "CLIPMODE": ["both"],
    }


def test_the_tree_has_every_node_once_and_nothing_else(
    query: OscQuery, control: ControlTree
) -> None:
    nodes = set(control.nodes)
    branches = {a for a in nodes if any(other.startswith(f"{a}/") for other in nodes)}
    assert branches == {"/restem/meters", "/restem/status"}
    assert set(leaves(get(query, "/"))) == nodes - branches


def test_what_is_said_of_every_node_is_true(query: OscQuery, control: ControlTree) -> None:
    kinds = {"i": int, "f": float, "s": str}
    for address, said in leaves(get(query, "/")).items():
        node = control.nodes[address]
        assert said["TYPE"] == (node.types or "N")
        assert said["ACCESS"] == node.access > 0
        assert said["DESCRIPTION"] == node.description
        if node.readable:
            values = control.read(node)
            assert said["VALUE"] == list(values)
            assert [type(value) for value in values] == [kinds[tag] for tag in said["TYPE"]]
        else:
            assert said["VALUE"] == [None] * len(said["TYPE"])
        for name in ("RANGE", "UNIT", "CLIPMODE"):
            assert len(said.get(name, said["TYPE"])) == len(said["TYPE"])
        assert ("CLIPMODE" in said) == (node.parameter is not None)
        assert not said.keys() - set(ATTRIBUTES)


def test_every_parameter_says_its_range_in_its_own_type(query: OscQuery) -> None:
    tree = leaves(get(query, "/restem"))
    for row in PARAMETERS:
        said = tree[
            f"/restem/stem/drums/{row.name}" if row.scope == "stem" else f"/restem/{row.name}"
        ]
        (limits,) = said["RANGE"]
        assert (limits["MIN"], limits["MAX"]) == (row.low, row.high)
        assert {type(limit) for limit in limits.values()} == {int if row.kind == "bool" else float}


def test_choices_are_listed(query: OscQuery) -> None:
    (limits,) = get(query, "/restem/profile")["RANGE"]
    assert "live-cpu" in limits["VALS"]
    assert "MIN" not in limits


def test_a_button_has_a_type_but_no_value(query: OscQuery) -> None:
    said = get(query, "/restem/panic")
    assert (said["ACCESS"], said["TYPE"], said["VALUE"]) == (2, "N", [None])
    assert ask(query, "/restem/panic?VALUE")[0] == 204


def test_a_branch_contains_all_below_it_and_has_no_value(query: OscQuery) -> None:
    stems = get(query, "/restem/stem")
    assert (stems["ACCESS"], list(stems["CONTENTS"])) == (0, [*STEMS, "residual"])
    assert not stems.keys() & {"VALUE", "TYPE", "RANGE"}
    meters = get(query, "/restem/meters/")
    assert meters["ACCESS"] == 0
    assert meters["CONTENTS"]["master"]["VALUE"] == [-90.0, -90.0]


def test_each_attribute_can_be_asked_for_alone(query: OscQuery) -> None:
    whole = get(query, GAIN)
    for name, value in whole.items():
        assert get(query, f"{GAIN}?{name}") == {name: value}
    assert get(query, f"{GAIN}?VALUE&TYPE") == {"VALUE": [0.0], "TYPE": "f"}
    assert get(query, "/restem?CONTENTS") == {"CONTENTS": get(query, "/restem")["CONTENTS"]}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/restem/", 200),
        ("/restem/stem/%76ocals", 200),
        ("/restem/bypass#fragment", 200),
        ("/restem?VALUE", 204),
        ("/restem/stem?TYPE", 204),
        ("/restem/version?RANGE", 204),
        ("/restem/bypass?UNIT", 204),
        ("/restem/bypass?CONTENTS", 204),
        ("/restem/bypass?NOTHING", 400),
        ("/restem/bypass?VALUE&TAGS", 400),
        ("/restem/bypass?value", 400),
        ("/restem/nothing", 404),
        ("/restem/nothing?VALUE", 404),
        ("/restem/bypas", 404),
        ("/favicon.ico", 404),
        ("/restem/%00%ff%0a", 404),
        ("http://127.0.0.1/restem", 404),
    ],
)
def test_the_status_says_what_is_wrong(query: OscQuery, path: str, status: int) -> None:
    found, _, body = ask(query, path)
    assert found == status
    assert body.count(b"\n") == (status >= 400)
    assert (body == b"") == (status == 204)


@pytest.mark.parametrize(
    ("origin", "may_read"),
    [("http://127.0.0.1:8000", True), ("http://192.168.1.9", True), ("https://example.com", False)],
)
def test_only_pages_that_are_near_may_read(query: OscQuery, origin: str, may_read: bool) -> None:
    request = f"GET /restem HTTP/1.1\r\nHost: x\r\nOrigin: {origin}\r\n\r\n".encode()
    allowed = f"Access-Control-Allow-Origin: {origin}\r\n".encode()
    assert (allowed in raw(query, request)) is may_read


def test_clients_are_told_of_a_path_that_changed(query: OscQuery, client: Client) -> None:
    client.settled()
    query.say_changed("/restem/preset")
    said = json.loads(client.socket.recv(PATIENCE_SECONDS))
    assert said == {"COMMAND": "PATH_CHANGED", "DATA": "/restem/preset"}


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:7780", 200),
        ("[::1]:7780", 200),
        ("203.0.113.9", 200),
        ("studio.local", 200),
        ("studio", 200),
        ("example.com", 403),
        ("127.0.0.1.example.com:7780", 403),
        ("[", 403),
    ],
)
def test_names_of_the_internet_that_lead_here_are_refused(
    query: OscQuery, host: str, status: int
) -> None:
    answer = raw(query, f"GET /restem HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    assert answer.startswith(f"HTTP/1.1 {status}".encode())


def test_strips_are_found_by_number_too_but_listed_once(query: OscQuery) -> None:
    node = get(query, "/restem/stem/1/gain_db")
    assert (node["FULL_PATH"], node["VALUE"]) == ("/restem/stem/1/gain_db", [0.0])
    assert set(get(query, "/restem/stem/1")["CONTENTS"]) >= {"gain_db", "mute"}
    assert "1" not in get(query, "/restem/stem")["CONTENTS"]


def raw(query: OscQuery, request: bytes) -> bytes:
    """All that comes back, if each byte of a request is sent alone."""
    with socket.create_connection(("127.0.0.1", query.port), PATIENCE_SECONDS) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in request:
            line.sendall(bytes([byte]))
        return line.makefile("rb").read()


def test_head_is_get_without_the_body(query: OscQuery) -> None:
    rest = b" /restem/bypass?TYPE HTTP/1.1\r\nHost: x\r\n\r\n"
    whole, head = raw(query, b"GET" + rest), raw(query, b"HEAD" + rest)
    assert whole == head + b'{"TYPE": "i"}'
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Content-Length: 13\r\n" in head


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"])
def test_only_get_and_head_are_obeyed(query: OscQuery, method: str) -> None:
    status, headers, _ = ask(query, "/restem/bypass", method)
    assert (status, headers["Allow"]) == (405, "GET, HEAD")


def test_the_host_says_what_it_does_and_where(query: OscQuery) -> None:
    host = get(query, "/any/path?HOST_INFO")
    extensions = host.pop("EXTENSIONS")
    assert host == {
        "NAME": "restem",
        "OSC_IP": "127.0.0.1",
        "OSC_PORT": query.server.port,
        "OSC_TRANSPORT": "UDP",
        "WS_IP": "127.0.0.1",
        "WS_PORT": query.port,
    }
    done = ("ACCESS", "VALUE", "RANGE", "DESCRIPTION", "UNIT", "CLIPMODE")
    commands = ("LISTEN", "IGNORE", "PATH_CHANGED")
    assert extensions == dict.fromkeys((*done, *commands), True)


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_who_is_bound_to_all_addresses_says_the_one_that_the_client_came_by(
    control: ControlTree, host: str
) -> None:
    if host == "::" and not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    with serving(control, host) as query:
        found = get(query, "/?HOST_INFO")
        assert (found["OSC_IP"], found["WS_IP"]) == ("127.0.0.1", "127.0.0.1")


def test_a_server_of_the_same_machine_alone_is_told_as_such(control: ControlTree) -> None:
    with OscServer(control, "127.0.0.2", 0) as server, OscQuery(server, "0.0.0.0") as query:
        assert get(query, "/?HOST_INFO")["OSC_IP"] == "127.0.0.2"


# What is listened to.


def test_who_listens_gets_the_value_now_and_what_it_becomes(
    client: Client, session: StillSession
) -> None:
    session.mixer.set("gain_db", -3.0, "vocals")
    client.say("LISTEN", GAIN)
    assert client.receive() == (GAIN, -3.0)
    session.mixer.set("gain_db", -12.0, "vocals")
    assert client.receive() == (GAIN, -12.0)


def test_what_follows_from_a_change_is_a_change(client: Client, session: StillSession) -> None:
    client.say("LISTEN", "/restem/stem/vocals/fader")
    client.receive()
    session.mixer.set("gain_db", -30.0, "vocals")
    assert client.receive() == ("/restem/stem/vocals/fader", 0.25)


def test_the_last_of_many_values_always_comes(client: Client, session: StillSession) -> None:
    client.say("LISTEN", GAIN)
    client.receive()
    generator = random.Random(0)
    for _ in range(3):
        for _ in range(500):
            session.mixer.set("gain_db", float(generator.randint(-80, 10)), "vocals")
        session.mixer.set("gain_db", last := generator.random() - 85, "vocals")
        found = client.until(GAIN, np.float32(last).item())
        assert len(found) < 400


def test_who_ignores_is_sent_no_more(client: Client, session: StillSession) -> None:
    for address in (GAIN, BASS):
        client.say("LISTEN", address)
        client.receive()
    client.say("IGNORE", GAIN)
    client.settled()
    session.mixer.set("gain_db", -1.0, "vocals")
    session.mixer.set("gain_db", -2.0, "bass")
    assert client.receive() == (BASS, -2.0)
    for _ in range(2):
        client.say("LISTEN", GAIN)
        assert client.receive() == (GAIN, -1.0)


def test_a_value_with_parts_comes_as_one_message(client: Client, session: StillSession) -> None:
    client.say("LISTEN", "/restem/meters")
    assert client.receive() == ("/restem/meters", *(-90.0,) * 2 * (len(STEMS) + 2))
    session.peaks["master"] = -3.0, -4.0
    assert client.receive()[-2:] == (-3.0, -4.0)


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("/restem/nothing", "unknown_address"),
        ("\ud800", "unknown_address"),
        ("restem", "unknown_address"),
        ("/restem/[", "malformed"),
        ("/restem/panic", "write_only"),
    ],
)
def test_what_has_no_value_cannot_be_listened_to(client: Client, address: str, code: str) -> None:
    client.say("LISTEN", address)
    assert client.error() == (address.replace("\ud800", "?"), code)


def test_a_branch_or_a_pattern_is_heard_as_over_osc(client: Client, session: StillSession) -> None:
    for address in ("/restem/stem/bass", "/restem/stem/*/gain_db"):
        client.say("LISTEN", address)
        heard = client.settled()
        assert (BASS, 0.0) in heard
        assert len(heard) >= len(STEMS)
    client.say("IGNORE", "/restem/stem/bass")
    session.mixer.set("mute", True, "bass")
    session.mixer.set("gain_db", -1.0, "bass")
    assert client.receive() == (BASS, -1.0)


def test_nothing_is_read_for_those_who_ignore_it_or_are_gone(session: StillSession) -> None:
    numbers = itertools.count(1)
    node = Node("/restem/read", "i", "How often it was read.", read=lambda: (next(numbers),))
    with serving(ControlTree(session, [node])) as query, Client(query) as client:
        for leaving in (False, True):
            with Client(query) as other:
                other.say("LISTEN", "/restem/read")
                for _ in range(3):
                    other.receive()
                if not leaving:
                    other.say("IGNORE", "/restem/read")
                    other.settled()
            if leaving:
                client.say("LISTEN", BASS)
                until(lambda: subscribers(client) == 1, "the other to be forgotten")
            seen = next(numbers)
            session.mixer.set("gain_db", -7.0 - leaving, "bass")
            client.send(BASS)
            client.until(BASS, -7.0 - leaving)
            assert next(numbers) == seen + 1


def subscribers(client: Client) -> int:
    client.send("/restem/subscribers")
    number: int = client.until("/restem/subscribers")[-1][1]
    return number


@pytest.mark.parametrize("rounds", range(3))
def test_frames_of_both_kinds_are_obeyed_in_their_order(client: Client, rounds: int) -> None:
    values = [-1.0 - rounds, -2.0 - rounds]
    for _ in range(200):
        for value in values:
            client.send(GAIN, value)
            client.say("LISTEN", GAIN)
            client.say("IGNORE", GAIN)
    assert client.settled() == [(GAIN, value) for _ in range(200) for value in values]


def test_of_values_that_a_client_is_too_slow_for_the_newest_comes(
    query: OscQuery, session: StillSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_send, delivered = threading.Event(), list[bool]()
    send, deliver = Connection.send, Connection.deliver

    async def send_late(connection: Connection, packet: bytes) -> None:
        while not may_send.is_set():
            await asyncio.sleep(0.005)
        await send(connection, packet)

    def noted(connection: Connection, packet: bytes, port: int | None) -> bool:
        delivered.append(deliver(connection, packet, port))
        return delivered[-1]

    monkeypatch.setattr("restem.bridge.control.osc.query_http.BACKLOG", 100)
    monkeypatch.setattr(Connection, "send", send_late)
    monkeypatch.setattr(Connection, "deliver", noted)
    with Client(query) as client:
        client.say("LISTEN", GAIN)
        for number in range(10000):
            session.mixer.set("gain_db", -80.0 + number % 7, "vocals")
            if until(lambda seen=number: len(delivered) > seen, "a look") and not delivered[-1]:
                break
        session.mixer.set("gain_db", -6.0, "vocals")
        may_send.set()
        heard = client.until(GAIN, -6.0)
        assert 2 <= len(heard) <= 5
        for value in range(-50, -30):  # what was sent waits no more
            session.mixer.set("gain_db", float(value), "vocals")
            assert client.receive() == (GAIN, value)


def test_a_node_that_cannot_be_read_does_not_silence_the_others(session: StillSession) -> None:
    def fail() -> Args:
        raise OSError("a disk is gone")

    nodes = [
        Node("/restem/broken", "f", "Fails.", read=fail),
        Node("/restem/infinite", "ff", "No JSON.", read=lambda: (float("nan"), float("-inf"))),
        Node("/restem/blob", "b", "No JSON.", read=lambda: (b"1234",)),
        Node("/restem/choice", "s", "Fails.", choices=lambda: [str(fail())], read=lambda: ("",)),
    ]
    control = ControlTree(session, nodes[:3])
    with serving(control) as query:
        tree = leaves(get(query, "/"))
        assert tree["/restem/broken"]["VALUE"] == [None]
        assert tree["/restem/infinite"]["VALUE"] == [None, None]
        assert tree["/restem/blob"]["VALUE"] == [None]
        assert tree[GAIN]["VALUE"] == [0.0]
        with Client(query) as client:
            client.say("LISTEN", "/restem/broken")
            assert client.error() == ("/restem/broken", "failed")
            client.say("LISTEN", GAIN)
            assert client.receive() == (GAIN, 0.0)
            session.mixer.set("gain_db", -5.0, "vocals")
            assert client.receive() == (GAIN, -5.0)
    with serving(ControlTree(session, nodes[3:])) as query:
        assert ask(query, "/")[::2] == (500, b"a disk is gone\n")
        assert get(query, GAIN)["VALUE"] == [-5.0]


# What is set.


def test_a_packet_that_comes_in_is_obeyed(client: Client, session: StillSession) -> None:
    client.send(GAIN, -6.0)
    client.send("/restem/stem/{bass,drums}/mute", 1)
    client.send("/restem/record", 1)
    client.send("/restem/reset")
    assert client.settled() == [("/restem/record", 1)]
    assert session.mixer.get("gain_db", "vocals") == -6.0
    assert [session.mixer.get("mute", stem) for stem in STEMS] == [False, True, True]
    assert session.resets == 1
    assert session.state == "recording"


def test_an_address_alone_is_answered_with_its_value(client: Client) -> None:
    client.send("/restem/stem/*/pan")
    assert client.settled() == [(f"/restem/stem/{s}/pan", 0.0) for s in (*STEMS, "residual")]


def test_who_sets_a_value_hears_it_from_others_alone(
    client: Client, other: Client, session: StillSession
) -> None:
    for one in (client, other):
        one.say("LISTEN", GAIN)
        one.receive()
    client.send(GAIN, -20.0)
    assert other.receive() == (GAIN, -20.0)
    session.mixer.set("gain_db", -21.0, "vocals")
    assert client.receive() == (GAIN, -21.0)


def test_a_client_is_one_of_the_osc_server_with_all_its_commands(
    query: OscQuery, client: Client, other: Client
) -> None:
    client.send("/restem/ping", 3)
    assert client.receive() == ("/restem/pong", 3)
    client.send("/restem/echo", 1)
    client.receive()
    client.send("/restem/subscribe", GAIN, 50)
    assert client.settled() == [("/restem/subscribe", GAIN, 50.0, 10.0), (GAIN, 0.0)]
    client.send(GAIN, 99.0)
    assert client.until(GAIN, 12.0)[0][:3] == ("/restem/error", GAIN, "clipped")
    other.say("LISTEN", BASS)
    other.receive()
    other.send("/restem/subscribers")
    rows = other.until("/restem/subscriber", f"ws 127.0.0.1:{other.socket.local_address[1]}")
    assert rows[0] == ("/restem/subscribers", 2)
    assert rows[-1][2:] == (BASS, 30.0, float("inf"))
    counts = query.server.counts
    assert (counts.clipped, counts.refused, counts.unsent) == (1, 0, 0)


def bundle(*packets: bytes, at: float = IMMEDIATELY) -> bytes:
    builder = OscBundleBuilder(at)
    for packet in packets:
        builder.add_content(OscMessage(packet))
    dgram: bytes = builder.build().dgram
    return dgram


def test_a_bundle_is_done_as_one_or_not_at_all(client: Client, session: StillSession) -> None:
    client.socket.send(bundle(encode(GAIN, -1.0), encode(BASS, "loud"), encode("/restem/reset")))
    assert client.error() == (BASS, "wrong_type")
    assert (session.mixer.get("gain_db", "vocals"), session.resets) == (0.0, 0)
    client.socket.send(bundle(encode(GAIN, -1.0), encode("/restem/reset"), at=time.time() + 0.05))
    until(lambda: session.resets, "its time")
    client.socket.send(bundle(encode(GAIN, -9.0), at=time.time() + 1e6))
    assert client.error() == ("", "too_far")


# Who is let in.


def test_behind_a_passphrase_nothing_is_heard_or_set_before_it_is_sent(
    control: ControlTree, session: StillSession
) -> None:
    with serving(control, passphrase="open") as query, Client(query) as client:
        client.say("LISTEN", GAIN)
        assert client.error() == (GAIN, "auth")
        for packet in (encode(GAIN, -6.0), encode(GAIN), bundle(encode(GAIN, -6.0))):
            client.socket.send(packet)
            assert client.error() == (GAIN, "auth")
        client.send("/restem/auth", "shut")
        client.say("LISTEN", GAIN)
        assert [client.error(), client.error()] == [("/restem/auth", "auth"), (GAIN, "auth")]
        assert session.mixer.get("gain_db", "vocals") == 0.0
        assert query.server.counts.refused == 6
        client.send("/restem/auth", "open")
        client.say("LISTEN", GAIN)
        assert [client.receive(), client.receive()] == [("/restem/auth", 1), (GAIN, 0.0)]


@pytest.mark.parametrize("path", ["/", GAIN, f"{GAIN}?VALUE", "/restem/ping", "/nothing", "/?TAGS"])
def test_behind_a_passphrase_http_tells_of_the_host_alone(control: ControlTree, path: str) -> None:
    with serving(control, passphrase="open") as query:
        status, _, body = ask(query, path)
        assert (status, body.count(b"\n")) == (403, 1)
        assert b"/restem/auth" in body
        assert get(query, "/?HOST_INFO")["NAME"] == "restem"


def test_hosts_that_are_not_allowed_learn_where_it_is_and_nothing_else(
    control: ControlTree,
) -> None:
    told: list[str] = []
    with serving(control, allowed=["192.0.2.0/24"], notify=told.append) as query:
        for _ in range(2):
            status, _, body = ask(query, GAIN)
            assert (status, body.count(b"\n")) == (403, 1)
        with pytest.raises(InvalidStatus) as refusal:
            Client(query).__enter__()
        assert refusal.value.response.status_code == 403
        assert get(query, "/?HOST_INFO")["OSC_PORT"] == query.server.port
        assert query.server.counts.denied == 3
    assert len(told) == 1


def test_a_host_of_ipv4_is_allowed_as_such_by_a_server_of_both(control: ControlTree) -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    with serving(control, "::", allowed=["127.0.0.1"]) as query, Client(query) as client:
        assert client.settled() == []
        assert get(query, GAIN)["VALUE"] == [0.0]


# What it survives.


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("", "malformed"),
        ("LISTEN", "malformed"),
        ("[]", "malformed"),
        ("null", "malformed"),
        ("NaN", "malformed"),
        ("[" * 20000, "malformed"),
        ("9" * 20000, "malformed"),
        ('{"COMMAND": "LISTEN"}', "malformed"),
        ('{"COMMAND": "LISTEN", "DATA": 1}', "malformed"),
        ('{"COMMAND": ["LISTEN"], "DATA": "/restem"}', "malformed"),
        ('{"COMMAND": "PATH_CHANGED", "DATA": "/restem"}', "malformed"),
        ('{"COMMAND": "listen\\n", "DATA": "/restem"}', "malformed"),
        (b"", "malformed"),
        (b"/", "malformed"),
        (b"#bundle\0", "malformed"),
        (encode("/restem/nothing", 1), "unknown_address"),
        (encode("/restem/version", "2"), "read_only"),
        (encode("/restem/panic"), None),
        (encode(GAIN, float("nan")), "wrong_type"),
        (encode(GAIN, 1.0, 2.0), "wrong_count"),
        (encode("/restem/stem/[", 1.0), "malformed"),
    ],
)
def test_nonsense_is_refused_in_one_line(
    client: Client, frame: str | bytes, code: str | None
) -> None:
    client.socket.send(frame)
    found = client.settled()
    assert [packet[2] for packet in found] == ([code] if code else [])
    assert all("\n" not in packet[3] for packet in found)


def test_random_bytes_end_nothing(query: OscQuery, client: Client) -> None:
    generator = random.Random(0)
    packet = encode(GAIN, -6.0)
    for _ in range(200):
        damaged = bytearray(packet if generator.random() < 0.5 else generator.randbytes(40))
        damaged[generator.randrange(len(damaged))] = generator.randrange(256)
        client.socket.send(bytes(damaged))
        client.socket.send(generator.randbytes(20).decode("latin-1"))
    client.settled()
    assert get(query, "/restem/version")["TYPE"] == "s"


@pytest.mark.parametrize("frame", ["x" * (LARGEST_FRAME + 1), b"/" * (LARGEST_FRAME + 1)])
def test_who_sends_too_much_is_let_go_alone(
    client: Client, other: Client, frame: str | bytes
) -> None:
    with suppress(ConnectionClosed):
        client.socket.send(frame)
    with pytest.raises(ConnectionClosed):
        client.until("nothing")
    assert other.settled() == []


def test_bytes_that_are_no_request_end_nothing(query: OscQuery) -> None:
    generator = random.Random(0)
    requests = [generator.randbytes(100) for _ in range(20)]
    requests += [b"", b"GET", b"GET /", b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 5000 + b"\r\n"]
    requests += [b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n", b"GET \xff HTTP/9\r\n\r\n"]
    for request in requests:
        line = socket.create_connection(("127.0.0.1", query.port), PATIENCE_SECONDS)
        with line, suppress(OSError):  # it may have been refused already
            line.sendall(request)
            line.shutdown(socket.SHUT_WR)
            line.recv(1 << 16)
    assert get(query, "/restem/version")["TYPE"] == "s"


def test_no_crowd_locks_out_those_who_are_in(query: OscQuery, client: Client) -> None:
    lines = [
        socket.create_connection(("127.0.0.1", query.port), PATIENCE_SECONDS)
        for _ in range(CONNECTIONS)
    ]
    assert lines[0].recv(1) == b""  # it has asked for nothing for longest
    lines[-1].setblocking(False)
    with pytest.raises(BlockingIOError):  # it is still open
        lines[-1].recv(1)
    assert client.settled() == []
    for line in lines:
        line.close()


def test_connections_that_ask_for_nothing_lock_nobody_out(query: OscQuery) -> None:
    lines = [
        socket.create_connection(("127.0.0.1", query.port), PATIENCE_SECONDS)
        for _ in range(CONNECTIONS)
    ]
    lines[1].sendall(b"GET / HTTP/1.1\r\n")  # half a request
    for _ in range(3):
        assert ask(query, "/restem/version")[0] == 200
    with Client(query) as client:
        assert client.settled() == []
    for line in lines:
        line.close()


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        (b"POST /restem/bypass HTTP/1.1\r\nContent-Length: 3\r\n\r\n[1]", 405),
        (b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", 405),
        (b"GET /restem/version HTTP/1.1\r\nContent-Length: 3\r\n\r\n[1]", 200),
        (b"POST / HTTP/1.1\r\nContent-Length: 300000\r\n\r\n" + bytes(300_000), 405),
        (b"GET /restem/version HTTP/1.1\r\n\r\nGET /restem HTTP/1.1\r\n\r\n", 200),
    ],
)
def test_bodies_and_further_requests_do_not_cost_the_answer(
    query: OscQuery, request_text: bytes, status: int
) -> None:
    with socket.create_connection(("127.0.0.1", query.port), PATIENCE_SECONDS) as line:
        line.sendall(request_text)
        answer = b""
        while part := line.recv(1 << 16):
            answer += part
    head = answer.partition(b"\r\n\r\n")[0].lower()
    assert head.startswith(b"http/1.1 %d " % status)
    assert b"connection: close" in head


def test_a_frame_that_comes_with_the_request_is_obeyed_too(
    query: OscQuery, session: StillSession
) -> None:
    key = b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    request = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    packet = encode(GAIN, -6.0)
    frame = bytes([0x82, 0x80 | len(packet), 0, 0, 0, 0]) + packet
    with socket.create_connection(("127.0.0.1", query.port), PATIENCE_SECONDS) as line:
        line.sendall(request + key + b"\r\n" + frame)
        until(lambda: session.mixer.get("gain_db", "vocals") == -6, "the change")


@pytest.mark.parametrize(
    ("origin", "welcome"),
    [
        (None, True),
        ("http://localhost:5173", True),
        ("http://127.0.0.1", True),
        ("http://192.168.7.7:8000", True),
        ("http://[fe80::1]", True),
        ("http://studio.local", True),
        ("file://", True),
        ("https://example.com", False),
        ("http://8.8.8.8", False),
        ("http://127.0.0.1.example.com", False),
        ("http://[", False),
        ("null", False),
    ],
)
def test_pages_of_the_internet_cannot_open_a_socket(
    query: OscQuery, origin: str | None, welcome: bool
) -> None:
    if welcome:
        with Client(query, origin=origin) as client:
            assert client.settled() == []
    else:
        with pytest.raises(InvalidStatus) as refusal:
            Client(query, origin=origin).__enter__()
        assert refusal.value.response.status_code == 403


def test_closing_says_good_bye_and_waits_for_nobody(
    server: OscServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("restem.bridge.control.osc.query.OPEN_SECONDS", 600.0)
    query = OscQuery(server)
    query.start()
    with Client(query) as client:
        idle = socket.create_connection(("127.0.0.1", query.port), PATIENCE_SECONDS)
        client.settled()
        closing = threading.Thread(target=query.close, daemon=True)
        closing.start()
        with pytest.raises(ConnectionClosed) as end:
            client.receive()
    closing.join(PATIENCE_SECONDS)
    assert not closing.is_alive()
    assert end.value.rcvd is not None
    assert end.value.rcvd.code == 1001
    with suppress(ConnectionResetError):
        assert idle.recv(1) == b""
    idle.close()
    with pytest.raises(OSError, match="refused"):
        ask(query, "/")


def test_an_osc_server_that_ended_first_keeps_nobody_waiting(control: ControlTree) -> None:
    server = OscServer(control, port=0)
    query = OscQuery(server)
    query.start()
    server.start()
    with Client(query) as client:
        client.settled()
        server.close()
        client.say("LISTEN", GAIN)
        client.send(GAIN, -6.0)
        assert get(query, GAIN)["VALUE"] == [0.0]
        closing = threading.Thread(target=query.close, daemon=True)
        closing.start()
        closing.join(PATIENCE_SECONDS)
        assert not closing.is_alive()


def test_what_was_never_started_can_be_closed(server: OscServer) -> None:
    closed = OscQuery(server)
    closed.close()
    with OscQuery(server, port=closed.port) as again:
        assert again.port == closed.port


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda make, taken: make(port=taken), "in use"),
        (lambda make, taken: make(port=70000), "65535"),
        (lambda make, taken: make(host="192.0.2.77"), "192.0.2.77"),
        (lambda make, taken: make(host="no.such.host.invalid"), "no.such.host.invalid"),
        (lambda make, taken: make(host="a" * 70), "aaaa"),
    ],
)
def test_an_address_that_cannot_be_is_refused_in_one_line(
    server: OscServer, make: Callable[..., Any], why: str
) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(ValueError, match=why) as refusal,
    ):
        make(partial(OscQuery, server), taken.getsockname()[1])
    assert str(refusal.value).startswith("OSCQuery: ")
    assert "\n" not in str(refusal.value)


# Who else reads it.


def test_python_oscquery_finds_the_tree_and_reads_values(
    query: OscQuery, control: ControlTree
) -> None:
    zeroconf = pytest.importorskip("zeroconf", reason="needs zeroconf")
    oscquery = pytest.importorskip(
        "pythonoscquery.osc_query_client", reason="needs python-oscquery"
    )
    kind = "_oscjson._tcp.local."
    service = zeroconf.ServiceInfo(
        kind, f"restem.{kind}", query.port, parsed_addresses=["127.0.0.1"]
    )
    reader = oscquery.OSCQueryClient(service)
    host = reader.get_host_info()
    assert (host.name, host.osc_ip, host.osc_port) == ("restem", "127.0.0.1", query.server.port)
    control.write(control.nodes[GAIN], (-6.5,))
    tree = {node.full_path: node for node in reader.query_node("/")}
    assert set(control.nodes) <= set(tree)
    assert (tree[GAIN].value, int(tree[GAIN].access)) == ([-6.5], 3)
    assert tree[GAIN].description == control.nodes[GAIN].description
    assert reader.query_node("/restem/stems").value == [*STEMS, "residual"]
    assert reader.query_node("/restem/nothing") is None


def found_by_mdns(zeroconf: Any, kind: str, name: str) -> Any:
    """What is announced under a name, or None."""
    browser = zeroconf.Zeroconf(interfaces=["127.0.0.1"])
    try:
        return browser.get_service_info(kind, f"{name}.{kind}", timeout=3000)
    finally:
        browser.close()


@pytest.fixture
def mdns() -> Any:
    """The zeroconf package, where multicast goes round."""
    zeroconf = pytest.importorskip("zeroconf", reason="needs zeroconf")
    kind = "_restem._tcp.local."
    try:
        speaker = zeroconf.Zeroconf(interfaces=["127.0.0.1"])
    except OSError as error:
        pytest.skip(f"no multicast here: {error}")
    try:
        here = zeroconf.ServiceInfo(
            kind, f"here.{kind}", 1, parsed_addresses=["127.0.0.1"], server="restem-here.local."
        )
        speaker.register_service(here, cooperating_responders=True)
        if found_by_mdns(zeroconf, kind, "here") is None:
            pytest.skip("no multicast here")
    finally:
        speaker.close()
    return zeroconf


def test_mdns_finds_what_is_announced_until_it_is_closed(server: OscServer, mdns: Any) -> None:
    name, told = f"restem test {random.SystemRandom().randrange(1 << 32)}", list[str]()
    make = partial(OscQuery, server, name=name, announce=True, notify=told.append)
    with make() as first:
        found = until(lambda: found_by_mdns(mdns, "_oscjson._tcp.local.", name), "OSCQuery")
        assert (found.port, found.parsed_addresses()) == (first.port, ["127.0.0.1"])
        found = until(lambda: found_by_mdns(mdns, "_osc._udp.local.", name), "OSC")
        assert (found.port, found.parsed_addresses()) == (server.port, ["127.0.0.1"])
        with make() as second:
            until(lambda: second.name != name, "another name")
            assert get(second, "/?HOST_INFO")["NAME"] == second.name == f"{name}-2"
            found = found_by_mdns(mdns, "_osc._udp.local.", second.name)
            assert found.port == server.port
    assert found_by_mdns(mdns, "_oscjson._tcp.local.", name) is None
    assert told == []


def test_what_is_closed_before_it_is_announced_leaves_quietly_with_its_sockets(
    server: OscServer,
) -> None:
    told: list[str] = []
    for _ in range(20):
        query = OscQuery(server, announce=True, notify=told.append)
        query.start()
        query.close()
    gc.collect()  # warns of sockets left open, which fails a test
    assert told == []


def test_without_zeroconf_all_goes_on_unannounced(
    server: OscServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "zeroconf.asyncio", None)
    told: list[str] = []
    with OscQuery(server, announce=True, notify=told.append) as query:
        until(lambda: told, "a line")
        assert "pip install zeroconf" in told[0]
        assert get(query, "/restem/version")["TYPE"] == "s"


def test_a_network_that_refuses_is_told_in_one_line(
    server: OscServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    aio = pytest.importorskip("zeroconf.asyncio", reason="needs zeroconf")

    def refuse(**_: Any) -> None:
        raise OSError(101, "Network\nis unreachable")

    monkeypatch.setattr(aio, "AsyncZeroconf", refuse)
    told: list[str] = []
    with OscQuery(server, announce=True, notify=told.append) as query:
        until(lambda: told, "a line")
        assert told == ["OSCQuery is not announced: [Errno 101] Network is unreachable"]
        assert get(query, "/restem/version")["TYPE"] == "s"


def test_zeroconf_is_imported_only_to_announce(query: OscQuery) -> None:
    del query
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "zeroconf", None)
        patch.setitem(sys.modules, "ifaddr", None)
        with serving(ControlTree(StillSession()), "0.0.0.0") as other:
            assert get(other, "/?HOST_INFO")["OSC_IP"] == "127.0.0.1"
