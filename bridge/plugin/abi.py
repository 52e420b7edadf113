"""Agreement of the native half with the Python one, and the C++ header that says it.

The header is generated where the plugin is built, from the definitions that the service runs with;
`abi_hash` of both is compared when they meet, so that an older plugin is told to be built anew
instead of reading memory that means something else.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from restem.bridge.plugin import lobby
from restem.models.stems import STEMS
from restem.streamer.descriptions import describe_geometry
from restem.streamer.engine import playback_kernel as kernel
from restem.streamer.engine import rings
from restem.streamer.engine.latency import FADE
from restem.streamer.mixer.kernel import OUTPUTS
from restem.streamer.mixer.parameters import PARAMETERS, Parameter, Value
from restem.streamer.mixer.routing import MASTER, SILENCE, Routing
from restem.streamer.profiles import Profile, profile_names, read_profile

DEFAULT = "live-cpu-fast"  # profile of a new instance
RATES = (44100, 48000, 88200, 96000, 176400, 192000)  # Hz, whose latencies the plugin knows
LONGEST_SECONDS = 2.0  # of a profile's latency and block
ALIASES = ("fader",)  # parameters that are others in disguise
PORTS = ("Main", *(stem.capitalize() for stem in STEMS))  # stereo outputs


@dataclass(frozen=True)
class HostParameter:
    """A parameter as the DAW has it."""

    row: Parameter
    strip: str | None

    @property
    def symbol(self) -> str:
        return f"{self.strip}_{self.row.name}" if self.strip else self.row.name

    @property
    def label(self) -> str:
        words = self.row.name.removesuffix("_db").replace("_", " ")
        return f"{self.strip} {words}".capitalize() if self.strip else words.capitalize()

    def value(self, number: float) -> Value:
        """The mixer's value of the host's number, which has no bools and may be past the end."""
        if self.row.kind == "bool":
            return number >= 0.5
        return min(max(float(number), self.row.low), self.row.high)


def host_parameters() -> tuple[HostParameter, ...]:
    """All of them, in the order of their numbers: each stem's, then the mixer's own."""
    rows = [row for row in PARAMETERS if row.name not in ALIASES]
    return (
        *(HostParameter(row, stem) for stem in STEMS for row in rows if row.scope == "stem"),
        *(HostParameter(row, None) for row in rows if row.scope == "global"),
    )


def port_routing(stems: Iterable[str]) -> Routing:
    """The master and the plugin's eight stems; those that a profile lacks are silent."""
    there = set(stems)
    pairs = Routing.pairs([MASTER, *STEMS]).outputs
    return Routing(
        tuple(
            source if (bus := source.rpartition(".")[0]) in there or bus == MASTER else SILENCE
            for source in pairs
        )
    )


OWN_WORDS = (
    *("CHANNELS", "STEMS", "CAPACITY", "TAPS", "MIXER_WORDS"),
    *("POLICY", "PATIENCE_MS", "OUTPUTS_USED"),
)  # of a context, after the addresses


def context_words() -> dict[str, int]:
    """Words of a context of `process_at`, by name: the native half fills all of them."""
    words = {name.upper(): word for word, name in enumerate(kernel.Playback._fields)}
    words |= {name: getattr(kernel, name) for name in OWN_WORDS}
    assert sorted(words.values()) == list(range(kernel.CONTEXT_WORDS))
    return words


def abi_hash() -> int:
    """A positive int64 that differs where plugin and service do not understand each other."""
    places = [(e.__name__, m.name, int(m)) for e in (lobby.Head, lobby.Slot) for m in e]
    parameters = [(p.symbol, p.row.low, p.row.high, p.row.default) for p in host_parameters()]
    context = (context_words(), kernel.LARGEST, OUTPUTS, FADE)
    said = (lobby.VERSION, rings.layout_hash(), places, parameters, context, PORTS)
    return int.from_bytes(blake2b(repr(said).encode(), digest_size=8).digest(), "little") >> 1


