import json
import os
import re
import sys
import tracemalloc
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor

from restem.bridge.files import writer
from restem.bridge.files.reader import BLOCK, open_mix
from restem.bridge.files.render import RenderReport, render_file
from restem.bridge.files.writer import StemFile
from restem.streamer.model.chunked import Chunked
from tests.support.audio_files import RATE, noise, read, write
from tests.support.tiny_networks import Halves


class Forbidden(Halves):
    """A network that must not be asked."""

    def __call__(self, mix: Tensor) -> Tensor:
        raise AssertionError("work was begun")


class Panned(Halves):
    """A network that moves everything to the left."""

    def __call__(self, mix: Tensor) -> Tensor:
        return super().__call__(mix) * torch.tensor([[2.0], [0.0]])


class Overflowing(Halves):
    """A network that answers with NaN."""

    def __call__(self, mix: Tensor) -> Tensor:
        return super().__call__(mix) * torch.nan


def late(network: Halves | None = None) -> Chunked:
    """A model whose answer is 164 samples late."""
    return Chunked(network or Halves(), block_size=1024, context=7, fade=64, lookahead=100)


def everything_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.fixture
def song(tmp_path: Path) -> Path:
    return write(tmp_path / "song.wav", noise(100_001))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "stems" / "of today"


@pytest.mark.parametrize("channels", [1, 2])
def test_at_the_models_rate_the_stems_are_exact(tmp_path: Path, channels: int) -> None:
    audio = noise(BLOCK + 1000, channels)
    report = render_file(late(), write(tmp_path / "song.wav", audio), tmp_path / "out")
    assert report.files == (tmp_path / "out/song/vocals.wav", tmp_path / "out/song/drums.wav")
    vocals, drums = map(read, report.files)
    assert np.array_equal(vocals, 0.25 * audio)
    assert np.allclose(vocals + drums, audio, atol=1e-7)


def test_a_mono_mixs_stems_are_both_channels_mean(tmp_path: Path) -> None:
    audio = noise(1000, channels=1)
    song = write(tmp_path / "song.wav", audio)
    assert np.array_equal(read(render_file(late(Panned()), song, tmp_path).files[0]), 0.25 * audio)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("sample_rate", [8000, 11025, 44100, 88200, 96000, 192000])
