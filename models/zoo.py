"""Names -> network and weights.

A network is a name and params: the mapping `model.params` of its publication's YAML file. A weights
file is one safetensors file that says of itself what it is, in its metadata:

    network, params (JSON), stem, origin, licence, source_sha256

Weights have names too: those of `SHIPPED` lie in the package, `<set>/<stem>` in `weights_folder()`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

import torch
from torch import nn

from restem.models.bsrnn import BSRNN, BSRNNConfig
from restem.models.cpjku import CPJKUConfig, CPJKUSeparator
from restem.models.demucs import Demucs, DemucsConfig
from restem.models.dtt_bsr import DTTBSR, DTTBSRConfig
from restem.models.dttnet import DTTNet, DTTNetConfig
from restem.models.embedded import EmbeddedCascade, EmbeddedConfig
from restem.models.errors import first_line
from restem.models.inference.demucs import StackedDemucs
from restem.models.inference.unet import StackedUNet
from restem.models.mdx23c import MDX23C, MDX23CConfig
from restem.models.mel_rnn import MelRNN, MelRNNConfig, MelRNNs
from restem.models.mel_roformer import MelRoFormer, MelRoFormerConfig
from restem.models.mel_unet import MelUNet, MelUNetConfig
from restem.models.published_config import published_options
from restem.models.roformer import BSRoFormerConfig, MelBandRoFormerConfig, RoFormer
from restem.models.spleeter import Spleeter, SpleeterConfig

EMBEDDED = "embedded"
Inference = Callable[[Sequence[Any], torch.dtype], nn.Module]


@dataclass(frozen=True)
class NetworkInfo:
    """A network that can be built from params."""

    name: str
    description: str
    paper: str  # arXiv id
    sample_rate: int  # Hz
    params: Mapping[str, Any]  # the published ones
    build: Callable[[Mapping[str, Any]], nn.Module]
    # One stem of a mix, several that share it out, one stem restored, all separated and restored.
    role: Literal["separator", "joint", "repair", "cascade"]
    telltale: str  # a key that only this network's params have; the first row that matches decides
    streams: bool = False  # natively; the others run in windows
    stream: Callable[[Mapping[str, Any]], Any] | None = None  # several as one that does
    inference: Inference | None = None  # several of one configuration as one; None: one by one
    windows: str = ""  # the profile whose windows suit it
    constants: tuple[str, ...] = ()  # how entries end that nobody learns; some files omit them
    unpublished: str = ""  # why there are no weights to fetch, if there are none

    @property
    def all_in_one(self) -> bool:
        """True if one weights file has all stems."""
        return self.role in ("joint", "cascade")


def network_names(*roles: str, streams: bool | None = None) -> tuple[str, ...]:
    """The networks of some roles, in the table's order; only those that stream, or do not."""
    return tuple(
        info.name
        for info in NETWORKS.values()
        if info.role in roles and streams in (None, info.streams)
    )


def _build_embedded(params: Mapping[str, Any]) -> EmbeddedCascade:
    names = {f.name: f.name for f in fields(EmbeddedConfig)}
    options = published_options("params", params, names)
    return EmbeddedCascade(EmbeddedConfig(**{k: _tuples(v) for k, v in options.items()}))


