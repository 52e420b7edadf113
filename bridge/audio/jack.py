"""A JACK client with named ports: restem:in_L, restem:vocals_L and so on.

Its process callback is native (`bridge.audio.callbacks`): Python never runs in the audio thread.
"""

import ctypes
import ctypes.util
import math
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import llvmlite.binding
import numba
from numba import cfunc, types

from restem.bridge.audio.backend import AudioStream, Connections
from restem.bridge.audio.callbacks import (
    AT_TIMES,
    INPUTS,
    LEFT,
    PORTS,
    TIMES,
    Callback,
    finish,
    now_ns,
)
from restem.bridge.settings import Settings
from restem.streamer.engine.engine import Engine
from restem.streamer.engine.playback_kernel import (
    AT_INPUT,
    AT_OUTPUT,
    CHANNELS,
    LARGEST,
    OUTPUTS_USED,
    carray,
    floats,
    pointer,
    process_at,
)
from restem.streamer.mixer.routing import MASTER

CAPTURE, PLAYBACK = 0, 1  # directions of JackLatencyCallbackMode
MISSING = "JACK is not installed; on Debian and Ubuntu: apt install jackd2"
FREEWHEEL_PATIENCE_MS = 5000  # in every callback

_get_buffer: Any = types.ExternalFunction(
    "jack_port_get_buffer", types.voidptr(types.intp, types.uint32)
)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def process(context: Any, frames: int) -> None:
    """Run the engine on the buffers of JACK's ports, which a context lists, inputs first."""
    times = carray(pointer(context[AT_TIMES]), (TIMES,), numba.int64)
    began = now_ns(times)
    channels, ins, outs = context[CHANNELS], context[INPUTS], context[OUTPUTS_USED]
    heard = floats(context, AT_INPUT, channels * LARGEST).reshape((channels, LARGEST))
    out = floats(context, AT_OUTPUT, outs * LARGEST).reshape((outs, LARGEST))
    done = 0
    while done < frames:
        count = min(LARGEST, frames - done)
        for channel in range(channels):
            port = context[PORTS + context[LEFT + channel]]
            source = carray(_get_buffer(port, frames), (frames,), numba.float32)
            for i in range(count):
                heard[channel, i] = source[done + i]
        process_at(context, count)
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
        raise ValueError(MISSING)
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
    return "_".join(("out" if bus == MASTER else bus, side[:1].upper())).rstrip("_")


def port_names(sources: Sequence[str]) -> list[str]:
    """The ports of a routing's outputs, each with a name of its own.

    >>> port_names(["vocals.left", "silence", "vocals.left", "silence"])
    ['vocals_L', 'silence', 'vocals_L_2', 'silence_2']
    """
    counts: Counter[str] = Counter()
    names = []
    for name in map(port_name, sources):
        counts[name] += 1
        names.append(name if counts[name] == 1 else f"{name}_{counts[name]}")
    return names


