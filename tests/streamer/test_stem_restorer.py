import copy
import multiprocessing
import pickle
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pedalboard as pb
import pytest
import soundfile
import torch

from restem.bridge.files.render import render_file
from restem.streamer.mixer.parameters import PARAMETERS
from restem.streamer.model.protocol import StreamingModel
from restem.streamer.processors.chain import Chain
from restem.streamer.processors.effected import Effected
from restem.streamer.resampler import Audio
from restem.streamer.stem_restorer import StemRestorer
from restem.streamer.stream import render
from tests.support.gain_model import GAINS, Plain
from tests.support.plugins import (
    LIMITER,
    RATE,
    VARYING,
    late,
    needs_limiter,
    noise,
    stream,
    streamed,
)
from tests.support.tiny_networks import embedded

AUDIO = noise(20000)
RATES = (48000, 44100, 96000)


def whole(sample_rate: int = RATE, **parameters: Any) -> StemRestorer:
    """One that gives back the mix: its stems' gains come to 1."""
    return StemRestorer(Plain(gains=(0.25, -0.5, 1.25)), ceiling=False, **parameters)


def small() -> StemRestorer:
    return StemRestorer(Plain(64), bass_gain_db=3, vocals_pan=-0.5)


def test_the_sum_of_the_stems_is_aligned_with_the_mix() -> None:
    np.testing.assert_allclose(whole()(AUDIO, RATE), AUDIO, atol=1e-6)


@pytest.mark.parametrize("sample_rate", RATES)
def test_stems_are_what_files_are_rendered_to(tmp_path: Path, sample_rate: int) -> None:
    soundfile.write(tmp_path / "mix.wav", AUDIO[:, :5000].T, sample_rate, "FLOAT")
    model = embedded()
    report = render_file(model, tmp_path / "mix.wav", tmp_path)
    rendered = np.stack([soundfile.read(file, dtype="float32")[0].T for file in report.files])
    stems = StemRestorer(model).stems(AUDIO[:, :5000], sample_rate)
    end = 5000 if sample_rate == RATE else 4500  # where a file ends and a stream does not
    np.testing.assert_allclose(stems[..., :end], rendered[..., :end], atol=2e-5)


def test_the_answer_is_the_sum_of_the_stems() -> None:
    restorer = StemRestorer(embedded(), ceiling=False)
    stems = restorer.stems(AUDIO[:, :3000], RATE)
    np.testing.assert_allclose(restorer(AUDIO[:, :3000], RATE), stems.sum(axis=0), atol=1e-6)


@pytest.mark.parametrize("sample_rate", RATES)
@pytest.mark.parametrize("sizes", [VARYING, (64,), (512,), (5000,)], ids=str)
def test_streamed_and_flushed_is_whole(sample_rate: int, sizes: tuple[int, ...]) -> None:
    restorer = small()
    expected = restorer(AUDIO, sample_rate)
    parts, start, turn = [], 0, 0
    restorer.reset()
    while start < 20000:
        size = sizes[turn % len(sizes)]
        parts.append(restorer(AUDIO[:, start : start + size], sample_rate, reset=False))
        start, turn = start + size, turn + 1
    withheld = 20000 - sum(part.shape[1] for part in parts)
    assert withheld == restorer.reported_latency_samples
    np.testing.assert_array_equal(np.concatenate((*parts, restorer.flush()), axis=1), expected)
    assert restorer.flush().shape == (2, 0)


def test_a_restorer_in_a_chain_is_the_restorer() -> None:
    expected = small()(AUDIO, RATE)
    for board in (Chain([small()]), Chain([late(700), Chain([small(), late(99)])])):
        np.testing.assert_array_equal(board(AUDIO, RATE), expected)
        np.testing.assert_array_equal(streamed(board, AUDIO), expected)


def test_stems_come_by_name() -> None:
    restorer = StemRestorer(Plain())
    stems = restorer.stems(AUDIO, RATE)
    assert stems.shape == (3, 2, 20000)
    by_name = restorer.stems(AUDIO.T, RATE, by_name=True)
    assert list(by_name) == ["vocals", "bass", "drums"]
    np.testing.assert_array_equal(np.stack([*by_name.values()]), stems)


def test_layouts_come_out_as_they_went_in() -> None:
    restorer = whole()
    np.testing.assert_allclose(restorer(AUDIO.T, RATE).T, AUDIO, atol=1e-6)
    np.testing.assert_allclose(restorer(AUDIO[0], RATE), AUDIO[0], atol=1e-6)
    np.testing.assert_allclose(restorer(AUDIO[:1], RATE), AUDIO[:1], atol=1e-6)
    assert restorer.stems(AUDIO[0], RATE).shape == (3, 1, 20000)
    restorer.reset()
    parts = [restorer(block, RATE, reset=False) for block in (AUDIO.T[:3000], AUDIO.T[3000:])]
    np.testing.assert_allclose(np.concatenate((*parts, restorer.flush())).T, AUDIO, atol=1e-6)


