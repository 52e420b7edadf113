import threading
from concurrent.futures import CancelledError
from pathlib import Path

import numpy as np
import pytest
import torch

import restem
from restem.bridge.files.render import RenderReport, render_file
from restem.bridge.separate import Stems, separate
from restem.streamer.resampler import Audio
from tests.support.audio_files import noise, read, write
from tests.support.gain_model import Plain
from tests.support.tiny_networks import embedded


def test_it_is_a_name_of_the_package() -> None:
    assert restem.separate is separate


@pytest.mark.parametrize("rate", [44100, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_an_array_a_file_and_a_render_are_one(tmp_path: Path, rate: int, channels: int) -> None:
    audio, model = noise(9000, channels), embedded()
    song = write(tmp_path / "song.wav", audio, rate)
    report = render_file(model, song, tmp_path / "a")
    from_array = separate(audio, rate, profile=model)
    from_file = separate(song, profile=model)
    written = separate(song, profile=model, out=tmp_path / "b")
    assert isinstance(written, RenderReport)
    assert from_array.sample_rate == from_file.sample_rate == rate
    assert [*from_array] == [*from_file] == [*model.stems]
    for path, again in zip(report.files, written.files, strict=True):
        assert np.array_equal(from_array[path.stem], read(path))
        assert np.array_equal(from_file[path.stem], read(path))
        assert path.read_bytes() == again.read_bytes()


def test_arrays_come_in_the_layout_that_they_went_in() -> None:
    audio = noise(3000)
    for array in (audio, audio.T, audio[0], audio[:1].T, audio.astype(np.float64)):
        stems = separate(array, 48000, profile=Plain())
        assert {stem.shape for stem in stems.values()} == {array.shape}
        assert {stem.dtype for stem in stems.values()} == {np.dtype(np.float32)}
        assert np.allclose(stems["vocals"], 0.25 * array)


def test_what_is_asked_for_comes() -> None:
    audio = noise(3000)

    def names(**wanted: object) -> list[str]:
        stems: Stems = separate(audio, 48000, profile=Plain(), **wanted)  # type: ignore[call-overload]
        return [*stems]

    assert names(stems="bass") == names(stems=["bass"]) == ["bass"]
    assert names(minus="vocals") == ["no_vocals"]
    assert names(stems=["vocals"], minus=["vocals"]) == ["vocals", "no_vocals"]
    assert names(residual=True) == ["vocals", "bass", "drums", "residual"]
    total = sum(separate(audio, 48000, profile=Plain(), add_up=True).values())
    assert np.abs(total - audio).max() < 1e-6


def test_a_profile_is_loaded_with_the_stems_that_are_needed(profile: str) -> None:
    stems = separate(noise(3000), 48000, profile=profile, device="cpu", stems=["drums"])
    expected = restem.render(restem.load_profile(profile, "cpu"), torch.from_numpy(noise(3000)))
    assert np.abs(stems["drums"] - expected[2].numpy()).max() < 1e-6


def test_progress_ends_at_the_end_and_a_bar_disturbs_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    calls: list[tuple[float, float]] = []
    separate(noise(96_000), 48000, profile=Plain(), progress=lambda *call: calls.append(call))
    assert calls[0] == (0.0, 2.0)
    assert calls[-1] == (2.0, 2.0)
    assert calls == sorted(calls)
    separate(noise(3000), 48000, profile=Plain(), progress=True)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("to_files", [False, True])
def test_cancelled_work_ends_and_leaves_nothing(tmp_path: Path, to_files: bool) -> None:
    cancel, done = threading.Event(), []

    def progress(at: float, _: float) -> None:
        done.append(at)
        if at > 0.5:
            cancel.set()

    song = write(tmp_path / "song.wav", noise(200_000))
    out = {"out": tmp_path / "out"} if to_files else {}
    with pytest.raises(CancelledError, match=r"cancelled after \d\.\d of 4\.2 s"):
        separate(song, profile=Plain(), progress=progress, cancel=cancel, **out)  # type: ignore[call-overload]
    assert done[-1] < 2
    assert [path.name for path in tmp_path.iterdir()] == ["song.wav"]


def wrong(audio: Audio) -> dict[str, tuple[object, dict[str, object], str]]:
    return {
        "list": ([0.0], {"sample_rate": 48000}, "a path or an array in floating point, got list"),
        "integers": (audio.astype(np.int16), {"sample_rate": 48000}, "point, got int16"),
        "tensor": (torch.zeros(2, 9), {"sample_rate": 48000}, "floating point, got Tensor"),
        "no rate": (audio, {}, "an array needs its sample_rate, whole Hz, got None"),
        "half a rate": (audio, {"sample_rate": 44100.5}, "whole Hz, got 44100.5"),
        "low rate": (audio, {"sample_rate": 800}, "a sample rate of 800 Hz, outside 8000"),
        "channels": (np.zeros((6, 99)), {"sample_rate": 48000}, "has 6 channels; down-mix"),
        "nothing": (audio[:, :0], {"sample_rate": 48000}, "has no samples"),
        "loud": (30_000 * audio, {"sample_rate": 48000}, "must have full scale ±1"),
        "a file's rate": (
            "song.wav",
            {"sample_rate": 48000},
            "song.wav: a file has its own sample",
        ),
        "form": (audio, {"sample_rate": 48000, "subtype": "FLOAT"}, "subtype: for files; give out"),
        "stem": (audio, {"sample_rate": 48000, "stems": ["voice"]}, "unknown stem 'voice'"),
        "none": (audio, {"sample_rate": 48000, "stems": []}, "no file was asked for"),
    }


@pytest.mark.parametrize("kind", wrong(noise(100)))
def test_a_wrong_call_is_one_clear_line(kind: str) -> None:
    mix, arguments, line = wrong(noise(100))[kind]
    with pytest.raises((TypeError, ValueError), match=line) as caught:
        separate(mix, profile=Plain(), **arguments)  # type: ignore[call-overload]
    assert "\n" not in str(caught.value)


def test_nan_is_silence_as_in_files() -> None:
    audio = noise(3000)
    audio[0, 5] = np.nan
    assert np.isfinite(separate(audio, 48000, profile=Plain())["vocals"]).all()
