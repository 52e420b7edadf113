"""A JACK client with named ports: restem:in_L, restem:vocals_L and so on.

Its process callback is native (`streamer.callback`): Python never runs in the audio thread.
"""

import ctypes
import ctypes.util
from functools import cache
from typing import Any

import llvmlite.binding
import numba
from numba import cfunc, types

from streamer.callback import (
    AT_HEARD,
    AT_OUT,
    AT_TIMES,
    CHANNELS,
    DURATIONS,
    INPUTS,
    OUTPUTS_USED,
    PORTS,
    Callback,
    carray,
    finish,
    floats,
    now_ns,
    perform_at,
    pointer,
)
from streamer.engine import Engine
from streamer.mixing import OUTPUTS
from streamer.playback import LARGEST

_get_buffer: Any = types.ExternalFunction(
    "jack_port_get_buffer", types.voidptr(types.intp, types.uint32)
)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def process(context: Any, frames: int) -> None:
    """Run the engine on the buffers of JACK's ports, which a context lists, inputs first."""
    times = carray(pointer(context[AT_TIMES]), (DURATIONS + 2,), numba.int64)
    began = now_ns(times)
    channels, ins, outs = context[CHANNELS], context[INPUTS], context[OUTPUTS_USED]
    heard = floats(context, AT_HEARD, channels * LARGEST).reshape((channels, LARGEST))
    out = floats(context, AT_OUT, OUTPUTS * LARGEST).reshape((OUTPUTS, LARGEST))
    done = 0
    while done < frames:
        count = min(LARGEST, frames - done)
        for channel in range(channels):
            port = context[PORTS + min(channel, ins - 1)]
            source = carray(_get_buffer(port, frames), (frames,), numba.float32)
            for i in range(count):
                heard[channel, i] = source[done + i]
        perform_at(context, count)
        for output in range(outs):
            target = carray(
                _get_buffer(context[PORTS + ins + output], frames), (frames,), numba.float32
            )
            for i in range(count):
                target[done + i] = out[output, i]
        done += count
    finish(context, began)


@cache
def process_callback() -> Any:
    """The C function that JACK calls; compiled once JACK's library is loaded.

    Raises:
        ValueError: JACK is not installed.
    """
    library = ctypes.util.find_library("jack")
    if library is None:
        raise ValueError("JACK is not installed; on Debian and Ubuntu: apt install jackd2")
    llvmlite.binding.load_library_permanently(library)

    @cfunc(types.int32(types.uint32, types.voidptr))
    def callback(frames: Any, user: Any) -> int:
        sizes = carray(user, (PORTS,), numba.int64)
        context = carray(user, (PORTS + sizes[INPUTS] + sizes[OUTPUTS_USED],), numba.int64)
        process(context, frames)
        return 0

    return callback


def port_name(source: str) -> str:
    """The port that plays a mixer's source.

    >>> port_name("vocals.left"), port_name("master.right")
    ('vocals_L', 'out_R')
    """
    bus, _, side = source.partition(".")
    return f"{'out' if bus == 'master' else bus}_{side[:1].upper()}"


class JackStream:
    """An engine as a JACK client.

    Args:
        engine: made for the server's block size and sample rate; its mixer's routing names the
            output ports.
        name: of the client.
        server: name of the server, None for the default one.

    Raises:
        ValueError: no server runs, or its rate or block size is another; one line.
    """

    def __init__(self, engine: Engine, name: str = "restem", server: str | None = None) -> None:
        native = process_callback()
        import jack

        try:
            self.client = jack.Client(name, servername=server, no_start_server=True)
        except jack.JackOpenError as error:
            raise ValueError("no JACK server runs here; start one, e.g. with QjackCtl") from error
        if self.client.samplerate != engine.sample_rate:
            rate = self.client.samplerate
            self.client.close()
            raise ValueError(f"JACK runs at {rate} Hz, the engine at {engine.sample_rate} Hz")
        inputs = [self.client.inports.register(f"in_{side}") for side in "LR"[: engine.channels]]
        outputs = [
            self.client.outports.register(port_name(source))
            for source in engine.mixer.routing.outputs
        ]
        cast = jack._ffi.cast
        ports = tuple(int(cast("intptr_t", port._ptr)) for port in (*inputs, *outputs))
        self.callback = Callback(engine, len(inputs), len(outputs), ports)
        jack._lib.jack_set_process_callback(
            self.client._ptr,
            cast("JackProcessCallback", native.address),
            cast("void*", self.callback.address),
        )
        self.xruns = 0
        self.client.set_xrun_callback(self._count_xrun)

    def _count_xrun(self, _: float) -> None:
        self.xruns += 1

    def start(self) -> None:
        self.client.activate()

    def close(self) -> None:
        self.client.deactivate(ignore_errors=True)
        self.client.close(ignore_errors=True)
