import multiprocessing
import textwrap
from collections.abc import Callable
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any

import numpy as np
import pedalboard as pb
import pytest
import torch

from restem.streamer.model.resampled import at_rate
from restem.streamer.processors.chain import Chain, Mix
from restem.streamer.processors.effect_files import builtin_names, load_effects, read_effects
from restem.streamer.processors.effected import Effected
from restem.streamer.processors.nodes import ONE_SHOT
from restem.streamer.stream import Stream, render
from tests.support import effect_run
from tests.support.engine_player import Player
from tests.support.gain_model import GAINS, Plain
from tests.support.plugins import LIMITER, Same, late, needs_limiter, noise

MIX = torch.from_numpy(noise(20000))
Make = Callable[[], Any]


def limiter(threshold_db: float = 0.0) -> Any:
    return pb.load_plugin(str(LIMITER), {"threshold_db": threshold_db})


LATE: dict[str, Make] = {
    "nothing": lambda: [],
    "gain": lambda: pb.Gain(0),
    "late": lambda: late(1000),
    "board": lambda: pb.Pedalboard([late(700), pb.Gain(0), pb.Chain([late(33)])]),
    "chain": lambda: Chain([late(700), Same(), late(33)]),
    "list": lambda: [late(1), pb.Gain(0)],
    "mix": lambda: [pb.Mix([late(5), late(600)]), pb.Gain(-6.0205999)],
    "ours": lambda: Mix([late(1200)]),
}


@pytest.mark.parametrize("block_size", [64, 480, 512, 1000])
@pytest.mark.parametrize("name", LATE)
def test_stems_stay_aligned_whatever_their_effects_are(name: str, block_size: int) -> None:
    model = Effected(Plain(block_size), {"bass": LATE[name](), "drums": late(7)})
    assert model.latency == 300 + max(model.effect_latency.values())
    expected = np.stack([gain * MIX.numpy() for gain in GAINS])
    np.testing.assert_allclose(render(model, MIX), expected, atol=1e-6)


def test_the_latency_is_the_models_and_the_latest_effects() -> None:
    model = Effected(Plain(), {"vocals": late(100), "bass": [late(400), late(50)]})
    assert model.effect_latency == {"vocals": 100, "bass": 450}
    assert model.latency == 750


@pytest.mark.parametrize("host_block", [None, 64, 1000])
def test_streamed_is_rendered(host_block: int | None) -> None:
    effects = {"vocals": [pb.Reverb(), late(90)], "drums": pb.Compressor(-30, 4)}
    model = Effected(Plain(), effects)
    expected = render(model, MIX)
    stream = Stream(model, host_block)
    parts = [stream.process(block) for block in MIX[:, :16000].split(host_block or 777, dim=-1)]
    streamed = torch.cat(parts, dim=-1)[..., stream.latency :]
    assert torch.equal(streamed, expected[..., : streamed.shape[-1]])


def test_an_effect_sounds_as_it_does_alone() -> None:
    stems = render(Plain(latency=0), MIX)
    answer = render(Effected(Plain(latency=0), {"bass": pb.Reverb()}), MIX)
    np.testing.assert_array_equal(answer[1], pb.Reverb()(stems[1].numpy(), 48000))
    assert torch.equal(answer[0], stems[0])


@needs_limiter
@pytest.mark.parametrize("block_size", [64, 512, 2048])
def test_a_vst3_on_one_stem_leaves_all_stems_aligned(block_size: int) -> None:
    plugin = limiter()
    model = Effected(Plain(block_size), {"vocals": plugin})
    assert model.effect_latency == {"vocals": plugin.reported_latency_samples} == {"vocals": 480}
    answer = render(model, MIX).numpy()
    expected = np.stack([gain * MIX.numpy() for gain in GAINS])
    np.testing.assert_allclose(answer[1:], expected[1:], atol=1e-7)
    lags = [float((answer[0] * np.roll(expected[0], lag, -1)).sum()) for lag in range(-5, 6)]
    assert int(np.argmax(lags)) == 5


@needs_limiter
def test_a_vst3_is_heard() -> None:
    model = Effected(Plain(), {"vocals": limiter(-30.0)})
    plain, limited = render(Plain(), MIX)[0], render(model, MIX)[0]
    assert (limited - plain).abs().max() > 0.05


def test_effects_run_at_the_models_rate() -> None:
    model = at_rate(Effected(Plain(), {"bass": late(480)}), 44100)
    stems = render(model, MIX)
    torch.testing.assert_close(stems[1] / GAINS[1], stems[0] / GAINS[0], atol=1e-6, rtol=0)


