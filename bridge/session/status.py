"""A session's status at one moment, for views and scripts."""

from dataclasses import asdict, dataclass
from typing import Any

FLOOR_DB = -90.0


@dataclass(frozen=True)
class SessionStatus:
    """All that a view or a script wants to know; levels in dBFS, times in milliseconds."""

    state: str  # ready, late, starting (a worker is being replaced), no device
    problem: str  # one line, with the remedy; "" if all is well
    profile: str
    link: str
    sample_rate: int
    blocksize: int
    seconds: float  # of music heard
    latency: dict[str, int]  # frames, by cause, and their total
    latency_ms: float
    device_latency: tuple[int, int]
    drift_ppm: float | None  # of the input's clock against the output's, if there are two
    step_p50: float | None
    step_p99: float | None
    step_allowed: float  # of a step, what the allowance gives it
    callback_p50_us: float | None
    callback_p999_us: float | None
    late: int
    late_frames: int
    dropped: int
    restarts: int
    failure: str  # why a worker was replaced last
    reconnections: int
    xruns: int
    bad_samples: int
    recording: str  # recording, stopped, failed
    take: str  # its folder, while there is one
    take_seconds: float
    take_lost: int  # frames that came too late to the disk
    levels: dict[str, tuple[float, float]]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def line(self) -> str:
        """One line for people."""
        step = "" if self.step_p50 is None else f", step {self.step_p50:.1f}/{self.step_p99:.1f} ms"
        left, right = self.levels["master"]
        text = (
            f"{self.state}: {self.seconds:.0f} s, latency {self.latency['total']} samples "
            f"({self.latency_ms:.1f} ms){step} of {self.step_allowed:.1f}, "
            f"late {self.late}, xruns {self.xruns}, master {left:.0f}/{right:.0f} dBFS"
        )
        if self.recording == "recording":
            text += f", recording {self.take_seconds:.0f} s"
        return f"{text}; {self.problem}" if self.problem else text
