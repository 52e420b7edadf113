"""Tags and covers: from every kind of mix to every kind of stem."""

import base64
from pathlib import Path
from typing import Any

import av
import pytest
import soundfile
from mutagen.flac import FLAC, Picture
from mutagen.id3 import APIC, TALB, TCON, TIT2, TPE1, TRCK
from mutagen.mp3 import MP3
from mutagen.mp4 import MP4, MP4Cover
from mutagen.oggopus import OggOpus
from mutagen.wave import WAVE

from restem.bridge.files.render import RenderOptions, render_file
from restem.bridge.files.tags import Tags, read_tags, write_tags
from tests.support.audio_files import dull, encode, write
from tests.support.gain_model import Unity

COVER = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)
FORMATS = ("wav", "flac", "m4a", "mp3", "opus")


def picture() -> Any:
    made: Any = Picture()
    made.type, made.mime, made.data = 3, "image/png", COVER
    return made


def id3(file: Any) -> None:
    if file.tags is None:
        file.add_tags()
    for frame, text in ((TIT2, "Blue Train"), (TPE1, "Coltrane"), (TALB, "Blue"), (TRCK, "1/5")):
        file.tags.add(frame(encoding=3, text=text))
    file.tags.add(TCON(encoding=3, text="Jazz"))
    file.tags.add(APIC(encoding=3, mime="image/png", type=3, data=COVER))
    file.save()


def vorbis(file: Any) -> None:
    file["title"], file["artist"], file["album"] = "Blue Train", "Coltrane", "Blue"
    file["genre"], file["tracknumber"] = "Jazz", "1/5"


def tagged(folder: Path, kind: str) -> Path:
    """A mix with tags that restem has not written."""
    path = folder / f"song.{kind}"
    if kind in ("wav", "flac"):
        write(path, dull(20_000), subtype="PCM_16")
    else:
        codec = {"m4a": "aac", "mp3": "libmp3lame", "opus": "libopus"}[kind]
        encode(path, dull(20_000), codec, "ipod" if kind == "m4a" else kind)
    if kind == "wav":
        id3(WAVE(path))
    elif kind == "mp3":
        id3(MP3(path))
    elif kind == "flac":
        file: Any = FLAC(path)
        vorbis(file)
        file.add_picture(picture())
        file.save()
    elif kind == "opus":
        file = OggOpus(path)
        vorbis(file)
        file["metadata_block_picture"] = base64.b64encode(picture().write()).decode()
        file.save()
    else:
        file = MP4(path)
        file["\xa9nam"], file["\xa9ART"], file["\xa9alb"] = "Blue Train", "Coltrane", "Blue"
        file["\xa9gen"], file["trkn"] = "Jazz", [(1, 5)]
        file["covr"] = [MP4Cover(COVER, MP4Cover.FORMAT_PNG)]
        file.save()
    return path


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("source", FORMATS)
def test_tags_and_cover_go_to_every_stem(tmp_path: Path, source: str, kind: str) -> None:
    mix = tagged(tmp_path, source)
    report = render_file(Unity(), mix, tmp_path / "out", file_format=kind)
    tags = read_tags(report.files[0])
    assert tags.texts["title"] == ("Blue Train (vocals)",)
    assert tags.texts["artist"] == ("Coltrane",)
    assert (tags.texts["album"], tags.texts["genre"]) == (("Blue",), ("Jazz",))
    assert tags.texts["tracknumber"] == ("1/5",)
    assert tags.cover == ("image/png", COVER)


@pytest.mark.parametrize("kind", FORMATS)
def test_another_program_sees_them_and_the_same_audio(tmp_path: Path, kind: str) -> None:
    mix = tagged(tmp_path, "flac")
    made = []
    for number, tags in enumerate((True, False)):
        out, options = tmp_path / f"{number}", RenderOptions(tags=tags)
        made.append(render_file(Unity(), mix, out, file_format=kind, options=options).files[0])
    seen: dict[str, str] = {}
    with av.open(str(made[0])) as file:  # FFmpeg's libraries
        seen = {**file.metadata, **file.streams.audio[0].metadata}
        pictures = [stream for stream in file.streams if stream.type == "video"]
    lower = {name.lower(): value for name, value in seen.items()}
    assert (lower["title"], lower["artist"]) == ("Blue Train (vocals)", "Coltrane")
    assert len(pictures) == (kind != "wav" or len(pictures))
    assert decoded(made[0]) == decoded(made[1])


def decoded(path: Path) -> bytes:
    with av.open(str(path)) as file:
        return b"".join(frame.to_ndarray().tobytes() for frame in file.decode(audio=0))


def test_a_mix_without_tags_gives_stems_without(tmp_path: Path) -> None:
    mix = write(tmp_path / "song.wav", dull(1000))
    made = render_file(Unity(), mix, tmp_path / "a").files[0]
    plain = render_file(Unity(), mix, tmp_path / "b", options=RenderOptions(tags=False)).files[0]
    assert made.read_bytes() == plain.read_bytes()
    assert read_tags(made) == Tags()


def test_what_is_no_audio_has_no_tags(tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_bytes(b"not audio")
    assert read_tags(tmp_path / "a.mp3") == Tags()
    assert read_tags(tmp_path / "nowhere.mp3") == Tags()


def test_numbers_that_an_mp4_cannot_hold_are_left_out(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.m4a", dull(2000), "aac", "ipod")
    write_tags(path, "m4a", Tags({"bpm": ("fast",), "tracknumber": ("A1",), "title": ("x",)}))
    assert read_tags(path).texts["title"] == ("x",)
    assert "bpm" not in read_tags(path).texts


def test_an_rf64_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, dull(100).T, 48000, "FLOAT", format="RF64")
    before = path.read_bytes()
    write_tags(path, "wav", Tags({"title": ("x",)}))
    assert path.read_bytes() == before