def test_a_new_stream_begins_with_effects_that_heard_nothing() -> None:
    model = Effected(Plain(), {"bass": pb.Reverb()})
    first = render(model, MIX)
    assert torch.equal(render(model, MIX), first)


def test_two_streams_at_once_are_refused() -> None:
    model = Effected(Plain(), {"bass": pb.Reverb()})
    old = model.init_state()
    block = MIX[:, :512]
    _, new = model.step(block, model.init_state())
    with pytest.raises(RuntimeError, match="effects remember one stream only"):
        model.step(block, old)
    model.step(block, new)
    with pytest.raises(RuntimeError, match="effects remember one stream only"):
        model.step(block, new)


def test_effects_that_do_not_fit_are_named() -> None:
    gain = pb.Gain()
    for effects, line in (
        ({"voice": gain}, "unknown stem 'voice'; expected one of vocals, bass, drums"),
        ({"bass": pb.PitchShift(1)}, "bass: PitchShift cannot stream"),
        ({"bass": "Gain"}, "bass: .* a plugin must be one of Pedalboard's"),
        ({"bass": gain, "drums": gain}, "one plugin is there twice"),
        ({"bass": [gain, gain]}, "bass: The same plugin instance"),
    ):
        with pytest.raises(ValueError, match=line):
            Effected(Plain(), effects)


MONO = Path("/usr/lib/vst3/ZamEQ2.vst3")


@pytest.mark.skipif(not MONO.exists(), reason=f"needs {MONO}: apt-get install zam-plugins")
def test_a_mono_vst3_says_that_it_is_one() -> None:
    with pytest.raises(ValueError, match=r"effects: bass: .* does not support 2-channel output"):
        Effected(Plain(), {"bass": pb.load_plugin(str(MONO))})


def write(folder: Path, text: str) -> Path:
    path = folder / "effects.yaml"
    path.write_text(textwrap.dedent(text))
    return path


def test_a_file_becomes_plugins(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """
        effects:
          vocals:
            - {plugin: Compressor, params: {threshold_db: -20, ratio: 3}}
            - {plugin: LadderFilter, params: {mode: HPF24, cutoff_hz: 90}}
          drums:
            - plugin: Gain
              params: {gain_db: 3}
        """,
    )
    effects = load_effects(read_effects(path))
    compressor, ladder = effects["vocals"]
    assert (compressor.threshold_db, compressor.ratio) == (-20, 3)
    assert ladder.mode == pb.LadderFilter.Mode.HPF24
    assert effects["drums"][0].gain_db == 3
    assert Effected(Plain(), effects).effects == effects


@needs_limiter
def test_a_file_names_vst3s_from_its_own_folder(tmp_path: Path) -> None:
    (tmp_path / "plugins").symlink_to(LIMITER.parent)
    plugin = limiter(-7.0)
    (tmp_path / "loud.vstpreset").write_bytes(plugin.preset_data)
    path = write(
        tmp_path,
        """
        effects:
          vocals:
            - plugin: plugins/ZaMaximX2.vst3
              preset: loud.vstpreset
              params: {release_ms: 50}
        """,
    )
    (loaded,) = load_effects(read_effects(path))["vocals"]
    assert loaded.name == "ZaMaximX2"
    assert loaded.release_ms == pytest.approx(50, abs=1)


@pytest.mark.parametrize("name", builtin_names())
def test_every_builtin_effect_can_be_named(name: str, tmp_path: Path) -> None:
    params = ""
    if name == "Convolution":
        with pb.io.AudioFile(str(tmp_path / "room.wav"), "w", 48000, 1) as file:
            file.write(noise(100, 1))
        params = ", params: {impulse_response_filename: room.wav}"
    path = write(tmp_path, f"effects: {{vocals: [{{plugin: {name}{params}}}]}}")
    (plugin,) = load_effects(read_effects(path))["vocals"]
    assert type(plugin).__name__ == name