@pytest.mark.parametrize("samples", [0, 1, 511, 512, 40000, 70000])
def test_any_length_stays(samples: int) -> None:
    audio = noise(samples)
    assert whole()(audio, RATE).shape == (2, samples)
    np.testing.assert_allclose(whole()(audio, RATE), audio, atol=1e-6)


@pytest.mark.parametrize("channels", [3, 16])
def test_more_than_stereo_is_refused(channels: int) -> None:
    for reset in (True, False):
        with pytest.raises(ValueError, match=f"mono or stereo audio.*{channels}-channel"):
            whole()(noise(100, channels), RATE, reset=reset)


@pytest.mark.parametrize("rate", [0, -1, np.nan, np.inf, 44100.5, 7000])
def test_sample_rates_out_of_range_are_refused(rate: float) -> None:
    for call in (whole(), whole().stems):
        with pytest.raises(ValueError, match="sample_rate"):
            call(AUDIO, rate)


@pytest.mark.parametrize("rate", [44056, 47999, 88199])
def test_whole_signals_may_have_any_rate(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "mix.wav", AUDIO[:, :5000].T, rate, "FLOAT")
    model = embedded()
    report = render_file(model, tmp_path / "mix.wav", tmp_path)
    rendered = np.stack([soundfile.read(file, dtype="float32")[0].T for file in report.files])
    restorer = StemRestorer(model, ceiling=False)
    np.testing.assert_allclose(restorer.stems(AUDIO[:, :5000], rate), rendered, atol=2e-5)
    answer = restorer(AUDIO[:, :5000], rate)
    np.testing.assert_allclose(answer, rendered.sum(axis=0), atol=1e-4)
    chained = Chain([pb.Gain(0), restorer])(AUDIO[:, :5000], rate)
    np.testing.assert_allclose(chained[:, :4500], answer[:, :4500], atol=1e-4)
    assert restorer(AUDIO[:1, :0], rate).shape == (1, 0)
    with pytest.raises(ValueError, match=r"not offered in a stream.*process the whole signal"):
        restorer(AUDIO, rate, reset=False)


def test_bad_samples_are_silenced_and_forgotten() -> None:
    audio = AUDIO.copy()
    audio[:, 5000:5003] = np.nan, np.inf, -np.inf
    silenced = np.where(np.isfinite(audio), audio, 0)
    np.testing.assert_array_equal(small()(audio, RATE), small()(silenced, RATE))


def test_every_parameter_is_an_argument_and_an_attribute() -> None:
    for row in PARAMETERS:
        strips = ("vocals_", "bass_", "drums_", "residual_") if row.scope == "stem" else ("",)
        for name in (f"{strip}{row.name}" for strip in strips):
            restorer = StemRestorer(Plain())
            assert getattr(restorer, name) == row.default
            assert getattr(StemRestorer(Plain(), **{name: row.high}), name) == row.high
            assert name in dir(restorer)
            setattr(restorer, name, row.low)
            assert getattr(restorer, name) == row.low


def test_the_repr_is_how_to_make_it_again() -> None:
    text = repr(StemRestorer(Plain(), drums_gain_db=3, vocals_mute=True, dry_wet=0.5))
    assert text.startswith("<streamer.StemRestorer model='Plain' drums_gain_db=3 vocals_mute=1 ")
    assert "dry_wet=0.5" in text
    assert "fader" not in text


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("drums_gain_db", 20, r"drums_gain_db must be in \[-90, 12\] dB, got 20"),
        ("drums_gain_db", np.nan, r"drums_gain_db: gain_db must be a number in \[-90, 12\] dB"),
        ("dry_wet", "half", "dry_wet must be a number in"),
        ("bass_mute", 2, "bass_mute: mute must be true, false, 0 or 1, got 2"),
    ],
)
def test_values_out_of_range_are_refused(name: str, value: Any, line: str) -> None:
    restorer = StemRestorer(Plain())
    with pytest.raises(ValueError, match=line):
        setattr(restorer, name, value)
    with pytest.raises(ValueError, match=line):
        StemRestorer(Plain(), **{name: value})


