"""Profiles that the head-end reads by itself: by the range since the last row, and kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from devices.meter.device import Meter as Device
from headend.chance import SeededChance
from headend.clock import LoopClock
from headend.collection.gathered import GatheredIntake
from headend.config import DirectPolicy
from headend.domain.interval import CollectedBlock, IntervalDay
from headend.domain.meter import Meter
from headend.domain.reading import WantedObject
from headend.field.direct.line import Line, LineLost
from headend.field.direct.performing import DirectField
from headend.field.direct.reporting import APDU_OCTETS_TOLD_MAX
from headend.models import Shelf
from headend.ports import Command
from headend.store import collected_queries as queries
from headend.store.envelope import Envelope
from headend.store.store import SqlStore
from headend.store.vault import KeyVault
from protocols.concentrator.messages import Action, Result, Status
from tests.conftest import SIMULATED_START
from tests.direct.bench import MeterLine, meter

NAME = "4711"
ZONE = ZoneInfo("America/Santiago")
LOAD = WantedObject(7, "1.0.99.1.0.255")
DAILY = WantedObject(7, "1.0.99.2.0.255")
EVENTS = WantedObject(7, "0.0.99.98.0.255")
POWER = WantedObject(3, "1.0.1.7.0.255")
ABSENT = WantedObject(7, "1.0.99.77.0.255")


@dataclass(slots=True)
class Dial:
    device: Device
    hear: Callable[[bytes], bytes | None]

    async def line_to(self, meter: Meter) -> Line:
        return MeterLine(self.device, heard=lambda octets: self.hear(octets))


@dataclass(slots=True)
class Bench:
    field: DirectField
    store: SqlStore
    dial: Dial
    asked: int = 0

    async def read(self, *wanted: WantedObject) -> Result:
        self.asked += 1
        now = self.field.clock.now()
        command = Command(
            order=self.asked, attempt=1, concentrator="direct/10.1.2.0/24", meter=NAME,
            action=Action.READ, not_after=now + timedelta(minutes=10), objects=wanted,
        )  # fmt: skip
        found = (await self.field.perform(command)).result
        assert found is not None
        return found

    async def told(self, wanted: WantedObject) -> str:
        """What a read of one profile says."""
        found = await self.read(wanted)
        assert found.status is Status.DONE, found
        (read,) = found.readings
        assert read.raw == b"" and read.value is not None and len(read.value) < 200
        return read.value

    def pages(self, profile: WantedObject = LOAD) -> list[IntervalDay]:
        return [
            page for page in self.store.read(queries.interval_days) if page.profile == profile.name
        ]

    def blocks(self) -> list[CollectedBlock]:
        return self.store.read(lambda connection: queries.blocks_of(connection, NAME))


@asynccontextmanager
async def bench(
    engine: str = "ours", buffers: str = "range", *, folder: Path
) -> AsyncIterator[Bench]:
    (folder / "known.toml").write_text(
        f'extends = "sim-3p"\nabout = "as found"\nengine = "{engine}"\n'
        f'[quirks]\nbuffers = "{buffers}"\n'
    )
    device = meter()
    store, clock = SqlStore("sqlite://", live=False), LoopClock(SIMULATED_START)
    vault = KeyVault(store, Envelope([bytes(64)]))
    known = Meter(NAME, commissioned=True, model="known", address="tcp://10.1.2.3")
    await store.run(lambda tx: tx.put_meters([known]))
    await vault.install(NAME, 1, device.identity.keys(1))
    dial = Dial(device, lambda octets: octets)
    intake = GatheredIntake(store, clock, ZONE, 86_400.0)
    field = DirectField(
        store, clock, SeededChance(1), Shelf(folder), vault, dial, DirectPolicy(),
        rows=intake, zone=ZONE,
    )  # fmt: skip
    yield Bench(field, store, dial)
    await store.close()


ENGINES = ("ours", "gurux")
DAY_S = 86_400


@pytest.mark.parametrize("buffers", ["range", "entry"])
async def test_a_gap_alone_is_asked_for(buffers: str, tmp_path: Path) -> None:
    """After a moment, up to and with another, whatever is here already."""
    async with bench(buffers=buffers, folder=tmp_path) as it:
        await asyncio.sleep(3 * DAY_S)
        await it.told(LOAD)  # the newest day
        before = {row.at for page in it.pages() for row in page.rows}
        begin = SIMULATED_START + timedelta(hours=6)
        gap = replace(LOAD, after=begin, until=begin + timedelta(hours=1))
        await it.told(gap)
        here = {row.at for page in it.pages() for row in page.rows} - before
        wanted = {round(begin.timestamp()) + 900 * place for place in range(1, 5)}
        assert here == wanted if buffers == "range" else here >= wanted


@pytest.mark.parametrize("engine", ENGINES)
async def test_a_read_asks_from_the_last_row_on(engine: str, tmp_path: Path) -> None:
    async with bench(engine, folder=tmp_path) as it:
        await asyncio.sleep(3 * DAY_S)
        assert await it.told(LOAD) == (
            "96 rows, 2026-07-07T20:15:00-04:00 to 2026-07-08T20:00:00-04:00"
        )
        await asyncio.sleep(3600)
        assert await it.told(LOAD) == (
            "4 rows, 2026-07-08T20:15:00-04:00 to 2026-07-08T21:00:00-04:00"
        )
        assert await it.told(LOAD) == "no rows since 2026-07-08T21:00:01-04:00"
        pages = it.pages()
        assert [(page.day, page.received, page.changed) for page in pages] == [
            (date(2026, 7, 7), 16, 0),
            (date(2026, 7, 8), 84, 0),
        ]
        assert [(block.task, block.number, block.rows) for block in it.blocks()] == [
            ("order 2", 1, 4),
            ("order 1", 1, 96),
        ]
        layout = it.store.read(lambda connection: queries.layout(connection, 1))
        energy = next(each for each in layout.columns if each.name == "1.0.1.8.0.255")
        assert (layout.profile, layout.period_s) == (LOAD.name, 900)
        assert (energy.scaler, energy.unit) == (0, 30)
        assert any(each.class_id == 1 for each in layout.columns), "the status"


@pytest.mark.parametrize("engine", ENGINES)
async def test_both_engines_store_the_same(engine: str, tmp_path: Path) -> None:
    async with bench(engine, folder=tmp_path) as it:
        await asyncio.sleep(DAY_S)
        found = await it.read(POWER, LOAD, DAILY, EVENTS, ABSENT)
        power, load, daily, events, absent = found.readings
        assert (power.value, power.unit) == ("2000", "W")
        assert load.value is not None and load.value.startswith("96 rows, ")
        assert daily.value is not None and daily.value.startswith("35 rows, ")
        assert events.value is not None and events.value.startswith("no rows since 2026-06-")
        assert (absent.value, absent.error) == (None, "object-undefined")
        cells = [row.cells for page in it.pages() for row in page.rows]
        assert len(cells) == 96 and cells[0][0] is None
        energies = [int(row[2]) for row in cells]  # type: ignore[arg-type]
        assert all(after - before == 500 for before, after in pairwise(energies))


async def test_what_was_missed_comes_with_the_next_read_part_by_part(tmp_path: Path) -> None:
    async with bench(folder=tmp_path) as it:
        await asyncio.sleep(DAY_S)
        await it.told(LOAD)
        await asyncio.sleep(9 * DAY_S)
        assert (await it.told(LOAD)).startswith("864 rows, ")
        of_second = [block for block in it.blocks() if block.task == "order 2"]
        assert sorted((block.number, block.rows) for block in of_second) == [
            (1, 192), (2, 192), (3, 192), (4, 192), (5, 96),
        ]  # fmt: skip
        assert sum(page.received for page in it.pages()) == 960


async def test_a_line_that_breaks_loses_only_the_part_under_way(tmp_path: Path) -> None:
    async with bench(folder=tmp_path) as it:
        await asyncio.sleep(DAY_S)
        await it.told(LOAD)
        await asyncio.sleep(9 * DAY_S)
        heard = 0

        def breaks(octets: bytes) -> bytes | None:
            nonlocal heard
            heard += 1
            if len(it.blocks()) == 3:  # of this order two
                raise LineLost("the meter is gone", "the line was cut", "try again")
            return octets

        it.dial.hear = breaks
        assert (await it.read(LOAD)).status is not Status.DONE
        assert heard and sum(page.received for page in it.pages()) == 96 + 2 * 192
        it.dial.hear = lambda octets: octets
        assert (await it.told(LOAD)).startswith("480 rows, "), "from where it broke off"
        assert sum(page.received for page in it.pages()) == 960


ACCESS = {
    # how the model says that buffers are had: rows of the second read, an hour after the first
    "range": 4,
    "entry": 5,  # one more than can have come
    "whole": 100,
}


@pytest.mark.parametrize("buffers", ACCESS)
@pytest.mark.parametrize("engine", ENGINES)
async def test_a_meter_that_cannot_select_by_range(
    engine: str, buffers: str, tmp_path: Path
) -> None:
    async with bench(engine, buffers, folder=tmp_path) as it:
        await asyncio.sleep(DAY_S)
        await it.told(LOAD)
        await asyncio.sleep(3600)
        told = await it.told(LOAD)
        assert told.endswith(" to 2026-07-06T21:00:00-04:00")
        rows = int(told.split()[0])
        assert rows >= ACCESS[buffers] if buffers == "whole" else rows == ACCESS[buffers]
        newest = [row for page in it.pages() for row in page.rows][-100:]
        assert all(after.at - before.at == 900 for before, after in pairwise(newest))
        assert all(page.changed == 0 for page in it.pages())


async def test_a_buffer_of_any_size_leaves_an_attempt_small(tmp_path: Path) -> None:
    async with bench(buffers="whole", folder=tmp_path) as it:
        await asyncio.sleep(DAY_S)
        found = await it.read(LOAD)
        octets = sum(len(each.wire) + len(each.plain or b"") for each in found.apdus)
        assert found.status is Status.DONE and octets < 2 * APDU_OCTETS_TOLD_MAX
        (block,) = it.blocks()
        assert len(block.octets) > APDU_OCTETS_TOLD_MAX and block.rows > 3000


async def test_a_clock_that_was_ahead_hides_nothing(tmp_path: Path) -> None:
    """Rows of a time that had not come yet do not count as read, once that time comes."""
    async with bench(folder=tmp_path) as it:
        await asyncio.sleep(DAY_S)
        await it.told(LOAD)
        rows = it.field.rows
        assert rows is not None
        now = it.field.clock.now()
        held = await rows.held(NAME, LOAD.name)
        assert held.newest == now.replace(microsecond=0) - timedelta(
            seconds=now.timestamp() % 900 // 1
        )
        assert held.layout is not None and not held.doubtful

        def ahead(tx: object) -> None:
            page = tx.interval_day(NAME, LOAD.name, date(2026, 7, 6))  # type: ignore[attr-defined]
            last = page.rows[-1]
            stray = last._replace(at=last.at + 7200)
            tx.put_interval_day(replace(page, rows=(*page.rows, stray)))  # type: ignore[attr-defined]

        await it.store.run(ahead)
        again = await rows.held(NAME, LOAD.name)
        assert again.newest is not None and again.newest <= now
