"""Audio in OSC: a mix comes in as packets and drives the engine, stems go out the same way.

    /restem/audio/in ─► jitter buffer ─► clock ─► engine ─► /restem/audio/out/<bus>
    sequence, position, channels, blob                      sequence, position, channels, blob

A blob is PCM, float32, little-endian, channels interleaved. Sequence numbers count packets, a
position is the number of a packet's first frame. Time never shifts:

    out[n + latency] == render(mix)[n]      latency: jitter buffer and engine, in frames

The sender's positions are the only clock. A block is played once the sender is as far beyond it as
the jitter buffer is long: whatever comes until then, in any order, is in its place. What does not
come is silence in the mix, for lost audio has no dry signal, with a fade of `FADE` frames before
and behind it; that is why packets must come `FADE` frames sooner than the buffer is long.

Only if a sender over UDP stalls does the wall clock go on, with silence; one over TCP is waited
for. `/restem/audio/credit` tells how far a sender may go, so that a file can be sent as fast as the
engine follows; who reads stems and credit from one TCP connection cannot be overrun by stems.
"""

import math
import time
from collections import Counter, deque
from dataclasses import dataclass, field, fields
from functools import lru_cache

import numpy as np
from pythonosc.osc_message_builder import OscMessageBuilder

from restem.bridge.control.addresses import Arg, Args, pattern
from restem.bridge.control.node import Node, RefusalError
from restem.bridge.control.osc.codec import LARGEST_SENT
from restem.bridge.control.osc.commands import CommandRow, lease_in, port_in
from restem.bridge.control.osc.jitter_buffer import (
    AUDIO,
    CREDIT,
    CREDIT_STEP,
    FADE,
    LONGEST_JITTER,
    OUT,
    SILENT_SECONDS,
    STALL_SECONDS,
    Counts,
    JitterBuffer,
    Limits,
)
from restem.bridge.control.osc.peers import (
    SLOWEST_HZ,
    Peer,
    Subscription,
)
from restem.bridge.control.osc.server import OscServer
from restem.bridge.control.osc.service import Command
from restem.bridge.session.headless import FileSession
from restem.bridge.session.transport import Block
from restem.streamer.engine.rings import Audio
from restem.streamer.mixer.kernel import HUGE
from restem.streamer.mixer.routing import WITHOUT, minus_names

JITTER_SECONDS = 0.05
LAST_POSITION = 1 << 53
POSTS = 4096  # blocks that may wait for the server's thread
INT32_END = 1 << 31

COMMANDS = (
    CommandRow(
        "audio/in",
        "sequence position channels blob",
        "The mix's next frames: float32, little-endian, interleaved, 1 or 2 channels, under 1.4 kB "
        "over UDP. The first packet begins a stream; one client may send at a time.",
    ),
    CommandRow(
        "audio/end",
        "[position]",
        "Ends your stream, at the frame behind its last one; its last stems follow, then "
        "/restem/audio/ended and the position at which they end.",
    ),
    CommandRow(
        "audio/subscribe",
        "bus [lease_s] [port]",
        "Sends a stem, residual, master, dry or no_STEM (the mix without it), or what a pattern "
        "means (no_STEM where it begins with no_), as /restem/audio/out/BUS sequence position "
        "channels blob, until the lease ends or is renewed; if you give none, until you have "
        "asked for nothing for 10 s. Answers with bus and lease.",
    ),
    CommandRow("audio/unsubscribe", "[bus]", "Ends that, or all that you receive."),
    CommandRow(
        "audio/begun",
        "",
        "Only sent, to who receives or sends audio: the position of what goes out next, and the "
        "file's or the sender's name. All before it belongs to something else.",
    ),
    CommandRow("audio/ended", "", "Only sent: a stream's stems end at this position."),
    CommandRow(
        "audio/credit", "", "Only sent, to who sends audio: frames before this position may come."
    ),
)


@dataclass(frozen=True)
class _Listener:
    """Receiver of a bus, as long as its subscription is among the client's."""

    client: Peer
    key: tuple[str, int | None]
    subscription: Subscription
    bus: str

    @property
    def waits(self) -> bool:
        return self.client.subscriptions.get(self.key) is self.subscription


