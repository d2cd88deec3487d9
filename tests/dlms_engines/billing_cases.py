"""Rows of `cases` about billing periods and load relays."""

from __future__ import annotations

from dataclasses import dataclass

from protocols.concentrator.demand import NEVER, DemandMark, DemandRead
from protocols.concentrator.messages import Refusal, Status, SupplyRead
from protocols.dlms.codes import ActionResult, DataAccessResult
from protocols.dlms.date_time import Date, DateTime, Time
from protocols.dlms.procedures import Outcome
from protocols.dlms.procedures.demand import (
    BILLING_SCRIPTS,
    LAST_END,
    MAXIMUM,
    PERIODS,
    ROWS,
    read_demand,
    reset_demand,
)
from protocols.dlms.procedures.supply import LOAD_RELAY, read_load, switch_load
from protocols.dlms.services import AttributeDescriptor
from protocols.dlms.values import (
    Boolean,
    DoubleLongUnsigned,
    Enum,
    Integer,
    OctetString,
    Structure,
    Unsigned,
    Value,
)
from tests.dlms_engines.cases import BUSY, Case
from tests.dlms_engines.objects import Key, Objects

JULY, RESET_AT = "2026-07-01T00:00:00+00:00", "2026-07-06T10:00:00+00:00"
DENIED = DataAccessResult.READ_WRITE_DENIED
SCRIPT: Key = (9, BILLING_SCRIPTS, 101)


def key(attribute: AttributeDescriptor) -> Key:
    return attribute.class_id, attribute.instance, attribute.attribute


def stamp(month: int, day: int, hour: int = 0) -> OctetString:
    return OctetString(DateTime(Date(2026, month, day), Time(hour, 0, 0, 0), 0).octets)


VALUE, SCALE, AT = MAXIMUM
FULL: dict[Key, Value] = {
    key(PERIODS): Unsigned(99),
    key(LAST_END): stamp(7, 1),
    key(ROWS): DoubleLongUnsigned(12),
    key(VALUE): DoubleLongUnsigned(3300),
    key(SCALE): Structure((Integer(0), Enum(27))),
    key(AT): stamp(7, 4, 19),
}
BEFORE = DemandRead(99, JULY, 12, "3300", "W", "2026-07-04T19:00:00+00:00")
AFTER = DemandRead(0, RESET_AT, 13, "0", "W", NEVER)
MARK = DemandMark(99, JULY)


@dataclass
class Billing(Objects):
    """A meter that ends its period: the counter begins again behind 99."""

    ends: bool = True

    def _switch(self, method: int) -> None:
        if not self.ends:
            return
        after: dict[Key, Value] = {
            key(PERIODS): Unsigned(0),
            key(LAST_END): stamp(7, 6, 10),
            key(ROWS): DoubleLongUnsigned(13),
            key(VALUE): DoubleLongUnsigned(0),
            key(AT): OctetString(b"\xff" * 9 + b"\x80\x00\xff"),
        }
        self.values |= {each: value for each, value in after.items() if each in self.values}


@dataclass
class Relays(Objects):
    """A meter with a load relay beside its supply's."""

    stuck: bool = False
    ready: bool = False

    def _switch(self, method: int) -> None:
        state = 0 if method == 1 else 2 if self.ready else 1
        self.values[70, LOAD_RELAY, 3] = Enum(state)
        if not self.stuck:
            self.values[70, LOAD_RELAY, 2] = Boolean(state == 1)


def only(*attributes: AttributeDescriptor) -> dict[Key, Value]:
    """A meter that tells nothing but this."""
    return {key(each): FULL[key(each)] for each in attributes}


def relay(state: int) -> dict[Key, Value]:
    return {
        (70, LOAD_RELAY, 2): Boolean(state == 1),
        (70, LOAD_RELAY, 3): Enum(state),
        (70, LOAD_RELAY, 4): Enum(4),
    }


def refused(service: str, code: int, name: str) -> Refusal:
    return Refusal(service, code, name)  # type: ignore[arg-type]


OFF, ON = SupplyRead(False, 0, 4), SupplyRead(True, 1, 4)

