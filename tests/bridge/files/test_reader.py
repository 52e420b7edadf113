import os
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from restem.bridge.files.reader import BLOCK, open_mix
from tests.support.audio_files import RATE, noise, read, write


@pytest.mark.parametrize(
    ("name", "subtype"),
    [
        ("a.wav", "PCM_16"),
        ("a.wav", "PCM_24"),
        ("a.wav", "FLOAT"),
        ("a.flac", "PCM_24"),
        ("a.aiff", "PCM_24"),
        ("a.ogg", "VORBIS"),
        ("a.mp3", "MPEG_LAYER_III"),
    ],
)
def test_the_blocks_of_a_mix_are_the_file(tmp_path: Path, name: str, subtype: str) -> None:
    path = write(tmp_path / name, noise(2 * BLOCK + 13), subtype=subtype)
    with open_mix(path) as mix:
        blocks = list(mix)
        assert (mix.path, mix.sample_rate, mix.channels) == (path, RATE, 2)
        assert mix.frames == 2 * BLOCK + 13
    assert [block.shape[1] for block in blocks] == [BLOCK, BLOCK, 13]
    assert blocks[0].dtype == np.float32
    tolerance = 1e-5 if name == "a.mp3" else 0  # two decoders
    assert np.abs(np.concatenate(blocks, axis=1) - read(path)).max() <= tolerance


def test_what_libsndfile_cannot_play_is_left_to_ffmpeg(tmp_path: Path) -> None:
    path = write(tmp_path / "a.flac", noise(BLOCK + 13), subtype="PCM_16")
    expected = read(path)
    content = bytearray(path.read_bytes())
    content[21:26] = bytes([content[21] & 0xF0, 0, 0, 0, 0])  # length unknown, as from a pipe
    path.write_bytes(content)
    with open_mix(path) as mix:
        assert mix.frames == BLOCK + 13
        assert np.array_equal(np.concatenate(list(mix), axis=1), expected)


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFF000])
def test_a_wav_from_a_pipe_is_as_long_as_it_is(tmp_path: Path, size: int) -> None:
    path = write(tmp_path / "a.wav", noise(1000), subtype="PCM_16")
    content = path.read_bytes()
    at = content.index(b"data") + 4
    path.write_bytes(content[:at] + struct.pack("<I", size) + content[at + 4 :])
    with open_mix(path) as mix:
        assert mix.frames == 1000


@pytest.mark.parametrize("container", ["WAV", "RF64", "AIFF"])
def test_a_header_that_promises_more_than_there_is_is_an_error(
    tmp_path: Path, container: str
) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(1000).T, RATE, "PCM_16", format=container)
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(ValueError, match=r"a\.wav: is cut short, 4 of the .* get a whole copy$"):
        open_mix(path)


def test_an_mp3_without_a_tag_is_read_to_its_end(tmp_path: Path) -> None:
    audio = np.concatenate((noise(3 * RATE), np.zeros((2, 3 * RATE), np.float32)), axis=1)
    path = tmp_path / "a.mp3"
    soundfile.write(path, audio.T, RATE, bitrate_mode="VARIABLE", compression_level=0.2)
    with open_mix(path) as mix:
        assert mix.frames == 6 * RATE
    path.write_bytes(path.read_bytes().replace(b"Xing", b"    "))
    with open_mix(path) as mix:
        assert 6 * RATE <= mix.frames < 6 * RATE + 4 * 1152
        assert sum(block.shape[1] for block in mix) == mix.frames


def test_a_cut_mp3_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp3", noise(RATE), subtype="MPEG_LAYER_III")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"is cut short, \d+ of 43 frames are there"):
        open_mix(path)


@pytest.mark.parametrize(
    ("make", "error", "line"),
    [
        (lambda path: None, FileNotFoundError, "No such file or directory; check the name"),
        (Path.mkdir, IsADirectoryError, "is a folder; name an audio file"),
        (lambda path: path.write_bytes(b""), ValueError, "is empty; export it again"),
        (
            lambda path: path.write_bytes(b"no music\n" * 9999),
            ValueError,
            r"cannot be read as audio; convert it to WAV or FLAC first",
        ),
        (
            lambda path: write(path, noise(0)),
            ValueError,
            "has no samples; export it again",
        ),
        (
            lambda path: write(path, noise(100, 6)),
            ValueError,
            r"has 6 channels; down-mix it to mono or stereo first, or render it with --downmix "
            r"\(downmix=True in Python\)",
        ),
        (
            lambda path: write(path, noise(100), 7999),
            ValueError,
            "has a sample rate of 7999 Hz, outside 8000 to 192000; resample it first",
        ),
        (
            lambda path: write(path, noise(100), 192001),
            ValueError,
            "has a sample rate of 192001 Hz, outside 8000 to 192000; resample it first",
        ),
    ],
)
def test_what_cannot_be_a_mix_is_one_line(
    tmp_path: Path, make: Callable[[Path], object], error: type[Exception], line: str
) -> None:
    make(tmp_path / "a.wav")
    with pytest.raises(error, match=rf"^\S+a\.wav: {line}$"):
        open_mix(tmp_path / "a.wav")


