"""Places of the widgets on a touch screen, the same for TouchOSC and Open Stage Control."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from restem.bridge.control.patches.widgets import Widget, global_widgets, strip_widgets
from restem.streamer.mixer.routing import MASTER

COLUMN, ROW, GAP = 110, 60, 10  # pixels
FADER = 300
LABEL = 24


@dataclass(frozen=True)
class Place:
    """Position and size of something, in pixels."""

    x: int
    y: int
    width: int
    height: int


def placed(strips: Sequence[str]) -> Iterator[tuple[str, Place, Widget | None]]:
    """Words, and where they stand, with the widget below them; None for a strip's name."""
    x = GAP
    for name, widgets in (*((s, strip_widgets(s)) for s in strips), (MASTER, global_widgets())):
        columns = -(-len(widgets) // 6)
        yield name, Place(x, GAP, columns * COLUMN - GAP, LABEL), None
        tall = [one for one in widgets if one.kind == "fader"]
        for number, one in enumerate((*tall, *(one for one in widgets if one not in tall))):
            column, row = divmod(number, 6)
            height = FADER if one.kind == "fader" else ROW
            below = FADER - ROW if tall and row else 0
            y = 2 * GAP + LABEL + below + row * (ROW + LABEL + GAP)
            yield one.label, Place(x + column * COLUMN, y, COLUMN - GAP, height), one
        x += columns * COLUMN


def size(strips: Sequence[str]) -> tuple[int, int]:
    """Width and height of it all."""
    places = [place for _, place, _ in placed(strips)]
    width = max(place.x + place.width for place in places)
    return width + GAP, max(place.y + place.height + LABEL for place in places) + GAP