class JackStream:
    """An engine as a JACK client.

    While the server freewheels, its clock waits for the stems: none is late.

    Args:
        engine: made for the server's block size and sample rate; its mixer's routing names the
            output ports.
        name: of the client; the server may give it another.
        server: name of the server, None for the default one.
        source, sink: what the ports are connected to, a part of the ports' names; None: nothing.

    Raises:
        ValueError: no server runs, its rate is another, or `source` or `sink` is not there; one
            line.
    """

    def __init__(
        self,
        engine: Engine,
        name: str = "restem",
        server: str | None = None,
        source: str | None = None,
        sink: str | None = None,
    ) -> None:
        native = process_callback()
        client, jack = open_client(name, server)
        if client.samplerate != engine.sample_rate:
            rate = client.samplerate
            client.close()
            raise ValueError(
                f"JACK runs at {rate} Hz, this engine was made for {engine.sample_rate} Hz: start "
                "restem anew, or set the server's rate back"
            )
        self.client: Any = client
        self._latencies = _Latencies(client, jack, engine.latency.total)
        self.name, self._error = client.name, jack.JackError
        inputs = [client.inports.register(f"in_{side}") for side in "LR"[: engine.channels]]
        outputs = list(map(client.outports.register, port_names(engine.mixer.routing.outputs)))
        cast = jack._ffi.cast
        ports = tuple(int(cast("intptr_t", port._ptr)) for port in (*inputs, *outputs))
        self.callback = Callback(engine, len(inputs), len(outputs), ports)
        jack._lib.jack_set_process_callback(
            client._ptr,
            cast("JackProcessCallback", native.address),
            cast("void*", self.callback.address),
        )
        self.xruns, self.alive = 0, True
        client.set_xrun_callback(self._count_xrun)
        client.set_shutdown_callback(self._shut_down)
        client.set_freewheel_callback(self._freewheel)
        self._links: list[tuple[str, str]] = []
        try:
            for wanted, own, theirs in ((source, inputs, "is_output"), (sink, outputs, "is_input")):
                if wanted is not None:
                    self._links += self._find(wanted, [port.name for port in own], theirs)
        except ValueError:
            client.close()
            raise

    def _find(self, wanted: str, own: list[str], theirs: str) -> list[tuple[str, str]]:
        """Pairs of ports to be connected, source first; in the order of the server's."""
        ports = [
            port.name
            for port in self.client.get_ports(is_audio=True, **{theirs: True})
            if not self.client.owns(port)
        ]
        found = [port for port in ports if wanted.casefold() in port.casefold()]
        if not found:
            choices = ", ".join(ports) or "none"
            raise ValueError(f"no JACK port matches '{wanted}'; there are: {choices}")
        pairs = zip(own, found, strict=False)
        return [(b, a) if theirs == "is_output" else (a, b) for a, b in pairs]

    def _count_xrun(self, _: float) -> None:
        self.xruns += 1

    def _shut_down(self, *_: object) -> None:
        self.alive = False

    def _freewheel(self, starting: bool) -> None:
        self.callback.be_patient(FREEWHEEL_PATIENCE_MS if starting else 0)

    @property
    def device_latency(self) -> tuple[int, int]:
        """Frames between the devices and the ports, in and out, as the server counts them."""
        get = self._latencies.range
        return (
            max(get(port, CAPTURE)[1] for port in self.client.inports),
            max(get(port, PLAYBACK)[1] for port in self.client.outports),
        )

    @property
    def host_block_size(self) -> int:
        """Frames of a callback: the server may change them while it runs."""
        return int(self.client.blocksize)

    input_latency, drift_ppm = 0, None

    def start(self) -> None:
        """Raises ValueError if the server refuses; one line."""
        try:
            self.client.activate()
            for source, sink in self._links:
                self.client.connect(source, sink)
        except self._error as error:
            raise ValueError(f"{self.name}: {' '.join(str(error).split())}") from error

    def connections(self) -> list[tuple[str, str]]:
        """Current connections of the ports, source first."""
        return [
            *(
                (other.name, port.name)
                for port in self.client.inports
                for other in self.client.get_all_connections(port)
            ),
            *(
                (port.name, other.name)
                for port in self.client.outports
                for other in self.client.get_all_connections(port)
            ),
        ]

    def ports(self) -> set[str]:
        """The names of all audio ports of the server."""
        return {port.name for port in self.client.get_ports(is_audio=True)}

    def connect(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Connect ports, source first."""
        for pair in pairs:
            self.client.connect(*pair)

    def close(self) -> None:
        if self.alive:
            self.client.deactivate(ignore_errors=True)
        self.client.close(ignore_errors=True)


class _Latencies:
    """Tells the server how late the outputs are, so that others can compensate it.

    JACK-Client leaves these calls of JACK's library out.
    """

    def __init__(self, client: Any, jack: Any, latency: int) -> None:
        self._client, self._latency = client, latency
        self._library = ctypes.CDLL(jack._libname)
        self._cast = jack._ffi.cast
        self._callback = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_void_p)(self._pass_on)
        self._library.jack_set_latency_callback(self._pointer(client), self._callback, None)

    def _pointer(self, whose: Any) -> ctypes.c_void_p:
        return ctypes.c_void_p(int(self._cast("intptr_t", whose._ptr)))

    def range(self, port: Any, mode: int) -> tuple[int, int]:
        """The least and the largest latency of a port, in frames."""
        found = (ctypes.c_uint32 * 2)()
        self._library.jack_port_get_latency_range(self._pointer(port), mode, found)
        return found[0], found[1]

    def _pass_on(self, mode: int, _: object) -> None:
        near, far = self._client.inports, self._client.outports
        if mode == PLAYBACK:
            near, far = far, near
        ranges = [self.range(port, mode) for port in near]
        least, largest = min(low for low, _ in ranges), max(high for _, high in ranges)
        passed = (ctypes.c_uint32 * 2)(least + self._latency, largest + self._latency)
        for port in far:
            self._library.jack_port_set_latency_range(self._pointer(port), mode, passed)


def open_client(name: str, server: str | None = None) -> tuple[Any, Any]:
    """A client of a server that runs, and the module `jack`.

    Raises:
        ValueError: JACK or its Python client is not installed, or no server runs.
    """
    try:
        import jack
    except OSError as error:
        raise ValueError(MISSING) from error
    except ModuleNotFoundError as error:
        raise ValueError("needs JACK-Client: pip install 'restem[jack]'") from error
    _quiet(jack)
    try:
        return jack.Client(name, servername=server, no_start_server=True), jack
    except jack.JackOpenError as error:
        where = f" of the name '{server}'" if server else ""
        raise ValueError(
            f"no JACK server{where} runs here; start one, e.g. with QjackCtl"
        ) from error


def _quiet(jack: Any) -> None:
    """JACK's library writes to stderr what its calls answer anyway."""
    jack.set_error_function(lambda _: None)
    jack.set_info_function(lambda _: None)


class JackBackend:
    """A JACK server; see `AudioBackend`."""

    silent_seconds = math.inf  # the server says it itself

    def __init__(self, settings: Settings, outputs: int, sample_rate: int) -> None:
        self.settings = settings
        asked = {"--inputs": settings.input_channels, "--rate": settings.rate}
        asked["--blocksize"] = settings.host_block_size
        for option, value in asked.items():
            if value is not None:
                raise ValueError(
                    f"{option} is nothing that a JACK client decides: set rate and block size in "
                    "the server, and connect the inputs with --input or in a patchbay"
                )
        client, _ = open_client(f"{settings.client} probe", settings.server)
        self.sample_rate, self.host_block_size = int(client.samplerate), int(client.blocksize)
        client.close()
        self._wanted: set[tuple[str, str]] = set()  # connections, source first
        self._open: set[tuple[str, str]] = set()  # of them, not made though both ports are there
        self._ports: set[str] = set()  # that were there at the last look
        self._asked: deque[tuple[str, str]] = deque()  # connections that others want

    def open(self, engine: Engine, lost: AudioStream | None = None) -> JackStream:
        wanted = self.settings
        if lost is None:
            return JackStream(engine, wanted.client, wanted.server, wanted.input, wanted.output)
        return JackStream(engine, wanted.client, wanted.server)

    def remember(self, stream: AudioStream) -> None:
        """Learn the connections, and make those again whose port has come back.

        One that is gone for two looks while both of its ports are there was removed by a hand; one
        that ended with a port is wanted again as soon as that is there.
        """
        assert isinstance(stream, JackStream)
        connected, ports = set(stream.connections()), stream.ports()
        while self._asked:
            self._wanted.add(self._asked.popleft())
            self._ports = set()  # as if all ports had just come
        open_ = {pair for pair in self._wanted - connected if ports.issuperset(pair)}
        back = {pair for pair in open_ if not self._ports.issuperset(pair)}
        stream.connect(back)
        removed = (open_ - back) & self._open
        self._wanted = (self._wanted - removed) | connected
        self._open, self._ports = open_ - back - removed, ports

    def restore(self, stream: AudioStream) -> None:
        assert isinstance(stream, JackStream)
        self._ports = set()
        self.remember(stream)

    def connections(self) -> Connections:
        return sorted(self._wanted)

    def want(self, connections: Connections) -> None:
        self._asked.extend(connections)