@dataclass(frozen=True)
class _Post:
    """A message from the clock thread to the server thread."""

    packets: dict[tuple[str, bool], list[bytes]] = field(default_factory=dict)  # see `_wanted`
    message: bytes = b""  # for the sender
    is_for_all: bool = False  # for all listeners, too
    sender: Peer | None = None


class OscAudio:
    """Adds audio to a server that has not started yet. Its own thread obeys; the clock's sends.

    Args:
        server: it gets the commands, and its control the nodes.
        session: what is fed.
        jitter: frames that packets may be late; None for 50 ms.
        stall_seconds, silent_seconds: see `STALL_SECONDS`, `SILENT_SECONDS`.

    Raises:
        ValueError: `jitter` is out of range.
    """

    def __init__(
        self,
        server: OscServer,
        session: FileSession,
        jitter: int | None = None,
        stall_seconds: float = STALL_SECONDS,
        silent_seconds: float = SILENT_SECONDS,
    ) -> None:
        engine = session.engine
        if jitter is None:
            jitter = math.ceil(JITTER_SECONDS * engine.sample_rate)
        if not FADE <= jitter <= LONGEST_JITTER:
            raise ValueError(
                f"the jitter buffer must be in [{FADE}, {LONGEST_JITTER}] frames, got {jitter}"
            )
        self.server, self.session = server, session
        self.limits = Limits(
            engine.sample_rate,
            engine.channels,
            jitter,
            engine.latency.total,
            stall_seconds,
            silent_seconds,
        )
        self.counts = Counts()
        self._incoming: JitterBuffer | None = None
        self._sender: Peer | None = None
        self._told = 0  # the credit
        self._listeners: list[_Listener] = []
        self._wanted: frozenset[tuple[str, bool]] = frozenset()  # buses, and whether for TCP
        self._sequences: Counter[tuple[str, bool]] = Counter()
        self._posts: deque[_Post] = deque(maxlen=POSTS)
        commands: dict[str, Command] = {
            "in": self._in,
            "end": self._finish,
            "subscribe": self._subscribe,
            "unsubscribe": self._unsubscribe,
        }
        for name, command in commands.items():
            server.add_command(f"{AUDIO}/{name}", command)
        for node in self.nodes():
            server.control.add(node)
        session.listeners.append(self._played)

    @property
    def latency(self) -> int:
        """Frames from the sender's positions to those of the stems."""
        return self.limits.jitter + self.limits.tail

    def nodes(self) -> list[Node]:
        """Readable nodes."""
        names = [each.name for each in fields(Counts)]
        rate, buses = self.limits.sample_rate, self.session.buses
        return [
            Node(
                f"{AUDIO}/latency",
                "i",
                "How much later stems are than the mix: jitter buffer and engine.",
                "frames",
                read=lambda: (self.latency,),
            ),
            Node(
                f"{AUDIO}/jitter",
                "i",
                "How late packets may be.",
                "frames",
                read=lambda: (self.limits.jitter,),
            ),
            Node(f"{AUDIO}/sample_rate", "i", "Of mix and stems.", "Hz", read=lambda: (rate,)),
            Node(f"{AUDIO}/buses", "s" * len(buses), "What can be received.", read=lambda: buses),
            Node(f"{AUDIO}/sender", "s", "Who is heard, empty if nobody.", read=self._who),
            Node(
                f"{AUDIO}/counts",
                "i" * len(names),
                f"Of the newest stream: {', '.join(names)}.",
                read=lambda: tuple(int(getattr(self.counts, name)) for name in names),
            ),
        ]

    def _who(self) -> Args:
        incoming = self._incoming
        return (incoming.name if incoming and not incoming.over else "",)

    def close(self) -> None:
        """Send no more; once the server is closed."""
        self.session.listeners.remove(self._played)

    # In the server's thread: what comes in.

    def _in(self, client: Peer, args: Args) -> None:
        incoming = self._incoming
        is_heard = incoming is not None and self.session.source is incoming
        if incoming and is_heard and not incoming.over and self._sender is not client:
            incoming.challenged = True
            self.counts.refused += 1
            raise RefusalError(
                "busy",
                f"{incoming.name} is heard until it ends, or is silent for "
                f"{self.limits.silent_seconds:g} s",
            )
        try:
            sequence, position, audio = parse(args, self.limits.channels)
        except RefusalError:
            self.counts.refused += 1
            raise
        if incoming is None or incoming.over:
            incoming = JitterBuffer(client.name, self.limits, not is_reliable(client), self._over)
            incoming.push(sequence, position, audio)
            self._feed(client, incoming)
        else:
            incoming.push(sequence, position, audio)
        self.session.wake()

    def _feed(self, client: Peer, incoming: JitterBuffer) -> None:
        self._told = incoming.credit
        before = self._incoming, self._sender, self.counts
        self._incoming, self._sender, self.counts = incoming, client, incoming.counts
        try:
            self.session.feed(incoming)
        except ValueError as error:
            self._incoming, self._sender, self.counts = before
            raise RefusalError("busy", str(error)) from error
        client.send_packet(message(f"{AUDIO}/credit", incoming.credit))

    def _finish(self, client: Peer, args: Args) -> None:
        incoming = self._incoming
        if incoming is None or incoming.over or self._sender is not client:
            raise RefusalError("no_stream", "you send no audio; it may have ended")
        if len(args) > 1:
            raise RefusalError("wrong_count", f"{AUDIO}/end takes nothing, or a position")
        incoming.close(as_count(args[0], "position") if args else None)
        self.session.wake()

    # In the server's thread: who listens.

    def _subscribe(self, client: Peer, args: Args) -> None:
        wanted, *numbers = args or ("",)
        if not isinstance(wanted, str) or len(args) > 3:
            raise RefusalError("wrong_type", "subscribe takes bus [lease_s] [port]")
        buses = self._find(wanted)
        if not wanted.startswith(f"{WITHOUT}_"):  # who wants all stems wants no sums of them
            sums = minus_names(self.session.engine.stems)
            buses = [bus for bus in buses if bus not in sums] or buses
        lease, text = lease_in(numbers, 0)
        port = port_in(self.server, client, numbers, 1)
        if text:
            self.server.notify_clipped(client, f"{AUDIO}/subscribe", text)
        for bus in buses:
            key, ends = (f"{OUT}/{bus}", port), time.monotonic() + lease
            subscription = Subscription(key[0], (), SLOWEST_HZ, lease, ends, port, not numbers)
            client.subscriptions[key] = subscription
            self._listeners.append(_Listener(client, key, subscription, bus))
            client.send(f"{AUDIO}/subscribe", bus, lease)
        self._sweep()

    def _find(self, wanted: str) -> list[str]:
        try:
            means = pattern(wanted)
        except ValueError as error:
            raise RefusalError("malformed", str(error)) from error
        buses = [bus for bus in self.session.buses if means(bus)]
        if not buses:
            raise RefusalError(
                "unknown_bus",
                f"there is no {wanted!r}; expected one of {', '.join(self.session.buses)}",
            )
        return buses

    def _unsubscribe(self, client: Peer, args: Args) -> None:
        buses = self._find(str(args[0])) if args else self.session.buses
        addresses = {f"{OUT}/{bus}" for bus in buses}
        ended = [key for key in client.subscriptions if key[0] in addresses]
        if not ended:
            raise RefusalError("no_subscription", "you have no such subscription")
        for key in ended:
            del client.subscriptions[key]
        self._sweep()
        client.send(f"{AUDIO}/unsubscribe", len(ended))

    def _sweep(self) -> None:
        """Forget those whose subscription is over."""
        self._listeners = [each for each in self._listeners if each.waits]
        self._wanted = frozenset((each.bus, is_reliable(each.client)) for each in self._listeners)

    def _deliver(self) -> None:
        """Send what the clock's thread has for clients."""
        while self._posts:
            post = self._posts.popleft()
            if not all(each.waits for each in self._listeners):
                self._sweep()
            targets = {(each.client, each.subscription.port) for each in self._listeners}
            for client, port in (targets if post.is_for_all else set()) | {(post.sender, None)}:
                if client is not None:
                    client.send_packet(post.message, port)
            for each in self._listeners:
                for packet in post.packets.get((each.bus, is_reliable(each.client)), ()):
                    sent = each.client.send_packet(packet, each.subscription.port)
                    self.counts.unsent += not sent

    # In the clock's thread.

    def _played(self, block: Block, outputs: Audio) -> None:
        source, incoming = self.session.source, self._incoming
        if block.fresh:
            begun = message(f"{AUDIO}/begun", block.position, source.name)
            sender = self._sender if source is incoming else None
            self._post(_Post(message=begun, is_for_all=True, sender=sender))
        played = dict(zip(self.session.buses, outputs, strict=True))
        packets = {
            wanted: self._packets(wanted, block.position, played[wanted[0]])
            for wanted in self._wanted
        }
        if packets:
            self._post(_Post(packets))
        if incoming is source and incoming.credit - self._told >= CREDIT_STEP:
            self._told = incoming.credit
            credit = message(f"{AUDIO}/credit", self._told)
            self._post(_Post(message=credit, sender=self._sender))

    def _packets(self, wanted: tuple[str, bool], position: int, audio: Audio) -> list[bytes]:
        """[2, n] as packets of equal length that fit."""
        bus, reliable = wanted
        address, count = f"{OUT}/{bus}", audio.shape[1]
        largest = count if reliable else frames_in_datagram(address)
        size = math.ceil(count / math.ceil(count / largest))
        packets = []
        for start in range(0, count, size):
            blob = audio[:, start : start + size].T.astype("<f4").tobytes()
            sequence = self._sequences[wanted] % INT32_END
            packets.append(message(address, sequence, position + start, 2, blob))
            self._sequences[wanted] += 1
        return packets

    def _over(self, incoming: JitterBuffer) -> None:
        ended = message(f"{AUDIO}/ended", incoming.position)
        self._post(_Post(message=ended, is_for_all=True, sender=self._sender))

    def _post(self, post: _Post) -> None:
        self._posts.append(post)
        self.server.post(self._deliver)


