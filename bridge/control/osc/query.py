"""OSCQuery: the tree as JSON over HTTP, its values over WebSockets, found by mDNS.

    GET /restem/bypass?TYPE ─────────────────────► {"TYPE": "i"}
    {"COMMAND": "LISTEN", "DATA": an address} ─┐
    OSC packets ───────────────────────────────┴─► OscServer, as from any other client of it
    OSC packets ◄──────────────────────────────────┘

One thread with an event loop does it all. The proposal: https://github.com/Vidvox/OSCQueryProposal
"""

import asyncio
import ipaddress
import json
import math
import socket
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.protocol import State

from restem.bridge.control.addresses import Arg, Args
from restem.bridge.control.node import READ, Node, RefusalError
from restem.bridge.control.osc.peers import Peer, plain_address, shortened
from restem.bridge.control.osc.query_http import (
    Connection,
    is_near,
    is_ours,
    json_response,
    response,
)
from restem.bridge.control.osc.server import OscServer
from restem.models.errors import one_line

LISTEN_HZ = 30.0  # at which values that are listened to are looked at
LARGEST_FRAME = 1 << 16  # bytes that come in
OPEN_SECONDS, CLOSE_SECONDS = 10.0, 1.0  # that a client may take

OPTIONAL = ("ACCESS", "VALUE", "RANGE", "DESCRIPTION", "UNIT", "CLIPMODE")
ATTRIBUTES = ("FULL_PATH", "CONTENTS", "TYPE", *OPTIONAL)
EXTENSIONS = dict.fromkeys(
    (*OPTIONAL, "LISTEN", "IGNORE", "PATH_CHANGED"), True
)  # others are not supported
UNITS = {"dB": "gain.db", "dBFS": "gain.db", "ms": "time.ms", "s": "time.second"}  # units.md


class Tree:
    """OSCQuery's JSON description of the address tree."""

    def __init__(self, nodes: Mapping[str, Node]) -> None:
        self._nodes = nodes
        self.below: dict[str, dict[str, str]] = {"/": {}}  # of each path: names, and their paths
        for address in nodes:
            above = "/"
            for part in address.strip("/").split("/"):
                path = f"{above.rstrip('/')}/{part}"
                self.below[above][part] = path
                self.below.setdefault(path, {})
                above = path

    def leaves(self, path: str) -> list[Node]:
        """The nodes at a path or below it that have none below themselves."""
        branch = f"{path.rstrip('/')}/"
        ends = (node for address, node in self._nodes.items() if not self.below[address])
        return [node for node in ends if f"{node.address}/".startswith(branch)]

    def described(self, path: str, values: Mapping[str, Args]) -> dict[str, Any]:
        """A path's attributes, and those of all below it.

        OSC knows no method that contains others, and clients refuse one: a node with nodes below
        it is described by them alone.
        """
        node = self._nodes.get(path)
        found: dict[str, Any] = {"FULL_PATH": path, "ACCESS": 0}
        if node is not None:
            found["DESCRIPTION"] = node.description
        if node is None or self.below[path]:
            inner = {name: self.described(p, values) for name, p in self.below[path].items()}
            return found | {"CONTENTS": inner}
        tags = node.types or "N"  # a button: nothing is its value
        if tags.endswith("*"):
            tags = tags[0] * len(values.get(path, "*"))
        value = values.get(path, (None,) * len(tags))
        found |= {"ACCESS": node.access, "TYPE": tags, "VALUE": [as_json(arg) for arg in value]}
        limits = [limits_of(node, tag) for tag in tags]
        if any(limits):
            found["RANGE"] = limits
        if node.unit:
            found["UNIT"] = [UNITS.get(node.unit, node.unit)] * len(tags)
        if node.parameter is not None:
            found["CLIPMODE"] = ["both"] * len(tags)
        return found


def limits_of(node: Node, tag: str) -> dict[str, Any]:
    """Range or choices of a node's value."""
    if node.choices is not None:
        return {"VALS": list(node.choices())}
    number = int if tag == "i" else float
    ends = {"MIN": node.low, "MAX": node.high}
    return {name: number(end) for name, end in ends.items() if end is not None}


