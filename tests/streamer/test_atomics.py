import re
import threading
from typing import Any

import numba
import numpy as np
import pytest

from restem.streamer.atomics import (
    Words,
    compare_exchange,
    exchange,
    load_acquire,
    raise_to,
    store_release,
)

TIMES = 300_000


def test_words_are_read_and_written_where_they_are() -> None:
    words = np.arange(4)
    store_release(words, 2, -7)
    assert load_acquire(words, 2) == -7
    assert exchange(words, 0, 9) == 0
    assert raise_to(words, 3, 2) == 3
    assert raise_to(words, 3, 5) == 3
    assert words.tolist() == [9, 1, -7, 5]


def test_other_types_of_words_are_refused() -> None:
    for words in (np.zeros(4, np.int32), np.zeros(4), np.zeros(8, np.int64)[::2]):
        with pytest.raises(TypeError):
            load_acquire(words, 0)


@pytest.mark.parametrize(
    ("operation", "instruction"),
    [
        (load_acquire, r"load atomic i64, .* acquire, align 8"),
        (store_release, r"store atomic i64 .* release, align 8"),
        (exchange, r"atomicrmw xchg .* acq_rel"),
        (raise_to, r"atomicrmw max .* acq_rel|cmpxchg .* acq_rel"),
    ],
)
def test_the_code_keeps_their_order(operation: Any, instruction: str) -> None:
    source = numba.njit(operation.py_func)  # a cached function has forgotten its code
    arguments = (np.zeros(1, np.int64), 0, 0)[: operation.py_func.__code__.co_argcount]
    source(*arguments)
    (code,) = source.inspect_llvm().values()
    assert re.search(instruction, code)


@numba.njit("(int64[::1], int64)", nogil=True)
def add_by_turns(words: Words, times: int) -> None:
    """Take the word away, put more back; nobody else may add while it is gone."""
    for _ in range(times):
        value = -1
        while value < 0:
            value = exchange(words, 0, -1)
        store_release(words, 0, value + 1)


def test_an_exchange_is_one_step() -> None:
    words = np.zeros(1, np.int64)
    threads = [threading.Thread(target=add_by_turns, args=(words, TIMES)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert words[0] == 2 * TIMES


def test_a_word_is_compared_and_exchanged_in_one_step() -> None:
    words = np.array([0, 5])
    assert compare_exchange(words, 1, 4, 9) == 5
    assert compare_exchange(words, 1, 5, 9) == 5
    assert words.tolist() == [0, 9]


@numba.njit("(int64[::1], int64)", nogil=True)
def add_by_comparing(words: Words, times: int) -> None:
    done = 0
    while done < times:
        seen = load_acquire(words, 0)
        done += compare_exchange(words, 0, seen, seen + 1) == seen


def test_none_of_two_who_compare_undoes_the_other() -> None:
    words = np.zeros(1, np.int64)
    threads = [threading.Thread(target=add_by_comparing, args=(words, TIMES)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert words[0] == 2 * TIMES
