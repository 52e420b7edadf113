"""Marks of containers: where a file's audio ends, and how many recordings were joined in it.

Decoders play what is there of a file that was cut short, and the first link of a chain alone.
"""

import mmap
import os
import struct
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

RIFFS = {b"RIFF": "<", b"RF64": "<", b"BW64": "<", b"RIFX": ">", b"FORM": ">"}
W64_RIFF = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00"
EBML, SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
ASF, ASF_PROPERTIES = bytes.fromhex("3026b2758e66cf11"), bytes.fromhex("a1dcab8c47a9cf11")
MP4_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
OGG_FIRST, OGG_LAST = 2, 4  # flags of a page
FLAC_START = b"fLaC\x00\x00\x00\x22"


def check_whole(path: Path, file: BinaryIO) -> None:
    """Hold what a header promises against the file.

    Raises:
        ValueError: the file is empty or shorter than that.
    """
    size = os.fstat(file.fileno()).st_size
    if size == 0:
        raise ValueError(f"{path}: is empty; export it again")
    end = _promised_end(file, size)
    if end is not None and end > size:
        raise ValueError(
            f"{path}: is cut short, {end - size} of the {end} bytes that its header promises are "
            "missing; get a whole copy"
        )


def _promised_end(file: BinaryIO, size: int) -> int | None:
    """End of the audio, in bytes; None for other or open-ended files."""
    file.seek(0)
    head = file.read(40)
    if head[:4] in RIFFS:
        return _riff_end(file, RIFFS[head[:4]])
    if head.startswith(W64_RIFF):
        return _w64_end(file)
    if head[:4] in (b".snd", b"dns.") and len(head) >= 12:
        start, length = struct.unpack(f"{'>' if head[:1] == b'.' else '<'}4x2I", head[:12])
        return None if length == 2**32 - 1 else int(start + length)
    if head.startswith(b"caff"):
        return _caf_end(file)
    if head[4:8] in MP4_BOXES:
        return _mp4_end(file, size)
    if head.startswith(EBML):
        return _matroska_end(file)
    if head.startswith(ASF):
        file.seek(0)
        return _asf_end(file.read(2**16))
    return None


def riff_chunks(file: BinaryIO, order: str = "<") -> Iterator[tuple[bytes, int, int | None]]:
    """Name, first byte and size of each chunk of a WAV or an AIFF.

    The size of audio that is as long as it gets is None, and that chunk is the last.
    """
    long_size: int | None = None  # RF64's, for sizes that have no room in 32 bits
    at = 12
    while file.seek(at) and len(head := file.read(8)) == 8:
        name: bytes = head[:4]
        size: int = struct.unpack(f"{order}I", head[4:])[0]
        if name in (b"data", b"SSND"):
            if long_size is None and _is_open_ended(size):
                yield name, at + 8, None
                return
            size = size if long_size is None else long_size
        yield name, at + 8, size
        if name == b"ds64":
            file.seek(at + 8)
            if len(sizes := file.read(16)) == 16:
                long_size = struct.unpack("<8xQ", sizes)[0]
        at += 8 + size + size % 2


def _riff_end(file: BinaryIO, order: str) -> int | None:
    """The end of a WAV's or an AIFF's audio; the file is at its first byte then."""
    for name, start, size in riff_chunks(file, order):
        if name in (b"data", b"SSND"):
            return None if size is None else start + size
    return None


def _is_open_ended(size: int) -> bool:
    """Recognise "as long as it gets", near 2 or 4 GiB, from a program that wrote to a pipe."""
    return abs(size - 2**31) <= 2**12 or size >= 2**32 - 2**8


