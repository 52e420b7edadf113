from pathlib import Path

import pytest
import soundfile

from restem.bridge.files.reader import open_mix
from tests.support.audio_files import RATE, dull, encode, noise

LIBSNDFILES = [
    ("OGG", "VORBIS"),
    ("OGG", "OPUS"),
    ("W64", "PCM_16"),
    ("AU", "PCM_16"),
    ("CAF", "PCM_24"),
    ("WAV", "PCM_16"),
    ("AIFF", "PCM_16"),
]
FFMPEGS = [("ipod", "aac"), ("mov", "aac"), ("matroska", "flac"), ("webm", "libopus")]


@pytest.mark.parametrize("share", [0.5, 0.99])
@pytest.mark.parametrize(("container", "subtype"), LIBSNDFILES)
def test_a_file_that_was_cut_is_refused(
    tmp_path: Path, container: str, subtype: str, share: float
) -> None:
    path = tmp_path / "a.bin"
    soundfile.write(path, noise(3 * RATE).T, RATE, subtype, format=container)
    with open_mix(path) as mix:
        assert sum(block.shape[1] for block in mix) == 3 * RATE
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match=r"a\.bin: is cut short, .*; get a whole copy$"):
        open_mix(path)


@pytest.mark.parametrize(("container", "codec"), FFMPEGS)
def test_a_film_that_was_cut_is_refused(tmp_path: Path, container: str, codec: str) -> None:
    path = encode(tmp_path / "a.bin", dull(2 * RATE), codec, container)
    content = path.read_bytes()
    path.write_bytes(content[: int(0.9 * len(content))])
    with pytest.raises(ValueError, match=r"a\.bin: is cut short, .*; get a whole copy$"):
        open_mix(path)


def test_bytes_behind_an_ogg_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "a.ogg"
    soundfile.write(path, noise(RATE).T, RATE, "VORBIS", format="OGG")
    path.write_bytes(path.read_bytes() + b"TAG" + bytes(125))
    with open_mix(path) as mix:
        assert mix.frames == RATE
