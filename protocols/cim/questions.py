"""Questions: whose, of what and for when, from a `get` of readings, events or configuration.

Times come from the Request, from a TimeSchedule, or from the Reading of GetMeterReadings; several
must mean the same span.  What would widen or narrow the answer and that we do not act upon (groups,
qualities, transformers) is refused, never passed over.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from protocols.cim import exchange
from protocols.cim.end_device_controls import MeterRef
from protocols.cim.envelope import Message
from protocols.cim.errors import ReplyError
from protocols.cim.gathered import refuse
from protocols.cim.reading_type_table import Quantity, quantity
from protocols.cim.record import Record
from protocols.cim.records.get_end_device_events_auto import GetEndDeviceEvents
from protocols.cim.records.get_meter_readings_auto import GetMeterReadings
from protocols.cim.records.parts_auto import DateTimeInterval

NAMED_MAX: Final = 10_000  # meters and usage points of one question
_UNREAD: Final = ("transformer_tank", "reading_quality", "meter_readings")
_GROUPS: Final = ("end_device_group", "usage_point_group")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Of which meters and usage points, and of which span (UTC; after `start`, up to `end`).

    Nothing named says: of all.  `groups` are of meters or of usage points; what a group is the
    registry tells.
    """

    noun: str
    meters: tuple[MeterRef, ...] = ()
    usage_points: tuple[MeterRef, ...] = ()
    groups: tuple[MeterRef, ...] = ()
    start: datetime | None = None
    end: datetime | None = None

    @property
    def of_all(self) -> bool:
        return not self.meters and not self.usage_points and not self.groups


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingQuestion(Question):
    """A question for readings: `quantities`, each once; none says all we have.  `asked` is the code
    as its sender wrote it, for each, so that an answer can use it.  `source` is where the values
    are to come from, in the sender's word."""

    quantities: tuple[Quantity, ...] = ()
    asked: tuple[str, ...] = ()
    reason: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventQuestion(Question):
    """A question for events of these types (device.domain.sub-domain.action); none says all."""

    types: tuple[str, ...] = ()


def read(message: Message, *, groups: bool = False) -> Question:
    """What a `get` message asks; without `groups` those are refused as well.

    Raises `RequestRefused` with everything that is wrong: as `exchange.asked_for`; 2.6 and 2.10 for
    reading types that are none or none of ours; 1.8 for what is not acted upon, for times without
    zone, spans that are empty or contradict each other; 5.8 for an object without name; 3.1 for too
    many of them.
    """
    record: Any = exchange.asked_for(message)
    errors = [
        _error("1.8", f"CONTENIDO_NO_ADMITIDO: {name}", _element(name))
        for name in (*_UNREAD, *(() if groups else _GROUPS))
        if getattr(record, name, None)
    ]
    meters = _refs([*getattr(record, "end_device", ()), *getattr(record, "meter", ())], errors)
    points = _refs(getattr(record, "usage_point", ()), errors)
    named = [each for name in _GROUPS for each in getattr(record, name, ())] if groups else []
    gathered = _refs(named, errors)
    if len(meters) + len(points) + len(gathered) > NAMED_MAX:
        errors.append(_error("3.1", f"DEMASIADOS_MEDIDORES: se admiten {NAMED_MAX} por mensaje"))
    start, end = _span(message, record, errors)
    noun = type(record).__name__.removeprefix("Get")
    common: dict[str, Any] = {
        "noun": noun, "meters": meters, "usage_points": points, "groups": gathered,
        "start": start, "end": end,
    }  # fmt: skip
    found: Question
    if isinstance(record, GetMeterReadings):
        found = _readings(record, common, errors)
    elif isinstance(record, GetEndDeviceEvents):
        types = (_label(item) for item in record.end_device_event_type)
        found = EventQuestion(**common, types=tuple(dict.fromkeys(filter(None, types))))
    else:
        found = Question(**common)
    refuse(errors)
    return found


def _readings(
    record: GetMeterReadings, common: dict[str, Any], errors: list[ReplyError]
) -> ReadingQuestion:
    found: dict[str, tuple[Quantity, str]] = {}
    for item in record.reading_type:
        text = _label(item) or ""
        try:
            known = quantity(text)
        except ValueError:
            details = f"TIPO_DE_LECTURA_INVALIDO: {text[:60]!r}"
            errors.append(_error("2.6", details, "ReadingType"))
            continue
        if known is None:
            details = f"TIPO_DE_LECTURA_NO_ADMITIDO: {text[:60]!r}"
            errors.append(_error("2.10", details, "ReadingType"))
        else:
            found.setdefault(known.code, (known, text))
    reasons = [item.reason for item in record.reading if item.reason]
    sources = [item.source for item in record.reading if item.source]
    return ReadingQuestion(
        **common,
        quantities=tuple(known for known, _ in found.values()),
        asked=tuple(text for _, text in found.values()),
        reason=reasons[0] if reasons else None,
        source=sources[0] if sources else None,
    )


def _span(
    message: Message, record: Record, errors: list[ReplyError]
) -> tuple[datetime | None, datetime | None]:
    request = message.request
    spans: list[tuple[datetime | None, datetime | None, str]] = []
    if request is not None and (request.start_time or request.end_time):
        spans.append((request.start_time, request.end_time, "StartTime"))
    for schedule in getattr(record, "time_schedule", ()):
        spans.append((*_ends(schedule.schedule_interval), "TimeSchedule"))
    for reading in getattr(record, "reading", ()):
        if reading.time_period is not None:
            spans.append((*_ends(reading.time_period), "timePeriod"))
    for start, end, xpath in spans:
        if any(time is not None and time.tzinfo is None for time in (start, end)):
            errors.append(_error("1.8", "FECHA_SIN_ZONA: la hora lleva Z o su desfase", xpath))
            return None, None
    different = {(_utc(start), _utc(end)) for start, end, _ in spans}
    if len(different) > 1:
        errors.append(_error("1.8", "PERIODO_EN_CONFLICTO: dos períodos distintos", spans[-1][2]))
    start, end = next(iter(different), (None, None))
    if start is not None and end is not None and end <= start:
        details = "PERIODO_INVALIDO: el fin no es posterior al inicio"
        errors.append(_error("1.8", details, spans[0][2]))
    return start, end


def _ends(span: DateTimeInterval) -> tuple[datetime | None, datetime | None]:
    return span.start, span.end


def _utc(time: datetime | None) -> datetime | None:
    return None if time is None else time.astimezone(UTC)


def _refs(items: Iterable[Any], errors: list[ReplyError]) -> tuple[MeterRef, ...]:
    """Each name of each object means one; without names its mRID, else its serial number."""
    found: dict[MeterRef, None] = {}
    for item in items:
        names = [MeterRef(name.name) for name in item.names if name.name]
        serial = getattr(item, "serial_number", None)
        if not names and item.mrid:
            names = [MeterRef(item.mrid, "uuid")]
        elif not names and serial:
            names = [MeterRef(serial)]
        if not names:
            kind = type(item).__name__
            errors.append(_error("5.8", f"NOMBRE_FALTA: {kind} sin nombre ni mRID", kind))
        found |= dict.fromkeys(names)
    return tuple(found)


def _label(item: Any) -> str | None:
    """What a type is called: by its mRID, else by its first name."""
    return item.mrid or next((name.name for name in item.names if name.name), None)


def _element(field: str) -> str:
    return "".join(word.capitalize() for word in field.split("_"))


def _error(code: str, details: str, xpath: str | None = None) -> ReplyError:
    return ReplyError(code, details, xpath=xpath)