@pytest.fixture(scope="module")
def processes() -> BaseContext:
    """Processes of their own; where they can be forked, they import nothing."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([effect_run.__name__])
    return context


@pytest.mark.parametrize("name", builtin_names())
def test_every_builtin_effect_runs(name: str, processes: BaseContext) -> None:
    """In a chain, a mix and on a stem; an effect that kills its process fails alone."""
    runs = [effect_run.run_whole]
    if not issubclass(getattr(pb, name), ONE_SHOT):
        runs += [effect_run.run_streamed, effect_run.run_on_a_stem]
    for run in runs:
        process = processes.Process(target=run, args=(name,))
        process.start()
        process.join(timeout=120)
        assert process.exitcode == 0, run.__name__


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("vocals: []", "effects.yaml: unknown key 'vocals'; expected one of effects"),
        ("effects: []", r"effects.yaml: effects: expected dict, got \[\]"),
        ("effects: {vocals: Gain}", "effects: vocals: expected a list of plugins, got 'Gain'"),
        ("effects: {vocals: [Gain]}", "effects: vocals: 1: expected a mapping, got 'Gain'"),
        ("effects: {vocals: [{}]}", "vocals: 1: missing key 'plugin'"),
        ("effects: {vocals: [{plugin: Gain, parms: {}}]}", "1: unknown key 'parms'; expected"),
        (
            "effects: {vocals: [{plugin: Gian}]}",
            "vocals: Gian: unknown plugin; expected one of Bit",
        ),
        ("effects: {vocals: [{plugin: Chain}]}", "vocals: Chain: unknown plugin"),
        (
            "effects: {vocals: [{plugin: Gain, params: {db: 1}}]}",
            "vocals: Gain: params: unknown parameter 'db'; expected one of gain_db",
        ),
        (
            "effects: {vocals: [{plugin: Gain, params: {gain_db: loud}}]}",
            "vocals: Gain: params: expected gain_db: float; got gain_db: 'loud'",
        ),
        (
            "effects: {vocals: [{plugin: Compressor, params: {ratio: 0.5}}]}",
            "vocals: Compressor: Compressor ratio must be a value >= 1.0",
        ),
        (
            "effects: {vocals: [{plugin: LadderFilter, params: {mode: LPF}}]}",
            "LadderFilter: params: mode must be one of LPF12, .*, got 'LPF'",
        ),
        ("effects: {vocals: [{plugin: Gain, preset: a}]}", "preset: only for external plugins"),
        ("effects: {vocals: [{plugin: no/such.vst3}]}", "no/such.vst3: no such file"),
        ("effects: [", "effects.yaml: not YAML"),
    ],
)
def test_what_is_wrong_in_a_file_is_one_line(tmp_path: Path, text: str, line: str) -> None:
    with pytest.raises(ValueError, match=line) as caught:
        load_effects(read_effects(write(tmp_path, text)))
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none.yaml: cannot read the effects: No such file"):
        read_effects(tmp_path / "none.yaml")


@needs_limiter
@pytest.mark.parametrize(
    ("rest", "line"),
    [
        ("params: {treshold: 1}", "unknown parameter 'treshold'; expected one of .*threshold_db"),
        (
            "params: {threshold_db: -300}",
            r"params: threshold_db: .*out of range \[-30.0dB, 0.0dB\]",
        ),
        ("preset: no.vstpreset", "preset: .*no.vstpreset: no such file"),
        ("name: Other", "ZaMaximX2.vst3: name: .* 'ZaMaximX2', not 'Other'"),
    ],
)
def test_what_is_wrong_with_a_vst3_is_one_line(tmp_path: Path, rest: str, line: str) -> None:
    path = write(tmp_path, f"effects: {{vocals: [{{plugin: {LIMITER}, {rest}}}]}}")
    with pytest.raises(ValueError, match=line) as caught:
        load_effects(read_effects(path))
    assert "\n" not in str(caught.value)


def limited() -> Effected:
    """What a worker's process builds, plugin and all."""
    return Effected(Plain(), {"vocals": limiter()})


@needs_limiter
def test_a_vst3_on_one_stem_leaves_all_stems_aligned_in_the_live_engine() -> None:
    player = Player(limited)
    try:
        assert player.engine.model["latency"] == 780
        player.play(60)
        heard, played = (np.concatenate(p, axis=-1) for p in (player.heard, player.played))
        assert player.engine.status().late == 0
    finally:
        player.engine.close()
    stems = played.reshape(3, 2, -1)[..., player.latency :]
    expected = np.stack([gain * heard[:, : stems.shape[-1]] for gain in GAINS])
    np.testing.assert_allclose(stems[1:], expected[1:], atol=1e-6)
    lags = [float((stems[0] * np.roll(expected[0], lag, -1)).sum()) for lag in range(-5, 6)]
    assert int(np.argmax(lags)) == 5