def _tuples(value: Any) -> Any:
    """JSON and YAML know lists only."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


_RECURRENCE = {"rnn_type": "LSTM", "bidirectional": True, "num_layers": 4, "n_heads": 2}
_UNET = {
    "block_type": "TFC_TDF_Res2",
    "num_blocks": 5,
    "l": 3,
    "g": 32,
    "k": 3,
    "bias": False,
    "bn_norm": "BN",
    "bandsequence": _RECURRENCE,
}
DTT_BSR = {
    **_UNET,
    "dim_f": 1025,
    "n_fft": 2048,
    "hop_length": 512,
    "audio_ch": 1,
    "bn": 2,
    "sample_rate": 48000,
    "hidden_channels": 128,
    "RoPEParams": {
        "depth": 2,
        "dim_head": 64,
        "heads": 8,
        "time_transformer_depth": 2,
        "freq_transformer_depth": 2,
        "attn_dropout": 0.1,
        "ff_dropout": 0.1,
        "flash_attn": True,
    },
}
DTTNET = {
    **_UNET,
    "dim_f": 2048,
    "dim_t": 256,
    "n_fft": 6144,
    "hop_length": 1024,
    "overlap": 3072,
    "audio_ch": 2,
    "bn": 8,
}
_DEMUCS = {
    "sources": ["stem"],
    "audio_channels": 1,
    "channels": 64,
    "growth": 2,
    "depth": 6,
    "rewrite": True,
    "lstm_layers": 0,
    "kernel_size": 8,
    "stride": 4,
    "rescale": 0.1,
    "resample": False,
    "glu": True,
    "context": 3,
    "normalize": False,
}
SPLEETER = {
    "instrument_list": ["vocals", "accompaniment"],
    "sample_rate": 44100,
    "frame_length": 4096,
    "frame_step": 1024,
    "T": 512,
    "F": 1024,
    "n_channels": 2,
    "separation_exponent": 2,
    "mask_extension": "zeros",
}
_MEL = {"window_size": 2048, "hop_size": 512, "sample_rate": 48000}
MEL_RNN = {**_MEL, "hidden_channels": 128, "num_layers": 4, "num_groups": 4}
MEL_UNET = {**_MEL, "hidden_channels": 64, "num_layers": 4, "upsampling_factor": 2}
_MEL_ROFORMER = {**_MEL, "hidden_channels": 128, "num_layers": 12, "num_heads": 4}
MEL_CONSTANTS = ("window", "filterbanks", "ola_window", "f_idxes", "mask")
_BSRNN = {
    "sr": 44100,
    "n_fft": 2048,
    "bandsplits": [[1000, 100], [4000, 250], [8000, 500], [16000, 1000], [20000, 2000]],
    "t_timesteps": 263,
    "fc_dim": 128,
    "rnn_dim": 256,
    "num_layers": 12,
    "mlp_dim": 512,
    "featurizer": {"n_fft": 2048, "win_length": 2048, "hop_length": 512},
}
_ROFORMER = {
    "instruments": ["vocals"],
    "num_stems": 1,
    "stereo": True,
    "heads": 8,
    "dim_head": 64,
    "time_transformer_depth": 1,
    "freq_transformer_depth": 1,
    "stft_n_fft": 2048,
    "stft_win_length": 2048,
    "mask_estimator_depth": 2,
}
_MDX23C = {"instruments": ["vocals", "bass", "drums", "other"], "audio": {}, "model": {}}
BS_ROFORMER = {**_ROFORMER, "dim": 256, "depth": 12, "stft_hop_length": 512}
_CPJKU = {
    **{name: value for name, value in _ROFORMER.items() if name != "instruments"},
    "num_stems": 9,
    "dim": 384,
    "depth": 8,
    "stft_hop_length": 441,
    "mlp_expansion_factor": 2,
    "resample_to_44100_for_model": True,
    "lora_config": {"enabled": True, "r": 8, "lora_alpha": 16, "enable_lora": [True, False, True]},
}
MEL_BAND_ROFORMER = {**_ROFORMER, "dim": 384, "depth": 6, "num_bands": 60, "stft_hop_length": 441}

NETWORKS = {
    info.name: info
    for info in (
        NetworkInfo(
            name="dtt-bsr",
            description="DTT-BSR: restores one stem, mono; offline, wants a GPU",
            paper="2602.19825",
            sample_rate=48000,
            params=DTT_BSR,
            build=lambda params: DTTBSR(DTTBSRConfig.from_published(params)),
            role="separator",
            telltale="RoPEParams",
            inference=StackedUNet,
            windows="studio",
        ),
        NetworkInfo(
            name="dttnet",
            description="DTTNet: separates one stem, stereo; offline, wants a GPU",
            paper="2309.08684",
            sample_rate=44100,
            params=DTTNET,
            build=lambda params: DTTNet(DTTNetConfig.from_published(params)),
            role="separator",
            telltale="bandsequence",
            inference=StackedUNet,
            windows="dttnet",
            constants=("window", "freq_pad"),
        ),
        NetworkInfo(
            name="mel-rnn",
            description="MelRNN, the challenge's baseline: restores one stem, mono; streams",
            paper="2601.04343",
            sample_rate=48000,
            params=MEL_RNN,
            build=lambda params: MelRNN(MelRNNConfig.from_published(params)),
            role="separator",
            telltale="num_groups",
            streams=True,
            stream=MelRNNs,
            constants=MEL_CONSTANTS,
        ),
        NetworkInfo(
            name="mel-roformer",
            description="MelRoFormer, of the challenge's kit: restores one stem, mono; offline",
            paper="2601.04343",
            sample_rate=48000,
            params=_MEL_ROFORMER,
            build=lambda params: MelRoFormer(MelRoFormerConfig.from_published(params)),
            role="separator",
            telltale="num_heads",
            constants=MEL_CONSTANTS,
            unpublished="the challenge released no weights of this one",
        ),
        NetworkInfo(
            name="mel-unet",
            description="MelUNet, the challenge's baseline: restores one stem, mono; offline",
            paper="2601.04343",
            sample_rate=48000,
            params=MEL_UNET,
            build=lambda params: MelUNet(MelUNetConfig.from_published(params)),
            role="separator",
            telltale="upsampling_factor",
            constants=MEL_CONSTANTS,
        ),
        NetworkInfo(
            name="bsrnn",
            description="BSRNN: separates one stem, stereo, in windows of 3.04 s; offline",
            paper="2209.15174",
            sample_rate=44100,
            params=_BSRNN,
            build=lambda params: BSRNN(BSRNNConfig.from_published(params)),
            role="separator",
            telltale="bandsplits",
        ),
        NetworkInfo(
            name="spleeter",
            description="Spleeter: vocals and accompaniment in one, stereo; up to 11 kHz",
            paper="1906.02618",
            sample_rate=44100,
            params=SPLEETER,
            build=lambda params: Spleeter(SpleeterConfig.from_published(params)),
            role="joint",
            telltale="instrument_list",
            constants=("num_batches_tracked",),
        ),
        NetworkInfo(
            name="cpjku-separator",
            description="CP-JKU's separator: nine stems in one, stereo; offline, wants a GPU",
            paper="2601.04343",
            sample_rate=48000,
            params=_CPJKU,
            build=lambda params: CPJKUSeparator(CPJKUConfig.from_published(params)),
            role="joint",
            telltale="resample_to_44100_for_model",
            constants=("rotary_embed.freqs", "resampler.kernel"),
            unpublished="its authors released no weights",
        ),
        NetworkInfo(
            name="mel-band-roformer",
            description="Mel-band RoFormer: stems of your choice in one; offline, wants a GPU",
            paper="2310.01809",
            sample_rate=44100,
            params=MEL_BAND_ROFORMER,
            build=lambda params: RoFormer(MelBandRoFormerConfig.from_published(params)),
            role="joint",
            telltale="num_bands",
            constants=("rotary_embed.freqs",),
        ),
        NetworkInfo(
            name="bs-roformer",
            description="BS-RoFormer: stems of your choice in one; offline, wants a GPU",
            paper="2309.02612",
            sample_rate=44100,
            params=BS_ROFORMER,
            build=lambda params: RoFormer(BSRoFormerConfig.from_published(params)),
            role="joint",
            telltale="mask_estimator_depth",
            constants=("rotary_embed.freqs",),
        ),
        NetworkInfo(
            name="mdx23c",
            description="MDX23C (TFC-TDF v3): stems of your choice in one; offline, wants a GPU",
            paper="2306.09382",
            sample_rate=44100,
            params=_MDX23C,
            build=lambda params: MDX23C(MDX23CConfig.from_published(params)),
            role="joint",
            telltale="model",
        ),
        NetworkInfo(
            name="demucs-l",
            description="Demucs-L: repairs one stem, stage 2 of DTT-BSR+; no weights published",
            paper="2606.24127",
            sample_rate=48000,
            params=_DEMUCS,
            build=lambda params: Demucs(DemucsConfig.from_published(params)),
            role="repair",
            telltale="sources",
            inference=StackedDemucs,
            unpublished="the authors of DTT-BSR+ released no weights of its second stage",
        ),
        NetworkInfo(
            name=EMBEDDED,
            description="the embedded cascade: eight stems, stereo; streams on a plain CPU",
            paper="2606.24127",
            sample_rate=48000,
            params=asdict(EmbeddedConfig()),
            build=_build_embedded,
            role="cascade",
            telltale="bands",
            streams=True,
        ),
    )
}


def network_info(name: str, where: str) -> NetworkInfo:
    """The network of that name; ValueError, naming `where`, if there is none."""
    if name not in NETWORKS:
        choices = ", ".join(NETWORKS)
        raise ValueError(f"{where}: unknown network {name!r}; expected one of {choices}")
    return NETWORKS[name]


def sample_rate_of(network: str, params: Mapping[str, Any]) -> int:
    """Sample rate in Hz that params are for, where they tell it, or else the publication's."""
    info = NETWORKS[network]
    told = params.get("audio", params).get("sample_rate") if info.role == "joint" else None
    return info.sample_rate if told is None else int(told)


def describe_networks() -> list[dict[str, Any]]:
    """The networks for people and scripts."""
    return [
        {
            "name": info.name,
            "paper": f"arXiv {info.paper}",
            "sample_rate": info.sample_rate,
            "latency": _native_latency(info),
            "description": info.description,
        }
        for info in NETWORKS.values()
    ]


def _native_latency(info: NetworkInfo) -> str:
    """In words; offline networks get theirs from a profile's windows."""
    if not info.streams:
        return "as its profile says"
    with torch.device("meta"):
        network: Any = info.build(info.params)
        latency = (info.stream({"": network}) if info.stream else network).latency
    return f"{latency} samples = {1000 * latency / info.sample_rate:.1f} ms"


def build_network(network: str, params: Mapping[str, Any], where: str) -> nn.Module:
    """Build a network with random weights.

    Raises:
        ValueError: an unknown network, or params that do not build one; `where` is named.
    """
    info = network_info(network, where)
    try:
        return info.build(params).float()  # the user's default type may be another
    except Exception as error:  # a stranger's params can make a constructor fail in any way
        raise ValueError(f"{where}: not the params of a {network}: {first_line(error)}") from error
