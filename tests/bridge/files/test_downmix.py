from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from restem.bridge.cli.main import main
from restem.bridge.files.downmix import SIDES, stereo_matrix
from restem.bridge.files.outputs import Selection
from restem.bridge.files.reader import BLOCK, open_mix
from restem.bridge.files.render import RenderOptions, RenderReport, render_file
from restem.bridge.files.sources import AvSource, SoundFileSource
from restem.bridge.separate import separate
from restem.streamer.resampler import Audio
from tests.support.audio_files import RATE, dull, encode, noise, read, write
from tests.support.gain_model import Plain

HALF = 0.5**0.5
LEFT_51, RIGHT_51 = (1, 0, HALF, 0, HALF, 0), (0, 1, HALF, 0, 0, HALF)


def downmixed(path: Path) -> Audio:
    with open_mix(path, downmix=True) as mix:
        return np.concatenate([*mix], axis=1)


def wavex(path: Path, audio: Audio) -> Path:
    soundfile.write(path, audio.T, RATE, "FLOAT", format="WAVEX")
    return path


def test_five_channels_mix_as_the_recommendation_has_it_and_the_lfe_is_left_out() -> None:
    np.testing.assert_allclose(stereo_matrix(6), [LEFT_51, RIGHT_51], rtol=1e-6)


@pytest.mark.parametrize("channels", range(3, 9))
def test_both_sides_of_a_mix_weigh_the_same(channels: int) -> None:
    left, right = stereo_matrix(channels)
    assert sorted(left) == sorted(right)
    assert left[0] == right[1] == 1


@pytest.mark.parametrize(
    ("layout", "container", "codec"),
    [
        ("5.1", "wav", "pcm_f32le"),
        ("5.1(side)", "wav", "pcm_f32le"),
        ("quad", "wav", "pcm_f32le"),
        ("4.0", "wav", "pcm_f32le"),
        ("7.1", "wav", "pcm_f32le"),
        ("7.1(wide)", "wav", "pcm_f32le"),
        ("5.1", "w64", "pcm_f32le"),
        ("5.1", "caf", "pcm_f32le"),
        ("5.1", "flac", "flac"),
        ("5.0", "flac", "flac"),
        ("quad", "flac", "flac"),
        ("7.1", "flac", "flac"),
        ("5.1", "ogg", "libopus"),
        ("7.1", "ogg", "libopus"),
        ("5.1", "matroska", "flac"),
        ("5.1", "mp4", "aac"),
        ("7.1", "mp4", "aac"),
        ("7.1", "matroska", "libopus"),
        ("5.1", "ac3", "ac3"),
    ],
)
def test_each_channel_goes_where_its_file_says(
    tmp_path: Path, layout: str, container: str, codec: str
) -> None:
    """One speaker after the other plays; the LFE in bands, for codecs cut it off."""
    speakers = [channel.name for channel in av.AudioLayout(layout).channels]
    span = RATE // 4
    audio = np.zeros((len(speakers), span * len(speakers)), np.float32)
    for number in range(len(speakers)):
        audio[number, number * span : (number + 1) * span] = dull(span, 1)[0]
    mix = downmixed(encode(tmp_path / f"a.{container}", audio, codec, container, layout))
    for number, speaker in enumerate(speakers):
        inside = slice(number * span + 4096, (number + 1) * span - 4096)
        loudness = np.sqrt((mix[:, inside] ** 2).mean(1) / (audio[number, inside] ** 2).mean())
        np.testing.assert_allclose(loudness, SIDES[speaker], atol=0.05, err_msg=speaker)


@pytest.mark.parametrize("channels", range(3, 9))
def test_both_decoders_agree_on_the_speakers_of_a_vorbis(tmp_path: Path, channels: int) -> None:
    path = tmp_path / "a.ogg"
    with soundfile.SoundFile(path, "w", RATE, channels, "VORBIS", format="OGG") as file:
        for block in np.split(dull(RATE, channels).T, 100):  # more at once fells libsndfile
            file.write(block)
    mixes = []
    for source in (SoundFileSource(path), AvSource(path)):
        mixes.append(stereo_matrix(channels, source.speakers) @ source.read(RATE))
        source.close()
    np.testing.assert_allclose(*mixes, atol=1e-5)


