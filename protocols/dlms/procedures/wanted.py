"""Read a list of objects that somebody named, each in engineering units where it has any."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from datetime import datetime

import msgspec

from protocols.concentrator.messages import ObjectRead, ObjectWanted, Refusal, Status
from protocols.dlms import axdr, tolerant
from protocols.dlms.codes import DataAccessResult
from protocols.dlms.flaws import Flaw
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.objects import clock, shape
from protocols.dlms.objects.units import ScalerUnit
from protocols.dlms.procedures.identify import text_of
from protocols.dlms.procedures.reading import AT_ONCE, VALUE_AND_SCALE, scale_of
from protocols.dlms.procedures.steps import Answer, Outcome, Request, get_each, procedure
from protocols.dlms.procedures.steps import standard_name as name_of
from protocols.dlms.services import AttributeDescriptor, GetResult
from protocols.dlms.values import DateTimeValue, OctetString, Utf8String, Value, VisibleString
from protocols.errors import ProtocolError

_OF_DEVIATION = Flaw.DEVIATION_SIGN | Flaw.DEVIATION_IGNORED | Flaw.DEVIATION_DOUBTFUL


@procedure
def read_objects(wanted: Sequence[ObjectWanted]) -> Generator[Request, Answer, Outcome]:
    """DONE with a value, or why there is none, for each; REFUSED where the meter gives none."""
    attributes = [each for item in wanted for each in _attributes(item)]
    results: list[GetResult] = []
    for start in range(0, len(attributes), AT_ONCE):
        results += yield from get_each(*attributes[start : start + AT_ONCE])
    answers = iter(results)
    found = []
    for item in wanted:
        value = next(answers)
        scale = scale_of(next(answers)) if len(_attributes(item)) == 2 else None
        found.append(as_read(item, value, scale))
    refused = [result for result in results if isinstance(result, DataAccessResult)]
    if len(refused) == len(results) and refused:
        first = refused[0]
        refusal = Refusal("get", int(first), name_of(first))
        return Outcome(Status.REFUSED, refusal=refusal, readings=tuple(found))
    return Outcome(Status.DONE, readings=tuple(found))


def as_read(wanted: ObjectWanted, value: GetResult, scale: ScalerUnit | None) -> ObjectRead:
    """What came of one object: text for people, and the octets as they came."""
    if isinstance(value, DataAccessResult):
        return ObjectRead(wanted.class_id, wanted.name, wanted.attribute, error=name_of(value))
    raw = axdr.encode(value)
    text, unit, flaws = text_of(value), None, Flaw.NONE
    if scale is not None and (quantity := scale.apply(value)) is not None:
        text, unit = f"{quantity.number:f}", quantity.unit or None
    elif wanted.class_id == clock.CLOCK_CLASS and wanted.attribute == 2:
        text, flaws = _time(value, text)
    elif isinstance(value, VisibleString | Utf8String):
        told = tolerant.text(value)
        text, flaws = told.value, told.flaws
    elif isinstance(value, OctetString) and b"\0" in bytes(value) and text != bytes(value).hex():
        flaws = Flaw.NUL_CHARACTERS
    return ObjectRead(
        wanted.class_id,
        wanted.name,
        wanted.attribute,
        text,
        unit,
        raw=raw,
        quality=words_of(flaws),
    )


def placed(read: ObjectRead, *, near: datetime) -> ObjectRead:
    """A clock's time in the one reading of its deviation that fits when it was read, and a word on
    it: meters send the deviation with the wrong sign, or local time under none.  Others as is."""
    if read.class_id != clock.CLOCK_CLASS or read.attribute != 2 or not read.raw:
        return read
    try:
        written, _ = clock.read_time(axdr.decode(read.raw))
    except (ProtocolError, shape.Misshapen):
        return read
    told = tolerant.moment(written.octets, near=near)
    odd = told.flaws & _OF_DEVIATION
    if told.value is None or written.deviation_min is None or not odd:
        return read
    quality = (*read.quality, *words_of(odd))
    return msgspec.structs.replace(read, value=told.value.isoformat(), quality=quality)


def words_of(flaws: Flaw) -> tuple[str, ...]:
    """Each flaw as readings name it: "trailing-octets", "deviation-sign"."""
    return tuple(str(flaw.name).lower().replace("_", "-") for flaw in flaws)


def _time(value: Value, otherwise: str | None) -> tuple[str | None, Flaw]:
    """ISO 8601, with the deviation where the meter gives it, and what was odd about the octets."""
    try:
        written, _ = clock.read_time(value)
    except shape.Misshapen:
        return otherwise, Flaw.NONE
    assert isinstance(value, OctetString | DateTimeValue)
    told = tolerant.moment(value)
    if told.value is None:
        return otherwise, told.flaws
    if written.deviation_min is None:  # local time of no place that is known here
        return told.value.replace(tzinfo=None).isoformat(), told.flaws & ~Flaw.DEVIATION_DOUBTFUL
    return told.value.isoformat(), told.flaws


def _attributes(wanted: ObjectWanted) -> list[AttributeDescriptor]:
    """The attribute, and behind it the one that scales it, where there is one."""
    name = LogicalName(wanted.name)
    value, scaler = VALUE_AND_SCALE.get(wanted.class_id, (None, None))
    found = [AttributeDescriptor(wanted.class_id, name, wanted.attribute)]
    if value == wanted.attribute and scaler is not None:
        found.append(AttributeDescriptor(wanted.class_id, name, scaler))
    return found
