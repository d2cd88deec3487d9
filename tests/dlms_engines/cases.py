"""One table of conversations: what is asked of which meter, and how it must end.

The same rows run directly over the procedures, and over each DLMS engine against our server.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from protocols.concentrator.messages import LimitRead, Refusal, Status, SupplyRead
from protocols.dlms.codes import ActionResult, DataAccessResult, ServiceError, StateError
from protocols.dlms.procedures import (
    DISCONNECT_CONTROL,
    LIMITER,
    Outcome,
    Procedure,
    connect,
    disconnect,
    read_limit,
    read_supply,
    remove_limit,
    set_limit,
)
from protocols.dlms.services import ExceptionResponse
from protocols.dlms.values import (
    DoubleLong,
    DoubleLongUnsigned,
    Enum,
    Float32,
    Integer,
    LongUnsigned,
    NullData,
    OctetString,
    Structure,
    Unsigned,
)
from tests.dlms_engines.objects import POWER, Objects, control, limiter


@dataclass(frozen=True)
class Case:
    meter: Callable[[], Objects]
    procedure: Callable[[], Procedure]
    outcome: Outcome  # its `detail` is part of what is looked for in the detail found
    after: dict = field(default_factory=dict)  # what the meter must hold in the end


def limit(normal: str, active: str | None = None, unit: str = "W", **flags: bool) -> LimitRead:
    return LimitRead(normal, active or normal, unit, **flags)


def watts(threshold: int = 10_000, **changes) -> Callable[[], Objects]:
    """A meter with a limiter in watts."""
    given = dict(changes)
    values = given.pop("values", {})
    scale = {key: given.pop(key) for key in ("unit", "scaler", "emergency") if key in given}
    kind = given.pop("kind", DoubleLongUnsigned)
    return lambda: Objects(limiter(kind(threshold), **scale) | values, **given)


def supply(state: int, mode: int, **changes) -> Callable[[], Objects]:
    """A meter with a disconnect control."""
    return lambda: Objects(control(state, mode), **changes)


def ignores_writes(meter, key, value):
    """Says success and stores nothing."""


def stores_but_does_not_use(meter, key, value):
    """Stores the normal threshold and goes on with the old one."""
    meter.values[key] = value


def stores_another_type(meter, key, value):
    """Stores the number in a wider type."""
    meter.values[71, LIMITER, 3] = meter.values[71, LIMITER, 4] = DoubleLong(value)


def goes_deaf(meter, key, value):
    """Takes the value and then refuses to be read."""
    meter.values[key] = value
    meter.refuse[71, LIMITER, 3] = DataAccessResult.READ_WRITE_DENIED


NORMAL = (71, LIMITER, 4)
SET_1500 = lambda: set_limit(Decimal("1.5"), "kW")  # noqa: E731
BEFORE = limit("10000")
BUSY = ExceptionResponse(StateError.SERVICE_NOT_ALLOWED, ServiceError.OTHER_REASON)
MONITORS = (71, LIMITER, 2)


def refused(service: str, code: int, name: str) -> Refusal:
    return Refusal(service, code, name)


CASES: dict[str, Case] = {
    # --- reading a limit
    "read limit": Case(watts(), read_limit, Outcome(Status.DONE, limit=limit("10000"))),
    "read limit, scaled": Case(
        watts(333, kind=LongUnsigned, scaler=-1),
        read_limit,
        Outcome(Status.DONE, limit=limit("33.3")),
    ),
    "read limit, apparent power": Case(
        watts(10, kind=Unsigned, scaler=2, unit=28),
        read_limit,
        Outcome(Status.DONE, limit=limit("1000", unit="VA")),
    ),
    "read limit, emergency": Case(
        watts(emergency=True, values={(71, LIMITER, 3): DoubleLongUnsigned(500)}),
        read_limit,
        Outcome(Status.DONE, limit=limit("10000", "500", emergency_active=True)),
    ),
    "read limit, no limiter": Case(
        lambda: Objects({}),
        read_limit,
        Outcome(Status.REFUSED, refusal=refused("get", 4, "object-undefined"), detail="0.0.17"),
    ),
    "read limit, one attribute denied": Case(
        watts(refuse={(71, LIMITER, 10): DataAccessResult.READ_WRITE_DENIED}),
        read_limit,
        Outcome(Status.REFUSED, refusal=refused("get", 3, "read-write-denied"), detail="bute 10"),
    ),
    "read limit, exception-response": Case(
        watts(refuse={(71, LIMITER, 10): BUSY}),
        read_limit,
        Outcome(Status.REFUSED, refusal=refused("get", 3, "other-reason"), detail="service-not"),
    ),
    "read limit, threshold in float": Case(
        watts(values={NORMAL: Float32(1.5)}),
        read_limit,
        Outcome(Status.UNREPRESENTABLE, detail="Float32"),
    ),
    # --- setting a limit
    "set limit": Case(
        watts(),
        SET_1500,
        Outcome(Status.DONE, True, before=BEFORE, limit=limit("1500")),
        {NORMAL: DoubleLongUnsigned(1500)},
    ),
    "set limit in the type and scale of the meter": Case(
        watts(200, kind=LongUnsigned, scaler=1),
        SET_1500,
        Outcome(Status.DONE, True, before=limit("2000"), limit=limit("1500")),
        {NORMAL: LongUnsigned(150)},
    ),
    "set limit in amperes": Case(
        watts(63, kind=Unsigned, unit=33),
        lambda: set_limit(Decimal(16), "A"),
        Outcome(Status.DONE, True, before=limit("63", unit="A"), limit=limit("16", unit="A")),
        {NORMAL: Unsigned(16)},
    ),
    "set limit where none was ever written": Case(
        watts(values={(71, LIMITER, 3): NullData(), NORMAL: NullData()}),
        SET_1500,
        Outcome(Status.DONE, True, before=None, limit=limit("1500")),
        {NORMAL: DoubleLongUnsigned(1500)},
    ),
    "set limit of a register, class 3": Case(
        watts(
            values={
                MONITORS: Structure((LongUnsigned(3), OctetString(POWER), Integer(2))),
                (3, POWER, 2): DoubleLongUnsigned(7),
                (3, POWER, 3): Structure((Integer(2), Enum(27))),
            }
        ),
        SET_1500,
        Outcome(Status.DONE, True, before=limit("1000000"), limit=limit("1500")),
        {NORMAL: DoubleLongUnsigned(15)},
    ),
    "set limit, scaler_unit of another shape": Case(
        watts(values={(5, POWER, 4): Structure((Integer(0), Unsigned(27)))}),
        SET_1500,
        Outcome(Status.NO_ANSWER, detail="scaler_unit of the monitored value is not"),
        {NORMAL: DoubleLongUnsigned(10_000)},
    ),
    "set limit, already lifted": Case(
        watts(255, kind=Unsigned),
        lambda: set_limit(Decimal(200), "W"),
        Outcome(Status.DONE, True, before=limit("255", unlimited=True), limit=limit("200")),
    ),
    "set limit refused": Case(
        watts(refuse={NORMAL: DataAccessResult.READ_WRITE_DENIED}),
        SET_1500,
        Outcome(Status.REFUSED, True, refused("set", 3, "read-write-denied"), BEFORE),
        {NORMAL: DoubleLongUnsigned(10_000)},
    ),
    "set limit, meter busy": Case(
        watts(refuse={NORMAL: DataAccessResult.TEMPORARY_FAILURE}),
        SET_1500,
        Outcome(Status.REFUSED, True, refused("set", 2, "temporary-failure"), BEFORE),
    ),
    "set limit, exception-response": Case(
        watts(refuse={NORMAL: BUSY}),
        SET_1500,
        Outcome(Status.REFUSED, True, refused("set", 3, "other-reason"), BEFORE, detail="service-"),
    ),
    "set limit between two steps": Case(
        watts(200, kind=LongUnsigned, scaler=1),
        lambda: set_limit(Decimal(1505), "W"),
        Outcome(Status.UNREPRESENTABLE, before=limit("2000"), detail="between two steps"),
        {NORMAL: LongUnsigned(200)},
    ),
    "set limit beyond the type": Case(
        watts(200, kind=Unsigned),
        SET_1500,
        Outcome(Status.UNREPRESENTABLE, before=limit("200"), detail="outside Unsigned"),
        {NORMAL: Unsigned(200)},
    ),
    "set limit in another quantity": Case(
        watts(unit=33),
        SET_1500,
        Outcome(Status.UNREPRESENTABLE, before=limit("10000", unit="A"), detail="does not fit"),
    ),
    "set limit of a value without scale": Case(
        watts(values={MONITORS: Structure((LongUnsigned(1), OctetString(POWER), Integer(2)))}),
        SET_1500,
        Outcome(Status.UNREPRESENTABLE, detail="class 1 attribute 2"),
    ),
    "set limit of a register's time stamp": Case(
        watts(values={MONITORS: Structure((LongUnsigned(5), OctetString(POWER), Integer(6)))}),
        SET_1500,
        Outcome(Status.UNREPRESENTABLE, detail="class 5 attribute 6"),
    ),
    "set limit under an emergency profile": Case(
        watts(emergency=True, values={(71, LIMITER, 3): DoubleLongUnsigned(500)}),
        SET_1500,
        Outcome(
            Status.EMERGENCY,
            True,
            before=limit("10000", "500", emergency_active=True),
            limit=limit("1500", "500", emergency_active=True),
        ),
        {NORMAL: DoubleLongUnsigned(1500)},
    ),
    "set limit, write ignored": Case(
        watts(on_write=ignores_writes),
        SET_1500,
        Outcome(
            Status.NOT_APPLIED, True, before=BEFORE, limit=BEFORE, detail="threshold_normal reads"
        ),
    ),
    "set limit, write not used": Case(
        watts(on_write=stores_but_does_not_use),
        SET_1500,
        Outcome(
            Status.NOT_APPLIED,
            True,
            before=BEFORE,
            limit=limit("1500", "10000"),
            detail="threshold_active does not follow",
        ),
    ),
    "set limit, stored in another type": Case(
        watts(on_write=stores_another_type),
        SET_1500,
        Outcome(Status.NOT_APPLIED, True, before=BEFORE, limit=limit("1500"), detail="reads back"),
    ),
    "set limit, not readable afterwards": Case(
        watts(on_write=goes_deaf),
        SET_1500,
        Outcome(
            Status.UNKNOWN, True, refused("get", 3, "read-write-denied"), BEFORE, detail="bute 3"
        ),
    ),
    "set limit, monitored value of another shape": Case(
        watts(values={MONITORS: OctetString(b"?")}),
        SET_1500,
        Outcome(Status.NO_ANSWER, detail="monitored_value of the limiter is not a structure"),
    ),
    "set limit, emergency flag of another type": Case(
        watts(values={(71, LIMITER, 10): Unsigned(0)}),
        SET_1500,
        Outcome(Status.NO_ANSWER, detail="emergency_profile_active is Unsigned"),
    ),
    "remove limit": Case(
        watts(),
        remove_limit,
        Outcome(Status.DONE, True, before=BEFORE, limit=limit("4294967295", unlimited=True)),
        {NORMAL: DoubleLongUnsigned(2**32 - 1)},
    ),
    "remove limit, signed type": Case(
        watts(kind=DoubleLong, scaler=-2),
        remove_limit,
        Outcome(Status.DONE, True, before=limit("100"), limit=limit("21474836.47", unlimited=True)),
        {NORMAL: DoubleLong(2**31 - 1)},
    ),
    # --- supply
    "read supply": Case(
        supply(1, 4), read_supply, Outcome(Status.DONE, supply=SupplyRead(True, 1, 4))
    ),
    "read supply, none there": Case(
        lambda: Objects({}),
        read_supply,
        Outcome(Status.REFUSED, refusal=refused("get", 4, "object-undefined"), detail="0.0.96"),
    ),
    "read supply, state of another type": Case(
        lambda: Objects(control(1, 4) | {(70, DISCONNECT_CONTROL, 3): Unsigned(1)}),
        read_supply,
        Outcome(Status.NO_ANSWER, detail="are enums"),
    ),
    "connect, refused": Case(
        supply(0, 4, refuse={(70, DISCONNECT_CONTROL, 102): ActionResult.READ_WRITE_DENIED}),
        connect,
        Outcome(Status.REFUSED, True, refused("action", 3, "read-write-denied")),
    ),
    "connect, exception-response": Case(
        supply(0, 4, refuse={(70, DISCONNECT_CONTROL, 102): BUSY}),
        connect,
        Outcome(Status.REFUSED, True, refused("action", 3, "other-reason"), detail="service-not"),
    ),
    "connect, relay stuck": Case(
        supply(0, 4, relay_stuck=True),
        connect,
        Outcome(Status.NOT_APPLIED, True, supply=SupplyRead(False, 1, 4), detail="did not switch"),
    ),
    "disconnect, relay stuck": Case(
        supply(1, 4, relay_stuck=True),
        disconnect,
        Outcome(Status.NOT_APPLIED, True, supply=SupplyRead(True, 0, 4), detail="did not switch"),
    ),
    "disconnect in mode 0": Case(
        supply(1, 0),
        disconnect,
        Outcome(Status.NOT_APPLIED, True, supply=SupplyRead(True, 1, 0), detail="did not switch"),
    ),
    "connect in mode 0": Case(
        supply(1, 0), connect, Outcome(Status.DONE, supply=SupplyRead(True, 1, 0))
    ),
    "disconnect what only waits for the button": Case(
        supply(2, 1),
        disconnect,
        Outcome(Status.DONE, True, supply=SupplyRead(False, 0, 1)),
    ),
}

for _mode in (1, 2, 3, 4, 5, 6):
    _ready = _mode in (1, 3, 5, 6)
    _connected = SupplyRead(not _ready, 2 if _ready else 1, _mode)
    CASES |= {
        f"connect in mode {_mode}": Case(
            supply(0, _mode), connect, Outcome(Status.DONE, True, supply=_connected)
        ),
        f"connect again in mode {_mode}": Case(
            supply(_connected.control_state, _mode),
            connect,
            Outcome(Status.DONE, supply=_connected),
        ),
        f"disconnect in mode {_mode}": Case(
            supply(1, _mode),
            disconnect,
            Outcome(Status.DONE, True, supply=SupplyRead(False, 0, _mode)),
        ),
        f"disconnect again in mode {_mode}": Case(
            supply(0, _mode),
            disconnect,
            Outcome(Status.DONE, supply=SupplyRead(False, 0, _mode)),
        ),
    }


def check(case: Case, outcome: Outcome, meter: Objects) -> None:
    """The outcome, the reason's words, and what the meter holds in the end."""
    assert replace(outcome, detail="") == replace(case.outcome, detail="")
    assert case.outcome.detail in outcome.detail
    assert bool(case.outcome.detail) == bool(outcome.detail)
    for key, value in case.after.items():
        assert (type(meter.values[key]), meter.values[key]) == (type(value), value)
