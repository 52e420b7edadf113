"""Where bundles go, and what is said of a machine that lacks something."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from restem.bridge.cli.main import main
from restem.bridge.plugin import build as building
from restem.bridge.plugin.abi import abi_hash
from restem.bridge.plugin.formats import BINARIES, FORMATS
from restem.bridge.plugin.install import (
    build_folder,
    command_file,
    install,
    installed,
    uninstall,
)
from restem.bridge.plugin.native import RESHAPE, runtime_source


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "CXX"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def pretend(folder: Path, abi: int) -> None:
    """Bundles that nothing is in but their version."""
    for path in BINARIES.values():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(b"\x7fELF restem-abi:%d\0" % abi)


def test_bundles_are_installed_listed_and_removed(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(FORMATS, system=False, build=lambda folder, kinds: pretend(folder, abi_hash()))
    assert (home / ".vst3" / BINARIES["vst3"]).is_file()
    assert {each.abi for each in installed()} == {abi_hash()}
    words = command_file().read_text().splitlines()
    assert words[-4:] == ["-m", "restem", "serve", "--for-plugins"]
    assert main(["plugin", "list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["format"] for row in rows] == list(FORMATS)
    assert len(uninstall(system=False)) == 3
    assert not list(installed())
    assert not command_file().exists()


def test_an_older_plugin_is_found_out(capsys: pytest.CaptureFixture[str]) -> None:
    install(["clap"], system=False, build=lambda folder, kinds: pretend(folder, 12))
    assert main(["plugin", "list"]) == 0
    assert "no: build it anew" in capsys.readouterr().out


def test_what_was_built_for_an_older_restem_is_built_anew() -> None:
    pretend(build_folder(), 12)
    built: list[str] = []

    def build(folder: Path, kinds: Sequence[str]) -> None:
        built.extend(kinds)
        pretend(folder, abi_hash())

    install(["clap", "lv2"], system=False, build=build)
    install(["clap", "lv2"], system=False, build=build)
    assert built == ["clap", "lv2"]  # once
    assert {each.abi for each in installed()} == {abi_hash()}


@pytest.mark.parametrize("missing", ["CXX", "DPF"])
def test_a_missing_tool_is_said_with_its_package(
    missing: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(missing, "/nowhere")
    monkeypatch.setattr(building.sys, "platform", "linux")
    assert main(["plugin", "build"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "apt install g++ dpf-source" in line


def test_a_format_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["plugin", "build", "--format", "clap,au"])
    assert "expected some of clap, vst3, lv2, got 'au'" in capsys.readouterr().err


def test_what_the_kernel_never_calls_ends_the_process() -> None:
    source = runtime_source(("PyErr_Clear", RESHAPE))
    assert "void PyErr_Clear() { std::abort(); }" in source
    assert f"void {RESHAPE}" not in source
