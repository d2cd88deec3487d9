"""Keep a meter's clock right, class 8 (Blue Book 4.5.1): measure it, move it, measure it again.

`now` is the time that the clock is held against; it is asked around each message, and what lies
between is how well the drift is known.  A time whose deviation fits only when it is read otherwise
(local time called UTC, the wrong sign) counts as what it must mean, as it does where rows are
placed; a clock that is set is written in the way in which it tells its time.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from protocols.concentrator.clock import SHIFT_MAX_S, ClockTold, ClockWanted
from protocols.concentrator.messages import Status
from protocols.dlms import tolerant
from protocols.dlms.codes import ActionResult
from protocols.dlms.date_time import DateTime
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.objects.clock import CLOCK, CLOCK_CLASS, later, read_time
from protocols.dlms.procedures.steps import (
    Answer,
    Ended,
    Outcome,
    Request,
    Unanswered,
    act,
    get,
    procedure,
    put,
)
from protocols.dlms.services import AttributeDescriptor, MethodDescriptor
from protocols.dlms.values import Long, OctetString

Now = Callable[[], datetime]
_TIME, _SHIFT = 2, 6
_ANEW_S = 86_400.0  # a clock further off is set by the zone: its own deviation may be of that day


@dataclass(frozen=True, slots=True)
class _Measured:
    """What the clock showed, and by how much that is ahead."""

    written: DateTime
    at: datetime  # halfway between question and answer
    half: timedelta
    ahead_s: float | None  # None: no time
    error_s: float


@procedure
def keep_clock(
    wanted: ClockWanted, now: Now, name: LogicalName = CLOCK
) -> Generator[Request, Answer, Outcome]:
    """DONE with a clock that is within its tolerance, as far as that can be known; NOT_APPLIED
    where it is not even so.  Nothing is sent to a clock that is right."""
    zone = _zone(wanted.zone)
    first = yield from _measure(name, now, zone)
    ahead_s = first.ahead_s
    if ahead_s is not None and abs(ahead_s) <= wanted.tolerance_s + first.error_s:
        right = ClockTold(
            _told(ahead_s), _told(first.error_s), "nothing", 0.0, _told(ahead_s),
            _told(first.error_s),
        )  # fmt: skip
        return Outcome(Status.DONE, clock=right)
    told = ClockTold(None if ahead_s is None else _told(ahead_s), _told(first.error_s))
    if ahead_s is not None and abs(ahead_s) <= min(wanted.shift_max_s, SHIFT_MAX_S):
        by_s = -round(ahead_s)
        code = yield from act(MethodDescriptor(CLOCK_CLASS, name, _SHIFT), Long(by_s))
        if isinstance(code, Outcome):
            return replace(code, acted=True, clock=told)
        if code is ActionResult.SUCCESS:
            told = ClockTold(told.before_s, told.error_s, "shift", float(by_s))
    if told.by == "nothing":  # it is too far off, or knows no shifts
        try:
            yield from put(_of(name), OctetString(_right(first, now, zone).octets))
        except Ended as ended:
            raise Ended(replace(ended.outcome, acted=True, clock=told)) from ended
        moved_s = 0.0 if ahead_s is None else -float(round(ahead_s))
        told = ClockTold(told.before_s, told.error_s, "set", moved_s)
    try:
        last = yield from _measure(name, now, zone)
    except Unanswered as error:
        return Outcome(Status.UNKNOWN, True, clock=told, detail=str(error))
    except Ended as ended:
        unknown = replace(ended.outcome, status=Status.UNKNOWN, acted=True, clock=told)
        raise Ended(unknown) from ended
    return _concluded(wanted, told, first, last)


def _concluded(wanted: ClockWanted, told: ClockTold, first: _Measured, last: _Measured) -> Outcome:
    after_s = last.ahead_s
    told = ClockTold(
        told.before_s, told.error_s, told.by, told.moved_s,
        None if after_s is None else _told(after_s), _told(last.error_s),
    )  # fmt: skip
    # A shift is of whole seconds by a drift that was known to its error; so is a time that is set.
    bound_s = wanted.tolerance_s + first.error_s + last.error_s
    if after_s is not None and abs(after_s) <= bound_s:
        return Outcome(Status.DONE, True, clock=told)
    detail = "the meter took the time and shows another"
    return Outcome(Status.NOT_APPLIED, True, clock=told, detail=detail)


def _measure(name: LogicalName, now: Now, zone: tzinfo) -> Generator[Request, Answer, _Measured]:
    asked_at = now()
    (value,) = yield from get(_of(name))
    half = (now() - asked_at) / 2
    at = asked_at + half
    written, _ = read_time(value)
    error_s = half.total_seconds()
    shown = tolerant.moment(written.octets, near=at, zone=zone).value
    if shown is None:
        return _Measured(written, at, half, None, error_s)
    ahead_s = (shown - at).total_seconds()
    if not written.time.hundredths:  # not told, or cut off: it is somewhere in its second
        ahead_s, error_s = ahead_s + 0.5, error_s + 0.5
    return _Measured(written, at, half, ahead_s, error_s)


def _right(first: _Measured, now: Now, zone: tzinfo) -> DateTime:
    """The time to write, as it will be when the message arrives: as long from now as half of the
    round trip before it."""
    arrives = now() + first.half
    if first.ahead_s is not None and abs(first.ahead_s) < _ANEW_S:
        seconds = round((arrives - first.at).total_seconds() - first.ahead_s)
        if (moved := later(first.written, seconds)) is not None:
            return moved
    return DateTime.from_datetime(arrives.astimezone(zone))


def _of(name: LogicalName) -> AttributeDescriptor:
    return AttributeDescriptor(CLOCK_CLASS, name, _TIME)


def _zone(name: str) -> tzinfo:
    """Raises ValueError for a zone that there is not."""
    try:
        return ZoneInfo(name)
    except ZoneInfoNotFoundError as error:
        raise ValueError(f"{name!r} is no time zone") from error


def _told(seconds: float) -> float:
    return round(seconds, 3)
