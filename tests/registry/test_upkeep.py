"""Concentrators are asked how they fare; a clock that is off is shifted, once, and by how much."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from headend.chance import SeededChance
from headend.clock import LoopClock
from headend.config import UpkeepPolicy
from headend.domain.meter import Concentrator
from headend.registry.upkeep import FIRST_S, Upkeep
from headend.store import upkeep_queries as queries
from headend.store.store import SqlStore
from protocols.concentrator.messages import Downward, Online, ReadState, ShiftClock, State
from protocols.concentrator.upkeep import HeardInHour, MemoryTold, MeterPlace
from scenarios.engine import run
from scenarios.schema import parse
from tests import databases
from tests.conftest import SIMULATED_START

HOUR = datetime(2026, 7, 6, 9, tzinfo=UTC)


@dataclass(slots=True)
class Way:
    """The way to a concentrator whose clock is `ahead`; each message takes `delay_s` each way."""

    clock: LoopClock
    ahead: timedelta = timedelta()
    delay_s: float = 1.0
    asked: list[datetime] = field(default_factory=list)  # since when
    shifts: list[float] = field(default_factory=list)
    hear: Callable[[str, State], object] = field(default=lambda name, state: None)

    async def tell(self, concentrator: str, message: Downward) -> bool:
        assert isinstance(message, ReadState)
        self.asked.append(message.since)
        asyncio.get_running_loop().create_task(self._answer(concentrator, message))
        return True

    async def deliver(self, concentrator: str, message: Downward) -> bool:
        assert isinstance(message, ShiftClock)
        await asyncio.sleep(self.delay_s)
        self.shifts.append(message.by_s)
        self.ahead += timedelta(seconds=message.by_s)
        return True

    async def _answer(self, concentrator: str, message: ReadState) -> None:
        await asyncio.sleep(self.delay_s)
        now = self.clock.now() + self.ahead
        state = State(
            id="s",
            at=now,
            of=message.id,
            boot=1,
            up_since=now,
            firmware="f",
            memory=MemoryTold(0, 0, 1, 0),
            meters=(MeterPlace("11", True, "plc", 1),),
            hours=(HeardInHour(HOUR, 56, {"11": 50}),),
        )
        await asyncio.sleep(self.delay_s)
        await self.hear(concentrator, state)  # type: ignore[misc]


@dataclass(slots=True)
class Desk:
    store: SqlStore
    way: Way
    upkeep: Upkeep


@asynccontextmanager
async def desk(**way: object) -> AsyncIterator[Desk]:
    store, clock = SqlStore(databases.memory(), live=False), LoopClock(SIMULATED_START)
    await store.run(lambda tx: tx.put_concentrators([Concentrator("C-1")]))
    road = Way(clock, **way)  # type: ignore[arg-type]
    upkeep = Upkeep(store, clock, SeededChance(1), road, UpkeepPolicy())
    road.hear = upkeep.told
    work = asyncio.create_task(upkeep.run())
    for name in ("C-1", "C-9"):
        word = Online(id="o", at=clock.now(), concentrator=name, boot=1, firmware="f")
        await upkeep.online(name, word)
    yield Desk(store, road, upkeep)
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    assert upkeep.errors == []
    await store.close()


async def test_a_concentrator_is_asked_every_hour_and_a_stranger_never() -> None:
    async with desk() as bench:
        begun = bench.way.clock.now()
        await asyncio.sleep(FIRST_S + 2.5 * 3600)
        # a day back at first, then what the last answer left open
        back = [round((since - begun).total_seconds()) for since in bench.way.asked]
        assert back[0] == FIRST_S - 86_400
        assert len(back) == 3
        assert all(later > earlier for earlier, later in zip(back, back[1:], strict=False))
        known = bench.store.read(lambda c: queries.state_of(c, "C-1"))
        assert known is not None
        assert known.state.meters[0].meter == "11"
        assert bench.store.read(lambda c: queries.availability_of(c, "C-1")) == {"11": (50, 56)}
        assert bench.store.read(lambda c: queries.state_of(c, "C-9")) is None


# by how much the clock is ahead, each way's delay; whether it must be shifted
CLOCKS = {
    "right": (0.0, 0.1, False),
    "within the tolerance": (4.9, 0.05, False),
    "ahead": (30.0, 0.1, True),
    "behind": (-3600.0, 0.1, True),
    "perhaps right, over a slow way": (9.0, 5.0, False),
    "off, over a slow way": (20.0, 5.0, True),
}


@pytest.mark.parametrize(("ahead_s", "delay_s", "shifted"), CLOCKS.values(), ids=CLOCKS)
async def test_a_clock_is_measured_and_shifted(
    ahead_s: float, delay_s: float, shifted: bool
) -> None:
    async with desk(ahead=timedelta(seconds=ahead_s), delay_s=delay_s) as bench:
        await asyncio.sleep(FIRST_S + 60)
        (measured,) = bench.store.read(lambda c: queries.clocks_of(c, "C-1"))
        assert measured.offset_s == pytest.approx(ahead_s, abs=1e-3)
        assert measured.error_s == pytest.approx(delay_s, abs=1e-3)
        assert bench.way.shifts == pytest.approx([-ahead_s] if shifted else [], abs=1e-3)
        await asyncio.sleep(3600)
        assert len(bench.way.shifts) == int(shifted)


DRIFTING = """
about = "A concentrator's clock jumps ten minutes back; it is found and shifted."
start = 2026-07-06T10:00:00
duration = "2h"

[field]
meters = 1

[[fault]]
kind = "clock"
target = "C-001"
at = "10m"
step_s = -600

[expect]
orders = 0
"""


def test_a_simulated_concentrators_clock_is_right_within_20_s_after_it_was_asked() -> None:
    story = run(parse(DRIFTING))
    concentrator = story.world.concentrators["C-001"]
    assert abs(concentrator.clock.error_s(story.world.env.now)) < 20
    codes = [str(entry.code) for entry in concentrator.flash.events]
    assert codes == ["clock-shifted"]
