"""A concentrator that only uploads: rows of its one meter, each upload until its receipt.

It stands beside the simulated ones, whose profiles grow by a row in a quarter of an hour.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from headend.domain.meter import Concentrator, Meter
from headend.field.broker import BrokerUnavailable
from headend.field.mqtt import MqttBroker
from headend.store import collected_queries
from headend.store.store import SqlStore
from protocols.concentrator import messages, topics
from protocols.concentrator.collecting import Batch, Block, ColumnTold, Layout, Upload, packed
from protocols.dlms import axdr
from protocols.dlms.date_time import ClockStatus, DateTime
from protocols.dlms.values import Array, DoubleLongUnsigned, OctetString, Structure

ZONE = ZoneInfo("America/Santiago")
LAYOUT = Layout(
    "1.0.99.1.0.255",
    (ColumnTold(8, "0.0.1.0.0.255", 2), ColumnTold(3, "1.0.1.8.0.255", 2, 0, -1, 30)),
    900,
)
AGAIN_S = 1.0  # without a receipt
FIRST_ROW = datetime(2026, 7, 6, 4, 15, tzinfo=UTC)
ROWS = 2  # in an upload


class Uploader:
    """`sent` are the uploads that have their receipt, `published` all, with repeats."""

    def __init__(self, session: MqttBroker, name: str, rng: Random) -> None:
        self.name, self.meter = name, f"of-{name}"
        self.sent = self.published = 0
        self._session, self._rng = session, rng
        self._receipts: dict[str, asyncio.Event] = {}

    async def register(self, store: SqlStore) -> None:
        """Let the head-end know it and its meter."""

        def work(tx: object) -> None:
            tx.put_concentrators([Concentrator(self.name)])  # type: ignore[attr-defined]
            tx.put_meters([Meter(self.meter, self.name)])  # type: ignore[attr-defined]

        await store.run(work)
        await self._session.subscribe(topics.down(self.name), self._hear)

    async def run(self, enough: asyncio.Event) -> None:
        """Upload without a pause worth speaking of; the last one has its receipt as well."""
        while not enough.is_set():
            await self._upload(self.sent + 1)
            self.sent += 1
            await asyncio.sleep(self._rng.uniform(0.02, 0.4))

    def kept(self, connection: Connection) -> Counter[str]:
        """What the database has of it: blocks, rows, and those that are there twice or not."""
        blocks = collected_queries.blocks_of(connection, self.meter, limit=10 * self.sent + 10)
        pages = collected_queries.interval_days(connection, meter=self.meter)
        times = Counter(row.at for page in pages for row in page.rows)
        first = int(FIRST_ROW.timestamp())
        due = Counter(first + 900 * row for row in range(ROWS * self.sent))
        numbers = Counter(block.number for block in blocks)
        all_numbers = Counter(range(1, self.sent + 1))
        return Counter(
            {
                "uploads receipted": self.sent,
                "uploads published, with repeats": self.published,
                "rows stored": times.total(),
                "blocks or rows lost": (due - times).total() + (all_numbers - numbers).total(),
                "blocks or rows doubled": (times - due).total() + (numbers - all_numbers).total(),
            }
        )

    async def _upload(self, number: int) -> None:
        stored = self._receipts[f"{self.name}-{number}"] = asyncio.Event()
        batch = Batch((LAYOUT,), (_block(self.meter, number),))
        message = Upload(
            id=f"{self.name}-{number}", at=datetime.now(UTC), blocks=1, packed=packed(batch)
        )
        while not stored.is_set():
            try:
                await self._session.publish(topics.up(self.name), messages.encode(message))
                self.published += 1
            except BrokerUnavailable:
                pass
            try:
                async with asyncio.timeout(AGAIN_S):
                    await stored.wait()
            except TimeoutError:
                pass

    async def _hear(self, topic: str, payload: bytes) -> None:
        message = messages.decode_downward(payload)
        if isinstance(message, messages.ReceiptToConcentrator) and message.of in self._receipts:
            self._receipts[message.of].set()


def _block(meter: str, number: int) -> Block:
    rows = [_row(ROWS * (number - 1) + each) for each in range(ROWS)]
    read_at = FIRST_ROW + timedelta(minutes=15 * ROWS * number)
    return Block(
        meter=meter, task="load", number=number, read_at=read_at, layout=0,
        buffer=axdr.encode(Array(rows)), rows=ROWS,
    )  # fmt: skip


def _row(number: int) -> Structure:
    moment = (FIRST_ROW + timedelta(minutes=15 * number)).astimezone(ZONE)
    clock = OctetString(DateTime.from_datetime(moment, ClockStatus.OK).octets)
    return Structure([clock, DoubleLongUnsigned(100 + 10 * number)])
