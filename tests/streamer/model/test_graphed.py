"""A graphed model is the model, bit for bit; a tape of operations stands in for CUDA's graphs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from restem.models.cascade import Cascade, Repair, Separator
from restem.models.demucs import Demucs, DemucsConfig
from restem.models.inference.demucs import StackedDemucs
from restem.models.inference.recurrences import StackedAxisRNN
from restem.streamer.model.chunked import Chunked
from restem.streamer.model.combine import Series
from restem.streamer.model.graphed import CudaGraph, Graphed, blank_like, graphed
from restem.streamer.model.protocol import StreamingModel
from tests.support.gain_model import Plain
from tests.support.tiny_networks import noise, small_models, unets

STEPS = 8


def as_on_a_gpu() -> StreamingModel:
    """All stems in one batch, in bfloat16, one of them without a repair."""
    plain, wide = unets("dtt-bsr", 2), unets("dtt-bsr", 1, g=32)
    networks = {"vocals": plain[0], "bass": wide[0], "drums": plain[1]}
    separator = Separator(networks, 48000, torch.bfloat16, together=True)
    repairs = {}
    with torch.random.fork_rng(devices=[]):
        for stem in ("vocals", "drums"):
            repairs[stem] = Demucs(DemucsConfig(features=4, depth=3)).eval().requires_grad_(False)
    repair = Repair(repairs, separator.stems, repairs["drums"], 48000, torch.bfloat16)
    sizes = {"block_size": 512, "context": 256, "fade": 128, "lookahead": 256}
    return Chunked(Cascade(separator, repair), **sizes)


MODELS = {**small_models(), "as on a GPU": as_on_a_gpu()}


class Tape(TorchDispatchMode):
    """Records every operation with the tensors it works on, and repeats it on these very tensors.

    Nothing else that Python does is repeated, as with a CUDA graph.
    """

    def __init__(self) -> None:
        super().__init__()
        self.operations: list[tuple[Any, Any, Any, Any]] = []
        self.replays = 0

    def __torch_dispatch__(
        self, operation: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        answer = operation(*args, **(kwargs or {}))
        self.operations.append((operation, args, kwargs or {}, answer))
        return answer

    def capture(self, function: Callable[[], None]) -> None:
        with self:
            function()

    @torch.inference_mode()  # a graph knows no modes
    def replay(self) -> None:
        self.replays += 1
        for operation, args, kwargs, answer in self.operations:
            for old, new in zip(
                tensors_of(answer), tensors_of(operation(*args, **kwargs)), strict=True
            ):
                old.copy_(new)


def tensors_of(answer: Any) -> list[Tensor]:
    return [answer] if isinstance(answer, Tensor) else [*(answer or ())]


def taped(model: StreamingModel) -> tuple[Graphed, Tape]:
    """Every tape that is asked for is the same: only one capture can be."""
    tape = Tape()
    return Graphed(model, lambda: tape), tape


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> StreamingModel:
    if request.param == "as on a GPU":
        monkeypatch.setattr(StackedAxisRNN, "recur_in_turn", StackedAxisRNN.recur_together)
        monkeypatch.setattr(StackedDemucs, "_convolve", convolve_together)
    return MODELS[request.param]


def convolve_together(stack: StackedDemucs, x: Tensor, start: int, stop: int) -> Tensor:
    return stack._run(x.transpose(-1, -2), slice(None), start, stop).transpose(-1, -2)


@torch.inference_mode()
def run(
    model: StreamingModel, seed: int = 0, steps: int = STEPS, state: Any = None
) -> tuple[list[Tensor], Any]:
    """Step over noise: every step's stems, and the last state."""
    state, answers = model.init_state() if state is None else state, []
    for block in noise(steps * model.block_size, seed).split(model.block_size, dim=-1):
        stems, state = model.step(block, state)
        answers.append(stems)
    return answers, state


