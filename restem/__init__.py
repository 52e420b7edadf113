"""restem: eight restored stems from a mixed, mastered stereo signal, while the music plays.

A name is imported when it is first asked for: `import restem` alone loads neither PyTorch nor
Pedalboard.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from restem.bridge.separate import separate
    from restem.streamer.builder import load_profile
    from restem.streamer.model.chunked import Chunked
    from restem.streamer.model.combine import Series
    from restem.streamer.model.protocol import StreamingModel
    from restem.streamer.processors.chain import Chain, Mix
    from restem.streamer.processors.effected import Effected
    from restem.streamer.stem_restorer import StemRestorer
    from restem.streamer.stream import Stream, render, render_blocks

__all__ = [
    "Chain",
    "Chunked",
    "Effected",
    "Mix",
    "Series",
    "StemRestorer",
    "Stream",
    "StreamingModel",
    "__version__",
    "load_profile",
    "render",
    "render_blocks",
    "separate",
]

_HOMES = {
    "Chain": "streamer.processors.chain",
    "Chunked": "streamer.model.chunked",
    "Effected": "streamer.processors.effected",
    "Mix": "streamer.processors.chain",
    "Series": "streamer.model.combine",
    "StemRestorer": "streamer.stem_restorer",
    "Stream": "streamer.stream",
    "StreamingModel": "streamer.model.protocol",
    "load_profile": "streamer.builder",
    "render": "streamer.stream",
    "render_blocks": "streamer.stream",
    "separate": "bridge.separate",
}

__version__: str


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("restem")
    elif name in _HOMES:
        value = getattr(import_module(f"restem.{_HOMES[name]}"), name)
    else:
        raise AttributeError(f"module 'restem' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
