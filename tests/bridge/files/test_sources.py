from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from restem.bridge.files.reader import BLOCK, open_mix
from restem.bridge.files.sources import AvSource, ChainSource, SoundFileSource, Source
from restem.streamer.resampler import Audio
from tests.support.audio_files import RATE, dull, encode, noise, read, write


def everything(source: Source) -> Audio:
    blocks = []
    while (block := source.read(BLOCK)).shape[1]:
        blocks.append(block)
    source.close()
    return np.concatenate(blocks, axis=1)


def mix_of(path: Path) -> Audio:
    with open_mix(path) as mix:
        return np.concatenate([*mix], axis=1)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 24000, 32000, 44100, 48000])
@pytest.mark.parametrize("samples", [1152, 20_000, BLOCK + 13])
def test_both_decoders_agree_on_every_sample_of_an_mp3(
    tmp_path: Path, rate: int, samples: int
) -> None:
    path = write(tmp_path / "a.mp3", noise(samples), rate, subtype="MPEG_LAYER_III")
    ours, theirs = everything(AvSource(path)), read(path)
    assert ours.shape == theirs.shape == (2, samples)
    assert np.abs(ours - theirs).max() < 1e-5


@pytest.mark.parametrize(
    ("name", "subtype", "tolerance"),
    [
        ("a.wav", "PCM_U8", 0),
        ("a.wav", "PCM_16", 0),
        ("a.wav", "PCM_24", 0),
        ("a.wav", "FLOAT", 0),
        ("a.wav", "DOUBLE", 0),
        ("a.aiff", "PCM_24", 0),
        ("a.flac", "PCM_24", 0),
        ("a.ogg", "VORBIS", 1e-6),
    ],
)
def test_both_decoders_agree_on_what_both_read(
    tmp_path: Path, name: str, subtype: str, tolerance: float
) -> None:
    path = write(tmp_path / name, noise(BLOCK + 13), subtype=subtype)
    ours, theirs = everything(AvSource(path)), everything(SoundFileSource(path))
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= tolerance


def test_both_decoders_agree_on_the_pre_skip_of_opus(tmp_path: Path) -> None:
    path = tmp_path / "a.opus"
    soundfile.write(path, dull(BLOCK).T, RATE, "OPUS", format="OGG")
    ours, theirs = everything(AvSource(path)), everything(SoundFileSource(path))
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs)[:, :-1000].max() < 1e-6


@pytest.mark.parametrize(
    ("container", "codec", "exact"),
    [
        ("ipod", "aac", False),
        ("ipod", "alac", True),
        ("mp4", "aac", False),
        ("mov", "aac", False),
        ("matroska", "flac", True),
        ("webm", "libopus", True),
        ("mp4", "libmp3lame", False),
    ],
)
def test_videos_and_their_like_are_read_and_aligned(
    tmp_path: Path, container: str, codec: str, exact: bool
) -> None:
    audio = dull(2 * RATE + 77)
    mix = mix_of(encode(tmp_path / "a.bin", audio, codec, container))
    more = mix.shape[1] - audio.shape[1]
    assert more == 0 if exact else 0 <= more < 1152
    spectrum = np.fft.rfft(mix[0], 2**18) * np.conj(np.fft.rfft(audio[0], 2**18))
    assert np.fft.irfft(spectrum).argmax() == 0


def tag(size: int) -> bytes:
    return b"ID3\3\0\0" + bytes([0, 0, size >> 7, size & 127]) + bytes(size)


def mp3(path: Path, samples: int = RATE) -> bytes:
    audio = noise(samples).T
    soundfile.write(path, audio, RATE, bitrate_mode="CONSTANT", compression_level=0.4)
    content = path.read_bytes()
    return content[content.rindex(b"\xff", 0, content.index(b"Info")) :]


def test_an_mp3_with_two_tags_is_the_one_with_none(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    content = mp3(path)
    for before in (b"", tag(100) + tag(10_000), bytes(3000)):
        path.write_bytes(before + content)
        assert mix_of(path).shape == (2, RATE)


def test_an_mp3_that_was_cut_out_of_a_stream_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    content = mp3(path)
    path.write_bytes(content[content.index(b"\xff\xfb", 4) :])
    assert RATE <= mix_of(path).shape[1] < RATE + 3 * 1152


def test_of_joined_mp3s_all_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    content = mp3(path)
    path.write_bytes(2 * content)
    mix = mix_of(path)
    assert 2 * RATE <= mix.shape[1] < 2 * RATE + 3 * 1152
    assert np.abs(mix[:, -RATE // 2 :]).max() > 0.01


def test_what_is_no_mp3_between_two_is_left_out_with_a_note(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    content = mp3(path)
    path.write_bytes(content + b"APETAGEX" + bytes(20_000) + content)
    with pytest.warns(UserWarning, match=r"a\.mp3: left out what is no MP3 in it"):
        mix = mix_of(path)
    assert mix.shape[1] >= 2 * RATE - 1152


@pytest.mark.parametrize("subtype", ["OPUS", "VORBIS"])
def test_of_a_chain_all_links_are_read(tmp_path: Path, subtype: str) -> None:
    links = []
    for samples in (RATE, RATE + 77):
        path = tmp_path / "link.ogg"
        soundfile.write(path, noise(samples).T, RATE, subtype, format="OGG")
        links.append((path.read_bytes(), read(path)))
    chain = tmp_path / "chain.ogg"
    chain.write_bytes(b"".join(content for content, _ in links))
    assert np.array_equal(mix_of(chain), np.concatenate([audio for _, audio in links], axis=1))


def test_of_joined_flacs_all_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.flac", noise(BLOCK + 13), subtype="PCM_24")
    expected = read(path)
    path.write_bytes(2 * path.read_bytes())
    assert np.array_equal(mix_of(path), np.concatenate([expected, expected], axis=1))


def test_links_of_two_rates_are_refused_in_a_line(tmp_path: Path) -> None:
    first = write(tmp_path / "a.flac", noise(100), 48000, subtype="PCM_24").read_bytes()
    path = write(tmp_path / "b.flac", noise(100), 44100, subtype="PCM_24")
    path.write_bytes(first + path.read_bytes())
    with pytest.raises(ValueError, match=r"b\.flac: is 2 recordings joined, and number 2 has"):
        open_mix(path)


def test_a_source_of_links_ends_after_the_last(tmp_path: Path) -> None:
    path = write(tmp_path / "a.flac", noise(100), subtype="PCM_24")
    size = path.stat().st_size
    path.write_bytes(2 * path.read_bytes())
    source = ChainSource(path, [(0, size), (size, size)])
    assert everything(source).shape == (2, 200)


def test_a_playlist_opens_no_other_file(tmp_path: Path) -> None:
    encode(tmp_path / "secret.aac", dull(RATE), "aac", "adts")
    path = tmp_path / "a.m3u8"
    path.write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:1,\n"
        f"{tmp_path / 'secret.aac'}\n#EXT-X-ENDLIST\n"
    )
    with pytest.raises(ValueError, match="cannot be read as audio; convert it to WAV or FLAC"):
        open_mix(path)


def test_a_film_without_sound_is_refused_in_a_line(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    with pytest.raises(ValueError, match=r"a\.mp4: has no audio in it; name an audio file"):
        open_mix(path)
