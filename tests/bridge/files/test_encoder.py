"""Length and alignment of compressed stems, as decoders of others read them."""

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from restem.bridge.files.encoder import CODECS, EncodedFile
from restem.bridge.files.reader import open_mix
from restem.bridge.files.render import RenderOptions, RenderReport, render_file
from restem.streamer.resampler import Audio
from tests.support.audio_files import dull, write
from tests.support.gain_model import Unity

CLOSE_DB = 20.0  # of a codec at its usual rate, on noise below 3 kHz


def ours(path: Path) -> tuple[Audio, int]:
    with open_mix(path) as mix:
        return np.concatenate([*mix], axis=1), mix.sample_rate


def libsndfiles(path: Path) -> tuple[Audio, int]:
    audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return audio.T, rate


def pyavs(path: Path) -> tuple[Audio, int]:
    with av.open(str(path)) as file:
        frames = [*file.decode(audio=0)]
    return np.concatenate([frame.to_ndarray() for frame in frames], axis=1), frames[0].sample_rate


DECODERS = {
    "m4a": (ours, pyavs),
    "mp3": (ours, pyavs, libsndfiles),
    "opus": (ours, pyavs, libsndfiles),
}
FILLED_UP = 1024  # FFmpeg plays an m4a's last packet whole, whatever the file tells


def rendered(folder: Path, audio: Audio, rate: int, kind: str) -> RenderReport:
    mix = write(folder / "song.wav", audio, rate)
    return render_file(Unity(), mix, folder / "out", file_format=kind)


def distance_db(audio: Audio, other: Audio) -> float:
    error = np.square(audio - other).mean()
    return float(10 * np.log10(np.square(audio).mean() / error))


def lag(audio: Audio, other: Audio) -> int:
    spectra = (np.fft.rfft(signal[0], 2**18) for signal in (audio, other))
    first, second = spectra
    found = int(np.fft.irfft(first.conj() * second).argmax())
    return found if found < 2**17 else found - 2**18


@pytest.mark.parametrize("samples", [1000, 1024, 48000, 70_001])
@pytest.mark.parametrize(
    ("kind", "decode"), [(kind, decode) for kind in CODECS for decode in DECODERS[kind]]
)
def test_a_decoder_reads_as_many_samples_as_went_in_at_their_place(
    tmp_path: Path, kind: str, decode: Callable[[Path], tuple[Audio, int]], samples: int
) -> None:
    audio = dull(samples)
    report = rendered(tmp_path, audio, 48000, kind)
    (path,) = report.files
    assert path.name == f"vocals.{kind}"
    decoded, rate = decode(path)
    assert rate == 48000
    if (kind, decode) == ("m4a", pyavs):
        with av.open(str(path)) as file:
            assert (file.streams.audio[0].duration, file.streams.audio[0].start_time) == (
                samples,
                0,
            )
        assert samples <= decoded.shape[1] < samples + FILLED_UP
        decoded = decoded[:, :samples]
    assert decoded.shape == (2, samples)
    assert lag(audio, decoded) == 0
    if samples > 40_000:
        assert distance_db(audio, decoded) > CLOSE_DB


@pytest.mark.parametrize(
    ("kind", "rate", "expected"),
    [
        ("m4a", 44100, 44100),
        ("m4a", 96000, 96000),
        ("mp3", 44100, 44100),
        ("mp3", 96000, 48000),
        ("opus", 44100, 48000),
        ("opus", 8000, 48000),
    ],
)
def test_rates_that_a_codec_lacks_are_converted(
    tmp_path: Path, kind: str, rate: int, expected: int
) -> None:
    (path,) = rendered(tmp_path, dull(rate), rate, kind).files
    decoded, rate = ours(path)
    assert rate == expected
    assert decoded.shape[1] == expected


@pytest.mark.parametrize("kind", CODECS)
def test_mono_stays_mono(tmp_path: Path, kind: str) -> None:
    (path,) = rendered(tmp_path, dull(20_000)[:1], 48000, kind).files
    assert ours(path)[0].shape == (1, 20_000)


@pytest.mark.parametrize("kind", CODECS)
def test_more_bits_are_more_bytes_and_renders_are_equal(tmp_path: Path, kind: str) -> None:
    mix = write(tmp_path / "song.wav", dull(48_000))
    contents = []
    for bitrate in (64, 64, 192):
        options = RenderOptions(bitrate=bitrate)
        report = render_file(
            Unity(), mix, tmp_path, file_format=kind, overwrite=True, options=options
        )
        contents.append(report.files[0].read_bytes())
    assert contents[0] == contents[1]
    assert len(contents[2]) > 2 * len(contents[0])


@pytest.mark.parametrize("kind", CODECS)
def test_what_is_beyond_full_scale_is_clipped_and_counted(tmp_path: Path, kind: str) -> None:
    audio = np.zeros((2, 5000), np.float32)
    audio[0, 2000:2003] = 2.0
    assert rendered(tmp_path, audio, 48000, kind).clipped_samples == 3


@pytest.mark.parametrize("kind", CODECS)
@pytest.mark.parametrize("room", [0, 5000])
def test_a_full_disk_is_one_line_and_leaves_nothing(
    tmp_path: Path, kind: str, room: int, size_limit: Callable[[int], None]
) -> None:
    mix = write(tmp_path / "song.wav", dull(200_000))
    size_limit(room)
    with pytest.raises(OSError, match=rf"^.*vocals\.\w+\.{kind}\.part: File too large"):
        render_file(Unity(), mix, tmp_path / "out", file_format=kind)
    size_limit(10**9)
    assert [path.name for path in tmp_path.rglob("*")] == ["song.wav"]


def test_a_file_that_is_closed_early_is_closed(tmp_path: Path) -> None:
    file = EncodedFile(tmp_path / "a.m4a", "m4a", 48000, 2, 1000)
    file.write(dull(500))
    file.close()
    file.close()
    with pytest.raises(ValueError, match="closed file"):
        file._disk.write(b"more")


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"file_format": "m4a", "subtype": "PCM_16"}, "m4a has no subtype 'PCM_16'"),
        ({"options": RenderOptions(bitrate=128)}, "a bitrate is for compressed files: m4a, mp3"),
        (
            {"file_format": "mp3", "options": RenderOptions(dither=True)},
            "dither is for 16-bit files, not mp3",
        ),
    ],
)
def test_forms_that_exclude_each_other_are_refused(
    tmp_path: Path, values: dict[str, object], complaint: str
) -> None:
    mix = write(tmp_path / "song.wav", dull(100))
    with pytest.raises(ValueError, match=complaint):
        render_file(Unity(), mix, tmp_path, **values)  # type: ignore[arg-type]
