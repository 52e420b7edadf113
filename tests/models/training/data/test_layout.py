import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from restem.models.stems import STEMS
from restem.models.training.data.general_midi import stem_of
from restem.models.training.data.layout import layout_names, list_songs, read_layout, unmatched

CLASSES = (
    *("Piano", "Chromatic Percussion", "Organ", "Guitar", "Bass", "Strings"),
    *("Strings (continued)", "Brass", "Reed", "Pipe", "Synth Lead", "Synth Pad"),
    *("Sound Effects", "Ethnic", "Percussive", "Sound Effects"),
)  # of Slakh, eight General MIDI programs each


def touch(folder: Path, *files: str) -> None:
    for file in files:
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def listed(folder: Path, layout: str | Path) -> dict[str, dict[str, list[str]]]:
    """Songs, stems and the paths of files inside their song."""
    return {
        listing.name: {
            stem: [path.relative_to(listing.folder).as_posix() for path in paths]
            for stem, paths in listing.stems.items()
        }
        for listing in list_songs(folder, read_layout(layout))
    }


def write(folder: Path, **layout: Any) -> Path:
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump({"description": "mine", **layout}, sort_keys=False))
    return path


def test_the_default_comes_first() -> None:
    assert layout_names() == ["restem", "moisesdb", "musdb18-hq", "rawstems", "slakh"]


@pytest.mark.parametrize("name", set(layout_names()) - {"musdb18-hq"})
def test_every_dataset_of_eight_stems_fills_all_eight(name: str) -> None:
    assert set(read_layout(name).stems) == set(STEMS)


def test_restem_takes_folders_and_files_of_stems(tmp_path: Path) -> None:
    touch(tmp_path, "a/vocals/lead.wav", "a/vocals/choir.flac", "a/Bass.wav", "a/notes.txt")
    touch(tmp_path, "b/drums.FLAC", "b/mix.wav", "b/mixture.flac", "empty/readme.md")
    assert listed(tmp_path, "restem") == {
        "a": {"bass": ["Bass.wav"], "vocals": ["vocals/choir.flac", "vocals/lead.wav"]},
        "b": {"drums": ["drums.FLAC"]},
    }
    (_, b) = list_songs(tmp_path, read_layout("restem"))
    assert b.mixture == tmp_path / "b" / "mixture.flac"
    assert b.unmatched == ["mix.wav"]


def test_hidden_files_and_unfinished_songs_are_not_seen(tmp_path: Path) -> None:
    touch(tmp_path, "a/bass/0.wav", "a/bass/._0.wav", "a/.x/vocals.wav", ".b.123/bass.wav")
    assert listed(tmp_path, "restem") == {"a": {"bass": ["bass/0.wav"]}}


def test_musdb_is_taken_with_or_without_its_subsets(tmp_path: Path) -> None:
    song = [f"{name}.wav" for name in ("vocals", "drums", "bass", "other", "mixture")]
    touch(tmp_path / "train" / "Artist - Song", *song)
    touch(tmp_path / "test" / "Other - Song", *song)
    stems = {stem: [f"{stem}.wav"] for stem in ("bass", "drums", "vocals")}
    whole = {"test/Other - Song": stems, "train/Artist - Song": stems}
    assert listed(tmp_path, "musdb18-hq") == whole
    assert listed(tmp_path / "train", "musdb18-hq") == {"Artist - Song": stems}
    listings = list_songs(tmp_path, read_layout("musdb18-hq"))
    assert all(listing.mixture and listing.mixture.name == "mixture.wav" for listing in listings)
    assert unmatched(listings) == "other.wav (2)"


def test_moisesdb_is_read_from_its_data_json(tmp_path: Path) -> None:
    tracks = {
        "vocals": [("lead male singer", "vocals")],
        "bass": [("bass guitar", "bass"), ("tuba (bass of brass)", "orchestral")],
        "other_keys": [("synth pad", "synthesizers"), ("organ, electric organ", "keyboards")],
        "piano": [("grand piano", "keyboards")],
        "guitar": [("acoustic guitar", "guitars")],
        "other_plucked": [("banjo, mandolin, ukulele, harp etc", "guitars")],
        "drums": [("kick drum", "drums"), ("snare drum", "drums")],
        "percussion": [("a-tonal percussion (claps, shakers, congas, cowbell etc)", "percussions")],
        "bowed_strings": [("cello section", "orchestral")],
        "wind": [("flutes (piccolo, bamboo flute, panpipes, flutes etc)", "orchestral")],
        "other": [("click track", None)],
    }
    expected: dict[str, list[str]] = {}
    data = []
    for name, kinds in tracks.items():
        rows = [
            {"id": f"{name}-{number}", "trackType": kind, "extension": "wav"}
            for number, (kind, _) in enumerate(kinds)
        ]
        data.append({"stemName": name, "tracks": rows})
        for row, (_, stem) in zip(rows, kinds, strict=True):
            if stem:
                expected.setdefault(stem, []).append(f"{name}/{row['id']}.wav")
    touch(tmp_path, "v0.1/uuid/data.json")
    (tmp_path / "v0.1/uuid/data.json").write_text(json.dumps({"song": "x", "stems": data}))
    assert listed(tmp_path, "moisesdb") == {"v0.1/uuid": expected}
    assert unmatched(list_songs(tmp_path, read_layout("moisesdb"))) == "other/* (1)"


