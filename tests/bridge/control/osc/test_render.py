"""Rendering by OSC, in a process of its own."""

import multiprocessing
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from restem.bridge.control.osc.render import RenderService
from restem.bridge.control.osc.server import OscServer
from restem.bridge.control.tree import ControlTree
from restem.streamer.builder import load_profile
from restem.streamer.stream import render
from tests.support.osc_console import Console, StillSession
from tests.support.tiny_networks import PROFILE, noise


@pytest.fixture
def console() -> Iterator[Console]:
    with OscServer(ControlTree(StillSession()), port=0) as server:
        service = RenderService(server)
        console = Console(server)
        console.socket.settimeout(120)
        yield console
        console.close()
        service.close()


@pytest.fixture
def profile(tmp_path: Path) -> str:
    path = tmp_path / "small.yaml"
    path.write_text(PROFILE)
    return str(path)


def test_a_file_is_rendered_as_by_restem_render_with_progress(
    console: Console, profile: str, tmp_path: Path
) -> None:
    mix = noise(48000 * 20).numpy()
    soundfile.write(tmp_path / "song.wav", mix.T, 48000, subtype="FLOAT")
    console.send("/restem/render", str(tmp_path / "song.wav"), str(tmp_path), profile)
    *reports, done = console.until("/restem/render/done")
    assert reports[0].address == "/restem/render"
    fractions = [message.args[1] for message in reports[1:]]
    assert len(fractions) > 2
    assert fractions == sorted(fractions)
    assert done.args == (reports[0].args[0], str(tmp_path / "song"))
    stems = render(load_profile(profile, "cpu"), torch.from_numpy(mix))
    for name, stem in zip(("vocals", "bass", "drums"), stems, strict=True):
        written = soundfile.read(tmp_path / "song" / f"{name}.wav", dtype="float32")[0]
        assert np.array_equal(written.T, stem.numpy())


def test_a_cancelled_job_leaves_nothing(console: Console, profile: str, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "long.wav", np.zeros((48000 * 120, 2), np.float32), 48000)
    console.send("/restem/render", str(tmp_path / "long.wav"), str(tmp_path), profile)
    console.send("/restem/render", str(tmp_path / "long.wav"), str(tmp_path / "b"), profile)
    first = console.until("/restem/render/progress")[0].args[0]
    console.send("/restem/render/cancel", first + 1)
    console.send("/restem/render/cancel", first)
    failures = [console.until("/restem/error")[-1] for _ in range(2)]
    assert [failure.args[1:] for failure in failures] == [
        ("failed", f"job {number}: cancelled") for number in (first, first + 1)
    ]
    left = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"long.wav", "small.yaml"}


def test_a_renderer_that_is_killed_is_told_and_the_next_job_begins(
    console: Console, profile: str, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "long.wav", np.zeros((48000 * 120, 2), np.float32), 48000)
    soundfile.write(tmp_path / "short.wav", np.zeros((4800, 2), np.float32), 48000)
    console.send("/restem/render", str(tmp_path / "long.wav"), str(tmp_path / "a"), profile)
    console.send("/restem/render", str(tmp_path / "short.wav"), str(tmp_path / "b"), profile)
    console.until("/restem/render/progress")
    (renderer,) = [p for p in multiprocessing.active_children() if p.name == "restem job"]
    renderer.kill()
    assert "job 1: the renderer ended: exit code -9" in console.until("/restem/error")[-1].args
    assert console.until("/restem/render/done")[-1].args[0] == 2


@pytest.mark.parametrize(
    ("args", "code", "part"),
    [
        (("nowhere.wav", "out"), "failed", "nowhere.wav: there is no such file"),
        (("x.wav",), "wrong_type", "render takes mix folder [profile]"),
        (("x.wav", 1), "wrong_type", "render takes mix folder [profile]"),
        ((__file__, "out", "nonesuch"), "failed", "unknown profile 'nonesuch'"),
    ],
)
def test_what_cannot_be_rendered_is_said(
    console: Console, args: tuple[str, ...], code: str, part: str
) -> None:
    console.send("/restem/render", *args)
    error = console.until("/restem/error")[-1]
    assert error.args[:2] == ("/restem/render", code)
    assert part in error.args[2]


def test_a_job_that_is_not_there_cannot_be_cancelled(console: Console) -> None:
    assert console.error("/restem/render/cancel", 9)[1:] == (
        "failed",
        "there is no job 9 under way",
    )
