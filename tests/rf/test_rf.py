"""The radio's airtime, error rates and frames, against the check points of the facts."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import LocalProtocolError, ProtocolError
from protocols.plc.frames import Acknowledgement, Direction, Frame, Segment
from protocols.rf import error_rates
from protocols.rf.frames import (
    ACKNOWLEDGEMENT_OCTETS,
    FRAME_OCTETS_MAX,
    OVERHEAD_OCTETS,
    crc16,
    decode,
    encode,
)
from protocols.rf.physical import MODES, airtime_us

AIRTIMES = {
    # name: (mode, octets of payload, milliseconds)
    "64 octets at 4.8 kbit/s": ("169-4.8k", 64, 126.667),  # 127 ms [read]
    "64 octets at 2.4 kbit/s": ("169-2.4k", 64, 253.334),
    "64 octets at 50 kbit/s": ("868-50k", 64, 12.16),  # 12.2 ms [read]
    "64 octets at 100 kbit/s": ("868-100k", 64, 6.08),
    "64 octets at 150 kbit/s": ("868-150k", 64, 4.054),
    "one octet": ("868-100k", 1, 1.04),
}


@pytest.mark.parametrize("mode, octets, milliseconds", AIRTIMES.values(), ids=AIRTIMES)
def test_airtime(mode: str, octets: int, milliseconds: float) -> None:
    assert airtime_us(octets, MODES[mode]) / 1000 == milliseconds


@pytest.mark.parametrize("octets", [0, 256])
def test_no_such_payload(octets: int) -> None:
    with pytest.raises(ValueError, match=f"{octets} octets"):
        airtime_us(octets, MODES["868-50k"])


@pytest.mark.parametrize("snr_cdb", [-500, 0, 600, 1094, 1300])
def test_bit_error_rate_of_non_coherent_fsk(snr_cdb: int) -> None:
    snr = 10 ** (snr_cdb / 1000)
    assert float(error_rates.bit_error_rate(snr_cdb)) == pytest.approx(math.exp(-snr / 2) / 2)


def test_at_the_sensitivity_one_bit_in_a_thousand_is_wrong() -> None:
    assert float(error_rates.bit_error_rate(1094)) == pytest.approx(1e-3, rel=0.02)


@given(st.integers(-1000, 2000), st.integers(1, 248))
def test_frame_error_rate_is_that_of_independent_bits(snr_cdb: int, octets: int) -> None:
    snr = 10 ** (snr_cdb // 10 / 100)
    expected = -math.expm1(8 * octets * math.log1p(-math.exp(-snr / 2) / 2))
    assert error_rates.lost_of_2_32(snr_cdb, octets) == pytest.approx(
        expected * error_rates.ONE, rel=1e-9, abs=1
    )


@given(st.integers(-3000, 4000), st.integers(1, 247))
def test_more_signal_or_less_to_send_never_loses_more(snr_cdb: int, octets: int) -> None:
    lost = error_rates.lost_of_2_32(snr_cdb, octets)
    assert 0 <= error_rates.lost_of_2_32(snr_cdb + 25, octets) <= lost
    assert lost <= error_rates.lost_of_2_32(snr_cdb, octets + 1) <= error_rates.ONE


def test_the_crc_of_en_13757() -> None:
    """The check value of CRC-16/EN-13757 for "123456789" (catalogue of parametrised CRCs)."""
    assert crc16(b"123456789") == 0xC2B7


VECTORS: dict[str, tuple[str, Frame]] = {
    # name: (octets without CRC, frame)
    "a segment down": ("08 53 0011 07 80 AA", Segment(Direction.DOWN, 17, 7, 0, True, b"\xaa")),
    "a segment up, more follow": (
        "09 44 0001 FF 05 0102", Segment(Direction.UP, 1, 255, 5, False, b"\x01\x02"),
    ),
    "an acknowledgement up": (
        "09 00 0011 07 00 0446", Acknowledgement(Direction.UP, 17, 7, 0, 1094),
    ),
    "an acknowledgement down": (
        "09 40 0011 07 3F FF9C", Acknowledgement(Direction.DOWN, 17, 7, 63, -100),
    ),
}  # fmt: skip


@pytest.mark.parametrize("octets, frame", VECTORS.values(), ids=VECTORS)
def test_frames(octets: str, frame: Frame) -> None:
    body = bytes.fromhex(octets)
    wire = body + crc16(body).to_bytes(2, "big")
    assert encode(frame) == wire
    assert decode(wire) == frame


frames: st.SearchStrategy[Frame] = st.one_of(
    st.builds(
        Segment,
        st.sampled_from(Direction),
        st.integers(0, 65535),
        st.integers(0, 255),
        st.integers(0, 63),
        st.booleans(),
        st.binary(min_size=1, max_size=FRAME_OCTETS_MAX - OVERHEAD_OCTETS),
    ),
    st.builds(
        Acknowledgement,
        st.sampled_from(Direction),
        st.integers(0, 65535),
        st.integers(0, 255),
        st.integers(0, 63),
        st.integers(-32768, 32767),
    ),
)


@given(frames)
def test_frames_survive_the_air(frame: Frame) -> None:
    wire = encode(frame)
    assert decode(wire) == frame
    assert len(wire) <= FRAME_OCTETS_MAX and wire[0] == len(wire) - 1
    if isinstance(frame, Acknowledgement):
        assert len(wire) == ACKNOWLEDGEMENT_OCTETS


@given(frames, st.data())
def test_a_flipped_bit_is_noticed(frame: Frame, data: st.DataObject) -> None:
    wire = bytearray(encode(frame))
    bit = data.draw(st.integers(0, 8 * len(wire) - 1))
    wire[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ProtocolError):
        decode(bytes(wire))


@given(st.binary(max_size=300))
def test_no_other_octets_are_a_frame(octets: bytes) -> None:
    try:
        frame = decode(octets)
    except ProtocolError:
        return
    assert encode(frame) == octets


WRONG: dict[str, Frame] = {
    "no data": Segment(Direction.UP, 1, 1, 1, True, b""),
    "too much": Segment(Direction.UP, 1, 1, 1, True, bytes(241)),
    "a node too high": Segment(Direction.UP, 65536, 1, 1, True, b"x"),
    "a segment too high": Segment(Direction.UP, 1, 1, 64, True, b"x"),
}


@pytest.mark.parametrize("frame", WRONG.values(), ids=WRONG)
def test_frames_that_cannot_be(frame: Frame) -> None:
    with pytest.raises(LocalProtocolError):
        encode(frame)
