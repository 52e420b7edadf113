"""Source of each output: the master, a strip after its fader, the dry mix, the dry mix without a
stem (before any fader), or silence.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from restem.streamer.mixer.kernel import OUTPUTS
from restem.streamer.mixer.parameters import strip_names

SIDES = ("left", "right")
MASTER, DRY = "master", "dry"
SILENCE = "silence"
WITHOUT = "no"
PRESETS = ("stereo", "stems", "stems-only")


def bus_names(stems: Sequence[str]) -> tuple[str, ...]:
    """All buses, in the order that they are listed in: the strips, the master, the dry mix.

    >>> bus_names(["vocals"])
    ('vocals', 'residual', 'master', 'dry')
    """
    return (*strip_names(stems), MASTER, DRY)


def minus_name(*stems: str) -> str:
    """The name of the mix without some stems.

    >>> minus_name("vocals", "drums")
    'no_vocals_drums'
    """
    return "_".join((WITHOUT, *stems))


def minus_names(stems: Sequence[str]) -> tuple[str, ...]:
    """The buses of the dry mix without each stem, but for those that a strip is called.

    >>> minus_names(["vocals", "drums"])
    ('no_vocals', 'no_drums')
    """
    return tuple(name for name in map(minus_name, stems) if name not in strip_names(stems))


def source_names(stems: Sequence[str]) -> tuple[str, ...]:
    """All that an output may play, in the order of the mixer's rows.

    >>> source_names(["vocals"])[:4]
    ('master.left', 'master.right', 'vocals.left', 'vocals.right')
    >>> source_names(["vocals"])[-3:]
    ('silence', 'no_vocals.left', 'no_vocals.right')
    """
    buses = (MASTER, *strip_names(stems), DRY)
    minus = map(minus_name, stems)
    return (*_sides(buses), SILENCE, *_sides(minus))


def _sides(buses: Iterable[str]) -> Iterator[str]:
    return (f"{bus}.{side}" for bus in buses for side in SIDES)


@dataclass(frozen=True)
class Routing:
    """The source of each output."""

    outputs: tuple[str, ...]

    @staticmethod
    def preset(name: str, stems: Sequence[str]) -> "Routing":
        """A usual one.

        Args:
            name: `stereo`, the master; `stems`, the master and a pair for each stem; `stems-only`.

        Raises:
            ValueError: another name.
        """
        if name not in PRESETS:
            raise ValueError(f"unknown routing {name!r}; expected one of {', '.join(PRESETS)}")
        buses = {"stereo": [MASTER], "stems": [MASTER, *stems], "stems-only": stems}[name]
        return Routing.pairs(buses)

    @staticmethod
    def pairs(buses: Sequence[str]) -> "Routing":
        """Left and right of each bus."""
        return Routing(tuple(_sides(buses)))

    @staticmethod
    def of(sources: Mapping[int, str]) -> "Routing":
        """From outputs, counted from 1; those between that are left out play silence.

        >>> Routing.of({1: "master.left", 3: "vocals.left"}).outputs
        ('master.left', 'silence', 'vocals.left')

        Raises:
            ValueError: there is no output, or no such output.
        """
        for output in sources:
            if type(output) is not int or not 1 <= output <= OUTPUTS:
                raise ValueError(f"outputs are numbered from 1 to {OUTPUTS}, got {output!r}")
        if not sources:
            raise ValueError("a routing needs at least one output")
        return Routing(tuple(sources.get(i, SILENCE) for i in range(1, max(sources) + 1)))

    def rows(self, stems: Sequence[str]) -> list[int]:
        """The row of each output's source, for `mix_block`.

        Raises:
            ValueError: a source that these stems do not have, or too many outputs.
        """
        if len(self.outputs) > OUTPUTS:
            raise ValueError(f"at most {OUTPUTS} outputs, got {len(self.outputs)}")
        names = source_names(stems)
        rows = {name: names.index(name) for name in names}  # a strip comes before its namesake
        for number, source in enumerate(self.outputs, 1):
            if source not in rows:
                buses = ", ".join((MASTER, *strip_names(stems), DRY, *minus_names(stems)))
                raise ValueError(
                    f"output {number}: unknown source {source!r}; "
                    f"expected silence, or .left or .right of {buses}"
                )
        return [rows[source] for source in self.outputs]


def parse_routing(text: str, stems: Sequence[str]) -> Routing:
    """A routing's name, or a map such as `1=master.left,2=master.right,5=vocals.left`.

    Raises:
        ValueError: it is neither, or asks for what is not there.
    """
    if text in PRESETS:
        return Routing.preset(text, stems)
    sources = {}
    for item in text.split(","):
        number, separator, source = item.partition("=")
        if not separator or not number.strip().isdigit():
            raise ValueError(
                f"channels: expected {', '.join(PRESETS)}, or OUTPUT=SOURCE,.. "
                f"such as 1=vocals.left; got {item!r}"
            )
        sources[int(number)] = source.strip()
    routing = Routing.of(sources)
    routing.rows(stems)
    return routing
