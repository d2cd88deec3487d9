"""Readings asked of the meters themselves: orders, and an answer made of their ends."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, timedelta
from typing import Any

import pytest

from headend.collection.asking import Reads
from headend.config import OrderPolicy
from headend.domain.calendar import WorkingDays
from headend.domain.meter import Meter
from headend.domain.order import Kind, Order, State
from headend.domain.reading import Reading
from headend.domain.reason import REASONS, ReasonCode
from headend.models import Shelf
from headend.orders.accept import Acceptance
from headend.orders.inbox import Inbox
from headend.orders.settle import Settling
from headend.ports import Transaction
from headend.soap.reading.on_demand import OnDemand
from headend.soap.reading.read_ends import follow
from headend.soap.reading.reads_told import HELD, Reporting
from protocols.cim.codes import Result
from protocols.cim.envelope import Message, Property
from protocols.cim.exchange import Style
from protocols.cim.records import get_meter_readings_auto as g
from tests.databases import on_one
from tests.soap.reading.house import ADDRESS, REGISTER, STAMP, House, house
from tests.soap.reading.test_later import heads, opened, settled, transaction
from tests.soap.reading.test_readings import SPAN, question, series_in, told

MOMENT = "0.0.0.12.0.1.54.0.0.0.0.0.0.0.128.0.29.0"
LATER = Style(async_reply=True, reply_address=ADDRESS)
FROM_METER = {"options": (Property("origen", "medidor"),)}


@dataclass
class Field:
    at: House
    settling: Settling
    reporting: Reporting

    async def orders(self) -> list[Order]:
        return await self.at.store.run(
            lambda tx: [o for n in range(1, 20) if (o := tx.order(n)) is not None]
        )

    async def end(
        self, number: int, value: str | None = "2301", reason: ReasonCode | None = None
    ) -> None:
        """As a lane would: with a value, or why there is none."""
        now = self.at.clock.now()

        def work(tx: Transaction) -> Order:
            order = tx.order(number)
            assert order is not None
            read = tuple(
                Reading(
                    order.meter, each.name, 2, now, now, f"order {number}", value=value, unit="V"
                )
                for each in order.objects
            )
            state = State.DONE if reason is None else State.FAILED
            return self.settling.end(
                tx, order.to(State.DISPATCHED), state, at=now, cause="test", reason=reason,
                readings=read if reason is None else (),
            )  # fmt: skip

        self.settling.announce([await self.at.store.run(work)])

    async def heard(self, channel: str = "soap") -> list[Message]:
        found: list[Message] = []
        while True:
            await self.reporting.look()
            due = await heads(self.at, channel)
            if not due:
                return found
            for head in due:
                found.append(opened(head))
                assert await settled(self.at, head)


async def field(sync_wait_s: float = 30.0) -> Field:
    at = await house()
    store, clock, chance = at.store, at.clock, at.events.chance
    policy = OrderPolicy()
    settling = Settling(chance, policy, lambda: None, [follow])
    acceptance = Acceptance(policy, WorkingDays(UTC, ()), settling, lambda lanes: None)
    reads = Reads(store, clock, chance, Shelf(None), acceptance)
    reporting = Reporting(store, at.desk, clock, chance, lambda: None)
    at.desk.on_demand = OnDemand(
        Inbox(store, clock, chance), reads, settling, clock, chance, sync_wait_s, reporting
    )
    await store.run(lambda tx: tx.put_meters([Meter("M4", "C1", False)]))
    return Field(at, settling, reporting)


ASKS = {
    # question, what is asked besides: whether a meter is asked
    "values of the moment, and no span": (question("M1", types=(MOMENT,)), {}, True),
    "a register, and no span": (question("M1", types=(REGISTER,)), {}, False),
    "a register of the meter": (question("M1", types=(REGISTER,)), FROM_METER, True),
    "intervals of the meter": (question("M1"), SPAN | FROM_METER, True),
    "values of the moment, within a span": (question("M1", types=(MOMENT,)), SPAN, False),
    "values of the moment, of the store": (
        question("M1", types=(MOMENT,)), {"options": (Property("Source", "System"),)}, False,
    ),
    "by the element of the profile": (
        question("M1", types=(REGISTER,), reading=(g.Reading(source="Meter"),)), {}, True,
    ),
    "one of them no value of the moment": (question("M1", types=(MOMENT, REGISTER)), {}, False),
}  # fmt: skip


@on_one
@pytest.mark.parametrize("case", ASKS.values(), ids=ASKS)
async def test_whether_a_meter_is_asked(case: Any) -> None:
    asked, request, meter = case
    of = await field()
    await of.at.ask(asked, LATER, **request)
    assert [o.kind for o in await of.orders()] == ([Kind.READ] if meter else [])


async def test_an_answer_made_of_ends() -> None:
    of = await field()
    asked = question("M1", "M2", "M3", "M0", "M4", types=(MOMENT,))
    first = await of.at.ask(asked, LATER)
    unready = REASONS[ReasonCode.NOT_COMMISSIONED]
    assert told(first) == (
        Result.PARTIAL,
        [
            ("0.1", "", None),
            ("2.4", "MEDIDOR_DESCONOCIDO", "M0"),
            (unready.cim, unready.details.split(":")[0], "M4"),
        ],
    )
    orders = {o.meter: o.number for o in await of.orders() if not o.final}
    assert sorted(orders) == ["M1", "M2", "M3"]
    assert await of.heard() == []
    await of.end(orders["M2"])
    (one,) = await of.heard()
    assert told(one) == (Result.PARTIAL, [("0.1", "", None)])
    (series,) = series_in(one)
    assert (series.meter and series.meter.value, series.reading_type) == ("M2", MOMENT)
    assert [value.value for value in series.values] == ["2301"]
    assert one.reply is not None and one.header is not None
    assert [each.value for each in one.reply.ids] == [transaction(first)]
    assert one.header.correlation_id == "c-1"
    await of.end(orders["M1"], reason=ReasonCode.METER_UNREACHABLE)
    await of.end(orders["M3"], value=None)
    (last,) = await of.heard()
    unreachable = REASONS[ReasonCode.METER_UNREACHABLE]
    assert told(last) == (
        Result.PARTIAL,
        [("0.2", "", None), (unreachable.cim, unreachable.details.split(":")[0], "M1"),
         ("5.7", "LECTURA_SIN_VALOR", "M3")],
    )  # fmt: skip
    assert await of.heard() == []
    assert await of.at.store.run(lambda tx: tx.streams("reads")) == []


async def test_rows_of_a_profile_come_from_the_store_once_they_were_read() -> None:
    of = await field()
    await of.at.ask(question("M1"), LATER, **SPAN, **FROM_METER)
    (order,) = await of.orders()
    (wanted,) = order.objects
    assert (wanted.class_id, wanted.name, wanted.after, wanted.until) == (
        7, "1.0.99.1.0.255", SPAN["start_time"], SPAN["end_time"],
    )  # fmt: skip
    await of.end(order.number)
    (answer,) = await of.heard()
    assert [len(one.values) for one in series_in(answer)] == [96]


@on_one
async def test_who_waits_is_told_at_once() -> None:
    of = await field()
    asking = asyncio.create_task(of.at.ask(question("M1", "M2", types=(MOMENT,))))
    while len(orders := await of.orders()) < 2:
        await asyncio.sleep(0.1)
    for order in orders:
        await of.end(order.number)
    answer = await asking
    assert told(answer) == (Result.OK, [("0.0", "", None)])
    assert len(series_in(answer)) == 2
    assert await of.heard("queue") == []
    again = await of.at.ask(question("M1", "M2", types=(MOMENT,)))
    assert len(series_in(again)) == 2
    assert len(await of.orders()) == 2


@on_one
async def test_who_waits_in_vain_is_told_later() -> None:
    of = await field(sync_wait_s=5.0)
    answer = await of.at.ask(question("M1", types=(MOMENT,)))
    assert told(answer) == (Result.OK, [("0.3", "", None)])
    (order,) = await of.orders()
    await of.end(order.number)
    (later,) = await of.heard("queue")
    assert told(later) == (Result.PARTIAL, [("0.2", "", None)])


@on_one
async def test_a_crash_while_somebody_waited_loses_nothing() -> None:
    of = await field()
    asking = asyncio.create_task(of.at.ask(question("M1", types=(MOMENT,))))
    while not (orders := await of.orders()):
        await asyncio.sleep(0.1)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    await of.end(orders[0].number)
    assert await of.heard("queue") == []
    of.at.clock.at += HELD + timedelta(seconds=1)
    assert len(await of.heard("queue")) == 1


WRONG = {
    "no meter named": (question(types=(MOMENT,)), "5.8", "MEDIDOR_FALTA"),
    "no type named": (question("M1", types=()), "5.8", "TIPO_DE_LECTURA_FALTA"),
    "unknown meters alone": (question("M0", types=(MOMENT,)), "2.4", "MEDIDOR_DESCONOCIDO"),
}


@on_one
@pytest.mark.parametrize("case", WRONG.values(), ids=WRONG)
async def test_what_is_wrong(case: Any) -> None:
    asked, code, key = case
    of = await field()
    answer = await of.at.ask(asked, LATER, **FROM_METER)
    assert told(answer)[0] is Result.FAILED
    assert told(answer)[1][0][:2] == (code, key)
    assert await of.orders() == []
    odd = {"options": (Property("origen", "bola de cristal"),)}
    refused = await of.at.ask(question("M1"), replace(LATER), replace(STAMP, message_id="q-3"),
                              **SPAN, **odd)  # fmt: skip
    assert told(refused) == (Result.FAILED, [("1.8", "ORIGEN_NO_ADMITIDO", None)])