def test_at_any_rate_the_stems_add_up_to_the_mix(
    tmp_path: Path, sample_rate: int, channels: int
) -> None:
    spectrum = np.fft.rfft(noise(sample_rate + 13, channels))
    spectrum[:, int(0.8 * min(sample_rate, RATE) / 2) :] = 0  # one bin is about 1 Hz
    audio = np.fft.irfft(spectrum, sample_rate + 13).astype(np.float32)
    report = render_file(
        late(), write(tmp_path / "song.wav", audio, sample_rate), tmp_path / "out", subtype="FLOAT"
    )
    total = np.sum([read(path) for path in report.files], axis=0)
    assert total.shape == audio.shape
    assert all(soundfile.info(path).samplerate == sample_rate for path in report.files)
    spectra = np.fft.rfft(audio, 2**18), np.fft.rfft(total, 2**18)
    correlation = np.fft.irfft(spectra[0].conj() * spectra[1]).sum(axis=0)
    assert correlation.argmax() == 0
    middle = slice(sample_rate // 10, -sample_rate // 10)
    assert np.abs(total - audio)[:, middle].max() < 1e-4


@pytest.mark.parametrize("samples", [1, 13, 480, 1000, BLOCK, BLOCK + 1])
@pytest.mark.parametrize("sample_rate", [8000, 44100, 48000, 192000])
def test_the_stems_are_as_long_as_the_mix(tmp_path: Path, sample_rate: int, samples: int) -> None:
    song = write(tmp_path / "song.wav", noise(samples), sample_rate)
    for path in render_file(late(), song, tmp_path / "out").files:
        assert soundfile.info(path).frames == samples


@pytest.mark.parametrize(
    ("file_format", "subtype", "expected"),
    [
        ("wav", None, "FLOAT"),
        ("wav", "PCM_16", "PCM_16"),
        ("wav", "PCM_24", "PCM_24"),
        ("wav", "PCM_32", "PCM_32"),
        ("flac", None, "PCM_24"),
        ("flac", "PCM_16", "PCM_16"),
    ],
)
def test_a_stem_has_the_format_asked_for(
    song: Path, out: Path, file_format: str, subtype: str | None, expected: str
) -> None:
    report = render_file(late(), song, out, file_format=file_format, subtype=subtype)
    for path, part in zip(report.files, (0.25, 0.75), strict=True):
        assert path.suffix == f".{file_format}"
        info = soundfile.info(path)
        assert (info.format, info.subtype) == (file_format.upper(), expected)
        assert np.allclose(read(path), part * read(song), atol=2**-16)


@pytest.mark.skipif(sys.platform != "linux", reason="needs names that are no Unicode")
def test_a_name_that_is_no_unicode_is_read_and_written(tmp_path: Path) -> None:
    os.rename(write(tmp_path / "a.wav", noise(100)), os.fsencode(tmp_path) + b"/caf\xe9.wav")
    report = render_file(late(), tmp_path / os.fsdecode(b"caf\xe9.wav"), tmp_path / "out")
    assert all(path.exists() for path in report.files)


@pytest.mark.parametrize(
    ("file_format", "subtype", "line"),
    [
        ("aiff", None, "unknown file format 'aiff'; expected one of wav, flac, m4a, mp3, opus"),
        ("flac", "FLOAT", "'FLOAT' is not offered; expected one of PCM_24, PCM_16"),
    ],
)
def test_an_unknown_format_is_refused(
    song: Path, out: Path, file_format: str, subtype: str | None, line: str
) -> None:
    with pytest.raises(ValueError, match=line):
        render_file(late(Forbidden()), song, out, file_format=file_format, subtype=subtype)
    assert not out.exists()


@pytest.mark.parametrize("name", ["a.wav.part", "a.flac.part"])
def test_integers_come_back_unchanged_and_halves_are_rounded(tmp_path: Path, name: str) -> None:
    steps = np.arange(-(2**15), 2**15)
    for offset in (-0.4, 0, 0.4):
        audio = ((steps + offset) / 2**15).astype(np.float32)[None]
        file = StemFile(tmp_path / name, RATE, 1, steps.size, "PCM_16")
        file.write(audio)
        file.finish()
        assert np.array_equal(soundfile.read(tmp_path / name, dtype="int16")[0], steps)


def test_clipped_samples_are_counted_in_integers_only(tmp_path: Path) -> None:
    audio = np.zeros((2, 1000), np.float32)
    audio[:, 100:103] = 1.5, -1.5, 4 / 3  # of which the drums get three quarters
    song = write(tmp_path / "song.wav", audio)
    integers = render_file(late(), song, tmp_path / "out", subtype="PCM_24")
    floats = render_file(late(), song, tmp_path / "out", overwrite=True)
    assert (integers.clipped_samples, floats.clipped_samples) == (4, 0)
    assert integers.peak_dbfs == floats.peak_dbfs == pytest.approx(20 * np.log10(1.125))
    assert read(floats.files[1]).max() == 1.125


def test_a_wav_beyond_its_header_is_an_rf64(
    song: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "WAV_LIMIT", 2 * 4 * 100_001 - 1)
    path = render_file(late(), song, out).files[0]
    assert soundfile.info(path).format == "RF64"
    with open_mix(path) as mix:
        assert np.array_equal(np.concatenate(list(mix), axis=1), 0.25 * read(song))
    monkeypatch.setattr(writer, "WAV_LIMIT", 2 * 4 * 100_001)
    path = render_file(late(), song, out, overwrite=True).files[0]
    assert soundfile.info(path).format == "WAV"


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    peaks = []
    for blocks in (4, 16):
        song = write(tmp_path / f"{blocks}.wav", noise(blocks * BLOCK), subtype="PCM_16")
        tracemalloc.start()
        render_file(late(), song, tmp_path / "out")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]


def test_progress_counts_every_sample_once(song: Path, out: Path) -> None:
    calls: list[tuple[float, float]] = []
    render_file(late(), song, out, progress=lambda *call: calls.append(call))
    done = [0, *(call[0] for call in calls)]
    assert all(0 <= later - sooner <= BLOCK / RATE for sooner, later in pairwise(done))
    assert calls[-1] == (100_001 / RATE, 100_001 / RATE)


