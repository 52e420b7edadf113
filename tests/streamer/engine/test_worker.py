"""What a worker does with a model, in this process."""

import math
import time
from multiprocessing import Pipe

import numpy as np
import pytest
import torch
from torch import Tensor

from restem.streamer.engine import worker
from restem.streamer.engine.rings import Audio
from restem.streamer.engine.worker import DeviceRunner, StepTimes, last_words, measure, run
from tests.support.gain_model import Plain
from tests.support.tiny_networks import noise

ALLOCATION = (
    "CUDA out of memory. Tried to allocate 1.50 GiB. GPU 0 has a total capacity of 23.68 GiB of "
    "which 4.69 MiB is free. Process 7 has 3.00 GiB in use. If reserved but unallocated memory is "
    "large try setting PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True"
)
LAUNCH = (
    "CUDA error: unspecified launch failure\nCUDA kernel errors might be asynchronously reported "
    "at some other API call, so the stacktrace below might be incorrect."
)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            torch.OutOfMemoryError(ALLOCATION),
            "CUDA out of memory: tried to allocate 1.50 GiB; another program may use the GPU; "
            "--device cpu or fewer --stems",
        ),
        (
            RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be"),
            "CUDA error: out of memory; another program may use the GPU; "
            "--device cpu or fewer --stems",
        ),
        (
            RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED"),
            "CUDA error: CUBLAS_STATUS_ALLOC_FAILED; another "
            "program may use the GPU; --device cpu or fewer --stems",
        ),
        (
            RuntimeError("CUDA error: no kernel image is available for execution on the device"),
            "CUDA error: no kernel image is available for execution on the device; "
            "use --device cpu",
        ),
        (
            RuntimeError(LAUNCH),
            "CUDA error: unspecified launch failure; the GPU may be lost: see `nvidia-smi`, or "
            "use --device cpu",
        ),
        (ValueError("no such weights"), "ValueError: no such weights"),
    ],
)
def test_a_workers_last_words_are_one_line_with_what_helps(error: Exception, words: str) -> None:
    def build() -> Plain:
        raise error

    here, there = Pipe()
    run(build, torch.get_num_threads(), there)
    assert here.recv() == last_words(error) == words


@pytest.fixture(autouse=True)
def own_heap(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' process is no worker."""
    monkeypatch.setattr(worker, "keep_freed_memory", lambda: False)


class Staged(DeviceRunner):
    """As with a GPU, but for the pinning; counts its waits."""

    def __init__(self, model: Plain) -> None:
        super().__init__(model)
        self.apart, self.waits = True, 0

    def _wait(self) -> None:
        self.waits += 1


def test_what_goes_to_a_gpu_and_back_is_what_a_model_here_is_given_and_gives() -> None:
    here, staged = DeviceRunner(Plain()), Staged(Plain())
    states = [Plain().init_state()] * 2
    for count, block in enumerate(noise(512 * 4).split(512, dim=-1), 1):
        expected, states[0] = here.step(block.numpy(), states[0])
        stems, states[1] = staged.step(block.numpy(), states[1])
        assert np.array_equal(stems, expected)
        assert torch.equal(*states)
        assert staged.waits == count


def test_blocks_and_stems_have_one_place_each_on_the_way_to_a_gpu() -> None:
    staged, state = Staged(Plain()), Plain().init_state()
    first, _ = staged.step(noise(512).numpy(), state)
    second, _ = staged.step(noise(512, seed=1).numpy(), state)
    assert np.shares_memory(first, second)


class Clock:
    """A time that only steps take."""

    now = 0.0


class Slow(Plain):
    """Takes the seconds that it is told, one after the other, the last one again and again."""

    def __init__(self, device: str, *seconds: float) -> None:
        super().__init__(block_size=480, sample_rate=48000, device=torch.device(device))
        self.seconds, self.steps = seconds, 0

    def step(self, block: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        Clock.now += self.seconds[min(self.steps, len(self.seconds) - 1)]
        self.steps += 1
        return super().step(block, state)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "perf_counter", lambda: Clock.now)


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(
    ("device", "seconds", "limit", "steps", "p50"),
    [
        ("cpu", (0.001,), 10, 68, 0.001),
        ("cpu", (0.5,), 10, 21, 0.5),
        ("cpu", (20.0,), 10, 1, 20.0),
        ("cpu", (20.0,), math.inf, 1, 20.0),
        ("cpu", (0.009,), 0.1, 12, 0.009),
        ("meta", (20.0, 0.001), 10, 9, 0.001),  # a GPU's first step may take long
        ("meta", (20.0, 0.001), math.inf, 68, 0.001),
        ("meta", (20.0, 30.0), 10, 2, 30.0),
    ],
)
def test_measuring_ends_early_when_it_must(
    monkeypatch: pytest.MonkeyPatch,
    device: str,
    seconds: tuple[float, ...],
    limit: float,
    steps: int,
    p50: float,
) -> None:
    model = Slow(device, *seconds)
    monkeypatch.setattr(worker, "DeviceRunner", Here)
    times = measure(model, limit)
    assert model.steps == steps
    assert times.p50 == pytest.approx(1000 * p50)


class Here(DeviceRunner):
    """Steps here, whatever the model says of its device."""

    def step(self, block: Audio, state: Tensor) -> tuple[Audio, Tensor]:
        stems, state = self.model.step(torch.from_numpy(block), state)
        return stems.numpy(), state


def test_step_times_are_milliseconds() -> None:
    times = StepTimes.of([0.001] * 99 + [0.003])
    assert (times.p50, times.worst) == (1.0, 3.0)


def test_a_worker_keeps_its_memory_before_it_builds(monkeypatch: pytest.MonkeyPatch) -> None:
    order = []
    monkeypatch.setattr(worker, "keep_freed_memory", lambda: order.append("heap"))

    def build() -> Plain:
        order.append("build")
        raise ValueError

    here, there = Pipe()
    run(build, torch.get_num_threads(), there)
    assert here.recv() == "ValueError: "
    assert order == ["heap", "build"]
