"""The table of addresses for people, from the nodes and commands that there are."""

from collections.abc import Iterable

from bridge.control import ROOT, Node, parameter_address
from bridge.osc.commands import CommandRow

KINDS = {"i": "int", "f": "float", "s": "text"}


def markdown(nodes: Iterable[Node], commands: Iterable[CommandRow]) -> str:
    """A table of three columns; strips are `<stem>`, details of other nodes are left out."""
    lines = ["| address | takes | what it is |", "|---|---|---|"]
    seen = set()
    for node in nodes:
        address = node.address
        if node.strip is not None and node.parameter is not None:
            address = parameter_address(node.parameter.name, "<stem>")
        if node.detail or address in seen:
            continue
        seen.add(address)
        lines.append(f"| `{address}` | {takes(node)} | {node.description} |")
    lines += [
        f"| `{ROOT}/{row.address}` | {row.arguments or 'nothing'} | {row.description} |"
        for row in commands
    ]
    return "\n".join(lines)


def takes(node: Node) -> str:
    """What may be sent to a node."""
    if node.is_button:
        return "a button"
    kind = KINDS[node.types[0]]
    if not node.access & 2:
        return "read only"
    if node.parameter is not None and node.parameter.kind == "bool":
        return "0 or 1"
    if node.low is not None and node.high is not None:
        kind = f"{node.low:g} to {node.high:g} {node.unit}".rstrip()
    return kind + "".join(f" [{KINDS[tag]}]" for tag in node.optional)
