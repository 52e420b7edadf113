"""HTTP as OSCQuery's clients speak it: answers, whose pages may ask, a connection's first bytes."""

import asyncio
import ipaddress
import json
import re
from contextlib import suppress
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Response
from websockets.protocol import State

from restem.bridge.control.osc.peers import Peer, plain_address

CONNECTIONS = 64  # at a time, of both kinds
BACKLOG = 1 << 18  # bytes that a client may be behind
LONGEST_HEAD = 1 << 17  # bytes; longer ones are refused line by line
BODY = re.compile(rb"\r\n(?:content-length|transfer-encoding|expect):[^\r\n]*", re.IGNORECASE)


def response(status: HTTPStatus, body: str, kind: str = "text/plain; charset=utf-8") -> Response:
    """An answer that ends its connection."""
    content = body.encode()
    headers = Headers({"Connection": "close", "Cache-Control": "no-store"})
    if status != HTTPStatus.NO_CONTENT:
        headers.update({"Content-Type": kind, "Content-Length": str(len(content))})
    return Response(status.value, status.phrase, headers, content)


def json_response(content: dict[str, Any]) -> Response:
    return response(HTTPStatus.OK, json.dumps(content), "application/json")


def is_near(origin: str) -> bool:
    """True if a page is a file, or comes from this machine or its network.

    A socket can set values, and browsers let any page of the Internet open one.
    """
    try:
        host = urlsplit(origin).hostname or ""
    except ValueError:
        return False
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_private
    return "://" in origin and is_near_name(host)


def is_near_name(host: str) -> bool:
    """True for names of this machine or its network, which nobody else can give away."""
    return "." not in host or host.endswith((".local", ".localhost"))


def is_ours(host: str) -> bool:
    """True if a request's Host may be this server: an address, or a name that is near.

    Any other name may be one of the Internet that was made to lead here (DNS rebinding).
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    with suppress(ValueError):
        return bool(ipaddress.ip_address(name))
    return is_near_name(name.rstrip("."))


class Connection(ServerConnection):
    """A connection, and its client as the OSC server sees it.

    Args:
        opened: where it is found while it is open.
    """

    def __init__(self, opened: set["Connection"], *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._opened = opened
        self._first = bytearray()  # bytes that are not handed on yet
        self._has_asked = False
        self._packets: asyncio.Queue[bytes | str] = asyncio.Queue()
        self.has_entered = False  # with a WebSocket
        self._taken = self._sent = 0  # bytes; each is counted by one thread alone

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        host = str(plain_address(self.remote_address[0]))
        # A browser's page or not is known once it has asked to enter.
        name = f"ws {host}:{self.remote_address[1]}"
        self.client = Peer(name, host, self.deliver, is_page=True)
        self._began = self.loop.time()
        self._opened.add(self)
        if len(self._opened) > CONNECTIONS:
            self._make_room()

    def _make_room(self) -> None:
        """End the connection that has been open for longest without asking for anything."""
        idle = [each for each in self._opened if not each._has_asked and each is not self]
        last = min(idle, key=lambda each: each._began, default=self)
        self._opened.discard(last)
        last.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Hand on the request, without its body, and what is behind it once it is answered.

        Further requests are not answered: each answer says that it ends the connection.
        """
        self._first += data
        if not self._has_asked:
            head, end, rest = self._first.partition(b"\r\n\r\n")
            if not end and len(head) <= LONGEST_HEAD:
                return
            self._has_asked, self._first = True, rest
            super().data_received(BODY.sub(b"", head) + end)
        elif self.state is not State.CONNECTING or self.response is not None:
            received, self._first = bytes(self._first), bytearray()
            super().data_received(received)

    def eof_received(self) -> None:
        if not self._has_asked:  # not even a whole request
            super().data_received(bytes(self._first))
        super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._opened.discard(self)

    def deliver(self, packet: bytes | str, _: int | None) -> bool:
        """Queue a packet to be sent, unless too much waits already; in the OSC server's thread."""
        if self._taken - self._sent > BACKLOG:
            return False
        try:
            self.loop.call_soon_threadsafe(self._packets.put_nowait, packet)
        except RuntimeError:  # the loop has ended
            return False
        self._taken += len(packet)
        return True

    async def send_packets(self) -> None:
        """Send what is delivered, as fast as the client takes it."""
        with suppress(ConnectionClosed):
            while True:
                packet = await self._packets.get()
                await self.send(packet)
                self._sent += len(packet)
