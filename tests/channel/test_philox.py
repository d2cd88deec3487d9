"""Philox 4x32-10: known answers, one meter and many alike, streams that hang on a key only."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.philox import Keyed, Turn, block, blocks, key_of, keyed

# kat_vectors of Random123, philox4x32 with 10 rounds: counter, key (low word first), words.
KNOWN = {
    "zeros": ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    "ones": (
        (0xFFFFFFFF,) * 4,
        (0xFFFFFFFF,) * 2,
        (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
    ),
    "digits of pi": (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
}
WORD = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("counter, key, words", KNOWN.values(), ids=KNOWN)
def test_known_answers(
    counter: tuple[int, int, int, int], key: tuple[int, int], words: tuple[int, ...]
) -> None:
    packed = key[0] | key[1] << 32
    assert block(counter, packed) == words
    many = blocks(np.array([counter], np.uint32).T, np.array([packed], np.uint64))
    assert tuple(many[:, 0].tolist()) == words


@given(st.lists(st.tuples(WORD, WORD, WORD, WORD, st.integers(0, 2**64 - 1)), max_size=40))
def test_by_the_array_is_one_by_one(rows: list[tuple[int, int, int, int, int]]) -> None:
    counters = np.array([row[:4] for row in rows], np.uint32).reshape(-1, 4).T
    keys = np.array([row[4] for row in rows], np.uint64)
    words = blocks(counters, keys)
    assert [tuple(column) for column in words.T.tolist()] == [
        block(row[:4], row[4]) for row in rows
    ]


def test_chunks_join() -> None:
    count = 20_000
    counters = np.zeros((4, count), np.uint32)
    counters[0] = np.arange(count)
    words = blocks(counters, np.full(count, 5, np.uint64))
    for number in (0, 8191, 8192, 16383, 16384, count - 1):
        assert tuple(words[:, number].tolist()) == block((number, 0, 0, 0), 5)


def test_a_stream_is_its_blocks_in_order() -> None:
    key = key_of(7, "exchange", "C-001")
    stream = keyed(key, 90_000_001, Turn(3, exchange=2))
    drawn = [stream.getrandbits(64) for _ in range(4)]
    first, second = (block((number, 90_000_001, 2 << 8, 3), key) for number in range(2))
    assert drawn == [
        first[0] << 32 | first[1],
        first[2] << 32 | first[3],
        second[0] << 32 | second[1],
        second[2] << 32 | second[3],
    ]


def test_streams_differ_by_each_part_of_their_key() -> None:
    keys = [key_of(seed, "exchange", name) for seed in (7, 8) for name in ("C-001", "C-002")]
    turns = [Turn(0), Turn(1), Turn(0, exchange=1)]
    meters = [1, 2, 2**32 + 1]
    drawn = {
        keyed(key, meter, turn).getrandbits(64)
        for key in keys
        for turn in turns
        for meter in meters
    }
    assert len(drawn) == len(keys) * len(turns) * len(meters)


def test_reals_lie_in_the_unit_interval() -> None:
    stream = Keyed(1, (0, 0, 0, 0))
    drawn = [stream.random() for _ in range(2000)]
    assert 0 <= min(drawn) < 0.01 and 0.99 < max(drawn) < 1
    assert stream.randrange(1, 7) in range(1, 7)


@pytest.mark.parametrize("round_, exchange", [(-1, 0), (2**32, 0), (0, -1), (0, 2**24)])
def test_no_such_turn(round_: int, exchange: int) -> None:
    with pytest.raises(ValueError, match="no such turn"):
        Turn(round_, exchange)


@pytest.mark.parametrize("meter", [-1, 2**40])
def test_no_such_meter(meter: int) -> None:
    with pytest.raises(ValueError, match="meter"):
        Turn(0).counter(meter)


@pytest.mark.parametrize("bits", [0, 65])
def test_no_more_bits_than_a_draw_has(bits: int) -> None:
    with pytest.raises(ValueError, match="bits of a stream"):
        Keyed(1, (0, 0, 0, 0)).getrandbits(bits)
