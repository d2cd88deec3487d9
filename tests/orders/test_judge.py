"""What a report means: only an effect known to be absent allows another command."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from headend.domain.order import Kind, Order, ValueRead
from headend.domain.reason import REASON_OF_DLMS, ReasonCode
from headend.orders.judge import (
    Busy,
    Done,
    EffectUnknown,
    NotDone,
    Underway,
    Verdict,
    evidence_of_faults,
    judge_command,
    judge_look,
)
from protocols.concentrator.demand import NEVER, DemandRead
from protocols.concentrator.messages import (
    Action,
    FaultEntry,
    LimitRead,
    LinkReport,
    Refusal,
    Result,
    Status,
    SupplyRead,
    UpdateTold,
)
from protocols.concentrator.meter_firmware import Stage

AT = datetime(2026, 7, 6, 12, tzinfo=UTC)
LIMIT = LimitRead("3300", "3300", "W")
NO_ROUTE = LinkReport("m", AT, registered=False)
LOSSY = LinkReport("m", AT, registered=True, frames_sent=20, frames_lost=12, link_acks=8)
MUTE = LinkReport("m", AT, registered=True, frames_sent=6, frames_lost=0, link_acks=6)
BARE = LinkReport("m", AT, registered=True)


def result(status: Status, *, acted: bool = False, **changes: object) -> Result:
    action = changes.pop("action", Action.SET_LIMIT)
    fields = {"id": "r", "at": AT, "order": "1", "attempt": 1, "meter": "m", "action": action}
    return Result(**fields, status=status, acted=acted, **changes)  # type: ignore[arg-type]


def order(kind: Kind = Kind.SET_LIMIT, amount: str | None = "3300", unit: str = "W") -> Order:
    wanted = Decimal(amount) if kind is Kind.SET_LIMIT and amount else None
    return Order(1, "t", "s", "m", kind, AT, AT, AT, AT, amount=wanted, unit=unit)


def _at(stage: Stage) -> UpdateTold:
    return UpdateTold(stage=stage)


COMMANDS: dict[str, tuple[Result, type[Verdict], ReasonCode | None]] = {
    "done": (result(Status.DONE, acted=True, limit=LIMIT), Done, None),
    "busy": (result(Status.BUSY), Busy, None),
    "unknown": (result(Status.UNKNOWN, acted=True), EffectUnknown, None),
    "no answer after a command": (result(Status.NO_ANSWER, acted=True), EffectUnknown, None),
    "no answer, and no effect to be seen": (
        result(Status.NO_ANSWER, acted=True, limit=LimitRead("9000", "9000", "W"), link=LOSSY),
        NotDone,
        ReasonCode.PACKET_LOSS,
    ),
    "unreachable after a command": (result(Status.UNREACHABLE, acted=True), EffectUnknown, None),
    "not in table": (result(Status.NOT_IN_TABLE), NotDone, ReasonCode.NOT_IN_TABLE),
    "no route": (
        result(Status.UNREACHABLE, link=NO_ROUTE),
        NotDone,
        ReasonCode.METER_UNREACHABLE,
    ),
    "lossy": (result(Status.NO_ANSWER, link=LOSSY), NotDone, ReasonCode.PACKET_LOSS),
    "mute": (result(Status.NO_ANSWER, link=MUTE), NotDone, ReasonCode.METER_DOES_NOT_ANSWER),
    "silent, and nothing known": (
        result(Status.NO_ANSWER, link=BARE),
        NotDone,
        ReasonCode.NO_ANSWER_UNKNOWN,
    ),
    "silent, no report": (result(Status.NO_ANSWER), NotDone, ReasonCode.NO_ANSWER_UNKNOWN),
    "stale": (result(Status.STALE), NotDone, ReasonCode.EXPIRED),
    "withdrawn": (result(Status.CANCELLED), NotDone, ReasonCode.EXPIRED),
    "emergency": (
        result(Status.EMERGENCY, acted=True, limit=LIMIT),
        NotDone,
        ReasonCode.EMERGENCY_ACTIVE,
    ),
    "unrepresentable": (
        result(Status.UNREPRESENTABLE),
        NotDone,
        ReasonCode.LIMIT_NOT_REPRESENTABLE,
    ),
    "mode": (result(Status.MODE_FORBIDS), NotDone, ReasonCode.MODE_CONNECTS_AT_ONCE),
    "not applied": (result(Status.NOT_APPLIED, acted=True), NotDone, ReasonCode.NOT_APPLIED),
    "no such thing at the meter": (
        result(Status.NOT_EQUIPPED, action=Action.LOAD_OFF),
        NotDone,
        ReasonCode.METER_NOT_EQUIPPED,
    ),
    "a period ended": (
        result(Status.DONE, acted=True, action=Action.RESET_DEMAND, demand=DemandRead(8)),
        Done,
        None,
    ),
    "no answer, and no period ended": (
        result(Status.NO_ANSWER, acted=True, action=Action.RESET_DEMAND, demand=DemandRead(7)),
        NotDone,
        ReasonCode.NO_ANSWER_UNKNOWN,
    ),
    "no answer after a reset": (
        result(Status.NO_ANSWER, acted=True, action=Action.RESET_DEMAND),
        EffectUnknown,
        None,
    ),
    "key": (result(Status.KEY_REJECTED), NotDone, ReasonCode.WRONG_KEY_OR_COUNTER),
    "under way, which only firmware is": (result(Status.UNDERWAY), EffectUnknown, None),
    "firmware under way": (
        result(Status.UNDERWAY, action=Action.UPDATE_FIRMWARE, update=_at(Stage.TRANSFERRING)),
        Underway,
        None,
    ),
    "firmware runs": (
        result(Status.DONE, action=Action.UPDATE_FIRMWARE, update=_at(Stage.RUNNING)),
        Done,
        None,
    ),
    **{
        f"firmware {stage}": (
            result(Status.NOT_APPLIED, action=Action.UPDATE_FIRMWARE, update=_at(stage)),
            NotDone,
            reason,
        )
        for stage, reason in {
            Stage.DAMAGED: ReasonCode.IMAGE_DAMAGED,
            Stage.REJECTED: ReasonCode.IMAGE_REJECTED,
            Stage.FOREIGN: ReasonCode.IMAGE_FOREIGN,
            Stage.UNCHANGED: ReasonCode.FIRMWARE_UNCHANGED,
            Stage.TRANSFERRING: ReasonCode.NOT_APPLIED,
        }.items()
    },
    "association": (
        result(Status.REFUSED, refusal=Refusal("associate", 13, "authentication-failure")),
        NotDone,
        ReasonCode.REFUSED_ASSOCIATION,
    ),
    **{
        f"refused {code}": (
            result(Status.REFUSED, acted=True, refusal=Refusal("set", code, "-")),
            NotDone,
            reason,
        )
        for code, reason in REASON_OF_DLMS.items()
    },
    "refused with an unlisted code": (
        result(Status.REFUSED, acted=True, refusal=Refusal("action", 77, "-")),
        NotDone,
        ReasonCode.REFUSED_OTHER,
    ),
}


@pytest.mark.parametrize(("report", "kind", "reason"), COMMANDS.values(), ids=COMMANDS)
def test_command(report: Result, kind: type, reason: ReasonCode | None) -> None:
    verdict = judge_command(report)
    assert isinstance(verdict, kind)
    if isinstance(verdict, NotDone):
        assert verdict.reason is reason
        assert verdict.evidence, "a failure says what it rests on"


@pytest.mark.parametrize(
    ("stage", "own", "by_itself"),
    [
        (Stage.FETCHING, None, True),
        (Stage.TRANSFERRING, None, True),
        (Stage.VERIFIED, None, False),
        (Stage.STARTING, None, False),
        (Stage.TRANSFERRING, (), False),  # the head-end itself sends the blocks
    ],
)
def test_whether_an_image_goes_on_without_another_step(
    stage: Stage, own: tuple[()] | None, by_itself: bool
) -> None:
    told = result(Status.UNDERWAY, action=Action.UPDATE_FIRMWARE, update=_at(stage))
    assert judge_command(told, own) == Underway(told.update, by_itself)


def test_every_status_is_judged() -> None:
    assert {report.status for report, *_ in COMMANDS.values()} == set(Status)


def supply(on: bool, state: int) -> Result:
    return result(
        Status.DONE, action=Action.READ_SUPPLY, supply=SupplyRead(on, state, control_mode=4)
    )


def limit(normal: str, active: str | None = None, **changes: bool) -> Result:
    read = LimitRead(normal, active or normal, "W", **changes)
    return result(Status.DONE, action=Action.READ_LIMIT, limit=read)


def load(on: bool, state: int) -> Result:
    return result(Status.DONE, action=Action.READ_LOAD, load=SupplyRead(on, state, 4))


def demand(resets: int | None, reset_at: str | None = None) -> Result:
    told = DemandRead(resets, reset_at)
    return result(Status.DONE, action=Action.READ_DEMAND, demand=told)


def reset(resets: int | None, reset_at: str | None = None) -> Order:
    """A reset of a meter that stood so before."""
    seen = ValueRead(demand=DemandRead(resets, reset_at, maximum="3300", unit="W"))
    return replace(order(Kind.RESET_DEMAND), value_read=seen)


JULY, SAME = "2026-07-01T00:00:00-04:00", "2026-07-01T04:00:00+00:00"

LOOKS = {
    "a period more": (reset(7), demand(8), Done),
    "the counter begins again": (reset(99), demand(0), Done),
    "no period more": (reset(7), demand(7), NotDone),
    "an old time written anew": (reset(7, JULY), demand(7, SAME[:19]), NotDone),
    "another time, no counter": (reset(None, NEVER), demand(None, JULY), Done),
    "the same time elsewhere": (reset(None, JULY), demand(None, SAME), NotDone),
    "a time without its zone": (reset(None, JULY), demand(None, JULY[:19]), NotDone),
    "a time of no calendar": (reset(None, "07ea"), demand(None, JULY), Done),
    "still no time": (reset(None, NEVER), demand(None, NEVER), NotDone),
    "the counter is gone": (reset(7), demand(None, JULY), EffectUnknown),
    "nobody looked before": (order(Kind.RESET_DEMAND), demand(8), EffectUnknown),
    "load off": (order(Kind.LOAD_OFF), load(False, 0), Done),
    "load still on": (order(Kind.LOAD_OFF), load(True, 1), NotDone),
    "load on": (order(Kind.LOAD_ON), load(True, 1), Done),
    "load waits for a hand": (order(Kind.LOAD_ON), load(False, 2), NotDone),
    "the supply tells nothing of a load": (order(Kind.LOAD_OFF), supply(False, 0), EffectUnknown),
    "limit there": (order(), limit("3300"), Done),
    "limit there, ordered in kW": (order(amount="3.3", unit="kW"), limit("3300"), Done),
    "another limit": (order(), limit("5000"), NotDone),
    "written, not active": (order(), limit("3300", "9000"), NotDone),
    "limit gone": (order(Kind.REMOVE_LIMIT), limit("4294967295", unlimited=True), Done),
    "limit still there": (order(Kind.REMOVE_LIMIT), limit("3300"), NotDone),
    "no limit where one was ordered": (order(), limit("4294967295", unlimited=True), NotDone),
    "cut": (order(Kind.DISCONNECT), supply(False, 0), Done),
    "not cut": (order(Kind.DISCONNECT), supply(True, 1), NotDone),
    "connected": (order(Kind.CONNECT), supply(True, 1), Done),
    "armed": (order(Kind.CONNECT), supply(False, 2), Done),
    "still cut": (order(Kind.CONNECT), supply(False, 0), NotDone),
    "could not look": (order(), result(Status.NO_ANSWER, link=MUTE), EffectUnknown),
}


@pytest.mark.parametrize(("wanted", "report", "kind"), LOOKS.values(), ids=LOOKS)
def test_look(wanted: Order, report: Result, kind: type) -> None:
    assert isinstance(judge_look(wanted, report), kind)


def test_the_value_before_a_bounded_limit_is_kept() -> None:
    report = result(Status.DONE, acted=True, limit=LIMIT, before=LimitRead("9000", "9000", "W"))
    verdict = judge_command(report)
    assert verdict == Done(
        ValueRead(Decimal(3300), Decimal(3300), "W"), ValueRead(Decimal(9000), Decimal(9000), "W")
    )


def test_a_fault_log_names_its_component() -> None:
    entries = [
        FaultEntry(AT, "sim", 13, "SIM failure"),
        FaultEntry(AT, "modem", 0, "no answer"),
        FaultEntry(AT, "router", 0, "supply returned"),
    ]
    first, second, third = evidence_of_faults(entries)
    assert first.suggests is ReasonCode.SIM_FAULT
    assert "13" in first.text
    assert second.suggests is ReasonCode.MODEM_FAULT
    assert third.suggests is ReasonCode.CONCENTRATOR_UNREACHABLE, "it did not restart"
