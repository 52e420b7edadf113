"""The engine with real worker processes; music is played in step with them, at any speed."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from restem.streamer.engine import engine
from restem.streamer.engine.engine import Engine
from restem.streamer.engine.latency import Latency, count_latency
from restem.streamer.engine.process import Build, TooSlowError, check_speed, speed_caution
from restem.streamer.engine.worker import Ready, StepTimes
from restem.streamer.mixer.routing import Routing
from tests.support.engine_player import BLOCK, PATIENCE_SECONDS, Player, until
from tests.support.gain_model import Plain
from tests.support.law import music


@pytest.fixture
def player() -> Iterator[Player]:
    made = Player()
    yield made
    made.engine.close()


def test_the_law_holds_across_a_process(player: Player) -> None:
    player.play(150)
    assert player.error() == 0
    status = player.engine.status()
    assert (status.state, status.late, status.restarts) == ("ready", 0, 0)
    assert status.frames_in == 150 * BLOCK
    assert status.step_times is not None


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSTOP], ids=["dead", "hung"])
def test_a_worker_that_is_gone_is_replaced_and_the_law_holds_again(
    player: Player, blow: signal.Signals
) -> None:
    player.play(60)
    worker = player.engine._workers[0]
    assert worker is not None
    assert worker.process.pid is not None
    restarts = player.engine.restarts
    os.kill(worker.process.pid, blow)
    until(lambda: player.engine.restarts > restarts, lambda: player.play(1, in_step=False))
    until(lambda: player.engine._workers[0] not in (None, worker), lambda: player.play(1, 1, False))
    until(player.caught_up)
    player.play(120)
    assert player.error(last=60) == 0
    assert player.foreign() < 1e-6
    assert player.engine.status().late >= 1


@dataclass
class Moody(Plain):
    """Raises at what is too loud for it."""

    def step(self, block: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        if block.abs().max() > 5:
            raise ArithmeticError("this is\ntoo loud")
        return super().step(block, state)


def test_a_worker_that_raises_is_replaced_says_why_and_the_law_holds_again() -> None:
    player = Player(Moody)
    try:
        player.play(40)
        assert player.error() == 0
        first = player.engine.worker_pid
        player.engine.process(np.full((2, BLOCK), 6.0, np.float32))
        player.heard.append(np.full((2, BLOCK), 6.0, np.float32))
        player.played.append(np.zeros_like(player.played[-1]))
        until(
            lambda: player.engine.worker_pid not in (None, first),
            lambda: player.play(1, 1, in_step=False),
        )
        until(player.caught_up)
        player.play(120)
        assert player.error(last=60) == 0
        status = player.engine.status()
        assert status.restarts == 1
        assert status.failure == "the worker was replaced: ArithmeticError: this is too loud"
    finally:
        player.engine.close()


MEMORY = (
    "CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 23.68 GiB of "
    "which 4.69 MiB is free. Including non-PyTorch memory, this process has 23.60 GiB memory in "
    "use. See documentation for Memory Management\n(https://pytorch.org/docs)"
)


@dataclass
class Crowded(Plain):
    """Finds its GPU full when music begins, and again each time it is built."""

    marker: str = ""  # a file that is there after the first time

    def __post_init__(self) -> None:
        if os.path.exists(self.marker):
            raise torch.OutOfMemoryError(MEMORY)

    def step(self, block: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        if block.abs().max() > 5:
            open(self.marker, "x").close()
            raise torch.OutOfMemoryError(MEMORY)
        return super().step(block, state)


def test_a_full_gpu_is_one_line_the_dry_mix_plays_and_tries_are_made_after_longer_rests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "REST_SECONDS", (300.0, 1000.0))
    marker = tmp_path / "full"
    player = Player(partial(Crowded, marker=str(marker)))
    problem = "CUDA out of memory: tried to allocate 20.00 MiB; another program may use the GPU; "
    problem += "--device cpu or fewer --stems"
    try:
        player.engine.process(np.full((2, BLOCK), 6.0, np.float32))
        until(lambda: player.engine.restarts > 0, lambda: player.play(1, in_step=False))
        assert player.engine.status().failure == f"the worker was replaced: {problem}"
        until(lambda: "next" in player.engine.failure, lambda: player.play(1, in_step=False))
        rested = f"the worker cannot be replaced: {problem}; the next starts in 300 s"
        assert player.engine.status().failure == rested
        assert (player.engine.restarts, player.engine.status().state) == (1, "starting")
        player.engine.mixer.route(Routing.preset("stereo", player.engine.stems))
        mix, late = music(4 * player.latency, seed=3), player.latency
        dry = np.hstack([player.engine.process(part) for part in np.hsplit(mix, 4)])
        assert np.abs(dry[:, 2 * late :] - mix[:, late:-late]).max() < 1e-6
    finally:
        player.engine.close()  # does not wait for the next try


def test_another_model_takes_over_at_the_same_latency(player: Player) -> None:
    player.play(60)
    other = Plain(latency=100, gains=(1.0, 0.5, 0.0))
    player.engine.swap(partial(Plain, latency=100, gains=(1.0, 0.5, 0.0)))
    player.play(80)
    assert player.error(last=40, model=other) == 0
    assert player.engine.status().late == 0


def test_swaps_drop_nothing(player: Player) -> None:
    for _ in range(3):
        player.play(40)
        player.engine.swap(Plain)
    player.play(40)
    status = player.engine.status()
    assert (status.dropped, status.late, status.restarts) == (0, 0, 0)


def broken() -> Plain:
    raise ValueError("no such weights")


@pytest.mark.parametrize(
    ("build", "complaint"),
    [
        (broken, "ValueError: no such weights"),
        (partial(Plain, stems=("a", "b", "c")), "the new model has stems"),
        (partial(Plain, latency=100_000), "samples more than this engine's latency"),
        (partial(os._exit, 3), "the worker ended with exit code 3"),
    ],
)
def test_a_model_that_does_not_fit_is_refused_and_the_old_one_plays_on(
    player: Player, build: Build, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        player.engine.swap(build)
    player.play(40)
    assert player.error() == 0
    assert player.engine._workers[1] is None


def test_a_model_that_never_keeps_up_leaves_nothing_behind(
    player: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    player.play(20)

    def give_up(deck: int) -> None:
        raise ValueError("the new model does not keep up; the old one plays on")

    monkeypatch.setattr(player.engine, "_await_lead", give_up)
    with pytest.raises(ValueError, match="the new model does not keep up; the old one plays on"):
        player.engine.swap(Plain)
    assert player.engine._workers[1] is None
    player.play(40)
    assert player.error() == 0
    assert player.engine.status().restarts == 0


def test_a_model_that_cannot_be_built_is_said_in_one_line() -> None:
    with pytest.raises(ValueError, match="ValueError: no such weights"):
        Engine(broken)


@pytest.mark.parametrize(("p50", "p99"), [(9.0, 9.0), (1.0, 30.0)])
def test_a_model_that_is_too_slow_is_refused(p50: float, p99: float) -> None:
    model = {"block_size": 480, "sample_rate": 48000}
    with pytest.raises(ValueError, match=r"too slow here: a step takes .* ms"):
        check_speed(Ready(model, StepTimes(p50, p99, p99)), allowance=960)
    check_speed(Ready(model, StepTimes(1.0, 5.0, 5.0)), allowance=960)


def test_one_hiccup_while_a_model_is_measured_is_a_word_of_caution_and_no_refusal() -> None:
    seconds = [0.002] * 60
    seconds[33] = 0.05
    times = StepTimes.of(seconds)
    ready = Ready({"block_size": 480, "sample_rate": 48000}, times)
    check_speed(ready, allowance=960)
    assert "some steps took" in speed_caution(ready, allowance=960)
    steady = Ready(ready.model, StepTimes.of([0.002] * 60))
    assert speed_caution(steady, allowance=960) == ""
    with pytest.raises(ValueError, match="too slow here"):
        check_speed(Ready(ready.model, StepTimes.of([0.002] * 9 + [0.05])), allowance=960)


def test_a_model_that_is_too_slow_starts_where_that_is_insisted_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise TooSlowError("too slow here")

    monkeypatch.setattr(engine, "check_speed", refuse)
    with pytest.raises(ValueError, match="too slow here"):
        Engine(Plain)
    with Engine(Plain, force=True) as forced:
        assert forced.caution == "too slow here: started all the same"


def test_a_worker_that_stood_still_with_the_whole_program_is_not_taken_for_a_hung_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine, "HUNG_SECONDS", 0.5)
    monkeypatch.setattr(engine, "SLEPT_SECONDS", 0.2)
    player = Player()
    try:
        player.play(40)
        asleep, awake = threading.Event(), threading.Event()
        flush = player.engine.mixer.flush_scheduled

        def sleep() -> None:
            asleep.set()
            awake.wait(PATIENCE_SECONDS)
            flush()

        worker = player.engine.worker_pid
        assert worker is not None
        monkeypatch.setattr(player.engine.mixer, "flush_scheduled", sleep)
        assert asleep.wait(PATIENCE_SECONDS)
        os.kill(worker, signal.SIGSTOP)
        begun = time.monotonic()
        until(lambda: time.monotonic() - begun > 1.0)
        os.kill(worker, signal.SIGCONT)
        monkeypatch.setattr(player.engine.mixer, "flush_scheduled", flush)
        awake.set()
        player.play(60)
        assert player.error() == 0
        assert (player.engine.worker_pid, player.engine.status().restarts) == (worker, 0)
    finally:
        player.engine.close()


@pytest.mark.parametrize(
    ("host", "allowance", "varies", "parts"),
    [
        (256, 500, False, (300, 256, 512)),
        (512, 512, False, (300, 0, 512)),
        (480, None, False, (300, 480, 960)),
        (1000, 100, False, (300, 504, 1000)),
        (None, 100, False, (300, 511, 1024)),
        (256, 500, True, (300, 511, 512)),
        (4096, 100, True, (300, 511, 4096)),
    ],
)
def test_latency_is_counted_by_cause(
    host: int | None, allowance: int | None, varies: bool, parts: tuple[int, int, int]
) -> None:
    model = {"block_size": 512, "latency": 300}
    assert count_latency(model, host, allowance, varies) == Latency(*parts, fade=128)