CASES: dict[str, Case] = {
    "read demand": Case(
        lambda: Billing(dict(FULL)), read_demand, Outcome(Status.DONE, demand=BEFORE)
    ),
    "read demand of a meter that only counts": Case(
        lambda: Billing(only(PERIODS)),
        read_demand,
        Outcome(Status.DONE, demand=DemandRead(99)),
    ),
    "read demand of a meter that never ended a period": Case(
        lambda: Billing({key(LAST_END): OctetString(b"\xff" * 9 + b"\x80\x00\xff")}),
        read_demand,
        Outcome(Status.DONE, demand=DemandRead(reset_at=NEVER)),
    ),
    "read demand of a meter without billing": Case(
        lambda: Billing({}),
        read_demand,
        Outcome(Status.NOT_EQUIPPED, detail="counts no billing periods"),
    ),
    "read demand, denied": Case(
        lambda: Billing(dict(FULL), {key(PERIODS): DENIED, key(LAST_END): DENIED}),
        read_demand,
        Outcome(
            Status.REFUSED, refusal=refused("get", 3, "read-write-denied"), detail="billing periods"
        ),
    ),
    "read demand, a counter of another type": Case(
        lambda: Billing({key(PERIODS): OctetString(b"12")}),
        read_demand,
        Outcome(Status.NO_ANSWER, detail="a counter is no integer"),
    ),
    "reset demand": Case(
        lambda: Billing(dict(FULL)),
        lambda: reset_demand(MARK),
        Outcome(Status.DONE, True, demand=AFTER),
        {key(PERIODS): Unsigned(0)},
    ),
    "reset demand, however it stands": Case(
        lambda: Billing(dict(FULL)), reset_demand, Outcome(Status.DONE, True, demand=AFTER)
    ),
    "reset demand, done already": Case(
        lambda: Billing(dict(FULL)),
        lambda: reset_demand(DemandMark(98, JULY)),
        Outcome(Status.DONE, demand=BEFORE),
        {key(PERIODS): Unsigned(99)},
    ),
    "reset demand, done already by the time alone": Case(
        lambda: Billing(only(LAST_END)),
        lambda: reset_demand(DemandMark(reset_at=NEVER)),
        Outcome(Status.DONE, demand=DemandRead(reset_at=JULY)),
        {key(LAST_END): stamp(7, 1)},
    ),
    "reset demand by the time alone": Case(
        lambda: Billing(only(LAST_END)),
        lambda: reset_demand(DemandMark(reset_at=JULY)),
        Outcome(Status.DONE, True, demand=DemandRead(reset_at=RESET_AT)),
    ),
    "reset demand of a meter that lost its counter": Case(
        lambda: Billing(only(LAST_END)),
        lambda: reset_demand(DemandMark(99)),
        Outcome(
            Status.NOT_EQUIPPED, demand=DemandRead(reset_at=JULY), detail="does not tell any more"
        ),
        {key(LAST_END): stamp(7, 1)},
    ),
    "reset demand of a meter without billing": Case(
        lambda: Billing({}),
        lambda: reset_demand(MARK),
        Outcome(Status.NOT_EQUIPPED, detail="counts no billing periods"),
    ),
    "reset demand refused": Case(
        lambda: Billing(dict(FULL), {SCRIPT: ActionResult.READ_WRITE_DENIED}),
        lambda: reset_demand(MARK),
        Outcome(Status.REFUSED, True, refused("action", 3, "read-write-denied")),
        {key(PERIODS): Unsigned(99)},
    ),
    "reset demand, exception-response": Case(
        lambda: Billing(dict(FULL), {SCRIPT: BUSY}),
        lambda: reset_demand(MARK),
        Outcome(Status.REFUSED, True, refused("action", 3, "other-reason"), detail="service-not"),
    ),
    "reset demand without effect": Case(
        lambda: Billing(dict(FULL), ends=False),
        lambda: reset_demand(MARK),
        Outcome(Status.NOT_APPLIED, True, demand=BEFORE, detail="counts no other period"),
    ),
    # --- load relays
    "read load": Case(lambda: Relays(relay(1)), read_load, Outcome(Status.DONE, load=ON)),
    "read load, no relay": Case(
        lambda: Relays({}), read_load, Outcome(Status.NOT_EQUIPPED, detail="0.1.96")
    ),
    "load off": Case(
        lambda: Relays(relay(1)), lambda: switch_load(False), Outcome(Status.DONE, True, load=OFF)
    ),
    "load on": Case(
        lambda: Relays(relay(0)), lambda: switch_load(True), Outcome(Status.DONE, True, load=ON)
    ),
    "load off again": Case(
        lambda: Relays(relay(0)), lambda: switch_load(False), Outcome(Status.DONE, load=OFF)
    ),
    "load on again": Case(
        lambda: Relays(relay(1)), lambda: switch_load(True), Outcome(Status.DONE, load=ON)
    ),
    "load off, no relay": Case(
        lambda: Relays({}),
        lambda: switch_load(False),
        Outcome(Status.NOT_EQUIPPED, detail="0.1.96"),
    ),
    "load off, denied": Case(
        lambda: Relays(relay(1), {(70, LOAD_RELAY, 2): DENIED}),
        lambda: switch_load(False),
        Outcome(Status.REFUSED, refusal=refused("get", 3, "read-write-denied"), detail="0.1.96"),
    ),
    "load off, refused": Case(
        lambda: Relays(relay(1), {(70, LOAD_RELAY, 101): ActionResult.READ_WRITE_DENIED}),
        lambda: switch_load(False),
        Outcome(Status.REFUSED, True, refused("action", 3, "read-write-denied")),
    ),
    "load off, relay stuck": Case(
        lambda: Relays(relay(1), stuck=True),
        lambda: switch_load(False),
        Outcome(Status.NOT_APPLIED, True, load=SupplyRead(True, 0, 4), detail="did not switch"),
    ),
    "load on, a relay that waits for a hand": Case(
        lambda: Relays(relay(0), ready=True),
        lambda: switch_load(True),
        Outcome(Status.NOT_APPLIED, True, load=SupplyRead(False, 2, 4), detail="did not switch"),
    ),
}
