"""Base of all sessions: an engine that is metered, recorded, switched and observed.

`bridge.session.live` gives it sound devices, `bridge.session.headless` files and streams.
"""

import json
import math
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Self, TextIO

from restem.bridge.audio.backend import Connections
from restem.bridge.session.status import FLOOR_DB, SessionStatus
from restem.bridge.settings import Settings
from restem.bridge.takes.recorder import Recorder, unfinished_takes
from restem.streamer.builder import pick_stems
from restem.streamer.descriptions import describe_profiles
from restem.streamer.engine.engine import Engine, Status
from restem.streamer.engine.process import Build, TooSlowError, holds
from restem.streamer.mixer.routing import Routing

GLANCE_SECONDS = 1 / 30  # between two looks at the meters
RELEASE_DB_PER_SECOND = 20.0  # of the meters


class Session:
    """An engine, its meters and its recorder, until it is closed.

    Args:
        settings: what to run.
        host_block_size: frames that are played at a time.
        sample_rate: Hz.
        routing: of the outputs.
        notify: gets a line while things start.

    Raises:
        ValueError: the profile or a number does not fit, or it is too slow here; one line.
    """

    def __init__(
        self,
        settings: Settings,
        host_block_size: int,
        sample_rate: int,
        routing: Callable[[Sequence[str]], Routing],
        notify: Callable[[str], None],
    ) -> None:
        self.settings, self.host_block_size, self.sample_rate = (
            settings,
            host_block_size,
            sample_rate,
        )
        stems = pick_stems(settings.described.stems, settings.stems)
        outputs = routing(stems)
        notify(f"{settings.profile}: loading, warming up, measuring")
        self.engine = self._start(settings.request(stems, sample_rate))
        if self.engine.caution:
            notify(f"{settings.profile}: {self.engine.caution}")
        try:
            self.engine.mixer.route(outputs)
            takes = settings.takes, settings.profile, settings.take_format
            self.recorder = Recorder(self.engine, *takes)
            for folder in unfinished_takes(Path(settings.takes)):
                notify(
                    f"{folder}: not ended, unless another restem records it: it plays as far as it "
                    f"goes, `restem render --session {folder}` mixes it anew"
                )
        except BaseException:
            self.engine.close()
            raise
        self._levels = {bus: [FLOOR_DB, FLOOR_DB] for bus in self.engine.mixer.buses}
        self._metered = time.monotonic()
        self._switching = threading.Lock()

    def _start(self, build: Build) -> Engine:
        try:
            return self.settings.start_engine(build, self.host_block_size, self.sample_rate)
        except TooSlowError as error:
            remedy = self.remedy(self._holding_profile())
            raise ValueError(f"{self.settings.profile}: {error}; {remedy}") from None

    @staticmethod
    def remedy(profile: str | None) -> str:
        """Advice where a profile is too slow here, and another one, if there is one, would hold."""
        if profile is None:
            return "give it a larger --allowance, fewer --stems, or more --threads, or --force"
        return f"use --profile {profile}, which holds here, or --force"

    def _holding_profile(self) -> str | None:
        wanted = self.settings
        names: list[str] = [r["name"] for r in describe_profiles() if r["ready"] == "yes"]
        for name in names:
            if name == wanted.profile:
                continue
            other = replace(wanted, profile=name)
            build = other.request(wanted.stems, self.sample_rate)
            allowance = other.allowance_at(self.sample_rate)
            if holds(build, self.host_block_size, allowance, wanted.threads):
                return name
        return None

    @property
    def profile(self) -> str:
        """Current profile."""
        return self.settings.profile

    def switch(self, profile: str) -> None:
        """Crossfade to another profile, at the same latency; takes seconds.

        Raises:
            ValueError: it cannot; the old one plays on.
        """
        wanted = replace(self.settings, profile=profile)
        build = wanted.request(self.engine.stems, self.sample_rate)
        with self._switching:
            self.engine.swap(build)
            self.settings = wanted

    def connections(self) -> Connections:
        """Wanted connections to other programs, if there is a backend that has such."""
        return []

    def want(self, connections: Connections) -> None:
        """Make connections as soon as their ports are there."""

    def position_at(self, moment: float) -> int:
        """Position of the mixer at a time of `time.monotonic`."""
        raise NotImplementedError

    def meter(self) -> None:
        """Read the peaks; called again and again, by one thread."""
        now = time.monotonic()
        fall = RELEASE_DB_PER_SECOND * (now - self._metered)
        self._metered = now
        for bus, peaks in self.engine.mixer.peaks().items():
            held = self._levels[bus]
            for side, peak in enumerate(peaks):
                level = 20 * math.log10(peak) if peak > 0 else FLOOR_DB
                held[side] = max(level, held[side] - fall, FLOOR_DB)

    def levels(self) -> dict[str, tuple[float, float]]:
        """Left and right peaks of every strip and of the master, in dBFS; they fall slowly."""
        return {bus: (left, right) for bus, (left, right) in self._levels.items()}

    def status(self) -> SessionStatus:
        """The session's status, for views and scripts."""
        status, take = self.engine.status(), self.recorder.status()
        rate, steps, total = status.sample_rate, status.step_times, status.latency.total
        return SessionStatus(
            state=status.state,
            problem=(f"recording failed: {take.reason}" if take.reason else "")
            or (status.failure if status.state != "ready" else "")
            or _health(status),
            profile=self.settings.profile,
            link="",
            sample_rate=rate,
            blocksize=self.host_block_size,
            seconds=status.frames_in / rate,
            latency={**asdict(status.latency), "total": total},
            latency_ms=1000 * total / rate,
            device_latency=(0, 0),
            drift_ppm=None,
            step_p50=steps.p50 if steps else None,
            step_p99=steps.p99 if steps else None,
            step_allowed=1000 * status.latency.allowance / rate,
            callback_p50_us=None,
            callback_p999_us=None,
            late=status.late,
            late_frames=status.late_frames,
            dropped=status.dropped,
            restarts=status.restarts,
            failure=status.failure,
            reconnections=0,
            xruns=0,
            bad_samples=status.bad_samples,
            recording=take.state,
            take=str(take.folder or ""),
            take_seconds=take.seconds,
            take_lost=take.lost_frames,
            levels=self.levels(),
        )

    def close(self) -> None:
        """Stop recording, then the engine."""
        self.recorder.close()
        self.engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _health(status: Status) -> str:
    """A word about answers that were no audio."""
    if not status.bad_answers:
        return ""
    return (
        f"the model's answer was not finite {status.bad_answers} times; it began anew each time, "
        "the mix stood in: check the input's level and the weights"
    )


def watch(
    session: Session, out: TextIO, seconds: float | None = None, as_json: bool = False
) -> None:
    """Print a line a second, for people or as JSON, until Ctrl-C or `seconds` have passed."""
    began = time.monotonic()
    with suppress(KeyboardInterrupt):
        while True:
            left = math.inf if seconds is None else began + seconds - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(1.0, left))
            now = session.status()
            print(json.dumps(now.as_dict()) if as_json else now.line(), file=out, flush=True)
