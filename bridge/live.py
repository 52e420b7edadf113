"""A live session: an engine between an input and an output, watched, metered, connected again.

devices or JACK ──► native callback ──► engine ──► worker
                         ▲                │
LiveSession: opens and reopens it, reads meters and counts, says what is wrong and what helps
"""

import json
import math
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Protocol, TextIO

import numpy as np

from bridge.audio import (
    JACK_HOST,
    AudioStream,
    abandon_portaudio,
    find_device,
    pick_sample_rate,
    refresh_devices,
)
from bridge.jack import JackStream, open_client
from bridge.recorder import Recorder
from streamer.callback import Callback
from streamer.engine import Build, Engine, TooSlowError, holds
from streamer.playback import Policy
from streamer.profiles import (
    DEFAULT,
    describe_profiles,
    load_profile,
    pick_stems,
    read_profile,
)
from streamer.resampled import at_rate
from streamer.ring import Cell
from streamer.routing import PRESETS, Routing
from streamer.streaming import StreamingModel

BLOCKSIZE = 256  # of devices, in frames
GLANCE_SECONDS = 1 / 30  # between two looks at meters and device
SILENT_SECONDS = 3.0  # without a callback: the device is gone; a JACK server says it itself
RETRY_SECONDS = 1.0
RELEASE_DB_PER_SECOND = 20.0  # of the meters
FLOOR_DB = -90.0


@dataclass(frozen=True)
class Settings:
    """What `restem live` was asked for."""

    profile: str = DEFAULT
    device: str = "auto"  # of the network: auto, cpu or cuda
    stems: tuple[str, ...] | None = None
    effects: str | None = None  # a YAML file of them, in place of the profile's own
    input: str | None = None  # a device's number or name; with JACK: ports to connect to
    output: str | None = None
    jack: str | None = None  # the name of a JACK client; None for sound devices
    server: str | None = None  # the JACK server's name
    heard: tuple[int, int] | None = None  # device inputs that are left and right, from 0
    channels: str = "stereo"  # a routing's name, or outputs as `1=vocals.left,2=vocals.right`
    blocksize: int | None = None  # frames; None: `BLOCKSIZE`, or the JACK server's
    rate: int | None = None  # Hz of the device; None: the model's where the device takes it
    allowance: int | None = None  # frames; None: the profile's
    policy: Policy | None = None  # None: the profile's
    threads: int = 1
    takes: str = "restem-takes"  # folder for recordings
    take_format: str = "wav"

    def start_engine(self, build: Build, blocksize: int, sample_rate: int) -> Engine:
        """An engine as it was asked for, and for the rest as the profile says.

        Raises:
            ValueError: see `Engine`.
        """
        profile = read_profile(self.profile)
        policy = Policy[profile.live.late.upper()] if self.policy is None else self.policy
        allowance = self.allowance_at(sample_rate)
        return Engine(build, blocksize, allowance, policy=policy, threads=self.threads)

    def allowance_at(self, sample_rate: int) -> int | None:
        """Frames of a device that a step may take; None for one block of the model."""
        profile = read_profile(self.profile)
        if self.allowance is not None or profile.live.allowance is None:
            return self.allowance
        return math.ceil(profile.live.allowance * sample_rate / profile.sample_rate)


class Link(Protocol):
    """An engine's connection to the sound: `AudioStream` or `JackStream`."""

    name: str
    callback: Callback

    @property
    def extra_latency(self) -> int: ...
    @property
    def drift_ppm(self) -> float | None: ...
    @property
    def alive(self) -> bool: ...
    @property
    def xruns(self) -> int: ...
    @property
    def device_latency(self) -> tuple[int, int]: ...
    def start(self) -> None: ...
    def close(self) -> None: ...


class Devices:
    """Sound devices as a place to open links at."""

    def __init__(self, settings: Settings, outputs: int, sample_rate: int) -> None:
        self.settings, self.outputs = settings, outputs
        self.inputs = max(settings.heard) + 1 if settings.heard else 1
        self.blocksize = settings.blocksize or BLOCKSIZE
        self.sample_rate = pick_sample_rate(
            self._find(), settings.rate or sample_rate, only=settings.rate is not None
        )

    def _find(self) -> tuple[Any, Any]:
        wanted = self.settings
        return find_device(wanted.input, self.inputs, 0), find_device(
            wanted.output, 0, self.outputs
        )

    def open(self, engine: Engine, lost: Link | None = None) -> Link:
        if isinstance(lost, AudioStream) and lost.host == JACK_HOST:
            abandon_portaudio()
            raise ValueError(
                "PortAudio cannot find a JACK server again: start restem anew, "
                "or with --jack, which can"
            )
        if lost is not None:
            refresh_devices()
        return AudioStream(engine, self._find(), self.blocksize, self.settings.heard)


