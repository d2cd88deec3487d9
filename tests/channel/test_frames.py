"""Frames and segments: vectors, every wrong side of a field, and round trips."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import LocalProtocolError, ProtocolError
from protocols.plc.frames import (
    ACKNOWLEDGEMENT_OCTETS,
    FRAME_OCTETS_MAX,
    OVERHEAD_OCTETS,
    Acknowledgement,
    Direction,
    Frame,
    Reassembler,
    Segment,
    decode,
    encode,
    segment,
)

DOWN, UP = Direction.DOWN, Direction.UP

VECTORS: dict[str, tuple[str, Frame]] = {
    "only segment down": ("00 0102 03 80 AA", Segment(DOWN, 0x0102, 3, 0, True, b"\xaa")),
    "first of several": ("00 0102 03 00 AABB", Segment(DOWN, 0x0102, 3, 0, False, b"\xaa\xbb")),
    "last segment up": ("20 FFFF FF BF 00", Segment(UP, 0xFFFF, 255, 63, True, b"\x00")),
    "acknowledgement": ("60 0102 03 05 F830", Acknowledgement(UP, 0x0102, 3, 5, -2000)),
}


def crc32(octets: bytes) -> int:
    """IEEE 802.3, bit by bit, so that the table-driven one is checked against its definition."""
    register = 0xFFFFFFFF
    for octet in octets:
        register ^= octet
        for _ in range(8):
            register = register >> 1 ^ (0xEDB88320 if register & 1 else 0)
    return register ^ 0xFFFFFFFF


def with_crc(text: str) -> bytes:
    body = bytes.fromhex(text)
    return body + crc32(body).to_bytes(4, "big")


def test_crc_check_value() -> None:
    assert crc32(b"123456789") == 0xCBF43926


@pytest.mark.parametrize("text, frame", VECTORS.values(), ids=VECTORS)
def test_vectors(text: str, frame: Frame) -> None:
    assert encode(frame) == with_crc(text)
    assert decode(with_crc(text)) == frame


WRONG = {
    # name: (octets without CRC, offset of the complaint)
    "reserved bits": ("01 0102 03 80 AA", 0),
    "kind 2": ("80 0102 03 80 AA", 0),
    "kind 3": ("C0 0102 03 80 AA", 0),
    "reserved bit of the place": ("00 0102 03 C0 AA", 4),
    "last acknowledgement": ("60 0102 03 85 F830", 4),
    "short acknowledgement": ("60 0102 03 05 F8", 5),
    "long acknowledgement": ("60 0102 03 05 F83000", 5),
    "no data": ("00 0102 03 80", 0),
    "too long": ("00 0102 03 80" + "AA" * (FRAME_OCTETS_MAX - OVERHEAD_OCTETS + 1), 0),
}


@pytest.mark.parametrize("text, offset", WRONG.values(), ids=WRONG)
def test_wrong_frames_are_refused_where_they_are_wrong(text: str, offset: int) -> None:
    with pytest.raises(ProtocolError) as refused:
        decode(with_crc(text))
    assert refused.value.offset == offset


UNSAYABLE = {
    "node over 16 bits": Segment(DOWN, 0x10000, 0, 0, True, b"x"),
    "negative node": Segment(DOWN, -1, 0, 0, True, b"x"),
    "message over 8 bits": Segment(DOWN, 1, 256, 0, True, b"x"),
    "segment 64": Segment(DOWN, 1, 0, 64, True, b"x"),
    "segment -1": Segment(DOWN, 1, 0, -1, True, b"x"),
    "no data": Segment(DOWN, 1, 0, 0, True, b""),
    "one octet too many": Segment(DOWN, 1, 0, 0, True, bytes(FRAME_OCTETS_MAX - 8)),
    "a ratio of 400 dB": Acknowledgement(UP, 1, 0, 0, 40_000),
}


@pytest.mark.parametrize("frame", UNSAYABLE.values(), ids=UNSAYABLE)
def test_what_does_not_fit_is_not_sent(frame: Frame) -> None:
    with pytest.raises(LocalProtocolError):
        encode(frame)


def test_sizes() -> None:
    assert len(encode(VECTORS["acknowledgement"][1])) == ACKNOWLEDGEMENT_OCTETS
    assert len(encode(Segment(DOWN, 1, 0, 0, True, bytes(247)))) == FRAME_OCTETS_MAX


@given(st.binary(max_size=300))
def test_random_octets_raise_protocol_error_and_nothing_else(octets: bytes) -> None:
    for candidate in (octets, octets + crc32(octets).to_bytes(4, "big")):
        try:
            frame = decode(candidate)
        except ProtocolError:
            continue
        assert encode(frame) == candidate


@given(st.binary(min_size=1, max_size=60), st.data())
def test_any_flipped_bit_is_noticed(data: bytes, draw: st.DataObject) -> None:
    wire = bytearray(encode(Segment(DOWN, 1, 2, 3, False, data)))
    bit = draw.draw(st.integers(0, len(wire) * 8 - 1))
    wire[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ProtocolError):
        decode(bytes(wire))


@given(
    st.binary(min_size=1, max_size=2000),
    st.sampled_from((40, 64, 128, FRAME_OCTETS_MAX)),
    st.lists(st.integers(0, 3), max_size=64),
)
def test_segments_make_the_message_again_also_when_repeated(
    message: bytes, frame_octets_max: int, repeats: list[int]
) -> None:
    cut = segment(message, direction=UP, node=7, number=300, frame_octets_max=frame_octets_max)
    reassembler = Reassembler()
    complete = []
    for index, piece in enumerate(cut):
        wire = encode(piece)
        assert len(wire) <= frame_octets_max
        for _ in range(1 + (repeats[index] if index < len(repeats) else 0)):
            received = decode(wire)
            assert isinstance(received, Segment) and received.message == 300 % 256
            if (whole := reassembler.receive(received)) is not None:
                complete.append(whole)
    assert complete == [message]


def test_a_message_given_up_does_not_spoil_the_next() -> None:
    reassembler = Reassembler()
    abandoned = segment(bytes(600), direction=UP, node=7, number=1)
    assert [reassembler.receive(piece) for piece in abandoned[:2]] == [None, None]
    (whole,) = segment(b"next", direction=UP, node=7, number=2)
    assert reassembler.receive(whole) == b"next"
    assert reassembler.receive(whole) is None


def test_a_missing_segment_is_an_error() -> None:
    pieces = segment(bytes(600), direction=UP, node=7, number=1)
    reassembler = Reassembler()
    reassembler.receive(pieces[0])
    with pytest.raises(ProtocolError, match="segment 2 where 1 was to come"):
        reassembler.receive(pieces[2])


@pytest.mark.parametrize(
    "message, frame_octets_max",
    [(b"", FRAME_OCTETS_MAX), (bytes(64 * 247 + 1), FRAME_OCTETS_MAX), (b"x", OVERHEAD_OCTETS)],
    ids=["empty", "65 segments", "no room"],
)
def test_messages_that_cannot_be_cut(message: bytes, frame_octets_max: int) -> None:
    with pytest.raises(LocalProtocolError):
        segment(message, direction=UP, node=1, number=0, frame_octets_max=frame_octets_max)


def test_the_longest_message() -> None:
    assert len(segment(bytes(64 * 247), direction=UP, node=1, number=0)) == 64
