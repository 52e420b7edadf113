"""OSC on the wire: packets to messages and back (OSC 1.0, and the types of 1.1), frames on TCP.

python-osc reads and writes messages; what it would misread or loop over is refused before.
"""

import math
import struct
import time as clock
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pythonosc import slip
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message import ParseError as _ParseError
from pythonosc.osc_message_builder import OscMessageBuilder

from restem.bridge.control.addresses import LONGEST_ADDRESS, Arg, Args
from restem.models.errors import one_line

LARGEST_PACKET = 1 << 20  # bytes, on TCP; UDP ends at 65,507 by itself
LARGEST_DATAGRAM = 65_507  # bytes
LARGEST_SENT = 1400  # bytes that go through any network in one piece
DEEPEST = 8  # bundles in bundles
NTP_EPOCH = 2208988800  # seconds from 1900 to 1970
ERA = 1 << 32  # seconds
IMMEDIATELY = 1  # the time tag; 0 is what some send
BUNDLE = b"#bundle\x00"
TAGS = frozenset(b"ifhdTFNsb[]IScrm")
READ_AS = bytes.maketrans(b"IScrm", b"Tsiii")  # types of the same size that python-osc lacks
FLOAT_MAX = 3.4028234663852886e38
_INT32 = range(-(1 << 31), 1 << 31)


class PacketError(ValueError):
    """Bytes that are no OSC packet; one line."""


@dataclass(frozen=True)
class Message:
    """An address, or a pattern of addresses, and what it was given."""

    address: str
    args: Args = ()


@dataclass(frozen=True)
class Bundle:
    """Messages that belong to one moment.

    `time` is in seconds since 1970, None for at once. A packet of one message is such a bundle.
    """

    messages: tuple[Message, ...]
    time: float | None = None


def decode(packet: bytes) -> list[Bundle]:
    """The bundles of a packet, bundles in it that have their outer one's time as part of that.

    Raises:
        PacketError: it is none; all of it is refused.
    """
    found: dict[float | None, list[Message]] = {}
    for time, message in _messages(packet, None, 0):
        found.setdefault(time, []).append(message)
    return [Bundle(tuple(messages), time) for time, messages in found.items()]


def _messages(
    packet: bytes, time: float | None, depth: int
) -> Iterator[tuple[float | None, Message]]:
    """Times and messages, in the order in which they stand."""
    if not packet.startswith(BUNDLE):
        yield time, _message(packet)
        return
    if depth == DEEPEST:
        raise PacketError(f"bundles in bundles, more than {DEEPEST} deep")
    if len(packet) < 16:
        raise PacketError("a bundle without a time tag")
    tag: int = struct.unpack_from(">Q", packet, 8)[0]
    if tag > IMMEDIATELY:
        time = nearest_era(tag / (1 << 32) - NTP_EPOCH)
    at = 16
    while at < len(packet):
        if at + 4 > len(packet):
            raise PacketError("a bundle that ends within a size")
        size: int = struct.unpack_from(">i", packet, at)[0]
        at += 4
        if size <= 0 or size % 4 or at + size > len(packet):
            raise PacketError(f"a bundle with a part of {size} bytes where {len(packet) - at} are")
        yield from _messages(packet[at : at + size], time, depth + 1)
        at += size


def nearest_era(seconds: float) -> float:
    """A time of NTP's first era, or that of another one which is nearest to now: each lasts for
    2³² seconds, the first until 2036."""
    return seconds + round((clock.time() - seconds) / ERA) * ERA


