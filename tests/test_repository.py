"""What holds for the repository as a whole."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import streamer
from restem.streamer.builder import describe_profiles

ROOT = Path(__file__).parents[1]
PACKAGES = ("models", "streamer", "bridge")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


@pytest.mark.parametrize(
    "command",
    [("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",)],
    ids=" ".join,
)
def test_the_code_is_clean(command: tuple[str, ...]) -> None:
    result = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way(path: Path) -> None:
    own = PACKAGES.index(path.relative_to(ROOT).parts[0])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for name in names:
            package = name.partition(".")[0]
            assert package not in PACKAGES or PACKAGES.index(package) <= own, name


def test_every_package_ships() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    shipped = project["tool"]["setuptools"]["packages"]
    folders = {path.parent.relative_to(ROOT).as_posix().replace("/", ".") for path in SOURCES}
    assert set(shipped) == folders | {"configs"}


@pytest.mark.parametrize("page", sorted(ROOT.glob("[!.]*/**/*.md")) + sorted(ROOT.glob("*.md")))
def test_pages_are_finished(page: Path) -> None:
    assert "@@" not in page.read_text(encoding="utf-8")


def test_the_streamers_public_names() -> None:
    assert sorted(streamer.__all__) == [
        "Chain",
        "Chunked",
        "Effected",
        "Mix",
        "Series",
        "StemRestorer",
        "Stream",
        "StreamingModel",
        "load_profile",
        "render",
        "render_blocks",
    ]


def error_apart(folder: Path, *arguments: str) -> str:
    """Run Python in a folder of its own, warnings as errors; how it failed, if it did."""
    result = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    return f"exit code {result.returncode}: {result.stderr}" if result.returncode else ""


def readme_blocks(language: str) -> list[str]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


@pytest.mark.parametrize("profile", describe_profiles(), ids=lambda row: row["name"])
def test_the_readmes_latencies_are_the_profiles(profile: dict[str, Any]) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (row,) = re.findall(rf"^\| `{profile['name']}` .*$", text, flags=re.MULTILINE)
    assert f"| {profile['latency']} samples = " in row


@pytest.mark.parametrize("number", range(len(readme_blocks("python"))))
def test_the_readmes_python_runs(number: int, tmp_path: Path) -> None:
    assert error_apart(tmp_path, "-c", readme_blocks("python")[number]) == ""


# osc_stream.py wants a server, which tests/test_osc_audio.py gives it.
ALONE = [path for path in sorted((ROOT / "examples").glob("*.py")) if path.name != "osc_stream.py"]


@pytest.mark.parametrize("script", ALONE, ids=lambda p: p.name)
def test_the_examples_run(script: Path, tmp_path: Path) -> None:
    assert error_apart(tmp_path, str(script), str(ROOT / "bridge/demo_song/mix.flac")) == ""
    assert list(tmp_path.iterdir())
