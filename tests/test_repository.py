"""What holds for the repository as a whole."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import restem
from restem.streamer.builder import load_profile
from restem.streamer.descriptions import describe_profiles
from restem.streamer.model.resampled import at_rate
from restem.streamer.stream import render

ROOT = Path(__file__).parents[1]
PACKAGES = ("models", "streamer", "bridge")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


@pytest.fixture
def typed(tmp_path: Path) -> Path:
    """A folder in which `restem` lies as it is installed: what mypy needs to find it.

    It knows nothing of the import hook of an editable installation.
    """
    package = tmp_path / "restem"
    package.mkdir()
    for part in (*(ROOT / "restem").iterdir(), *(ROOT / name for name in (*PACKAGES, "configs"))):
        if part.name != "__pycache__":
            (package / part.name).symlink_to(part)
    return tmp_path


@pytest.mark.parametrize("command", [("check", "."), ("format", "--check", ".")], ids=" ".join)
def test_the_code_is_clean(command: tuple[str, ...]) -> None:
    assert_passes(ROOT, "ruff", *command)


def test_the_types_agree(typed: Path) -> None:
    config = ROOT / "pyproject.toml"
    assert_passes(
        typed, "mypy", "--config-file", str(config), "--cache-dir", str(ROOT / ".mypy_cache")
    )


def assert_passes(folder: Path, *module: str) -> None:
    result = subprocess.run(
        [sys.executable, "-m", *module], cwd=folder, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


def imports_of(path: Path) -> list[str]:
    """Modules that a file imports, in its functions too."""
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


# A room may import what stands below it, nothing beside it; * is whatever is not listed: networks.
FLOORS = {
    "models": """
        training
        weights
        zoo cascade
        inference
        *
        mel_bands roformer
        band_split joint mel_scale sinc tfc_tdf transformer
        published_config config stems errors atomic_write
    """,
    "streamer": """
        stem_restorer
        descriptions
        builder
        profiles
        engine
        processors stream
        mixer model
        resampler atomics
    """,
    "bridge": """
        cli
        plugin
        control
        session verify demo training separate
        batch
        audio takes evaluation speed
        files weights web settings
        signals checkpoints progress errors
    """,
    "bridge/control": """
        address_table patches
        remote terminal
        osc midi
        tree transport presets
        session_nodes crossfade relative
        background
        node
        addresses
    """,
}


def floor(room: str, name: str) -> int:
    """The floor of a file or folder of a room; the lowest has the smallest number."""
    lines = [line.split() for line in FLOORS[room].strip().splitlines()]
    found = [number for number, line in enumerate(lines) if name in line]
    found += [number for number, line in enumerate(lines) if "*" in line]
    assert found, f"{room}/{name} has no floor"
    return -found[0]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way(path: Path) -> None:
    parts = path.relative_to(ROOT).with_suffix("").parts
    for name in imports_of(path):
        if not name.startswith("restem."):
            continue
        other = name.split(".")[1:]
        assert PACKAGES.index(other[0]) <= PACKAGES.index(parts[0]), name
        for room in FLOORS:
            depth = room.count("/") + 1
            if room.split("/") == list(parts[:depth]) == other[:depth]:
                own, its = parts[depth], other[depth]
                assert own == its or floor(room, its) < floor(room, own), name


def test_every_room_has_its_floor() -> None:
    for room in FLOORS:
        found = {p.stem for p in (ROOT / room).iterdir() if p.suffix == ".py" or p.is_dir()}
        for name in found - {"__init__", "__pycache__", "demo_song"}:
            floor(room, name)


def test_no_test_imports_a_test() -> None:
    for path in (ROOT / "tests").rglob("*.py"):
        assert not [name for name in imports_of(path) if ".test_" in name], path


def test_no_file_is_long() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert max(lengths.values()) <= 550
    assert sum(length > 400 for length in lengths.values()) <= 9


FRAGMENTS = """
    what which who whom whose how of whether that where when why
    let lets it its nobody somebody
"""
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def test_docstrings_open_with_a_verb_or_a_noun() -> None:
    assert not [
        f"{path.relative_to(ROOT)}: {text}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, DOCUMENTED) and (text := ast.get_docstring(node))
        if set(re.findall(r"[a-z]+", text.lower())[:1]) & set(FRAGMENTS.split())
    ]


EVERYTHING = [
    path
    for folder in (*PACKAGES, "restem", "configs", "tests", "benchmarks", "examples")
    for path in (ROOT / folder).rglob("*.py")
]


def test_all_of_it_is_imported_from_one_package() -> None:
    bare = {*PACKAGES, "configs"}
    assert not [
        (str(path), name)
        for path in EVERYTHING
        for name in imports_of(path)
        if name.partition(".")[0] in bare
    ]


def test_every_package_ships() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    shipped = project["tool"]["setuptools"]["packages"]
    folders = {path.parent.relative_to(ROOT).as_posix().replace("/", ".") for path in SOURCES}
    assert set(shipped) == {"restem", *(f"restem.{name}" for name in folders | {"configs"})}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site-packages of a wheel that was made from an sdist."""
    folder = tmp_path_factory.mktemp("built")
    source = folder / "source"
    ignored = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist", "tests")
    shutil.copytree(ROOT, source, ignore=ignored)
    assert_passes(source, "build", "--outdir", str(folder / "dist"))
    (wheel,) = (folder / "dist").glob("*.whl")
    assert_passes(folder, "pip", "install", "-q", "--no-deps", "--target", "site", str(wheel))
    return folder / "site"


