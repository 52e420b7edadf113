"""The recorder: mix and stems of a running engine, from the shared rings to disk.

                     ┌─ mix ring ─┐
    engine ─ shared ─┤            ├─ thread ─► take-001.part/ mix, stems, residual, session.yaml
                     └─ tap ring ─┘               stop: ─► take-001/

Stems are taken before the faders, `latency` behind the mix as it is heard, so that frame 0 of every
file is one moment of the mix. The rings are all there is between the audio thread and the disk:
what has been overwritten before it was read is silence, of exactly that length.

A WAV is a plain one up to 4 GiB and an RF64 beyond, as in most recorders; its header is brought up
to date again and again, so that nothing is lost if the program ends. A folder without `.part` in
its name holds a whole take.

With the policy `residual` there is always a file for that strip, even if it should be silent: all
files have one length from the first frame on, and their sum is what was heard with faders up.
"""

import re
import shutil
import threading
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import restem
from restem.bridge.files.reader import one_line_errors
from restem.bridge.files.writer import BYTES, StemFile, pick_subtype
from restem.bridge.takes.sidecar import (
    CUT_SHORT,
    RECORDING,
    VERSION,
    WHOLE,
    Change,
    Dropout,
    TakeInfo,
    by_strip,
    write_session,
)
from restem.models.errors import first_line
from restem.streamer.atomics import exchange
from restem.streamer.engine.engine import Engine
from restem.streamer.engine.playback_kernel import LARGEST, LatePolicy
from restem.streamer.engine.rings import Audio, Cell, read_ring
from restem.streamer.mixer.parameters import PARAMETERS

BLOCK = 8192  # frames written at once
POLL_SECONDS = 0.05  # between two looks at the rings
SAVE_SECONDS = 2.0  # of audio, between two updates of headers and sidecar; a short take is saved
EARLY_SECONDS = 0.25  # so often in its first SAVE_SECONDS
RESERVE = 1 << 16  # bytes that are kept free for the last sidecar, should the disk be full
TAKE = re.compile(r"take-(\d+)(\.part)?")