def test_a_wav_whose_recorder_died_is_read_to_its_end(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", noise(1000), subtype="PCM_16")
    expected, content = read(path), path.read_bytes()
    at = content.index(b"data") + 4
    path.write_bytes(content[:at] + bytes(4) + content[at + 4 :])
    with pytest.warns(UserWarning, match=r"a\.wav: its header gives no length; it is read to"):
        mix = open_mix(path)
    with mix:
        assert np.array_equal(np.concatenate([*mix], axis=1), expected)


def test_a_wav_whose_recorder_died_in_silence_is_read_to_its_end(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", np.zeros((2, 1000), np.float32), subtype="PCM_16")
    content = path.read_bytes()
    at = content.index(b"data") + 4
    path.write_bytes(content[:at] + bytes(4) + content[at + 4 :])
    with pytest.warns(UserWarning, match="gives no length"), open_mix(path) as mix:
        assert mix.frames == 1000


def test_an_empty_wav_with_more_chunks_stays_empty(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", noise(0), subtype="PCM_16")
    path.write_bytes(path.read_bytes() + b"LIST" + struct.pack("<I", 16) + b"INFOISFT\4\0\0\0abcd")
    with pytest.raises(ValueError, match="has no samples; export it again"):
        open_mix(path)


def chunks(content: bytes) -> dict[bytes, bytes]:
    """The chunks of a WAV by name, with their heads."""
    found, at = {}, 12
    while at < len(content):
        end = at + 8 + struct.unpack_from("<I", content, at + 4)[0]
        found[content[at : at + 4]] = content[at:end]
        at = end
    return found


def bad_peak(parts: dict[bytes, bytes]) -> bytes:
    peak = parts[b"PEAK"] + bytes(8)  # as for another number of channels
    parts[b"PEAK"] = peak[:4] + struct.pack("<I", len(peak) - 8) + peak[8:]
    return b"".join(parts.values())


def data_first(parts: dict[bytes, bytes]) -> bytes:
    return parts[b"data"] + parts[b"fmt "]


@pytest.mark.parametrize("change", [bad_peak, data_first])
def test_a_wav_that_libsndfile_refuses_is_read_by_ffmpeg(
    tmp_path: Path, change: Callable[[dict[bytes, bytes]], bytes]
) -> None:
    path = write(tmp_path / "a.wav", noise(1000))
    body = b"WAVE" + change(chunks(path.read_bytes()))
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    with open_mix(path) as mix:
        assert np.array_equal(np.concatenate([*mix], axis=1), noise(1000))


def test_a_bw64_is_an_rf64_by_another_name(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(1000).T, RATE, "FLOAT", format="RF64")
    path.write_bytes(b"BW64" + path.read_bytes()[4:])
    with open_mix(path) as mix:
        assert np.array_equal(np.concatenate([*mix], axis=1), noise(1000))


def test_a_file_that_shrinks_while_it_is_read_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", noise(4 * BLOCK))
    with open_mix(path) as mix:
        os.truncate(path, 2 * BLOCK * 8)
        with pytest.raises(ValueError, match=r"damaged after 1\.4 of 2\.7 s \(nothing follows\)"):
            list(mix)


@pytest.mark.skipif(sys.platform == "win32", reason="needs named pipes in the file system")
def test_a_named_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.wav")
    with pytest.raises(OSError, match="is not a regular file"):
        open_mix(tmp_path / "a.wav")


def test_nan_and_inf_are_silenced_and_counted(tmp_path: Path) -> None:
    audio = noise(BLOCK + 1000)
    ill = audio.copy()
    ill[0, BLOCK + 480] = ill[1, BLOCK + 481] = np.nan
    ill[:, BLOCK + 500] = np.inf, -np.inf
    audio[~np.isfinite(ill)] = 0
    with open_mix(write(tmp_path / "a.wav", ill)) as mix:
        assert mix.first_bad_seconds is None
        assert np.array_equal(np.concatenate(list(mix), axis=1), audio)
        assert mix.bad_samples == 4
        assert mix.first_bad_seconds == (BLOCK + 480) / RATE


def test_decoders_keep_their_own_words_to_themselves(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.mp3"
    page.write_text("<html><body>404</body></html>")
    with pytest.raises(ValueError, match="cannot be read as audio; convert it to WAV or FLAC"):
        open_mix(page)
    assert capfd.readouterr() == ("", "")
