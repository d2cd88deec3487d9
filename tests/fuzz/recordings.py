"""Targets: octets that a tool reads from files, lines and logs; see `targets`."""

from __future__ import annotations

import contextlib
import datetime
import io
from zoneinfo import ZoneInfo

from devices.meter import firmware
from protocols import mbus
from protocols.capture import packets, pcapng, radio
from protocols.capture.contents import Contents
from protocols.dissection import hex_text, report
from protocols.dissection.lines import Framing
from protocols.dissection.opening import KeyRing
from protocols.dissection.xml import text_of
from protocols.dlms import apdu, axdr, tolerant
from protocols.dlms.certificates import BadCertificate, certificate_info, read_certificate
from protocols.dlms.codes import ApduTag
from protocols.dlms.row_times import flaws_of, row_times
from protocols.errors import ProtocolError
from protocols.mode_e import messages, readout
from protocols.rf import frames as rf

SANTIAGO = ZoneInfo("America/Santiago")
NEAR = datetime.datetime(2026, 7, 6, 8, tzinfo=datetime.UTC)
RING = KeyRing(bytes(range(16)), bytes(range(0xD0, 0xE0)), system_title=b"TSTSERV1")
_SHORT_NAMES = (
    ApduTag.READ_REQUEST, ApduTag.READ_RESPONSE, ApduTag.WRITE_REQUEST, ApduTag.WRITE_RESPONSE,
    ApduTag.UNCONFIRMED_WRITE_REQUEST, ApduTag.INFORMATION_REPORT_REQUEST,
)  # fmt: skip


def short_names(octets: bytes) -> None:
    """The first octet chooses the service."""
    if not octets:
        return
    tagged = bytes((_SHORT_NAMES[octets[0] % len(_SHORT_NAMES)],)) + octets[1:]
    try:
        decoded = apdu.decode(tagged)
    except ProtocolError:
        return
    again = apdu.encode(decoded)
    assert apdu.encode(apdu.decode(again)) == again


def a_dissection(octets: bytes) -> None:
    """`ami dlms decode`: an error, or written again as it came."""
    for framing in Framing:
        for ring in (KeyRing(), RING):
            found = report.find(octets, framing, ring)
            told = report.as_json(found, bytes.hex, lambda each: text_of(each.element))
            assert "error" in told or told["reencoded"] == octets.hex()
    value = report.value_as_json(octets, bytes.hex)
    assert "error" in value or value["reencoded"] == octets.hex()


def a_line_of_hex(octets: bytes) -> None:
    text = octets.decode("latin-1")
    try:
        found = hex_text.parse(hex_text.without_comment(text))
    except ProtocolError:
        return
    assert hex_text.parse(hex_text.spelled_like(found, text)) == found


def what_a_dirty_meter_says(octets: bytes) -> None:
    with contextlib.suppress(ProtocolError):
        apdu.encode(tolerant.answer(octets))
    told = tolerant.value(octets)
    if told.value is not None:
        assert octets.startswith(axdr.encode(told.value)[:1])
        tolerant.clock(told.value, zone=SANTIAGO, now=NEAR)
    tolerant.text(octets)
    pushes = tolerant.Pushes()
    for _ in range(2):
        pushes.take(octets, now=NEAR, zone=SANTIAGO)


def times_of_rows(octets: bytes) -> None:
    """Date-times of twelve octets, the last one of fewer."""
    told = [octets[at : at + 12] for at in range(0, min(len(octets), 480), 12)]
    for zone in (None, SANTIAGO):
        for near in (None, NEAR):
            for newest_first in (False, True, None):
                found = row_times(told, 900.0, zone=zone, near=near, newest_first=newest_first)
                assert len(found) == len(told)
                flaws_of(found)
    assert len(row_times(told, 0.0, zone=SANTIAGO)) == len(told)


def a_readout(octets: bytes) -> None:
    for find in (
        readout.find,
        readout.find_unchecked,
        messages.find_request,
        messages.find_identification,
        messages.find_acknowledgement,
    ):
        with contextlib.suppress(ProtocolError):
            find(octets)
    block = b"\x02" + octets + b"!\r\n\x03"
    with contextlib.suppress(ProtocolError, ValueError):  # octets above 7F can be read, not said
        found = readout.find(block + bytes((readout.check_character(block[1:]),)))
        if found is not None:
            readout.find(readout.message(found.data))


def a_certificate(octets: bytes) -> None:
    for suite in (1, 2):
        try:
            found = read_certificate(suite, octets)
        except BadCertificate:
            continue
        certificate_info(found, b"TSTSERV1")
        assert found.runs(NEAR) in (False, True)
        found.issued_by(found)


def a_firmware_image(octets: bytes) -> None:
    found = firmware.inspect(octets)
    assert found is None or firmware.inspect(octets + b"\0") is None


def an_rf_frame(octets: bytes) -> None:
    """As it came, and with the CRC that it should have."""
    for frame in (octets, octets + rf.crc16(octets).to_bytes(2, "big")):
        try:
            found = rf.decode(frame)
        except ProtocolError:
            continue
        assert rf.encode(found) == frame


def an_m_bus_frame(octets: bytes) -> None:
    checked = octets[:-2] + bytes((sum(octets[4:-2]) & 0xFF, mbus.STOP))
    for frame in (octets, checked):
        try:
            found, end = mbus.decode(frame)
        except ProtocolError:
            continue
        assert mbus.encode(found) == frame[:end]


def a_capture(octets: bytes) -> None:
    """A pcapng file, and packets by themselves."""
    for read in (packets.split, packets.read_segment, radio.decode):
        with contextlib.suppress(ProtocolError):
            read(octets)
    with contextlib.suppress(ProtocolError):
        for _ in pcapng.packets(io.BytesIO(octets).read):
            pass
    contents = Contents()
    contents.learn(io.BytesIO(octets).read)
    with contextlib.suppress(ProtocolError):
        for found in contents.read(io.BytesIO(octets).read):
            assert found.words
