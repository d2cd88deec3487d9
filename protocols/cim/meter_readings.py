"""MeterReadings as series of values, and back (IEC 61968-9).

A reading type with a period (of measuring, or a macro period) goes into IntervalBlocks, any other
into Readings.  One MeterReading holds what is of one meter and usage point.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from protocols.cim.end_device_controls import MeterRef
from protocols.cim.errors import ReplyError, RequestRefused
from protocols.cim.gathered import ERRORS_MAX, refuse
from protocols.cim.reading_types import parse
from protocols.cim.records import meter_readings_auto as r
from protocols.cim.records.parts_auto import DateTimeInterval, Name

VALUES_MAX: Final = 9_600  # of one page: a day of 100 meters, 1 MB


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One value at a time (aware; of an interval its end).  `value` is decimal text, None for a
    gap.  `qualities` are ReadingQualityType codes, system.category.sub-category."""

    at: datetime
    value: str | None = None
    qualities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Values of one reading type of one meter, at one usage point, or both."""

    reading_type: str
    values: tuple[Value, ...]
    meter: MeterRef | None = None
    usage_point: MeterRef | None = None


def write(series: Iterable[Series]) -> r.MeterReadings:
    """The record of these series.  Raises `ValueError` for a reading type that is none, and for a
    series of neither meter nor usage point."""
    readings: list[r.MeterReading] = []
    whose: list[tuple[MeterRef | None, MeterRef | None]] = []
    for one in series:
        key = (one.meter, one.usage_point)
        if key == (None, None):
            raise ValueError("a series is of a meter or of a usage point")
        if not whose or whose[-1] != key:
            whose.append(key)
            readings.append(_owner(one))
        readings[-1] = _with(readings[-1], one)
    return r.MeterReadings(meter_reading=tuple(readings))


def pages(series: Iterable[Series], values_max: int = VALUES_MAX) -> Iterator[r.MeterReadings]:
    """The same in records of at most `values_max` values each; a long series goes over several."""
    if values_max < 1:
        raise ValueError("a page has room for one value")
    page: list[Series] = []
    room = values_max
    for one in series:
        rest = one.values
        while True:
            page.append(replace(one, values=rest[:room]))
            rest, room = rest[room:], room - len(rest[:room])
            if room == 0:
                yield write(page)
                page, room = [], values_max
            if not rest:
                break
    if page:
        yield write(page)


def read(record: r.MeterReadings) -> tuple[Series, ...]:
    """The series of a record, in the order of their first mention; blocks of one type are joined.

    Raises `RequestRefused` with what is wrong of all of them: 2.4 for a reading of nothing named,
    2.6 for a reading type that is none, 5.8 for a value without time, 1.8 for a time without zone.
    """
    codes = _defined(record)
    errors: list[ReplyError] = []
    found: dict[tuple[MeterRef | None, MeterRef | None, str], list[Value]] = {}
    for number, reading in enumerate(record.meter_reading, 1):
        meter, point = _meter(reading.meter), _point(reading.usage_point)
        at = f"MeterReadings/MeterReading[{number}]"
        if meter is None and point is None:
            errors.append(ReplyError("2.4", f"MEDIDOR_FALTA: en {at}", xpath="Meter"))
            continue
        told: list[tuple[str, tuple[r.IntervalReading | r.Reading, ...]]] = [
            (block.reading_type, block.interval_readings) for block in reading.interval_blocks
        ]
        told += ((each.reading_type, (each,)) for each in reading.readings)
        for ref, items in told:
            try:
                code = str(parse(codes.get(ref, ref)))
                values = [_value(item, at) for item in items]
            except ValueError as error:
                errors += _told(error, ref, at)
                continue
            found.setdefault((meter, point, code), []).extend(values)
    refuse(errors)
    return tuple(
        Series(reading_type=code, values=tuple(values), meter=meter, usage_point=point)
        for (meter, point, code), values in found.items()
    )


def _told(error: ValueError, ref: str, at: str) -> tuple[ReplyError, ...]:
    if isinstance(error, RequestRefused):
        return error.errors[:ERRORS_MAX]
    details = f"TIPO_DE_LECTURA_INVALIDO: {ref[:60]!r} en {at}"
    return (ReplyError("2.6", details, xpath="ReadingType"),)


def _defined(record: r.MeterReadings) -> dict[str, str]:
    """What the message's own ReadingType elements are called, and the code each means."""
    codes: dict[str, str] = {}
    for item in record.reading_type:
        keys = [key for key in (item.mrid, *(name.name for name in item.names)) if key]
        code = next((key for key in keys if key.count(".") == 17), None)
        if code is not None:
            codes |= dict.fromkeys(keys, code)
    return codes


def _owner(one: Series) -> r.MeterReading:
    meter = point = None
    if one.meter is not None:
        meter = r.Meter(mrid=_mrid(one.meter), names=_names(one.meter))
    if one.usage_point is not None:
        point = r.UsagePoint(mrid=_mrid(one.usage_point), names=_names(one.usage_point))
    return r.MeterReading(meter=meter, usage_point=point)


def _mrid(ref: MeterRef) -> str | None:
    return ref.value if ref.kind == "uuid" else None


def _names(ref: MeterRef) -> tuple[Name, ...]:
    return (Name(name=ref.value),) if ref.kind == "name" else ()


def _with(reading: r.MeterReading, one: Series) -> r.MeterReading:
    of = parse(one.reading_type)
    block: tuple[r.IntervalBlock, ...] = ()
    singles: tuple[r.Reading, ...] = ()
    if of.measuring_period or of.macro_period:
        values = tuple(
            r.IntervalReading(time_stamp=v.at, value=v.value, reading_qualities=_qualities(v))
            for v in one.values
        )
        block = (r.IntervalBlock(interval_readings=values, reading_type=one.reading_type),)
    else:
        singles = tuple(
            r.Reading(
                time_stamp=v.at,
                value=v.value,
                reading_qualities=_qualities(v),
                reading_type=one.reading_type,
            )
            for v in one.values
        )
    return r.MeterReading(
        meter=reading.meter,
        usage_point=reading.usage_point,
        interval_blocks=reading.interval_blocks + block,
        readings=reading.readings + singles,
    )


def _qualities(value: Value) -> tuple[r.ReadingQuality, ...]:
    return tuple(r.ReadingQuality(reading_quality_type=code) for code in value.qualities)


def _value(item: r.IntervalReading | r.Reading, at: str) -> Value:
    time = item.time_stamp or _end(item.time_period)
    if time is None:
        raise RequestRefused(ReplyError("5.8", f"HORA_FALTA: en {at}", xpath="timeStamp"))
    if time.tzinfo is None:
        raise RequestRefused(ReplyError("1.8", f"FECHA_SIN_ZONA: en {at}", xpath="timeStamp"))
    return Value(
        at=time.astimezone(UTC),
        value=item.value,
        qualities=tuple(quality.reading_quality_type for quality in item.reading_qualities),
    )


def _end(period: DateTimeInterval | None) -> datetime | None:
    return None if period is None else period.end


def _meter(item: r.Meter | None) -> MeterRef | None:
    return None if item is None else _ref(item.names, item.mrid, item.serial_number)


def _point(item: r.UsagePoint | None) -> MeterRef | None:
    return None if item is None else _ref(item.names, item.mrid, None)


def _ref(names: tuple[Name, ...], mrid: str | None, serial: str | None) -> MeterRef | None:
    for name in names:
        if name.name:
            return MeterRef(name.name)
    if mrid:
        return MeterRef(mrid, "uuid")
    return MeterRef(serial) if serial else None
