"""What is done to a meter, step by step, without knowing how the steps travel.

A procedure is a generator: it yields a request (GET, SET, ACTION), is sent the meter's answer, and
returns an `Outcome`.  It knows no association, no bytes, no clock and no engine; `session.Session`
runs it over either DLMS engine.  Whether several attributes travel in one GET-with-list or in
several GETs is the session's affair too.

Objects: limiter, class 71 (Blue Book, 4.5.9) and disconnect control, class 70 (Blue Book, 4.5.8).
The rule for all of them: an order is done when the meter, asked again, says so.  A success code of
SET or ACTION says only that the meter took the message.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Literal

from protocols.concentrator.messages import LimitRead, Refusal, Status, SupplyRead
from protocols.dlms import quantity
from protocols.dlms.codes import ActionResult, DataAccessResult, ServiceError
from protocols.dlms.logical_name import LogicalName
from protocols.dlms.quantity import NUMBERS, Number
from protocols.dlms.services import (
    ActionRequest,
    ActionResponse,
    AttributeDescriptor,
    ExceptionResponse,
    GetRequest,
    GetResponse,
    MethodDescriptor,
    SetRequest,
    SetResponse,
)
from protocols.dlms.values import (
    Boolean,
    Enum,
    Integer,
    LongUnsigned,
    NullData,
    OctetString,
    Structure,
    Value,
)

LIMITER = LogicalName("0.0.17.0.0.255")
DISCONNECT_CONTROL = LogicalName("0.0.96.3.10.255")

# Registers a limiter can monitor: class -> (attributes that hold a value, attribute scaler_unit).
# Blue Book, 4.3.2 to 4.3.4: register, extended register, demand register.
MONITORED_CLASSES = {3: ((2,), 3), 4: ((2,), 3), 5: ((2, 3), 4)}

DISCONNECTED, CONNECTED, READY_FOR_RECONNECTION = 0, 1, 2  # control_state, Blue Book, 4.5.8


Request = GetRequest | SetRequest | ActionRequest
Answer = GetResponse | SetResponse | ActionResponse | ExceptionResponse
ACTING_REQUESTS = (SetRequest, ActionRequest)  # those that can change something at the meter


class Unanswered(Exception):
    """No answer came, or none that says anything.  Thrown into the procedure that waits for it."""


class UnexpectedAnswer(Unanswered):
    """The meter answered with a value that its interface class does not allow; the text says which.

    Nothing can be concluded from such an answer, so it counts as none.
    """


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a procedure ended.  Maps one to one to the fields of `messages.Result`."""

    status: Status
    acted: bool = False  # a request that can act was sent, whatever came of it
    refusal: Refusal | None = None
    before: LimitRead | None = None
    limit: LimitRead | None = None
    supply: SupplyRead | None = None
    detail: str = ""  # a sentence for the log, where status and refusal do not say it all


def to_result_fields(outcome: Outcome) -> dict[str, Any]:
    """The outcome as keyword arguments of `messages.Result`."""
    return {
        "status": outcome.status,
        "acted": outcome.acted,
        "refusal": outcome.refusal,
        "before": outcome.before,
        "limit": outcome.limit,
        "supply": outcome.supply,
    }


Procedure = Generator[Request, Answer, Outcome]


