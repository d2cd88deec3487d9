"""Bring a tariff calendar to a meter: activity calendar, class 20, and special days, class 11.

The passive calendar is written, read back, and only then made the active one, at once or at a time
(Blue Book 4.5.5).  What is there already is not written again, so the procedure may be begun anew
wherever an earlier one broke off.  Special days have no passive side: they hold once written, and
are written last.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

from protocols.concentrator.messages import Status, TariffWanted
from protocols.dlms.codes import ActionResult
from protocols.dlms.objects.tariff import (
    ACTIVITY_CALENDAR,
    CALENDAR_CLASS,
    NEVER,
    SPECIAL_DAYS,
    SPECIAL_DAYS_CLASS,
    Tables,
    activation_value,
    calendar_values,
    special_days_told,
    special_days_value,
    tables,
)
from protocols.dlms.procedures.steps import (
    Answer,
    Ended,
    Outcome,
    Request,
    act,
    get,
    get_alone,
    procedure,
    put,
    refusal_of,
)
from protocols.dlms.services import AttributeDescriptor, MethodDescriptor
from protocols.dlms.values import Integer, Value

_ACTIVE, _PASSIVE, _ACTIVATION = range(2, 6), range(6, 10), 10
_ACTIVATE = MethodDescriptor(CALENDAR_CLASS, ACTIVITY_CALENDAR, 1)
_DAYS = AttributeDescriptor(SPECIAL_DAYS_CLASS, SPECIAL_DAYS, 2)


@procedure
def write_calendar(wanted: TariffWanted | None) -> Generator[Request, Answer, Outcome]:
    """DONE where the calendar is active, or is passive and will become active at its time, and the
    special days are the meter's; NOT_APPLIED where the meter took what it does not show."""
    if wanted is None:
        return Outcome(Status.UNREPRESENTABLE, detail="no calendar came with the command")
    values = calendar_values(wanted)
    meant = tables(*values)
    acted = False
    try:
        if (yield from _read(_ACTIVE)) != meant:
            acted = yield from _prepare(values, meant, False)
            if (yield from _read(_PASSIVE)) != meant:
                return _not_shown("another passive calendar", acted)
            acted = yield from _activate(wanted, meant, acted)
            if wanted.activate_at is None and (yield from _read(_ACTIVE)) != meant:
                return _not_shown("another active calendar", acted)
        if wanted.special_days is not None:
            acted = yield from _write_special_days(wanted, acted)
    except Ended as ended:
        raise Ended(replace(ended.outcome, acted=ended.outcome.acted or acted)) from ended
    return Outcome(Status.DONE, acted)


def _read(attributes: range) -> Generator[Request, Answer, Tables]:
    """Each by itself: the tables are long."""
    found: list[Value] = []
    for index in attributes:
        found += yield from get(_of(index))
    name, seasons, weeks, days = found
    return tables(name, seasons, weeks, days)


def _prepare(
    values: tuple[Value, ...], meant: Tables, acted: bool
) -> Generator[Request, Answer, bool]:
    """Write what the passive calendar lacks; whether anything was sent."""
    if (yield from _read(_PASSIVE)) == meant:
        return acted
    (waits,) = yield from get(_of(_ACTIVATION))
    if waits != NEVER:  # of the calendar that was there; half of ours must not begin then
        yield from put(_of(_ACTIVATION), NEVER)
    for index, value in zip(_PASSIVE, values, strict=True):
        yield from put(_of(index), value)
    return True


def _activate(wanted: TariffWanted, meant: Tables, acted: bool) -> Generator[Request, Answer, bool]:
    """Have the passive calendar become the active one; whether anything was sent."""
    if wanted.activate_at is not None:
        value = activation_value(wanted.activate_at, wanted.zone)
        (there,) = yield from get(_of(_ACTIVATION))
        if there == value:
            return acted
        yield from put(_of(_ACTIVATION), value)
        return True
    code = yield from act(_ACTIVATE, Integer(0))
    if isinstance(code, Outcome):
        raise Ended(replace(code, acted=True))
    if code is not ActionResult.SUCCESS:
        refusal = refusal_of("action", code)
        raise Ended(Outcome(Status.REFUSED, True, refusal, detail="activating the calendar"))
    return True


def _write_special_days(wanted: TariffWanted, acted: bool) -> Generator[Request, Answer, bool]:
    assert wanted.special_days is not None
    value = special_days_value(wanted.special_days)
    meant = special_days_told(value)
    (there,) = yield from get_alone(_DAYS)
    if not isinstance(there, int) and special_days_told(there) == meant:
        return acted
    yield from put(_DAYS, value)
    (there,) = yield from get(_DAYS)
    if special_days_told(there) != meant:
        raise Ended(_not_shown("other special days", True))
    return True


def _not_shown(what: str, acted: bool) -> Outcome:
    detail = f"the meter took the calendar and shows {what}"
    return Outcome(Status.NOT_APPLIED, acted, detail=detail)


def _of(index: int) -> AttributeDescriptor:
    return AttributeDescriptor(CALENDAR_CLASS, ACTIVITY_CALENDAR, index)
