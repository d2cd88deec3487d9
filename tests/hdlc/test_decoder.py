"""The decoder on lines with noise: frames come out, what is none is told, memory stays small."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.hdlc.address import ServerAddress
from protocols.hdlc.client import HdlcClient
from protocols.hdlc.decoder import KEPT_OCTETS, Dropped, FrameDecoder
from protocols.hdlc.frame import LENGTH_MAX, Frame, encode
from protocols.hdlc.server import HdlcServer
from protocols.link import ApduReceived, LinkDown, LinkUp, LinkViolation
from protocols.sans_io import NEED_DATA

FIRST = Frame(b"\x03", b"\x21", 0x10, b"\xe6\xe6\x00\x7e\x7e\xa0\x07\x7e")
SECOND = Frame(b"\x21", b"\x02\x23", 0x30, b"\xe6\xe7\x00" + bytes(range(0x70, 0x90)), True)
SHORT = Frame(b"\x21", b"\x02\x23", 0x73)


def _kept(octets: bytes) -> bytes:
    """Of flags in a row, which fill pauses, the last is kept."""
    return octets.replace(b"\x7e\x7e", b"\x7e")


LINES = {
    # name: (octets, what comes of them at once, what after a pause)
    "one": (encode(FIRST), [FIRST], []),
    "two": (encode(FIRST) + encode(SECOND), [FIRST, SECOND], []),
    "a flag shared": (encode(FIRST)[:-1] + encode(SECOND), [FIRST, SECOND], []),
    "flags between": (encode(FIRST) + b"\x7e" * 9 + encode(SHORT), [FIRST, SHORT], []),
    "not closed": (encode(FIRST)[:-1], [], [FIRST]),
    "noise before": (
        b"\x00\xff" + encode(FIRST), [Dropped("no flag", b"\x00\xff", 2, 0), FIRST], []
    ),
    "noise between": (
        encode(FIRST) + b"noise" + encode(SHORT),
        [FIRST, Dropped("format 6E is not type 3", b"\x7enoise", 6, len(encode(FIRST)) - 1), SHORT],
        [],
    ),
    "noise behind": (
        encode(FIRST) + b"noise",
        [FIRST],
        [Dropped("format 6E is not type 3", b"\x7enoise", 6, len(encode(FIRST)) - 1)],
    ),
    "another format": (
        b"\x7e\x90\x07" + encode(SHORT),
        [Dropped("format 90 is not type 3", b"\x7e\x90\x07", 3, 0), SHORT],
        [],
    ),
    "a length of 6": (
        b"\x7e\xa0\x06" + encode(SHORT),
        [Dropped("a length of 6", b"\x7e\xa0\x06", 3, 0), SHORT],
        [],
    ),
    "no place for both checksums": (
        bytes.fromhex("7EA00803210000") + encode(SHORT),
        [
            Dropped(
                "a length of 8 with no place for both checksums",
                bytes.fromhex("7EA00803210000"), 7, 0,
            ),
            SHORT,
        ],
        [],
    ),
    "an address of three octets": (
        bytes.fromhex("7EA00A02020321930000") + encode(SHORT),
        [
            Dropped(
                "an address that does not end", bytes.fromhex("7EA00A02020321930000"), 10, 0
            ),
            SHORT,
        ],
        [],
    ),
    "cut, and the next one at once": (
        encode(SECOND)[:20] + encode(SHORT),
        [],
        [Dropped("a frame that breaks off", encode(SECOND)[:20], 20, 0), SHORT],
    ),
    "cut in its header": (
        encode(SECOND)[:6] + encode(FIRST),
        [Dropped("a wrong HCS", encode(SECOND)[:6], 6, 0), FIRST],
        [],
    ),
    "an octet lost": (
        encode(FIRST)[:12] + encode(FIRST)[13:] + encode(SECOND),
        [Dropped("a wrong FCS", encode(FIRST)[:12] + encode(FIRST)[13:-1], 17, 0), SECOND],
        [],
    ),
    "an octet changed": (
        encode(FIRST)[:14] + b"\x55" + encode(FIRST)[15:] + encode(SECOND),
        [
            Dropped(
                "a wrong FCS", _kept(encode(FIRST)[:14] + b"\x55" + encode(FIRST)[15:-1]), 17, 0
            ),
            SECOND,
        ],
        [],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("octets", "at_once", "later"), LINES.values(), ids=LINES)
def test_line(octets: bytes, at_once: list, later: list) -> None:
    decoder = FrameDecoder()
    assert decoder.feed(octets) == at_once
    assert decoder.pause() == later
    assert decoder.pause() == []
    assert decoder.pending <= 1, "a lone flag may begin the next frame"
    again = FrameDecoder()
    bitten = [each for octet in octets for each in again.feed(bytes((octet,)))] + again.pause()
    assert bitten == at_once + later


controls = st.integers(0, 255)
servers = st.one_of(
    st.builds(ServerAddress, st.integers(0, 0x7F)),
    st.builds(ServerAddress, st.integers(0, 0x3FFF), st.integers(0, 0x3FFF), st.just(4)),
).map(ServerAddress.encode)
clients = st.integers(0, 0x7F).map(lambda client: bytes((client << 1 | 1,)))
informations = st.one_of(
    st.binary(max_size=40), st.lists(st.sampled_from((0x7E, 0xA0, 0x07)), max_size=40).map(bytes)
)
any_frames = st.builds(Frame, servers, clients, controls, informations, st.booleans())


@given(st.lists(any_frames, max_size=6), st.booleans(), st.data())
def test_any_frames_in_any_pieces(sent: list[Frame], shared: bool, data: st.DataObject) -> None:
    wire = b"".join(encode(frame)[: -1 if shared else None] for frame in sent) + b"\x7e"
    decoder, found, start = FrameDecoder(), [], 0
    while start < len(wire):
        end = data.draw(st.integers(start + 1, len(wire)))
        found += decoder.feed(wire[start:end])
        start = end
    assert found + decoder.pause() == sent


@given(any_frames, st.binary(max_size=30), any_frames)
def test_noise_costs_no_frame(first: Frame, noise: bytes, second: Frame) -> None:
    """Noise that holds no flag, so that none of it can be taken for a frame's beginning."""
    quiet = noise.replace(b"\x7e", b"")
    decoder = FrameDecoder()
    found = decoder.feed(encode(first) + quiet + encode(second)) + decoder.pause()
    assert [each for each in found if isinstance(each, Frame)] == [first, second]
    assert sum(each.count for each in found if isinstance(each, Dropped)) == (
        len(quiet) + 1 if quiet else 0  # with the flag before it
    )