def test_misspelt_parameters_are_refused() -> None:
    restorer = StemRestorer(Plain())
    line = "unknown parameter 'drum_gain_db'.*one of dry_wet.*vocals, bass, drums"
    with pytest.raises(AttributeError, match=line):
        restorer.drum_gain_db = 3
    with pytest.raises(AttributeError, match=line):
        _ = restorer.drum_gain_db
    with pytest.raises(ValueError, match=line):
        StemRestorer(Plain(), drum_gain_db=3)
    for name in ("model", "effects", "is_effect", "process", "reported_latency_samples"):
        with pytest.raises(AttributeError, match=f"{name} of a StemRestorer cannot be set"):
            setattr(restorer, name, None)


def test_parameters_are_heard_from_the_first_sample() -> None:
    restorer = whole()
    restorer.vocals_mute, restorer.bass_mute = True, True
    restorer.drums_gain_db = -6
    sine = np.sin(2 * np.pi * 440 / 44100 * np.arange(20000), dtype=np.float32)
    expected = 1.25 * 10 ** (-6 / 20) * sine
    np.testing.assert_allclose(restorer(sine, RATE), expected, atol=1e-6)
    # The mixer's ramps are counted at the rate of the call; the sine begins with a kink.
    answer = restorer(sine, 44100)
    np.testing.assert_allclose(answer[500:19000], expected[500:19000], atol=1e-4)


def test_the_dry_mix_is_as_late_as_the_stems() -> None:
    restorer = StemRestorer(Plain(gains=(0, 0, -1)), dry_wet=0.5, ceiling=False)
    assert np.abs(restorer(AUDIO, RATE)).max() < 1e-6
    assert np.abs(streamed(restorer, AUDIO)).max() < 1e-6


def test_parameters_move_with_a_ramp_in_a_stream() -> None:
    restorer = whole()
    ones = np.ones((2, 8000), np.float32)
    restorer.reset()
    restorer(ones, RATE, reset=False)
    restorer.master_gain_db = -90
    rest = restorer(ones, RATE, reset=False)[0]
    assert np.abs(np.diff(rest)).max() < 0.01
    assert (rest[0], rest[-1]) == (pytest.approx(1, abs=1e-3), 0)


def test_effects_are_heard_on_their_stem_only() -> None:
    restorer = StemRestorer(Plain(), {"bass": pb.Gain(6), "drums": [late(500), pb.Reverb()]})
    stems = restorer.stems(AUDIO, RATE, by_name=True)
    np.testing.assert_allclose(stems["vocals"], GAINS[0] * AUDIO, atol=1e-6)
    np.testing.assert_allclose(stems["bass"], GAINS[1] * 10**0.3 * AUDIO, atol=1e-6)
    assert list(restorer.effects) == ["bass", "drums"]
    assert "effects={'bass'" in repr(restorer)


def test_restorers_with_effects_stream_as_they_process_whole_signals() -> None:
    restorer = StemRestorer(embedded(), {"bass": [pb.Reverb(), late(90)]}, drums_gain_db=3)
    expected = restorer(AUDIO[:, :3000], RATE)
    np.testing.assert_array_equal(streamed(restorer, AUDIO[:, :3000]), expected)
    assert restorer.reported_latency_samples == 64 + 90 + 63


@needs_limiter
def test_a_vst3_on_one_stem_keeps_the_sum_aligned() -> None:
    limiter = pb.load_plugin(str(LIMITER))
    restorer = StemRestorer(
        Plain(gains=(0.25, -0.5, 1.25)), {"vocals": limiter}, ceiling=False, vocals_mute=True
    )
    answer = restorer(AUDIO, RATE)
    np.testing.assert_allclose(answer, 0.75 * AUDIO, atol=1e-6)
    np.testing.assert_array_equal(streamed(restorer, AUDIO), answer)


def test_whole_signals_of_four_threads_do_not_mix() -> None:
    restorer = small()
    audios = [noise(9000, seed=seed) for seed in range(4)]
    expected = [restorer(audio, RATE) for audio in audios]
    barrier = threading.Barrier(4)

    def work(audio: Audio) -> list[Audio]:
        barrier.wait(timeout=30)
        return [restorer(audio, RATE) for _ in range(5)]

    with ThreadPoolExecutor(4) as pool:
        for answers, want in zip(pool.map(work, audios), expected, strict=True):
            for answer in answers:
                np.testing.assert_array_equal(answer, want)


