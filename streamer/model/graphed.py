"""A streaming model on a GPU whose step is one CUDA graph.

    block, state ─► copied to fixed places ─► replay ─► copied out ─► stems, state

A step is hundreds or thousands of kernels, and starting them one by one can take longer than they
run. A graph of them starts at once. It reads and writes places in memory that never change, so what
the caller gives and gets is copied, and a state stays a value.
"""

import threading
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor
from torch.utils._pytree import TreeSpec, tree_flatten, tree_unflatten

from restem.streamer.model.protocol import StreamingModel

WARM_UP = 3  # runs before a capture, in which libraries choose their kernels and make their plans
PLAIN = bool | int | float | str | None


class Graph(Protocol):
    """Work that is recorded once and repeated, on the same memory."""

    def capture(self, function: Callable[[], None]) -> None:
        """Record what `function` does; RuntimeError: it cannot be recorded."""

    def replay(self) -> None:
        """Do it again."""


class CudaGraph:
    """Work on the GPU that is the current one, whenever it is used."""

    def __init__(self) -> None:
        self._graph = torch.cuda.CUDAGraph()

    def capture(self, function: Callable[[], None]) -> None:
        here = torch.cuda.current_stream()
        # One of this device: PyTorch's own for captures is of the device of the first one.
        aside = torch.cuda.Stream()
        aside.wait_stream(here)
        try:
            with torch.cuda.stream(aside):
                for _ in range(WARM_UP):
                    function()
            here.wait_stream(aside)
            with torch.cuda.graph(self._graph, stream=aside, capture_error_mode="thread_local"):
                function()
        finally:
            torch.cuda.set_stream(here)  # which a capture that fails does not do

    def replay(self) -> None:
        self._graph.replay()


class Graphed:
    """A streaming model whose step is recorded once it is steady, and repeated from then on.

    It is steady when a step changes nothing in the state but the values of tensors. Before that,
    and with states of other shapes, the model steps itself; so it does for good, after a warning,
    where its step cannot be recorded.

    Every attribute that a model of its own kind has is the model's. Threads that share it take
    turns.

    Args:
        model: what to run; its step must read its input, its state and what never moves, alone.
        make_graph: what records.
    """

    def __init__(self, model: StreamingModel, make_graph: Callable[[], Graph] = CudaGraph) -> None:
        self.model = model
        self.sample_rate, self.channels, self.stems = model.sample_rate, model.channels, model.stems
        self.block_size, self.latency = model.block_size, model.latency
        self.device = model.device
        self._make_graph: Callable[[], Graph] | None = make_graph  # None: no more of it
        self._recorded: _Recorded | None = None
        self._turn = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        if name == "model":  # not there yet
            raise AttributeError(name)
        return getattr(self.model, name)

    def __reduce__(self) -> Any:
        """A copy records a graph of its own."""
        return type(self), (self.model, self._make_graph or CudaGraph)

    def init_state(self) -> Any:
        return self.model.init_state()

    @torch.no_grad()
    def step(self, block: Tensor, state: Any) -> tuple[Tensor, Any]:
        """[c, block_size] -> [s, c, block_size] and the next state."""
        tensors, kind = flatten_state(state)
        given = [block, *tensors]
        with self._turn:
            if self._recorded and self._recorded.fits(given, kind):
                return self._recorded.step(given)
            stems, after = self.model.step(block, state)
            if self._make_graph and not self._recorded:
                tensors, kind_after = flatten_state(after)
                if kind.plain and kind == kind_after:
                    self._record(given, [stems, *tensors], kind)
            return stems, after

    def _record(self, given: list[Tensor], answered: list[Tensor], kind: "StateSpec") -> None:
        assert self._make_graph is not None
        try:
            self._recorded = _Recorded(self.model, self._make_graph(), given, answered, kind)
        except RuntimeError as error:  # out of memory is one, too
            self._make_graph = None
            cause = error.__context__ or error  # what ended the capture, not what that led to
            reason = next(iter(str(cause).splitlines()), type(cause).__name__)
            warnings.warn(
                f"no CUDA graph: {reason}; steps take longer, as their kernels start one by one",
                stacklevel=3,
            )


def graphed(model: StreamingModel) -> StreamingModel:
    """The model with its step in a CUDA graph, or the model itself where it is on no GPU."""
    return Graphed(model) if model.device.type == "cuda" else model


class TensorSpec(NamedTuple):
    """Memory layout of a tensor."""

    shape: torch.Size
    dtype: torch.dtype
    device: torch.device


class StateSpec(NamedTuple):
    """A state without the values of its tensors."""

    plain: bool  # nothing in it but tensors and plain values, which can be compared
    leaves: tuple[Any, ...]  # a `TensorSpec` for each tensor, all else as it is
    tree: TreeSpec


def flatten_state(state: Any) -> tuple[list[Tensor], StateSpec]:
    """The tensors in a tree of tuples, lists and dicts, and the rest of it."""
    leaves, tree = tree_flatten(state)
    tensors = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
    plain = all(isinstance(leaf, Tensor | PLAIN) for leaf in leaves)
    rest = (place_of(leaf) if isinstance(leaf, Tensor) else leaf for leaf in leaves)
    return tensors, StateSpec(plain, tuple(rest), tree)


def unflatten_state(tensors: Sequence[Tensor], kind: StateSpec) -> Any:
    """The state of that kind with these tensors."""
    fresh = iter(tensors)
    leaves = [next(fresh) if isinstance(leaf, TensorSpec) else leaf for leaf in kind.leaves]
    return tree_unflatten(leaves, kind.tree)


def place_of(tensor: Tensor) -> TensorSpec:
    return TensorSpec(tensor.shape, tensor.dtype, tensor.device)


class _Recorded:
    """A step and its places in memory: [block, *state] -> [stems, *state]."""

    def __init__(
        self,
        model: StreamingModel,
        graph: Graph,
        given: list[Tensor],
        answered: list[Tensor],
        kind: StateSpec,
    ) -> None:
        self.model, self.graph, self.kind = model, graph, kind
        self.block = place_of(given[0])
        with torch.inference_mode(False):  # or they could not be written outside of it
            self.given, self.answered = blank_like(given), blank_like(answered)
        torch._foreach_copy_(self.given, given)
        graph.capture(self._run)

    def _run(self) -> None:
        """Body of the graph."""
        block, *tensors = self.given
        stems, after = self.model.step(block, unflatten_state(tensors, self.kind))
        torch._foreach_copy_(self.answered, [stems, *flatten_state(after)[0]])

    def fits(self, given: list[Tensor], kind: StateSpec) -> bool:
        return kind.plain and kind == self.kind and place_of(given[0]) == self.block

    def step(self, given: list[Tensor]) -> tuple[Tensor, Any]:
        torch._foreach_copy_(self.given, given)
        self.graph.replay()
        stems, *tensors = fresh = blank_like(self.answered)
        torch._foreach_copy_(fresh, self.answered)
        return stems, unflatten_state(tensors, self.kind)


def blank_like(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Tensors of the same shapes and layouts."""
    return [torch.empty_like(tensor) for tensor in tensors]
