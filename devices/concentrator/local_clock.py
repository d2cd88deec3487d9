"""The concentrator's own clock as a technician sees it: class 8 version 0 (Blue Book 4.5.1).

It runs in UTC and knows no daylight saving.  Setting and shifting it end in
`Concentrator.shift_clock`, as the head-end's message does, and stand in the own event log.
"""

from __future__ import annotations

from devices.concentrator.local_cosem import Asked, Attribute, LocalObject
from devices.meter import meter_clock
from devices.meter.clock_object import SHIFT_MAX_S
from devices.meter.cosem import CLOCK
from devices.meter.meter_clock import NOT_SPECIFIED, TimeRules
from devices.meter.profile import CLOCK_NAME
from protocols.dlms.codes import ActionResult, DataAccessResult
from protocols.dlms.values import Boolean, Enum, Integer, Long, OctetString, Unsigned, Value

RULES = TimeRules()
"""UTC."""
METHODS = 6
_SHIFT = 6


def shown(moment_s: float) -> OctetString:
    """A moment of the own clock (POSIX seconds) as the port writes it, 12 octets."""
    return OctetString(meter_clock.octets(moment_s, RULES))


def _write(asked: Asked, value: Value) -> DataAccessResult:
    if type(value) is not OctetString or len(value) != 12:
        return DataAccessResult.TYPE_UNMATCHED
    moment = meter_clock.understood(bytes(value), RULES)
    if moment is None:
        return DataAccessResult.OTHER_REASON
    _step(asked, moment - asked.time.timestamp())
    return DataAccessResult.SUCCESS


def _shift(asked: Asked, parameter: Value | None) -> ActionResult:
    if type(parameter) is not Long:
        return ActionResult.TYPE_UNMATCHED
    if abs(parameter) > SHIFT_MAX_S:
        return ActionResult.OTHER_REASON
    _step(asked, float(parameter))
    return ActionResult.SUCCESS


def _step(asked: Asked, by_s: float) -> None:
    asked.concentrator.shift_clock(by_s, f"client {asked.client.sap} at the local port")


clock = LocalObject(
    CLOCK,
    0,
    CLOCK_NAME,
    {
        2: Attribute(lambda asked: shown(asked.time.timestamp()), write=_write),
        3: Attribute(lambda _: Long(0)),
        4: Attribute(lambda _: Unsigned(0)),
        5: Attribute(lambda _: OctetString(NOT_SPECIFIED)),
        6: Attribute(lambda _: OctetString(NOT_SPECIFIED)),
        7: Attribute(lambda _: Integer(0)),
        8: Attribute(lambda _: Boolean(False)),
        9: Attribute(lambda _: Enum(1)),  # internal crystal
    },
    {index: _shift if index == _SHIFT else None for index in range(1, METHODS + 1)},
)
