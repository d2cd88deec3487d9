"""Limiter, class 71 (Blue Book 4.5.9): read, write and remove the limit of a supply."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from decimal import Decimal

from protocols.concentrator.messages import LimitRead, Status
from protocols.dlms import quantity
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.objects.units import unit_symbol
from protocols.dlms.procedures.steps import (
    Answer,
    Ended,
    Outcome,
    Procedure,
    Request,
    Unanswered,
    get,
    refused_outcome,
    structure,
    truth,
)
from protocols.dlms.quantity import NUMBERS, Number
from protocols.dlms.services import AttributeDescriptor, SetRequest
from protocols.dlms.values import Enum, Integer, LongUnsigned, NullData, OctetString, Value

LIMITER = LogicalName("0.0.17.0.0.255")

# Registers a limiter can monitor: class -> (attributes that hold a value, attribute scaler_unit).
# Blue Book, 4.3.2 to 4.3.4: register, extended register, demand register.
MONITORED_CLASSES = {3: ((2,), 3), 4: ((2,), 3), 5: ((2, 3), 4)}


@dataclass(frozen=True, slots=True)
class _Limiter:
    """A limiter with all that is needed to read and write its thresholds."""

    name: LogicalName
    active: Value
    normal: Value
    emergency_active: bool
    scaler: int
    unit: int
    kind: type[Value]  # of the thresholds

    def attribute(self, index: int) -> AttributeDescriptor:
        return AttributeDescriptor(71, self.name, index)

    def read(self) -> LimitRead | None:
        """The thresholds in the monitored value's unit, or None where they are no integers."""
        if not isinstance(self.normal, NUMBERS) or not isinstance(self.active, NUMBERS):
            return None
        return LimitRead(
            threshold_normal=quantity.to_text(self.normal, self.scaler),
            threshold_active=quantity.to_text(self.active, self.scaler),
            unit=unit_symbol(self.unit),
            emergency_active=self.emergency_active,
            unlimited=self.normal == type(self.normal).MAX,
        )

    def no_integer(self) -> Outcome:
        return Outcome(
            Status.UNREPRESENTABLE,
            before=self.read(),
            detail=f"the meter holds the threshold as {self.kind.__name__}, not as an integer",
        )


def read_limit(limiter: LogicalName = LIMITER) -> Procedure:
    """Read the thresholds of a limiter."""
    try:
        found = yield from _open(limiter)
    except Ended as ended:
        return ended.outcome
    limit = found.read()
    if limit is None:
        return replace(found.no_integer(), before=None)
    return Outcome(Status.DONE, limit=limit)


def set_limit(amount: Decimal, unit: str, limiter: LogicalName = LIMITER) -> Procedure:
    """Write threshold_normal and prove it by reading it back.

    `unit` is one of W, kW, VA, kVA, A.  An amount that the meter cannot hold exactly, in the type,
    scaler and unit of the value it monitors, ends UNREPRESENTABLE and nothing is written.
    """
    try:
        found = yield from _open(limiter)
        if not issubclass(found.kind, NUMBERS):
            return found.no_integer()
        try:
            raw = quantity.to_raw(amount, unit, found.kind, found.scaler, found.unit)
        except quantity.Unrepresentable as error:
            return Outcome(Status.UNREPRESENTABLE, before=found.read(), detail=str(error))
        return (yield from _write_limit(found, raw))
    except Ended as ended:
        return ended.outcome


def remove_limit(limiter: LogicalName = LIMITER) -> Procedure:
    """Write the highest value of threshold_normal's type.

    Class 71 has no "off": no attribute disables it, and emptying `actions` would lose the scripts
    that a later limit needs.  The highest value cannot be exceeded by the monitored value, which
    has the same type, so the limiter never trips; and it reads back like any other limit.
    See docs/decisions/0011-remove-a-limit-by-its-highest-value.md.
    """
    try:
        found = yield from _open(limiter)
        if not issubclass(found.kind, NUMBERS):
            return found.no_integer()
        return (yield from _write_limit(found, found.kind(found.kind.MAX)))
    except Ended as ended:
        return ended.outcome


def _open(name: LogicalName) -> Generator[Request, Answer, _Limiter]:
    """Read what the limiter monitors and how that value counts."""
    monitored, active, normal, emergency = yield from get(
        *(AttributeDescriptor(71, name, index) for index in (2, 3, 4, 10))
    )
    class_id, target, index = structure(
        monitored, "monitored_value of the limiter", LongUnsigned, OctetString, Integer
    )
    values, scaler_unit = MONITORED_CLASSES.get(class_id, ((), 0))
    if index not in values or len(target) != 6:
        raise Ended(
            Outcome(
                Status.UNREPRESENTABLE,
                detail=f"the limiter monitors class {class_id} attribute {index}, "
                "which has no scaler and unit",
            )
        )
    monitored_object = LogicalName(bytes(target))
    scale, value = yield from get(
        AttributeDescriptor(class_id, monitored_object, scaler_unit),
        AttributeDescriptor(class_id, monitored_object, index),
    )
    scaler, unit = structure(scale, "scaler_unit of the monitored value", Integer, Enum)
    # The threshold has the type of the monitored value (Blue Book, 4.5.9).  What the meter stores
    # now is the better witness of it; a threshold never written may still be null-data.
    witness = value if isinstance(normal, NullData) else normal
    return _Limiter(
        name,
        active,
        normal,
        truth(emergency, "emergency_profile_active"),
        scaler,
        unit,
        type(witness),
    )


def _write_limit(found: _Limiter, raw: Number) -> Procedure:
    before = found.read()
    try:
        refused = refused_outcome("set", (yield SetRequest.of(found.attribute(4), raw)))
        if refused is not None:
            return replace(refused, acted=True, before=before)
        active, normal, emergency = yield from get(*(found.attribute(i) for i in (3, 4, 10)))
        now = replace(
            found,
            active=active,
            normal=normal,
            emergency_active=truth(emergency, "emergency_profile_active"),
        )
    except Ended as ended:
        # The meter took the value and then refused to be read: the effect is not known.
        return replace(ended.outcome, status=Status.UNKNOWN, acted=True, before=before)
    except Unanswered as error:
        return Outcome(Status.UNKNOWN, True, before=before, detail=str(error))
    if normal != raw:
        status, detail = Status.NOT_APPLIED, "threshold_normal reads back something else"
    elif active == raw:
        status, detail = Status.DONE, ""
    elif now.emergency_active:
        status, detail = Status.EMERGENCY, ""
    else:
        status, detail = Status.NOT_APPLIED, "threshold_active does not follow threshold_normal"
    return Outcome(status, True, before=before, limit=now.read(), detail=detail)
