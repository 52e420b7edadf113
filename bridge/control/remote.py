"""All remote controls of a session: OSC, OSCQuery, MIDI, presets, rendering; opened as one.

session ─► ControlTree ◄─┬─ OscServer (commands: rendering, audio)
             ▲       ├─ OscQuery
Presets ─────┘       └─ MidiBridge
"""

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from restem.bridge.audio.backend import Connections
from restem.bridge.control.addresses import ROOT
from restem.bridge.control.background import done_within
from restem.bridge.control.midi.controllers import MidiBridge
from restem.bridge.control.osc.audio import OscAudio
from restem.bridge.control.osc.query import OscQuery, listen
from restem.bridge.control.osc.render import RenderService
from restem.bridge.control.osc.server import HOST, PORT, OscServer, PortTakenError
from restem.bridge.control.presets import Presets
from restem.bridge.control.transport import transport_nodes
from restem.bridge.control.tree import ControlTree
from restem.bridge.files.reader import one_line_errors
from restem.bridge.session.base import Session
from restem.bridge.session.headless import FileSession
from restem.models.atomic_write import atomically
from restem.models.errors import one_line

LAST = ".last.yaml"  # no preset's name begins with a dot
LAST_CONNECTIONS = ".last-connections.json"
KEEP_SECONDS = 5.0  # that they may take
Notify = Callable[[str], None]


@dataclass(frozen=True)
class RemoteSettings:
    """Settings of the remote controls."""

    osc: bool = True
    host: str = HOST
    port: int | None = None  # of OSC; None: `PORT`, and none at all if that is taken
    passphrase: str | None = None
    allowed: tuple[str, ...] = ()
    jitter: int | None = None  # frames that audio over OSC may be late; None: 50 ms
    query_port: int | None = None  # of OSCQuery; 0: any that is free; None: not served
    announce: bool = False  # OSC and OSCQuery, over mDNS
    midi: bool = False
    midi_map: Path | None = None
    midi_ports: str | None = None  # part of the ports' names
    midi_backend: str | None = None
    presets: Path | None = None  # their folder; None: the user's
    restore: bool = False  # begin with the values and connections of the last session's end

    @property
    def goes_without_osc(self) -> bool:
        """True if there is to be no OSC when its port is taken: no place was asked for."""
        return self.port is None and self.host == HOST

    def check_ports(self) -> None:
        """Refuse ports that are taken, before a model is loaded.

        Raises:
            ValueError: one is; one line.
        """
        if self.osc and not self.goes_without_osc:
            OscServer.check_free(self.host, PORT if self.port is None else self.port)
        if self.query_port is not None:
            listen(self.host, self.query_port).close()


