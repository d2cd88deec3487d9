"""A reason is as strong as the evidence that arrived here: take a piece away and it weakens."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from headend.domain.evidence import Source
from headend.domain.order import State
from headend.domain.reason import ReasonCode
from headend.orders.asking import HISTORY
from headend.ports import Connectivity
from protocols.concentrator.messages import FaultEntry
from tests.orders.office import Office, opened
from tests.orders.scripted_field import NOT_SENT

EARLIER_LOG, PORTAL, WILL = (
    "its log of an earlier silence",
    "the carrier's portal",
    "the broker's will",
)

WEAKER_AND_WEAKER = {
    # what arrived: the reason, and who said it
    (EARLIER_LOG, PORTAL, WILL): (
        ReasonCode.APN_REFUSED,
        ["carrier-portal", "fault-log", "last-will"],
    ),
    (PORTAL, WILL): (ReasonCode.APN_REFUSED, ["carrier-portal", "last-will"]),
    (WILL,): (ReasonCode.CONCENTRATOR_UNREACHABLE, ["last-will"]),
    (): (ReasonCode.CONCENTRATOR_UNREACHABLE_UNKNOWN, []),
    (EARLIER_LOG,): (ReasonCode.CONCENTRATOR_UNREACHABLE_UNKNOWN, ["fault-log"]),
    (EARLIER_LOG, WILL): (ReasonCode.CONCENTRATOR_UNREACHABLE, ["fault-log", "last-will"]),
}


async def go_silent(office: Office, *known: str) -> None:
    if EARLIER_LOG in known:
        at = office.clock.now() - timedelta(minutes=10)
        entry = FaultEntry(at=at, component="sim", code=13, text="SIM failure")
        await office.life.hearing.learned("C1", [entry])
        await office.life.hearing.learned("C1", [entry])  # its receipt was lost
    if PORTAL in known:
        office.portal.says = ReasonCode.APN_REFUSED
    online = False if WILL in known else None
    office.field.connected = Connectivity(online, office.clock.now())
    if online is None:
        office.field.script.extend([NOT_SENT] * 10)


@pytest.mark.parametrize("known", WEAKER_AND_WEAKER, ids=", ".join)
async def test_the_reason_is_what_is_known(known: tuple[str, ...]) -> None:
    reason, sources = WEAKER_AND_WEAKER[known]
    async with opened(tries_max=2) as office:
        await go_silent(office, *known)
        number = await office.order()
        order = await office.ended(number)
        assert (order.state, order.reason) == (State.FAILED, reason)
        assert sorted(item.source for item in order.evidence) == sources
        assert len(set(order.evidence)) == len(order.evidence)
        (reply,) = office.told(number)
        assert reply.reason is not None and reply.reason.code == reason
        assert len(reply.evidence) == len(order.evidence)


async def test_the_log_of_this_silence_explains_an_order_that_waits() -> None:
    async with opened(tries_max=2) as office:
        await go_silent(office, WILL)
        number = await office.order()
        await asyncio.sleep(6)  # the first try has found nobody
        entry = FaultEntry(at=office.clock.now(), component="modem", code=0, text="no answer")
        await office.life.hearing.learned("C1", [entry])
        waiting = await office.tell(number)
        assert (waiting.state, waiting.reason) == (State.QUEUED, ReasonCode.MODEM_FAULT)
        assert Source.FAULT_LOG in {item.source for item in waiting.evidence}


async def test_an_old_line_is_not_even_history() -> None:
    async with opened(tries_max=1) as office:
        await go_silent(office, EARLIER_LOG, WILL)
        await asyncio.sleep(HISTORY.total_seconds())
        order = await office.ended(await office.order())
        assert order.reason is ReasonCode.CONCENTRATOR_UNREACHABLE
        assert {item.source for item in order.evidence} == {Source.LAST_WILL}


async def test_history_survives_a_crash() -> None:
    async with opened(tries_max=1) as office:
        await go_silent(office, EARLIER_LOG, WILL)
        await office.crash()
        office.start()
        order = await office.ended(await office.order())
        assert Source.FAULT_LOG in {item.source for item in order.evidence}


async def test_a_log_that_is_read_later_explains_orders_that_have_ended() -> None:
    async with opened(tries_max=1) as office:
        await go_silent(office, WILL)
        number = await office.order()
        ended = await office.ended(number)
        at = ended.accepted_at - timedelta(minutes=5)
        entry = FaultEntry(at=at, component="modem", code=0, text="no carrier")
        await asyncio.sleep(600)
        await office.life.hearing.learned("C1", [entry])
        await office.life.hearing.learned("C1", [entry])
        explained = await office.tell(number)
        assert (explained.state, explained.reason) == (ended.state, ended.reason)
        assert [item.source for item in explained.evidence] == [Source.LAST_WILL, Source.FAULT_LOG]
        reply, finding = office.told(number)
        assert (reply.kind, finding.kind) == ("reply", "event")
        assert finding.note is not None and "modem" in finding.note


# what a log's line says of its time, in minutes after the order's end: (begin, line), whether it
# explains the order
LOSSES = {
    "lost before the order, back after it": (-30, 20, True),
    "lost as it ended, back after it": (0, 20, True),
    "lost and back after it": (1, 20, False),
    "lost and back long before it": (-300, -200, False),
}


@pytest.mark.parametrize("begun, told, explains", LOSSES.values(), ids=LOSSES)
async def test_a_loss_of_supply_explains_what_ended_while_it_lasted(
    begun: int, told: int, explains: bool
) -> None:
    async with opened(tries_max=1) as office:
        await go_silent(office, WILL)
        number = await office.order()
        ended = (await office.ended(number)).ended_at
        assert ended is not None
        since, at = (ended + timedelta(minutes=each) for each in (begun, told))
        await asyncio.sleep(3600)
        line = FaultEntry(at, "router", 0, "supply returned", since)
        await office.life.hearing.learned("C1", [line])
        notes = [each.note for each in office.told(number) if each.kind == "event"]
        assert ["supply returned" in str(note) for note in notes] == [True] * explains
