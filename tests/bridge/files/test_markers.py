import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from restem.bridge.files.containers import riff_chunks
from restem.bridge.files.render import RenderOptions, render_file
from tests.support.audio_files import RATE, noise, read, write
from tests.support.gain_model import Plain

CUES, BROADCAST = 0x10CE, 0x10F0  # commands of libsndfile


def chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def labelled(*positions: int) -> bytes:
    """Cue points, each with a label."""
    points = [struct.pack("<2I4s3I", n, at, b"data", 0, 0, at) for n, at in enumerate(positions)]
    labels = [
        chunk(b"labl", struct.pack("<I", n) + b"part %d\0" % n) for n, _ in enumerate(positions)
    ]
    cues = chunk(b"cue ", struct.pack("<I", len(points)) + b"".join(points))
    return cues + chunk(b"LIST", b"adtl" + b"".join(labels))


def bext(time: int, version: int = 2) -> bytes:
    times = b"take 7".ljust(338, b"\0") + struct.pack("<QH", time, version)
    return chunk(b"bext", (times + 64 * b"U" + 10 * b"L").ljust(602, b"\0") + b"A=PCM\r\n")


def with_chunks(path: Path, *more: bytes) -> Path:
    """A WAV of 3000 samples with more chunks before its format."""
    content = write(path, noise(3000)).read_bytes()
    body = content[8:12] + b"".join(more) + content[12:]
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


def markers(path: Path) -> dict[bytes, bytes]:
    with path.open("rb") as file:
        found = [*riff_chunks(file)]
        assert path.stat().st_size == 8 + struct.unpack("<4xI", path.read_bytes()[:8])[0]
        content = path.read_bytes()
    wanted = (b"bext", b"cue ", b"LIST")
    return {name: content[at : at + (size or 0)] for name, at, size in found if name in wanted}


def stem(song: Path, **options: object) -> Path:
    chosen = RenderOptions(**options)  # type: ignore[arg-type]
    return render_file(Plain(), song, song.parent / "out", options=chosen).folder / "bass.wav"


def test_cue_points_labels_and_the_time_reference_are_kept(tmp_path: Path) -> None:
    song = with_chunks(tmp_path / "song.wav", bext(48000 * 3600), labelled(0, 1000, 2999))
    expected, found = markers(song), markers(stem(song))
    assert found[b"cue "] == expected[b"cue "]
    assert found[b"LIST"] == expected[b"LIST"]
    assert found[b"bext"][:348] == expected[b"bext"][:348]
    assert found[b"bext"][422:] == expected[b"bext"][422:]
    assert found[b"bext"][348:422] == bytes(64) + 5 * b"\xff\x7f"  # those are the mix's alone


def test_libsndfile_reads_them_and_the_samples_as_before(tmp_path: Path) -> None:
    song = with_chunks(tmp_path / "song.wav", bext(7), labelled(10, 1000))
    path = stem(song)
    assert np.abs(read(path) - -0.5 * noise(3000)).max() < 1e-6
    with soundfile.SoundFile(path) as file:
        cues = soundfile._ffi.new("char[]", 4 + 100 * 280)
        size = soundfile._ffi.sizeof(cues)
        assert soundfile._snd.sf_command(file._file, CUES, cues, size)
        assert struct.unpack("<I", soundfile._ffi.buffer(cues, 4)[:]) == (2,)
        about = soundfile._ffi.new("char[]", 2048)
        assert soundfile._snd.sf_command(file._file, BROADCAST, about, 2048)
        assert soundfile._ffi.buffer(about, 6)[:] == b"take 7"


def test_a_part_has_its_own_points_counted_from_its_start(tmp_path: Path) -> None:
    song = with_chunks(tmp_path / "song.wav", bext(2**33), labelled(0, 1000, 2999))
    found = markers(stem(song, start=900 / RATE, duration=1000 / RATE))
    assert found[b"cue "] == struct.pack("<3I4s3I", 1, 1, 100, b"data", 0, 0, 100)
    assert found[b"LIST"].count(b"part ") == found[b"LIST"].count(b"part 1") == 1
    assert struct.unpack("<Q", found[b"bext"][338:346]) == (2**33 + 900,)


@pytest.mark.parametrize(
    "more", [b"", labelled(5000), chunk(b"bext", b"short"), chunk(b"cue ", b"")]
)
def test_what_is_no_marker_of_the_part_leaves_none(tmp_path: Path, more: bytes) -> None:
    assert markers(stem(with_chunks(tmp_path / "song.wav", more))) == {}


def test_markers_are_left_out_with_the_tags(tmp_path: Path) -> None:
    song = with_chunks(tmp_path / "song.wav", bext(7), labelled(10))
    assert markers(stem(song, tags=False)) == {}
