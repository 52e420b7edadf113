"""The real-time core: streaming models, any host block size, exact latency."""

from streamer.chain import Chain, Mix
from streamer.chunked import Chunked
from streamer.effects import Effected
from streamer.processor import StemRestorer
from streamer.profiles import load_profile
from streamer.stream import Stream, render, render_blocks
from streamer.streaming import Series, StreamingModel

__all__ = [
    "Chain",
    "Chunked",
    "Effected",
    "Mix",
    "Series",
    "StemRestorer",
    "Stream",
    "StreamingModel",
    "load_profile",
    "render",
    "render_blocks",
]
