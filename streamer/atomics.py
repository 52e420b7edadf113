"""Atomic words: what a control thread and an audio callback may share without a lock.

All work on C-contiguous int64 arrays, from Python and from native code. An acquire load sees
everything that the writer of its value had written before its release store; what comes after it
stays after. On x86 both are plain moves, on ARM `ldar` and `stlr`.
"""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

Words = NDArray[np.int64]
WORD_BYTES = 8


def _pointer(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """Pointer to a word; bounds are unchecked, negative indices not wrapped."""
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    return builder.gep(array.data, [arguments[1]])


def _read_modify_write(operation: str) -> tuple[Any, Callable[..., Any]]:
    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature, arguments)
        return builder.atomic_rmw(operation, pointer, arguments[2], "acq_rel")

    return types.int64(types.int64[::1], types.intp, types.int64), build


@intrinsic
def _load(typing_context: Any, array: Any, index: Any) -> tuple[Any, Callable[..., Any]]:
    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature, arguments)
        return builder.load_atomic(pointer, "acquire", WORD_BYTES, typ=ir.IntType(64))

    return types.int64(types.int64[::1], types.intp), build


@intrinsic
def _store(
    typing_context: Any, array: Any, index: Any, value: Any
) -> tuple[Any, Callable[..., Any]]:
    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature, arguments)
        builder.store_atomic(arguments[2], pointer, "release", WORD_BYTES)
        return context.get_dummy_value()

    return types.void(types.int64[::1], types.intp, types.int64), build


@intrinsic
def _exchange(
    typing_context: Any, array: Any, index: Any, value: Any
) -> tuple[Any, Callable[..., Any]]:
    return _read_modify_write("xchg")


@intrinsic
def _maximum(
    typing_context: Any, array: Any, index: Any, value: Any
) -> tuple[Any, Callable[..., Any]]:
    return _read_modify_write("max")


def _cmpxchg(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    pointer = _pointer(context, builder, signature, arguments)
    pair = builder.cmpxchg(pointer, arguments[2], arguments[3], "acq_rel", "acquire")
    return builder.extract_value(pair, 0)


@intrinsic
def _compare_exchange(
    typing_context: Any, array: Any, index: Any, expected: Any, value: Any
) -> tuple[Any, Callable[..., Any]]:
    return types.int64(types.int64[::1], types.intp, types.int64, types.int64), _cmpxchg


@numba.njit("int64(int64[::1], intp)", nogil=True, cache=True, error_model="numpy")
def load_acquire(array: Words, index: int) -> int:
    """Read a word; whatever is read after this is at least as new."""
    return _load(array, index)  # type: ignore[call-arg]


@numba.njit("void(int64[::1], intp, int64)", nogil=True, cache=True, error_model="numpy")
def store_release(array: Words, index: int, value: int) -> None:
    """Write a word; whoever acquires it sees all that was written before."""
    _store(array, index, value)  # type: ignore[call-arg]


@numba.njit("int64(int64[::1], intp, int64)", nogil=True, cache=True, error_model="numpy")
def exchange(array: Words, index: int, value: int) -> int:
    """Write a word and answer the one that was there, in one step."""
    return _exchange(array, index, value)  # type: ignore[call-arg]


@numba.njit("int64(int64[::1], intp, int64)", nogil=True, cache=True, error_model="numpy")
def raise_to(array: Words, index: int, value: int) -> int:
    """Raise a word to `value` if that is larger, in one step; answer the one that was there."""
    return _maximum(array, index, value)  # type: ignore[call-arg]


@numba.njit("int64(int64[::1], intp, int64, int64)", nogil=True, cache=True, error_model="numpy")
def compare_exchange(array: Words, index: int, expected: int, value: int) -> int:
    """Write a word if it is `expected`, in one step; answer the one that was there."""
    return _compare_exchange(array, index, expected, value)  # type: ignore[call-arg]
