"""A client of the OSC server, and the two small tools that are made of it."""

import base64
import itertools
import json
import math
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TextIO

from restem.bridge.control.addresses import ROOT, Arg
from restem.bridge.control.osc.codec import Framing, Message, PacketError, decode, encode
from restem.bridge.control.osc.server import HOST, PORT

ANSWER_SECONDS = 2.0  # in which a server that is there answers
DONE_SECONDS = 120.0  # in which it has done what it was asked for
LEASE_SECONDS = 10.0
SEND_BUFFER = 4 << 20
Form = Callable[[Message], str]


class OscClient:
    """Sends messages to a server and receives what it sends, over UDP or TCP.

    Raises:
        ValueError: there is no such host, or, over TCP, nobody listens; one line.
    """

    def __init__(
        self,
        port: int = PORT,
        host: str = HOST,
        tcp: bool = False,
        slip: bool = True,
        timeout: float = ANSWER_SECONDS,
    ) -> None:
        kind = socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM
        self.target: Any
        try:
            family, _, _, _, self.target = socket.getaddrinfo(host, port, type=kind)[0]
            self.socket = socket.socket(family, kind)
            self.socket.settimeout(timeout)
            if tcp:
                self.socket.connect(self.target)
            else:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SEND_BUFFER)
        except OSError as error:
            raise ValueError(f"{host}, port {port}: {error.strerror or error}") from error
        self._framing: Framing | None = Framing() if tcp else None
        if self._framing:
            self._framing.slip = slip
        self._received: list[Message] = []
        self._numbers = itertools.count(1)

    def send(self, address: str, *args: Arg) -> None:
        self.send_packet(encode(address, *args))

    def send_packet(self, packet: bytes) -> None:
        if self._framing:
            self.socket.sendall(self._framing.frame(packet))
        else:
            self.socket.sendto(packet, self.target)

    def receive(self) -> Message:
        """The next message.

        Raises:
            TimeoutError: none came in time.
            EOFError: the connection was closed.
        """
        while not self._received:
            packet = self.socket.recv(1 << 16)
            if self._framing is None:
                self._keep(packet)
            elif not packet:
                raise EOFError
            else:
                for part in self._framing.feed(packet):
                    self._keep(part)
        return self._received.pop(0)

    def _keep(self, packet: bytes) -> None:
        for bundle in decode(packet):
            self._received += bundle.messages

    def until(self, address: str, *args: Any) -> list[Message]:
        """All that comes up to a message, with these arguments first if any are given."""
        messages = [self.receive()]
        while messages[-1].address != address or messages[-1].args[: len(args)] != args:
            messages.append(self.receive())
        return messages

    def settled(self) -> list[Message]:
        """All that comes until the server has done everything that was sent so far."""
        number = next(self._numbers)
        self.send(f"{ROOT}/sync", number)
        return self.until(f"{ROOT}/synced", number)[:-1]

    def ask(self, address: str, *args: Arg) -> list[Message]:
        """Send a message; what comes until it is done."""
        self.send(address, *args)
        return self.settled()

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> "OscClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def parse_args(texts: Sequence[str], types: str | None = None) -> list[Arg]:
    """Words of a command line as arguments: numbers where they look like it, or as `types` say.

    >>> parse_args(["1", "-6.5", "vocals"])
    [1, -6.5, 'vocals']
    >>> parse_args(["1", "2"], "fs")
    [1.0, '2']

    Raises:
        ValueError: a word does not fit its type.
    """
    if types is None:
        return [_guess(text) for text in texts]
    kinds = {"i": int, "f": float, "s": str}
    if len(types) != len(texts) or not set(types) <= set(kinds):
        raise ValueError(f"types: expected {len(texts)} of i, f and s, got '{types}'")
    try:
        return [kinds[tag](text) for tag, text in zip(types, texts, strict=True)]
    except ValueError as error:
        raise ValueError(f"types: {error}") from error


def _guess(text: str) -> Arg:
    for kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            continue
        return text if math.isnan(number) else number
    return text


def authorise(client: OscClient, passphrase: str) -> None:
    """Say the passphrase.

    Raises:
        ValueError: it is another one, or nobody answers.
    """
    try:
        client.send(f"{ROOT}/auth", passphrase)
        answer = client.receive()
    except (TimeoutError, OSError, EOFError) as error:
        raise ValueError(_nobody(client)) from error
    if answer.address == f"{ROOT}/error":
        raise ValueError(str(answer.args[-1]))