def constants() -> dict[str, int]:
    """Numbers that the native half uses, by their names there."""
    return {
        "ABI": abi_hash(),
        "RINGS_MAGIC": rings.MAGIC,
        "RINGS_LAYOUT": rings.layout_hash(),
        "RINGS_HEADER": rings.HEADER,
        "RINGS_FADES": rings.FADES_AT,
        "RINGS_DECKS": rings.DECKS,
        "LARGEST": kernel.LARGEST,
        "MIXER_OUTPUTS": OUTPUTS,
        "FADE": FADE,
        **{f"FIELD_{field.name}": int(field) for field in rings.Field},
        **{f"CELL_{name}": rings.cell(rings.Cell[name]) for name in SHARED_CELLS},
        **{f"CONTEXT_{name}": number for name, number in context_words().items()},
        "CONTEXT_WORDS": kernel.CONTEXT_WORDS,
        "LOBBY_MAGIC": lobby.MAGIC,
        "LOBBY_VERSION": lobby.VERSION,
        **{
            f"LOBBY_{name}": getattr(lobby, name)
            for name in dir(lobby)
            if name.endswith(("_AT", "_BYTES", "_WORDS")) or name in ("SLOTS", "LEAVING", "VALUES")
        },
        **{f"HEAD_{word.name}": int(word) for word in lobby.Head},
        **{f"SLOT_{word.name}": int(word) for word in lobby.Slot},
        **{f"STATE_{state.name}": int(state) for state in lobby.State},
    }


SHARED_CELLS = ("FRAMES_IN", "LATE_FRAMES", "RESET")


def header(profiles: Sequence[str] = ()) -> str:
    """The C++ header.

    Args:
        profiles: names or files of the plugin's menu, the default first; all of the package if
            empty.

    Raises:
        ValueError: a profile cannot be read, or its latency cannot be known beforehand.
    """
    rows = [f"constexpr std::int64_t {name} = {value};" for name, value in constants().items()]
    return "\n".join(
        [
            "// Generated from restem's Python definitions (bridge/plugin/abi.py); do not edit.",
            "#pragma once",
            "#include <cstdint>",
            "namespace restem {",
            *rows,
            f'constexpr char ABI_TEXT[] = "restem-abi:{abi_hash()}";',
            f"constexpr char LOBBY_VARIABLE[] = {json.dumps(lobby.NAME_VARIABLE)};",
            *_parameters(),
            *_profiles(profiles or default_profiles()),
            f"constexpr const char* PORTS[] = {{{', '.join(map(json.dumps, PORTS))}}};",
            f"constexpr int PORT_COUNT = {len(PORTS)};",
            "}  // namespace restem",
            "",
        ]
    )


def _parameters() -> Iterator[str]:
    yield "struct Parameter { const char *symbol, *label, *unit; float low, high, initial;"
    yield "                   bool is_switch, is_bypass; };"
    yield "constexpr Parameter PARAMETERS[] = {"
    for each in host_parameters():
        row = each.row
        texts = ", ".join(map(json.dumps, (each.symbol, each.label, row.unit)))
        numbers = ", ".join(f"{float(v)!r}f" for v in (row.low, row.high, row.default))
        switch, bypass = str(row.kind == "bool").lower(), str(row.name == "bypass").lower()
        yield f"    {{{texts}, {numbers}, {switch}, {bypass}}},"
    yield "};"
    yield f"constexpr int PARAMETER_COUNT = {len(host_parameters())};"


def default_profiles() -> list[str]:
    """The package's profiles that somebody may want to wait for, `DEFAULT` first."""
    names = sorted(profile_names(), key=lambda name: (name != DEFAULT, name))
    return [name for name in names if _seconds(read_profile(name)) < LONGEST_SECONDS]


def _seconds(profile: Profile) -> float:
    (model,) = describe_geometry(profile, [profile.sample_rate])
    return (model["latency"] + model["block_size"]) / profile.sample_rate


def _profiles(names: Sequence[str]) -> Iterator[str]:
    """Profiles, with what their latency is made of at each rate."""
    yield f"constexpr int RATES[] = {{{', '.join(map(str, RATES))}}};"
    yield f"constexpr int RATE_COUNT = {len(RATES)};"
    yield "struct Geometry { int model_latency, block_size, allowance; };"
    yield "struct Profile { const char* name; Geometry at_rates[RATE_COUNT]; };"
    yield "constexpr Profile PROFILES[] = {"
    for name in names:
        parts = describe_geometry(read_profile(name), RATES)
        rows = ", ".join(f"{{{p['latency']}, {p['block_size']}, {p['allowance']}}}" for p in parts)
        yield f"    {{{json.dumps(name)}, {{{rows}}}}},"
    yield "};"
    yield f"constexpr int PROFILE_COUNT = {len(names)};"
