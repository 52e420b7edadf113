"""The table of addresses for people, from the nodes and commands that there are.

    python -m restem.bridge.control.address_table README.md

writes it between a file's two marks.
"""

import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from restem.bridge.control.addresses import ROOT, parameter_address
from restem.bridge.control.node import Node
from restem.bridge.control.osc import audio, commands, render
from restem.bridge.control.osc.commands import CommandRow
from restem.bridge.control.remote import Remote, RemoteSettings
from restem.bridge.session.headless import FileSession
from restem.bridge.settings import Settings

COMMANDS = (*commands.COMMANDS, *render.COMMANDS, *audio.COMMANDS)
BEGIN, END = "<!-- addresses -->\n", "<!-- end of addresses -->"
KINDS = {"i": "int", "f": "float", "s": "text"}


def markdown(nodes: Iterable[Node], rows: Iterable[CommandRow] = COMMANDS) -> str:
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
        for row in rows
    ]
    return "\n".join(lines)


def takes(node: Node) -> str:
    """Describe a node's arguments."""
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


def written(text: str, table: str) -> str:
    """A text with the table between its marks.

    Raises:
        ValueError: there are none.
    """
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"there is no {BEGIN.strip()} with {END} behind it")
    return f"{head}{begin}{table}\n{end}{tail}"


def main() -> None:
    path = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        controls = RemoteSettings(port=0, midi=True, presets=Path(folder))
        with FileSession(Settings()) as session, Remote(session, controls, print) as remote:
            table = markdown(remote.control.nodes.values())
    path.write_text(written(path.read_text("utf-8"), table), "utf-8")


if __name__ == "__main__":
    main()
