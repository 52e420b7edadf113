"""What remote control costs, and how soon it acts, beside an engine that plays.

    python -m benchmarks.osc [--profile live-cpu] [--seconds 60] [--rate 5000]

Starts a session on a JACK server with a dummy device (needs `jackd`) and an OSC server on it, sends
from another process, and prints a Markdown table: a burst of 3000 messages, then many a second for
a while, the time from packet to value, whether all came in their order; what eight clients that
subscribed to meters at 30 Hz cost; how many packets of a second client are lost while another one
floods the socket that all of them share; and whether steps were late meanwhile.
"""

import argparse
import os
import platform
import subprocess
import sys
import time

import numpy as np

from benchmarks.live import dummy_server
from restem.bridge.control.osc.client import OscClient
from restem.bridge.control.osc.server import OscServer
from restem.bridge.control.tree import ControlTree
from restem.bridge.session.live import LiveSession
from restem.bridge.settings import Settings

BURST = 3000
CLIENTS, METERS_HZ = 8, 30
ADDRESS = "/restem/stem/vocals/pan"
SCALE = 1 << 20  # a message's number as a pan, exact in 32-bit floats

# Sends numbered values at a pace, and prints when each one went.
SENDER = """
import sys, time
from restem.bridge.control.osc.client import OscClient
from restem.bridge.control.osc.codec import encode
port, count, rate, first = map(int, sys.argv[1:5])
packets = [encode.__wrapped__(sys.argv[5], (first + i) / (1 << 20)) for i in range(count)]
with OscClient(port, timeout=60) as client:
    client.ask("/restem/ping")
    began, sent = time.monotonic() + 0.1, []
    for i, packet in enumerate(packets):
        while rate and time.monotonic() < began + i / rate:
            pass
        sent.append(time.monotonic())
        client.send_packet(packet)
    client.settled()
print(*sent)
"""


# As SENDER, but without waiting for an answer, which a flood may lose.
PACED = SENDER.replace('    client.ask("/restem/ping")\n', "").replace("    client.settled()\n", "")

# Sends as fast as it can, for some seconds, and prints how many packets that were.
FLOOD = """
import sys, time
from restem.bridge.control.osc.client import OscClient
from restem.bridge.control.osc.codec import encode
port, seconds = int(sys.argv[1]), float(sys.argv[2])
packet, sent = encode("/restem/ping", 1), 0
with OscClient(port) as client:
    began = time.monotonic()
    while time.monotonic() < began + seconds:
        client.send_packet(packet)
        sent += 1
print(sent)
"""


class Witness:
    """Notes when which value arrives at the mixer."""

    def __init__(self, control: ControlTree) -> None:
        self.seen: list[tuple[int, float]] = []
        move = control.move

        def noted(changes, position=None):  # noqa: ANN001, ANN202
            move(changes, position)
            now = time.monotonic()
            self.seen += [(round(change[1] * SCALE), now) for change in changes]

        control.move = noted  # type: ignore[method-assign]

    def measure(self, server: OscServer, count: int, rate: int) -> str:
        """Let messages be sent; a row of how soon they acted, in milliseconds."""
        self.seen.clear()
        first = 1000
        words = [server.port, count, rate, first]
        command = [sys.executable, "-c", SENDER, *map(str, words), ADDRESS]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        if answer.returncode:  # it waits for the answer to its last packet
            raise SystemExit(
                f"packets were lost at {rate} a second: {len(self.seen)} of {count} came; this "
                "machine is too busy for that: choose a lower --rate"
            )
        sent = np.array(answer.stdout.split(), float)
        numbers = [number for number, _ in self.seen]
        in_order = numbers == list(range(first, first + count))
        taken = 1000 * (np.array([moment for _, moment in self.seen])[: len(sent)] - sent)
        p50, p99 = np.percentile(taken, (50, 99))
        pace = len(sent) / (sent[-1] - sent[0])
        return (
            f"{len(numbers)} of {count} | {'yes' if in_order else 'NO'} | {pace:.0f} | "
            f"{p50:.2f} | {p99:.2f} | {taken.max():.2f}"
        )


def flooded(witness: Witness, server: OscServer, seconds: float, rate: int) -> str:
    """A line of what a client loses while another one sends as fast as it can."""
    before = server.counts.packets
    command = [sys.executable, "-c", FLOOD, str(server.port), str(seconds + 4)]
    flood = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    time.sleep(2)  # until it floods
    count = round(rate * seconds)
    sender = [sys.executable, "-c", PACED, *map(str, (server.port, count, rate, 1000)), ADDRESS]
    witness.seen.clear()
    subprocess.run(sender, stdout=subprocess.DEVNULL, check=True)
    sent = int(flood.communicate()[0])
    time.sleep(2)
    seen, came = len(witness.seen), server.counts.packets - before
    return (
        f"beside a flood of {sent / (seconds + 4):.0f} packets a second, {count - seen} of {count} "
        f"of another client's are lost at {rate} a second; "
        f"{sent + count - came} of all before they were read"
    )


def cpu_seconds(server: OscServer) -> float:
    """Of the server's thread."""
    return time.clock_gettime(time.pthread_getcpuclockid(server._thread.ident))


def measure(profile: str, seconds: float, rate: int, jack: str) -> None:
    wanted = Settings(profile, backend="jack", server=jack, channels="stems")
    tell = lambda text: print(text, file=sys.stderr)  # noqa: E731
    with LiveSession(wanted, tell) as session:
        control = ControlTree(session)
        witness = Witness(control)
        with OscServer(control, port=0, notify=tell) as server:
            time.sleep(2)
            before = session.status()
            burst = witness.measure(server, BURST, 0)
            steady = witness.measure(server, round(rate * seconds), rate)
            flood = flooded(witness, server, min(seconds, 10), 100)
            clients = [OscClient(server.port) for _ in range(CLIENTS)]
            for client in clients:
                client.ask("/restem/subscribe", "/restem/meters", METERS_HZ, 600)
            cost, began = cpu_seconds(server), time.monotonic()
            time.sleep(min(seconds, 20))
            share = (cpu_seconds(server) - cost) / (time.monotonic() - began)
            for client in clients:
                client.close()
            after = session.status()
    print(f"\n{platform.machine()}, {os.cpu_count()} cores, {profile}, 256 frames\n")
    print("| messages | applied | in order | a second | p50, ms | p99, ms | worst, ms |")
    print("|---|---|---|---|---|---|---|")
    print(f"| a burst | {burst} |\n| for {seconds:.0f} s | {steady} |")
    print(f"\n{CLIENTS} clients with meters at {METERS_HZ} Hz: {100 * share:.2f} % of a core")
    print(flood)
    print(f"late steps before {before.late}, after {after.late}; packets lost {server.counts.lost}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", default="live-cpu")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=int, default=5000)
    args = parser.parse_args()
    with dummy_server() as server:
        measure(args.profile, args.seconds, args.rate, server)


if __name__ == "__main__":
    main()
