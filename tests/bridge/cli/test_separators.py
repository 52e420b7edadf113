"""The commands of the README's table that stands beside other separators."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from mutagen.flac import FLAC

from restem.bridge.cli.main import main

README = Path(__file__).parents[3] / "README.md"
TABLE = re.search(
    r"<!-- separators -->\n(.*?)<!-- end of separators -->",
    README.read_text(encoding="utf-8"),
    re.DOTALL,
)
ROWS = [line.strip("|").split(" | ") for line in TABLE[1].splitlines()[2:]] if TABLE else []
COMMANDS = [command for row in ROWS for command in re.findall(r"`restem (.*?)`", row[3])]


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with all files that the commands name, half a second each."""
    rng = np.random.default_rng(0)

    def write(name: str, rate: int = 44100, channels: int = 2) -> None:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(tmp_path / name, rng.normal(0, 0.1, (rate // 2, channels)), rate)

    for name in ("a.wav", "b.wav", "music/c.wav", "music/deep/d.flac", "tagged.flac"):
        write(name)
    write("96k.wav", rate=96000)
    write("mono.wav", channels=1)
    write("film.wav", channels=6)
    tags = FLAC(tmp_path / "tagged.flac")
    tags["title"] = "Song"
    tags.save()
    (tmp_path / "songs.txt").write_text("a.wav\nmusic/c.wav\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_table_is_there_and_every_row_but_one_has_a_command() -> None:
    assert len(ROWS) == 22
    assert [row[0].strip() for row in ROWS if "`restem " not in row[3]] == ["a broken file"]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_run(command: str, files: Path) -> None:
    before = {*files.rglob("*")}
    if "<" in command:
        line = f"{shlex.quote(sys.executable)} -m restem {command}"
        assert subprocess.run(["bash", "-c", line], check=False).returncode == 0
    else:
        assert main(shlex.split(command)) == 0
    assert {path.suffix for path in {*files.rglob("*")} - before if path.is_file()} - {".json"}
