"""A mix to its stems in one call."""

import threading
from collections.abc import Sequence
from concurrent.futures import CancelledError
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, overload

import numpy as np
import torch
from numpy.typing import NDArray

from restem.bridge.files.outputs import Outputs, Selection
from restem.bridge.files.reader import MixReader, open_array, open_mix
from restem.bridge.files.render import PLAIN, RenderReport, render_mix
from restem.bridge.files.restore import Meter, output_blocks
from restem.bridge.progress import Progress, progress_bar
from restem.streamer.builder import load_profile
from restem.streamer.model.protocol import StreamingModel, check_streaming
from restem.streamer.processors.base import ChannelLayout
from restem.streamer.profiles import DEFAULT
from restem.streamer.resampler import Audio
from restem.streamer.stream import check_level


class Stems(dict[str, Audio]):
    """Stems by name, arrays in the layout of the mix, float32.

    Attributes:
        sample_rate: Hz.
    """

    def __init__(self, arrays: dict[str, Audio], sample_rate: int) -> None:
        super().__init__(arrays)
        self.sample_rate = sample_rate


@overload
def separate(
    mix: str | Path | NDArray[Any],
    sample_rate: int | None = None,
    *,
    profile: str | Path | StreamingModel = DEFAULT,
    device: str = "auto",
    stems: Sequence[str] | None = None,
    minus: Sequence[str] = (),
    residual: bool = False,
    add_up: bool = False,
    downmix: bool = False,
    out: None = None,
    progress: Progress | bool = False,
    cancel: threading.Event | None = None,
) -> Stems: ...
@overload
def separate(
    mix: str | Path | NDArray[Any],
    sample_rate: int | None = None,
    *,
    profile: str | Path | StreamingModel = DEFAULT,
    device: str = "auto",
    stems: Sequence[str] | None = None,
    minus: Sequence[str] = (),
    residual: bool = False,
    add_up: bool = False,
    downmix: bool = False,
    out: str | Path,
    progress: Progress | bool = False,
    cancel: threading.Event | None = None,
    **form: Any,
) -> RenderReport: ...
def separate(
    mix: str | Path | NDArray[Any],
    sample_rate: int | None = None,
    *,
    profile: str | Path | StreamingModel = DEFAULT,
    device: str = "auto",
    stems: Sequence[str] | None = None,
    minus: Sequence[str] = (),
    residual: bool = False,
    add_up: bool = False,
    downmix: bool = False,
    out: str | Path | None = None,
    progress: Progress | bool = False,
    cancel: threading.Event | None = None,
    **form: Any,
) -> Stems | RenderReport:
    """Restore the stems of a file or an array, as arrays or to files.

        stems = restem.separate("song.mp3", stems=["vocals"], minus=["vocals"])
        stems["vocals"], stems["no_vocals"], stems.sample_rate

    Args:
        mix: an audio file; or [n], [c, n] or [n, c] in floating point, full scale ±1.
        sample_rate: Hz, of an array; a file has its own.
        profile: a name, a file, or a model that is loaded already.
        device: as for `load_profile`.
        stems, minus, residual, add_up: as for `Selection`; `minus` alone is the only answer.
        downmix: mix more than two channels down to stereo, as in `RenderOptions`; an array's have
            the order of a WAV's: FL FR FC LFE BL BR and so on.
        out: write files here, `out/<mix>/<stem>.wav`, instead of answering with arrays.
        progress: called with the seconds of music done and in all; True for a bar, in a terminal
            or a notebook.
        cancel: when it is set, the work ends with CancelledError, and unfinished files are removed.
        form: of files: `file_format`, `subtype`, `overwrite` and `options`, as for `render_file`.

    Returns:
        Arrays by name, aligned with the mix and in its layout; or what was written.

    Raises:
        TypeError: the mix is neither a path nor an array in floating point.
        ValueError, OSError: as `load_profile`, `open_mix` and `render_file`.
        CancelledError: of `concurrent.futures`.
    """
    selection = _selection(stems, minus, residual, add_up)
    model = _model(profile, device, selection)
    layout = ChannelLayout()
    downmix = downmix or form.get("options", PLAIN).downmix
    bar = progress_bar("separate", real_time=True) if progress is True else nullcontext(progress)
    with _open(mix, sample_rate, layout, downmix) as reader, bar as show:
        advance = _watched(show or None, cancel)
        advance(0.0, reader.frames / reader.sample_rate)
        if out is None:
            if form:
                raise TypeError(f"{', '.join(form)}: for files; give out, too")
            return _arrays(model, reader, Outputs(model.stems, selection), advance, layout)
        options = replace(form.pop("options", PLAIN), selection=selection, downmix=downmix)
        if not isinstance(mix, str | Path):
            options = replace(options, tags=False)
        return render_mix(model, reader, out, progress=advance, options=options, **form)


def _selection(
    stems: Sequence[str] | None, minus: Sequence[str], residual: bool, add_up: bool
) -> Selection:
    names = None if stems is None else tuple([stems] if isinstance(stems, str) else stems)
    without = tuple([minus] if isinstance(minus, str) else minus)
    alone = names is None and without and not (residual or add_up)
    return Selection(() if alone else names, without, residual, add_up)


def _model(
    profile: str | Path | StreamingModel, device: str, selection: Selection
) -> StreamingModel:
    if isinstance(profile, str | Path):
        return load_profile(profile, device, selection.needed)
    check_streaming(profile)
    return profile


def _open(
    mix: str | Path | NDArray[Any],
    sample_rate: int | None,
    layout: ChannelLayout,
    downmix: bool,
) -> MixReader:
    if isinstance(mix, str | Path):
        if sample_rate is not None:
            raise ValueError(f"{mix}: a file has its own sample rate; leave {sample_rate} Hz out")
        return open_mix(mix, downmix)
    if not isinstance(mix, np.ndarray) or mix.dtype.kind != "f":
        kind = mix.dtype if isinstance(mix, np.ndarray) else type(mix).__name__
        raise TypeError(f"mix must be a path or an array in floating point, got {kind}")
    if sample_rate is None or sample_rate != round(sample_rate):
        raise ValueError(f"an array needs its sample_rate, whole Hz, got {sample_rate}")
    audio = layout.read(mix.astype(np.float32, copy=False))
    check_level(torch.from_numpy(np.nan_to_num(audio)))
    return open_array(audio, round(sample_rate), downmix)


def _watched(progress: Progress | None, cancel: threading.Event | None) -> Progress:
    def advance(done: float, total: float) -> None:
        if cancel is not None and cancel.is_set():
            raise CancelledError(f"cancelled after {done:.1f} of {total:.1f} s")
        if progress:
            progress(done, total)

    return advance


def _arrays(
    model: StreamingModel,
    mix: MixReader,
    outputs: Outputs,
    progress: Progress,
    layout: ChannelLayout,
) -> Stems:
    signals = np.empty((len(outputs.names), mix.channels, mix.frames), np.float32)
    done = 0
    for block in Meter(output_blocks(model, mix, outputs), mix, progress):
        signals[..., done : done + block.shape[-1]] = block
        done += block.shape[-1]
    arrays = dict(zip(outputs.names, map(layout.write, signals), strict=True))
    return Stems(arrays, mix.sample_rate)
