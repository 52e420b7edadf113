"""`restem verify`: every promise, held against this machine.

Music is played through a real engine, worker and all, at the pace of a sound card; what comes out
is held against the render of the same music. With a device, the way out and back is measured too.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from typing import Any

import numpy as np
import soundfile
import soxr
import torch

from restem.bridge.audio.portaudio import Device, portaudio_module
from restem.bridge.settings import HOST_BLOCK_SIZE, Settings
from restem.streamer.builder import pick_stems
from restem.streamer.engine.engine import Engine
from restem.streamer.mixer.routing import DRY, MASTER, Routing, bus_names, minus_name
from restem.streamer.resampler import Audio
from restem.streamer.stream import render

Progress = Callable[[float, float], None]  # seconds done, seconds in all

SECONDS = 30.0  # of music
TOLERANCE = 1e-5  # of the peak
LEAD_SECONDS = 1.0  # silence before the music: workers wake up


@dataclass(frozen=True)
class Check:
    """One promise."""

    promise: str
    measured: str
    expected: str
    passed: bool | None  # None: could not be checked here

    def row(self) -> tuple[str, ...]:
        verdict = {True: "pass", False: "FAIL", None: "-"}[self.passed]
        return self.promise, self.measured, self.expected, verdict

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def verify(
    settings: Settings,
    devices: Sequence[Device] | None = None,
    seconds: float = SECONDS,
    progress: Progress = lambda done, total: None,
) -> list[Check]:
    """Check the promises of a profile at a block size on this machine.

    Args:
        settings: profile, block size, allowance, threads; the rate is the model's if None.
        devices: an input and an output with a cable between, to measure the round trip; or None.
        seconds: of music.

    Raises:
        ValueError: the profile cannot be loaded, or is too slow here.
    """
    profile = settings.described
    stems = pick_stems(profile.stems, settings.stems)
    rate = settings.rate or profile.sample_rate
    build = settings.request(stems, rate)
    block = settings.host_block_size or HOST_BLOCK_SIZE
    mix = music(rate, seconds, block)
    with settings.start_engine(build, block, rate) as engine:
        buses = (*bus_names(stems), minus_name(stems[0]))
        engine.mixer.route(Routing.pairs(buses))
        engine.mixer.set("ceiling", False)
        played, durations = _play(engine, mix, block, progress)
        status, latency = engine.status(), engine.latency.total
    out = dict(zip(buses, played.reshape(len(buses), 2, -1), strict=True))
    rendered = render(build(), torch.from_numpy(mix)).numpy()
    checks = [
        _latency(out["dry"], mix, latency, "latency of bypass and dry mix"),
        _latency(out[stems[0]], rendered[0], latency, f"latency of the stems ({stems[0]})"),
        _same(out, rendered, stems, latency),
        _sum(out, engine.mixer.strips),
        _minus(out, stems[0]),
        Check(
            "no step is late",
            f"{status.late} of {status.steps} steps late, p99 "
            + (f"{status.step_times.p99:.1f} ms" if status.step_times else "unknown"),
            f"0; {1000 * engine.latency.allowance / rate:.1f} ms allowed",
            status.late == 0,
        ),
        _call(durations, block / rate),
    ]
    if devices:
        checks.append(measure_round_trip(devices, rate, block))
    return checks


def music(rate: int, seconds: float, block: int) -> Audio:
    """The demo's song, at a rate, for as long as wanted, in whole blocks."""
    with resources.as_file(resources.files("restem.bridge") / "demo_song" / "mix.flac") as path:
        song, own = soundfile.read(path, dtype="float32", always_2d=True)
    song = soxr.resample(song, own, rate)
    count = math.ceil(seconds * rate / block) * block
    repeated = np.tile(song, (math.ceil(count / len(song)), 1))[:count].T
    silence = np.zeros((2, round(LEAD_SECONDS * rate / block) * block))
    return np.ascontiguousarray(np.concatenate((silence, repeated), axis=1), dtype=np.float32)


def _play(engine: Engine, mix: Audio, block: int, progress: Progress) -> tuple[Audio, Audio]:
    """Play a mix as a sound card would: [o, n], and how long each call took, in seconds."""
    rate = engine.sample_rate
    padded = np.pad(mix, ((0, 0), (0, math.ceil(engine.latency.total / block) * block)))
    played, durations = [], []
    began = time.perf_counter()
    for start in range(0, padded.shape[1], block):
        time.sleep(max(0.0, began + start / rate - time.perf_counter()))
        called = time.perf_counter()
        played.append(engine.process(padded[:, start : start + block]))
        durations.append(time.perf_counter() - called)
        if start // block % 100 == 0:
            progress(start / rate, padded.shape[1] / rate)
    return np.concatenate(played, axis=1), np.array(durations, np.float32)


