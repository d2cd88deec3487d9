"""End a billing period: the meter's own script, Blue Book 4.5.2, table 0.0.10.0.1.255.

What the script does is the meter's affair: it captures a row of the billing profile and begins the
maximum demands anew.  What shows that it did is the counter of billing periods, or the time of the
last one's end, read before and after.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

from protocols.concentrator.demand import NEVER, DemandMark, DemandRead, closed
from protocols.concentrator.messages import Status
from protocols.dlms.codes import DataAccessResult
from protocols.dlms.date_time import DateTime
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.objects import shape
from protocols.dlms.objects.units import ScalerUnit
from protocols.dlms.procedures.steps import (
    ABSENT,
    Answer,
    Ended,
    Outcome,
    Request,
    get_alone,
    procedure,
    refusal_of,
    refused_outcome,
)
from protocols.dlms.services import (
    ActionRequest,
    AttributeDescriptor,
    GetResult,
    MethodDescriptor,
)
from protocols.dlms.values import LongUnsigned

BILLING_SCRIPTS = LogicalName("0.0.10.0.1.255")
RESET = 1
"""The script that ends the billing period."""
PERIODS = AttributeDescriptor(1, LogicalName("1.0.0.1.0.255"), 2)
LAST_END = AttributeDescriptor(1, LogicalName("1.0.0.1.2.255"), 2)
ROWS = AttributeDescriptor(7, LogicalName("1.0.98.1.0.255"), 7)  # entries_in_use
MAXIMUM = tuple(AttributeDescriptor(4, LogicalName("1.0.1.6.0.255"), each) for each in (2, 3, 5))

_Steps = Generator[Request, Answer, Outcome]


@procedure
def read_demand() -> _Steps:
    """Read how billing stands; NOT_EQUIPPED where the meter would not show a reset."""
    mark = yield from _get_mark()
    return Outcome(Status.DONE, demand=(yield from _completed(mark)))


@procedure
def reset_demand(since: DemandMark | None = None) -> _Steps:
    """End the billing period and prove it by the counter.

    DONE, and nothing is sent, where a period has ended since the meter stood at `since`: an earlier
    message of this order arrived after all, or the meter's own calendar has done the same.
    """
    before = yield from _get_mark()
    if since is not None:
        ended = closed(since, before.mark)
        if ended is None:
            detail = "the meter does not tell any more what it told when the reset was ordered"
            return Outcome(Status.NOT_EQUIPPED, demand=before, detail=detail)
        if ended:
            return Outcome(Status.DONE, demand=(yield from _completed(before)))
    script = MethodDescriptor(9, BILLING_SCRIPTS, 1)
    answer = yield ActionRequest.of(script, LongUnsigned(RESET))
    refused = refused_outcome("action", answer)
    if refused is not None:
        return replace(refused, acted=True)
    try:
        after = yield from _completed((yield from _get_mark()))
    except Ended as ended_by:
        return replace(ended_by.outcome, status=Status.UNKNOWN, acted=True)
    if closed(before.mark, after.mark):
        return Outcome(Status.DONE, True, demand=after)
    detail = "the meter accepted the script and counts no other period"
    return Outcome(Status.NOT_APPLIED, True, demand=after, detail=detail)


def _get_mark() -> Generator[Request, Answer, DemandRead]:
    """The counter and the time, each by itself: meters have one, the other, or both."""
    resets, last = yield from get_alone(PERIODS, LAST_END)
    told = DemandRead(_number(resets), _moment(last))
    if told.tells:
        return told
    refused = [each for each in (resets, last) if isinstance(each, DataAccessResult)]
    denied = next((each for each in refused if each not in ABSENT), None)
    if denied is None:
        detail = "the meter counts no billing periods: a reset would not show"
        raise Ended(Outcome(Status.NOT_EQUIPPED, detail=detail))
    refusal = refusal_of("get", denied)
    raise Ended(Outcome(Status.REFUSED, refusal=refusal, detail="reading the billing periods"))


def _completed(mark: DemandRead) -> Generator[Request, Answer, DemandRead]:
    """With what the reset did besides, as far as the meter tells."""
    rows, value, scale, at = yield from get_alone(ROWS, *MAXIMUM)
    maximum, unit = _quantity(value, scale)
    return DemandRead(
        mark.resets, mark.reset_at, _number(rows), maximum, unit, maximum and _moment(at)
    )


def _number(result: GetResult) -> int | None:
    return None if isinstance(result, DataAccessResult) else shape.integer(result, "a counter")


def _moment(result: GetResult) -> str | None:
    """ISO 8601 by the meter's clock, `NEVER` where nothing is specified."""
    if isinstance(result, DataAccessResult):
        return None
    moment = shape.moment(result, "a time")
    if moment.date.year is None:
        return NEVER
    return _text(moment)


def _text(moment: DateTime) -> str:
    try:
        return moment.to_datetime().isoformat()
    except ValueError:  # of no calendar: one such time still tells from another
        return moment.octets.hex()


def _quantity(value: GetResult, scale: GetResult) -> tuple[str | None, str | None]:
    if isinstance(value, DataAccessResult) or isinstance(scale, DataAccessResult):
        return None, None
    found = ScalerUnit.from_value(scale).apply(value)
    return (None, None) if found is None else (f"{found.number:f}", found.unit or None)