# One in 65,536 passes its FCS, the next one's octets included: so the draws are fixed.
@settings(derandomize=True)
@given(any_frames, any_frames, st.data())
def test_a_frame_that_is_hit_costs_itself_alone(
    hit: Frame, next_one: Frame, data: st.DataObject
) -> None:
    wire = bytearray(encode(hit))
    at = data.draw(st.integers(1, len(wire) - 2))
    match data.draw(st.sampled_from(("lost", "doubled", "changed"))):
        case "lost":
            del wire[at]
        case "doubled":
            wire.insert(at, wire[at])
        case _:
            wire[at] ^= 1 << data.draw(st.integers(0, 7))
    decoder = FrameDecoder()
    found = decoder.feed(bytes(wire) + encode(next_one)) + decoder.pause()
    assert next_one in found


@given(st.lists(st.binary(max_size=300), max_size=30))
def test_random_octets_raise_nothing_and_fill_nothing(pieces: list[bytes]) -> None:
    ends = HdlcClient(1), HdlcServer()
    decoder = FrameDecoder()
    for number, piece in enumerate(pieces):
        told = decoder.feed(piece)
        assert decoder.pending <= LENGTH_MAX + 2
        assert all(len(each.octets) <= KEPT_OCTETS for each in told if isinstance(each, Dropped))
        for end in ends:
            end.receive_data(piece, now=float(number))
            end.handle_deadline(now=number + 0.5)
            while (event := end.next_event()) is not NEED_DATA:
                assert isinstance(event, LinkViolation | ApduReceived | LinkUp | LinkDown)
            while end.data_to_send() is not None:
                pass


@given(st.lists(any_frames, max_size=40))
def test_any_frames_at_a_link_that_is_up(frames: list[Frame]) -> None:
    """Frames that are intact and make no sense: an answer or a word about it, nothing raised."""
    client, server = HdlcClient(16), HdlcServer()
    client.connect(now=0.0)
    for link, other in ((client, server), (server, client)):
        while (octets := link.data_to_send()) is not None:
            other.receive_data(octets, now=0.0)
    assert client.up
    for number, frame in enumerate(frames):
        to_client = Frame(b"\x21", b"\x03", frame.control, frame.information, frame.segmented)
        to_server = Frame(b"\x03", b"\x21", frame.control, frame.information, frame.segmented)
        client.receive_data(encode(to_client), now=number)
        server.receive_data(encode(to_server), now=number)
        for end in (client, server):
            while end.next_event() is not NEED_DATA:
                pass
            while end.data_to_send() is not None:
                pass


def test_a_long_line_of_noise_takes_no_room() -> None:
    decoder = FrameDecoder()
    header = encode(Frame(b"\x03", b"\x21", 0x10, bytes(2000)))[:20]
    for _ in range(2000):
        decoder.feed(header)  # promises 2000 octets each time
        assert decoder.pending <= LENGTH_MAX + 2
    (dropped,) = decoder.pause()
    assert isinstance(dropped, Dropped)
    assert (dropped.count, len(dropped.octets)) == (40_000, KEPT_OCTETS)