def as_json(arg: Arg) -> Arg:
    """A value as JSON can say it; what it cannot is null."""
    unsayable = isinstance(arg, bytes) or (isinstance(arg, float) and not math.isfinite(arg))
    return None if unsayable else arg


class OscQuery:
    """Serves the tree of an OSC server to OSCQuery clients until it is closed; before the server.

    Args:
        server: what clients with a WebSocket are clients of; its passphrase and the hosts that it
            allows hold here, too.
        host: an address of this machine; 127.0.0.1 is heard by this machine alone.
        port: of HTTP and WebSockets both; 0 for any that is free, see `port`.
        announce: whether mDNS tells the network of it and of the OSC server.
        name: what clients see; announced with a number behind it, if it is taken.
        notify: gets a line about what concerns the user.

    Raises:
        ValueError: the address is none, or none of this machine, or the port is taken.
    """

    def __init__(
        self,
        server: OscServer,
        host: str = "127.0.0.1",
        port: int = 0,
        announce: bool = False,
        name: str = "restem",
        notify: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.server, self.control, self.name = server, server.control, name
        self._announced, self._notify = announce, notify
        self._socket, self._osc_ip = listen(host, port), resolve(server.host)
        self._ip: str = self._socket.getsockname()[0]
        self.port: int = self._socket.getsockname()[1]
        self._tree = Tree(dict(self.control.nodes))
        self._numbered = Tree(self.control.numbered)  # the strips again, listed only if asked for
        self._opened: set[Connection] = set()
        self._started = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve()), name="restem oscquery", daemon=True
        )

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def say_changed(self, path: str) -> None:
        """Tell clients with a WebSocket to read a path and all below it anew; from any thread."""
        text = json.dumps({"COMMAND": "PATH_CHANGED", "DATA": path})

        def announce_change() -> None:
            for connection in list(self._opened):
                if connection.has_entered:
                    connection.deliver(text, None)

        self.server.post(announce_change)

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._started.set()
        server = await serve(
            self._converse,
            sock=self._socket,
            create_connection=partial(Connection, self._opened),  # type: ignore[arg-type]
            process_request=self._answer,
            compression=None,
            max_size=LARGEST_FRAME,
            open_timeout=OPEN_SECONDS,
            close_timeout=CLOSE_SECONDS,
            server_header=None,
        )
        announcing = asyncio.create_task(self._announce())
        await self._stop.wait()
        server.close()
        for connection in list(self._opened):
            if connection.state is not State.OPEN:
                connection.transport.abort()  # it has not even asked
        with suppress(asyncio.TimeoutError):  # somebody waits for an OSC server that has ended
            await asyncio.wait_for(server.wait_closed(), 2 * CLOSE_SECONDS)
        await announcing

    # What is asked over HTTP.

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answer a request; None if it opens a WebSocket."""
        assert isinstance(connection, Connection)
        origins = request.headers.get_all("Origin")
        if request.method not in ("GET", "HEAD"):
            answer = response(HTTPStatus.METHOD_NOT_ALLOWED, "only GET and HEAD\n")
            answer.headers["Allow"] = "GET, HEAD"
            return answer
        if not all(map(is_ours, request.headers.get_all("Host"))):
            return response(HTTPStatus.FORBIDDEN, "ask by an address or a name of the network\n")
        try:
            if "websocket" in ",".join(request.headers.get_all("Upgrade")).lower():
                self._check_host(connection.client)
                if all(map(is_near, origins)):
                    connection.client.is_page = bool(origins)
                    return None
                raise RefusalError("origin", "only pages of this machine or its network may enter")
            answer = self._get(connection, request.path)
        except RefusalError as error:
            other = ", over OSC or a WebSocket: HTTP takes none" if error.code == "auth" else ""
            answer = response(HTTPStatus.FORBIDDEN, f"{error}{other}\n")
        except Exception as error:  # of somebody's node
            answer = response(HTTPStatus.INTERNAL_SERVER_ERROR, f"{shortened(str(error))}\n")
        if origins and all(map(is_near, origins)):  # others' pages may not read paths and names
            answer.headers["Access-Control-Allow-Origin"] = origins[0]
        return replace(answer, body=b"") if request.method == "HEAD" else answer

    def _check_host(self, client: Peer) -> None:
        if not self.server.may_talk(client.host):
            raise RefusalError("host", f"{client.host} is not among the hosts that are allowed")

    def _get(self, connection: Connection, target: str) -> Response:
        path, _, query = target.partition("#")[0].partition("?")
        asked = [unquote(item.partition("=")[0]) for item in query.split("&") if item]
        if "HOST_INFO" in asked:  # of any path
            return json_response(self._host_info(connection))
        path = f"/{unquote(path).strip('/')}"
        self._check_host(connection.client)
        self.server.check_let_in(connection.client, "")
        tree = self._tree if path in self._tree.below else self._numbered
        if path not in tree.below:
            return response(HTTPStatus.NOT_FOUND, f"there is no {shortened(path)}\n")
        unknown = [name for name in asked if name not in ATTRIBUTES]
        if unknown:
            text = f"{shortened(unknown[0])} is no attribute; expected {', '.join(ATTRIBUTES)}\n"
            return response(HTTPStatus.BAD_REQUEST, text)
        wanted = not asked or not {"VALUE", "CONTENTS"}.isdisjoint(asked)
        values = self._read(tree.leaves(path)) if wanted else {}
        attributes = tree.described(path, values)
        if not asked:
            return json_response(attributes)
        if not attributes["ACCESS"] & READ:
            attributes.pop("VALUE", None)
        attributes = {name: attributes[name] for name in asked if name in attributes}
        return json_response(attributes) if attributes else response(HTTPStatus.NO_CONTENT, "")

    def _host_info(self, connection: ServerConnection) -> dict[str, Any]:
        local = connection.local_address[0]  # the client reached it
        return {
            "NAME": self.name,
            "EXTENSIONS": EXTENSIONS,
            "OSC_IP": reachable(self._osc_ip, local),
            "OSC_PORT": self.server.port,
            "OSC_TRANSPORT": "UDP",
            "WS_IP": reachable(self._ip, local),
            "WS_PORT": self.port,
        }

    def _read(self, nodes: Iterable[Node]) -> dict[str, Args]:
        """The values of those that have one and can be read now."""
        try:
            return self.control.read_all(nodes)
        except Exception:  # of somebody's node; the others are read without it
            found: dict[str, Args] = {}
            for node in nodes:
                with suppress(Exception):
                    found |= self.control.read_all([node])
            return found

    # What is said over WebSockets.

    async def _converse(self, connection: ServerConnection) -> None:
        assert isinstance(connection, Connection)
        client = connection.client
        self.server.join(client)
        connection.has_entered = True
        connection.data_received(b"")  # which came with the request
        sending = asyncio.create_task(connection.send_packets())
        try:
            with suppress(ConnectionClosed):
                async for message in connection:
                    if isinstance(message, bytes):
                        self.server.receive(client, message)
                    else:
                        await self._obey_in_turn(client, message)
        finally:
            sending.cancel()
            self.server.leave(client)

    async def _obey_in_turn(self, client: Peer, text: str) -> None:
        """Dispatch a text frame once the packets before it have been."""

        def take_turn() -> None:
            if turn.set_running_or_notify_cancel():
                if is_due := not client.waiting:
                    self._handle_command(client, text)
                turn.set_result(is_due)

        is_done = False
        while not is_done:
            turn: Future[bool] = Future()
            self.server.post(take_turn)
            is_done = await asyncio.wrap_future(turn)

    def _handle_command(self, client: Peer, text: str) -> None:
        """LISTEN or IGNORE; in the OSC server's thread, which nothing may end."""
        address = ""
        try:
            command, address = parse_command(text)
            client.subscriptions.pop((address, None), None)
            if command == "LISTEN":
                self.server.check_let_in(client, address)
                self.server.subscribe(client, self.server.subscription(address, LISTEN_HZ))
        except Exception as error:  # a refusal, or of somebody's node
            client.subscriptions.pop((address, None), None)
            self.server.counts.refused += 1
            client.send_error(address, getattr(error, "code", "failed"), str(error))

    # Who finds it.

    async def _announce(self) -> None:
        """Announce this over mDNS, and the OSC server if it is reached in the same way."""
        if not self._announced:
            return
        try:
            from zeroconf import ServiceInfo
            from zeroconf.asyncio import AsyncZeroconf
        except ImportError:
            self._notify("OSCQuery is not announced: that needs zeroconf (pip install zeroconf)")
            return
        services = [("_oscjson._tcp.local.", self._ip, self.port)]
        if is_loopback(self._osc_ip) == is_loopback(self._ip):
            services.append(("_osc._udp.local.", self._osc_ip, self.server.port))
        machine = "".join(c if c.isascii() and c.isalnum() else "-" for c in socket.gethostname())
        infos = [
            ServiceInfo(
                kind,
                f"{self.name}.{kind}",
                port,
                properties={"txtvers": "1"},
                server=f"restem-{machine}-{self.port}.local.",
                parsed_addresses=addresses_of(ip),
            )
            for kind, ip, port in services
        ]
        # mDNS cannot be spoken from ::1.
        interfaces = ["127.0.0.1"] if is_loopback(self._ip) else addresses_of(self._ip)
        try:
            async with AsyncZeroconf(interfaces=interfaces) as zeroconf:
                # Its sockets stay open if the task that closes it was cancelled: cancel another.
                registering = asyncio.create_task(register(zeroconf, infos))
                stopping = asyncio.create_task(self._stop.wait())
                tasks = registering, stopping
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                if registering.done():
                    registering.result()
                    self.name = infos[0].get_name()
                    await stopping
                registering.cancel()
        except Exception as error:
            reason = one_line(error)
            self._notify(f"OSCQuery is not announced: {reason}")

    def close(self) -> None:
        """Say good-bye to clients and to the network."""
        if self._thread.ident is not None:
            self._started.wait()
            with suppress(RuntimeError):  # it has ended already
                self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()
        self._socket.close()

    def __enter__(self) -> "OscQuery":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


