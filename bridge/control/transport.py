"""Addresses of the transport of a session without a device."""

from restem.bridge.control.addresses import ROOT
from restem.bridge.control.node import Node
from restem.bridge.session.headless import FileSession


def transport_nodes(session: FileSession) -> list[Node]:
    """Nodes of a session's transport, for a `ControlTree`."""
    transport, at = session.transport, f"{ROOT}/transport"
    return [
        Node(
            f"{at}/load",
            "s",
            "Takes a file of this machine, stopped at its beginning.",
            write=lambda args: session.load(str(args[0])),
            slow=True,
            touches_files=True,
        ),
        Node(f"{at}/file", "s", "The file's path.", read=lambda: (transport.path,)),
        Node(
            f"{at}/length",
            "f",
            "How long the file is.",
            "s",
            read=lambda: (transport.length_seconds,),
        ),
        Node(
            f"{at}/play",
            "i",
            "1 plays the file from where it stands, 0 stops it there.",
            low=0,
            high=1,
            read=lambda: (int(transport.playing),),
            write=lambda args: session.play(bool(args[0])),
        ),
        Node(
            f"{at}/position",
            "f",
            "Where in the file it stands; what enters the engine, not what leaves it.",
            "s",
            low=0,
            read=lambda: (transport.seconds,),
            write=lambda args: transport.locate(float(args[0] or 0)),
        ),
        Node(
            f"{at}/loop",
            "i",
            "Whether the file begins again at its end.",
            low=0,
            high=1,
            read=lambda: (int(transport.loop),),
            write=lambda args: setattr(transport, "loop", bool(args[0])),
        ),
    ]
