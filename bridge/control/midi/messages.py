"""MIDI messages as moves of controls: control changes, notes, pitch bend and NRPN.

NRPN says which parameter is meant in two control changes, 99 and 98, and its value in 6 and 38.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

DATA, DATA_FINE = 6, 38  # a parameter's value, upper and lower 7 bits
NUMBERS = range(98, 102)  # controls that say which parameter is meant (NRPN, RPN)
NO_PARAMETER = 127 * 128 + 127
STEPS = (96, 97)  # a parameter's value, up and down
MODES = range(120, 128)  # of a channel: no controls that are moved
LARGEST_14 = (1 << 14) - 1

Kind = Literal["control", "note", "pitch", "nrpn"]
Source = tuple[Kind, int, int]


@dataclass(frozen=True)
class Move:
    """A control that moved, by its kind, its channel from 1 on, and its number."""

    kind: Kind
    channel: int
    number: int
    value: int  # 7 bits; of pitch bend 14
    is_fine: bool = False  # the lower 7 bits of a parameter

    @property
    def source(self) -> Source:
        return self.kind, self.channel, self.number


class Parser:
    """Messages of one stream, one after the other."""

    def __init__(self) -> None:
        self._parameters: dict[int, tuple[int, int]] = {}  # of each channel, upper and lower part
        self._selected: dict[int, Literal["nrpn", "rpn"]] = {}  # of each channel

    def parse(self, message: Sequence[int]) -> Move | None:
        """A message as a move; None if it is none that is mapped."""
        if len(message) != 3 or any(not 0 <= byte < 128 for byte in message[1:]):
            return None
        status, number, value = message
        channel = (status & 15) + 1
        match status >> 4:
            case 0x8:
                return Move("note", channel, number, 0)
            case 0x9:
                return Move("note", channel, number, value)
            case 0xB:
                return self._control(channel, number, value)
            case 0xE:
                return Move("pitch", channel, 0, value << 7 | number)
        return None

    def is_parameter(self, channel: int) -> bool:
        """True if data changes of a channel are a parameter's."""
        return channel in self._selected

    def _control(self, channel: int, number: int, value: int) -> Move:
        if number in NUMBERS:
            self._select(channel, number, value)
        elif number in (DATA, DATA_FINE) and self._selected.get(channel) == "nrpn":
            upper, lower = self._parameters[channel]
            return Move("nrpn", channel, upper << 7 | lower, value, number == DATA_FINE)
        return Move("control", channel, number, value)

    def _select(self, channel: int, number: int, value: int) -> None:
        upper, lower = self._parameters.get(channel, (0, 0))
        is_upper = number in (99, 101)
        upper, lower = (value, lower) if is_upper else (upper, value)
        self._parameters[channel] = upper, lower
        self._selected[channel] = "nrpn" if number in (98, 99) else "rpn"
        if upper << 7 | lower == NO_PARAMETER:
            self._selected[channel] = "rpn"


def is_control(move: Move, is_parameter: bool) -> bool:
    """True if a move can be learned: not the number of a parameter, a mode, or a step of data."""
    if move.kind != "control":
        return not move.is_fine
    data = (DATA, DATA_FINE, *STEPS) if is_parameter else ()
    return move.number not in (*NUMBERS, *MODES, *data)
