"""Read, set and shift the clock, class 8 (Blue Book 4.5.1)."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import TypeVar

from protocols.concentrator.messages import Status
from protocols.dlms.codes import ActionResult, DataAccessResult
from protocols.dlms.date_time import DateTime
from protocols.dlms.flaws import Flaw
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.objects import shape
from protocols.dlms.objects.clock import CLOCK, CLOCK_CLASS, Clock, later, read_time
from protocols.dlms.procedures.steps import (
    Answer,
    Ended,
    Outcome,
    Request,
    act,
    get,
    get_told,
    procedure,
    put,
    refusal_of,
)
from protocols.dlms.services import AttributeDescriptor, GetResult, MethodDescriptor
from protocols.dlms.values import Long, NullData, OctetString, Value

SHIFT_MAX_S = 900  # shift_time's range, Blue Book 4.5.1
_P = TypeVar("_P")


@dataclass(frozen=True, slots=True)
class ClockSet:
    """What the meter's clock showed before it was set, what was sent, and what it showed after."""

    before: DateTime
    sent: DateTime
    after: DateTime


def _attribute(name: LogicalName, index: int) -> AttributeDescriptor:
    return AttributeDescriptor(CLOCK_CLASS, name, index)


@procedure
def read_clock(name: LogicalName = CLOCK) -> Generator[Request, Answer, Clock]:
    """Time, zone, status and daylight saving; all but the time may be missing."""
    told = yield from get_told(*(_attribute(name, index) for index in range(2, 10)))
    time, zone, status, begin, end, deviation, enabled, base = (each.results[0] for each in told)
    if isinstance(time, DataAccessResult):
        raise Ended(Outcome(Status.REFUSED, refusal=refusal_of("get", time), detail="the time"))
    moment, longer = read_time(time)
    dirty = longer or Flaw.TRAILING_OCTETS in told[0].flaws
    return Clock(
        moment,
        _told(zone, shape.integer),
        _told(status, shape.integer),
        _told(begin, shape.moment),
        _told(end, shape.moment),
        _told(deviation, shape.integer),
        _told(enabled, shape.truth),
        _told(base, shape.integer),
        dirty,
    )


def _told(result: GetResult, read: Callable[[Value, str], _P]) -> _P | None:
    if isinstance(result, DataAccessResult | NullData):
        return None
    try:
        return read(result, "attribute of the clock")
    except shape.Misshapen:
        return None


@procedure
def set_clock(
    moment: DateTime | Callable[[], DateTime], name: LogicalName = CLOCK
) -> Generator[Request, Answer, ClockSet]:
    """Write the time and read it back.

    A `moment` that is a function is asked when the time is sent, after what was read before it.
    """
    (before,) = yield from get(_attribute(name, 2))
    sent = moment() if callable(moment) else moment
    yield from put(_attribute(name, 2), OctetString(sent.octets))
    try:
        (after,) = yield from get(_attribute(name, 2))
    except Ended as ended:
        raise Ended(replace(ended.outcome, status=Status.UNKNOWN)) from ended
    return ClockSet(read_time(before)[0], sent, read_time(after)[0])


@procedure
def shift_clock(seconds: int, name: LogicalName = CLOCK) -> Generator[Request, Answer, ClockSet]:
    """Move the time by so many seconds, which keeps the profile whole where the shift is short.

    Raises ValueError beyond the range of shift_time.
    """
    if not -SHIFT_MAX_S <= seconds <= SHIFT_MAX_S:
        raise ValueError(f"a clock shifts by {SHIFT_MAX_S} s at most, not {seconds}")
    (before,) = yield from get(_attribute(name, 2))
    code = yield from act(MethodDescriptor(CLOCK_CLASS, name, 6), Long(seconds))
    if isinstance(code, Outcome):
        raise Ended(code)
    if code is not ActionResult.SUCCESS:
        raise Ended(Outcome(Status.REFUSED, refusal=refusal_of("action", code)))
    (after,) = yield from get(_attribute(name, 2))
    first, last = read_time(before)[0], read_time(after)[0]
    return ClockSet(first, later(first, seconds) or first, last)
