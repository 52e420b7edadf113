"""A node of the control tree: an address, its arguments, how it is read and written."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from restem.bridge.control.addresses import Arg, Args
from restem.streamer.mixer.parameters import Parameter, Value

READ, WRITE = 1, 2


@dataclass(frozen=True)
class Node:
    """One address.

    `types` are the OSC type tags of its value, or of what it is given if it cannot be read; "s*"
    is any number of them. It may be given `optional` arguments beside. A button is given nothing,
    or a number that is not 0. `write` raises ValueError if it refuses, in
    one line; a slow one may take seconds, so that it is called where nobody waits. `prepare` is
    called when such a write is asked for, and gives the one to call once its turn comes.
    """

    address: str
    types: str
    description: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    choices: Callable[[], Sequence[str]] | None = None
    read: Callable[[], Args] | None = None
    write: Callable[[Args], None] | None = None
    prepare: Callable[[], Callable[[Args], None]] | None = None  # a write that a panic can end
    parameter: Parameter | None = None
    strip: str | None = None
    optional: str = ""
    slow: bool = False
    moves: bool = False  # the mixer: what of it waits while a panic comes is dropped
    in_turn: bool = False  # slow, and its client's later packets wait for it
    touches_files: bool = False  # of any path but its choices: not for clients of other machines
    detail: bool = False  # part of another node's value; only read by its own address

    @property
    def access(self) -> int:
        """`READ`, `WRITE`, or both."""
        writable = self.write is not None or self.parameter is not None
        return (READ if self.readable else 0) | (WRITE if writable else 0)

    @property
    def readable(self) -> bool:
        return self.read is not None or self.parameter is not None

    @property
    def is_button(self) -> bool:
        return not self.types

    @property
    def is_switch(self) -> bool:
        """True for what is on or off; a third state may be read."""
        is_pair = self.types == "i" and self.low == 0 and self.high in (1, 2)
        return is_pair and self.access == READ | WRITE

    @property
    def is_number(self) -> bool:
        """True for one number that is read and set."""
        is_one = self.types in ("i", "f") and self.access == READ | WRITE
        return is_one and not self.is_switch


@dataclass
class WriteResult:
    """Warnings from a write: values that were clipped to their range, one line each."""

    clipped: list[tuple[str, str]] = field(default_factory=list)  # address, text


class RefusalError(ValueError):
    """Refusal of a request to an address; `code` is for machines."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def as_arg(value: Value) -> Arg:
    return int(value) if isinstance(value, bool) else float(value)


def fitting(node: Node, args: Args) -> Args:
    """Arguments in a node's types: numbers become what is wanted, and yes and no are numbers.

    Raises:
        RefusalError: too many or too few, or text where a number is wanted, or the other way.
    """
    if node.is_button:
        if len(args) > 1:
            raise RefusalError("wrong_count", f"{node.address} takes nothing, or one number")
        return ()
    tags = (node.types + node.optional)[: max(len(args), len(node.types))]
    if len(args) != len(tags):
        most = len(node.types + node.optional)
        choices = f"{len(node.types)}" + (f" to {most}" if node.optional else "")
        raise RefusalError("wrong_count", f"{node.address} takes {choices} arguments")
    return tuple(_fit(node, tag, arg) for tag, arg in zip(tags, args, strict=True))


def _fit(node: Node, tag: str, arg: Arg) -> Arg:
    if tag in "fi" and isinstance(arg, str):
        with suppress(ValueError):  # a number from a text field, or a patch that knows only texts
            arg = float(arg)
    number = isinstance(arg, bool | int | float)
    if tag == "s" and isinstance(arg, str):
        return arg
    if tag == "s" and isinstance(arg, int | float) and not isinstance(arg, bool):
        # A name that looks like a number, from a program that makes it one.
        return str(int(arg)) if float(arg).is_integer() else f"{arg:g}"
    if tag == "b" and isinstance(arg, bytes):
        return arg
    if tag == "f" and number:
        return float(arg)  # type: ignore[arg-type]
    if tag == "i" and number and arg == arg and abs(arg) != float("inf"):  # type: ignore[arg-type]
        return int(arg) if arg == int(arg) else 1  # type: ignore[arg-type]
    wanted = {"s": "text", "b": "a blob", "f": "a number", "i": "a number"}[tag]
    got = "a blob" if isinstance(arg, bytes) else repr(arg)
    raise RefusalError("wrong_type", f"{node.address} takes {wanted}, got {got}")