class _Ended(Exception):
    """Leaves a procedure from within one of its steps."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.status)
        self.outcome = outcome


# --- limiter --------------------------------------------------------------------------------------


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
            unit=quantity.unit_name(self.unit),
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
        found = yield from _open_limiter(limiter)
    except _Ended as ended:
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
        found = yield from _open_limiter(limiter)
        if not issubclass(found.kind, NUMBERS):
            return found.no_integer()
        try:
            raw = quantity.to_raw(amount, unit, found.kind, found.scaler, found.unit)
        except quantity.Unrepresentable as error:
            return Outcome(Status.UNREPRESENTABLE, before=found.read(), detail=str(error))
        return (yield from _write_limit(found, raw))
    except _Ended as ended:
        return ended.outcome


def remove_limit(limiter: LogicalName = LIMITER) -> Procedure:
    """Write the highest value of threshold_normal's type.

    Class 71 has no "off": no attribute disables it, and emptying `actions` would lose the scripts
    that a later limit needs.  The highest value cannot be exceeded by the monitored value, which
    has the same type, so the limiter never trips; and it reads back like any other limit.
    See docs/decisions/0011-remove-a-limit-by-its-highest-value.md.
    """
    try:
        found = yield from _open_limiter(limiter)
        if not issubclass(found.kind, NUMBERS):
            return found.no_integer()
        return (yield from _write_limit(found, found.kind(found.kind.MAX)))
    except _Ended as ended:
        return ended.outcome


def _open_limiter(name: LogicalName) -> Generator[Request, Answer, _Limiter]:
    """Read what the limiter monitors and how that value counts."""
    monitored, active, normal, emergency = yield from _get(
        *(AttributeDescriptor(71, name, index) for index in (2, 3, 4, 10))
    )
    class_id, target, index = _structure(
        monitored, "monitored_value of the limiter", LongUnsigned, OctetString, Integer
    )
    values, scaler_unit = MONITORED_CLASSES.get(class_id, ((), 0))
    if index not in values or len(target) != 6:
        raise _Ended(
            Outcome(
                Status.UNREPRESENTABLE,
                detail=f"the limiter monitors class {class_id} attribute {index}, "
                "which has no scaler and unit",
            )
        )
    monitored_object = LogicalName(bytes(target))
    scale, value = yield from _get(
        AttributeDescriptor(class_id, monitored_object, scaler_unit),
        AttributeDescriptor(class_id, monitored_object, index),
    )
    scaler, unit = _structure(scale, "scaler_unit of the monitored value", Integer, Enum)
    # The threshold has the type of the monitored value (Blue Book, 4.5.9).  What the meter stores
    # now is the better witness of it; a threshold never written may still be null-data.
    witness = value if isinstance(normal, NullData) else normal
    return _Limiter(
        name,
        active,
        normal,
        _truth(emergency, "emergency_profile_active"),
        scaler,
        unit,
        type(witness),
    )


def _write_limit(found: _Limiter, raw: Number) -> Procedure:
    before = found.read()
    try:
        refused = _refused("set", (yield SetRequest.of(found.attribute(4), raw)))
        if refused is not None:
            return replace(refused, acted=True, before=before)
        active, normal, emergency = yield from _get(*(found.attribute(i) for i in (3, 4, 10)))
        now = replace(
            found,
            active=active,
            normal=normal,
            emergency_active=_truth(emergency, "emergency_profile_active"),
        )
    except _Ended as ended:
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


# --- disconnect control ---------------------------------------------------------------------------


def read_supply(control: LogicalName = DISCONNECT_CONTROL) -> Procedure:
    """Read whether the supply is on, and in which state and mode its control is."""
    try:
        return Outcome(Status.DONE, supply=(yield from _get_supply(control)))
    except _Ended as ended:
        return ended.outcome


def connect(control: LogicalName = DISCONNECT_CONTROL) -> Procedure:
    """Connect the supply, or make it ready where the control mode leaves that to the customer.

    Connecting what is connected, or ready, is DONE and sends nothing: from ready, as after a
    limiter's trip, no remote transition leads to connected in any mode (Blue Book, 4.5.8); a hand
    at the meter does it.
    """
    return (yield from _switch(control, 2, _is_connected))


def disconnect(control: LogicalName = DISCONNECT_CONTROL) -> Procedure:
    """Disconnect the supply.  Disconnecting what is disconnected is DONE and sends nothing."""
    return (yield from _switch(control, 1, _is_disconnected))


def _is_connected(supply: SupplyRead) -> bool:
    if supply.control_state == READY_FOR_RECONNECTION:
        return True
    return supply.output_on and supply.control_state == CONNECTED


def _is_disconnected(supply: SupplyRead) -> bool:
    # "Ready for reconnection" has no supply either, but a button press would bring it back.
    return not supply.output_on and supply.control_state == DISCONNECTED


def _switch(control: LogicalName, method: int, reached: Callable[[SupplyRead], bool]) -> Procedure:
    try:
        supply = yield from _get_supply(control)
        if reached(supply):
            return Outcome(Status.DONE, supply=supply)
    except _Ended as ended:
        return ended.outcome
    # The parameter is integer(0), Blue Book, 4.5.8.
    refused = _refused(
        "action", (yield ActionRequest.of(MethodDescriptor(70, control, method), Integer(0)))
    )
    if refused is not None:
        return replace(refused, acted=True)
    try:
        supply = yield from _get_supply(control)
    except _Ended as ended:
        return replace(ended.outcome, status=Status.UNKNOWN, acted=True)
    if reached(supply):
        return Outcome(Status.DONE, True, supply=supply)
    return Outcome(
        Status.NOT_APPLIED,
        True,
        supply=supply,
        detail="the meter accepted the method and did not switch",
    )


def _get_supply(control: LogicalName) -> Generator[Request, Answer, SupplyRead]:
    output, state, mode = yield from _get(*(AttributeDescriptor(70, control, i) for i in (2, 3, 4)))
    if not isinstance(state, Enum) or not isinstance(mode, Enum):
        raise UnexpectedAnswer("disconnect control: control_state and control_mode are enums")
    return SupplyRead(_truth(output, "output_state"), int(state), int(mode))


# --- invocation counter ---------------------------------------------------------------------------


def read_counter(name: LogicalName) -> Generator[Request, Answer, int | Outcome]:
    """Read an invocation counter: a data object, class 1.  The last counter that was used."""
    try:
        (value,) = yield from _get(AttributeDescriptor(1, name, 2))
    except _Ended as ended:
        return ended.outcome
    if not isinstance(value, NUMBERS):
        raise UnexpectedAnswer(f"the invocation counter is {type(value).__name__}, not an integer")
    return int(value)


# --- steps ----------------------------------------------------------------------------------------


def _get(*attributes: AttributeDescriptor) -> Generator[Request, Answer, tuple[Value, ...]]:
    """Read attributes that must all be there: one refusal ends the procedure."""
    answer = yield GetRequest(attributes)
    refused = _refused("get", answer)
    if refused is not None:
        raise _Ended(refused)
    assert isinstance(answer, GetResponse)
    values = []
    for attribute, result in zip(attributes, answer.results, strict=True):
        if isinstance(result, DataAccessResult):
            where = (
                f"{attribute.instance} class {attribute.class_id} attribute {attribute.attribute}"
            )
            raise _Ended(
                Outcome(Status.REFUSED, refusal=_refusal("get", result), detail=f"reading {where}")
            )
        values.append(result)
    return tuple(values)


Service = Literal["associate", "get", "set", "action"]


def _refused(service: Service, answer: Answer) -> Outcome | None:
    """The outcome when the answer as a whole is a refusal, or None."""
    match answer:
        case ExceptionResponse():
            return exception_outcome(service, answer)
        case GetResponse():
            return None
        case SetResponse((result,)):
            code: DataAccessResult | ActionResult = result
        case ActionResponse((returned,)):
            code = returned.result
        case _:
            raise UnexpectedAnswer(f"one {service} was asked, {len(answer.results)} answered")
    return None if code == 0 else Outcome(Status.REFUSED, refusal=_refusal(service, code))


def exception_outcome(service: Service, answer: ExceptionResponse) -> Outcome:
    """How an order ends that the meter answered with an exception-response."""
    code = answer.service_error
    keys = code in (ServiceError.DECIPHERING_ERROR, ServiceError.INVOCATION_COUNTER_ERROR)
    return Outcome(
        Status.KEY_REJECTED if keys else Status.REFUSED,
        refusal=_refusal(service, code),
        detail=f"exception-response, {standard_name(answer.state_error)}",
    )


def _refusal(service: Service, code: enum.IntEnum) -> Refusal:
    return Refusal(service=service, code=int(code), name=standard_name(code))


def standard_name(code: enum.IntEnum) -> str:
    """The standard's spelling of a code: READ_WRITE_DENIED is `read-write-denied`."""
    return code.name.lower().replace("_", "-")


def _structure(value: Value, what: str, *kinds: type[Value]) -> tuple[Any, ...]:
    """The elements of a structure that must have exactly these types."""
    if not isinstance(value, Structure) or [type(element) for element in value] != list(kinds):
        expected = ", ".join(kind.__name__ for kind in kinds)
        raise UnexpectedAnswer(f"{what} is not a structure of {expected}")
    return tuple(value)


def _truth(value: Value, what: str) -> bool:
    if not isinstance(value, Boolean):
        raise UnexpectedAnswer(f"{what} is {type(value).__name__}, not a boolean")
    return bool(value)
