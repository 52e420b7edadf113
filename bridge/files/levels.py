"""Levels beyond full scale, and signals scaled to it.

Shape letters: `o` output, `c` channel, `n` sample.
"""

import math
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from restem.bridge.files.reader import one_line_errors
from restem.streamer.resampler import Audio

CLIPS = ("clamp", "rescale", "float")
FULL_SCALE = 1 - 2**-15  # the highest sample of 16 bits


class Rescaled:
    """Blocks [o, c, n] with one gain for all, which brings a peak beyond full scale down to it.

    The gain is known at the end only; until then they wait in a nameless file.

    Args:
        blocks: the signals.
        folder: on the disk that has room for them, as float32.

    Attributes:
        gain: 1 or less; right once the first block has come.
    """

    def __init__(self, blocks: Iterable[Audio], folder: Path) -> None:
        self._blocks, self._folder = blocks, folder
        self.gain = 1.0

    def __iter__(self) -> Iterator[Audio]:
        shapes, peak = [], 0.0
        with one_line_errors(self._folder), tempfile.TemporaryFile(dir=self._folder) as spool:
            for block in self._blocks:
                peak = max(peak, float(np.abs(block).max(initial=0)))
                spool.write(np.ascontiguousarray(block).tobytes())
                shapes.append(block.shape)
            self.gain = FULL_SCALE / peak if peak > 1 else 1.0
            spool.seek(0)
            for shape in shapes:
                content = spool.read(4 * math.prod(shape))
                yield np.frombuffer(content, np.float32).reshape(shape) * np.float32(self.gain)