def test_a_file_that_tells_no_speakers_has_those_of_a_wav(tmp_path: Path) -> None:
    audio = noise(3000, 6)
    plain, told = write(tmp_path / "a.wav", audio), wavex(tmp_path / "b.wav", audio)
    expected = np.stack([LEFT_51, RIGHT_51]) @ audio
    for path in (plain, told):
        np.testing.assert_allclose(downmixed(path), expected, atol=1e-6)


def test_files_of_one_or_two_channels_stay_as_they_are(tmp_path: Path) -> None:
    for channels in (1, 2):
        audio = noise(3000, channels)
        assert np.array_equal(downmixed(write(tmp_path / "a.wav", audio)), audio)


def test_stems_of_a_downmixed_mix_are_stereo_and_add_up_to_it(tmp_path: Path) -> None:
    song = wavex(tmp_path / "song.wav", noise(2 * BLOCK + 13, 6))
    chosen = Selection(("vocals", "bass"), ("vocals",), residual=True)
    options = RenderOptions(chosen, downmix=True)
    report = render_file(Plain(), song, tmp_path / "out", options=options)
    files = {path.stem: read(path) for path in report.files}
    mix = downmixed(song)
    assert {audio.shape for audio in files.values()} == {mix.shape}
    assert np.abs(files["vocals"] + files["no_vocals"] - mix).max() < 1e-6
    assert np.abs(files["vocals"] + files["bass"] + files["residual"] - mix).max() < 1e-6


def test_an_array_a_file_and_a_part_are_mixed_alike(tmp_path: Path) -> None:
    audio = noise(3000, 6)
    song = write(tmp_path / "song.wav", audio)
    stems = separate(audio.T, RATE, profile=Plain(), downmix=True)
    assert np.array_equal(
        stems["vocals"].T, separate(song, profile=Plain(), downmix=True)["vocals"]
    )
    options = RenderOptions(downmix=True, start=1000 / RATE)
    report = separate(song, profile=Plain(), out=tmp_path / "out", options=options)
    assert isinstance(report, RenderReport)
    assert np.array_equal(read(report.folder / "vocals.wav").T, stems["vocals"][1000:])


def test_nan_silences_its_own_channel_alone(tmp_path: Path) -> None:
    audio = noise(3000, 6)
    audio[3, 100] = audio[4, 200] = np.nan
    song = wavex(tmp_path / "song.wav", audio)
    with open_mix(song, downmix=True) as mix:
        (block,) = mix
        assert mix.bad_samples == 2
    expected = np.stack([LEFT_51, RIGHT_51]) @ np.nan_to_num(audio)
    np.testing.assert_allclose(block, expected, atol=1e-6)


def test_the_peak_is_that_of_the_downmix(tmp_path: Path) -> None:
    with open_mix(wavex(tmp_path / "a.wav", np.full((6, 100), 0.5, "f4")), downmix=True) as mix:
        assert len([*mix]) == 1
        assert mix.peak == pytest.approx(0.5 * (1 + 2 * HALF))


@pytest.mark.parametrize(
    ("layout", "line"),
    [
        ("5.1.2", r"speakers that BS\.775 mixes nowhere \(TFL, TFR\)"),
        (None, "has 12 channels, and does not tell their speakers"),
    ],
)
def test_speakers_that_cannot_be_mixed_are_one_line(
    tmp_path: Path, layout: str | None, line: str
) -> None:
    path = tmp_path / "a.wav"
    if layout is None:
        write(path, noise(300, 12))
    else:
        encode(path, noise(300, 8), "pcm_f32le", "wav", layout)
    with pytest.raises(ValueError, match=rf"a\.wav: .*{line}; down-mix it to stereo first$"):
        open_mix(path, downmix=True)


def test_the_command_line_refuses_by_the_flags_name_and_takes_it(
    tmp_path: Path, profile: str, capsys: pytest.CaptureFixture[str]
) -> None:
    song = wavex(tmp_path / "song.wav", noise(3000, 6))
    command = ["render", str(song), "-o", str(tmp_path / "out"), "--profile", profile]
    assert main(command) == 1
    assert "has 6 channels; " in (err := capsys.readouterr().err)
    assert "--downmix" in err
    assert err.count("\n") == 1
    assert main([*command, "--downmix"]) == 0
    assert read(tmp_path / "out" / "song" / "bass.wav").shape == (2, 3000)
