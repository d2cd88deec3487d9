"""Reading what meters in the field send: values of dirty octets, with what was wrong with them.

Nothing here raises for what a meter said.  A moment that could be meant in two ways is decided by
what is known besides: the meter's time zone, and about when it must have been.
"""

from __future__ import annotations

import datetime
from dataclasses import replace

from protocols.dlms import apdu, axdr
from protocols.dlms.acse import RLRE
from protocols.dlms.apdu import Apdu
from protocols.dlms.axdr import Reader
from protocols.dlms.date_time import ClockStatus, DateTime
from protocols.dlms.flaws import Flaw, Told
from protocols.dlms.get import GetResponseNormal
from protocols.dlms.notification import DataNotification
from protocols.dlms.values import (
    Array,
    DateTimeValue,
    OctetString,
    Structure,
    Utf8String,
    Value,
    VisibleString,
)
from protocols.errors import ProtocolError

GET_RESPONSE_NORMAL = b"\xc4\x01"
GET_RESPONSE_BLOCK = b"\xc4\x02"
RELEASED = b"\x63\x80\x01"
"""The tag of an RLRE and, behind its length, that of a reason of one octet."""
NEAR_S = 900.0
"""How far from the moment expected a time may lie and still be meant so: most clocks are better,
and no time zone is wrong by less."""
LATE_S = 600.0
"""A push that speaks of a time longer ago came late."""
HUNDREDTHS_MAX = 99
SIGNED_MAX = 0x7FFF_FFFF


def answer(octets: bytes) -> Apdu:
    """One APDU from a server; a value that a GET response has twice is kept in its `trailing`.

    Meters write one more of the same type, or an octet string again with octets of their own around
    it; and more rows of a profile than its array says.  Raises ProtocolError for what is no APDU
    even so: any other octets behind it may be the begin of something else.
    """
    try:
        return apdu.decode(octets)
    except ProtocolError:
        if octets[:1] + octets[2:4] == RELEASED:
            return RLRE(None)  # some count its lengths wrong; it says no more than that it is one
        refused = octets[:2] == GET_RESPONSE_BLOCK and octets[8:9] == b"\x01"
        if refused and octets[:8] in octets[10:]:
            return apdu.decode(octets[:10])  # and the same block begun again
        if octets[:2] != GET_RESPONSE_NORMAL:
            raise
        reader = Reader(octets, 3)
        if reader.u8() != 0:
            raise  # a data access result: nothing worth keeping came with it
        begin = reader.offset
        value = reader.value()
        said, trailing = octets[begin : reader.offset], octets[reader.offset :]
        again = isinstance(value, OctetString) and len(value) > 0 and said in trailing
        if not again and all_rows(value, trailing) is None and not _same_type(value, trailing):
            raise
        return GetResponseNormal(octets[2], value, trailing)


def whole(octets: bytes) -> tuple[Value, Value, Flaw]:
    """The value that an answer's octets are, the one at their begin, and what is wrong with them:
    the same again behind it, or more rows than it counts.

    Raises ProtocolError for any other octets behind it.
    """
    reader = Reader(octets)
    value = reader.value()
    trailing = octets[reader.offset :]
    if not trailing:
        return value, value, Flaw.NONE
    twice = trailing == octets[: reader.offset]
    found = value if twice else all_rows(value, trailing)
    if found is None:
        raise ProtocolError(reader.offset, f"{len(trailing)} trailing octets")
    return found, value, Flaw.TRAILING_OCTETS


def all_rows(value: Value, trailing: bytes) -> Array | None:
    """The rows of an array with those behind it: some meters count fewer than they send, or none.
    None where it is no array of rows, or where something else follows."""
    if not isinstance(value, Array):
        return None
    rows, reader = list(value), Reader(trailing)
    while reader.offset < len(trailing):
        try:
            rows.append(reader.value())
        except ProtocolError:
            return None
    shapes = {len(row) if isinstance(row, Structure) else None for row in rows}
    return None if None in shapes or len(shapes) > 1 else Array(rows)


def _same_type(value: Value, octets: bytes) -> bool:
    """Whether these octets are one value of the same type.  Raises ProtocolError for none."""
    return type(axdr.decode(octets)) is type(value)


def value(octets: bytes) -> Told[Value | None]:
    """The value at the begin of `octets`."""
    reader = Reader(octets)
    try:
        found = reader.value()
    except ProtocolError:
        return Told(None, octets, Flaw.TRAILING_OCTETS if octets else Flaw.NONE)
    left = reader.offset != len(octets)
    return Told(found, octets, Flaw.TRAILING_OCTETS if left else Flaw.NONE)


# Times.