def _w64_end(file: BinaryIO) -> int | None:
    at = 40
    while file.seek(at) and len(head := file.read(24)) == 24:
        size: int = struct.unpack("<16xQ", head)[0]  # with the 24 bytes of its own head
        if head.startswith(b"data"):
            return at + size
        at += max(-(-size // 8) * 8, 24)
    return None


def _caf_end(file: BinaryIO) -> int | None:
    file.seek(8)
    while len(head := file.read(12)) == 12:
        size: int = struct.unpack(">4xq", head)[0]
        if head.startswith(b"data") or size < 0:  # -1: as long as it gets
            return None if size < 0 else file.tell() + size
        file.seek(size, os.SEEK_CUR)
    return None


def _mp4_end(file: BinaryIO, file_size: int) -> int:
    """The end of the last box; a size of 0 is "up to the end of the file"."""
    return max((end for _, _, end in _mp4_boxes(file, 0, file_size)), default=0)


def _mp4_boxes(file: BinaryIO, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, first byte and end of what is in each box between two bytes."""
    while at < end:
        file.seek(at)
        head, content = file.read(16).ljust(16, b"\0"), at + 8
        size: int = struct.unpack(">I", head[:4])[0]
        if size == 1:
            size, content = struct.unpack(">8xQ", head)[0], at + 16
        if size < 8:  # 0, or bytes that are no box
            break
        at += size
        yield head[4:8], content, at


def mp4_ticks(file: BinaryIO) -> int | None:
    """Ticks in a second of an MP4's edit lists, which cut a track to its length."""
    for name, start, end in _mp4_boxes(file, 0, os.fstat(file.fileno()).st_size):
        for inner, at, _ in _mp4_boxes(file, start, end) if name == b"moov" else ():
            if inner == b"mvhd":
                file.seek(at)
                head = file.read(24).ljust(24, b"\0")
                ticks: int = struct.unpack(">20xI" if head[0] else ">12xI8x", head)[0]
                return ticks
    return None


def _matroska_end(file: BinaryIO) -> int | None:
    file.seek(4)
    header = _vint(file)
    if header is None:
        return None
    file.seek(header, os.SEEK_CUR)
    if file.read(4) != SEGMENT or (size := _vint(file)) is None:
        return None
    return file.tell() + size


def _vint(file: BinaryIO) -> int | None:
    """A number of Matroska's, whose leading zeros tell its width; None for unknown, all ones."""
    first = file.read(1)[0:1]
    if not first or not first[0]:
        return None
    width = 9 - first[0].bit_length()
    rest = file.read(width - 1)
    number = int.from_bytes(first + rest, "big") - (1 << 7 * width)
    return None if number == (1 << 7 * width) - 1 else number


def _asf_end(head: bytes) -> int | None:
    at = head.find(ASF_PROPERTIES)
    if at < 0 or len(head) < at + 48:
        return None
    size: int = struct.unpack_from("<Q", head, at + 40)[0]
    return size or None  # 0 in a broadcast


def has_lost_its_size(file: BinaryIO) -> bool:
    """Recognise a WAV whose recorder died: its header says "no audio", and audio follows."""
    size = os.fstat(file.fileno()).st_size
    file.seek(0)
    is_wav = file.read(12)[:4] in (b"RIFF", b"RF64", b"BW64")
    if not is_wav or _riff_end(file, "<") != file.tell() or file.tell() >= size:
        return False
    while len(head := file.read(8)) == 8:  # are there other chunks, up to the very end?
        if not head[:4].strip().isalnum():
            return True
        file.seek(struct.unpack("<4xI", head)[0], os.SEEK_CUR)
    return file.tell() - size not in (0, 1)


def links(path: Path, file: BinaryIO) -> list[tuple[int, int]]:
    """First byte and length of each recording in an Ogg or a FLAC; none for other formats.

    Raises:
        ValueError: an Ogg is cut short.
    """
    size = os.fstat(file.fileno()).st_size
    file.seek(0)
    head = file.read(8)
    starts = []
    if head.startswith(b"OggS"):
        starts = _ogg_starts(path, file, size)
    elif head == FLAC_START:
        starts = _flac_starts(file)
    return [(start, end - start) for start, end in pairwise([*starts, size])]


def _ogg_starts(path: Path, file: BinaryIO, size: int) -> list[int]:
    """Places where first pages follow others than first pages."""
    starts: list[int] = []
    at = flags = 0
    while file.seek(at) < size and (head := file.read(27)).startswith(b"OggS"):
        head = head.ljust(27, b"\0")
        before, flags = flags, head[5]
        if flags & OGG_FIRST and not before & OGG_FIRST:
            starts.append(at)
        lengths = file.read(head[26])
        at += 27 + head[26] + sum(lengths)
    if at > size or not flags & OGG_LAST:
        raise ValueError(f"{path}: is cut short, its last page is missing; get a whole copy")
    return starts


def _flac_starts(file: BinaryIO) -> list[int]:
    starts = []
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        at = 0
        while at >= 0:
            starts.append(at)
            at = content.find(FLAC_START, at + 8)
    return starts