class Jack:
    """A JACK server as a place to open links at."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        asked = {"--inputs": settings.heard, "--rate": settings.rate}
        asked["--blocksize"] = settings.blocksize
        for option, value in asked.items():
            if value is not None:
                raise ValueError(
                    f"{option} is nothing that a JACK client decides: set rate and block size in "
                    "the server, and connect the inputs with --input or in a patchbay"
                )
        client, _ = open_client(f"{settings.jack} probe", settings.server)
        self.sample_rate, self.blocksize = int(client.samplerate), int(client.blocksize)
        client.close()
        self._connections: list[tuple[str, str]] = []

    def open(self, engine: Engine, lost: Link | None = None) -> Link:
        wanted = self.settings
        name = wanted.jack or "restem"
        if lost is None:
            return JackStream(engine, name, wanted.server, wanted.input, wanted.output)
        return JackStream(engine, name, wanted.server)

    def remember(self, link: Link) -> None:
        assert isinstance(link, JackStream)
        self._connections = link.connections()

    def restore(self, link: Link) -> None:
        assert isinstance(link, JackStream)
        link.restore(self._connections)


def load_live(
    profile: str,
    device: str,
    stems: Sequence[str] | None,
    sample_rate: int,
    effects: str | None = None,
) -> StreamingModel:
    """A profile's model at a device's rate; called in the worker."""
    return at_rate(load_profile(profile, device, stems, effects), sample_rate)


def parse_routing(text: str, stems: Sequence[str]) -> Routing:
    """A routing's name, or a map such as `1=master.left,2=master.right,5=vocals.left`.

    Raises:
        ValueError: it is neither, or asks for what is not there.
    """
    if text in PRESETS:
        return Routing.preset(text, stems)
    sources = {}
    for item in text.split(","):
        number, separator, source = item.partition("=")
        if not separator or not number.strip().isdigit():
            raise ValueError(
                f"channels: expected {', '.join(PRESETS)}, or OUTPUT=SOURCE,.. "
                f"such as 1=vocals.left; got {item!r}"
            )
        sources[int(number)] = source.strip()
    routing = Routing.of(sources)
    routing.rows(stems)
    return routing


def parse_inputs(text: str | None) -> tuple[int, int] | None:
    """Inputs counted from 1, `3,4` or `3` for both sides, as indices.

    Raises:
        ValueError: it is something else.
    """
    if text is None:
        return None
    numbers = text.split(",")
    if len(numbers) > 2 or not all(n.strip().isdigit() and int(n) > 0 for n in numbers):
        raise ValueError(f"inputs: expected one or two channels counted from 1, got {text!r}")
    return int(numbers[0]) - 1, int(numbers[-1]) - 1


@dataclass(frozen=True)
class Snapshot:
    """All that a view or a script wants to know; levels in dBFS, times in milliseconds."""

    state: str  # ready, late, starting (a worker is being replaced), no device
    problem: str  # one line, with the remedy; "" if all is well
    profile: str
    link: str
    sample_rate: int
    blocksize: int
    seconds: float  # of music heard
    latency: dict[str, int]  # frames, by cause, and their total
    latency_ms: float
    device_latency: tuple[int, int]
    drift_ppm: float | None  # of the input's clock against the output's, if there are two
    step_p50: float | None
    step_p99: float | None
    step_allowed: float  # of a step, what the allowance gives it
    callback_p50_us: float | None
    callback_p999_us: float | None
    late: int
    late_frames: int
    dropped: int
    restarts: int
    failure: str  # why a worker was replaced last
    reconnections: int
    xruns: int
    bad_samples: int
    recording: str  # recording, stopped, failed
    take: str  # its folder, while there is one
    take_seconds: float
    take_lost: int  # frames that came too late to the disk
    levels: dict[str, tuple[float, float]]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def line(self) -> str:
        """One line for people."""
        step = "" if self.step_p50 is None else f", step {self.step_p50:.1f}/{self.step_p99:.1f} ms"
        left, right = self.levels["master"]
        text = (
            f"{self.state}: {self.seconds:.0f} s, latency {self.latency['total']} samples "
            f"({self.latency_ms:.1f} ms){step} of {self.step_allowed:.1f}, "
            f"late {self.late}, xruns {self.xruns}, master {left:.0f}/{right:.0f} dBFS"
        )
        if self.recording == "recording":
            text += f", recording {self.take_seconds:.0f} s"
        return f"{text}; {self.problem}" if self.problem else text


class LiveSession:
    """Runs until it is closed; whoever views it calls `look`.

    Args:
        settings: what to run.
        tell: gets a line while things start.

    Raises:
        ValueError: a device, the profile or a number does not fit; one line.
    """

    def __init__(self, settings: Settings, tell: Callable[[str], None] = lambda text: None) -> None:
        self.settings = settings
        profile = read_profile(settings.profile)
        stems = pick_stems(profile.stems, settings.stems)
        self.routing = parse_routing(settings.channels, stems)
        outputs = len(self.routing.outputs)
        self.place = (
            Jack(settings) if settings.jack else Devices(settings, outputs, profile.sample_rate)
        )
        tell(f"{settings.profile}: loading, warming up, measuring")
        build = self._build(settings.profile, stems)
        self.engine = self._start_engine(build)
        self.reconnections, self._xruns = 0, 0
        self.link: Link | None = None
        self._lost: Link | None = None
        self._problem = ""
        self._device_latency = 0, 0
        self._levels: dict[str, list[float]] = {}
        for bus in (*self.engine.mixer.strips, "master"):
            self._levels[bus] = [FLOOR_DB, FLOOR_DB]
        self._late_seen: list[tuple[float, int]] = []
        try:
            self.engine.mixer.route(self.routing)
            self.recorder = Recorder(
                self.engine, settings.takes, settings.profile, settings.take_format
            )
            self.link = self._open()
            self._device_latency = self.link.device_latency
        except BaseException:
            if self.link:
                self.link.close()  # before the engine, whose memory its callback works on
            self.engine.close()
            raise
        self._closing = threading.Event()
        self._tending = threading.Thread(target=self._tend, name="restem session", daemon=True)
        self._tending.start()

    def _build(self, profile: str, stems: Sequence[str] | None) -> Build:
        device, effects = self.settings.device, self.settings.effects
        return partial(load_live, profile, device, stems, self.place.sample_rate, effects)

    def _start_engine(self, build: Build) -> Engine:
        wanted, place = self.settings, self.place
        try:
            return wanted.start_engine(build, place.blocksize, place.sample_rate)
        except TooSlowError as error:
            raise ValueError(f"{wanted.profile}: {error}; {self._advice()}") from None

    def _advice(self) -> str:
        """Which profile would hold where the wanted one does not."""
        wanted = self.settings
        names = [row["name"] for row in describe_profiles() if row["ready"] == "yes"]
        for name in names:
            if name == wanted.profile:
                continue
            build = self._build(name, wanted.stems)
            allowance = replace(wanted, profile=name).allowance_at(self.place.sample_rate)
            if holds(build, self.place.blocksize, allowance, wanted.threads):
                return f"use --profile {name}, which holds here"
        return "give it a larger --allowance, fewer --stems, or more --threads"

    def _tend(self) -> None:
        """Read the meters, notice a device that is gone, and wait for it.

        Only this thread talks to a link: others could find it closed in the middle.
        """
        beat, alive_at, asked_at = -1, time.monotonic(), -math.inf
        patience = math.inf if isinstance(self.place, Jack) else SILENT_SECONDS
        while not self._closing.wait(GLANCE_SECONDS):
            self._meter()
            now, callbacks = time.monotonic(), self.engine.rings.get(Cell.CALLBACKS)
            link = self.link
            if link is None:
                self._reconnect()
                beat, alive_at = -1, time.monotonic()
            elif callbacks != beat and link.alive:
                beat, alive_at = callbacks, now
                if now - asked_at > 1:
                    asked_at = now
                    self._ask(link)
            elif not link.alive or now - alive_at > patience:
                self._let_go(link)

    def _ask(self, link: Link) -> None:
        with suppress(Exception):  # a link that breaks meanwhile is noticed at the next look
            self._device_latency = link.device_latency
            if isinstance(self.place, Jack):
                self.place.remember(link)

    def _let_go(self, link: Link) -> None:
        self._problem = f"{link.name} is gone; waiting for it"
        self._xruns += link.xruns
        self.link = None
        self._lost = link
        link.close()

    def _open(self, lost: Link | None = None) -> Link:
        link = self.place.open(self.engine, lost)
        try:
            link.start()
        except BaseException:
            link.close()
            raise
        return link

    def _reconnect(self) -> None:
        self._closing.wait(RETRY_SECONDS)
        if self._closing.is_set():
            return
        try:
            link = self._open(self._lost)
            if isinstance(self.place, Jack):
                self.place.restore(link)
        except Exception as error:  # whatever it is, the next try may go well
            name = self._lost.name if self._lost else "the device"
            self._problem = f"waiting for {name}: {' '.join(str(error).split())}"
            return
        self.link, self._problem = link, ""
        self.reconnections += 1

    def _meter(self) -> None:
        fall = RELEASE_DB_PER_SECOND * GLANCE_SECONDS
        for bus, peaks in self.engine.mixer.peaks().items():
            held = self._levels[bus]
            for side, peak in enumerate(peaks):
                level = 20 * math.log10(peak) if peak > 0 else FLOOR_DB
                held[side] = max(level, held[side] - fall, FLOOR_DB)

    @property
    def profile(self) -> str:
        """What plays."""
        return self.settings.profile

    def switch(self, profile: str) -> None:
        """Let another profile take over, crossfaded, at the same latency; takes seconds.

        Raises:
            ValueError: it cannot; the old one plays on.
        """
        wanted = replace(self.settings, profile=profile)
        read_profile(profile)
        self.engine.swap(self._build(profile, self.engine.stems))
        self.settings = wanted

    def levels(self) -> dict[str, tuple[float, float]]:
        """Left and right peaks of every strip and of the master, in dBFS; they fall slowly."""
        return {bus: (left, right) for bus, (left, right) in self._levels.items()}

    def position_at(self, moment: float) -> int:
        """Which sample of the mixer's is mixed at a time of `time.monotonic`.

        Within a callback: it is reckoned from when the newest one began.
        """
        link, mixer, rate = self.link, self.engine.mixer, self.engine.sample_rate
        began, begins = time.monotonic(), mixer.position
        if link and (last := link.callback.last_began) is not None:
            began, begins = last, begins - self.place.blocksize
        return max(0, begins + round((moment - began) * rate))

    def look(self) -> Snapshot:
        """How it is going."""
        status, link, take = self.engine.status(), self.link, self.recorder.status()
        rate = status.sample_rate
        durations = link.callback.timings_us()[0] if link else np.zeros(0)
        parts = asdict(status.latency)
        if link and link.extra_latency:
            parts = {"clocks": link.extra_latency, **parts}
        total = sum(parts.values())
        steps = status.step_times
        p50, p999 = np.percentile(durations, (50, 99.9)) if len(durations) else (None, None)
        return Snapshot(
            state=status.state if link else "no device",
            problem=self._problem
            or (f"recording failed: {take.reason}" if take.reason else "")
            or (status.failure if status.state != "ready" else "")
            or self._why_late(status.late, steps.p99 if steps else None),
            profile=self.settings.profile,
            link=link.name if link else "",
            sample_rate=rate,
            blocksize=self.place.blocksize,
            seconds=status.heard / rate,
            latency={**parts, "total": total},
            latency_ms=1000 * total / rate,
            device_latency=self._device_latency if link else (0, 0),
            drift_ppm=link.drift_ppm if link else None,
            step_p50=steps.p50 if steps else None,
            step_p99=steps.p99 if steps else None,
            step_allowed=1000 * status.latency.allowance / rate,
            callback_p50_us=p50,
            callback_p999_us=p999,
            late=status.late,
            late_frames=status.late_frames,
            dropped=status.dropped,
            restarts=status.restarts,
            failure=status.failure,
            reconnections=self.reconnections,
            xruns=self._xruns + (link.xruns if link else 0),
            bad_samples=status.bad_samples,
            recording=take.state,
            take=str(take.folder or ""),
            take_seconds=take.seconds,
            take_lost=take.lost_frames,
            levels=self.levels(),
        )

    def _why_late(self, late: int, p99: float | None) -> str:
        """What to do if steps were late in the last ten seconds."""
        now = time.monotonic()
        self._late_seen = [(t, n) for t, n in self._late_seen if now - t < 10] + [(now, late)]
        recent = late - self._late_seen[0][1]
        if not recent or p99 is None:
            return ""
        allowed = 1000 * self.engine.latency.allowance / self.engine.sample_rate
        return (
            f"late {recent} times in 10 s: a step takes {p99:.1f} ms (p99), {allowed:.1f} ms are "
            "allowed: give it a larger --allowance, a faster profile, or close other programs"
        )

    def close(self) -> None:
        """Stop the sound, then the engine."""
        self._closing.set()
        self._tending.join()
        self.recorder.close()
        if self.link:
            self.link.close()
        self.engine.close()

    def __enter__(self) -> "LiveSession":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def watch(
    session: LiveSession, out: TextIO, seconds: float | None = None, as_json: bool = False
) -> None:
    """Print a line a second, for people or as JSON, until Ctrl-C or `seconds` have passed."""
    began = time.monotonic()
    with suppress(KeyboardInterrupt):
        while True:
            left = math.inf if seconds is None else began + seconds - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(1.0, left))
            now = session.look()
            print(json.dumps(now.as_dict()) if as_json else now.line(), file=out, flush=True)