def parse(args: Args, channels: int) -> tuple[int, int, Audio]:
    """Sequence number, position and [channels, n] of a packet; one channel becomes all.

    Raises:
        RefusalError: it is none.
    """
    if len(args) != 4:
        raise RefusalError("wrong_count", f"{AUDIO}/in takes sequence position channels blob")
    sequence, position = as_count(args[0], "sequence"), as_count(args[1], "position")
    given, blob = as_count(args[2], "channels"), args[3]
    if given not in (1, channels):
        raise RefusalError("out_of_range", f"channels must be 1 or {channels}, got {given}")
    if not isinstance(blob, bytes):
        raise RefusalError("wrong_type", f"{AUDIO}/in takes a blob last, got {blob!r}")
    frames, rest = divmod(len(blob), 4 * given)
    if rest or not 0 < frames <= CREDIT:
        raise RefusalError(
            "wrong_size",
            f"a blob holds 1 to {CREDIT} frames of {4 * given} bytes, got {len(blob)} bytes",
        )
    audio = np.frombuffer(blob, "<f4").reshape(-1, given).T
    if not np.abs(audio).max() <= HUGE:  # not so for NaN
        raise RefusalError("not_audio", f"NaN, Inf or more than {HUGE:g} from frame {position} on")
    return sequence, position, np.broadcast_to(audio, (channels, frames))