class Take:
    """One recording; its owner calls `advance` often, then `finish`.

    Args:
        engine: it must outlive the take.
        parent: where `take-001`, or the next free number, is made.
        profile: its name or path, for the sidecar.
        file_format: wav or flac.
        subtype: one of `bridge.files.render.FORMATS`; FLOAT for wav and PCM_24 for flac if None.

    Raises:
        ValueError: the format is unknown, or a stem is called mix.
        OSError: folder or files cannot be made.
    """

    def __init__(
        self,
        engine: Engine,
        parent: Path,
        profile: str = "",
        file_format: str = "wav",
        subtype: str | None = None,
    ) -> None:
        subtype = pick_subtype(file_format, subtype)
        if "mix" in engine.stems:
            raise ValueError("a stem must not be called mix: that is the mix's own file")
        self.engine, self.rings = engine, engine.rings
        self.files: list[StemFile] = []
        self.lost_frames = 0
        self.reason = ""
        self._lost: list[Dropout] = []
        self._lines: list[str] = []  # of the changes, as the sidecar has them
        self._fence = np.zeros(1, np.int64)
        self.session = TakeInfo(
            version=VERSION,
            restem=restem.__version__,
            state=RECORDING,
            reason="",
            profile=profile,
            sample_rate=engine.sample_rate,
            channels=engine.channels,
            block_size=int(engine.model["block_size"]),
            stems=engine.stems,
            residual=engine.policy is LatePolicy.RESIDUAL,
            file_format=file_format,
            subtype=subtype,
            policy=engine.policy.name.lower(),
            latency=engine.latency,
            start=0,
            frames=0,
            late=0,
            late_frames=0,
            values={},
        )
        self._name, self.folder = claim(parent)
        try:
            self._open()
            self._open_files()
            self.save()
        except BaseException:
            self._discard()
            raise

    def _open(self) -> None:
        session = self.session
        with one_line_errors(self.folder):
            (self.folder / ".reserve").write_bytes(bytes(RESERVE))
        for name in session.files:
            path = self.folder / name
            rate, channels = session.sample_rate, session.channels
            self.files.append(StemFile(path, rate, channels, None, session.subtype))

    def _open_files(self) -> None:
        """Set frame 0 to what is being heard now, or the first of all."""
        mixer, rings = self.engine.mixer, self.rings
        start = max(self.played(), 0)
        self.position = start
        self._late = rings.get(Cell.LATE), rings.get(Cell.LATE_FRAMES)
        # A mixer's position p plays frame p - latency - start, for both count what was heard.
        self._origin = start + self.session.latency.total
        longest = max(row.smoothing_ms for row in PARAMETERS)
        ramp = -int(-longest * self.session.sample_rate // 1000)
        self._since = min(self._origin - ramp, mixer.position)  # ramps may be under way at frame 0
        values = by_strip(mixer.values(self._since))
        self.session = replace(self.session, start=start, values=values)

    def played(self) -> int:
        """Frames of the mix that have been heard as stems, and whose changes are in the log."""
        mixed = self.engine.mixer.position - self.session.latency.total
        return min(self.rings.get(Cell.FRAMES_OUT), mixed)

    @property
    def frames(self) -> int:
        return self.position - self.session.start

    def advance(self, until: int | None = None) -> bool:
        """Write what has been played, a block at most; whether there was any.

        Args:
            until: position in the mix that must not be passed.

        Raises:
            OSError: the disk is full, or fails.
        """
        played = self.played()
        count = min((played if until is None else min(played, until)) - self.position, BLOCK)
        if count <= 0:
            return False
        audio, lost = self._read(count)
        for file, part in zip(self.files, audio, strict=True):
            file.write(part)
        if lost:
            self._lose(lost)
        saved = self.frames
        self.position += count
        is_short = self.frames < SAVE_SECONDS * self.session.sample_rate
        every = int((EARLY_SECONDS if is_short else SAVE_SECONDS) * self.session.sample_rate)
        if self.frames // every > saved // every:
            self.save()
        return True

    def _read(self, count: int) -> tuple[Audio, int]:
        """The next frames of mix and strips, [file, c, count]; how many of them came too late."""
        rings, channels = self.rings, self.session.channels
        rows = (len(self.files) - 1) * channels
        mix = read_ring(rings.mix, self.position, count)
        taps = read_ring(rings.tap[:rows], self.position, count)
        exchange(self._fence, 0, 0)  # on ARM too, the cursor is loaded after what was copied
        # The callback may be writing as many frames beyond its cursor.
        oldest = rings.get(Cell.FRAMES_IN) + LARGEST - rings.geometry.capacity
        audio = np.concatenate([mix, taps]).reshape(-1, channels, count)
        lost = min(max(oldest - self.position, 0), count)
        audio[..., :lost] = 0
        return audio, lost

    def _lose(self, frames: int) -> None:
        self.lost_frames += frames
        last = self._lost[-1] if self._lost else None
        if last and last.frame + last.frames == self.frames:
            self._lost[-1] = Dropout(last.frame, last.frames + frames)
        else:
            self._lost.append(Dropout(self.frames, frames))

    def save(self) -> None:
        """Update headers and sidecar to everything so far.

        Raises:
            OSError: the disk is full, or fails.
        """
        self._describe(min(file.save() for file in self.files))

    def _describe(self, frames: int) -> None:
        until = self._origin + frames
        for moment in self.engine.mixer.history(self._since):
            if moment.position >= until:
                break
            for name, value, strip in moment.changes:
                change = Change(moment.position - self._origin, name, float(value), strip)
                self._lines.append(change.line())
            self._since = moment.position + 1
        late, late_frames = self._late
        session = replace(
            self.session,
            frames=frames,
            late=self.rings.get(Cell.LATE) - late,
            late_frames=self.rings.get(Cell.LATE_FRAMES) - late_frames,
            lost=tuple(self._lost),
        )
        write_session(self.folder, session, self._lines)

    def finish(self) -> Path | None:
        """Close the files and complete the take's folder; a take without frames is removed.

        Returns:
            The folder.

        Raises:
            OSError: the disk is full, or fails.
        """
        if not self.frames:
            self._discard()
            return None
        for file in self.files:
            file.finish()
        self.session = replace(self.session, state=WHOLE)
        self._describe(self.frames)
        with one_line_errors(self.folder):
            (self.folder / ".reserve").unlink()
            self.folder = self.folder.replace(self.folder.with_name(self._name))
        return self.folder

    def cut_short(self, reason: str) -> None:
        """Keep what is there, and say why there is no more."""
        self.reason = reason
        with suppress(OSError):
            (self.folder / ".reserve").unlink()
        readable = min(file.give_up() for file in self.files)
        self.position = min(self.position, self.session.start + readable)
        self.session = replace(self.session, state=CUT_SHORT, reason=reason)
        with suppress(Exception):  # the engine may be gone, too
            self._describe(self.frames)

    def _discard(self) -> None:
        for file in self.files:
            file.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def claim(parent: Path) -> tuple[str, Path]:
    """Make the folder of the next take; answers its name to be, and where it is now.

    Raises:
        OSError: it cannot be made.
    """
    with one_line_errors(parent):
        parent.mkdir(parents=True, exist_ok=True)
        while True:
            matches = (TAKE.fullmatch(path.name) for path in parent.iterdir())
            number = max((int(match[1]) for match in matches if match), default=0) + 1
            name = f"take-{number:03d}"
            with suppress(FileExistsError):
                folder = parent / f"{name}.part"
                folder.mkdir()
                return name, folder


def unfinished_takes(parent: Path) -> list[Path]:
    """Folders of takes that never came to their end, or that another program still records."""
    with suppress(OSError):
        matches = ((path, TAKE.fullmatch(path.name)) for path in parent.iterdir())
        return sorted(path for path, match in matches if match and match[2])
    return []


@dataclass(frozen=True)
class RecorderStatus:
    """State of a recorder, and of its last take."""

    state: str  # recording, stopped, failed
    folder: Path | None
    seconds: float  # that are written
    lost_frames: int
    free_seconds: float | None  # that the disk has room for, while recording
    reason: str  # why it failed, in one line


class Recorder:
    """Records takes from a thread of its own, one after the other.

    Args:
        engine: stop recording before it is closed.
        parent: where the takes go.
        profile, file_format, subtype: as for `Take`.
    """

    def __init__(
        self,
        engine: Engine,
        parent: str | Path,
        profile: str = "",
        file_format: str = "wav",
        subtype: str | None = None,
    ) -> None:
        self.engine, self.parent = engine, Path(parent)
        self.profile, self.file_format = profile, file_format
        self.subtype = pick_subtype(file_format, subtype)
        self.failures: list[str] = []  # why takes were cut short, a line each
        self._lock = threading.Lock()
        self._take: Take | None = None
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._until = 0

    @property
    def recording(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> Path:
        """Begin a take with what is being heard now; answers its folder while it grows.

        Raises:
            ValueError: it records already.
            OSError: the take cannot be made.
        """
        with self._lock:
            if self.recording:
                raise ValueError("the recorder is recording already; stop it first")
            take = Take(self.engine, self.parent, self.profile, self.file_format, self.subtype)
            self._take, self._stopping = take, threading.Event()
            self._thread = threading.Thread(target=self._run, args=(take,), daemon=True)
            self._thread.start()
            return take.folder

    def stop(self) -> Path | None:
        """End the take with what is being heard now.

        Returns:
            The folder of the take; None if there is none, or nothing was heard meanwhile.
        """
        with self._lock:
            take, thread = self._take, self._thread
            if take is None or thread is None:
                return None
            if thread.is_alive():
                self._until = take.played()
                self._stopping.set()
                thread.join()
            return take.folder if take.folder.exists() else None

    def _run(self, take: Take) -> None:
        try:
            while not self._stopping.wait(POLL_SECONDS):
                while take.advance() and not self._stopping.is_set():
                    pass
            while take.advance(self._until):
                pass
            take.finish()
        except Exception as error:  # whatever it is, the music plays on
            take.cut_short(first_line(error))
            self.failures.append(f"{take.folder}: recording failed: {take.reason}")

    def status(self) -> RecorderStatus:
        take = self._take
        if take is None:
            return RecorderStatus("stopped", None, 0.0, 0, None, "")
        state = "failed" if take.reason else "recording" if self.recording else "stopped"
        rate = take.session.sample_rate
        return RecorderStatus(
            state=state,
            folder=take.folder if take.frames else None,
            seconds=take.frames / rate,
            lost_frames=take.lost_frames,
            free_seconds=free_seconds(take) if state == "recording" else None,
            reason=take.reason,
        )

    def close(self) -> None:
        self.stop()

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def free_seconds(take: Take) -> float | None:
    """Time left on the disk; a FLAC is counted as large as a WAV."""
    session = take.session
    frame = len(take.files) * session.channels * BYTES[session.subtype]
    try:
        return shutil.disk_usage(take.folder).free / (frame * session.sample_rate)
    except OSError:
        return None
