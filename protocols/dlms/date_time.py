"""COSEM date, time and date-time: octets whose parts may be 'not specified' (Blue Book 4.1.6).

None stands for 'not specified' (FF, FFFF, and 8000 for the deviation).  Values that a calendar does
not know are kept as they came, so that dirty octets of a meter can still be shown and re-encoded;
`to_datetime` is where they are refused.
"""

from __future__ import annotations

import datetime
import enum
import struct
from dataclasses import dataclass
from typing import Self

_DATE = struct.Struct(">HBBB")
_TIME = struct.Struct(">BBBB")

MONTH_DAYLIGHT_SAVING_END = 0xFD
MONTH_DAYLIGHT_SAVING_BEGIN = 0xFE
DAY_SECOND_LAST_OF_MONTH = 0xFD
DAY_LAST_OF_MONTH = 0xFE
_DEVIATION_NOT_SPECIFIED = -0x8000


class ClockStatus(enum.IntFlag):
    """Status octet of the clock."""

    OK = 0
    INVALID = 0x01
    DOUBTFUL = 0x02
    DIFFERENT_BASE = 0x04
    INVALID_STATUS = 0x08
    DAYLIGHT_SAVING = 0x80


def _read(octet: int) -> int | None:
    return None if octet == 0xFF else octet


def _octet(part: int | None) -> int:
    return 0xFF if part is None else part


def _check(**parts: int | None) -> None:
    """Refuse what the octets cannot hold, and the number that would read back as None."""
    for name, part in parts.items():
        if part is not None and not 0 <= part < (0xFFFF if name == "year" else 0xFF):
            raise ValueError(f"{name} {part} does not fit")


@dataclass(frozen=True, slots=True)
class Date:
    """Five octets: year, month, day of month, day of week (Monday is 1)."""

    year: int | None = None
    month: int | None = None
    day: int | None = None
    weekday: int | None = None

    def __post_init__(self) -> None:
        _check(year=self.year, month=self.month, day=self.day, weekday=self.weekday)

    @classmethod
    def from_octets(cls, octets: bytes) -> Self:
        """Raises ValueError unless there are five octets."""
        if len(octets) != 5:
            raise ValueError(f"a date has 5 octets, not {len(octets)}")
        year, month, day, weekday = _DATE.unpack(octets)
        return cls(None if year == 0xFFFF else year, _read(month), _read(day), _read(weekday))

    @property
    def octets(self) -> bytes:
        return _DATE.pack(
            0xFFFF if self.year is None else self.year,
            _octet(self.month),
            _octet(self.day),
            _octet(self.weekday),
        )


@dataclass(frozen=True, slots=True)
class Time:
    """Four octets: hour, minute, second, hundredths."""

    hour: int | None = None
    minute: int | None = None
    second: int | None = None
    hundredths: int | None = None

    def __post_init__(self) -> None:
        _check(hour=self.hour, minute=self.minute, second=self.second, hundredths=self.hundredths)

    @classmethod
    def from_octets(cls, octets: bytes) -> Self:
        """Raises ValueError unless there are four octets."""
        if len(octets) != 4:
            raise ValueError(f"a time has 4 octets, not {len(octets)}")
        return cls(*map(_read, octets))

    @property
    def octets(self) -> bytes:
        return _TIME.pack(*map(_octet, (self.hour, self.minute, self.second, self.hundredths)))


@dataclass(frozen=True, slots=True)
class DateTime:
    """Twelve octets: date, time, deviation and clock status.

    `deviation_min` is what must be added to local time to get UTC, in minutes: -60 in Madrid in
    winter, 240 in Santiago in winter.  `status` None is 'not specified'.
    """

    date: Date
    time: Time
    deviation_min: int | None = None
    status: ClockStatus | None = ClockStatus.OK

    def __post_init__(self) -> None:
        if self.deviation_min is not None and not -0x8000 < self.deviation_min <= 0x7FFF:
            raise ValueError(f"deviation {self.deviation_min} does not fit")
        _check(status=self.status)

    @classmethod
    def from_octets(cls, octets: bytes) -> Self:
        """Raises ValueError unless there are twelve octets."""
        if len(octets) != 12:
            raise ValueError(f"a date-time has 12 octets, not {len(octets)}")
        deviation, status = struct.unpack_from(">hB", octets, 9)
        return cls(
            Date.from_octets(octets[:5]),
            Time.from_octets(octets[5:9]),
            None if deviation == _DEVIATION_NOT_SPECIFIED else deviation,
            None if status == 0xFF else ClockStatus(status),
        )

    @classmethod
    def from_datetime(
        cls, moment: datetime.datetime, status: ClockStatus | None = ClockStatus.OK
    ) -> Self:
        """An aware moment carries its deviation; a naive one leaves it not specified."""
        offset = moment.utcoffset()
        return cls(
            Date(moment.year, moment.month, moment.day, moment.isoweekday()),
            Time(moment.hour, moment.minute, moment.second, moment.microsecond // 10_000),
            None if offset is None else -round(offset.total_seconds() / 60),
            status,
        )

    @property
    def octets(self) -> bytes:
        deviation = self.deviation_min
        return (
            self.date.octets
            + self.time.octets
            + struct.pack(
                ">hB",
                _DEVIATION_NOT_SPECIFIED if deviation is None else deviation,
                0xFF if self.status is None else self.status,
            )
        )

    def to_datetime(self) -> datetime.datetime:
        """The moment: aware when the deviation is specified, else naive local time.

        Seconds and hundredths that are not specified count as zero.  Raises ValueError when date,
        hour or minute are not specified, or when no calendar has them.
        """
        date, time = self.date, self.time
        parts = (date.year, date.month, date.day, time.hour, time.minute)
        year, month, day, hour, minute = (-1 if part is None else part for part in parts)
        zone = None
        if self.deviation_min is not None:
            zone = datetime.timezone(datetime.timedelta(minutes=-self.deviation_min))
        return datetime.datetime(
            year,
            month,
            day,
            hour,
            minute,
            time.second or 0,
            (time.hundredths or 0) * 10_000,
            tzinfo=zone,
        )