class Remote:
    """The remote controls of a session, until they are closed; before the session.

    Raises:
        ValueError: a port is taken, or a file is damaged; one line.
    """

    def __init__(self, session: Session, settings: RemoteSettings, notify: Notify) -> None:
        self.settings, self._notify = settings, notify
        self._stack = ExitStack()
        self._further: dict[int, tuple[ControlTree, Presets]] = {}
        self.server: OscServer | None = None
        self.query: OscQuery | None = None
        with self._stack:
            self.presets = Presets(session.engine.mixer, settings.presets)
            if settings.restore and self._last.is_file():
                self.presets.restore(self._last)
            if settings.restore:
                session.want(read_connections(self.presets.folder / LAST_CONNECTIONS))
            self._stack.callback(self.presets.close)
            transport = transport_nodes(session) if isinstance(session, FileSession) else []
            self.control = ControlTree(session, (*self.presets.nodes(), *transport))
            self.control.cancellers.append(self.presets.cancel)
            self._open()
            self._stack = self._stack.pop_all()

    def _open(self) -> None:
        settings, open_until_closed = self.settings, self._stack.enter_context
        if settings.midi:
            midi = MidiBridge(
                self.control,
                settings.midi_map,
                settings.midi_ports,
                settings.midi_ports,
                settings.midi_backend,
                self._notify,
            )
            for node in midi.nodes():
                self.control.add(node)
            open_until_closed(midi)
        if settings.osc:
            self._serve()
        if settings.announce and settings.query_port is None:
            raise ValueError("--announce needs --oscquery, which is what it announces")
        if settings.query_port is not None:
            if self.server is None:
                raise ValueError("OSCQuery needs OSC: leave out --no-osc, or choose an --osc-port")
            self.query = open_until_closed(
                OscQuery(
                    self.server,
                    settings.host,
                    settings.query_port,
                    announce=settings.announce,
                    notify=self._notify,
                )
            )
            query = self.query
            self.presets.listeners.append(lambda: query.say_changed(f"{ROOT}/preset"))
            self._notify(f"OSCQuery: http://{settings.host}:{self.query.port}")

    def _serve(self) -> None:
        settings = self.settings
        access = settings.passphrase, settings.allowed
        try:
            wanted = PORT if settings.port is None else settings.port
            server = OscServer(self.control, settings.host, wanted, *access, self._notify)
        except PortTakenError as error:
            if not settings.goes_without_osc:
                raise
            self._notify(f"{error} with --osc-port; going on without OSC")
            return
        try:
            self._stack.callback(RenderService(server).close)
            if isinstance(self.control.session, FileSession):
                audio = OscAudio(server, self.control.session, settings.jitter)
                self._stack.callback(audio.close)
        except BaseException:
            server.close()
            raise
        self.server = self._stack.enter_context(server)
        self._notify(f"OSC: UDP and TCP port {server.port} of {settings.host}")

    def mount(self, session: Session, number: int) -> None:
        """Serve a further session at /restem/<number> over OSC, until it is unmounted."""
        if self.server is None:
            return
        presets = Presets(session.engine.mixer, self.settings.presets)
        tree = ControlTree(session, presets.nodes(), f"{ROOT}/{number}")
        tree.cancellers += [presets.cancel, self.server.cancel]
        self._further[number] = tree, presets
        self.server.mount(tree)

    def unmount(self, number: int) -> None:
        """Serve it no longer; before it is closed."""
        if number in self._further and self.server is not None:
            tree, presets = self._further.pop(number)
            self.server.unmount(tree)
            presets.close()

    def panic(self) -> None:
        """Do what /restem/panic does, from a key."""
        self.control.write(self.control.nodes[f"{ROOT}/panic"], ())

    def close(self) -> None:
        """Say good-bye, and keep the values for the next session."""
        for number in list(self._further):
            self.unmount(number)
        if not done_within(KEEP_SECONDS, self._keep):
            self._notify(
                f"values and connections are not kept for --restore: {self.presets.folder} does "
                "not answer; choose another one by --presets"
            )
        self._stack.close()

    def _keep(self) -> None:
        try:
            self.presets.snapshot(self._last)
            connections = self.control.session.connections()
            write_connections(self.presets.folder / LAST_CONNECTIONS, connections)
        except OSError as error:
            self._notify(f"values and connections are not kept for --restore: {error}")

    @property
    def _last(self) -> Path:
        """Path of the values at the end."""
        return self.presets.folder / LAST

    def __enter__(self) -> "Remote":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def write_connections(path: Path, connections: Connections) -> None:
    """Write connections to a file.

    Raises:
        OSError: the disk is full, or fails.
    """
    with one_line_errors(path), atomically(path) as part:
        part.write_text(json.dumps(connections, indent=1), "utf-8")


def read_connections(path: Path) -> Connections:
    """Read what `write_connections` wrote; none if there is no such file.

    Raises:
        ValueError: the file is damaged; one line.
    """
    if not path.is_file():
        return []
    try:
        pairs = json.loads(path.read_text("utf-8"))
        return [(str(source), str(sink)) for source, sink in pairs]
    except (OSError, ValueError, TypeError) as error:
        raise ValueError(f"{path}: damaged, remove it: {one_line(error)}") from error
