import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pedalboard as pb
import pytest

from restem.streamer.processors.chain import Chain, Mix
from restem.streamer.resampler import Audio
from restem.streamer.stem_restorer import StemRestorer
from tests.support.gain_model import Plain
from tests.support.plugins import RATE, VARYING, Same, late, noise, stream, streamed

CONTAINERS = pytest.mark.parametrize("cls", [Chain, Mix])


def restorer() -> StemRestorer:
    return StemRestorer(Plain(gains=(0.25, -0.5, 1.25)), ceiling=False)


def test_native_plugins_alone_sound_as_in_a_native_board() -> None:
    audio = noise(20000)

    def plugins() -> list[Any]:
        return [pb.Compressor(-20, 3), late(700), pb.Reverb(), pb.Chorus()]

    expected = pb.Pedalboard(plugins())(audio, RATE)
    np.testing.assert_array_equal(Chain(plugins())(audio, RATE), expected)
    np.testing.assert_array_equal(Chain(pb.Pedalboard(plugins()))(audio, RATE), expected)
    a, b, c, d = plugins()
    np.testing.assert_array_equal(Chain([a, Chain([b, pb.Chain([c])]), d])(audio, RATE), expected)


def boards() -> dict[str, Any]:
    """Chains that change nothing but gain, by hand: every latency in them must be compensated."""
    return {
        "one": Chain([restorer()]),
        "before": Chain([restorer(), late(700)]),
        "after": Chain([late(700), restorer()]),
        "between": Chain([late(3), pb.Gain(0), restorer(), late(5000), Same()]),
        "nested": Chain([late(10), Chain([late(20), Chain([restorer()])]), pb.Chain([late(40)])]),
        "two": Chain([restorer(), late(700), restorer()]),
        "mix": Chain([Mix([restorer(), late(100)]), pb.Gain(-6.0205999)]),
        "native mix": Chain([restorer(), pb.Mix([late(900), None]), pb.Gain(-6.0205999)]),
        "mix of chains": Chain([Mix([Same(), Chain([late(9), restorer()])]), pb.Gain(-6.0205999)]),
    }


@pytest.mark.parametrize("name", boards())
def test_latencies_are_compensated(name: str) -> None:
    audio = noise(20000)
    np.testing.assert_allclose(boards()[name](audio, RATE), audio, atol=1e-6)


@pytest.mark.parametrize("sizes", [VARYING, (512,), (4096,), (1000, 24)], ids=str)
@pytest.mark.parametrize("name", boards())
def test_streamed_and_flushed_is_whole(name: str, sizes: tuple[int, ...]) -> None:
    audio, board = noise(20000), boards()[name]
    expected = board(audio, RATE)
    np.testing.assert_array_equal(streamed(board, audio, sizes), expected)


@pytest.mark.parametrize("name", boards())
def test_a_stream_withholds_the_latency_and_no_more(name: str) -> None:
    audio, board = noise(20000), boards()[name]
    withheld = 20000 - stream(board, audio).shape[1]
    assert withheld == board.latency_at(RATE, 2)
    assert board.flush().shape == (2, withheld)
    assert board.flush().shape == (2, 0)


def test_effects_with_memory_stream_as_they_process_whole_signals() -> None:
    def board() -> Chain:
        plugins = [
            pb.Compressor(-30, 4),
            restorer(),
            pb.Reverb(),
            late(100),
            restorer(),
            pb.Delay(),
        ]
        return Chain(plugins)

    audio = noise(30000)
    np.testing.assert_array_equal(streamed(board(), audio), board()(audio, RATE))


def test_a_whole_signal_is_heard_as_if_silence_followed() -> None:
    """What looks ahead sees how the effect before it fades, as in a stream that goes on."""
    audio = 0.01 * noise(5000)
    audio[:, -100:] *= 1000  # comes out of the delay after the end, where the limiter sees it

    def board() -> Chain:
        delay = pb.Delay(0.005, feedback=0, mix=1)
        return Chain([delay, Same(), pb.BrickwallLimiter(-30, lookahead_ms=10)])

    longer = np.pad(audio, ((0, 0), (0, 5000)))
    np.testing.assert_array_equal(board()(audio, RATE), board()(longer, RATE)[:, :5000])


