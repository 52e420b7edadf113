"""Figures: a demo's overview, scores by stem, training curves."""

import json
from pathlib import Path

import numpy as np
import torch

from restem.bridge.evaluation.scores import Scores
from restem.models.atomic_write import atomically
from restem.models.training import loop
from restem.streamer.engine.rings import Audio


def draw_overview(
    mix: Audio,
    references: dict[str, Audio],
    restored: dict[str, Audio],
    sample_rate: int,
    path: Path,
) -> None:
    """Draw spectrograms of the mix, and of every stem beside its reference, as a PNG."""
    from matplotlib.figure import Figure

    columns = {"mix": dict.fromkeys(references, mix), "restored": restored, "reference": references}
    figure = Figure(figsize=(13, 1.6 * len(references) + 0.6), layout="constrained")
    axes = figure.subplots(len(references), len(columns), sharex=True, sharey=True, squeeze=False)
    for column, (title, audios) in enumerate(columns.items()):
        axes[0, column].set_title(title)
        for row, (stem, audio) in enumerate(audios.items()):
            axis = axes[row, column]
            levels = _levels(audio, sample_rate)
            extent = (0.0, audio.shape[1] / sample_rate, 0.0, sample_rate / 2000)
            axis.imshow(
                levels,
                origin="lower",
                aspect="auto",
                extent=extent,
                vmin=-90,
                vmax=-10,
                cmap="magma",
            )
            axis.set_ylim(0, 12)
            if column == 0:
                axis.set_ylabel(f"{stem}\nkHz")
    for axis in axes[-1]:
        axis.set_xlabel("s")
    figure.savefig(path, dpi=100)


def _levels(audio: Audio, sample_rate: int) -> Audio:
    n_fft = 2048
    window = torch.hann_window(n_fft)
    mono = torch.from_numpy(audio.mean(axis=0))
    spectrum = torch.stft(mono, n_fft, n_fft // 2, window=window, return_complex=True)
    amplitude = spectrum.abs() * (2 / window.sum())
    levels: Audio = (20 * torch.log10(amplitude + 1e-6)).numpy()
    return levels


def draw_scores(scores: Scores, path: Path) -> None:
    """Draw MMSNR, or the first metric there is, as a PNG: bars by stem, a dot for every song."""
    from matplotlib.figure import Figure

    metric = scores.metrics[0]
    lines = [*(scores.line(metric, stem) for stem in scores.stems), scores.average(metric)]
    figure = Figure(figsize=(1.2 * len(lines) + 2, 4.5), layout="constrained")
    axis = figure.subplots()
    width = 0.8 / len(scores.systems)
    colours = dict(zip(scores.systems, _colours(len(scores.systems)), strict=True))
    for number, system in enumerate(scores.systems):
        places = np.arange(len(lines)) + (number - (len(scores.systems) - 1) / 2) * width
        heights = [line.values[system] for line in lines]
        axis.bar(places, heights, 0.9 * width, color=colours[system], label=system)
        for place, stem in zip(places, scores.stems, strict=False):
            dots = [
                clip.scores[metric.key][system]
                for clip in scores.clips
                if clip.stem == stem and metric.key in clip.scores
            ]
            axis.plot([place] * len(dots), dots, "o", color="black", markersize=2.5, alpha=0.5)
    axis.axhline(0, color="black", linewidth=0.8)
    axis.axvline(len(lines) - 1.5, color="grey", linewidth=0.8, linestyle=":")
    axis.set_xticks(range(len(lines)), [line.stem for line in lines], rotation=20)
    axis.set_ylabel(f"{metric.title} ({'higher' if metric.higher else 'lower'} is better)")
    axis.legend()
    with atomically(path) as part:
        figure.savefig(part, dpi=100, format="png")


def _colours(count: int) -> list[str]:
    """Grey for the mix, orange for the last system, blue between them."""
    return ["0.7", *(["tab:blue"] * (count - 2)), "tab:orange"]


def draw_curves(log: Path, path: Path) -> None:
    """Draw the losses and the held-out MMSNR of a run's log over its minutes."""
    from matplotlib.figure import Figure

    rows = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    minutes = [row["minutes"] for row in rows]
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name in rows[-1]["losses"]:
        left.plot(minutes, [row["losses"].get(name) for row in rows], label=name)
    left.set(xlabel="minutes", ylabel="loss", title="training")
    stages = [name for name in average(rows[-1]["scores"]) if name != "clips"]
    for stage in stages:
        style = ":" if stage == "mix" else "-"
        values = [average(row["scores"])[stage] for row in rows]
        right.plot(minutes, values, style, linewidth=2.5, label=stage)
    for stem in rows[-1]["scores"]:
        values = [row["scores"].get(stem, {}).get(stages[-1]) for row in rows]
        right.plot(minutes, values, linewidth=0.8, alpha=0.7, label=stem)
    right.set(xlabel="minutes", ylabel="MMSNR, dB", title="held-out songs")
    for axis in (left, right):
        axis.legend(fontsize=7)
        axis.grid(alpha=0.3)
    with atomically(path) as part:
        figure.savefig(part, dpi=100, format="png")


def average(scores: loop.Scores) -> dict[str, float]:
    """The mean over stems, by stage."""
    stages = next(iter(scores.values()))
    return {stage: sum(row[stage] for row in scores.values()) / len(scores) for stage in stages}
