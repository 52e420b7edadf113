"""Fixtures that several test files share."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
import torch
from safetensors import safe_open

from restem.bridge.audio import portaudio as audio
from restem.bridge.session.headless import FileSession
from restem.bridge.settings import Settings
from restem.streamer.engine import engine
from tests.support import jack_server as desk
from tests.support.golden import GOLDEN_FOLDER, Golden
from tests.support.tiny_networks import PROFILE

torch.set_num_threads(1)  # on tensors this small a second thread waits more than it works


@pytest.fixture(autouse=True, scope="session")
def own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing is remembered in the user's own folders."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RESTEM_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        yield


@pytest.fixture(scope="session")
def jack_server() -> Iterator[desk.Server]:
    with desk.server() as running:
        yield running


@pytest.fixture(scope="session")
def jack(jack_server: desk.Server) -> str:
    """The name of a JACK server."""
    return jack_server.name


@pytest.fixture
def portaudio(jack: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """PortAudio that sees the server, and lets it go while it is there, as it insists on."""
    monkeypatch.setenv("JACK_DEFAULT_SERVER", jack)
    try:
        audio.refresh_devices()
    except ValueError as error:
        pytest.skip(f"needs PortAudio: {error}")
    yield
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "nowhere")
    audio.refresh_devices()


@pytest.fixture
def size_limit() -> Iterator[Callable[[int], None]]:
    """Sets how many bytes a file may have; a write beyond fails as on a full disk."""
    resource = pytest.importorskip("resource")
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    lift_size_limit()


def lift_size_limit() -> None:
    with suppress(ImportError):
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, resource.getrlimit(resource.RLIMIT_FSIZE)[1:] * 2)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that start other programs, so that `-m "not devices"` leaves them out."""
    starting = {"jack_server", "jack", "portaudio", "pd"}
    for item in items:
        if starting & set(getattr(item, "fixturenames", ())):
            item.add_marker("devices")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    """Lift a limit before the result is written: where to may be a file beyond it."""
    try:
        return (yield)
    finally:
        lift_size_limit()


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of a small untrained network's profile."""
    path = tmp_path_factory.mktemp("profile") / "small.yaml"
    path.write_text(PROFILE)
    return str(path)


@pytest.fixture(scope="module")
def file_session(profile: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FileSession]:
    """A session without a device, of which no step may be late."""
    takes = tmp_path_factory.mktemp("takes")
    wanted = Settings(profile, device="cpu", allowance=8192, takes=str(takes))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "check_speed", lambda *_: None)  # machines may be busy
        session = FileSession(wanted)
    with session:
        yield session
        status = session.engine.status()
        assert (status.late, status.restarts, session.status().problem) == (0, 0, "")


@pytest.fixture
def own_lobby(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a lobby for plugins that no other test and no user has."""
    name = f"restem-test-{os.getpid()}-{os.urandom(4).hex()}"
    monkeypatch.setenv("RESTEM_LOBBY", name)
    return name


@pytest.fixture
def golden() -> Callable[[str], Golden]:
    """Reads a golden file by name, or skips the test where it is not at hand."""

    def read(name: str) -> Golden:
        path = GOLDEN_FOLDER / f"{name}.safetensors"
        if not path.exists():
            pytest.skip(f"needs the golden file {name}.safetensors beside the checkout")
        with safe_open(path, "pt") as file:
            metadata = file.metadata()
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        return Golden(
            params=json.loads(metadata["params"]),
            state={
                key.removeprefix("state."): tensor
                for key, tensor in tensors.items()
                if key.startswith("state.")
            },
            empty_keys=json.loads(metadata.get("empty_keys", "[]")),
            input=tensors["input"],
            output=tensors["output"],
        )

    return read