def moment(
    told: bytes | DateTimeValue,
    *,
    zone: datetime.tzinfo | None = None,
    near: datetime.datetime | None = None,
) -> Told[datetime.datetime | None]:
    """The aware moment of a date-time of 12 octets, or more if the first 12 are one.

    `zone` is where the meter hangs; it says what a local time without deviation is.  `near` is
    about when it must have been: the row before it and a period, or the time of reading.
    """
    raw = told.moment.octets if isinstance(told, DateTimeValue) else bytes(told)
    flaws = Flaw.TRAILING_OCTETS if len(raw) > 12 else Flaw.NONE
    try:
        written = DateTime.from_octets(raw[:12])
    except ValueError:
        return Told(None, raw, flaws | Flaw.NO_SUCH_DATE)
    if written.status is not None and written.status & ClockStatus.INVALID:
        flaws |= Flaw.CLOCK_INVALID
    hundredths = written.time.hundredths
    if hundredths is not None and hundredths > HUNDREDTHS_MAX:
        flaws |= Flaw.HUNDREDTHS_TOO_MANY
        written = replace(written, time=replace(written.time, hundredths=0))
    try:
        local = replace(written, deviation_min=None).to_datetime()
        found, doubt = _placed(local, written.deviation_min, zone, near)
    except (ValueError, OverflowError):
        return Told(None, raw, flaws | Flaw.NO_SUCH_DATE)
    return Told(found, raw, flaws | doubt)


def _placed(
    local: datetime.datetime,
    deviation_min: int | None,
    zone: datetime.tzinfo | None,
    near: datetime.datetime | None,
) -> tuple[datetime.datetime, Flaw]:
    """A local time as a moment, by the reading of its deviation that fits what is known."""
    here = local.replace(tzinfo=zone or datetime.UTC)
    if deviation_min is None:
        return here, Flaw.NONE if zone else Flaw.DEVIATION_DOUBTFUL
    said = _at(local, -deviation_min)
    if near is None or abs((said - near).total_seconds()) <= NEAR_S:
        return said, Flaw.NONE
    readings = [(_at(local, deviation_min), Flaw.DEVIATION_SIGN)]
    if zone is not None:
        wrong = Flaw.DEVIATION_IGNORED if deviation_min == 0 else Flaw.DEVIATION_DOUBTFUL
        sign = here.utcoffset() == datetime.timedelta(minutes=deviation_min)
        readings.insert(0, (here, Flaw.DEVIATION_SIGN if sign and deviation_min else wrong))
    for reading, flaw in readings:
        if abs((reading - near).total_seconds()) <= NEAR_S:
            return reading, flaw
    return said, Flaw.DEVIATION_DOUBTFUL


def _at(local: datetime.datetime, offset_min: int) -> datetime.datetime:
    zone = datetime.timezone(datetime.timedelta(minutes=offset_min))
    return local.replace(tzinfo=zone)


# Strings.


def text(told: bytes | VisibleString | Utf8String) -> Told[str]:
    """A string for people: without NUL, and in hex where it is none."""
    raw = _octets(told)
    kept = raw.replace(b"\0", b"")
    flaws = Flaw.NUL_CHARACTERS if len(kept) != len(raw) else Flaw.NONE
    try:
        found = kept.decode("utf-8")
    except UnicodeDecodeError:
        return Told(raw.hex().upper(), raw, flaws | Flaw.NOT_TEXT)
    if not found.isprintable():
        return Told(raw.hex().upper(), raw, flaws | Flaw.NOT_TEXT)
    return Told(found.strip(), raw, flaws)


def _octets(told: bytes | VisibleString | Utf8String) -> bytes:
    if isinstance(told, VisibleString):
        return told.encode("latin-1")
    if isinstance(told, Utf8String):
        return told.encode("utf-8", "surrogateescape")
    return bytes(told)


# Pushes.


class Pushes:
    """The pushes of one meter as they come: which were there before, and which are late."""

    REMEMBERED = 64

    def __init__(self) -> None:
        self._seen: dict[tuple[int, bytes], None] = {}

    def take(
        self,
        octets: bytes,
        *,
        now: datetime.datetime,
        zone: datetime.tzinfo | None = None,
    ) -> Told[DataNotification | None]:
        """One plain DataNotification, repeated or not."""
        try:
            found = apdu.decode(octets)
        except ProtocolError:
            found = None
        if not isinstance(found, DataNotification):
            return Told(None, octets)
        flaws = Flaw.NONE
        if found.long_invoke_id_and_priority > SIGNED_MAX:
            flaws |= Flaw.NOT_AN_IDENTIFIER
        key = found.long_invoke_id_and_priority, found.date_time
        if key in self._seen:
            flaws |= Flaw.REPEATED
        self._seen[key] = None
        while len(self._seen) > self.REMEMBERED:
            del self._seen[next(iter(self._seen))]
        if found.date_time:
            said = moment(found.date_time, zone=zone).value
            if said is not None and (now - said).total_seconds() > LATE_S:
                flaws |= Flaw.LATE
        return Told(found, octets, flaws)


def clock(
    read: Value, *, zone: datetime.tzinfo, now: datetime.datetime
) -> Told[datetime.datetime | None]:
    """The time that a clock shows, when it was read just now."""
    if isinstance(read, OctetString | DateTimeValue):
        return moment(read, zone=zone, near=now)
    return Told(None, axdr.encode(read), Flaw.NO_SUCH_DATE)
