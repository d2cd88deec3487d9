"""A day of meters out as one MeterReadings message, next to bare lxml doing the same.

Both begin with the values as numbers and times, and end with the message's octets: a generic
`created MeterReadings`, held against our schemas, serialized.  Ours goes by `meter_readings.pages`,
records, `exchange` and `envelope`, as what the head-end sends does.  Bare lxml writes each element
by hand, for this one message.  Their octets are equal, or nothing is measured.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from lxml import etree

from protocols.cim import envelope, exchange, meter_readings, schema, xml
from protocols.cim import namespaces as ns
from protocols.cim.end_device_controls import MeterRef
from protocols.cim.meter_readings import Series, Value
from protocols.cim.replies import Stamp

CODE: Final = "0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.3.72.0"
VALUES: Final = 96
AT: Final = datetime(2026, 7, 6, tzinfo=UTC)
STAMP: Final = Stamp(
    source="HES",
    message_id="00000000-0000-4000-8000-000000000001",
    at=AT + timedelta(days=1),
    correlation_id="00000000-0000-4000-8000-000000000002",
)
Day = tuple[str, list[tuple[datetime, str]]]
Way = Callable[[list[Day]], bytes]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Medians of the turns' CPU, ms; `ratio` is that of the median turn."""

    meters: int
    octets: int
    ours_ms: float
    bare_ms: float
    ratio: float  # bare to ours: 1 is as quick
    aim: float = 0.7

    def as_dict(self) -> dict[str, Any]:
        """For --json."""
        return {
            "bench": "readings-export",
            "meters": self.meters,
            "values": self.meters * VALUES,
            "octets": self.octets,
            "ours_ms": round(self.ours_ms, 2),
            "bare_ms": round(self.bare_ms, 2),
            "ratio": round(self.ratio, 3),
            "aim": self.aim,
        }


def compare(*, meters: int, rounds: int) -> Comparison:
    """Both, in turns.  Raises RuntimeError where their octets differ."""
    days = [_day(number) for number in range(meters)]
    octets = ours(days)  # schemas are read, and codecs made
    if bare(days) != octets:
        raise RuntimeError("bare lxml wrote another message")
    spent: dict[Way, list[float]] = {ours: [], bare: []}
    for _ in range(rounds):
        for way, taken in spent.items():
            began = time.process_time()
            way(days)
            taken.append((time.process_time() - began) * 1000)
    ratios = (their / our for our, their in zip(spent[ours], spent[bare], strict=True))
    return Comparison(
        meters,
        len(octets),
        statistics.median(spent[ours]),
        statistics.median(spent[bare]),
        statistics.median(ratios),
    )


def _day(number: int) -> Day:
    quarter = timedelta(minutes=15)
    values = [(AT + quarter * (n + 1), f"{0.125 * (n + number):.3f}") for n in range(VALUES)]
    return f"{90_000_000 + number}", values


def ours(days: list[Day]) -> bytes:
    """By records."""
    series = [
        Series(
            reading_type=CODE,
            meter=MeterRef(meter),
            values=tuple(Value(at=at, value=value) for at, value in values),
        )
        for meter, values in days
    ]
    (record,) = meter_readings.pages(series, values_max=len(days) * VALUES)
    element = envelope.write(exchange.event("created", record, STAMP))
    schema.check(element)
    return xml.serialize(element)


def bare(days: list[Day]) -> bytes:
    """By hand."""
    m, p = f"{{{ns.MESSAGE}}}", f"{{{ns.profile(ns.READINGS)}}}"
    sub = etree.SubElement
    root = etree.Element(f"{m}EventMessage", nsmap={None: ns.MESSAGE})
    header = sub(root, f"{m}Header")
    for name, text in (
        ("Verb", "created"),
        ("Noun", ns.READINGS),
        ("Timestamp", _text(STAMP.at)),
        ("Source", STAMP.source),
        ("MessageID", STAMP.message_id),
        ("CorrelationID", STAMP.correlation_id),
    ):
        sub(header, m + name).text = text
    readings = etree.Element(f"{p}{ns.READINGS}", nsmap={None: ns.profile(ns.READINGS)})
    names = {n: p + n for n in ("IntervalReadings", "timeStamp", "value")}
    for meter, values in days:
        reading = sub(readings, f"{p}MeterReading")
        block = sub(reading, f"{p}IntervalBlocks")
        for at, value in values:
            interval = sub(block, names["IntervalReadings"])
            sub(interval, names["timeStamp"]).text = _text(at)
            sub(interval, names["value"]).text = value
        sub(block, f"{p}ReadingType").set("ref", CODE)
        sub(sub(sub(reading, f"{p}Meter"), f"{p}Names"), f"{p}name").text = meter
    sub(root, f"{m}Payload").append(readings)
    schema.check(root)
    return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True))


def _text(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
