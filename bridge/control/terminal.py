"""`restem live` in the terminal: meters, latency, what went wrong, and keys to mix with."""

from collections.abc import Callable

from rich.table import Table
from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.widgets import Footer, Static

from restem.bridge.session.live import LiveSession
from restem.bridge.session.status import FLOOR_DB, SessionStatus
from restem.streamer.mixer.routing import MASTER

REFRESH_SECONDS = 0.1
WIDTH = 40  # characters of a meter
HOT_DB, WARM_DB = -1.0, -12.0
STEP_DB = 1.0  # of the keys that move a gain


class View(App[None]):
    """Shows a session until the user leaves, or until `seconds` have passed."""

    TITLE = "restem"
    CSS = "Screen { layout: vertical; } Static { padding: 0 1; }"
    BINDINGS = [  # noqa: RUF012
        Binding("up,k", "choose(-1)", "strip", show=False),
        Binding("down,j", "choose(1)", "strip"),
        Binding("m", "flip('mute')", "mute"),
        Binding("s", "flip('solo')", "solo"),
        Binding("left,minus", "gain(-1)", "-1 dB"),
        Binding("right,plus", "gain(1)", "+1 dB"),
        Binding("b", "bypass", "bypass"),
        Binding("r", "record", "record"),
        Binding("x", "reset", "reset"),
        Binding("p", "panic", "panic"),
        Binding("q", "quit", "quit"),
    ]

    def __init__(
        self, session: LiveSession, panic: Callable[[], None], seconds: float | None = None
    ) -> None:
        super().__init__()
        self.session, self.seconds, self.chosen = session, seconds, 0
        self._panic = panic

    def compose(self) -> ComposeResult:
        yield Static(id="status")
        yield Static(id="strips")
        yield Footer()

    def on_mount(self) -> None:
        self.set_interval(REFRESH_SECONDS, self.show)
        if self.seconds is not None:
            self.set_timer(self.seconds, self.exit)
        self.show()

    def show_message(self, text: str) -> None:
        """Show a line for a while; from any other thread."""
        self.call_from_thread(self.notify, text)

    def show(self) -> None:
        """Draw what the session says now."""
        if not self.query("#strips"):  # the screen is on its way out
            return
        now = self.session.status()
        self.query_one("#status", Static).update(describe(now))
        self.query_one("#strips", Static).update(self._strips(now))

    def _strips(self, now: SessionStatus) -> Table:
        mixer = self.session.engine.mixer
        table = Table("", "", "gain", "", "dBFS", box=None, padding=(0, 1))
        for number, strip in enumerate(mixer.buses):
            cursor = "▸" if number == self.chosen else " "
            left, right = now.levels.get(strip, (FLOOR_DB, FLOOR_DB))
            if strip == MASTER:
                gain, flags = mixer.get("master_gain_db"), "B" if mixer.get("bypass") else ""
            else:
                gain = mixer.get("gain_db", strip)
                flags = ("M" if mixer.get("mute", strip) else "") + (
                    "S" if mixer.get("solo", strip) else ""
                )
            level = max(left, right)
            table.add_row(f"{cursor} {strip}", flags, f"{gain:+.1f}", meter(level), f"{level:.0f}")
        return table

    @property
    def strip(self) -> str | None:
        """The chosen strip, None for the master."""
        strips = self.session.engine.mixer.strips
        return strips[self.chosen] if self.chosen < len(strips) else None

    def action_choose(self, step: int) -> None:
        self.chosen = (self.chosen + step) % (len(self.session.engine.mixer.strips) + 1)
        self.show()

    def action_flip(self, name: str) -> None:
        mixer = self.session.engine.mixer
        if self.strip is not None:
            mixer.set(name, not mixer.get(name, self.strip), self.strip)
        self.show()

    def action_gain(self, steps: int) -> None:
        mixer = self.session.engine.mixer
        name = "gain_db" if self.strip else "master_gain_db"
        mixer.set(name, mixer.get(name, self.strip) + steps * STEP_DB, self.strip)
        self.show()

    def action_bypass(self) -> None:
        mixer = self.session.engine.mixer
        mixer.set("bypass", not mixer.get("bypass"))
        self.show()

    def action_record(self) -> None:
        recorder = self.session.recorder
        try:
            if recorder.recording:
                recorder.stop()
            else:
                recorder.start()
        except (ValueError, OSError) as error:
            self.notify(str(error), severity="error")
        self.show()

    def action_reset(self) -> None:
        self.session.engine.reset()

    def action_panic(self) -> None:
        """Silence at once, whatever the worker does; the master's gain brings the sound back."""
        self._panic()
        self.show()


def describe(now: SessionStatus) -> Text:
    """A snapshot's figures in a few lines."""
    colour = {"ready": "green", "no device": "red"}.get(now.state, "yellow")
    ms = 1000 / now.sample_rate
    parts = ", ".join(
        f"{cause} {frames}" for cause, frames in now.latency.items() if cause != "total"
    )
    into, out = now.device_latency
    step = "-" if now.step_p50 is None else f"{now.step_p50:.1f} ms, p99 {now.step_p99:.1f} ms"
    call = (
        "-"
        if now.callback_p50_us is None
        else f"{now.callback_p50_us:.0f} µs, p99.9 {now.callback_p999_us:.0f} µs"
    )
    period = 1000 * ms * now.blocksize
    text = Text()
    text.append(now.state.upper(), style=f"bold {colour}")
    text.append(f"  {now.profile}  {now.link}  {now.sample_rate} Hz, {now.blocksize} frames\n")
    text.append(
        f"latency   {now.latency['total']} samples = {now.latency_ms:.1f} ms  ({parts}); "
        f"device {into} + {out}"
        + ("" if now.drift_ppm is None else f"; input's clock {now.drift_ppm:+.1f} ppm")
        + "\n"
    )
    text.append(f"step      {step}; allowed {now.step_allowed:.1f} ms\n")
    text.append(f"callback  {call} of {period:.0f} µs\n")
    text.append(
        f"late {now.late} ({now.late_frames * ms:.0f} ms of dry mix)  dropped {now.dropped}  "
        f"xruns {now.xruns}  restarts {now.restarts}  reconnections {now.reconnections}  "
        f"bad samples {now.bad_samples}  {now.seconds:.0f} s\n"
    )
    if now.recording == "recording":
        lost = f", {now.take_lost} frames lost" if now.take_lost else ""
        text.append(f"● {now.take}  {now.take_seconds:.0f} s{lost}\n", style="red")
    text.append(now.problem, style="yellow")
    return text


def meter(level: float) -> Text:
    """A bar from -60 to 0 dBFS."""
    filled = round(WIDTH * min(max(1 + level / 60, 0.0), 1.0))
    colour = "red" if level > HOT_DB else "yellow" if level > WARM_DB else "green"
    text = Text("█" * filled, style=colour)
    text.append("·" * (WIDTH - filled), style="dim")
    return text
