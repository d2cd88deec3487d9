"""Frames: octets of other implementations and of real meters, addresses, checksums, parameters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import ProtocolError
from protocols.hdlc.address import ServerAddress, encode_client
from protocols.hdlc.checksum import checksum, intact
from protocols.hdlc.client import HdlcClient
from protocols.hdlc.decoder import FrameDecoder
from protocols.hdlc.frame import (
    LENGTH_MAX,
    Frame,
    Kind,
    encode,
    information_control,
    ready_control,
    unnumbered_control,
)
from protocols.hdlc.parameters import (
    DEFAULTS,
    Parameters,
    decode_parameters,
    encode_parameters,
)
from protocols.hdlc.reject import describe_reject, encode_reject
from protocols.hdlc.settings import INFO_MAX, HdlcSettings
from protocols.link import ApduReceived
from protocols.sans_io import NEED_DATA
from tests.dlms.shared import ABSENT, Vector, vectors

CLIENT, SERVER, BOTH = b"\x21", b"\x03", bytes.fromhex("0223")

FRAMES = {
    # name: (octets, frame); tests/vectors/SOURCES.md says where they come from
    "SNRM": ("7EA0070321930F017E", Frame(b"\x03", b"\x21", 0x93)),
    "SNRM to two octets": ("7EA00802232193BD647E", Frame(BOTH, b"\x21", 0x93)),
    "DISC": ("7EA00703215303C77E", Frame(b"\x03", b"\x21", 0x53)),
    "UA with parameters": (
        "7EA01E210373C37A81801205018006018007040000000108040000000153 3B7E",
        Frame(b"\x21", b"\x03", 0x73, bytes.fromhex("8180120501800601800704000000010804000000 01")),
    ),
}


@pytest.mark.parametrize(("octets", "frame"), FRAMES.values(), ids=FRAMES)
def test_frame(octets: str, frame: Frame) -> None:
    wire = bytes.fromhex(octets)
    assert encode(frame) == wire
    assert FrameDecoder().feed(wire) == [frame]
    decoder = FrameDecoder()
    assert [found for octet in wire for found in decoder.feed(bytes((octet,)))] == [frame]


CONTROLS = {
    # name: (control field, kind, N(S), N(R), P/F)
    "I": (information_control(0, 0, poll=True), 0x10, Kind.I, 0, 0, True),
    "I 3 expecting 5": (information_control(3, 5, poll=False), 0xA6, Kind.I, 3, 5, False),
    "I 7 expecting 7": (information_control(7, 7, poll=True), 0xFE, Kind.I, 7, 7, True),
    "RR": (ready_control(1), 0x31, Kind.RR, None, 1, True),
    "RR without P": (ready_control(6, poll=False), 0xC1, Kind.RR, None, 6, False),
    "RNR": (0x55, 0x55, Kind.RNR, None, 2, True),
    "REJ, which DLMS does not have": (0x39, 0x39, Kind.UNKNOWN, None, None, True),
    "SNRM": (unnumbered_control(Kind.SNRM), 0x93, Kind.SNRM, None, None, True),
    "DISC": (unnumbered_control(Kind.DISC), 0x53, Kind.DISC, None, None, True),
    "UA": (unnumbered_control(Kind.UA), 0x73, Kind.UA, None, None, True),
    "DM": (unnumbered_control(Kind.DM), 0x1F, Kind.DM, None, None, True),
    "FRMR": (unnumbered_control(Kind.FRMR), 0x97, Kind.FRMR, None, None, True),
    "UI": (unnumbered_control(Kind.UI), 0x13, Kind.UI, None, None, True),
    "UI without P": (unnumbered_control(Kind.UI, poll=False), 0x03, Kind.UI, None, None, False),
    "SABM, which DLMS does not have": (0x3F, 0x3F, Kind.UNKNOWN, None, None, True),
}


@pytest.mark.parametrize(
    ("made", "control", "kind", "ns", "nr", "poll"), CONTROLS.values(), ids=CONTROLS
)
def test_control_field(made, control, kind, ns, nr, poll) -> None:
    frame = Frame(SERVER, CLIENT, control)
    assert made == control
    assert (frame.kind, frame.poll) == (kind, poll)
    assert ns is None or frame.ns == ns
    assert nr is None or frame.nr == nr


# --- checksums ------------------------------------------------------------------------------------


def bit_by_bit(octets: bytes) -> bytes:
    """CRC-16/X.25 as the standard draws it."""
    rest = 0xFFFF
    for octet in octets:
        for bit in range(8):
            low = (rest ^ octet >> bit) & 1
            rest = rest >> 1 ^ (0x8408 if low else 0)
    return (rest ^ 0xFFFF).to_bytes(2, "little")


def test_the_catalogue_s_check_value() -> None:
    assert checksum(b"123456789") == bytes.fromhex("6E90")  # CRC-16/X.25: 0x906E


@given(st.binary(max_size=300))
def test_checksum_is_the_standard_s(octets: bytes) -> None:
    assert checksum(octets) == bit_by_bit(octets)
    assert intact(octets + checksum(octets))


@given(st.binary(min_size=1, max_size=60), st.data())
def test_any_changed_bit_is_seen(octets: bytes, data: st.DataObject) -> None:
    whole = bytearray(octets + checksum(octets))
    bit = data.draw(st.integers(0, 8 * len(whole) - 1))
    whole[bit // 8] ^= 1 << bit % 8
    assert not intact(whole)


# --- addresses ------------------------------------------------------------------------------------

ADDRESSES = {
    # name: (address, octets)
    "logical device 1": (ServerAddress(1), "03"),
    "logical device 127": (ServerAddress(127), "FF"),
    "1 in 17": (ServerAddress(1, 17), "0223"),
    "1 in 17, long": (ServerAddress(1, 17, 4), "00020023"),
    "144 in 145": (ServerAddress(0x90, 0x91), "02200223"),
    "the highest": (ServerAddress(0x3FFF, 0x3FFF), "FEFEFEFF"),
}


@pytest.mark.parametrize(("address", "octets"), ADDRESSES.values(), ids=ADDRESSES)
def test_address(address: ServerAddress, octets: str) -> None:
    assert address.encode() == bytes.fromhex(octets)
    assert ServerAddress.decode(bytes.fromhex(octets)) == address


@given(
    st.one_of(
        st.builds(ServerAddress, st.integers(0, 0x7F)),
        st.builds(
            ServerAddress, st.integers(0, 0x7F), st.integers(0, 0x7F), st.sampled_from((2, 4))
        ),
        st.builds(ServerAddress, st.integers(0, 0x3FFF), st.integers(0, 0x3FFF), st.just(4)),
    )
)
def test_any_address(address: ServerAddress) -> None:
    assert ServerAddress.decode(address.encode()) == address


NO_ADDRESS = {
    "eight bits": {"logical": 128},
    "negative": {"logical": -1},
    "15 bits": {"logical": 1, "physical": 0x4000},
    "eight bits in two octets": {"logical": 1, "physical": 128, "octets": 2},
    "three octets": {"logical": 1, "physical": 1, "octets": 3},
    "two parts in one octet": {"logical": 1, "physical": 1, "octets": 1},
    "one part in two octets": {"logical": 1, "octets": 2},
}


@pytest.mark.parametrize("parts", NO_ADDRESS.values(), ids=NO_ADDRESS)
def test_no_address(parts: dict[str, int]) -> None:
    with pytest.raises(ValueError):
        ServerAddress(**parts)


def test_three_octets_are_no_address() -> None:
    with pytest.raises(ProtocolError, match="3 octets"):
        ServerAddress.decode(b"\x02\x02\x03")
    with pytest.raises(ValueError, match="seven bits"):
        encode_client(128)


# --- sizes ----------------------------------------------------------------------------------------


def test_the_longest_frame() -> None:
    frame = Frame(bytes.fromhex("00020023"), CLIENT, 0x10, bytes(INFO_MAX))
    assert len(encode(frame)) <= LENGTH_MAX + 2
    assert FrameDecoder().feed(encode(frame)) == [frame]
    with pytest.raises(ValueError, match="at most 2047"):
        encode(Frame(SERVER, CLIENT, 0x10, bytes(LENGTH_MAX)))


@pytest.mark.parametrize("sizes", [(0, 1), (2031, 1), (128, 0), (128, 8)])
def test_settings_that_no_frame_can_have(sizes: tuple[int, int]) -> None:
    with pytest.raises(ValueError):
        HdlcSettings(info_receive=sizes[0], window_receive=sizes[1])


LISTS = {
    # name: (information field, what it says)
    "nothing": ("", DEFAULTS),
    "all at their defaults": ("818012050180060180070400000001080400000001", DEFAULTS),
    "sizes in two octets": (
        "818014050207EE060207EE070400000007080400000007",
        Parameters(2030, 2030, 7, 7),
    ),
    "sizes in one": ("8180120501F80601F8070400000001080400000001", Parameters(248, 248, 1, 1)),
    "windows in one octet": ("81800C0501 800601 80070103080102", Parameters(128, 128, 3, 2)),
    "receive size alone": ("81800306 01 40", Parameters(128, 64, 1, 1)),
    "in another order": ("818006 0601400501 20", Parameters(32, 64, 1, 1)),
    "a group length too long": ("8180FF050120060140", Parameters(32, 64, 1, 1)),
    "a group length too short": ("818001050120060140", Parameters(32, 64, 1, 1)),
    "unknown parameters too": ("818008 0501200902AABB", Parameters(32, 128, 1, 1)),
    "cut within": ("818012050120060240", Parameters(32, 128, 1, 1)),
    "more than possible": ("81800A0504000100000704000000FF", Parameters(2030, 128, 7, 1)),
    "zeros": ("81800605 0100070100", DEFAULTS),
    "another format": ("82800305 0120", DEFAULTS),
    "something else": ("E6E700", DEFAULTS),
}


@pytest.mark.parametrize(("octets", "parameters"), LISTS.values(), ids=LISTS)
def test_parameters(octets: str, parameters: Parameters) -> None:
    assert decode_parameters(bytes.fromhex(octets)) == parameters


@given(
    st.builds(
        Parameters, st.integers(1, 2030), st.integers(1, 2030), st.integers(1, 7), st.integers(1, 7)
    )
)
def test_any_parameters(parameters: Parameters) -> None:
    assert decode_parameters(encode_parameters(parameters)) == parameters


@given(st.binary(max_size=64))
def test_random_parameters_are_possible_ones(octets: bytes) -> None:
    found = decode_parameters(octets)
    HdlcSettings(found.info_receive, found.info_transmit, found.window_receive)


REJECTS = {
    "970000": "FRMR P/F rejected: no reason given",
    "100001": "I 0 expecting 0 P/F rejected: an unknown control field",
    "93000C": "SNRM P/F rejected: too much information, an acknowledgement of what was never sent",
    "FF": "frame reject without a reason",
}


@pytest.mark.parametrize(("octets", "text"), REJECTS.items())
def test_reject(octets: str, text: str) -> None:
    assert describe_reject(bytes.fromhex(octets)) == text


def test_reject_says_where_we_stand() -> None:
    assert encode_reject(0x10, "z", expected=3, next_number=5) == bytes((0x10, 0x6A, 0x08))


# --- vectors of others ----------------------------------------------------------------------------


@pytest.mark.parametrize("vector", vectors("hdlc-frame"), ids=lambda vector: vector.name)
def test_frames_of_another_implementation(vector: Vector) -> None:
    found = FrameDecoder().feed(vector.octets)
    assert len(found) == 1, found
    (frame,) = found
    assert isinstance(frame, Frame)
    assert encode(frame) == vector.octets


@pytest.mark.parametrize("vector", vectors("push-hdlc"), ids=lambda vector: vector.name)
@pytest.mark.parametrize("piece", [1, 13, 10_000])
def test_telegrams_of_real_meters(vector: Vector, piece: int) -> None:
    """What a meter pushes: frames on end, flags shared or not, and nothing left over."""
    client = HdlcClient(1)
    for start in range(0, len(vector.octets), piece):
        client.receive_data(vector.octets[start : start + piece], now=0.0)
    events = []
    while (event := client.next_event()) is not NEED_DATA:
        events.append(event)
    assert events, "no APDU"
    for event in events:
        assert isinstance(event, ApduReceived), event
        assert event.unconfirmed
        assert event.apdu[0] in (0x0F, 0xDB, 0xE0)  # notification, general ciphering, general block


@pytest.mark.skipif(not vectors("push-hdlc"), reason=ABSENT)
def test_there_are_telegrams() -> None:
    assert len(vectors("push-hdlc")) >= 11
    assert len(vectors("hdlc-frame")) >= 5
