"""Everything that can be read and set from outside, as one tree of addresses over a session.

OSC, OSCQuery, MIDI, the patches and the README's table are made from these nodes; most of them come
from the one table of parameters.

    /restem/stem/vocals/gain_db ─┐                ┌─ mixer: at once, or at a sample
    /restem/profile ─────────────┼─► Node: read, ─┼─ session: profile, recorder, engine
    /restem/meters ──────────────┘   write, what  └─ presets
                                     it may be

Further sessions have trees of their own, mounted in the first one's: `/restem/2/bypass`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from restem.bridge.control.addresses import (
    FURTHER,
    ROOT,
    SPECIAL,
    Args,
    parameter_address,
    pattern,
)
from restem.bridge.control.node import Node, RefusalError, WriteResult, as_arg, fitting
from restem.bridge.control.relative import RELATIVES
from restem.bridge.control.session_nodes import SessionNodes
from restem.bridge.session.base import Session
from restem.models.errors import one_line
from restem.streamer.mixer.mixer import Change, Setting
from restem.streamer.mixer.parameters import PARAMETERS


class ControlTree:
    """The tree of a session. Any thread may call it.

    Args:
        session: what is controlled.
        more: nodes of others, such as presets or MIDI.
        root: of all addresses; `ROOT` but for a further session.
    """

    def __init__(self, session: Session, more: Iterable[Node] = (), root: str = ROOT) -> None:
        self.session, self.root = session, root
        self.further: Mapping[str, ControlTree] = {}  # by their roots; replaced, never changed
        self.mixer = session.engine.mixer
        self.nodes: dict[str, Node] = {}
        self.numbered: dict[str, Node] = {}  # the strips' again, by their numbers
        self.cancellers: list[Callable[[], None]] = []  # of what waits elsewhere
        own = (*self._parameters(), *self._shared(), *SessionNodes(session, self.cancel).nodes())
        for node in (*own, *more):
            self.add(node)
        for number, strip in enumerate(self.mixer.strips, 1):
            for row in PARAMETERS:
                if row.scope == "stem":
                    node = self.nodes[self._address(row.name, strip)]
                    alias = self._address(row.name, str(number))
                    self.numbered[alias] = replace(node, address=alias, detail=True)

    def add(self, node: Node) -> None:
        """Add a node to the tree, below its root; once, before clients are served."""
        if self.root != ROOT:
            node = replace(node, address=self.root + node.address.removeprefix(ROOT))
        if node.address in self.nodes:
            raise ValueError(f"{node.address} is there already")
        self.nodes[node.address] = node

    def _address(self, name: str, strip: str | None) -> str:
        return self.root + parameter_address(name, strip).removeprefix(ROOT)

    def mount(self, tree: "ControlTree") -> None:
        """Add a further session's tree; in the thread that serves clients, as `unmount`."""
        self.further = {**self.further, tree.root: tree}

    def unmount(self, tree: "ControlTree") -> None:
        """Take it away again; its session may be closed afterwards."""
        self.further = {root: each for root, each in self.further.items() if each is not tree}

    def tree_of(self, node: Node) -> "ControlTree":
        """The tree, this one or a further one, that a node is of.

        Raises:
            RefusalError: its session has ended.
        """
        found = FURTHER.match(node.address)
        if found is None or found[0] == self.root:
            return self
        if found[0] not in self.further:
            raise RefusalError("unknown_address", f"{found[0]} has left")
        return self.further[found[0]]

    def _parameters(self) -> Iterator[Node]:
        for row in PARAMETERS:
            for strip in self.mixer.strips if row.scope == "stem" else (None,):
                yield Node(
                    parameter_address(row.name, strip),
                    "i" if row.kind == "bool" else "f",
                    row.description,
                    row.unit,
                    float(row.low),
                    float(row.high),
                    parameter=row,
                    strip=strip,
                )

    def _shared(self) -> Iterator[Node]:
        """Nodes that move other nodes' values."""
        yield Node(
            f"{ROOT}/solo/clear",
            "",
            "Ends all solos.",
            write=lambda _: self.move([("solo", False, strip) for strip in self.mixer.strips]),
            moves=True,
        )
        yield Node(
            f"{ROOT}/toggle",
            "s",
            "Flips the switches that an address or a pattern means; so does a button at "
            "<address>/toggle.",
            write=partial(self._relate, "toggle"),
            moves=True,
        )
        yield Node(
            f"{ROOT}/inc",
            "sf",
            "Moves the numbers that an address or a pattern means by a step, within their range; "
            "so does a step sent to <address>/inc.",
            write=partial(self._relate, "inc"),
            moves=True,
        )

    def _relate(self, name: str, args: Args) -> None:
        address, *steps = args
        nodes = [node for node in self._relatives(f"{address!s}/{name}") if not node.slow]
        if not nodes:
            raise RefusalError("unknown_address", f"{address!s} has no {name} here")
        for node in nodes:
            self.write(node, tuple(steps))

    def _relatives(self, address: str) -> list[Node]:
        """The toggles or steps of the nodes that an address or a pattern means before them."""
        above, _, name = address.rpartition("/")
        if name not in RELATIVES:
            return []
        found = (RELATIVES[name](node, self.read, self.write) for node in self.named(above))
        return [node for node in found if node is not None]

    def find(self, address: str) -> list[Node]:
        """The nodes that an address or a pattern means; a branch means all below it.

        Raises:
            RefusalError: there is none, or the pattern is none.
        """
        found = self.named(address) or self._below(address)
        if not found:
            raise RefusalError("unknown_address", f"there is no {address}; {ROOT}/dump lists all")
        return found

    def targets(self, address: str) -> list[Node]:
        """The nodes that a write to an address or a pattern means: those of this name, no branch.

        Raises:
            RefusalError: there is none, or the pattern is none.
        """
        found = self.named(address)
        if not found:
            below = ", ".join(node.address for node in self.find(address)[:3])
            raise RefusalError("branch", f"{address} can be read, not set; below it are {below}")
        return found

    def named(self, address: str) -> list[Node]:
        """The nodes of exactly this name, or of those that a pattern means; a strip's number is
        one of its names.

        Raises:
            RefusalError: the pattern is none.
        """
        for nodes in (self.nodes, self.numbered):
            if address in nodes:
                return [nodes[address]]
        if relatives := self._relatives(address):
            return relatives
        if not SPECIAL.search(address):
            found = (tree.named(address) for tree in self.further.values())
            return next(filter(None, found), [])
        try:
            return self._those(pattern(address))
        except ValueError as error:
            raise RefusalError("malformed", str(error)) from error

    def _below(self, address: str) -> list[Node]:
        branch = address.rstrip("/") + "/"
        found = self._those(lambda name: name.startswith(branch))
        return [n for n in found if not n.detail or n.address in self.tree_of(n).numbered]

    def _those(self, means: Callable[[str], bool]) -> list[Node]:
        """The nodes of names that are meant; by number only strips that are not meant by name."""
        found = [node for name, node in self.nodes.items() if means(name)]
        named = {node.address for node in found}
        by_number = [node for name, node in self.numbered.items() if means(name)]
        found += [node for node in by_number if self.by_name(node).address not in named]
        for tree in self.further.values():
            found += tree._those(means)
        return found

    def by_name(self, node: Node) -> Node:
        """A strip's node that was found by number as the one by name; any other as it is."""
        if node.address not in self.numbered or node.parameter is None:
            return node
        return self.nodes[self._address(node.parameter.name, node.strip)]

    def read(self, node: Node) -> Args:
        """A node's value now, in its types.

        Raises:
            RefusalError: it has none.
        """
        if node.parameter is not None:
            mixer = self.tree_of(node).mixer
            return (as_arg(mixer.get(node.parameter.name, node.strip)),)
        if node.read is None:
            raise RefusalError("write_only", f"{node.address} is a command; it has no value")
        return node.read()

    def read_all(self, nodes: Iterable[Node]) -> dict[str, Args]:
        """The values of those that have one, at one moment as far as a mixer goes."""
        nodes = [node for node in nodes if node.readable]
        trees = {tree.root: tree for tree in map(self.tree_of, nodes)}
        values = {root: tree.mixer.now() for root, tree in trees.items()}
        return {
            node.address: (
                as_arg(values[self.tree_of(node).root][node.parameter.name, node.strip]),
            )
            if node.parameter is not None
            else self.read(node)
            for node in nodes
        }

    def change_of(self, node: Node, args: Args, answer: WriteResult) -> Setting:
        """Mixer change for a write to a parameter's node, in range.

        Raises:
            RefusalError: the arguments do not fit.
        """
        row = node.parameter
        assert row is not None
        (value,) = fitting(node, args)
        try:
            setting, clipped = row.clip(bool(value) if row.kind == "bool" else value)
        except ValueError as error:
            raise RefusalError("wrong_type", str(error)) from error
        if clipped:
            choices = f"[{row.low:g}, {row.high:g}] {row.unit}".rstrip()
            answer.clipped.append((node.address, f"{args[0]!r} is not in {choices}: {setting:g}"))
        return row.name, setting, node.strip

    def check(self, node: Node, args: Args) -> Args:
        """The arguments, in the types of a node that is no parameter.

        Raises:
            RefusalError: it cannot be set, or not to these.
        """
        if node.write is None:
            raise RefusalError("read_only", f"{node.address} can only be read")
        return fitting(node, args)

    def write(self, node: Node, args: Args) -> WriteResult:
        """Set a node now.

        Raises:
            RefusalError: it cannot be set, or not to this.
        """
        answer = WriteResult()
        if node.parameter is not None:
            self.tree_of(node).move([self.change_of(node, args, answer)])
            return answer
        fitted = self.check(node, args)
        assert node.write is not None
        if node.is_button and args and not args[0] and args[0] != "":
            return answer  # a button that is let go
        try:
            node.write(fitted)
        except RefusalError:
            raise
        except Exception as error:  # any failure is reported to the client
            raise RefusalError("failed", one_line(error)) from error
        return answer

    def prepared(self, node: Node) -> Node:
        """A slow node whose write is asked for now, to be written to when its turn comes."""
        return node if node.prepare is None else replace(node, write=node.prepare())

    def cancel(self, changes: Sequence[Change] = ()) -> None:
        """Drop all that waits for its time, crossfades too, and make other changes at once."""
        for cancel in self.cancellers:
            cancel()
        self.mixer.cancel_scheduled(changes)

    def move_all(self, changes: Mapping[str, Sequence[Change]], due: float | None = None) -> None:
        """Move parameters of several sessions, each one's together.

        Args:
            changes: by the roots of their trees; those of one that has left are dropped.
            due: a time of `time.monotonic`; None: at once.
        """
        for root, each in changes.items():
            tree = self if root == self.root else self.further.get(root)
            if tree is not None:
                tree.move(each, None if due is None else tree.session.position_at(due))

    def move(self, changes: Sequence[Change], position: int | None = None) -> None:
        """Move parameters together, at once or at a position."""
        if position is None:
            self.mixer.set_all(changes)
        else:
            self.mixer.schedule(position, changes)
