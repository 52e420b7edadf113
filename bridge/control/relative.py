"""Nodes that change another one's value from where it is: switches flip, numbers move by steps."""

import math
from collections.abc import Callable

from restem.bridge.control.addresses import Args
from restem.bridge.control.node import Node, RefusalError

Read = Callable[[Node], Args]
Write = Callable[[Node, Args], object]


def toggle_of(node: Node, read: Read, write: Write) -> Node | None:
    """Button that flips a switch; None if the node is none."""
    if not node.is_switch:
        return None

    def flip(_: Args) -> None:
        write(node, (int(read(node)[0] != 1),))

    return _beside(node, "toggle", "", flip)


def inc_of(node: Node, read: Read, write: Write) -> Node | None:
    """Node that moves a number by a step, within its range; None if the node is no number."""
    if not node.is_number:
        return None
    low = -math.inf if node.low is None else node.low
    high = math.inf if node.high is None else node.high

    def move(args: Args) -> None:
        (step,), (now, *_) = args, read(node)
        if not isinstance(step, float) or math.isnan(step):
            raise RefusalError("wrong_type", f"{node.address}/inc takes a step, got {step!r}")
        write(node, (min(max(float(now or 0) + step, low), high),))

    return _beside(node, "inc", "f", move)


def _beside(node: Node, name: str, types: str, write: Callable[[Args], None]) -> Node:
    return Node(
        f"{node.address}/{name}",
        types,
        f"Moves {node.address} from where it is.",
        write=write,
        slow=node.slow,
        in_turn=node.in_turn,
        moves=True,
    )


RELATIVES = {"toggle": toggle_of, "inc": inc_of}
