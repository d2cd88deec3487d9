"""The file format: what is written is read; what is damaged is told with its place."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import wrapper
from protocols.capture import packets, pcapng
from protocols.capture.packets import ACK, PUSH, End, Fate, Header, Segment
from protocols.capture.pcapng import Packet
from protocols.capture.recorder import Recorder
from protocols.dlms.acse import AARQ
from protocols.dlms.apdu import InitiateRequest
from protocols.dlms.codes import Conformance
from protocols.errors import ProtocolError
from protocols.plc import frames as plc

AT_US = 1_783_000_000_123_456


def read(octets: bytes) -> list[Packet]:
    return list(pcapng.packets(io.BytesIO(octets).read))


def written(*blocks: bytes) -> bytes:
    interfaces = b"".join(map(pcapng.interface, packets.INTERFACES))
    return pcapng.section("test", "a file") + interfaces + b"".join(blocks)


@given(
    st.integers(0, 3),
    st.integers(0, 2**63),
    st.binary(max_size=300),
    st.text(st.characters(codec="utf-8"), max_size=40),
    st.booleans(),
)
def test_what_is_written_is_read(
    number: int, at_us: int, octets: bytes, comment: str, outbound: bool
) -> None:
    block = pcapng.packet(number, at_us, octets, comment=comment, outbound=outbound)
    file = written(block)
    (packet,) = read(file)
    assert packet.interface == packets.INTERFACES[number]
    assert (packet.at_us, packet.octets, packet.comment) == (at_us, octets, comment)
    assert packet.outbound is outbound
    assert file[packet.offset :] == block


def test_the_other_byte_order_is_read() -> None:
    def block(kind: int, body: bytes) -> bytes:
        length = struct.pack(">I", len(body) + 12)
        return struct.pack(">I", kind) + length + body + length

    section = block(0x0A0D0D0A, struct.pack(">IHHq", 0x1A2B3C4D, 1, 0, -1))
    interface = block(1, struct.pack(">HHI", 147, 0, 0))
    packet = block(6, struct.pack(">IIIII", 0, 0, 5, 3, 3) + b"abc\0")
    (found,) = read(section + interface + packet)
    assert (found.octets, found.at_us, found.interface.link_type) == (b"abc", 5, 147)


def test_a_resolution_that_says_none_is_microseconds() -> None:
    body = struct.pack("<HHI", 147, 0, 0) + struct.pack("<HH", 9, 0)
    block = struct.pack("<II", 1, len(body) + 12) + body + struct.pack("<I", len(body) + 12)
    packet = pcapng.packet(0, AT_US, b"abcd", comment="", outbound=True)
    (found,) = read(pcapng.section("other") + block + packet)
    assert found.at_us == AT_US


ONE = pcapng.packet(1, AT_US, b"abcd", comment="c", outbound=True)
START = len(written())
DAMAGE = {
    # name: (octets, offset, part of the cause, packets before)
    "nothing": (b"", 0, "empty", 0),
    "no pcapng": (b"GIF89a" * 20, 0, "no pcapng file", 0),
    "cut inside a block": (written(ONE, ONE)[:-5], START + len(ONE), "are here", 1),
    "cut inside a head": (written(ONE, b"\x06\0\0"), START + len(ONE), "inside the head", 1),
    "a length that is none": (
        written(ONE, struct.pack("<II", 6, 13) + bytes(40)), START + len(ONE) + 4, "13 octets", 1,
    ),
    "a length beyond reason": (
        written(struct.pack("<II", 6, 0xFFFFFFFC)), START + 4, "a block of", 0,
    ),
    "lengths that differ": (written(ONE[:-4] + b"\0\0\0\0"), START + len(ONE) - 4, "differ", 0),
    "an interface that is not there": (
        written(pcapng.packet(9, 0, b"", comment="", outbound=True)), START + 8, "interface 9", 0,
    ),
    "no byte order": (b"\x0a\x0d\x0d\x0a" + bytes(24), 8, "byte order", 0),
}  # fmt: skip


@pytest.mark.parametrize(("octets", "offset", "cause", "before"), DAMAGE.values(), ids=DAMAGE)
def test_damage_has_its_place_and_what_came_before_is_read(
    octets: bytes, offset: int, cause: str, before: int
) -> None:
    found = []
    with pytest.raises(ProtocolError, match=cause) as refused:
        for packet in pcapng.packets(io.BytesIO(octets).read):
            found.append(packet)
    assert refused.value.offset == offset
    assert len(found) == before


@given(st.binary(max_size=400))
def test_random_octets(octets: bytes) -> None:
    for file in (octets, written(octets), written(ONE, octets)):
        try:
            read(file)
        except ProtocolError:
            pass


# --- what stands before packets ------------------------------------------------------------------


@given(
    st.booleans(),
    st.text(max_size=60),
    st.integers(0, 255),
    st.integers(-0x8000, 0x7FFF),
    st.integers(0, 0xFFFFFFFF),
    st.binary(max_size=50),
)
def test_a_header_and_what_follows_it(
    up: bool, name: str, detail: int, snr: int, airtime: int, octets: bytes
) -> None:
    header = Header(up, name, detail, snr, airtime)
    assert packets.split(header.encode() + octets) == (header, octets)


@given(st.binary(max_size=100), st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF))
def test_a_segment(data: bytes, port: int, sequence: int) -> None:
    ends = End(b"\x0a\0\0\x01", port), End(b"\x0a\0\0\x02", 4059)
    segment = Segment(*ends, sequence, 7, PUSH | ACK, data)
    assert packets.read_segment(segment.encode()) == segment


# --- the recorder --------------------------------------------------------------------------------


def recorded(*calls: object) -> list[Packet]:
    file = io.BytesIO()
    recorder = Recorder(file.write)
    for call in calls:
        call(recorder)  # type: ignore[operator]
    recorder.close()
    return read(file.getvalue())


def frame(now: int, at: int, name: str) -> object:
    octets = plc.encode(plc.Segment(plc.Direction.DOWN, 1, 1, 0, True, b"x"))
    return lambda recorder: recorder.frame(
        now, name, octets, at_us=at, up=False, fate=Fate.NOISE, snr_cdb=-150, airtime_us=9
    )


def test_packets_leave_in_the_order_of_their_times() -> None:
    found = recorded(frame(0, 30, "a"), frame(0, 50, "a"), frame(20, 20, "b"), frame(40, 40, "c"))
    assert [packet.at_us for packet in found] == [20, 30, 40, 50]


def test_of_one_time_the_first_recorded_comes_first() -> None:
    found = recorded(*(frame(0, 7, name) for name in "zyx"))
    assert [packets.split(packet.octets)[0].name for packet in found] == ["z", "y", "x"]


def test_a_conversation_counts_as_tcp_does() -> None:
    def say(up: bool, size: int) -> object:
        octets = wrapper.encode(16, 1, bytes(size))
        return lambda recorder: recorder.wrapper(0, "C", "M", octets, up=up)

    said = recorded(say(False, 2), say(True, 65_000))
    found = [packets.read_segment(each.octets) for each in said]
    assert [each.flags for each in found[:3]] == [0x02, 0x12, 0x10]
    data = found[3:]
    assert [each.source.port == 4059 for each in data] == [False, True, True]
    assert b"".join(each.data for each in data[1:]) == wrapper.encode(16, 1, bytes(65_000))
    assert data[1].sequence + len(data[1].data) == data[2].sequence
    assert data[1].acknowledged == data[0].sequence + len(data[0].data)


SECRET = b"S3CRETPASS"


def aarq(mechanism: int) -> bytes:
    return AARQ(
        1, bytes.fromhex("01000000065F1F0400007E1F04B0"), None, mechanism, SECRET, b"\x07\x80"
    ).encode()


@pytest.mark.parametrize(("mechanism", "hidden"), [(1, True), (5, False)], ids=["LLS", "HLS"])
def test_a_password_is_blotted_out_and_a_challenge_stays(mechanism: int, hidden: bool) -> None:
    octets = wrapper.encode(1, 1, aarq(mechanism))
    file = io.BytesIO()
    recorder = Recorder(file.write)
    recorder.wrapper(0, "C", "M", octets, up=False)
    recorder.close()
    assert (SECRET not in file.getvalue()) is hidden
    assert len(read(file.getvalue())[-1].octets) == len(octets) + 40


def test_a_dedicated_key_in_the_clear_is_blotted_out() -> None:
    key = bytes(range(100, 116))
    asked = AARQ(1, InitiateRequest(Conformance.GET, 500, key).encode()).encode()
    file = io.BytesIO()
    recorder = Recorder(file.write)
    recorder.wrapper(0, "C", "M", wrapper.encode(1, 1, asked), up=False)
    recorder.close()
    assert key not in file.getvalue()