@lru_cache
def frames_in_datagram(address: str) -> int:
    """Number of stereo frames that a packet to an address holds, to go in one piece."""
    one = message(address, 0, LAST_POSITION, 2, bytes(8))
    return max(1, 1 + (LARGEST_SENT - len(one)) // 8)


def as_count(arg: Arg, what: str) -> int:
    """A whole number from 0 on.

    Raises:
        RefusalError: it is none.
    """
    if isinstance(arg, bool) or not isinstance(arg, int | float):
        raise RefusalError("wrong_type", f"{what} must be a whole number, got {arg!r}")
    if not 0 <= arg <= LAST_POSITION or arg != int(arg):
        raise RefusalError("out_of_range", f"{what} must be a whole number from 0 on, got {arg!r}")
    return int(arg)


def message(address: str, *args: int | str | bytes) -> bytes:
    """A message whose numbers keep all their digits, unlike `codec.encode`'s: an int beyond 32
    bits, as positions are after half a day, is of type h.
    """
    builder = OscMessageBuilder(address)
    for arg in args:
        if isinstance(arg, int):
            tag = "i" if arg < INT32_END else "h"
        else:
            tag = "b" if isinstance(arg, bytes) else "s"
        builder.add_arg(arg, tag)
    packet: bytes = builder.build().dgram
    return packet


def is_reliable(client: Peer) -> bool:
    """True over TCP: all that is sent arrives."""
    return client.name.startswith("tcp ")
