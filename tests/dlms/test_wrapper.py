"""The wrapper: headers, pieces, and streams that break."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import ProtocolError
from protocols.wrapper import BrokenStream, Decoder, Frame, encode

GET = bytes.fromhex("C001C100080000010000FF0200")


def test_header() -> None:
    wire = encode(16, 1, GET)
    assert wire == bytes.fromhex("0001 0010 0001 000D") + GET
    assert Decoder().feed(wire) == [Frame(16, 1, GET)]


def test_one_octet_at_a_time() -> None:
    decoder, found = Decoder(), []
    wire = encode(1, 16, GET) + encode(1, 16, b"")
    for octet in wire:
        found += decoder.feed(bytes((octet,)))
    assert found == [Frame(1, 16, GET), Frame(1, 16, b"")]
    assert decoder.pending == 0


frames = st.lists(
    st.builds(Frame, st.integers(0, 0xFFFF), st.integers(0, 0xFFFF), st.binary(max_size=40)),
    max_size=5,
)


@given(frames, st.data())
def test_any_frames_in_any_pieces(sent: list[Frame], data: st.DataObject) -> None:
    wire = b"".join(encode(frame.source, frame.destination, frame.apdu) for frame in sent)
    decoder, found, start = Decoder(), [], 0
    while start < len(wire):
        end = data.draw(st.integers(start + 1, len(wire)))
        found += decoder.feed(wire[start:end])
        start = end
    assert found == sent


BROKEN = {
    # name: (octets behind one good frame, offset from there, part of the cause)
    "another version": ("0002 0010 0001 0000", 0, "version 2"),
    "HDLC": ("7EA0 0703 2193 0F01", 0, "version 32416"),
    "above the cap": ("0001 0010 0001 0201", 6, "513 octets announced, 512 allowed"),
}


@pytest.mark.parametrize(("octets", "offset", "cause"), BROKEN.values(), ids=BROKEN)
def test_stream_that_breaks_names_its_octet(octets: str, offset: int, cause: str) -> None:
    good = encode(16, 1, GET)
    decoder = Decoder(length_max=512)
    with pytest.raises(BrokenStream, match=cause) as broken:
        decoder.feed(good + bytes.fromhex(octets))
    assert broken.value.frames == [Frame(16, 1, GET)]
    assert broken.value.offset == len(good) + offset
    with pytest.raises(ProtocolError, match=cause):  # and stays broken
        decoder.feed(b"")


@pytest.mark.parametrize(
    "source, destination, size", [(-1, 1, 0), (0x10000, 1, 0), (1, 0x10000, 0), (1, 1, 0x10000)]
)
def test_what_does_not_fit(source: int, destination: int, size: int) -> None:
    with pytest.raises(ValueError, match="does not fit 16 bits"):
        encode(source, destination, bytes(size))


@given(st.binary(max_size=200))
def test_random_octets_raise_protocol_errors_alone(octets: bytes) -> None:
    decoder = Decoder(length_max=64)
    try:
        found = decoder.feed(octets)
    except ProtocolError as error:
        assert 0 <= error.offset < len(octets)
    else:
        assert sum(8 + len(frame.apdu) for frame in found) + decoder.pending == len(octets)
