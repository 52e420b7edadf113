"""The demo: a short mix whose clean stems are known is restored, scored and drawn."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray

from restem.bridge.evaluation.plots import draw_overview
from restem.bridge.evaluation.scores import MMSNR, Scorer, ScoreRow, Scores
from restem.bridge.files.reader import one_line_errors
from restem.bridge.files.render import RenderReport, render_file
from restem.bridge.files.writer import all_or_none, stem_files
from restem.streamer.model.protocol import StreamingModel

Audio = NDArray[np.float32]


@dataclass(frozen=True)
class DemoResult:
    scores: Scores  # of the mix as it is, and of the restored stems
    report: RenderReport

    columns = ("stem", "mix, MMSNR dB", "restored, MMSNR dB", "gain, dB")

    @property
    def lines(self) -> list[ScoreRow]:
        """MMSNR of every stem."""
        return [self.scores.line(MMSNR, stem) for stem in self.scores.stems]

    @property
    def average(self) -> ScoreRow:
        return self.scores.average(MMSNR)

    def rows(self) -> list[tuple[str, ...]]:
        return [(line.stem, *line.cells()) for line in (*self.lines, self.average)]

    def as_dict(self) -> dict[str, Any]:
        scores = {line.stem: line.values for line in self.lines}
        average = self.average.values
        return {"mmsnr_db": scores, "average": average, "render": self.report.as_dict()}


def run_demo(
    model: StreamingModel, out: Path, progress: Callable[[float, float], None] | None = None
) -> DemoResult:
    """Write `out/mix.flac`, `out/restored/mix/`, `out/references/mix/` and `out/overview.png`.

    Earlier demos in the same folder are replaced. `restem evaluate out/references --estimates
    out/restored` gives the same scores.

    Raises:
        ValueError: the song has none of the model's stems.
        OSError: reading or writing failed.

    Returns:
        MMSNR of every stem of the model that the song has, before and after.
    """
    song = resources.files("restem.bridge") / "demo_song"
    known = [stem for stem in model.stems if (song / f"{stem}.ogg").is_file()]
    if not known:
        raise ValueError(f"the demo's song has none of the stems {', '.join(model.stems)}")
    mix_path, folder = out / "mix.flac", out / "references" / "mix"
    for path in (mix_path, folder / "mixture.flac"):
        with one_line_errors(path), resources.as_file(song / "mix.flac") as source:
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, path)
    report = render_file(model, mix_path, out / "restored", overwrite=True, progress=progress)
    mix, sample_rate = _read(mix_path)
    references = {}
    for stem in known:
        with resources.as_file(song / f"{stem}.ogg") as path:
            references[stem] = _read(path)[0][:, : mix.shape[1]]
    _write(references, folder, sample_rate)
    restored = {stem: _read(report.folder / f"{stem}.wav")[0] for stem in references}
    scorer = Scorer(["restored"], known, [MMSNR.key])
    answers = {"restored": _tensors(restored)}
    scorer.add("demo", torch.from_numpy(mix), _tensors(references), answers, sample_rate)
    with one_line_errors(out / "overview.png"):
        draw_overview(mix, references, restored, sample_rate, out / "overview.png")
    return DemoResult(scorer.result(), report)


def _read(path: Path) -> tuple[Audio, int]:
    audio, sample_rate = soundfile.read(path, dtype="float32", always_2d=True)
    return np.ascontiguousarray(audio.T), sample_rate


def _write(stems: dict[str, Audio], folder: Path, sample_rate: int) -> None:
    shapes = {folder / f"{stem}.wav": audio.shape for stem, audio in stems.items()}
    with (
        all_or_none([*shapes], overwrite=True) as parts,
        stem_files(dict(zip(parts, shapes.values(), strict=True)), sample_rate, "FLOAT") as files,
    ):
        for file, audio in zip(files, stems.values(), strict=True):
            file.write(audio)


def _tensors(audios: dict[str, Audio]) -> dict[str, torch.Tensor]:
    return {stem: torch.from_numpy(audio) for stem, audio in audios.items()}
