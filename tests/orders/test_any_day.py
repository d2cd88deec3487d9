"""Whatever is ordered, cancelled, lost and crashed: what was concluded is what happened."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices.clock import run_simulated
from headend.domain.order import OWN, Kind, State
from headend.domain.reason import ReasonCode
from headend.orders import lanes
from headend.ports import Connectivity
from headend.store import queries
from protocols.concentrator.messages import Status
from tests.conftest import SIMULATED_START
from tests.orders.office import Office, opened
from tests.orders.scripted_field import (
    BUSY,
    CUT_OFF,
    LOST,
    NO_EFFECT,
    NO_WORD,
    NOT_SENT,
    UNREACHABLE,
    Say,
)

METERS = st.sampled_from(["M1", "M2"])
MISHAPS = st.sampled_from(
    [
        Say(),
        Say(after_s=100),
        UNREACHABLE,
        NOT_SENT,
        LOST,
        CUT_OFF,
        BUSY,
        NO_WORD,
        NO_EFFECT,
        Say(Status.REFUSED),
    ]
)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens `after_s` after the event before it."""

    after_s: float
    what: str
    meter: str
    kind: Kind
    amount: int


EVENTS = st.builds(
    Event,
    after_s=st.sampled_from([0, 0.5, 1, 5, 40, 400]),
    what=st.sampled_from(
        ["order", "order", "order", "cancel", "change", "crash", "offline", "online"]
    ),
    meter=METERS,
    kind=st.sampled_from([kind for kind in Kind if kind not in OWN]),
    amount=st.integers(1000, 9000),
)


@pytest.mark.parametrize("examples", [30, pytest.param(250, marks=pytest.mark.prove)])
def test_what_was_concluded_is_what_happened(
    examples: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "POLL_S", 60.0)

    @settings(max_examples=examples, suppress_health_check=list(HealthCheck))
    @given(
        st.lists(EVENTS, min_size=1, max_size=12),
        st.lists(MISHAPS, max_size=12),
        st.lists(st.booleans(), max_size=4),
        st.lists(st.sampled_from([Status.NO_ANSWER, Status.DONE]), max_size=6),
    )
    def hold(
        events: list[Event], script: list[Say], withdrawals: list[bool], looks: list[Status]
    ) -> None:
        run_simulated(a_day(events, script, withdrawals, looks), start=SIMULATED_START)

    hold()


async def a_day(
    events: list[Event], script: list[Say], withdrawals: list[bool], looks: list[Status]
) -> None:
    async with opened(deadline_s=3600.0, lane_width=2) as office:
        office.field.script += script
        office.field.withdrawals += withdrawals
        office.field.looks += looks
        for event in events:
            await asyncio.sleep(event.after_s)
            await happen(office, event)
        office.field.connected = Connectivity(True)
        await asyncio.sleep(6 * 3600)
        await hold_true(office)


async def happen(office: Office, event: Event) -> None:
    match event.what:
        case "order":
            name = event.meter
            await office.order(event.kind, name, amount=event.amount, correlation_id=name)
        case "cancel":
            await office.cancel(correlation_id=event.meter)
        case "change":
            await office.change(event.amount, meter=event.meter, correlation_id=event.meter)
        case "crash":
            await office.crash()
            office.start()
        case "offline":
            office.field.connected = Connectivity(False, office.clock.now())
        case "online":
            office.field.connected = Connectivity(True)
            await office.life.hearing.came_online("C1", office.clock.now())


async def hold_true(office: Office) -> None:
    await office.check()
    orders = office.store.read(lambda connection: queries.orders(connection, limit=100))
    by_meter: dict[str, list[int]] = {}
    for command in office.field.effects:
        by_meter.setdefault(command.meter, []).append(command.order)
    for order in orders:
        effects = [command for command in office.field.effects if command.order == order.number]
        journal = office.journal(order.number)
        assert order.verify_at is None, journal
        # What an order asks for may be there already: a reading cannot tell whose doing it is.
        read = any(attempt.verification for attempt in office.attempts(order.number))
        if order.state is State.DONE:
            assert len(effects) == 1 or (read and not effects), journal
            assert effects or order.kind is not Kind.RESET_DEMAND, journal
            assert all(effect.amount == order.amount for effect in effects)
        elif order.reason is not ReasonCode.EFFECT_NOT_KNOWN:
            assert effects == [], journal
        else:
            (note,) = [message.note for message in office.told(order.number) if message.note]
            assert len(effects) <= 1
            if "did not take effect" in note:
                assert not effects, journal
            elif "took effect" in note:
                assert effects or read, journal
    for numbers in by_meter.values():
        assert numbers == sorted(numbers), "a meter's orders act in the order of acceptance"
