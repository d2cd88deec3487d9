"""Uploads into the store: decoded, kept once, flagged; what cannot be read holds nothing up."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from headend.collection.uploads import UploadIntake
from headend.domain.interval import RowQuality
from headend.domain.meter import Concentrator, Meter
from headend.store import collected_queries as queries
from headend.store.intervals import intervals_of
from headend.store.store import SqlStore
from protocols.concentrator.collecting import (
    BATCH_OCTETS_MAX,
    BadBatch,
    Batch,
    Block,
    ColumnTold,
    Layout,
    Upload,
    packed,
    unpacked,
)
from protocols.concentrator.messages import ObjectRead
from protocols.dlms import axdr
from protocols.dlms.date_time import ClockStatus, DateTime
from protocols.dlms.values import (
    NULL,
    Array,
    DoubleLongUnsigned,
    OctetString,
    Structure,
    VisibleString,
)
from tests import databases

pytest_generate_tests = databases.on_both

ZONE = ZoneInfo("America/Santiago")
NOW = datetime(2026, 7, 6, 14, 1, tzinfo=UTC)
PROFILE = "1.0.99.1.0.255"
LAYOUT = Layout(
    PROFILE,
    (ColumnTold(8, "0.0.1.0.0.255", 2), ColumnTold(3, "1.0.1.8.0.255", 2, 0, -1, 30)),
    900,
)


class Still:
    """A clock that stands."""

    def __init__(self, now: datetime) -> None:
        self.at = now

    def now(self) -> datetime:
        return self.at


class Desk:
    """A store with two meters, of two concentrators, and an intake."""

    def __init__(self) -> None:
        self.store = SqlStore(databases.memory(), live=False)
        self.clock = Still(NOW)
        self.intake = UploadIntake(self.store, self.clock, ZONE, late_after_s=86_400.0)

    async def register(self) -> None:
        def work(tx: Any) -> None:
            tx.put_concentrators([Concentrator("C-1"), Concentrator("C-2")])
            tx.put_meters([Meter("11", "C-1"), Meter("22", "C-2")])

        await self.store.run(work)

    async def take(self, *blocks: Block, upload: str = "u1", layouts: Any = (LAYOUT,)) -> None:
        batch = Batch(layouts, blocks)
        message = Upload(id=upload, at=NOW, blocks=len(blocks), packed=packed(batch))
        assert await self.intake.take("C-1", message)

    def pages(self) -> list[Any]:
        return self.store.read(queries.interval_days)

    def uploads(self) -> list[Any]:
        return self.store.read(queries.all_uploads)


@asynccontextmanager
async def opened() -> AsyncIterator[Desk]:
    desk = Desk()
    await desk.register()
    yield desk
    await desk.store.close()


def at(minutes: int, status: ClockStatus = ClockStatus.OK) -> OctetString:
    moment = datetime(2026, 7, 6, 13, tzinfo=UTC) + timedelta(minutes=minutes)
    return OctetString(DateTime.from_datetime(moment.astimezone(ZONE), status).octets)


def block(*rows: Structure, number: int = 1, meter: str = "11", **fields: Any) -> Block:
    buffer = axdr.encode(Array(rows))
    return Block(
        meter=meter,
        task="load",
        number=number,
        read_at=fields.pop("read_at", NOW),
        layout=0,
        buffer=buffer,
        rows=len(rows),
    )


def wh(minutes: int, count: int) -> Structure:
    return Structure([at(minutes), DoubleLongUnsigned(count)])


async def test_a_block_comes_twice_and_is_stored_once() -> None:
    async with opened() as desk:
        told = block(wh(15, 100), wh(30, 110))
        await desk.take(told)
        await desk.take(told)  # the receipt was lost: the same message again
        await desk.take(told, block(wh(30, 110), wh(45, 120), number=2), upload="u2")
        (page,) = desk.pages()
        assert [(row.cells, row.quality) for row in page.rows] == [
            ((None, 100), 0),
            ((None, 110), 0),
            ((None, 120), 0),
        ]
        assert (page.meter, page.day, page.expected, page.received) == (
            "11",
            date(2026, 7, 6),
            96,
            3,
        )
        assert [(u.id, u.new, u.again, u.changed) for u in desk.uploads()] == [
            ("u1", 2, 0, 0),
            ("u2", 1, 3, 0),
        ]
        blocks = desk.store.read(lambda connection: queries.blocks_of(connection, "11"))
        assert [(each.number, each.octets) for each in blocks] == [
            (2, block(wh(30, 110), wh(45, 120)).buffer),
            (1, told.buffer),
        ]


async def test_null_data_stands_for_what_it_leaves_out() -> None:
    async with opened() as desk:
        await desk.take(block(wh(15, 100), Structure([NULL, NULL]), wh(45, 120)))
        (page,) = desk.pages()
        assert [(row.at - page.rows[0].at, row.cells[1]) for row in page.rows] == [
            (0, 100),
            (900, 100),
            (1800, 120),
        ]


async def test_what_is_odd_is_flagged() -> None:
    async with opened() as desk:
        doubtful = Structure([at(30, ClockStatus.DOUBTFUL), DoubleLongUnsigned(2)])
        ahead = Structure([at(60 * 5), DoubleLongUnsigned(3)])
        await desk.take(block(wh(-60 * 24, 0), wh(17, 1), doubtful, ahead))
        found = {
            row.cells[1]: RowQuality(row.quality) for page in desk.pages() for row in page.rows
        }
        assert found == {
            0: RowQuality.LATE,
            1: RowQuality.OFF_PERIOD,
            2: RowQuality.CLOCK_DOUBTFUL,
            3: RowQuality.AHEAD,
        }


async def test_nobody_speaks_for_another_concentrators_meter() -> None:
    async with opened() as desk:
        await desk.take(block(wh(15, 1), meter="22"), block(wh(15, 2), meter="33"))
        assert desk.pages() == []
        assert desk.uploads()[0].trouble == "2 blocks of meters that are not its own"


async def test_a_buffer_that_is_none_is_kept_and_holds_nothing_up() -> None:
    async with opened() as desk:
        bad = msgspec.structs.replace(block(wh(15, 1)), buffer=b"\x01\x02\x02", number=7)
        await desk.take(bad, block(wh(15, 5)))
        (page,) = desk.pages()
        assert [row.cells[1] for row in page.rows] == [5]
        kept = desk.store.read(lambda connection: queries.blocks_of(connection, "11"))
        assert [(each.number, each.octets, bool(each.trouble)) for each in kept] == [
            (7, b"\x01\x02\x02", True),
            (1, block(wh(15, 5)).buffer, False),
        ]


async def test_registers_become_readings_once() -> None:
    async with opened() as desk:
        read = ObjectRead(3, "1.0.1.8.0.255", 2, value="123", unit="Wh", raw=b"\x06\0\0\0\x7b")
        told = Block(meter="11", task="reg", number=1, read_at=NOW, readings=(read,))
        await desk.take(told, layouts=())
        await desk.take(told, upload="u2", layouts=())
        assert [upload.new for upload in desk.uploads()] == [1, 0]


# what is no batch, and must be said so without the memory being filled
BAD = {
    "no octets": b"",
    "no zlib": b"ami",
    "cut short": packed(Batch((), ()))[:-3],
    "no MessagePack": zlib.compress(b"\xc1"),
    "another shape": zlib.compress(msgspec.msgpack.encode([1, 2])),
    "a layout that is not there": packed(
        Batch((), (Block(meter="1", task="t", number=1, read_at=NOW, layout=0),))
    ),
    "a bomb": zlib.compress(b"\0" * (BATCH_OCTETS_MAX + 1)),
}


@pytest.mark.parametrize("octets", BAD.values(), ids=BAD)
def test_what_is_no_batch_is_refused(octets: bytes) -> None:
    with pytest.raises(BadBatch):
        unpacked(octets)


async def test_an_unreadable_upload_is_told_and_receipted() -> None:
    async with opened() as desk:
        assert await desk.intake.take("C-1", Upload(id="x", at=NOW, blocks=1, packed=b"ami"))
        assert desk.uploads()[0].trouble.startswith("unreadable")


async def test_text_in_a_column_is_kept() -> None:
    async with opened() as desk:
        row = Structure([at(15), VisibleString("A17")])
        await desk.take(block(row))
        assert desk.pages()[0].rows[0].cells == (None, "A17")


async def test_a_load_profiles_quantities_stand_in_their_own_rows() -> None:
    async with opened() as desk:
        await desk.take(block(wh(15, 1000), wh(30, 1015), wh(37, 1020)))
        found = desk.store.read(
            lambda connection: intervals_of(connection, "0", "9", after=0, until=2**40)
        )
        quarter = round(datetime(2026, 7, 6, 13, 15, tzinfo=UTC).timestamp())
        # tenths of a watt-hour: what is no whole watt-hour is not rounded
        assert [row[:4] for row in found] == [
            ("11", quarter, 0, 100),
            ("11", quarter + 900, 0, None),
        ]
