"""The real-time core: streaming models, any host block size, exact latency."""

from streamer.chunked import Chunked
from streamer.profiles import load_profile
from streamer.stream import Stream, render, render_blocks
from streamer.streaming import Chain, StreamingModel

__all__ = [
    "Chain",
    "Chunked",
    "Stream",
    "StreamingModel",
    "load_profile",
    "render",
    "render_blocks",
]
