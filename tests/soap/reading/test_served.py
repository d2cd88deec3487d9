"""A whole head-end and meters that it reaches by itself, through several lives: questions are
answered later, meters are asked, subscribers are told, and nothing is lost or doubled."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from headend.app.head_end import HeadEnd, build
from headend.chance import SeededChance
from headend.collection.filling import fill
from headend.config import Delivery
from headend.config.subscribers import Subscriber
from headend.domain.interval import Row
from headend.events.taking import EventIntake
from headend.field.bus import Bus, BusClient
from headend.ports import Transaction
from headend.soap.outbound.callback import CallbackFailed
from headend.store.store import SqlStore
from protocols.cim import envelope, exchange, meter_readings, replies, xml
from protocols.cim.codes import Result
from protocols.cim.envelope import Message, Request
from protocols.cim.exchange import Style
from protocols.cim.records.get_meter_readings_auto import Reading
from protocols.cim.records.meter_readings_auto import MeterReadings
from protocols.cim.replies import Stamp, soap_envelope
from tests.backup.drill import Drill, drill
from tests.databases import on_one
from tests.soap.reading.house import ADDRESS, END, ENERGY, LOAD, REGISTER, quarter
from tests.soap.reading.test_readings import question, series_in, told

ADDRESSES = ("http://127.0.0.1:9/",)
MDM = Subscriber(name="mdm", address=ADDRESS, readings=(ENERGY,), values_max=40)


@dataclass
class Mdm:
    """A consumer that is away at times, and says when it has stored a message."""

    away: bool = False
    deaf: int = 0  # so many of the next acknowledgements are lost on their way
    heard: list[Message] = field(default_factory=list)

    async def post(self, address: str, octets: bytes, operation: str) -> bytes:
        if self.away:
            raise CallbackFailed("connection refused")
        message = exchange.receive(xml.parse(octets)[0][0]).message
        known = {each.header.message_id for each in self.heard if each.header}
        assert message.header is not None
        if message.header.message_id not in known:
            self.heard.append(message)
        if self.deaf:
            self.deaf -= 1
            raise CallbackFailed("connection reset")
        stamp = Stamp(
            source="MDM",
            message_id="a",
            at=END,
            correlation_id=message.header.correlation_id,
        )
        answer = replies.reply(message.header.noun, stamp, Result.OK, typed=False)
        return xml.serialize(soap_envelope(envelope.write(answer)))


@asynccontextmanager
async def life(at: Drill, mdm: Mdm) -> AsyncIterator[HeadEnd]:
    """A head-end that serves, until it is gone without a word."""
    at.starts += 1
    client = BusClient(Bus(), f"head-end-{at.starts}")
    head_end = build(
        at.config,
        clock=at.clock,
        chance=SeededChance(1, "head-end", at.starts),
        broker=client,
        callback=mdm,
        dialling=at,
        store=SqlStore(at.config.database, live=False),
        live=False,
    )
    await head_end.listen()
    await client.connect()
    work = asyncio.ensure_future(head_end.run())
    try:
        await asyncio.sleep(1)
        yield head_end
        assert not work.done() and not head_end.errors, head_end.errors
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        await head_end.close()


async def utility(tmp_path: Path) -> Drill:
    at = await drill(tmp_path)
    delivery = Delivery(reply_addresses=ADDRESSES)
    at.config = msgspec.structs.replace(at.config, delivery=delivery, subscriber=(MDM,))
    return at


async def ask(head_end: HeadEnd, record: Any, message_id: str, **asked: Any) -> Message:
    stamp = Stamp(source="MDM", message_id=message_id, at=END, correlation_id=f"c-{message_id}")
    style = Style(async_reply=True, reply_address=ADDRESS)
    message = exchange.question(record, stamp, style, asked=Request(**asked))
    octets = xml.serialize(soap_envelope(envelope.write(message)))
    answer = await head_end.ordering.soap.handle(octets)
    assert answer.status == 200, answer.body
    return exchange.receive(xml.parse(answer.body)[0][0]).message


async def arrive(head_end: HeadEnd, *numbers: int) -> None:
    """Rows of M1's load profile, with the quarters of a day that is over."""
    now = head_end.ground.clock.now()

    def work(tx: Transaction) -> None:
        layout = tx.layout_number(LOAD)
        ends = (quarter(n) - timedelta(days=2) for n in numbers)
        rows = [
            Row(round(end.timestamp()), int(now.timestamp()), layout, 0, (None, 250 * n, 2200))
            for n, end in zip(numbers, ends, strict=True)
        ]
        fill(tx, "M1", LOAD, rows, zone=head_end.ground.zone, now=now, events=EventIntake())

    await head_end.store.run(work)


