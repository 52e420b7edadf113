"""A live session: an engine between an input and an output, watched, metered, connected again.

devices or JACK ──► native callback ──► engine ──► worker
                         ▲                │
LiveSession: opens and reopens it, reads meters and counts, says what is wrong and what helps
"""

import math
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import numpy as np

from restem.bridge.audio.backend import AudioStream, Connections, open_backend
from restem.bridge.session.base import GLANCE_SECONDS, Session
from restem.bridge.session.status import SessionStatus
from restem.bridge.settings import Settings
from restem.streamer.builder import pick_stems
from restem.streamer.engine.rings import Cell
from restem.streamer.mixer.routing import parse_routing

RETRY_SECONDS = 1.0


class LiveSession(Session):
    """A session with sound devices or JACK; views call `status`.

    Args:
        settings: what to run.
        notify: gets a line while things start.

    Raises:
        ValueError: a device, the profile or a number does not fit; one line.
    """

    def __init__(
        self, settings: Settings, notify: Callable[[str], None] = lambda text: None
    ) -> None:
        profile = settings.described
        stems = pick_stems(profile.stems, settings.stems)
        routing = parse_routing(settings.channels, stems)
        outputs = len(routing.outputs)
        self.backend = backend = open_backend(settings, outputs, profile.sample_rate)
        super().__init__(
            settings, backend.host_block_size, backend.sample_rate, lambda _: routing, notify
        )
        self.reconnections, self._xruns = 0, 0
        self.stream: AudioStream | None = None
        self._lost: AudioStream | None = None
        self._problem = ""
        self._late_seen: list[tuple[float, int]] = []
        try:
            self.stream = self._open()
            self._device_latency = self.stream.device_latency
        except BaseException:
            if self.stream:
                self.stream.close()  # before the engine, whose memory its callback works on
            super().close()
            raise
        self._closing = threading.Event()
        self._monitoring = threading.Thread(
            target=self._monitor, name="restem session", daemon=True
        )
        self._monitoring.start()

    def _monitor(self) -> None:
        """Read the meters, notice a device that is gone, and wait for it.

        Only this thread talks to a stream: others could find it closed in the middle.
        """
        beat, alive_at, asked_at = -1, time.monotonic(), -math.inf
        patience = self.backend.silent_seconds
        while not self._closing.wait(GLANCE_SECONDS):
            self.meter()
            now, callbacks = time.monotonic(), self.engine.rings.get(Cell.CALLBACKS)
            stream = self.stream
            if stream is None:
                self._reconnect()
                beat, alive_at = -1, time.monotonic()
            elif callbacks != beat and stream.alive:
                beat, alive_at = callbacks, now
                if now - asked_at > 1:
                    asked_at = now
                    self._refresh_latency(stream)
            elif not stream.alive or now - alive_at > patience:
                self._drop_stream(stream)

    def _refresh_latency(self, stream: AudioStream) -> None:
        with suppress(Exception):  # a stream that breaks meanwhile is noticed at the next look
            self._device_latency = stream.device_latency
            self.backend.remember(stream)

    def _drop_stream(self, stream: AudioStream) -> None:
        self._problem = f"{stream.name} is gone; waiting for it"
        self._xruns += stream.xruns
        self.stream = None
        self._lost = stream
        stream.close()

    def _open(self, lost: AudioStream | None = None) -> AudioStream:
        stream = self.backend.open(self.engine, lost)
        try:
            stream.start()
        except BaseException:
            stream.close()
            raise
        return stream

    def _reconnect(self) -> None:
        self._closing.wait(RETRY_SECONDS)
        if self._closing.is_set():
            return
        try:
            stream = self._open(self._lost)
            self.backend.restore(stream)
        except Exception as error:  # whatever it is, the next try may go well
            name = self._lost.name if self._lost else "the device"
            self._problem = f"waiting for {name}: {' '.join(str(error).split())}"
            return
        self.stream, self._problem = stream, ""
        self.reconnections += 1

    def connections(self) -> Connections:
        return self.backend.connections()

    def want(self, connections: Connections) -> None:
        self.backend.want(connections)

    def position_at(self, moment: float) -> int:
        """Position of the mixer at a time of `time.monotonic`.

        Within a callback: it is reckoned from when the newest one began.
        """
        stream, mixer, rate = self.stream, self.engine.mixer, self.engine.sample_rate
        began, begins = time.monotonic(), mixer.position
        if stream and (last := stream.callback.last_began) is not None:
            began, begins = last, begins - self.backend.host_block_size
        return max(0, begins + round((moment - began) * rate))

    def status(self) -> SessionStatus:
        """The session's status, for views and scripts."""
        now, stream = super().status(), self.stream
        late = self._why_late(now.late, now.step_p99)
        if stream is None:
            return replace(
                now,
                state="no device",
                problem=self._problem,
                xruns=self._xruns,
                reconnections=self.reconnections,
            )
        durations, extra = stream.callback.timings_us()[0], stream.input_latency
        p50, p999 = np.percentile(durations, (50, 99.9)) if len(durations) else (None, None)
        latency = {**now.latency, "total": now.latency["total"] + extra}
        return replace(
            now,
            problem=self._problem or self._resized(stream) or now.problem or late,
            blocksize=stream.host_block_size,
            link=stream.name,
            latency={"clocks": extra, **latency} if extra else latency,
            latency_ms=1000 * latency["total"] / now.sample_rate,
            device_latency=self._device_latency,
            drift_ppm=stream.drift_ppm,
            callback_p50_us=p50,
            callback_p999_us=p999,
            reconnections=self.reconnections,
            xruns=self._xruns + stream.xruns,
        )

    def _resized(self, stream: AudioStream) -> str:
        """A line where callbacks have grown beyond what the latency was counted for."""
        made, now = self.backend.host_block_size, stream.host_block_size
        if now <= made and made % now == 0:
            return ""
        return (
            f"the device's blocks are now {now} frames, this engine was made for {made}: stems "
            "come late; start restem anew, or set the block size back"
        )

    def _why_late(self, late: int, p99: float | None) -> str:
        """Remedy if steps were late in the last ten seconds."""
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
        self._monitoring.join()
        self.recorder.close()
        if self.stream:
            self.stream.close()
        super().close()
