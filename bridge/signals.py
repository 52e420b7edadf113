"""Requests to end, from `kill`, `docker stop` or a terminal that closes, taken as Ctrl-C is."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

NAMES = ("SIGTERM", "SIGHUP", "SIGBREAK")  # no system has all of them


@contextmanager
def ended_as_by_ctrl_c() -> Iterator[None]:
    """Raise KeyboardInterrupt at the first request to end; later ones must not stop the cleaning.

    Requests that are ignored already, as under `nohup`, stay so. Other threads than the main one
    cannot take signals; there nothing changes.
    """
    own_process = os.getpid()
    signals = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]
    heard = [number for number in signals if signal.getsignal(number) == signal.SIG_DFL]

    def end(number: int, _: FrameType | None) -> None:
        if os.getpid() != own_process:  # a fork inherits this function, not what there is to clean
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        for other in heard:
            signal.signal(other, signal.SIG_IGN)
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    for number in heard:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in heard:
            signal.signal(number, signal.SIG_DFL)
