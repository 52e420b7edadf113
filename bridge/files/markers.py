"""Markers of a WAV on its stems: cue points with their labels, and the BWF's time reference.

After EBU Tech 3285 and the RIFF of 1991. Of other formats, and for files beyond 4 GiB, there are
none.
"""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from restem.bridge.files.containers import riff_chunks

WAVS = (b"RIFF", b"RF64", b"BW64")
LIMIT = 2**20  # bytes; no chunk of markers is longer
CUE = struct.Struct("<2I4s3I")  # number, position, chunk, its start, block's start, sample
TIME_REFERENCE = slice(338, 346)  # samples since midnight
VERSION = slice(346, 348)
UMID = slice(348, 412)  # the identity of the mix, which a stem is not
LOUDNESS = slice(412, 422)  # of the mix, since version 2
UNKNOWN_LOUDNESS = struct.pack("<5H", *5 * (0x7FFF,))


@dataclass(frozen=True)
class Markers:
    """Chunks by name, in the order in which they are written."""

    chunks: tuple[tuple[bytes, bytes], ...] = ()

    def of_part(self, start: int, frames: int) -> "Markers":
        """Markers of a part of the file: those within it, counted from its first sample."""
        found = dict(self.chunks)
        if b"bext" in found:
            found[b"bext"] = _bext_of_part(found[b"bext"], start)
        points = [*_points(found.pop(b"cue ", b""), start, frames)]
        labels = _labels(found.pop(b"LIST", b""), {number for number, *_ in points})
        if points:
            packed = b"".join(CUE.pack(*point) for point in points)
            found[b"cue "] = struct.pack("<I", len(points)) + packed
            if labels:
                found[b"LIST"] = b"adtl" + labels
        return Markers(tuple(found.items()))


def _bext_of_part(chunk: bytes, start: int) -> bytes:
    content = bytearray(chunk)
    (time,) = struct.unpack("<Q", content[TIME_REFERENCE])
    (version,) = struct.unpack("<H", content[VERSION])
    content[TIME_REFERENCE] = struct.pack("<Q", (time + start) % 2**64)
    if version >= 1:
        content[UMID] = bytes(64)
    if version >= 2:
        content[LOUDNESS] = UNKNOWN_LOUDNESS
    return bytes(content)


def _points(
    chunk: bytes, start: int, frames: int
) -> Iterator[tuple[int, int, bytes, int, int, int]]:
    whole = len(chunk[4:]) // CUE.size * CUE.size
    for number, position, name, chunk_start, block_start, sample in CUE.iter_unpack(
        chunk[4 : 4 + whole]
    ):
        if start <= sample < start + frames:
            yield number, max(position - start, 0), name, chunk_start, block_start, sample - start


def _labels(chunk: bytes, numbers: set[int]) -> bytes:
    """Labels, notes and lengths of the points of these numbers."""
    kept, at = b"", 4
    while at + 12 <= len(chunk):
        size, number = struct.unpack_from("<2I", chunk, at + 4)
        end = at + 8 + size + size % 2
        if number in numbers and end <= len(chunk):
            kept += chunk[at:end]
        at = end
    return kept


def read_markers(path: Path) -> Markers:
    """Markers of a file; none of those that have none."""
    found: dict[bytes, bytes] = {}
    with path.open("rb") as file:
        if file.read(12)[:4] not in WAVS:
            return Markers()
        for name, start, size in riff_chunks(file):
            if name in (b"bext", b"cue ", b"LIST") and size is not None and size <= LIMIT:
                file.seek(start)
                content = file.read(size)
                if _is_sound(name, content):
                    found[name] = content
    return Markers(tuple(found.items()))


def _is_sound(name: bytes, content: bytes) -> bool:
    if name == b"LIST":
        return content.startswith(b"adtl")
    return len(content) >= (LOUDNESS.stop if name == b"bext" else 4 + CUE.size)


def write_markers(path: Path, markers: Markers) -> None:
    """Add markers to a complete WAV; an RF64 keeps none.

    Raises:
        OSError: the disk is full, or fails; the file may be broken now.
    """
    with path.open("r+b") as file:
        if not markers.chunks or file.read(4) != b"RIFF":
            return
        size = file.seek(0, os.SEEK_END)
        file.write(bytes(size % 2))
        for name, content in markers.chunks:
            file.write(name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2))
        end = file.tell()
        file.seek(4)
        file.write(struct.pack("<I", end - 8))
