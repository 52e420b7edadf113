"""A MIDI bridge over a mixer alone."""

from pathlib import Path
from types import SimpleNamespace

import mido
import yaml

from restem.bridge.control.midi.controllers import MidiBridge
from restem.bridge.control.midi.mapping import Entry
from restem.bridge.control.node import Node
from restem.bridge.control.tree import ControlTree
from restem.streamer.mixer.mixer import Mixer

FADER = "/restem/stem/vocals/fader"
PAN = "/restem/stem/vocals/pan"
MUTE = "/restem/stem/vocals/mute"
GAIN = "/restem/stem/vocals/gain_db"


class Desk:
    """A bridge over a mixer alone, its thread not started."""

    def __init__(
        self, *entries: str, folder: Path | None = None, more: tuple[Node, ...] = (), **options: str
    ) -> None:
        self.mixer = Mixer(["vocals", "drums"], 48000)
        self.control = ControlTree(SimpleNamespace(engine=SimpleNamespace(mixer=self.mixer)), more)
        self.path = folder / "map.yaml" if folder else None
        if self.path and entries:
            self.path.write_text("\n".join(f"- {{{entry}}}" for entry in entries))
        self.told: list[str] = []
        self.bridge = MidiBridge(self.control, self.path, notify=self.told.append, **options)
        if not self.path:
            self.bridge.map.entries = [Entry(**yaml.safe_load(f"{{{entry}}}")) for entry in entries]
        self.bridge.map.bind()
        for node in self.bridge.nodes():
            self.control.add(node)

    def cc(self, number: int, *values: int, channel: int = 1) -> None:
        for value in values:
            self.say("control_change", channel=channel - 1, control=number, value=value)

    def note(self, number: int, *velocities: int) -> None:
        for velocity in velocities:
            self.say("note_on", note=number, velocity=velocity)

    def say(self, kind: str, **data: int) -> None:
        self.bridge.receive(mido.Message(kind, **data).bytes())

    def get(self, name: str, strip: str | None = "vocals") -> float | bool:
        return self.mixer.get(name, strip)

    def read(self, address: str) -> tuple:
        return self.control.read(*self.control.find(address))

    def write(self, address: str, *args: object) -> None:
        self.control.write(*self.control.find(address), args)
