import json
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from restem.models import zoo
from restem.models.atomic_write import atomically
from restem.models.stems import STEMS
from restem.models.weights import store
from restem.models.weights.published import PUBLISHED, HubFile, published_weights
from tests.support.golden import Golden
from tests.support.weight_files import SMALL, Touch, answer, network_named


@pytest.fixture
def saved(tmp_path: Path) -> Callable[..., Path]:
    """Writes a weights file of a small Demucs, some of its metadata or tensors changed."""

    def save(metadata: dict[str, str] | None = None, **tensors: Tensor | None) -> Path:
        path = tmp_path / "saved.safetensors"
        state = {name: t.clone() for name, t in network_named("demucs-l").state_dict().items()}
        changed = {name.replace("__", "."): tensor for name, tensor in tensors.items()}
        state = {name: t for name, t in {**state, **changed}.items() if t is not None}
        params = json.dumps(SMALL["demucs-l"])
        save_file(state, path, {"network": "demucs-l", "params": params, **(metadata or {})})
        return path

    return save


def refusal(path: Path) -> str:
    """The one line with which a file is refused."""
    with pytest.raises(ValueError, match=path.name) as caught:
        store.load_network(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", zoo.NETWORKS)
def test_a_network_comes_back_from_its_file_bit_by_bit(name: str, tmp_path: Path) -> None:
    network = network_named(name)
    path = tmp_path / "new" / "folder" / "weights.safetensors"
    store.save_weights(network, path, store.WeightsHeader(name, SMALL[name]))
    again = store.load_network(path)
    assert torch.equal(answer(network), answer(again))
    assert not again.training
    assert not any(parameter.requires_grad for parameter in again.parameters())


@pytest.mark.parametrize("name", ["dtt_bsr", "dttnet", "demucs"])
def test_the_reference_weights_give_the_reference_output(
    name: str, golden: Callable[[str], Golden], tmp_path: Path
) -> None:
    reference = golden(f"{name}_small")
    network = {"dtt_bsr": "dtt-bsr", "dttnet": "dttnet", "demucs": "demucs-l"}[name]
    own = zoo.build_network(network, reference.params, "test").state_dict()
    state = {**reference.state, **{key: own[key] for key in reference.empty_keys}}
    path = tmp_path / "golden.safetensors"
    store.save_weights(state, path, store.WeightsHeader(network, reference.params))
    output = store.load_network(path)(reference.input)
    assert (output - reference.output).abs().max() < 1e-4 * reference.output.abs().max()


@pytest.mark.parametrize("name", zoo.NETWORKS)
def test_the_published_params_of_every_network_build_it(name: str) -> None:
    with torch.device("meta"):
        network = zoo.build_network(name, zoo.NETWORKS[name].params, "test")
    assert (
        sum(parameter.numel() for parameter in network.parameters())
        == {
            "dtt-bsr": 7_137_154,
            "dttnet": 4_968_712,
            "spleeter": 19_647_498,
            "bsrnn": 32_414_628,
            "cpjku-separator": 255_166_460,
            "mel-rnn": 5_513_856,
            "mel-roformer": 8_841_856,
            "mel-unet": 162_120_568,
            "mdx23c": 111_994_368,
            "mel-band-roformer": 228_202_852,
            "bs-roformer": 51_049_484,
            "demucs-l": 89_447_041,
            "embedded": 3_344_496,
        }[name]
    )


def test_the_published_weights_are_those_of_the_table() -> None:
    names = [weights.name for weights in PUBLISHED]
    assert names[:8] == [f"dtt-bsr/{stem}" for stem in STEMS]
    assert set(names[8:12]) == {f"dttnet/{stem}" for stem in ("vocals", "drums", "bass", "other")}
    assert names[12:20] == [f"mel-rnn/{stem}" for stem in STEMS]
    assert names[20:28] == [f"mel-unet/{stem}" for stem in STEMS]
    assert names[28:] == ["kim/vocals", "spleeter/2stems"]
    files = {w.source.filename for w in PUBLISHED if isinstance(w.source, HubFile)}
    assert len(files) == 9


def test_dttnet_for_bass_has_the_size_of_its_publication() -> None:
    bass = published_weights("dttnet/bass")
    assert bass is not None
    with torch.device("meta"):
        network = zoo.build_network(bass.network, bass.params, "test")
    assert sum(parameter.numel() for parameter in network.parameters()) == 4_199_368


def test_a_file_says_of_itself_what_it_is(tmp_path: Path) -> None:
    description = store.WeightsHeader(
        "demucs-l", SMALL["demucs-l"], "vocals", "a page", "a licence", "0" * 64
    )
    path = tmp_path / "weights.safetensors"
    store.save_weights(network_named("demucs-l"), path, description)
    assert store.describe_weights(path) == description


def test_a_tensor_without_elements_survives_the_file(tmp_path: Path) -> None:
    params = {**SMALL["dtt-bsr"]}
    network = zoo.build_network("dtt-bsr", params, "test")
    assert network.state_dict()["freq_pad"].numel() == 0
    path = tmp_path / "weights.safetensors"
    store.save_weights(network, path, store.WeightsHeader("dtt-bsr", params))
    assert load_file(path)["freq_pad"].shape == network.state_dict()["freq_pad"].shape


def test_tensors_that_share_memory_survive_the_file(tmp_path: Path) -> None:
    attention = {**SMALL["dtt-bsr"]["RoPEParams"], "time_transformer_depth": 2}
    params = {**SMALL["dtt-bsr"], "RoPEParams": attention}  # both layers turn by one `freqs`
    network = zoo.build_network("dtt-bsr", params, "test")
    path = tmp_path / "weights.safetensors"
    store.save_weights(network, path, store.WeightsHeader("dtt-bsr", params))
    again = store.load_network(path).state_dict()
    assert all(torch.equal(tensor, again[name]) for name, tensor in network.state_dict().items())


def test_others_may_read_the_file_as_far_as_the_umask_allows(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / "weights.safetensors"
    store.save_weights(
        network_named("demucs-l"), path, store.WeightsHeader("demucs-l", SMALL["demucs-l"])
    )
    assert path.stat().st_mode == (tmp_path / "file").stat().st_mode


def test_half_precision_on_disk_becomes_float32(tmp_path: Path) -> None:
    network = network_named("demucs-l")
    path = tmp_path / "weights.safetensors"
    half = {name: tensor.half() for name, tensor in network.state_dict().items()}
    store.save_weights(half, path, store.WeightsHeader("demucs-l", SMALL["demucs-l"]))
    again = store.load_network(path).state_dict()
    assert all(tensor.dtype == torch.float32 for tensor in again.values())
    assert all(torch.equal(again[name], tensor.float()) for name, tensor in half.items())


def test_nothing_is_written_when_the_weights_are_of_another_network(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    with pytest.raises(ValueError, match="not weights of this dttnet: missing 'window' and"):
        store.save_weights(
            network_named("demucs-l"), path, store.WeightsHeader("dttnet", SMALL["dttnet"])
        )
    assert not list(tmp_path.iterdir())


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def interrupted() -> None:
        with atomically(path) as part:
            part.write_text("new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_two_writers_of_one_file_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with atomically(path) as sooner, atomically(path) as later:
        assert sooner != later
        sooner.write_text("whole")
        later.write_text("whole, too")
    assert path.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]


def test_a_pickle_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(pickle.dumps(Touch(tmp_path / "touched")))
    assert "no safetensors file" in refusal(path)
    assert not (tmp_path / "touched").exists()


def test_a_file_of_another_kind_or_a_broken_one_is_refused(saved: Callable[..., Path]) -> None:
    whole = saved().read_bytes()
    path = saved()
    for content in (b"", b"abc", b"<html>404</html>"):
        path.write_bytes(content)
        assert "no safetensors file" in refusal(path)
    for content in (whole[:9], whole[:1000], whole[:-1], whole + b"x"):
        path.write_bytes(content)
        assert "a truncated or corrupted safetensors file" in refusal(path)
    path.unlink()
    assert "no such file" in refusal(path)


def test_a_file_that_does_not_say_what_it_is_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_file({"a": torch.ones(1)}, path)
    assert "does not say which network it is for" in refusal(path)


@pytest.mark.parametrize(
    ("metadata", "complaint"),
    [
        ({"network": "unet"}, "unknown network 'unet'; expected one of dtt-bsr, dttnet, mel-rnn"),
        ({"params": "{"}, "its params are not JSON"),
        ({"params": "[]"}, "its params must be a mapping, got a list"),
        ({"params": '{"dpeth": 3}'}, "not the params of a demucs-l: .*unknown key 'dpeth'"),
        ({"params": '{"depth": "deep", "lstm_layers": 0}'}, "not the params of a demucs-l: "),
        ({"network": "embedded", "params": '{"hop": 1}'}, "params: unknown key 'hop'; expected"),
        ({"network": "embedded", "params": "{}"}, "not weights of this embedded: missing 'stem_em"),
    ],
)
def test_metadata_that_builds_no_fitting_network_is_refused(
    metadata: dict[str, str], complaint: str, saved: Callable[..., Path]
) -> None:
    with pytest.raises(ValueError, match=complaint):
        store.load_network(saved(metadata))


@pytest.mark.parametrize(
    ("tensors", "complaint"),
    [
        (
            {"encoder__0__0__weight": None, "encoder__0__0__bias": None},
            "missing 'encoder.0.0.weight' and 1 more",
        ),
        ({"extra": torch.ones(1)}, "unexpected 'extra'"),
        (
            {"encoder__0__0__bias": torch.ones(5)},
            "wrong 'encoder.0.0.bias' (float [5], expected float [4])",
        ),
        (
            {"encoder__0__0__bias": torch.ones(4, dtype=torch.int32)},
            "wrong 'encoder.0.0.bias' (integer [4], expected float [4])",
        ),
        (
            {"encoder__0__0__bias": torch.tensor([0.0, float("nan"), 0.0, 0.0])},
            "NaN or infinity in 'encoder.0.0.bias'",
        ),
        (
            {"encoder__0__0__bias": torch.full((4,), 1e300, dtype=torch.float64)},
            "NaN or infinity in 'encoder.0.0.bias'",
        ),
    ],
)
def test_weights_that_do_not_fit_are_refused_by_name(
    tensors: dict[str, Tensor | None], complaint: str, saved: Callable[..., Path]
) -> None:
    assert complaint in refusal(saved(**tensors))


def test_params_that_want_much_memory_are_refused_without_it(saved: Callable[..., Path]) -> None:
    params = json.dumps({**SMALL["demucs-l"], "channels": 10**6})  # would be terabytes
    assert "wrong 'encoder.0.0.weight'" in refusal(saved({"params": params}))


def test_the_weights_folder_is_the_one_in_the_environment_or_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESTEM_WEIGHTS", str(tmp_path))
    assert store.weights_folder() == tmp_path
    monkeypatch.setenv("RESTEM_WEIGHTS", "")
    assert store.weights_folder().parts[-2:] == ("restem", "weights")


@pytest.mark.parametrize(
    "name",
    [
        *("", "vocals", "/vocals", "a/", "a/b/c", "A/b", "a/b.c", "-a/b", "a/b\n", "a/b\0"),
        *("../a/b", "../b", "a/..", "a\\b/c", "/etc/passwd", "~/a", "C:/b"),
    ],
)
def test_a_path_is_no_name(name: str) -> None:
    for ask in (store.weights_path, store.find_weights, store.has_weights):
        with pytest.raises(ValueError, match="a name of weights is 'embedded' or SET/STEM"):
            ask(name)


def test_missing_weights_say_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESTEM_WEIGHTS", str(tmp_path))
    monkeypatch.setattr(store, "shipped_weights", lambda name: tmp_path / "none" / name)
    for name, words in {
        "dtt-bsr/vocals": "restem weights fetch dtt-bsr/vocals",
        "dttnet/bass": "by hand from https://.*, then: restem weights add dttnet/bass --checkpoint",
        "demucs-l/bass": "released no weights of its second stage; .*restem weights add demucs-l/",
        "mine/bass": "restem weights add mine/bass --checkpoint FILE --config YAML",
        "embedded": "install restem again",
    }.items():
        with pytest.raises(ValueError, match=words):
            store.find_weights(name)
        assert not store.has_weights(name)
    assert store.installed() == []


def test_installed_weights_are_found_by_name_and_nothing_else_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESTEM_WEIGHTS", str(tmp_path))
    monkeypatch.setattr(store, "shipped_weights", lambda name: tmp_path / f"{name}.safetensors")
    for place in ("b/y", "a/x", "a/.x.safetensors.1", ".fetch-1/z", "B/x", "embedded"):
        path = tmp_path / f"{place}.safetensors"
        path.parent.mkdir(exist_ok=True)
        path.touch()
    assert store.installed() == ["embedded", "a/x", "b/y"]
    assert store.find_weights("a/x") == tmp_path / "a" / "x.safetensors"


def test_the_networks_are_described_for_scripts() -> None:
    rows = zoo.describe_networks()
    assert [row["name"] for row in rows] == list(zoo.NETWORKS)
    assert json.loads(json.dumps(rows)) == rows


@pytest.mark.parametrize("name", SMALL)
def test_loading_leaves_the_users_random_numbers_alone(name: str, tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    store.save_weights(network_named(name), path, store.WeightsHeader(name, SMALL[name]))
    before = torch.random.get_rng_state()
    store.load_network(path)
    assert torch.equal(torch.random.get_rng_state(), before)