def _message(packet: bytes) -> Message:
    if not packet.startswith(b"/"):
        raise PacketError("an address begins with /")
    end = packet.find(b"\x00")
    if end > LONGEST_ADDRESS:
        raise PacketError(f"an address of more than {LONGEST_ADDRESS} bytes")
    tags_at = (end // 4 + 1) * 4
    if end < 0 or tags_at > len(packet):
        raise PacketError("an address without an end")
    tags_end = packet.find(b"\x00", tags_at)
    if tags_at < len(packet):
        if packet[tags_at : tags_at + 1] != b"," or tags_end < 0:
            raise PacketError("arguments without their types")
        tags = packet[tags_at + 1 : tags_end]
        unknown = set(tags) - TAGS
        if unknown:
            raise PacketError(
                f"arguments of type {', '.join(repr(chr(tag)) for tag in sorted(unknown))}; "
                "expected i f h d T F N I s S b c r m or [ ]"
            )
        packet = packet[: tags_at + 1] + tags.translate(READ_AS) + packet[tags_end:]
    try:
        message = OscMessage(packet)
    except (_ParseError, ValueError, IndexError, struct.error) as error:
        reason = one_line(error)
        raise PacketError(f"arguments that are cut off or damaged: {reason}") from error
    return Message(message.address, tuple(flat(message.params)))


def flat(values: Iterable[Any]) -> Iterator[Arg]:
    """Arguments without the arrays that they stand in."""
    for value in values:
        if isinstance(value, list):
            yield from flat(value)
        else:
            yield value


@lru_cache(maxsize=512, typed=True)
def encode(address: str, *args: Arg) -> bytes:
    """A message of the types i, f, s and b, which every receiver can read.

    Yes and no are 1 and 0; an int beyond 32 bits is a float; a float beyond its range is the
    largest. A blob must not be empty.
    """
    builder = OscMessageBuilder(address)
    for arg in args:
        if isinstance(arg, bool):
            builder.add_arg(int(arg), "i")
        elif isinstance(arg, int):
            builder.add_arg(arg if arg in _INT32 else float(arg), "i" if arg in _INT32 else "f")
        elif isinstance(arg, float):
            finite = -math.inf < arg < math.inf
            builder.add_arg(min(max(arg, -FLOAT_MAX), FLOAT_MAX) if finite else arg, "f")
        elif isinstance(arg, bytes):
            builder.add_arg(arg, "b")
        else:
            text = "" if arg is None else arg.replace("\0", "?")
            builder.add_arg(text.encode("utf-8", "replace").decode(), "s")  # paths may be odd
    packet: bytes = builder.build().dgram
    return packet


class Framing:
    """Packets in a TCP stream: SLIP (OSC 1.1) or their length before each (OSC 1.0).

    Which, the first byte tells: a length begins with 0, SLIP with its own mark or with a packet.
    """

    def __init__(self) -> None:
        self.slip: bool | None = None
        self._received = bytearray()

    def feed(self, received: bytes) -> Iterator[bytes]:
        """The packets that are whole by now.

        Raises:
            PacketError: a packet is too large, or the stream is damaged; it cannot go on.
        """
        self._received += received
        if self.slip is None and self._received:
            self.slip = self._received[0] != 0
        yield from self._slip_packets() if self.slip else self._counted_packets()
        if len(self._received) > LARGEST_PACKET + 4:
            raise PacketError(f"a packet of more than {LARGEST_PACKET} bytes")

    def _slip_packets(self) -> Iterator[bytes]:
        while (end := self._received.find(slip.END)) >= 0:
            packet = bytes(self._received[:end])
            del self._received[: end + 1]
            if packet:
                try:
                    yield slip.decode(packet)
                except slip.ProtocolError as error:
                    raise PacketError("a frame that is no SLIP") from error

    def _counted_packets(self) -> Iterator[bytes]:
        while len(self._received) >= 4:
            size = int.from_bytes(self._received[:4])
            if size > LARGEST_PACKET:
                raise PacketError(f"a packet of {size} bytes, more than {LARGEST_PACKET}")
            if len(self._received) < 4 + size:
                return
            packet = bytes(self._received[4 : 4 + size])
            del self._received[: 4 + size]
            yield packet

    def frame(self, packet: bytes) -> bytes:
        """A packet as it goes out."""
        if self.slip is False:
            return len(packet).to_bytes(4) + packet
        framed: bytes = slip.encode(packet)
        return framed