def test_rawstems_is_taken_from_its_nested_folders(tmp_path: Path) -> None:
    paths = {
        "vocals": ["Voc/BV/a.flac", "Voc/LV/b.mp3"],
        "guitars": ["Gtr/AG/a.flac"],
        "keyboards": ["Kbs/PN/a.flac"],
        "synthesizers": ["Synth/a.flac"],
        "bass": ["Bass/SB/a.flac", "Bass/a.wav"],
        "drums": ["Rhy/DK/a.flac"],
        "percussions": ["Rhy/PERC/a.flac"],
        "orchestral": ["Orch/STR/a.flac"],
    }
    touch(tmp_path / "Song", *(path for group in paths.values() for path in group))
    touch(tmp_path / "Song", "Misc/room.flac")
    assert listed(tmp_path, "rawstems") == {"Song": paths}
    assert unmatched(list_songs(tmp_path, read_layout("rawstems"))) == "Misc/* (1)"


def test_slakh_is_read_from_its_metadata(tmp_path: Path) -> None:
    def stem(inst_class: str, program: int, **more: bool) -> dict[str, Any]:
        return {"inst_class": inst_class, "program_num": program, "is_drum": False, **more}

    stems = {
        "S00": stem("Guitar", 30, audio_rendered=True),
        "S01": stem("Percussive", 118, is_drum=True),
        "S02": stem("Strings (continued)", 52),
        "S03": stem("Sound effects", 122, audio_rendered=False),
        "S04": stem("Piano", 0),
    }
    track = tmp_path / "train" / "Track00001"
    touch(track, "mix.flac", "stems/S00.flac", "stems/S01.wav", "stems/S02.flac")
    (track / "metadata.yaml").write_text(yaml.safe_dump({"stems": stems}))
    assert listed(tmp_path, "slakh") == {
        "train/Track00001": {
            "guitars": ["stems/S00.flac"],
            "drums": ["stems/S01.wav"],
            "vocals": ["stems/S02.flac"],
            "keyboards": ["stems/S04.flac"],  # not there: opening says so
        }
    }


@pytest.mark.parametrize("program", range(128))
def test_slakhs_programs_go_where_our_renders_go(program: int) -> None:
    label = f"{CLASSES[program // 8]}/{program}"
    assert read_layout("slakh").stem_of(label) == stem_of(0, program, 60)


def test_folders_below_a_song_are_no_songs(tmp_path: Path) -> None:
    touch(tmp_path, "one/vocals.wav", "one/takes/vocals.wav", "set/two/vocals.wav")
    assert set(listed(tmp_path, "musdb18-hq")) == {"one", "set/two"}


@pytest.mark.parametrize(
    ("layout", "text"),
    [
        ("moisesdb", "{"),
        ("moisesdb", '{"stems": [{"stemName": "bass"}]}'),
        ("moisesdb", "[]"),
        ("slakh", "stems: [1, 2]"),
        ("slakh", "a: [: b"),
        ("slakh", "stems: {S00: {is_drum: false}}"),
    ],
)
def test_broken_metadata_is_named(tmp_path: Path, layout: str, text: str) -> None:
    name = {"moisesdb": "data.json", "slakh": "metadata.yaml"}[layout]
    touch(tmp_path, f"song/{name}")
    (tmp_path / "song" / name).write_text(text)
    (listing,) = list_songs(tmp_path, read_layout(layout))
    assert listing.problem.startswith(f"{tmp_path / 'song' / name}: not the metadata of {layout}")
    assert "\n" not in listing.problem


def test_the_first_stem_that_matches_takes_a_file_without_regard_to_case(tmp_path: Path) -> None:
    layout = write(
        tmp_path,
        stems={"percussions": ["*conga*"], "drums": ["Kit/*", "drum loop*"]},
        mixture=["master.wav", "rough mix.wav"],
        songs=["sessions/*"],
    )
    touch(tmp_path, "sessions/one/KIT/Congas.wav", "sessions/one/KIT/kick.wav")
    touch(tmp_path, "sessions/one/Drum_Loop 2.flac", "sessions/one/Rough_Mix.wav", "x/kit/a.wav")
    assert listed(tmp_path, layout) == {
        "sessions/one": {
            "percussions": ["KIT/Congas.wav"],
            "drums": ["Drum_Loop 2.flac", "KIT/kick.wav"],
        }
    }
    (listing,) = list_songs(tmp_path, read_layout(layout))
    assert listing.mixture == tmp_path / "sessions/one/Rough_Mix.wav"


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"steams": {}}, "unknown key 'steams'; expected one of description, stems, songs"),
        ({}, "missing key 'stems'"),
        ({"stems": {}}, "stems: expected patterns for some of vocals, guitars"),
        ({"stems": {"voice": ["*"]}}, "stems: unknown stem 'voice'; expected one of vocals"),
        ({"stems": {"bass": "bass.wav"}}, "stems: bass: expected patterns, got 'bass.wav'"),
        ({"stems": {"bass": [1]}}, "stems: bass: expected patterns"),
        ({"stems": {"bass": ["*"]}, "metadata": "csv"}, "unknown kind 'csv'; expected one of mois"),
        ({"stems": {"bass": ["*"]}, "songs": ["/etc/*"]}, "songs: expected patterns of folders"),
        ({"stems": {"bass": ["*"]}, "songs": ["../*"]}, "songs: expected patterns of folders"),
        ({"stems": {"bass": ["*"]}, "extensions": []}, "extensions: expected some"),
    ],
)
def test_a_wrong_layout_is_refused_in_one_line(
    tmp_path: Path, entries: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=r"^mine\.yaml: ") as error:
        read_layout(write(tmp_path, **entries))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_an_unknown_layout_is_refused_with_the_choices() -> None:
    with pytest.raises(ValueError, match=r"unknown layout 'musdb'; expected one of .*musdb18-hq"):
        read_layout("musdb")
