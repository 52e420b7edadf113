import itertools
from pathlib import Path

import numpy as np
import pytest

from restem.bridge.files.outputs import Outputs, Selection
from restem.bridge.files.render import RenderOptions, RenderReport, render_file
from restem.models.stems import STEMS
from restem.streamer.resampler import Audio
from tests.support.audio_files import noise, read, write
from tests.support.gain_model import Plain

SMALL = 1e-6


def rendered(
    folder: Path, selection: Selection, audio: Audio, rate: int = 48000
) -> tuple[RenderReport, dict[str, Audio]]:
    mix = write(folder / "song.wav", audio, rate)
    report = render_file(Plain(), mix, folder / "out", options=RenderOptions(selection))
    return report, {path.stem: read(path) for path in report.files}


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [8000, 44100, 48000, 96000])
@pytest.mark.parametrize("peak", [1.0, 3.0])
def test_stems_and_residual_add_up_to_the_mix(
    tmp_path: Path, rate: int, channels: int, peak: float
) -> None:
    audio = noise(40_001, channels)
    audio *= peak / np.abs(audio).max()
    report, files = rendered(tmp_path, Selection(residual=True), audio, rate)
    assert [*files] == ["vocals", "bass", "drums", "residual"]
    assert (report.stems, report.others) == (3, ("residual",))
    assert np.abs(sum(files.values()) - audio).max() < SMALL * peak


@pytest.mark.parametrize("rate", [44100, 48000])
def test_stems_that_were_made_to_add_up_do(tmp_path: Path, rate: int) -> None:
    audio = noise(40_001)
    _, files = rendered(tmp_path, Selection(add_up=True), audio, rate)
    assert [*files] == ["vocals", "bass", "drums"]
    assert np.abs(sum(files.values()) - audio).max() < SMALL
    if rate == 48000:  # the gains 0.25, -0.5, 0.75 leave a half, a sixth for each
        np.testing.assert_allclose(files["vocals"], (0.25 + 0.5 / 3) * audio, atol=1e-6)


@pytest.mark.parametrize("rate", [44100, 48000])
def test_a_stem_and_the_mix_without_it_add_up_to_the_mix(tmp_path: Path, rate: int) -> None:
    audio = noise(40_001)
    _, files = rendered(tmp_path, Selection(("bass",), ("bass",)), audio, rate)
    assert [*files] == ["bass", "no_bass"]
    assert np.abs(files["bass"] + files["no_bass"] - audio).max() < SMALL


def test_a_mix_without_stems_is_the_mix_less_their_sum(tmp_path: Path) -> None:
    audio = noise(10_000)
    report, files = rendered(tmp_path, Selection((), ("drums", "vocals")), audio)
    assert [*files] == ["no_vocals_drums"]
    assert report.stems == 0
    assert report.line().startswith("song.wav: no_vocals_drums, ")
    np.testing.assert_allclose(files["no_vocals_drums"], 0 * audio, atol=SMALL)


def test_only_what_is_needed_is_asked_of_the_model() -> None:
    assert Selection().needed is None
    assert Selection(("bass",), ("drums", "bass")).needed == ("bass", "drums")
    assert Selection((), ("vocals",)).needed == ("vocals",)


@pytest.mark.parametrize(
    "values",
    [
        {"residual": True, "add_up": True},
        {"stems": (), "minus": ("bass",), "residual": True},
        {"stems": ()},
    ],
)
def test_a_selection_that_contradicts_itself_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"residual|no file was asked for"):
        Selection(**values)  # type: ignore[arg-type]


def test_unknown_stems_are_answered_with_the_choices() -> None:
    for selection in (Selection(("voice",)), Selection((), ("voice",))):
        with pytest.raises(ValueError, match="unknown stem 'voice'; expected one of vocals, gui"):
            Outputs(STEMS, selection)


def test_stems_that_are_only_picked_stay_as_they_are() -> None:
    stems = np.stack([noise(100, 2), -noise(100, 2)])
    for picked in itertools.chain.from_iterable(
        itertools.combinations(("vocals", "drums"), size) for size in (1, 2)
    ):
        answer = Outputs(("vocals", "drums"), Selection(picked))(stems, noise(100, 2))
        assert np.array_equal(answer, stems[[("vocals", "drums").index(s) for s in picked]])