def test_a_stream_may_begin_with_a_whole_block() -> None:
    """As people do: reset=True first, then reset=False; without latency that goes on."""
    audio = noise(9000)
    board = Chain([pb.Reverb(), Same(), pb.Delay(0.01)])
    first = board(audio[:, :100], RATE, reset=True)
    rest = [board(audio[:, a:b], RATE, reset=False) for a, b in ((100, 4000), (4000, 9000))]
    np.testing.assert_array_equal(np.concatenate((first, *rest), axis=1), board(audio, RATE))


def test_plugins_keep_what_they_heard_when_others_come_and_go() -> None:
    audio = noise(9000)
    board = Chain([pb.Reverb(), Same()])
    expected = board(audio, RATE)
    board.reset()
    parts = [board(audio[:, :1000], RATE, reset=False)]
    board.append(pb.Gain(0))
    board.insert(0, pb.Gain(0))
    parts.append(board(audio[:, 1000:5000], RATE, reset=False))
    del board[0], board[1]
    parts.append(board(audio[:, 5000:], RATE, reset=False))
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), expected)


def test_a_stream_of_another_rate_or_other_channels_is_a_new_one() -> None:
    board = Chain([late(100), Same()])
    for rate, channels in ((RATE, 2), (44100, 2), (44100, 1)):
        assert board(noise(300, channels), rate, reset=False).shape == (channels, 200)


def test_layouts_come_out_as_they_went_in() -> None:
    audio, board = noise(6000), Chain([pb.Gain(0), late(50), Same(), late(50)])
    np.testing.assert_array_equal(board(audio.T, RATE).T, audio)
    np.testing.assert_array_equal(board(audio[0], RATE), audio[0])
    board.reset()
    parts = [board(audio.T[a : a + 700], RATE, reset=False) for a in range(0, 6000, 700)]
    np.testing.assert_array_equal(np.concatenate((*parts, board.flush())).T, audio)


def test_a_native_board_refuses_our_processors() -> None:
    for ours in (Chain(), Mix(), restorer(), Same()):
        with pytest.raises(TypeError):
            pb.Pedalboard([ours])
        with pytest.raises(TypeError):
            pb.Pedalboard([]).append(ours)


class Louder(pb.Gain):
    """A subclass with a mind of its own; a native board would ignore it."""

    def process(self, input_array: Audio, *_: Any, **__: Any) -> Audio:
        return 2 * input_array


class Backwards(Chain):
    def process(self, input_array: Audio, *_: Any, **__: Any) -> Audio:
        return input_array[:, ::-1]


def test_overridden_methods_are_called() -> None:
    audio = noise(100)
    np.testing.assert_array_equal(Chain([Louder(0), pb.Gain(0)])(audio, RATE), 2 * audio)
    np.testing.assert_array_equal(Chain([Backwards(), Same()])(audio, RATE), audio[:, ::-1])


@CONTAINERS
def test_they_are_lists_as_pedalboards_are(cls: type) -> None:
    ours, native = cls(), pb.Chain([])
    for board in (ours, native):
        assert not board
        a, b, c = pb.Gain(1), pb.Gain(2), pb.Gain(3)
        board.append(a)
        board.insert(0, b)
        board.insert(-1, c)
        board.insert(3, None)
        assert [*board] == [b, c, a, None]
        assert (board[0], board[-2], board[np.int64(1)], board[True]) == (b, a, c, c)
        assert len(board) == 4
        assert (a in board, pb.Gain(1) in board) == (True, False)
        assert [*reversed(board)] == [None, a, c, b]
        board.remove(None)
        board[1] = None
        del board[-1]
        assert [*board] == [b, None]
        for wrong in (-3, 2):
            for call, more in (("__getitem__", ()), ("__delitem__", ()), ("__setitem__", (a,))):
                with pytest.raises(IndexError, match="index out of range"):
                    getattr(board, call)(wrong, *more)
        for place in (-5, 3):
            with pytest.raises(IndexError, match="index out of range"):
                board.insert(place, a)
        with pytest.raises(ValueError, match=r"remove\(x\): x not in list"):
            board.remove(a)
        for call in (board.append, board.remove, board.__contains__, board.__getitem__):
            with pytest.raises(TypeError):
                call("gain")
        with pytest.raises(TypeError):
            board[0:1]
        for missing in ("pop", "extend", "clear", "index", "count", "reverse", "copy", "__add__"):
            assert not hasattr(board, missing)
        assert board != type(board)([b, None])
        assert hash(board) != hash(type(board)([b, None]))
        with pytest.raises(AttributeError):
            board.is_effect = False
        assert (board.is_effect, board.is_instrument) == (True, False)