def send(
    client: OscClient, address: str, args: Sequence[Arg], out: TextIO, form: Form | None = None
) -> bool:
    """Send a message and print what comes back, in lines of a form; whether it was not refused.

    Raises:
        ValueError: nobody answers.
    """
    try:
        client.send(f"{ROOT}/ping")
        client.until(f"{ROOT}/pong")
        client.socket.settimeout(DONE_SECONDS)  # some commands take long
        answers = client.ask(address, *args)
    except (TimeoutError, OSError, EOFError) as error:
        raise ValueError(_nobody(client)) from error
    for message in answers:
        print((form or as_text)(message), file=out)
    errors = [message.args[1] for message in answers if message.address == f"{ROOT}/error"]
    return all(code == "clipped" for code in errors)


def monitor(
    client: OscClient, pattern: str, rate_hz: float, out: TextIO, form: Form | None = None
) -> None:
    """Print what a pattern means as it changes, until Ctrl-C.

    Raises:
        ValueError: nobody answers, or there is no such address.
    """
    try:
        answers = client.ask(f"{ROOT}/subscribe", pattern, rate_hz, LEASE_SECONDS)
    except (TimeoutError, OSError, EOFError) as error:
        raise ValueError(_nobody(client)) from error
    if answers and answers[0].address == f"{ROOT}/error":
        raise ValueError(str(answers[0].args[-1]))
    renewed = time.monotonic()
    for message in itertools.chain(answers, _received(client)):
        if message and message.args[:2] == (f"{ROOT}/renew", "no_subscription"):
            client.send(f"{ROOT}/subscribe", pattern, rate_hz, LEASE_SECONDS)  # it began anew
        elif message and message.address not in (f"{ROOT}/renew", f"{ROOT}/subscribe"):
            print((form or as_text)(message), file=out, flush=True)
        if time.monotonic() - renewed > LEASE_SECONDS / 3:
            renewed = time.monotonic()
            client.send(f"{ROOT}/renew")


def listen(port: int, host: str, out: TextIO, form: Form | None = None) -> None:
    """Print whatever comes to a UDP port, until Ctrl-C.

    Raises:
        ValueError: the port is taken.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind((host, port))
        except OSError as error:
            raise ValueError(f"port {port} of {host}: {error.strerror}") from error
        while True:
            packet, sender = sock.recvfrom(1 << 16)
            try:
                bundles = decode(packet)
            except PacketError as error:
                print(f"{sender[0]}:{sender[1]}: {len(packet)} bytes: {error}", file=sys.stderr)
                continue
            for bundle in bundles:
                for message in bundle.messages:
                    line = form(message) if form else f"{sender[0]}:{sender[1]} {as_text(message)}"
                    print(line, file=out, flush=True)


def _received(client: OscClient) -> Iterator[Message | None]:
    """Messages as they come, None while none does."""
    while True:
        try:
            yield client.receive()
        except TimeoutError:
            yield None
        except (OSError, EOFError) as error:
            raise ValueError("the server closed the connection") from error


def _nobody(client: OscClient) -> str:
    host, port = client.target[:2]
    return f"nobody answers at {host}, port {port}; is restem live running there?"


def as_json(message: Message) -> str:
    """A message as a line of JSON: blobs in base 64, null for what is no number.

    >>> as_json(Message("/restem/meters/bass", (-3.5, 1, "x")))
    '{"address": "/restem/meters/bass", "args": [-3.5, 1, "x"]}'
    """
    args = [
        base64.b64encode(arg).decode()
        if isinstance(arg, bytes)
        else None
        if isinstance(arg, float) and not math.isfinite(arg)
        else arg
        for arg in message.args
    ]
    return json.dumps({"address": message.address, "args": args}, ensure_ascii=False)


def as_text(message: Message) -> str:
    """A message in one line.

    >>> as_text(Message("/restem/meters/bass", (-3.05, 1, "x y", b"abc")))
    "/restem/meters/bass -3.05 1 'x y' <3 bytes>"
    """
    words = [
        f"<{len(arg)} bytes>"
        if isinstance(arg, bytes)
        else f"{arg:.6g}"
        if isinstance(arg, float)
        else repr(arg)
        if arg is None or (isinstance(arg, str) and (not arg or " " in arg))
        else str(arg)
        for arg in message.args
    ]
    return " ".join((message.address, *words))
