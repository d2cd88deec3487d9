"""What a meter's history says: which commands were carried out, and what the meter showed when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from devices.meter.history import Deed, Happened
from devices.meter.limiter import UNLIMITED
from headend.domain.order import Kind, Order, State
from headend.domain.reason import ReasonCode
from scenarios.deeds import Command, commands, may_have_acted, showed, shows, spelled, wanted

AT = datetime(2026, 7, 6, 14, tzinfo=UTC)
T = AT.timestamp()
CLIENT = "client 5"


def order(kind: Kind = Kind.SET_LIMIT, **changes: object) -> Order:
    limit = {"amount": Decimal(3300), "unit": "W"} if kind is Kind.SET_LIMIT else {}
    accepted = Order(
        number=1,
        transaction_id="t",
        source="COMERCIAL",
        meter="90000001",
        kind=kind,
        accepted_at=AT,
        ready_at=AT,
        not_before=AT,
        deadline=AT + timedelta(hours=1),
        state=State.DONE,
        commanded=1,
        ended_at=AT + timedelta(minutes=1),
        **limit,
    )
    return replace(accepted, **changes)


def wrote(at: float, watts: int, cause: str = CLIENT) -> Happened:
    return Happened(T + at, Deed.LIMIT_WRITTEN, cause, "threshold_normal", watts)


def moved(at: float, deed: Deed, detail: str, cause: str = CLIENT) -> Happened:
    return Happened(T + at, deed, cause, detail)


OPENED = moved(10, Deed.RELAY_OPENED, "remote_disconnect b")
CLOSED = moved(20, Deed.RELAY_CLOSED, "remote_reconnect a")
MADE_READY = moved(20, Deed.STATE_MOVED, "remote_reconnect d")
TRIPPED = moved(10, Deed.RELAY_OPENED, "local_disconnect g", "limiter")
STUCK = moved(30, Deed.RELAY_STUCK, "remote_reconnect a")
FOLLOWED = moved(40, Deed.RELAY_CLOSED, "remote_reconnect")

COMMANDS = {
    "limit": (wrote(1, 3300), ("limit", 3300)),
    "limit by hand": (wrote(1, 3300, "button"), None),
    "cut": (OPENED, ("disconnect", None)),
    "connected": (CLOSED, ("connect", None)),
    "made ready": (MADE_READY, ("connect", None)),
    "was there already": (
        moved(1, Deed.SUPPLY_UNCHANGED, "remote_disconnect"),
        ("disconnect", None),
    ),
    "refused": (moved(1, Deed.SUPPLY_REFUSED, "remote_reconnect"), None),
    "stuck": (STUCK, None),
    "followed at last": (FOLLOWED, ("connect", None)),
    "tripped": (TRIPPED, None),
    "button": (moved(1, Deed.RELAY_CLOSED, "manual_reconnect e", "button"), None),
    "parameter": (moved(1, Deed.PARAMETER_WRITTEN, "control mode 3"), None),
}


@pytest.mark.parametrize(("deed", "what"), COMMANDS.values(), ids=COMMANDS)
def test_command(deed: Happened, what: tuple[str, int | None] | None) -> None:
    assert commands([deed]) == ([] if what is None else [Command(deed.at, what)])


WANTED = {
    "watts": (order(), ("limit", 3300), "limit 3300 W"),
    "kilowatts": (order(amount=Decimal("3.3"), unit="kW"), ("limit", 3300), "limit 3300 W"),
    "none": (order(Kind.REMOVE_LIMIT), ("limit", UNLIMITED), "limit none"),
    "cut": (order(Kind.DISCONNECT), ("disconnect", None), "disconnect"),
    "connect": (order(Kind.CONNECT), ("connect", None), "connect"),
}


@pytest.mark.parametrize(("ordered", "what", "words"), WANTED.values(), ids=WANTED)
def test_wanted(ordered: Order, what: tuple[str, int | None], words: str) -> None:
    assert wanted(ordered) == what
    assert spelled(what) == words


ACTED = {
    "done": (order(), True),
    "done without a command": (order(commanded=0), False),
    "under way": (order(state=State.EXECUTING), True),
    "waits": (order(state=State.QUEUED, commanded=0), False),
    "waits again": (order(state=State.QUEUED), True),
    "effect not known": (order(state=State.FAILED, reason=ReasonCode.EFFECT_NOT_KNOWN), True),
    "overridden": (order(state=State.FAILED, reason=ReasonCode.EMERGENCY_ACTIVE), True),
    "without effect": (order(state=State.FAILED, reason=ReasonCode.NOT_APPLIED), True),
    "unreachable": (order(state=State.FAILED, reason=ReasonCode.METER_UNREACHABLE), False),
    "expired": (order(state=State.EXPIRED, reason=ReasonCode.EXPIRED), False),
}


@pytest.mark.parametrize(("ordered", "acted"), ACTED.values(), ids=ACTED)
def test_may_have_acted(ordered: Order, acted: bool) -> None:
    assert may_have_acted(ordered) is acted


# name: (history, order, whether it showed it in its time, whether it shows it at the end)
SHOWN = {
    "limit written": ([wrote(10, 3300)], order(), True, True),
    "limit never written": ([], order(), False, False),
    "another limit": ([wrote(10, 1100)], order(), False, False),
    "limit there before": ([wrote(-10, 3300)], order(), True, True),
    "limit gone before": ([wrote(-10, 3300), wrote(-5, 1100)], order(), False, False),
    "limit gone since": ([wrote(10, 3300), wrote(20, 1100)], order(), True, False),
    "limit too late": ([wrote(70, 3300)], order(), False, True),
    "limit removed": (
        [wrote(-10, 3300), wrote(10, UNLIMITED)],
        order(Kind.REMOVE_LIMIT),
        True,
        True,
    ),
    "limit left": ([wrote(-10, 3300)], order(Kind.REMOVE_LIMIT), False, False),
    "cut": ([OPENED], order(Kind.DISCONNECT), True, True),
    "not cut": ([], order(Kind.DISCONNECT), False, False),
    "cut and connected": ([OPENED, CLOSED], order(Kind.DISCONNECT), True, False),
    "tripped is not cut": ([TRIPPED], order(Kind.DISCONNECT), False, False),
    "cut, and a reconnection that stuck": ([OPENED, STUCK], order(Kind.DISCONNECT), True, True),
    "cut, stuck, and followed": ([OPENED, STUCK, FOLLOWED], order(Kind.DISCONNECT), True, False),
    "connected as it was": ([], order(Kind.CONNECT), True, True),
    "connected": ([replace(OPENED, at=T - 1), CLOSED], order(Kind.CONNECT), True, True),
    "ready will do": ([replace(OPENED, at=T - 1), MADE_READY], order(Kind.CONNECT), True, True),
    "not connected": ([replace(OPENED, at=T - 1)], order(Kind.CONNECT), False, False),
}


@pytest.mark.parametrize(("history", "ordered", "then", "now"), SHOWN.values(), ids=SHOWN)
def test_shown(history: list[Happened], ordered: Order, then: bool, now: bool) -> None:
    assert showed(history, ordered) is then
    assert shows(history, ordered) is now
