"""Re-rendering a take: the same mix through another model, the same hands on the mixer.

    mix ──┬─► model ──► stems ─┬──────────────► vocals.wav ..
          └────────────────────┴─► mixer ─────► master.wav
                                     └─ session.yaml: values, and changes at their frames

The mixer is the one that plays live, so with the live model the master is what was heard. Stems
differ from the recorded ones where steps were late (the new ones are never), and at the beginning
where a model remembers music from before the take.

Shape letters: `s` stem, `c` channel, `n` sample.
"""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from restem.bridge.files.reader import MixReader, open_mix
from restem.bridge.files.render import RenderReport, make_report
from restem.bridge.files.restore import block_reader, checked_peak, fit_length, restore_blocks
from restem.bridge.files.writer import all_or_none, check_targets, pick_subtype, stem_files
from restem.bridge.takes.sidecar import TakeInfo, read_session
from restem.streamer.mixer.mixer import Mixer
from restem.streamer.mixer.routing import MASTER, SIDES
from restem.streamer.model.protocol import StreamingModel
from restem.streamer.resampler import Audio


def rerender_take(
    model: StreamingModel,
    folder: str | Path,
    out_folder: str | Path,
    *,
    file_format: str = "wav",
    subtype: str | None = None,
    overwrite: bool = False,
    progress: Callable[[float, float], None] | None = None,
) -> RenderReport:
    """Restore the stems of a take anew, and mix them as they were mixed.

    Memory does not grow with the take. All files take their names when they are complete; if
    anything goes wrong, what was begun is removed and what was there before stays.

    Args:
        model: what to run; its latency is taken out.
        folder: of the take, with its mix and its sidecar; the take may have been cut short.
        out_folder: the files become `out_folder/<take>/<stem>.<file_format>`, as they come from the
            model, and `master.<file_format>`, always stereo.
        file_format, subtype, overwrite, progress: as for `render_file`.

    Raises:
        ValueError: the take is damaged, the model lacks a stem of it, or the format is unknown.
        FileExistsError: a file exists, and `overwrite` is not set; nothing was done.
        OSError: reading or writing failed.
    """
    started = time.perf_counter()
    folder, subtype = Path(folder), pick_subtype(file_format, subtype)
    session = read_session(folder)
    picked = _pick(session, model)
    mix_path = folder / session.files[0]
    target_folder = Path(out_folder) / _name(folder)
    targets = [target_folder / f"{name}.{file_format}" for name in (*session.stems, MASTER)]
    if target_folder.resolve() == folder.resolve():
        raise ValueError(f"{target_folder}: is the take itself; choose another folder")
    mixer = _mixer(session, folder)
    with open_mix(mix_path) as mix, open_mix(mix_path) as dry:
        _check_mix(mix, session)
        for reader in (mix, dry):
            reader.frames = session.frames
        check_targets(targets, mix.path, overwrite)
        peak, done = 0.0, 0
        channels = (*(session.channels for _ in session.stems), len(SIDES))
        with (
            all_or_none(targets, overwrite) as parts,
            stem_files(
                {part: (c, mix.frames) for part, c in zip(parts, channels, strict=True)},
                mix.sample_rate,
                subtype,
            ) as files,
        ):
            again = block_reader(dry)
            for every in fit_length(restore_blocks(model, mix), mix.frames):
                stems = every[picked]
                peak = max(peak, checked_peak(stems, mix, done))
                master = mixer.process(again(stems.shape[-1]), _with_residual(stems))
                for file, audio in zip(files, (*stems, master), strict=True):
                    file.write(audio)
                done += stems.shape[-1]
                if progress:
                    progress(done / mix.sample_rate, mix.frames / mix.sample_rate)
    return make_report(mix, files, targets, len(session.stems), peak, started, (MASTER,))


def _name(folder: Path) -> str:
    name = folder.resolve().name
    whole = name.removesuffix(".part")
    return whole if whole.strip(".") else name


def _pick(session: TakeInfo, model: StreamingModel) -> list[int]:
    """Indices of the take's stems in the model."""
    missing = [stem for stem in session.stems if stem not in model.stems]
    if missing:
        raise ValueError(
            f"the take has stems that the model lacks: {', '.join(missing)}; "
            f"the model has {', '.join(model.stems)}"
        )
    return [model.stems.index(stem) for stem in session.stems]


def _check_mix(mix: MixReader, session: TakeInfo) -> None:
    found = mix.sample_rate, mix.channels
    if found != (session.sample_rate, session.channels):
        raise ValueError(
            f"{mix.path}: has {found[0]} Hz and {found[1]} channels, its session "
            f"{session.sample_rate} Hz and {session.channels}; get the take as it was recorded"
        )
    if not 0 < session.frames <= mix.frames:
        raise ValueError(
            f"{mix.path}: has {mix.frames} samples, its session {session.frames}; "
            "get a whole copy of the take"
        )


def _mixer(session: TakeInfo, folder: Path) -> Mixer:
    """A mixer at frame 0 of the take, with all that will be done to it."""
    try:
        mixer = Mixer(session.stems, session.sample_rate, session.channels)
        mixer.set_all(session.settings)
        mixer.reset()
        # Changes whose ramps were under way at frame 0: begin so much earlier.
        early = max((-change.frame for change in session.changes), default=0)
        early = max(early, 0)
        for change in session.changes:
            mixer.schedule(change.frame + early, [change.setting])
    except ValueError as error:
        raise ValueError(f"{folder}: {error}") from error
    silence = np.zeros((len(mixer.strips), session.channels, early), np.float32)
    mixer.process(silence[0], silence)
    return mixer


def _with_residual(stems: Audio) -> Audio:
    """[s, c, n] and a silent strip."""
    return np.concatenate([stems, np.zeros_like(stems[:1])])
