"""What windows cost: a profile's answer in windows against a pass over the whole file, in dB.

    python -m benchmarks.windows [MIX] [--profiles offline,studio,live-gpu] [--stems vocals]

Prints a Markdown table of the SNR over randomly drawn windows; a profile without weights runs with
seeded noise for weights, which says little about the published ones. What is measured is the
separator; an exact repair adds nothing to its error.
"""

import argparse
import os
import warnings

import soundfile
import torch

from benchmarks.render import build
from restem.models.cascade import Cascade
from restem.streamer.model.chunked import Chunked
from restem.streamer.model.combine import Series
from restem.streamer.model.graphed import Graphed

COLUMNS = ("profile", "weights", "windows", "SNR median, dB", "SNR worst, dB")


def snr(reference: torch.Tensor, estimate: torch.Tensor) -> float:
    error = (reference - estimate).square().sum()
    return float(10 * torch.log10(reference.square().sum() / error.clamp_min(1e-20)))


def separator_windows(model: object) -> Chunked:
    """The windows of the separator, alone or with a repair in the same windows."""
    model = model.model if isinstance(model, Graphed) else model
    chunked = model.models[0] if isinstance(model, Series) else model
    if not isinstance(chunked, Chunked):
        raise SystemExit("a native network streams exactly: nothing to measure")
    return chunked


@torch.inference_mode()
def measure(name: str, mix: torch.Tensor, sample_rate: int, stems: list[str], windows: int) -> str:
    model, weights = build(name, "auto", stems)
    if sample_rate != model.sample_rate:
        raise SystemExit(f"{name}: the mix must be at {model.sample_rate} Hz, not {sample_rate}")
    chunked = separator_windows(model)
    network = chunked.network
    separator = network.separator if isinstance(network, Cascade) else network
    whole = separator(mix.to(chunked.device))
    generator = torch.Generator().manual_seed(0)
    grid = 4096  # windows keep the networks' downsampling grid
    scores = []
    for _ in range(windows):
        last = (mix.shape[-1] - chunked.window) // grid
        if last < 0:
            raise SystemExit(f"{name}: the mix must last {chunked.window} samples at least")
        start = grid * int(torch.randint(last + 1, (), generator=generator))
        answer = separator(mix[:, start : start + chunked.window].to(chunked.device))
        used = slice(chunked.context, chunked.context + chunked.block_size)
        scores.append(snr(whole[..., start:][..., used], answer[..., used]))
    ordered = sorted(scores)
    cells = (name, weights, windows, f"{ordered[len(ordered) // 2]:.1f}", f"{ordered[0]:.1f}")
    return f"| {' | '.join(map(str, cells))} |"


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what windows cost.")
    parser.add_argument("mix", nargs="?", default="bridge/demo_song/mix.flac")
    parser.add_argument("--profiles", default="offline,studio,live-gpu")
    parser.add_argument("--stems", default="vocals")
    parser.add_argument("--windows", type=int, default=6)
    args = parser.parse_args()
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "0")  # stems would be spread over all
    warnings.simplefilter("ignore")
    audio, sample_rate = soundfile.read(args.mix, dtype="float32", always_2d=True)
    mix = torch.from_numpy(audio.T.copy())
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}", flush=True)
    for name in args.profiles.split(","):
        print(measure(name, mix, sample_rate, args.stems.split(","), args.windows), flush=True)


if __name__ == "__main__":
    main()