@CONTAINERS
def test_what_is_no_list_of_plugins_is_refused(cls: type) -> None:
    gain = pb.Gain()
    for good in (None, [], (), (gain,), [None], pb.Pedalboard([gain]), Chain([gain]), [Same()]):
        cls(plugins=good)
    for bad in (gain, {gain}, "gain", (g for g in [gain]), [[gain]], ["gain"], [pb.Gain], 1, [1]):
        with pytest.raises(TypeError):
            cls(bad)


@CONTAINERS
def test_reprs_say_what_is_inside(cls: type) -> None:
    gain = pb.Gain(-6)
    assert f"{cls.__name__} with 1 plugin: [{gain!r}]" in repr(cls([gain]))
    assert "with 2 plugins" in repr(cls([gain, None]))


class Instrument(Same):
    is_instrument = True


def test_instruments_are_refused() -> None:
    with pytest.raises(ValueError, match="is an instrument plugin"):
        Chain([Instrument()])


@pytest.mark.parametrize("plugin", [pb.Gain(), Same()], ids=["native", "python"])
def test_a_plugin_that_is_there_twice_is_refused(plugin: Any) -> None:
    for board in (Chain([plugin, plugin]), Chain([plugin, Mix([Chain([plugin])])])):
        with pytest.raises(RuntimeError, match="same plugin instance is being used multiple"):
            board(noise(10), RATE)


@CONTAINERS
def test_a_chain_in_itself_is_refused(cls: type) -> None:
    board = cls()
    board.append(Chain([board]))
    with pytest.raises(ValueError, match="must not contain itself"):
        board(noise(10), RATE)


def test_a_mix_of_nothing_is_silence_and_of_none_the_input() -> None:
    audio = noise(10)
    for ours, native in ((Mix(), pb.Mix([])), (Mix([None, None]), pb.Mix([None, None]))):
        np.testing.assert_array_equal(ours(audio, RATE), native(audio, RATE))


def test_whole_signals_of_many_threads_do_not_mix() -> None:
    a, b = pb.Reverb(), restorer()
    chains = [Chain([a, b]), Chain([b, a])] * 2
    audios = [noise(20000, seed=seed) for seed in range(4)]
    expected = [c(x, RATE) for c, x in zip(chains, audios, strict=True)]
    barrier = threading.Barrier(4)

    def work(number: int) -> list[Audio]:
        barrier.wait(timeout=30)
        return [chains[number](audios[number], RATE) for _ in range(3)]

    with ThreadPoolExecutor(4) as pool:
        for answers, want in zip(pool.map(work, range(4)), expected, strict=True):
            for answer in answers:
                np.testing.assert_allclose(answer, want, atol=1e-6)


class OutOfMemory(Same):
    """A processor that fails once in the middle of a stream."""

    calls = 0

    def process(self, input_array: Audio, *_: Any, **__: Any) -> Audio:
        self.calls += 1
        if self.calls == 2:
            raise MemoryError("no memory")
        return input_array.copy()


@CONTAINERS
def test_a_stream_in_which_a_call_failed_waits_for_a_reset(cls: type) -> None:
    audio, board = noise(3000), cls([Chain([pb.Delay(0.01), OutOfMemory()])])
    board(audio[:, :1000], RATE, reset=False)
    with pytest.raises(MemoryError):
        board(audio[:, 1000:2000], RATE, reset=False)
    for call in (lambda: board(audio[:, 2000:], RATE, reset=False), board.flush):
        with pytest.raises(RuntimeError, match=r"samples are lost; call reset\(\)"):
            call()
    expected = cls([Chain([pb.Delay(0.01), Same()])])(audio, RATE)
    np.testing.assert_array_equal(board(audio, RATE), expected)
    board.reset()
    np.testing.assert_array_equal(streamed(board, audio), expected)