def _latency(received: Audio, expected: Audio, latency: int, promise: str) -> Check:
    """Measure a lag: where the cross-correlation with what is expected has its peak."""
    lag = best_lag(received[0], expected[0])
    return Check(promise, f"{lag} samples", f"{latency} samples", lag == latency)


def best_lag(received: Audio, expected: Audio) -> int:
    """By how many samples [n] is later than [m], by cross-correlation."""
    size = 1 << (len(received) + len(expected) - 1).bit_length()
    product = np.fft.rfft(received, size) * np.conj(np.fft.rfft(expected, size))
    lag = int(np.argmax(np.fft.irfft(product, size)))
    return lag - size if lag > size // 2 else lag


def _same(out: dict[str, Audio], rendered: Audio, stems: Sequence[str], latency: int) -> Check:
    """Streamed stems against rendered ones, wherever no dry mix stood in."""
    count = rendered.shape[-1]
    wet = ~np.abs(out["residual"][:, latency : latency + count]).any(axis=0)
    error = max(
        np.abs(out[stem][:, latency : latency + count] - own)[:, wet].max(initial=0)
        for stem, own in zip(stems, rendered, strict=True)
    ) / np.abs(rendered).max(initial=1e-9)
    share = wet.mean()
    return Check(
        "stems[n + latency] == render(mix)[n]",
        f"off by {error:.1e} of the peak, over {100 * share:.2f} % of the music",
        f"{TOLERANCE:.0e}",
        bool(error < TOLERANCE and share > 0.5),
    )


def _sum(out: dict[str, Audio], strips: Sequence[str]) -> Check:
    total = np.sum([out[strip] for strip in strips], axis=0, dtype=np.float64)
    error = float(np.abs(total - out[MASTER]).max())
    return Check(
        "the master is the sum of the strips",
        f"off by {error:.1e}",
        f"{TOLERANCE:.0e}",
        error < TOLERANCE,
    )


def _minus(out: dict[str, Audio], stem: str) -> Check:
    error = float(np.abs(out[stem] + out[minus_name(stem)] - out[DRY]).max())
    return Check(
        f"{stem} and the mix without it add up to the mix",
        f"off by {error:.1e}",
        f"{TOLERANCE:.0e}",
        error < TOLERANCE,
    )


def _call(durations: Audio, period: float) -> Check:
    """The calls' own cost; from Python, so above what the native callback takes."""
    p50, p999 = np.percentile(durations, (50, 99.9))
    return Check(
        "a callback's work fits its period",
        f"p50 {1e6 * p50:.0f} µs, p99.9 {1e6 * p999:.0f} µs",
        f"under {1e6 * period / 2:.0f} µs, half the period",
        bool(p999 < period / 2),
    )


def measure_round_trip(devices: Sequence[Device], rate: int, host_block_size: int) -> Check:
    """Play noise on the first output, and find it in the first input."""
    sounddevice = portaudio_module()
    noise = 0.25 * np.random.default_rng(0).standard_normal(rate // 2)
    played = np.concatenate((noise, np.zeros(rate))).astype(np.float32)
    promise = "round trip through " + " -> ".join(dict.fromkeys(d.label for d in devices))
    try:
        recorded = sounddevice.playrec(
            played[:, None],
            rate,
            channels=1,
            device=tuple(device.number for device in devices),
            blocksize=host_block_size,
            latency="low",
            blocking=True,
        )[:, 0]
    except sounddevice.PortAudioError as error:
        return Check(promise, f"{error}", "a device that opens", False)
    lag = best_lag(recorded, played)
    aligned = recorded[max(lag, 0) :][: len(noise)]
    norms = np.linalg.norm(aligned) * np.linalg.norm(noise[: len(aligned)])
    likeness = float(aligned @ noise[: len(aligned)] / norms) if norms > 0 else 0.0
    if lag <= 0 or likeness < 0.5:
        return Check(promise, "nothing came back", "a cable from output 1 to input 1", None)
    trip = f"{lag} samples = {1000 * lag / rate:.1f} ms"
    return Check(promise, trip, "added by the device", True)
