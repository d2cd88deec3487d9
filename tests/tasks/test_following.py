"""A load that ends after the roll-up of its morning has that done again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, time, timedelta

from headend.domain.task import CatchUp, Every, RunState, Schedule, Told
from headend.tasks.desk import TaskWish
from headend.tasks.kinds import Kind, kinds
from headend.tasks.ours import OURS
from headend.tasks.work import Failed, Work
from tests.tasks.tasking import BY, WATCHFUL, Given, Site
from tests.tasks.test_running import DAY, daily, running

LOADED = datetime(2026, 7, 6, 9, 40, tzinfo=UTC)  # 05:40 in Santiago
ROLLED = LOADED + timedelta(minutes=30)


async def two(site: Site) -> None:
    """Another kind, that works on what `each` leaves; half an hour after it."""
    rolled = Kind("rolled", "After.", Given, site._noted, CatchUp.LAST, after=("each",))
    site.desk.kinds.known["rolled"] = rolled  # type: ignore[index]
    await daily(site, "each", "load")
    await site.desk.new(
        "roll",
        TaskWish("rolled", Schedule(every=Every.DAILY, at=time(6, 10)), {"name": "roll"}),
        BY,
    )


def rolls(site: Site) -> list[tuple[datetime, str]]:
    return [(each.due_at, each.asked_by) for each in site.runs("roll")]


async def test_in_time_it_is_done_once_a_morning() -> None:
    site = Site()
    await two(site)
    async with running(site.runner()):
        await site.until(ROLLED + DAY + timedelta(minutes=1))
    assert rolls(site) == [(ROLLED, "schedule"), (ROLLED + DAY, "schedule")]


async def test_a_load_that_had_to_wait_has_it_done_again() -> None:
    site = Site(policy=WATCHFUL)
    tried: list[datetime] = []

    async def away_at_first(work: Work, given: Given) -> Told | Failed:
        if given.name == "roll":
            return {}
        tried.append(work.due_at)
        if len(tried) == 1:
            await asyncio.sleep(1500)  # until SIMOCE's time is over
            return Failed("adapter-away", "SIMOCE does not answer", retry=True)
        return {}

    site.work = away_at_first
    await two(site)
    async with running(site.runner()):
        await site.until(ROLLED + timedelta(hours=1))
    assert len(tried) == 2
    assert rolls(site) == [(ROLLED, "schedule"), (ROLLED, "task load")]
    assert all(each.state is RunState.DONE for each in site.runs())
    load, again = site.runs("load")[0], site.runs("roll")[1]
    assert load.ended_at is not None and again.began_at is not None
    assert again.began_at >= load.ended_at
    assert site.log(load.number)[-1] == "roll ran before: it is run again"


async def test_days_that_are_made_up_for_are_rolled_up_behind_the_last_of_them() -> None:
    """Nobody ran anything for four days; the roll-up is begun beside the first load."""
    site = Site(policy=WATCHFUL)

    async def slow(work: Work, given: Given) -> Told | Failed:
        await asyncio.sleep(1 if given.name == "roll" else 300)
        return {}

    site.work = slow
    await two(site)
    await site.until(ROLLED + 3 * DAY + timedelta(hours=1))
    async with running(site.runner()):
        await site.until(ROLLED + 3 * DAY + timedelta(hours=3))
    loads, last = site.runs("load"), site.runs("roll")[-1]
    assert len(loads) == 4 and not any(each.open for each in site.runs())
    ended = [each.ended_at for each in loads if each.ended_at is not None]
    assert last.began_at is not None and last.began_at >= max(ended)
    assert last.due_at == ROLLED + 3 * DAY


async def test_one_that_is_off_is_not_asked_for() -> None:
    site = Site()
    await two(site)
    async with running(site.runner()):
        await site.until(ROLLED + timedelta(hours=1))
        await site.desk.deactivate("roll", BY)
        await site.desk.run_now("load", BY, LOADED)
        await site.until(ROLLED + timedelta(hours=9))
    assert rolls(site) == [(ROLLED, "schedule")]


def test_the_roll_up_comes_after_the_load() -> None:
    assert kinds(OURS, ()).known["InfoGenerationHr"].after == ("UnbalanceHr",)
