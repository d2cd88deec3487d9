"""A meter is linked to another concentrator while its orders wait, are under way, or are unknown.

Whenever that comes: every order ends once, what waited goes to the new concentrator, what was sent
is asked for where it was sent to, and no two concentrators ever act on one order.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices.clock import run_simulated
from headend.domain.meter import Concentrator
from headend.domain.order import Kind, State
from headend.orders import lanes
from headend.ports import Transaction
from headend.registry.lives import By, link
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
)  # fmt: skip

OLD, NEW = "C1", "C2"


async def relink(office: Office, to: str = NEW, meter: str = "M1") -> float:
    at = office.clock.now()
    await office.store.run(lambda tx: tx.put_concentrators([Concentrator(NEW)]))
    await office.store.run(lambda tx: link(tx, meter, to, By("ana", at)))
    return asyncio.get_running_loop().time()


def check_no_two(office: Office, relinked_s: float) -> None:
    """See the module; of what the field saw."""
    sent: dict[tuple[int, int], tuple[str, float]] = {}
    for when, command in office.field.commands:
        key = command.order, command.attempt
        first = sent.setdefault(key, (command.concentrator, when))
        assert first[0] == command.concentrator, "an attempt is one concentrator's"
    for (order, _), (concentrator, when) in sent.items():
        if when > relinked_s:
            assert concentrator == NEW, f"order {order} was sent to {concentrator} afterwards"
    for _, command in office.field.withdrawn:
        asked = sent.get((command.order, command.attempt))
        assert asked is None or asked[0] == command.concentrator, "asked where it was sent to"
    acted: dict[int, set[str]] = defaultdict(set)
    for command in office.field.effects:
        acted[command.order].add(command.concentrator)
    assert all(len(names) == 1 for names in acted.values()), acted


SAYS = st.sampled_from([Say(), BUSY, CUT_OFF, LOST, NO_EFFECT, NO_WORD, NOT_SENT, UNREACHABLE])
WHEN_S = st.sampled_from([0.0, 0.5, 1.0, 2.0, 3.0, 10.0, 61.0, 400.0, 3000.0])


@pytest.mark.parametrize("examples", [25, pytest.param(400, marks=pytest.mark.prove)])
def test_no_two_concentrators_act_on_one_order(
    examples: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "POLL_S", 60.0)

    async def day(
        kinds: list[Kind], says: list[Say], withdrawals: list[bool], after_s: float
    ) -> None:
        async with opened() as office:
            office.field.script.extend(says)
            office.field.withdrawals.extend(withdrawals)
            numbers = [await office.order(kind) for kind in kinds]
            await asyncio.sleep(after_s)
            relinked_s = await relink(office)
            for number in numbers:
                await office.ended(number, within_s=30 * 24 * 3600)
            check_no_two(office, relinked_s)
            await office.check()

    @settings(max_examples=examples, suppress_health_check=list(HealthCheck), deadline=None)
    @given(
        st.lists(st.sampled_from([Kind.SET_LIMIT, Kind.DISCONNECT]), min_size=1, max_size=2),
        st.lists(SAYS, max_size=4),
        st.lists(st.booleans(), max_size=3),
        WHEN_S,
    )
    def hold(kinds: list[Kind], says: list[Say], withdrawals: list[bool], after_s: float) -> None:
        run_simulated(day(kinds, says, withdrawals, after_s), start=SIMULATED_START)

    hold()


async def test_what_waits_moves_with_its_meter_and_its_journal_says_so() -> None:
    async with opened(start=False) as office:
        office.start()
        office.field.broker_up = False  # nothing is sent as yet
        number, other = await office.order(), await office.order(meter="M2")
        await asyncio.sleep(1)
        await relink(office)
        moved = await office.tell(number)
        assert moved.state is State.QUEUED and moved.concentrator == NEW
        assert office.journal(number)[-1].cause == f"its meter is linked to {NEW} now; waits there"
        assert (await office.tell(other)).concentrator == OLD
        office.field.broker_up = True
        assert (await office.ended(number)).state is State.DONE
        await office.ended(other)
        assert [
            command.concentrator for _, command in office.field.commands if command.order == 1
        ] == [NEW]


async def test_what_was_sent_is_withdrawn_where_it_was_sent_to_before_it_moves() -> None:
    async with opened() as office:
        office.field.script.append(LOST)
        number = await office.order()
        await asyncio.sleep(3)
        await relink(office)
        assert (await office.tell(number)).concentrator == OLD
        assert (await office.ended(number)).state is State.DONE
        assert [command.concentrator for _, command in office.field.withdrawn] == [OLD]
        assert [command.concentrator for _, command in office.field.commands] == [OLD, NEW]


async def test_an_order_that_was_taken_in_for_the_old_link_strays_no_farther_than_its_sending() -> (
    None
):
    """As where a link and an acceptance cross."""
    async with opened(start=False) as office:
        number = await office.order()
        await office.store.run(lambda tx: tx.put_concentrators([Concentrator(NEW)]))

        def behind_its_back(tx: Transaction) -> None:
            meter = tx.meter("M1")
            assert meter is not None
            tx.put_meters([replace(meter, concentrator=NEW)])

        await office.store.run(behind_its_back)
        office.start()
        assert (await office.ended(number)).state is State.DONE
        assert [command.concentrator for _, command in office.field.commands] == [NEW]
