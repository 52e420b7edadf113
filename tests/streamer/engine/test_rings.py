import os
from dataclasses import replace

import numpy as np
import pytest

from restem.streamer.engine.playback_kernel import LatePolicy
from restem.streamer.engine.rings import (
    FADES_AT,
    MAGIC,
    Cell,
    Field,
    Geometry,
    Rings,
    cell,
    layout_hash,
    read_ring,
    write_ring,
)
from restem.streamer.mixer.kernel import memory_words, mix_block
from restem.streamer.mixer.mixer import Mixer
from tests.support.signals import noise

GEOMETRY = Geometry(
    sample_rate=48000, channels=2, stems=3, taps=8, latency=100, fade=16, capacity=256
)


def test_what_one_side_writes_the_other_reads() -> None:
    own = Rings(GEOMETRY)
    other = Rings(name=own.name)
    try:
        assert other.geometry == GEOMETRY
        write_ring(own.mix, 250, np.arange(20, dtype=np.float32).reshape(2, 10))
        own.put(Cell.FRAMES_IN, 260)
        assert other.get(Cell.FRAMES_IN) == 260
        assert read_ring(other.mix, 250, 10).tolist() == np.arange(20.0).reshape(2, 10).tolist()
    finally:
        other.close()
        own.close()


def test_frames_wrap_around_and_none_lie_before_the_first() -> None:
    ring = np.zeros((1, 8), np.float32)
    write_ring(ring, -2, np.arange(1, 8, dtype=np.float32)[None])
    assert ring[0].tolist() == [3, 4, 5, 6, 7, 0, 0, 0]
    write_ring(ring, 6, np.array([[10, 11, 12]], np.float32))
    assert ring[0].tolist() == [12, 4, 5, 6, 7, 0, 10, 11]
    assert read_ring(ring, 6, 4)[0].tolist() == [10, 11, 12, 4]
    assert read_ring(ring, -3, 4)[0].tolist() == [0, 0, 0, 12]


def test_the_header_is_as_documented_for_other_languages() -> None:
    rings = Rings(GEOMETRY)
    try:
        words = np.frombuffer(rings.memory.buf, np.int64, 64).copy()
        assert words[0] == MAGIC
        assert words[Field.VERSION] == 2
        assert words[Field.CAPACITY] == 256
        assert cell(Cell.FRAMES_IN) * 8 == 512
        assert words[Field.OWNER] == os.getpid()
        assert words[Field.LAYOUT] == layout_hash() > 0
        assert [8 * cell(Cell.READY_UNTIL, deck) for deck in (0, 1)] == [1536, 2560]
        assert rings.mix.ctypes.data - rings.header.ctypes.data == 16384
    finally:
        del words
        rings.close()


def test_the_mixers_state_and_the_fades_lie_where_another_process_finds_them() -> None:
    own = Rings(replace(GEOMETRY, mixer=memory_words(4), policy=LatePolicy.SPREAD))
    other = Rings(name=own.name)
    try:
        mixer = Mixer(["vocals", "bass", "drums"], 48000, memory=own.mixer)
        assert mixer.memory is own.mixer
        assert other.geometry.policy == LatePolicy.SPREAD
        assert other.mixer.ctypes.data - other.header.ctypes.data == 16384 + 4 * 22 * 256
        assert np.array_equal(other.mixer, own.mixer)
        assert other.fades.ctypes.data - other.header.ctypes.data == 3584
        assert other.fades.tolist() == [1, 0, 0, 0]
        dry, stems = noise(300, strips=4)
        expected = Mixer(mixer.stems, 48000).process(dry, stems)
        out = np.zeros_like(expected)
        mix_block(other.mixer, dry, stems, out, 300)
        assert np.array_equal(out, expected)
        assert mixer.position == 300
        mixer.set("mute", True, "drums")
        mixer.unshare()
    finally:
        other.close()
        own.close()
    assert mixer.get("mute", "drums") is True
    assert mixer.process(dry, stems).shape == expected.shape


def test_every_cell_has_a_cache_line_of_its_own() -> None:
    shared = [cell(which) for which in Cell if which < Cell.READY_UNTIL]
    decks = [cell(which, deck) for which in Cell if which >= Cell.READY_UNTIL for deck in (0, 1)]
    assert len({index // 8 for index in shared + decks}) == len(shared + decks)
    assert max(decks) < FADES_AT < FADES_AT + 4 <= 1024


@pytest.mark.parametrize("word", [0, Field.LAYOUT])
def test_a_segment_of_another_kind_is_refused(word: int) -> None:
    rings = Rings(GEOMETRY)
    try:
        rings.header[word] = 7
        with pytest.raises(ValueError, match="no segment of restem, or of another version"):
            Rings(name=rings.name)
    finally:
        rings.close()
    with pytest.raises(FileNotFoundError):
        Rings(name=rings.name)


def test_memory_that_is_not_there_is_said_before_it_is_used() -> None:
    if not hasattr(os, "posix_fallocate"):
        pytest.skip("this system cannot take memory beforehand")
    before = set(os.listdir("/dev/shm")) if os.path.isdir("/dev/shm") else set()
    with pytest.raises(ValueError, match=r"shared memory: the rings need \d+ MB: .*--shm-size"):
        Rings(replace(GEOMETRY, capacity=1 << 36))
    if before:
        assert not [n for n in set(os.listdir("/dev/shm")) - before if f"-{os.getpid()}-" in n]


@pytest.mark.parametrize(
    ("capacity", "complaint"), [(100, "a power of two, got 100"), (128, "twice the latency")]
)
def test_a_capacity_that_cannot_work_is_refused(capacity: int, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Geometry(48000, 2, 3, 8, 100, 16, capacity)
