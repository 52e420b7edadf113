"""Embeddings for Fréchet audio distance: audio [c, n] at a sample rate -> items [i, d].

    mel                 levels in mel bands: no weights, no taste; comparable with itself only
    clap, clap:MODEL    a CLAP model (transformers), from a folder or the hub
    MODULE:FUNCTION     any importable function (audio: float32 [c, n], sample_rate: int) -> [i, d]

Every channel is an item of its own, as in the MSR challenge.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import soxr
import torch
from numpy.typing import NDArray

from restem.models.errors import first_line
from restem.models.training.metrics import Items, mel_power

Audio = NDArray[np.float32]

CLAP = "laion/clap-htsat-unfused"  # the MSR challenge's
CLAP_RATE, CLAP_SECONDS = 48000, 10
MEL_N_FFT, MEL_BANDS = 2048, 32


@dataclass(frozen=True)
class Embedding:
    """One way to turn audio into items; `name` is for tables, `source` says which exactly."""

    name: str
    source: str
    function: Callable[[Audio, int], Any]

    def __call__(self, audio: Audio, sample_rate: int) -> Items:
        """Embed [c, n] as [i, d].

        Raises:
            ValueError: the embedding failed.
        """
        try:
            return np.asarray(self.function(audio, sample_rate))
        except Exception as error:  # a stranger's function can fail in any way
            raise ValueError(f"embedding {self.source}: {first_line(error)}") from error


def load_embedding(source: str) -> Embedding:
    """Find the embedding that `mel`, `clap`, `clap:MODEL` or `MODULE:FUNCTION` names.

    Raises:
        ValueError: there is none, or it cannot be loaded.
    """
    if source == "mel":
        return Embedding("mel", source, mel)
    name, _, rest = source.partition(":")
    if name == "clap":
        return Embedding("CLAP", f"clap:{rest or CLAP}", load_clap(rest or CLAP))
    if not rest:
        raise ValueError(
            f"unknown embedding '{source}'; expected mel, clap, clap:MODEL or MODULE:FUNCTION"
        )
    return Embedding(rest, source, _load_function(name, rest, source))


def mel(audio: Audio, sample_rate: int) -> Items:
    """Mean and deviation over time of the levels in 32 mel bands, one item a second and channel.

    Levels are in units of 10 dB, down to -80 dB of a full-scale sine. A rest of less than a second
    is left out, unless it is all there is.
    """
    samples = min(sample_rate, audio.shape[1])
    whole = audio[:, : audio.shape[1] // samples * samples]
    patches = torch.from_numpy(np.ascontiguousarray(whole)).reshape(-1, samples)
    power = mel_power(patches, sample_rate, MEL_N_FFT, MEL_N_FFT // 4, MEL_BANDS)
    inner = power[..., 2:-2]  # [i, bands, t] without the frames that see a patch's reflected edges
    level = torch.log10(inner / (MEL_N_FFT / 4) ** 2 + 1e-8)
    features = torch.cat((level.mean(-1), level.std(-1)), dim=-1)
    items: Items = features.numpy()
    return items


def load_clap(model: str = CLAP) -> Callable[[Audio, int], Items]:
    """A CLAP model's audio tower; every 10 s of every channel are an item.

    Args:
        model: a folder in the format of transformers, or a name on the Hugging Face hub.

    Raises:
        ValueError: transformers is not installed, or the model cannot be had.
    """
    try:
        from transformers import ClapFeatureExtractor, ClapModel
    except ImportError as error:
        raise ValueError("embedding clap needs transformers: pip install transformers") from error
    try:
        network = ClapModel.from_pretrained(model).eval()
        extract = ClapFeatureExtractor.from_pretrained(model)
    except Exception as error:  # the hub and the network fail in many ways
        raise ValueError(
            f"embedding clap: no CLAP model at '{model}' ({first_line(error)}); give a folder "
            "with its config.json and weights, or a name on the hub: clap:MODEL"
        ) from error

    @torch.inference_mode()
    def embed(audio: Audio, sample_rate: int) -> Items:
        there = soxr.resample(audio.T, sample_rate, CLAP_RATE).T
        features = []
        for piece in (piece for channel in there for piece in _pieces(channel)):
            inputs = extract(piece, sampling_rate=CLAP_RATE, return_tensors="pt")
            answer = network.get_audio_features(**inputs)
            features.append(getattr(answer, "pooler_output", answer))  # by version
        items: Items = torch.cat(features).numpy()
        return items

    return embed


def _pieces(channel: Audio) -> list[Audio]:
    """Cut in 10 s; a rest of less than half of that is left out, unless it is all there is."""
    size = CLAP_RATE * CLAP_SECONDS
    pieces = [channel[start : start + size] for start in range(0, len(channel), size)]
    return pieces[:-1] if len(pieces) > 1 and len(pieces[-1]) < size // 2 else pieces


def _load_function(module: str, name: str, source: str) -> Callable[[Audio, int], Any]:
    try:
        function = getattr(importlib.import_module(module), name)
    except Exception as error:  # importing runs a stranger's code
        raise ValueError(
            f"embedding {source}: {first_line(error)}; the module must be importable, e.g. by "
            "PYTHONPATH=FOLDER"
        ) from error
    if not callable(function):
        raise ValueError(f"embedding {source}: is no function, but a {type(function).__name__}")
    checked: Callable[[Audio, int], Any] = function
    return checked