def test_stems_take_their_names_together_at_the_end(song: Path, out: Path) -> None:
    seen: set[str] = set()
    render_file(late(), song, out, progress=lambda *_: seen.update(os.listdir(out / "song")))
    assert len(seen) == 2
    assert all(re.fullmatch(r"(vocals|drums)\.[0-9a-f]{8}\.wav\.part", name) for name in seen)
    assert set(os.listdir(out / "song")) == {"vocals.wav", "drums.wav"}


def fail_halfway(error: type[BaseException]) -> Callable[[float, float], None]:
    def progress(done: float, total: float) -> None:
        if done > total / 2:
            raise error

    return progress


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_render_leaves_nothing(
    song: Path, out: Path, error: type[BaseException]
) -> None:
    with pytest.raises(error):
        render_file(late(), song, out, progress=fail_halfway(error))
    assert everything_in(song.parent) == ["song.wav"]


def test_an_interrupted_render_leaves_what_others_put_there(song: Path, out: Path) -> None:
    other = write(out / "song" / "mine.wav", noise(10))
    with pytest.raises(KeyboardInterrupt):
        render_file(late(), song, out, progress=fail_halfway(KeyboardInterrupt))
    assert everything_in(out) == ["song", "song/mine.wav"]
    assert other.exists()


def test_stems_that_exist_are_an_error_before_any_work(song: Path, out: Path) -> None:
    old = write(out / "song" / "drums.wav", noise(10))
    before = old.read_bytes()
    with pytest.raises(FileExistsError, match=r"drums\.wav: exists; --overwrite it or choose"):
        render_file(late(Forbidden()), song, out)
    assert everything_in(out) == ["song", "song/drums.wav"]
    assert old.read_bytes() == before


def test_old_stems_survive_until_the_new_ones_are_complete(song: Path, out: Path) -> None:
    old = write(out / "song" / "drums.wav", noise(10))
    with pytest.raises(KeyboardInterrupt):
        render_file(late(), song, out, overwrite=True, progress=fail_halfway(KeyboardInterrupt))
    assert np.array_equal(read(old), noise(10))
    render_file(late(), song, out, overwrite=True)
    assert soundfile.info(old).frames == 100_001


def test_of_two_renders_of_one_name_at_once_the_later_is_refused(
    song: Path, out: Path, tmp_path: Path
) -> None:
    other = write(tmp_path / "other" / "song.wav", 0.5 * noise(100_001))
    begun: list[RenderReport] = []

    def meanwhile(*_: float) -> None:
        if not begun:
            begun.append(render_file(late(), other, out))

    with pytest.raises(FileExistsError, match=r"vocals\.wav: was written by another program"):
        render_file(late(), song, out, progress=meanwhile)
    assert everything_in(out) == ["song", "song/drums.wav", "song/vocals.wav"]
    assert np.array_equal(read(begun[0].files[0]), 0.125 * noise(100_001))


def test_of_two_that_overwrite_at_once_the_later_is_refused(song: Path, out: Path) -> None:
    render_file(late(), song, out)
    begun: list[RenderReport] = []

    def meanwhile(*_: float) -> None:
        if not begun:
            begun.append(render_file(late(), song, out, overwrite=True))

    with pytest.raises(FileExistsError, match=r"vocals\.wav: was written by another program"):
        render_file(late(), song, out, overwrite=True, progress=meanwhile)
    assert everything_in(out) == ["song", "song/drums.wav", "song/vocals.wav"]


