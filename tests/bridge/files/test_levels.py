from pathlib import Path

import numpy as np
import pytest
import soundfile

from restem.bridge.files.levels import FULL_SCALE
from restem.bridge.files.render import RenderOptions, RenderReport, render_file
from tests.support.audio_files import noise, read, write
from tests.support.gain_model import Plain


def rendered(folder: Path, peak: float, clip: str, subtype: str | None = None) -> RenderReport:
    audio = noise(70_000)
    mix = write(folder / "song.wav", audio * (peak / np.abs(audio).max()))
    options = RenderOptions(clip=clip)
    return render_file(Plain(), mix, folder / "out", subtype=subtype, options=options)


@pytest.mark.parametrize("subtype", ["FLOAT", "PCM_24"])
def test_rescaled_files_fit_and_keep_their_proportions(tmp_path: Path, subtype: str) -> None:
    report = rendered(tmp_path, 2.0, "rescale", subtype)
    vocals, bass, drums = map(read, report.files)
    assert np.abs(drums).max() == pytest.approx(FULL_SCALE, abs=1e-6)
    np.testing.assert_allclose(bass, -2 * vocals, atol=1e-6)
    np.testing.assert_allclose(drums, 3 * vocals, atol=1e-6)
    assert report.clipped_samples == 0
    assert report.gain_db == pytest.approx(20 * np.log10(FULL_SCALE / 1.5), abs=1e-3)
    assert f"scaled by {report.gain_db:.1f} dB" in report.line()
    assert len(list((tmp_path / "out").rglob("*"))) == 4


def test_what_fits_is_not_rescaled(tmp_path: Path) -> None:
    report = rendered(tmp_path, 1.0, "rescale")
    assert report.gain_db == 0
    assert "scaled" not in report.line()
    assert np.array_equal(read(report.files[0]), 0.25 * read(tmp_path / "song.wav"))


def test_floats_hold_what_is_beyond_full_scale(tmp_path: Path) -> None:
    report = rendered(tmp_path, 2.0, "float")
    assert soundfile.info(report.files[0]).subtype == "FLOAT"
    assert np.abs(read(report.files[2])).max() == pytest.approx(1.5)
    with pytest.raises(ValueError, match="only WAV files of subtype FLOAT hold it"):
        rendered(tmp_path, 2.0, "float", "PCM_16")


def test_an_unknown_way_to_clip_is_answered_with_the_choices(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'soft'; expected one of clamp, rescale, float"):
        rendered(tmp_path, 1.0, "soft")


def dithered(folder: Path, subtype: str = "PCM_16") -> RenderReport:
    quiet = np.full((2, 2**17), 4 * 0.3 / 2**15, np.float32)  # the first stem: 0.3 steps
    mix = write(folder / "song.wav", quiet)
    options = RenderOptions(dither=True)
    return render_file(Plain(), mix, folder, subtype=subtype, overwrite=True, options=options)


@pytest.mark.filterwarnings("ignore:.*far below full scale")
def test_dither_keeps_what_is_below_a_step_and_is_the_same_again(tmp_path: Path) -> None:
    report = dithered(tmp_path)
    vocals = soundfile.read(report.files[0], dtype="int16")[0][1000:].astype(float)
    assert vocals.mean() == pytest.approx(0.3, abs=0.01)
    error = vocals - 0.3  # triangular dither: of a quarter of a step, whatever the signal is
    assert error.var() == pytest.approx(0.25, abs=0.01)
    assert set(np.unique(vocals)) == {-1, 0, 1}
    assert abs(np.corrcoef(vocals.T)[0, 1]) < 0.02
    before = [path.read_bytes() for path in report.files]
    assert [path.read_bytes() for path in dithered(tmp_path).files] == before


def test_dither_is_for_16_bits(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="for 16-bit files, not FLOAT: take subtype PCM_16"):
        dithered(tmp_path, "FLOAT")
