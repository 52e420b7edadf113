import json
import math
from pathlib import Path
from typing import Any

import matplotlib.image
import pytest
import soundfile
import torch
from torch import Tensor

from restem.bridge.cli.main import main
from restem.bridge.evaluation.evaluate import find_excerpt, read_example
from restem.bridge.evaluation.scores import MIX, MMSNR, Scorer
from restem.models.training.data.songs import open_songs
from restem.streamer.model.chunked import Chunked
from restem.streamer.model.combine import Parallel, Series, first_stage
from restem.streamer.model.graphed import Graphed
from restem.streamer.model.protocol import StreamingModel
from tests.support.tiny_networks import (
    Halves,
    Transparent,
    embedded,
    needs_zimtohrli,
    noise,
    windowed,
)

RATE = 48000


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESTEM_CACHE", str(tmp_path / "cache"))


def save(path: Path, audio: Tensor, sample_rate: int = RATE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, audio.T.numpy(), sample_rate, subtype="FLOAT")
    return path


def middle(seed: int, seconds: float = 2.0) -> Tensor:
    """Noise, the same in both channels."""
    return noise(round(seconds * RATE), seed, channels=1).repeat(2, 1)


def sides(seed: int, seconds: float = 2.0) -> Tensor:
    """Noise, inverted in the right channel."""
    return middle(seed, seconds) * torch.tensor([[1.0], [-1.0]])


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    """Two songs, vocals in the middle and drums at the sides; the second has no drums."""
    folder = tmp_path / "songs"
    save(folder / "one" / "vocals.wav", middle(1))
    save(folder / "one" / "drums.wav", sides(2))
    save(folder / "two" / "vocals.wav", middle(3))
    save(folder / "two" / "bass.wav", sides(4))
    return folder


class MiddleAndSides(Halves):
    """Knows where the stems are."""

    def __call__(self, mix: Tensor) -> Tensor:
        return torch.stack((mix + mix.flip(0), mix - mix.flip(0))) / 2


class Broken(Halves):
    def __call__(self, mix: Tensor) -> Tensor:
        return super().__call__(mix) * torch.nan


class Mute(Halves):
    def __call__(self, mix: Tensor) -> Tensor:
        return 0 * super().__call__(mix)


def chunked(network: Any) -> StreamingModel:
    return Chunked(network, block_size=4800, context=7, fade=5, lookahead=11)


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> StreamingModel:
    """What every profile loads in these tests."""
    return use(monkeypatch, chunked(MiddleAndSides()))