def test_a_stem_that_appears_at_the_last_moment_is_kept(
    song: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def late_link(part: Path, target: Path) -> None:
        if target.name == "drums.wav":
            target.write_bytes(b"mine")
        link(part, target)

    monkeypatch.setattr(os, "link", late_link)
    with pytest.raises(FileExistsError, match=r"drums\.wav: was written by another program"):
        render_file(late(), song, out)
    assert everything_in(out) == ["song", "song/drums.wav"]
    assert (out / "song" / "drums.wav").read_bytes() == b"mine"


def test_a_disk_without_hard_links_holds_stems_too(
    song: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    render_file(late(), song, out)
    assert everything_in(out) == ["song", "song/drums.wav", "song/vocals.wav"]


@pytest.mark.parametrize("name", ["...wav", "..wav", "....wav"])
def test_a_name_of_dots_gets_a_folder_of_its_own(tmp_path: Path, name: str) -> None:
    song = write(tmp_path / "in" / "a.wav", noise(1000)).rename(tmp_path / "in" / name)
    report = render_file(late(), song, tmp_path / "out" / "deep")
    assert report.folder.parent.samefile(tmp_path / "out" / "deep")
    assert os.listdir(tmp_path / "out") == ["deep"]
    assert not any(path.is_file() for path in (tmp_path / "out" / "deep").iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_to_nothing_is_named(song: Path, out: Path, tmp_path: Path) -> None:
    (tmp_path / "stems").symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileExistsError, match=r"stems: is a link to nothing; remove it or choose"):
        render_file(late(Forbidden()), song, out)
    (tmp_path / "stems").unlink()
    (out / "song").mkdir(parents=True)
    (out / "song" / "drums.wav").symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileExistsError, match=r"drums\.wav: exists; --overwrite it"):
        render_file(late(Forbidden()), song, out)
    render_file(late(), song, out, overwrite=True)
    assert not (out / "song" / "drums.wav").is_symlink()


def test_float_files_tell_no_time(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    file = StemFile(path, RATE, 2, 1000, "FLOAT")
    file.write(noise(1000))
    file.finish()
    content = path.read_bytes()
    at = content.index(b"PEAK")
    assert content[at + 12 : at + 16] == bytes(4)
    assert np.array_equal(read(path), noise(1000))


@pytest.mark.parametrize(("gain", "side"), [(10**5, "beyond"), (0.01, "below")])
def test_a_mix_far_from_full_scale_gets_a_line(
    tmp_path: Path, out: Path, gain: float, side: str
) -> None:
    song = write(tmp_path / "song.wav", np.float32(gain) * noise(RATE))
    with pytest.warns(UserWarning, match=rf"song\.wav: peaks at -?\d+ dBFS, far {side} full scale"):
        render_file(late(), song, out)


def test_silence_and_usual_levels_get_no_line(tmp_path: Path, out: Path) -> None:
    for gain in (0, 0.1, 1, 4):
        song = write(tmp_path / "song.wav", np.float32(gain) * noise(RATE))
        render_file(late(), song, out, overwrite=True)


def test_a_stem_never_takes_the_mixs_place(tmp_path: Path) -> None:
    mix = write(tmp_path / "vocals" / "vocals.wav", noise(1000))
    with pytest.raises(FileExistsError, match="is the mix itself; choose another folder"):
        render_file(late(Forbidden()), mix, tmp_path, overwrite=True)
    assert np.array_equal(read(mix), noise(1000))


def test_a_file_in_the_folders_place_is_one_line(song: Path) -> None:
    (song.parent / "out").write_text("in the way")
    with pytest.raises(OSError, match=r"^\S+song: Not a directory"):
        render_file(late(Forbidden()), song, song.parent / "out")
    (song.parent / "here").mkdir()
    (song.parent / "here" / "song").write_text("in the way")
    with pytest.raises(FileExistsError, match=r"^\S+song: File exists; a file has the folder's"):
        render_file(late(Forbidden()), song, song.parent / "here")


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="nothing is forbidden to root"
)
def test_a_folder_that_must_not_be_written_is_one_line(song: Path, out: Path) -> None:
    out.mkdir(parents=True)
    out.chmod(0o500)
    with pytest.raises(PermissionError, match=r"^\S+song: Permission denied; change its"):
        render_file(late(Forbidden()), song, out)


@pytest.mark.parametrize("room", [10, 100_000])
@pytest.mark.parametrize("file_format", ["wav", "flac"])
def test_a_full_disk_is_one_line_and_leaves_nothing(
    song: Path, out: Path, file_format: str, room: int, size_limit: Callable[[int], None]
) -> None:
    size_limit(room)
    with pytest.raises(OSError, match=rf"^.*vocals\.\w+\.{file_format}\.part: File too large"):
        render_file(late(), song, out, file_format=file_format)
    size_limit(10**9)
    assert everything_in(song.parent) == ["song.wav"]


def test_a_disk_full_at_the_very_last_write_is_noticed(
    tmp_path: Path, out: Path, size_limit: Callable[[int], None]
) -> None:
    # A FLAC encoder keeps up to a frame of 4096 samples until it is closed.
    song = write(tmp_path / "song.wav", noise(1000))
    size_limit(1000)
    with pytest.raises(OSError, match=r"vocals\.\w+\.flac\.part: File too large"):
        render_file(late(), song, out, file_format="flac")
    size_limit(10**9)
    assert everything_in(tmp_path) == ["song.wav"]


def test_a_rate_that_flac_cannot_hold_is_one_line(tmp_path: Path, out: Path) -> None:
    song = write(tmp_path / "song.wav", noise(1000), 96001)
    with pytest.raises(OSError, match=r"\(FLAC cannot hold 2 channels at 96001 Hz\); try"):
        render_file(late(), song, out, file_format="flac")
    assert everything_in(tmp_path) == ["song.wav"]


@pytest.mark.parametrize("size", [0.3, 0.999])
def test_a_flac_that_breaks_off_leaves_nothing(tmp_path: Path, out: Path, size: float) -> None:
    song = write(tmp_path / "song.flac", noise(10 * BLOCK), subtype="PCM_24")
    content = song.read_bytes()
    song.write_bytes(content[: int(size * len(content))])
    with pytest.raises(ValueError, match=r"song\.flac: is damaged after \d\.\d of 6\.8 s"):
        render_file(late(), song, out)
    assert everything_in(tmp_path) == ["song.flac"]


def test_a_model_that_answers_with_nan_is_an_error(song: Path, out: Path) -> None:
    with pytest.raises(ValueError, match=r"song\.wav: the model answers with NaN or Inf after"):
        render_file(late(Overflowing()), song, out)
    assert everything_in(song.parent) == ["song.wav"]


def report(**changes: object) -> RenderReport:
    values: dict[str, object] = {
        "mix": Path("here/song.wav"),
        "folder": Path("out/song"),
        "frames": 205_100,
        "sample_rate": 1000,
        "seconds": 14.4,
        "real_time_factor": 0.0702,
        "peak_dbfs": -1.31,
        "clipped_samples": 0,
        "bad_samples": 0,
        "first_bad_seconds": None,
        "stems": 8,
        "files": tuple(Path(f"out/song/{number}.wav") for number in range(8)),
    }
    return RenderReport(**{**values, **changes})  # type: ignore[arg-type]


def test_a_report_is_a_line() -> None:
    assert report().line() == (
        "song.wav: 8 stems, 3:25.1, real-time factor 0.07, peak -1.3 dBFS, 0 clipped samples"
    )
    ill = report(frames=59_960, clipped_samples=1, bad_samples=3, first_bad_seconds=0.25)
    assert ill.line() == (
        "song.wav: 8 stems, 1:00.0, real-time factor 0.07, peak -1.3 dBFS, 1 clipped sample, "
        "3 NaN or Inf samples silenced, the first at 0.250 s"
    )


def test_a_report_is_json_even_of_silence() -> None:
    values = json.loads(json.dumps(report(peak_dbfs=-np.inf).as_dict(), allow_nan=False))
    assert values["peak_dbfs"] is None
    assert values["mix"] == str(Path("here/song.wav"))
    assert values["files"][0] == str(Path("out/song/0.wav"))


def test_a_report_tells_what_was_rendered(tmp_path: Path, out: Path) -> None:
    audio = noise(RATE)
    audio[1, 480] = np.nan
    song = write(tmp_path / "song.wav", audio)
    made = render_file(late(), song, out)
    assert (made.mix, made.folder, made.frames, made.sample_rate) == (
        song,
        out / "song",
        RATE,
        RATE,
    )
    assert made.real_time_factor == made.seconds > 0  # the mix lasts a second
    assert made.peak_dbfs == pytest.approx(20 * np.log10(0.75 * np.nanmax(np.abs(audio))), abs=1e-4)
    assert (made.bad_samples, made.first_bad_seconds) == (1, 0.01)
