"""Events out of what concentrators upload: rows of event logs, and status words among values."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from headend.chance import SeededChance
from headend.clock import LoopClock
from headend.collection.uploads import UploadIntake
from headend.config import OrderPolicy
from headend.domain.meter import Concentrator, Meter
from headend.domain.order import Kind, State
from headend.domain.reading import WantedObject
from headend.orders.conclusion import Conclusions
from headend.orders.judge import Done
from headend.orders.settle import Settling
from headend.ports import Transaction
from headend.store import event_queries as queries
from headend.store.store import SqlStore
from protocols.concentrator.collecting import Batch, Block, Upload, packed
from protocols.concentrator.messages import ObjectRead
from protocols.dlms import axdr
from protocols.dlms.date_time import DateTime
from protocols.dlms.values import Array, OctetString, Structure, Unsigned
from tests import databases
from tests.events.making import ALARMS, LOG
from tests.store import making

ZONE = ZoneInfo("America/Santiago")
NOW = datetime(2026, 7, 6, 14, tzinfo=UTC)


def row(minute: int, code: int) -> Structure:
    at = (NOW - timedelta(minutes=minute)).astimezone(ZONE)
    return Structure([OctetString(DateTime.from_datetime(at).octets), Unsigned(code)])


def a_log(meter: str = "11", number: int = 1) -> Block:
    rows = [row(30, 1), row(20, 2), row(20, 40)]
    return Block(
        meter=meter, task="events", number=number, read_at=NOW, layout=0,
        buffer=axdr.encode(Array(rows)), rows=len(rows),
    )  # fmt: skip


def words(value: int, number: int = 1) -> Block:
    read = ObjectRead(1, ALARMS, 2, value=str(value), unit=None, raw=b"\x06\0\0\0\0")
    return Block(meter="11", task="words", number=number, read_at=NOW, readings=(read,))


LOGGED = ["power-down", "power-up", "terminal-cover-removed"]


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        ([a_log()], LOGGED),
        ([a_log(), a_log(number=2)], LOGGED),  # the log was read again from farther back
        ([a_log("22")], []),  # of another concentrator's meter
        ([words(1 << 13)], ["keys-changed"]),
        ([words(1)], ["power-down"]),
        ([a_log(), words(3)], LOGGED),  # the bits are those of the log's rows
        ([words(0)], []),
    ],
)
async def test_an_upload_brings_events(blocks: list[Block], expected: list[str]) -> None:
    store = SqlStore(databases.memory(), live=False)

    def register(tx: Transaction) -> None:
        tx.put_concentrators([Concentrator("C-1"), Concentrator("C-2")])
        tx.put_meters([Meter("11", "C-1", model="sim-3p"), Meter("22", "C-2", model="sim-3p")])

    await store.run(register)
    intake = UploadIntake(store, LoopClock(NOW), ZONE, late_after_s=86_400.0)
    for number, block in enumerate(blocks):
        batch = packed(Batch((LOG,) if block.layout == 0 else (), (block,)))
        assert await intake.take("C-1", Upload(id=f"u{number}", at=NOW, blocks=1, packed=batch))
    found = store.read(lambda connection: queries.events(connection, queries.EventFilter()))
    assert sorted(each.event.name for each in found) == expected
    await store.close()


WANTED = WantedObject(1, ALARMS)


async def test_a_word_that_an_order_read_tells_the_same() -> None:
    """Twice read, once told; a meter whose model is away keeps its readings."""
    store = SqlStore(databases.memory(), live=False)
    clock = LoopClock(NOW)
    policy = OrderPolicy()
    settling = Settling(SeededChance(1), policy, lambda: None)
    conclusions = Conclusions(store, clock, SeededChance(1), policy, settling)
    read = ObjectRead(1, ALARMS, 2, value=str(1 << 13), unit=None, raw=b"\x06\0\0\x20\0")

    def work(tx: Transaction) -> None:
        tx.put_concentrators([Concentrator("C-1")])
        tx.put_meters([Meter("11", "C-1", model="sim-3p"), Meter("22", "C-1", model="gone")])
        for number, meter in ((1, "11"), (2, "11"), (3, "22")):
            asked = replace(
                making.order(number, meter=meter),
                kind=Kind.READ, amount=None, unit=None, objects=(WANTED,), state=State.EXECUTING,
            )  # fmt: skip
            tx.add_order(asked, making.STORY)
            ended = conclusions.write(tx, asked, Done(None, read=(read,)), "read", NOW)
            assert ended.state is State.DONE

    await store.run(work)
    found = store.read(lambda connection: queries.events(connection, queries.EventFilter()))
    assert [(each.event.device, each.event.name) for each in found] == [("11", "keys-changed")]
    await store.close()
