"""The terminal view of a session that the test makes up."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace

import pytest
from textual.widgets import Static

from restem.bridge.control.terminal import WIDTH, View, describe, meter
from restem.bridge.session.status import SessionStatus
from restem.streamer.mixer.mixer import Mixer
from restem.streamer.mixer.parameters import SILENCE_DB
from tests.support.osc_console import NOW


class Session:
    """What the view needs of a session."""

    def __init__(self) -> None:
        self.resets = 0
        self.engine = SimpleNamespace(mixer=Mixer(("vocals", "drums"), 48000), reset=self._reset)

    def panic(self) -> None:
        self.engine.mixer.set("master_gain_db", SILENCE_DB)

    def _reset(self) -> None:
        self.resets += 1

    def status(self) -> SessionStatus:
        return NOW


def press(session: Session, *keys: str, then: Callable[[View], None] = lambda view: None) -> None:
    async def run() -> None:
        view = View(session, session.panic)  # type: ignore[arg-type]
        async with view.run_test() as pilot:
            await pilot.press(*keys)
            then(view)

    task: Awaitable[None] = run()
    asyncio.run(task)  # type: ignore[arg-type]


def test_keys_set_the_mixer() -> None:
    session = Session()
    mixer = session.engine.mixer
    press(session, "m", "down", "s", "right", "right", "left", "b", "x")
    assert mixer.get("mute", "vocals") is True
    assert mixer.get("solo", "drums") is True
    assert mixer.get("gain_db", "drums") == pytest.approx(1.0)
    assert mixer.get("bypass") is True
    assert session.resets == 1


def test_p_is_panic_and_plus_on_the_master_ends_it() -> None:
    session = Session()
    press(session, "p", "up", "right")
    assert session.engine.mixer.get("master_gain_db") == SILENCE_DB + 1


def test_above_the_first_strip_is_the_master() -> None:
    session = Session()
    press(session, "up", "left", "m")
    assert session.engine.mixer.get("master_gain_db") == pytest.approx(-1.0)
    assert not any(session.engine.mixer.get("mute", strip) for strip in ("vocals", "drums"))


def test_the_screen_shows_what_the_session_says() -> None:
    def check(view: View) -> None:
        text = str(view.query_one("#status", Static).render())
        for part in ("READY", "6016 samples = 125.3 ms", "allowance 2048", "p99 5.0 ms", "xruns 2"):
            assert part in text

    press(Session(), then=check)


def test_a_tick_that_comes_when_the_screen_has_gone_draws_nothing() -> None:
    async def check() -> None:
        view = View(Session(), lambda: None)  # type: ignore[arg-type]
        async with view.run_test():
            await view.query("#status, #strips").remove()
            view.show()

    asyncio.run(check())


def test_a_problem_is_said_and_unknown_times_are_a_dash() -> None:
    from dataclasses import replace

    text = describe(replace(NOW, problem="the remedy", step_p50=None, callback_p50_us=None)).plain
    assert text.endswith("the remedy")
    assert "step      -;" in text


def test_meters_go_from_minus_60_dbfs_to_full_scale() -> None:
    assert meter(-90.0).plain == "·" * WIDTH
    assert meter(-30.0).plain.count("█") == WIDTH // 2
    assert meter(0.0).plain == "█" * WIDTH