def test_a_wheel_installs_one_package_with_all_its_files(installed: Path) -> None:
    tops = {path.name for path in installed.iterdir()} - {"bin"}
    assert {name for name in tops if not name.endswith(".dist-info")} == {"restem"}
    assert len(tops) == 2
    for package in (*PACKAGES, "configs", "restem"):
        for path in (ROOT / package).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                inside = installed / "restem" / ("" if package == "restem" else package)
                assert (inside / path.relative_to(ROOT / package)).is_file(), path


def test_a_wheel_works_away_from_the_checkout(installed: Path, tmp_path: Path) -> None:
    script = "import restem\nprint(restem.__file__)\nprint(restem.load_profile('live-cpu').latency)"
    result = subprocess.run(
        [sys.executable, "-P", "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.split()[:1] == [str(installed / "restem" / "__init__.py")]


@pytest.mark.parametrize("page", sorted(ROOT.glob("[!.]*/**/*.md")) + sorted(ROOT.glob("*.md")))
def test_pages_are_finished(page: Path) -> None:
    assert "@@" not in page.read_text(encoding="utf-8")


def test_the_public_names() -> None:
    assert sorted(restem.__all__) == [
        "Chain",
        "Chunked",
        "Effected",
        "Mix",
        "Series",
        "StemRestorer",
        "Stream",
        "StreamingModel",
        "__version__",
        "load_profile",
        "render",
        "render_blocks",
        "separate",
    ]
    assert all(getattr(restem, name) for name in restem.__all__)
    assert not hasattr(restem, "Nonesuch")


HEAVY = ("torch", "numba", "pedalboard", "numpy")


@pytest.mark.parametrize("arguments", [("-c", "import restem"), ("-m", "restem", "--help")])
def test_nothing_heavy_is_loaded_before_it_is_needed(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    result = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines()}
    assert "restem" in loaded
    assert not loaded & {*HEAVY}


@pytest.mark.parametrize("path", ["", "."], ids=["no path", "path"])
def test_a_users_own_modules_of_our_folders_names_stay_theirs(path: str, tmp_path: Path) -> None:
    (tmp_path / "models.py").write_text("mine = True\n", encoding="utf-8")
    for name in ("configs", "streamer", "bridge"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("mine = True\n", encoding="utf-8")
    script = (
        "import bridge, configs, models, streamer\n"
        "from restem import Stream, load_profile\n"
        "import restem.bridge.files.reader, restem.models.stems\n"
        "assert all(m.mine for m in (bridge, configs, models, streamer))\n"
        "assert load_profile('live-cpu').stems == restem.models.stems.STEMS\n"
    )
    (tmp_path / "mine.py").write_text(script, encoding="utf-8")
    result = subprocess.run(
        [sys.executable, "mine.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr


def error_apart(folder: Path, *arguments: str) -> str:
    """Run Python in a folder of its own, warnings as errors; how it failed, if it did."""
    result = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=folder,
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


# osc_stream.py wants a server, which tests/bridge/control/osc/test_audio.py gives it.
ALONE = [path for path in sorted((ROOT / "examples").glob("*.py")) if path.name != "osc_stream.py"]


@pytest.mark.parametrize(("sample_rate", "channels"), [(48000, 2), (44100, 2), (44100, 1)])
def test_the_block_example_answers_any_file_in_place(
    sample_rate: int, channels: int, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    mix = 0.1 * rng.standard_normal((20000, channels)).astype(np.float32)
    soundfile.write(tmp_path / "mix.wav", mix, sample_rate, "FLOAT")
    script = ROOT / "examples" / "stream_blocks.py"
    assert error_apart(tmp_path, str(script), "mix.wav") == ""
    drums, rate = soundfile.read(tmp_path / "drums.wav", dtype="float32")
    model = at_rate(load_profile("live-cpu", "cpu", ["drums"]), sample_rate)
    expected = render(model, np.broadcast_to(mix.T, (2, 20000)))[0].T.numpy()
    assert (rate, drums.shape) == (sample_rate, expected.shape)
    np.testing.assert_allclose(drums, expected, atol=1e-4)  # 16-bit


@pytest.mark.parametrize("script", ALONE, ids=lambda p: p.name)
def test_the_examples_run(script: Path, tmp_path: Path) -> None:
    assert error_apart(tmp_path, str(script), str(ROOT / "bridge/demo_song/mix.flac")) == ""
    assert list(tmp_path.iterdir())