async def register(zeroconf: Any, services: Sequence[Any]) -> None:
    """Find each service a name that is free, and say it as often as mDNS wants."""
    sent = (zeroconf.async_register_service(s, allow_name_change=True) for s in services)
    await asyncio.gather(*await asyncio.gather(*sent))


def parse_command(text: str) -> tuple[str, str]:
    """The command and the address of a text frame.

    Raises:
        RefusalError: it is no such thing.
    """
    try:
        said = json.loads(text)
        command, address = said["COMMAND"], said["DATA"]
    except (ValueError, TypeError, KeyError, RecursionError):
        command = address = None
    if command not in ("LISTEN", "IGNORE") or not isinstance(address, str):
        expected = '{"COMMAND": "LISTEN" or "IGNORE", "DATA": an address}'
        raise RefusalError("malformed", f"expected {expected}, got {text[:80]}")
    return command, address


def resolve(host: str) -> str:
    return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])


def listen(host: str, port: int) -> socket.socket:
    """A socket that clients can connect to.

    Raises:
        ValueError: the port is taken or none, or the address is none of this machine.
    """
    if not 0 <= port <= 65535:
        raise ValueError(f"OSCQuery: port must be in [0, 65535], got {port}")
    try:
        ip = resolve(host)
        family = socket.AF_INET6 if ":" in ip else socket.AF_INET
        both = ip == "::" and socket.has_dualstack_ipv6()
        return socket.create_server((ip, port), family=family, dualstack_ipv6=both)
    except (OSError, UnicodeError) as error:
        why = f"port {port} of {host}: {getattr(error, 'strerror', error)}"
        raise ValueError(f"OSCQuery: {why}; take another one") from error


def reachable(ip: str, local: str) -> str:
    """Address of a service bound to `ip`, for a client that is connected to `local`."""
    return str(plain_address(local)) if ipaddress.ip_address(ip).is_unspecified else ip


def is_loopback(ip: str) -> bool:
    return ipaddress.ip_address(ip).is_loopback


def addresses_of(ip: str) -> list[str]:
    """Addresses of a service bound to `ip`; those of IPv4, if it is bound to all."""
    if not ipaddress.ip_address(ip).is_unspecified:
        return [ip]
    import ifaddr  # zeroconf needs it too

    found = [str(e.ip) for adapter in ifaddr.get_adapters() for e in adapter.ips if e.is_IPv4]
    return [address for address in found if not is_loopback(address)] or ["127.0.0.1"]