def equal(ours: list[Tensor], theirs: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_a_graphed_model_is_the_model_bit_for_bit_silence_of_the_first_steps_included(
    model: StreamingModel,
) -> None:
    ours, tape = taped(model)
    assert equal(run(ours)[0], run(model)[0])
    assert tape.replays >= STEPS - 1 - -(-model.latency // model.block_size) - 1


def test_streams_may_take_turns_and_begin_anew(model: StreamingModel) -> None:
    ours, tape = taped(model)
    runs = [[run(one, seed) for seed in (0, 1)] for one in (ours, model)]
    for seed in (2, 3):  # each goes on from its own state
        for one, streams in zip((ours, model), runs, strict=True):
            for stream, (_, state) in enumerate(streams):
                streams[stream] = run(one, 10 * stream + seed, 3, state)
        for (mine, _), (theirs, _) in zip(*runs, strict=True):
            assert equal(mine, theirs)
    replays = tape.replays
    assert equal(run(ours)[0], run(model)[0])
    assert tape.replays > replays


def test_a_state_stays_what_it_was(model: StreamingModel) -> None:
    ours, _ = taped(model)
    _, state = run(ours)
    once, after = run(ours, seed=1, state=state)
    again, _ = run(ours, seed=1, state=state)
    assert equal(once, again)
    assert not equal(once, run(ours, seed=1, state=after)[0])


def test_answers_are_the_callers_own(model: StreamingModel) -> None:
    ours, tape = taped(model)
    _, state = run(ours)
    block = noise(model.block_size, seed=2)
    stems, _ = ours.step(block, state)
    kept = stems.clone()
    ours.step(2 * block, state)
    assert torch.equal(stems, kept)
    stems.zero_()
    assert torch.equal(ours.step(block, state)[0], kept)
    assert tape.replays


class CountedState(NamedTuple):
    past: Tensor
    steps: Any


class Counted(Plain):
    """Has something in its state that is no tensor."""

    def __init__(self, count: Callable[[Any], Any], first: Any) -> None:
        super().__init__()
        self.count, self.first = count, first

    def init_state(self) -> Any:
        return CountedState(super().init_state(), self.first)

    def step(self, block: Tensor, state: Any) -> tuple[Tensor, Any]:
        stems, past = super().step(block, state.past)
        return stems, CountedState(past, self.count(state.steps))


@pytest.mark.parametrize(
    ("count", "first"),
    [(lambda steps: steps + 1, 0), (lambda steps: steps, noise(8).numpy()), (set, set())],
    ids=["changes", "cannot be compared", "is of a kind of its own"],
)
def test_a_state_with_anything_else_than_tensors_and_constants_is_never_recorded(
    count: Callable[[Any], Any], first: Any
) -> None:
    ours, tape = taped(Counted(count, first))
    run(ours)
    assert not tape.operations


def test_a_count_that_ends_is_waited_for() -> None:
    model = Counted(lambda steps: min(steps + 1, 5), 0)
    ours, tape = taped(model)
    assert equal(run(ours, steps=6)[0], run(model, steps=6)[0])
    assert tape.operations
    assert not tape.replays
    assert equal(run(ours)[0], run(model)[0])
    assert tape.replays == STEPS - 5


class Unable(Tape):
    """Cannot record, as where an operation waits for the GPU."""

    captures = 0

    def capture(self, function: Callable[[], None]) -> None:
        Unable.captures += 1
        try:
            raise RuntimeError("CUDA error: operation not permitted\nFor debugging consider..")
        except RuntimeError:
            raise RuntimeError("CUDA error: the capture was invalidated") from None


def test_what_cannot_be_recorded_runs_as_before_and_says_so_once_in_one_line() -> None:
    model, ours = MODELS["halves"], Graphed(MODELS["halves"], Unable)
    text = r"no CUDA graph: CUDA error: operation not permitted; steps take longer[^\n]*$"
    with pytest.warns(UserWarning, match=text):
        mine, _ = run(ours)
    assert equal(mine, run(model)[0])
    assert equal(run(ours, 1)[0], run(model, 1)[0])  # a second warning would be an error
    assert Unable.captures == 1


def test_blocks_of_another_size_are_the_models_matter() -> None:
    model = Plain()
    ours, tape = taped(model)
    _, state = run(ours)
    block = noise(2 * model.block_size)
    replays = tape.replays
    assert torch.equal(ours.step(block, state)[0], model.step(block, state)[0])
    assert tape.replays == replays


@pytest.mark.parametrize("recorded_in", [True, False])
def test_inference_mode_may_come_and_go(recorded_in: bool) -> None:
    model = MODELS["embedded"]
    ours, tape = taped(model)
    block = noise(model.block_size)
    for mode in (recorded_in, not recorded_in, recorded_in):
        with torch.inference_mode(mode):
            stems, state = ours.step(block, ours.init_state())
            stems, _ = ours.step(block, state)
            expected = model.step(block, model.step(block, model.init_state())[1])[0]
            assert torch.equal(stems, expected)
    assert tape.replays == 5


def test_a_series_is_recorded_as_one() -> None:
    series = Series(Plain(latency=10, stems=("a", "b"), gains=(1.0, 0.5)), Stacked())
    ours, tape = taped(series)
    assert equal(run(ours)[0], run(series)[0])
    assert tape.replays == STEPS - 1


class Stacked(Plain):
    """Takes the stems of another, gives them back halved."""

    input_shape = (2, 2)

    def __init__(self) -> None:
        super().__init__(latency=0, stems=("a", "b"))

    def init_state(self) -> Any:
        return ()

    def step(self, block: Tensor, state: Any) -> tuple[Tensor, Any]:
        return block / 2, state


def test_every_attribute_is_the_models(model: StreamingModel) -> None:
    ours, _ = taped(model)
    names = [name for name in dir(model) if not name.startswith("_")]
    for name in {*names} - {"step", "init_state", "train", "eval"}:
        mine, theirs = getattr(ours, name), getattr(model, name)
        assert mine is theirs or mine == theirs or torch.equal(mine, theirs)
    with pytest.raises(AttributeError, match="nonsense"):
        ours.nonsense  # noqa: B018


WAITS = ("equal", "is_nonzero", "_local_scalar_dense", "lift_fresh", "lift_fresh_copy", "nonzero")


def test_a_steady_step_asks_no_gpu_for_a_number(model: StreamingModel) -> None:
    """It would have to wait for it, and nothing that waits can be recorded."""
    state = model.init_state()
    for seed in range(STEPS):
        _, state = model.step(noise(model.block_size, seed), state)
    block, tape = noise(model.block_size), Tape()
    with torch.inference_mode():
        tape.capture(lambda: model.step(block, state))
    names = {operation.overloadpacket.__name__ for operation, *_ in tape.operations}
    assert len(names) > 1
    assert names.isdisjoint(WAITS)


def test_what_is_recorded_keeps_its_layout() -> None:
    lying = torch.zeros(2, 8, 6, 4).contiguous(memory_format=torch.channels_last)
    (blank,) = blank_like([lying])
    assert blank.stride() == lying.stride()


@pytest.mark.parametrize("able", [True, False])
def test_a_capture_has_a_stream_of_its_own_device_and_gives_the_old_one_back(
    able: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PyTorch's own stream for captures is of the device of the first capture."""
    here, done = SimpleNamespace(wait_stream=lambda _: None), list[Any]()

    @contextmanager
    def graph(_: object, *, stream: object, capture_error_mode: str) -> Iterator[None]:
        done.append(stream)
        yield
        if not able:
            raise RuntimeError("operation not permitted when stream is capturing")

    made: list[Any] = []

    def make() -> Any:
        made.append(SimpleNamespace(wait_stream=lambda _: None))
        return made[-1]

    given_back: list[Any] = []
    for name, stand_in in {
        "CUDAGraph": SimpleNamespace,
        "current_stream": lambda: here,
        "Stream": make,
        "stream": lambda _: nullcontext(),
        "set_stream": given_back.append,
        "graph": graph,
    }.items():
        monkeypatch.setattr(torch.cuda, name, stand_in)
    with nullcontext() if able else pytest.raises(RuntimeError):
        CudaGraph().capture(lambda: None)
    assert done == made
    assert given_back == [here]


def test_only_models_on_a_gpu_are_graphed(model: StreamingModel) -> None:
    assert graphed(model) is model
    far = Plain(device=torch.device("cuda"))
    assert isinstance(graphed(far), Graphed)