def use(monkeypatch: pytest.MonkeyPatch, model: StreamingModel) -> StreamingModel:
    monkeypatch.setattr("restem.bridge.evaluation.evaluate.load_profile", lambda *_: model)
    return model


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `restem evaluate` with these arguments."""
    try:
        code = main(["evaluate", *(str(argument) for argument in arguments)])
    except SystemExit as exit:
        code = int(exit.code or 0)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def figures(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    """The answer in JSON, by MMSNR unless `arguments` say more."""
    metrics = () if "--metrics" in arguments else ("--metrics", "mmsnr")
    code, out, err = run(capsys, *arguments, *metrics, "--json")
    assert code == 0, err
    answer: dict[str, Any] = json.loads(out)
    return answer


def scores(answer: dict[str, Any], stem: str, metric: str = "mmsnr") -> dict[str, float]:
    found: dict[str, float] = answer["stems"][stem]["scores"][metric]
    return found


@needs_zimtohrli
@pytest.mark.usefixtures("model")
def test_stems_that_are_found_score_high_by_every_metric(
    songs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = figures(capsys, songs, "--metrics", "fad,zimtohrli,mmsnr,si-sdr")
    assert answer["systems"] == ["mix", "restored"]
    keys = [metric["key"] for metric in answer["metrics"]]
    assert keys == ["mmsnr", "si-sdr", "zimtohrli", "fad-mean", "fad-covariance", "fad-distance"]
    for stem in ("vocals", "drums"):
        for metric in ("mmsnr", "si-sdr"):
            assert scores(answer, stem, metric)["restored"] > 60
            assert scores(answer, stem, metric)["mix"] < 30
        assert scores(answer, stem, "zimtohrli")["restored"] == pytest.approx(0, abs=1e-6)
        assert scores(answer, stem, "fad-distance")["restored"] == pytest.approx(0, abs=1e-6)
        assert scores(answer, stem, "fad-mean")["mix"] > 1


def test_stems_that_are_not_found_score_as_the_mix_does(
    songs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, chunked(Halves()))  # every stem is the mix, at another level
    answer = figures(capsys, songs, "--metrics", "mmsnr,si-sdr")
    for stem in ("vocals", "drums"):
        for metric in ("mmsnr", "si-sdr"):
            found = scores(answer, stem, metric)
            assert found["restored"] == pytest.approx(found["mix"], abs=1e-3)
    clips = [clip["scores"]["si-sdr"]["mix"] for clip in answer["clips"]]
    assert clips == pytest.approx([0, 0, 0], abs=0.5)  # two stems, equally loud


@pytest.mark.usefixtures("model")
def test_the_mix_is_the_sum_of_all_stems_or_the_songs_own(songs: Path) -> None:
    one = open_songs(songs)[0]
    total = middle(1) + sides(2)
    torch.testing.assert_close(read_example(one, (0.0, 2.0), RATE).mix, total)
    save(songs / "one" / "mixture.wav", 0.5 * total)
    one = open_songs(songs)[0]
    torch.testing.assert_close(read_example(one, (0.0, 2.0), RATE).mix, 0.5 * total)


@pytest.mark.usefixtures("model")
def test_songs_of_any_rate_and_mono_ones_are_read_at_the_models_rate(tmp_path: Path) -> None:
    save(tmp_path / "songs" / "old" / "vocals.wav", noise(88200, channels=1), 44100)
    example = read_example(open_songs(tmp_path / "songs")[0], (0.5, 1.0), RATE)
    assert example.mix.shape == example.references["vocals"].shape == (2, RATE)
    assert torch.equal(example.mix[0], example.mix[1])


@pytest.mark.usefixtures("model")
def test_silent_stems_are_left_out_and_counted(
    songs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = figures(capsys, songs)
    count = {stem: (row["clips"], row["silent"]) for stem, row in answer["stems"].items()}
    assert count == {"vocals": (2, 0), "drums": (1, 1)}
    assert [(clip["song"], clip["stem"]) for clip in answer["clips"]] == [
        ("one", "vocals"),
        ("one", "drums"),
        ("two", "vocals"),
    ]
    lines = run(capsys, songs, "--metrics", "mmsnr")[1].splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    assert cells[0] == ["metric", "stem", "clips", "silent", "mix", "restored", "gain", "95 %"]
    assert [row[:4] for row in cells[2:]] == [
        ["MMSNR, dB", "vocals", "2", "0"],
        ["MMSNR, dB", "drums", "1", "1"],
        ["MMSNR, dB", "average", "3", "1"],
    ]
    mix, restored, gain = map(float, cells[-1][4:7])
    assert gain == pytest.approx(restored - mix, abs=0.02)


@pytest.mark.usefixtures("model")
def test_every_stem_weighs_the_same_in_the_average(
    songs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = figures(capsys, songs)
    clips = {(c["song"], c["stem"]): c["scores"]["mmsnr"]["restored"] for c in answer["clips"]}
    vocals = (clips["one", "vocals"] + clips["two", "vocals"]) / 2
    assert scores(answer, "vocals")["restored"] == pytest.approx(vocals)
    average = answer["average"]["mmsnr"]["restored"]
    assert average == pytest.approx((vocals + clips["one", "drums"]) / 2)


@pytest.mark.usefixtures("model")
def test_degraded_songs_depend_on_the_seed_and_their_name_alone(
    songs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def clips(*more: object) -> dict[tuple[str, str], Any]:
        answer = figures(capsys, songs, *more)
        return {(c["song"], c["stem"]): c["scores"] for c in answer["clips"]}

    both, alone = clips("--degrade", 3), clips("--degrade", 3, "--songs", "two")
    assert alone["two", "vocals"] == both["two", "vocals"]
    assert clips("--degrade", 4, "--songs", "two") != alone
    assert clips("--songs", "two") != alone


@pytest.mark.usefixtures("model")
def test_a_degraded_mix_keeps_its_clean_references_aligned(songs: Path) -> None:
    one = open_songs(songs)[0]
    examples = [read_example(one, (0.0, 2.0), RATE, seed) for seed in range(4)]
    totals = [torch.stack([*example.references.values()]).sum(0) for example in examples]
    for example, total in zip(examples, totals, strict=True):
        assert set(example.references) == {"vocals", "drums"}
        likeness = torch.fft.irfft(torch.fft.rfft(example.mix[0]) * torch.fft.rfft(total[0]).conj())
        assert likeness.roll(100)[:201].argmax() == pytest.approx(100, abs=2)
    assert not all(torch.allclose(e.mix, t) for e, t in zip(examples, totals, strict=True))


def test_the_excerpt_is_the_first_in_which_most_stems_play(tmp_path: Path) -> None:
    sound = noise(10 * RATE)
    for stem, start, end in (("vocals", 1, 9), ("drums", 4, 8), ("bass", 5, 7)):
        audio = torch.zeros_like(sound)
        audio[:, start * RATE : end * RATE] = sound[:, start * RATE : end * RATE]
        save(tmp_path / "songs" / "one" / f"{stem}.wav", audio)
    (song,) = open_songs(tmp_path / "songs")
    assert find_excerpt(song, 2.0) == (5.0, 2.0)
    assert find_excerpt(song, 4.0) == (4.0, 4.0)
    assert find_excerpt(song, 8.0) == (1.0, 8.0)
    assert find_excerpt(song, 10.0) == find_excerpt(song, None) == (0.0, 10.0)
    torch.testing.assert_close(
        read_example(song, (5.0, 2.0), RATE).references["bass"], sound[:, 5 * RATE : 7 * RATE]
    )


@pytest.mark.usefixtures("model")
def test_a_stem_that_is_silent_in_the_excerpt_is_silent(
    songs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    late = sides(7)
    late[:, : round(1.5 * RATE)] = 0
    save(songs / "two" / "drums.wav", late)
    save(songs / "two" / "vocals.wav", middle(8) * (torch.arange(2 * RATE) < RATE))
    assert figures(capsys, songs)["stems"]["drums"]["silent"] == 0
    assert figures(capsys, songs, "--seconds", 1)["stems"]["drums"]["silent"] == 1


def test_a_cascades_separator_is_scored_beside_it(
    songs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, Series(chunked(MiddleAndSides()), chunked(Transparent(Halves.stems, (2, 2)))))
    answer = figures(capsys, songs, "--songs", "one")
    assert answer["systems"] == ["mix", "separator", "restored"]
    found = scores(answer, "vocals")
    assert found["separator"] == pytest.approx(found["restored"])
    lossy = Series(chunked(MiddleAndSides()), chunked(Swap()))
    use(monkeypatch, lossy)
    found = scores(figures(capsys, songs, "--songs", "one"), "vocals")
    assert found["separator"] > found["restored"] + 20


class Swap(Halves):
    """A repair that makes it worse: every stem becomes the next one."""

    input_shape = (2, 2)

    def __call__(self, stems: Tensor) -> Tensor:
        return stems.roll(1, dims=0)


def test_first_stages_are_those_of_models_that_have_two() -> None:
    cascade = embedded()
    assert first_stage(windowed("dtt-bsr", None, block_size=1024)) is None
    chain = windowed("dtt-bsr", True, block_size=1024)
    assert isinstance(chain, Series)
    assert first_stage(chain) is chain.models[0]
    alone = first_stage(cascade)
    assert alone is not None
    assert (alone.stems, alone.latency) == (cascade.stems, cascade.latency)
    assert first_stage(alone) is None
    spread = first_stage(Parallel(Graphed(chain), stems=chain.stems))
    assert isinstance(spread, Parallel)
    assert spread.latency == chain.models[0].latency
    assert first_stage(Parallel(alone, stems=alone.stems)) is None


@pytest.mark.usefixtures("model")
def test_kept_stems_score_the_same_as_estimates(
    songs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    whole = figures(capsys, songs, "--out", out, "--keep")
    for song in ("one", "two"):
        for name in ("mix", "vocals", "drums"):
            info = soundfile.info(out / song / f"{name}.wav")
            assert (info.frames, info.samplerate, info.channels) == (2 * RATE, RATE, 2)
    again = figures(capsys, songs, "--estimates", out, "--stems", "drums,vocals")
    assert again["systems"] == ["mix", "estimate"]
    for stem in ("vocals", "drums"):
        before, after = scores(whole, stem), scores(again, stem)
        assert after["estimate"] == pytest.approx(before["restored"], abs=1e-3)
        assert after["mix"] == pytest.approx(before["mix"], abs=1e-3)


def test_estimates_are_cut_to_the_same_excerpt(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    audio = torch.cat((torch.zeros(2, 2 * RATE), noise(2 * RATE)), dim=-1)
    save(tmp_path / "songs" / "one" / "vocals.wav", audio)
    save(tmp_path / "made" / "one" / "vocals.wav", audio)
    arguments = (tmp_path / "songs", "--estimates", tmp_path / "made", "--stems", "vocals")
    answer = figures(capsys, *arguments, "--seconds", 2)
    assert scores(answer, "vocals")["estimate"] > 60


def test_missing_estimates_are_named_and_counted(
    songs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = tmp_path / "made"
    save(made / "one" / "vocals.wav", middle(1))
    arguments = (songs, "--estimates", made, "--stems", "vocals,drums", "--metrics", "mmsnr")
    code, out, err = run(capsys, *arguments)
    assert code == 0
    assert "2 estimates of stems that play are missing" in err
    assert "one/drums, two/vocals" in err
    header, _, vocals, drums, _ = (line.split("|")[1:-1] for line in out.splitlines())
    assert header[4].strip() == "missing"
    assert [cell.strip() for cell in vocals[2:5]] == ["1", "0", "1"]
    assert [cell.strip() for cell in drums[2:]] == ["0", "1", "1", "-", "-", "-", "-"]
    answer = figures(capsys, *arguments)
    assert answer["stems"]["drums"]["missing"] == ["one"]
    assert answer["average"]["mmsnr"]["estimate"] == scores(answer, "vocals")["estimate"]


def spoil(folder: Path, kind: str) -> None:
    good = middle(1)
    path = folder / "one" / "vocals.wav"
    if kind == "rate":
        save(path, good, 44100)
    elif kind == "length":
        save(path, good[:, :RATE])
    elif kind == "NaN":
        save(path, good * torch.nan)
    elif kind == "both":
        save(path, good)
        save(path.with_suffix(".flac.wav"), good).rename(path.with_suffix(".flac"))
    elif kind == "no audio":
        path.parent.mkdir(parents=True)
        path.write_bytes(b"no audio at all")
    elif kind == "none":
        save(folder / "three" / "vocals.wav", good)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("rate", "vocals.wav: has 44100 Hz, its song 48000 Hz; resample it to 48000 Hz"),
        ("length", "vocals.wav: lasts 1.00 s, its song 2.00 s; make it of the whole song"),
        ("NaN", "vocals.wav: has NaN or Inf, first at 0.000 s; make it again"),
        ("both", "vocals.wav: vocals.flac is there, too; keep the one to score"),
        ("no audio", "vocals.wav: cannot be read as audio"),
        ("none", "no estimates of these songs; expected"),
    ],
)
def test_an_estimate_that_does_not_fit_costs_one_line(
    kind: str, message: str, songs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(tmp_path / "made", kind)
    out = tmp_path / "out"
    arguments = (songs, "--estimates", tmp_path / "made", "--metrics", "mmsnr", "--out", out)
    code, printed, err = run(capsys, *arguments)
    assert (code, printed) == (1, "")
    assert message in err
    assert err.count("\n") == 1
    assert not (out / "scores.json").exists()


@pytest.mark.usefixtures("model")
def test_what_is_written_is_what_is_printed(
    songs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "a" / "b"
    printed = figures(capsys, songs, "--out", out, "--seconds", 1.5)
    written = json.loads((out / "scores.json").read_text(encoding="utf-8"))
    request = written.pop("request")
    assert written == printed
    assert (request["seconds"], request["embedding"]) == (1.5, "mel")
    assert {path.name for path in out.iterdir()} == {"scores.json", "scores.png", "scores.csv"}
    picture = matplotlib.image.imread(out / "scores.png")
    assert picture.std() > 0.1


@pytest.mark.usefixtures("model")
def test_answers_that_exist_are_kept_without_overwrite(
    songs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stem = save(tmp_path / "two" / "drums.wav", noise(100))
    mine = stem.read_bytes()
    arguments = (songs, "--out", tmp_path, "--keep", "--metrics", "mmsnr")
    code, _, err = run(capsys, *arguments)
    assert code == 1
    assert err == f"restem: error: {stem}: exists; --overwrite it or choose another folder\n"
    assert stem.read_bytes() == mine
    assert not (tmp_path / "scores.json").exists()
    assert run(capsys, *arguments, "--overwrite")[0] == 0
    assert soundfile.info(stem).frames == 2 * RATE


def test_a_model_that_answers_with_nan_leaves_nothing_that_looks_whole(
    songs: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    use(monkeypatch, chunked(Broken()))
    code, out, err = run(capsys, songs, "--out", tmp_path / "out", "--keep", "--metrics", "mmsnr")
    assert (code, out) == (1, "")
    assert err == "restem: error: one: the model answers with NaN or Inf; try another\n"
    assert [*(tmp_path / "out").iterdir()] == []


def test_silent_answers_are_said(
    songs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, chunked(Mute()))
    (note,) = figures(capsys, songs, "--metrics", "mmsnr,si-sdr")["notes"]
    assert note.startswith("restored: 3 of 3 clips are silent where the stem plays")


@pytest.mark.usefixtures("model")
def test_too_few_items_are_said(songs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (note,) = figures(capsys, songs, "--metrics", "fad")["notes"]
    assert note.startswith("FAD-mel: 2 stems have fewer items than the 65 that 64 features need")
    assert "(drums: 4)" in note


@pytest.mark.usefixtures("model")
def test_an_embedding_of_ones_own_names_its_distance(
    songs: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = "def loudness(audio, sample_rate):\n    return audio.std(axis=1, keepdims=True)\n"
    (tmp_path / "own_ears.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    arguments = (songs, "--metrics", "fad", "--embedding", "own_ears:loudness")
    code, out, _ = run(capsys, *arguments)
    assert code == 0
    assert "FAD-loudness, mean term" in out
    mix = (middle(1) + sides(2)).std(-1).mean()
    stem = sides(2).std(-1).mean()
    found = scores(figures(capsys, *arguments, "--songs", "one"), "drums", "fad-mean")
    assert found["mix"] == pytest.approx(float(mix - stem) ** 2, rel=1e-2)
    assert found["restored"] == pytest.approx(0, abs=1e-9)


@pytest.mark.usefixtures("model")
def test_without_zimtohrli_the_rest_is_scored_and_this_is_said(
    songs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("restem.bridge.evaluation.scores.find_spec", lambda _: None)
    code, out, err = run(capsys, songs)
    assert code == 0
    assert "note: Zimtohrli is not installed: pip install restem[evaluate]; it is left out" in err
    assert "SI-SDR" in out
    assert "Zimtohrli" not in out
    assert run(capsys, songs, "--metrics", "zimtohrli")[0] == 1


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 2, "arguments are required"),
        (("SONGS", "--profile", "x", "--estimates", "y"), 2, "not allowed with"),
        (("nowhere",), 1, "nowhere: no such folder"),
        (("SONGS", "--layout", "slakh3000"), 1, "unknown layout 'slakh3000'; expected"),
        (("SONGS", "--songs", "one,three"), 1, "no song 'three'; expected some of one, two"),
        (("SONGS", "--metrics", "pesq"), 1, "unknown metric 'pesq'; expected one of mmsnr, si-sdr"),
        (("SONGS", "--metrics", ""), 1, "unknown metric ''"),
        (("SONGS", "--embedding", "vggish"), 1, "unknown embedding 'vggish'; expected mel"),
        (("SONGS", "--seconds", "0.5"), 1, "--seconds must be at least 1, got 0.5"),
        (("SONGS", "--seconds", "nan"), 1, "--seconds must be at least 1, got nan"),
        (("SONGS", "--degrade", "-1"), 1, "--degrade must be a seed of 0 or more, got -1"),
        (("SONGS", "--keep"), 1, "--keep needs --out"),
        (("SONGS", "--estimates", "x", "--degrade", "0"), 1, "--degrade is of no use with"),
        (("SONGS", "--estimates", "x", "--stems", "voice"), 1, "unknown stem 'voice'; expected"),
        (("SONGS", "--estimates", "nowhere"), 1, "nowhere: no estimates of these songs"),
        (("SONGS", "--out", "FILE"), 1, "a file has the folder's name"),
        (("SONGS", "--out", "FILE/below"), 1, "Not a directory"),
        (("FILE",), 1, "no such folder"),
    ],
)
def test_a_bad_call_costs_one_line(
    arguments: tuple[str, ...],
    code: int,
    message: str,
    songs: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    places = {"SONGS": str(songs), "FILE": str(songs / "one" / "vocals.wav")}
    given = (places.get(part) or part.replace("FILE", places["FILE"]) for part in arguments)
    got, out, err = run(capsys, *given)
    assert got == code
    assert message in err.splitlines()[-1]
    assert code == 2 or err.count("\n") == 1
    assert out == ""


@pytest.mark.usefixtures("model")
def test_a_song_too_short_to_score_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(tmp_path / "songs" / "blip" / "vocals.wav", noise(4800))
    code, _, err = run(capsys, tmp_path / "songs")
    assert (code, err) == (1, "restem: error: blip: lasts 0.10 s; at least 0.25 needed\n")


@needs_zimtohrli
def test_a_gain_is_positive_where_it_is_better() -> None:
    stem, rest = noise(RATE), noise(RATE, seed=1)
    scorer = Scorer(["restored"], ["vocals"], ["mmsnr", "zimtohrli"])
    better = {"restored": {"vocals": stem + 0.1 * rest}}
    scorer.add("one", stem + rest, {"vocals": stem}, better, RATE)
    result = scorer.result()
    assert result.systems == (MIX, "restored")
    assert result.line(MMSNR, "vocals").gain > 0
    assert [result.line(metric, "vocals").gain > 0 for metric in result.metrics] == [True, True]


def test_undefined_scores_are_none_for_scripts_and_a_dash_for_people() -> None:
    stem = noise(RATE)
    scorer = Scorer(["restored"], ["vocals", "drums"], ["mmsnr"])
    scorer.add("one", stem, {"vocals": stem}, {"restored": {"vocals": stem}}, RATE)
    result = scorer.result()
    assert result.as_dict()["stems"]["drums"]["scores"]["mmsnr"] == {MIX: None, "restored": None}
    assert result.rows()[1] == ("MMSNR, dB", "drums", "0", "1", "-", "-", "-", "-")
    assert not math.isnan(result.average(MMSNR).values[MIX])


def test_nothing_to_score_is_an_error() -> None:
    scorer = Scorer(["restored"], ["vocals"], ["mmsnr"])
    scorer.add("one", noise(RATE), {"vocals": 1e-4 * noise(RATE)}, {"restored": {}}, RATE)
    with pytest.raises(ValueError, match="nothing to score: every stem is silent"):
        scorer.result()
