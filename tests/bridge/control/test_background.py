"""Work in the background: in order, and no obstacle to an end."""

import threading

import pytest

from restem.bridge.control.background import Background
from restem.bridge.control.node import RefusalError


def test_work_is_done_in_its_order() -> None:
    done: list[int] = []
    background, last = Background("test"), threading.Event()
    for number in range(100):
        background.submit(lambda number=number: done.append(number))  # type: ignore[misc]
    background.submit(last.set)
    assert last.wait(20)
    assert done == list(range(100))
    background.finish(20)


def test_work_that_hangs_is_left_behind_and_no_more_is_begun() -> None:
    done: list[int] = []
    background, begun, may_go_on = Background("test"), threading.Event(), threading.Event()
    background.submit(lambda: (begun.set(), may_go_on.wait(20), None)[2])
    background.submit(lambda: done.append(1))
    assert begun.wait(20)
    background.finish(0.01)
    with pytest.raises(RefusalError, match="no more is begun"):
        background.submit(lambda: done.append(2))
    may_go_on.set()
    background.finish(20)
    assert done == []


def test_what_never_worked_ends_at_once() -> None:
    Background("test").finish(20)