def test_a_stream_is_one_threads() -> None:
    restorer = small()
    stream(restorer, AUDIO[:, :5000])
    with ThreadPoolExecutor(1) as pool:
        for call in (
            lambda: restorer(AUDIO, RATE, reset=False),
            lambda: restorer(AUDIO, RATE),
            lambda: restorer.stems(AUDIO, RATE),
            restorer.flush,
        ):
            with pytest.raises(RuntimeError, match="another thread is streaming"):
                pool.submit(call).result(timeout=30)
        rest = restorer(AUDIO[:, 5000:], RATE, reset=False)
        whole_again = np.concatenate((rest, restorer.flush()), axis=1)
        expected = small()(AUDIO, RATE)
        np.testing.assert_array_equal(whole_again, expected[:, -whole_again.shape[1] :])
        answer = pool.submit(lambda: restorer(AUDIO, RATE)).result(timeout=30)
        np.testing.assert_array_equal(answer, expected)


def test_a_model_that_is_no_profile_is_named() -> None:
    with pytest.raises(ValueError, match="unknown profile 'none'; expected one of dttnet"):
        StemRestorer("none")


def test_mono_models_take_mono() -> None:
    model: StreamingModel = Plain(channels=1, gains=(0.25, -0.5, 1.25))
    restorer = StemRestorer(model, ceiling=False)
    np.testing.assert_allclose(restorer(AUDIO[0], RATE), AUDIO[0], atol=1e-6)
    with pytest.raises(ValueError, match="only supports mono audio"):
        restorer(AUDIO, RATE)


def test_the_model_is_what_restores() -> None:
    restorer = StemRestorer(Plain(), {"bass": late(40)})
    assert isinstance(restorer.model, Effected)
    stems = render(restorer.model, torch.from_numpy(AUDIO)).numpy()
    np.testing.assert_array_equal(restorer.stems(AUDIO, RATE), stems)


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda r: pickle.loads(pickle.dumps(r))], ids=str
)
def test_a_copy_is_a_fresh_restorer(again: Callable[[StemRestorer], StemRestorer]) -> None:
    restorer = small()
    expected = restorer(AUDIO, RATE)
    restorer.reset()
    restorer(AUDIO[:, :3000], RATE, reset=False)
    other = again(restorer)
    assert other.bass_gain_db == 3
    np.testing.assert_array_equal(other(AUDIO, RATE), expected)
    other.bass_gain_db = -10
    assert restorer.bass_gain_db == 3


def test_a_restorer_works_in_another_process(profile: str) -> None:
    restorer = StemRestorer(profile, bass_gain_db=3)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        answer = pool.apply(restorer.process, (AUDIO[:, :3000], RATE))
    np.testing.assert_allclose(answer, restorer(AUDIO[:, :3000], RATE), atol=1e-6)


def test_what_has_plugins_is_not_copied() -> None:
    for board in (StemRestorer(Plain(), {"bass": pb.Reverb()}), Chain([small()])):
        for call in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(TypeError, match=r"cannot be copied or pickled.*make another"):
                call(board)


class OutOfMemory(Plain):
    """A model of which a step fails at will."""

    fails = False

    def step(self, block: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        if self.fails:
            raise torch.OutOfMemoryError("no memory")
        return super().step(block, state)


@pytest.mark.parametrize("effects", [{}, {"bass": pb.Gain(0)}], ids=["plain", "effects"])
def test_a_stream_in_which_a_step_failed_waits_for_a_reset(effects: dict[str, Any]) -> None:
    model = OutOfMemory(64)
    restorer = StemRestorer(model, effects)
    expected = restorer(AUDIO, RATE)
    restorer(AUDIO[:, :1000], RATE, reset=False)
    model.fails = True
    with pytest.raises(torch.OutOfMemoryError):
        restorer(AUDIO[:, 1000:2000], RATE, reset=False)
    model.fails = False
    for call in (lambda: restorer(AUDIO[:, 1000:2000], RATE, reset=False), restorer.flush):
        with pytest.raises(RuntimeError, match=r"samples are lost; call reset\(\)"):
            call()
    np.testing.assert_array_equal(streamed(restorer, AUDIO), expected)


def test_a_profile_is_built_for_a_device_and_some_of_its_stems(profile: str) -> None:
    restorer = StemRestorer(profile=profile, device="cpu", stems=["drums", "vocals"])
    assert restorer.model.stems == ("vocals", "drums")
    assert restorer.stems(AUDIO[:, :2000], RATE).shape == (2, 2, 2000)
    again = copy.copy(restorer)
    assert again.model.stems == ("vocals", "drums")
    np.testing.assert_array_equal(again(AUDIO[:, :2000], RATE), restorer(AUDIO[:, :2000], RATE))


def test_a_model_has_its_own_stems_and_device(profile: str) -> None:
    for arguments in ({"stems": ["bass"]}, {"device": "cpu"}):
        with pytest.raises(ValueError, match="device and stems are for profiles"):
            StemRestorer(Plain(), **arguments)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="model and profile: give one"):
        StemRestorer(Plain(), profile=profile)
