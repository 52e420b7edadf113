"""A file goes to `restem osc` as OSC packets, and comes back as stems, aligned to the sample.

Over UDP in real time; over TCP as fast as the engine follows.

python examples/osc_stream.py MIX [OUT_DIR] [--stems vocals,drums] [--host ..] [--port ..] [--tcp]
"""

import argparse
import socket
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

PATIENCE_SECONDS = 20.0


class Line:
    """OSC over UDP, or over TCP with its length before each packet."""

    def __init__(self, host: str, port: int, tcp: bool) -> None:
        self.tcp, self.buffer = tcp, b""
        self.socket = socket.socket(type=socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.socket.connect((host, port))

    def send(self, address: str, *args: str | int | float | bytes) -> None:
        builder = OscMessageBuilder(address)
        for arg in args:
            builder.add_arg(arg)
        packet = builder.build().dgram
        self.socket.settimeout(PATIENCE_SECONDS)
        self.socket.sendall(len(packet).to_bytes(4, "big") + packet if self.tcp else packet)

    def receive(self, seconds: float) -> OscMessage | None:
        """The next message, None if none comes in time."""
        self.socket.settimeout(seconds)
        try:
            if not self.tcp:
                return OscMessage(self.socket.recv(1 << 16))
            while len(self.buffer) < 4 + int.from_bytes(self.buffer[:4], "big"):
                self.buffer += self.socket.recv(1 << 16) or sys.exit("the server has gone")
        except TimeoutError:
            return None
        size = 4 + int.from_bytes(self.buffer[:4], "big")
        packet, self.buffer = self.buffer[4:size], self.buffer[size:]
        return OscMessage(packet)

    def ask(self, address: str) -> list[Any]:
        self.send(address)
        while (answer := self.receive(PATIENCE_SECONDS)) and answer.address != address:
            pass
        return answer.params if answer else sys.exit(f"{address}: no answer")


parser = argparse.ArgumentParser()
parser.add_argument("mix")
parser.add_argument("folder", type=Path, nargs="?", default=Path("osc-stems"))
parser.add_argument("--stems")
parser.add_argument("--host", default="127.0.0.1")
parser.add_argument("--port", type=int, default=7770)
parser.add_argument("--tcp", action="store_true")
args = parser.parse_args()

mix, rate = soundfile.read(args.mix, dtype="float32", always_2d=True)  # [n, c]
line = Line(args.host, args.port, args.tcp)
(wanted,), (latency,) = line.ask("/restem/audio/sample_rate"), line.ask("/restem/audio/latency")
if rate != wanted:
    sys.exit(f"{args.mix} has {rate} Hz, the server wants {wanted} Hz")
stems = args.stems.split(",") if args.stems else line.ask("/restem/stems")[:-1]  # no residual
received = {stem: np.zeros((len(mix), 2), np.float32) for stem in stems}
for stem in stems:
    line.send("/restem/audio/subscribe", stem, 3600.0)

size = 1024 if args.tcp else 128  # frames in a packet
sent, credit, missing = 0, size, len(stems) * len(mix)
is_ours = False
began = heard = time.monotonic()
while True:
    allowed = credit if args.tcp else (time.monotonic() - began) * rate + size
    if sent < len(mix) and sent + size <= allowed:
        block = mix[sent : sent + size]
        line.send("/restem/audio/in", sent // size, sent, mix.shape[1], block.tobytes())
        sent += len(block)
        if sent == len(mix):
            line.send("/restem/audio/end", sent)
        if args.tcp:
            continue
    message = line.receive(0.002)
    if message is None:
        if time.monotonic() > heard + PATIENCE_SECONDS:
            sys.exit("the server is silent")
        continue
    heard = time.monotonic()
    if message.address == "/restem/error":
        sys.exit(" ".join(map(str, message.params)))
    if message.address == "/restem/audio/ended":
        break
    if message.address == "/restem/audio/begun":
        is_ours = True  # what comes from here on; the engine may have played something else
    elif message.address == "/restem/audio/credit":
        credit = message.params[0]
    elif is_ours and message.address.startswith("/restem/audio/out/"):
        _, position, channels, blob = message.params
        frames = np.frombuffer(blob, "<f4").reshape(-1, channels)
        start = position - latency  # where these were in the mix
        part = slice(max(start, 0), max(start + len(frames), 0))
        stem = received[message.address.rpartition("/")[2]]
        kept = len(stem[part])
        first = part.start - start
        stem[part] = frames[first : first + kept]
        missing -= kept
line.send("/restem/audio/unsubscribe")
line.socket.close()

args.folder.mkdir(parents=True, exist_ok=True)
for name, stem in received.items():
    soundfile.write(args.folder / f"{name}.wav", stem, rate, "FLOAT")
print(f"{args.folder}: {len(stems)} stems, {latency} samples later; {missing} frames are missing")
