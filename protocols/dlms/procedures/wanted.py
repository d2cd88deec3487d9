"""Read a list of objects that somebody named, each in engineering units where it has any."""

from __future__ import annotations

import itertools
from collections.abc import Generator, Sequence
from datetime import datetime, tzinfo

import msgspec

from protocols.concentrator.messages import ObjectRead, ObjectWanted, Refusal, Status
from protocols.dlms import axdr, tolerant
from protocols.dlms.codes import DataAccessResult
from protocols.dlms.flaws import Flaw
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.objects import clock, shape
from protocols.dlms.objects.profile import PROFILE_CLASS
from protocols.dlms.procedures.identify import FIRMWARE, text_of
from protocols.dlms.procedures.reading import AT_ONCE, VALUE_AND_SCALE, scale_of
from protocols.dlms.procedures.rows import LAYOUT_ATTRIBUTES, layout_of, told_rows
from protocols.dlms.procedures.steps import Answer, Outcome, Request, get_told, procedure
from protocols.dlms.procedures.steps import standard_name as name_of
from protocols.dlms.services import AttributeDescriptor, GetResponse, GetResult
from protocols.dlms.values import DateTimeValue, OctetString, Utf8String, Value, VisibleString

_OF_DEVIATION = Flaw.DEVIATION_SIGN | Flaw.DEVIATION_IGNORED | Flaw.DEVIATION_DOUBTFUL


@procedure
def read_objects(wanted: Sequence[ObjectWanted]) -> Generator[Request, Answer, Outcome]:
    """DONE with a value, or why there is none, for each; REFUSED where the meter gives none."""
    attributes = [each for item in wanted for each in _attributes(item)]
    told: list[GetResponse] = []
    for start in range(0, len(attributes), AT_ONCE):
        told += yield from get_told(*attributes[start : start + AT_ONCE])
    answers = iter(told)
    found = []
    for item in wanted:
        value, *others = itertools.islice(answers, len(_attributes(item)))
        found.append(as_read(item, value, [each.results[0] for each in others]))
    refused = [code for each in told for code in each.results if isinstance(code, DataAccessResult)]
    if len(refused) == len(told) and refused:
        first = refused[0]
        refusal = Refusal("get", int(first), name_of(first))
        return Outcome(Status.REFUSED, refusal=refusal, readings=tuple(found))
    return Outcome(Status.DONE, readings=tuple(found))


def as_read(
    wanted: ObjectWanted, answer: GetResponse, others: Sequence[GetResult] = ()
) -> ObjectRead:
    """What came of one object: text for people, and the octets as they came.

    `others` are the attributes by which `_attributes` has the value explained.
    """
    (value,) = answer.results
    if isinstance(value, DataAccessResult):
        return ObjectRead(wanted.class_id, wanted.name, wanted.attribute, error=name_of(value))
    text, unit, flaws = _told(wanted, value, others)
    return ObjectRead(
        wanted.class_id,
        wanted.name,
        wanted.attribute,
        text,
        unit,
        raw=answer.raw or axdr.encode(value),
        quality=words_of(flaws | answer.flaws),
    )


def _told(
    wanted: ObjectWanted, value: Value, others: Sequence[GetResult]
) -> tuple[str | None, str | None, Flaw]:
    """Text, unit, and what was odd about the value itself."""
    if wanted.class_id == PROFILE_CLASS and wanted.attribute == 2:
        rows = told_rows(value, layout_of(others))
        if rows is not None:
            return rows.text, None, rows.flaws
    scale = scale_of(others[0]) if others and wanted.class_id in VALUE_AND_SCALE else None
    if scale is not None and (quantity := scale.apply(value)) is not None:
        return f"{quantity.number:f}", quantity.unit or None, Flaw.NONE
    text = text_of(value)
    if wanted.class_id == clock.CLOCK_CLASS and wanted.attribute == 2:
        text, flaws = _time(value, text)
        return text, None, flaws
    if isinstance(value, VisibleString | Utf8String) or (
        isinstance(value, OctetString) and LogicalName(wanted.name) in FIRMWARE
    ):
        string = tolerant.text(value)
        return string.value, None, string.flaws
    if isinstance(value, OctetString) and b"\0" in bytes(value) and text != bytes(value).hex():
        return text, None, Flaw.NUL_CHARACTERS
    return text, None, Flaw.NONE


def placed(read: ObjectRead, *, near: datetime, zone: tzinfo | None = None) -> ObjectRead:
    """A clock's time, or a profile's, in the one reading of its deviation that fits when it was
    read, and a word on it: meters send the deviation with the wrong sign, or local time under none.
    Others as is.  `zone` is where the meter hangs."""
    if read.attribute != 2 or not read.raw:
        return read
    value = tolerant.value(read.raw).value
    if value is None:
        return read
    if read.class_id == PROFILE_CLASS:
        rows = told_rows(value, near=near, zone=zone)
        text, odd = (None, Flaw.NONE) if rows is None else (rows.text, rows.flaws & _OF_DEVIATION)
    elif read.class_id == clock.CLOCK_CLASS:
        text, odd = _placed_clock(value, near, zone)
    else:
        return read
    if text is None or not odd:
        return read
    return msgspec.structs.replace(read, value=text, quality=(*read.quality, *words_of(odd)))


def _placed_clock(value: Value, near: datetime, zone: tzinfo | None) -> tuple[str | None, Flaw]:
    """The time that is meant, and what is wrong with the deviation; nothing where it has none."""
    try:
        written, _ = clock.read_time(value)
    except shape.Misshapen:
        return None, Flaw.NONE
    told = tolerant.moment(written.octets, near=near, zone=zone)
    if told.value is None or written.deviation_min is None:
        return None, Flaw.NONE
    return told.value.isoformat(), told.flaws & _OF_DEVIATION


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
    """The attribute, and behind it those that explain it: what scales it, how rows are made."""
    name = LogicalName(wanted.name)
    value, scaler = VALUE_AND_SCALE.get(wanted.class_id, (None, None))
    indices = [wanted.attribute]
    if value == wanted.attribute and scaler is not None:
        indices.append(scaler)
    elif wanted.class_id == PROFILE_CLASS and wanted.attribute == 2:
        indices += LAYOUT_ATTRIBUTES
    return [AttributeDescriptor(wanted.class_id, name, index) for index in indices]