def values(messages: list[Message]) -> Counter[Any]:
    return Counter(
        value.at
        for message in messages
        for record in exchange.content(message)
        if isinstance(record, MeterReadings)
        for one in meter_readings.read(record)
        for value in one.values
    )


def correlated(mdm: Mdm, name: str) -> list[Message]:
    return [each for each in mdm.heard if each.header and each.header.correlation_id == name]


async def until(done: Any) -> None:
    async with asyncio.timeout(24 * 3600):
        while not done():
            await asyncio.sleep(5)


@on_one
async def test_nothing_is_lost_or_doubled_through_crashes(tmp_path: Path) -> None:
    at, mdm = await utility(tmp_path), Mdm()
    start = {
        "start_time": quarter(0) - timedelta(days=2),
        "end_time": quarter(96) - timedelta(days=2),
    }
    async with life(at, mdm) as head_end:  # the subscriber's first day
        await arrive(head_end, *range(50))
        await until(lambda: len(values(mdm.heard)) == 49)
    mdm.away = True
    async with life(at, mdm) as head_end:
        await arrive(head_end, *range(50, 97))
        head_end.ordering.soap.desks["get", "MeterReadings"].values_max = 30  # type: ignore[attr-defined]
        answer = await ask(head_end, question("M1"), "q-1", **start)
        assert told(answer) == (Result.OK, [("0.3", "", None)])
        await asyncio.sleep(600)  # pages and messages wait for a consumer that is away
    assert len(values(mdm.heard)) == 49
    mdm.away, mdm.deaf = False, 5
    async with life(at, mdm) as head_end:
        await until(lambda: any("0.2" in _codes(m) for m in correlated(mdm, "c-q-1")))
        await until(lambda: len(values(_created(mdm))) == 96)
        await asyncio.sleep(600)
        owed = await head_end.store.run(lambda tx: tx.outbound_waiting("subscriber/mdm"))
        assert (owed, await head_end.store.run(lambda tx: tx.streams("pages"))) == (0, [])
    assert set(values(_created(mdm)).values()) == {1}
    pages = correlated(mdm, "c-q-1")
    assert values(pages) == Counter(quarter(n) - timedelta(days=2) for n in range(1, 97))
    assert [_codes(page)[0] for page in pages] == ["0.1", "0.1", "0.2"]


@on_one
async def test_meters_are_asked(tmp_path: Path) -> None:
    at, mdm = await utility(tmp_path), Mdm()
    at.away.add("M2")
    async with life(at, mdm) as head_end:
        asked = question("M1", "M2", types=(REGISTER,), reading=(Reading(source="Meter"),))
        answer = await ask(head_end, asked, "q-2")
        assert told(answer) == (Result.OK, [("0.3", "", None)])
        await until(lambda: len(correlated(mdm, "c-q-2")) == 1)
        at.away.clear()
    async with life(at, mdm):
        await until(lambda: len(correlated(mdm, "c-q-2")) == 2)
    first, last = correlated(mdm, "c-q-2")
    assert [_codes(first), _codes(last)] == [["0.1"], ["0.2"]]
    for message, meter in ((first, "M1"), (last, "M2")):
        (one,) = series_in(message)
        assert one.meter is not None
        assert (one.meter.value, one.reading_type) == (meter, REGISTER)
        assert float(one.values[0].value or "nan") >= 0


def _created(mdm: Mdm) -> list[Message]:
    return [each for each in mdm.heard if each.header and each.header.verb == "created"]


def _codes(message: Message) -> list[str]:
    return [] if message.reply is None else [error.code for error in message.reply.errors]
