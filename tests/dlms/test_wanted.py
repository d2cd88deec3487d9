"""What dirty meters give, as a reading: the value as it is meant, its octets, and what was odd."""

from __future__ import annotations

import datetime

import pytest

from protocols.concentrator.messages import ObjectWanted
from protocols.dlms import axdr
from protocols.dlms.date_time import DateTime
from protocols.dlms.procedures.wanted import as_read, placed
from protocols.dlms.values import DateTimeValue, OctetString, VisibleString

CLOCK = ObjectWanted(8, "0.0.1.0.0.255", 2)
FIRMWARE = ObjectWanted(1, "1.0.0.2.0.255", 2)
NOON = "07EA07060 10C000000".replace(" ", "")  # 2026-07-06 12:00:00.00, a Monday

READ = {
    # what: (asked, value, text, quality); the date-time's layout is Blue Book 4.1.6
    "a clock": (CLOCK, OctetString(bytes.fromhex(NOON + "00F0" + "00")),
                "2026-07-06T12:00:00-04:00", ()),
    "a clock of type date-time": (
        CLOCK, DateTimeValue(DateTime.from_octets(bytes.fromhex(NOON + "00F000"))),
        "2026-07-06T12:00:00-04:00", ()),
    "no deviation": (CLOCK, OctetString(bytes.fromhex(NOON + "800000")),
                     "2026-07-06T12:00:00", ()),
    "sent twice": (CLOCK, OctetString(bytes.fromhex((NOON + "00F000") * 2)),
                   "2026-07-06T12:00:00-04:00", ("trailing-octets",)),
    "hundredths that are milliseconds": (
        CLOCK, OctetString(bytes.fromhex("07EA0706010C0000FA00F000")),
        "2026-07-06T12:00:00-04:00", ("hundredths-too-many",)),
    "a clock that the meter does not trust": (
        CLOCK, OctetString(bytes.fromhex(NOON + "00F001")),
        "2026-07-06T12:00:00-04:00", ("clock-invalid",)),
    "30 February": (CLOCK, OctetString(bytes.fromhex("07EA021E010C00000000F000")),
                    "07ea021e010c00000000f000", ("no-such-date",)),
    "NUL in a name": (FIRMWARE, OctetString(b"v1.2\0\0"), "v1.2", ("nul-characters",)),
    "NUL in a string": (FIRMWARE, VisibleString("v1\0.2"), "v1.2", ("nul-characters",)),
    "octets that are no text": (FIRMWARE, OctetString(b"\x01\x00\xff"), "0100ff", ()),
}  # fmt: skip


@pytest.mark.parametrize("asked, value, text, quality", READ.values(), ids=READ)
def test_read_with_good_will(asked, value, text, quality) -> None:
    read = as_read(asked, value, None)
    assert (read.value, read.quality) == (text, quality)
    assert read.raw == axdr.encode(value)  # whatever was understood, what came is kept


AT = datetime.datetime(2026, 7, 6, 16, 0, 20, tzinfo=datetime.UTC)  # noon in Santiago, in winter
PLACED = {
    # deviation as sent: text, quality; read at 16:00:20 UTC
    "right": ("00F0", "2026-07-06T12:00:00-04:00", ()),
    "wrong sign": ("FF10", "2026-07-06T12:00:00-04:00", ("deviation-sign",)),
    "an hour off": ("00B4", "2026-07-06T12:00:00-03:00", ("deviation-doubtful",)),
    "not specified": ("8000", "2026-07-06T12:00:00", ()),
}


@pytest.mark.parametrize("deviation, text, quality", PLACED.values(), ids=PLACED)
def test_a_clock_placed_by_when_it_was_read(deviation, text, quality) -> None:
    octets = OctetString(bytes.fromhex(NOON + deviation + "00"))
    read = placed(as_read(CLOCK, octets, None), near=AT)
    assert (read.value, read.quality) == (text, quality)
    assert read.raw == axdr.encode(octets)
