"""Tasks are run when they fall due: each turn once, by one worker, whoever dies meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest

from headend.config.tasks import TaskPolicy
from headend.domain.task import Every, RunState, Schedule
from headend.ports.adapters import AdapterFailed
from headend.store.store import SqlStore
from headend.tasks.desk import TaskRefused, TaskWish
from headend.tasks.running import TaskRunner
from headend.tasks.work import Failed, Work
from tests import databases
from tests.conftest import SIMULATED_START as START
from tests.tasks.tasking import BY, WATCHFUL, Given, Site

DAILY = Schedule(every=Every.DAILY, at=time(5, 40))
FIRST = datetime(2026, 7, 6, 9, 40, tzinfo=UTC)  # 05:40 in Santiago's winter
DAY = timedelta(days=1)


@asynccontextmanager
async def running(*runners: TaskRunner) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(each.run()) for each in runners]
    try:
        yield
    finally:
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert [error for each in runners for error in each.errors] == []


async def daily(site: Site, kind: str = "each", name: str = "t") -> None:
    await site.desk.new(name, TaskWish(kind, DAILY), BY)


async def test_it_is_run_at_its_time_and_says_what_came_of_it() -> None:
    site = Site()
    await daily(site)
    async with running(site.runner()):
        await site.until(FIRST + 2 * DAY + timedelta(minutes=1))
    assert [at for _, at in site.done] == [FIRST, FIRST + DAY, FIRST + 2 * DAY]
    first = site.runs("t")[0]
    assert (first.state, first.told, first.tries) == (RunState.DONE, {"count": 1}, 1)
    assert (first.asked_by, first.worker) == ("schedule", "w-1")
    assert first.began_at == FIRST


@pytest.mark.parametrize(
    ("kind", "wanted", "missed"),
    [("each", [0, 1, 2, 3], [0, 0, 0, 0]), ("last", [3], [3]), ("none", [], [])],
)
async def test_what_was_missed(kind: str, wanted: list[int], missed: list[int]) -> None:
    """Nobody runs anything for four days."""
    site = Site()
    await daily(site, kind)
    await site.until(FIRST + 3 * DAY + timedelta(hours=2))
    async with running(site.runner()):
        await site.until(FIRST + 3 * DAY + timedelta(hours=3))
    assert [at for _, at in site.done] == [FIRST + n * DAY for n in wanted]
    assert [each.missed for each in site.runs("t")] == missed
    async with running(site.runner()):  # what was made up for is not made up for again
        await site.until(FIRST + 3 * DAY + timedelta(hours=4))
    assert len(site.done) == len(wanted)


async def test_many_workers_run_a_turn_once(tmp_path: Path) -> None:
    """Each with a connection of its own to one database."""
    url = databases.at(tmp_path / "ami.db")
    stores = [SqlStore(url, live=False) for _ in range(3)]
    site = Site(store=stores[0])
    for number in range(3):
        await daily(site, name=f"t{number}")
    runners = [site.runner(f"w-{number}") for number in range(3)]
    for runner, store in zip(runners, stores, strict=True):
        runner.store = store
    async with running(*runners):
        await site.until(FIRST + DAY + timedelta(minutes=5))
    assert len(site.runs()) == len(site.done) == 6
    for store in stores:
        await store.close()


async def test_one_run_of_a_task_at_a_time() -> None:
    site = Site(policy=WATCHFUL)
    under_way = [0, 0]

    async def slow(work: Work, given: Given) -> dict[str, int | float | str]:
        under_way[0] += 1
        under_way[1] = max(under_way)
        await asyncio.sleep(300)
        under_way[0] -= 1
        return {}

    site.work = slow
    await daily(site)
    await site.until(FIRST + 3 * DAY)
    async with running(site.runner("a"), site.runner("b")):
        await site.until(FIRST + 3 * DAY + timedelta(minutes=30))
    assert under_way == [0, 1] and len(site.done) == 4


async def test_a_runner_that_is_gone_gives_its_run_to_another() -> None:
    """Killed in the middle, it says nothing; its lease ends and another begins anew."""
    site = Site(policy=WATCHFUL)

    async def slow(work: Work, given: Given) -> dict[str, int | float | str]:
        await asyncio.sleep(600)
        return {"count": 2}

    site.work = slow
    await daily(site)
    await site.until(FIRST)
    killed = asyncio.create_task(site.runner("killed").run())
    await site.until(FIRST + timedelta(minutes=3))
    killed.cancel()
    await asyncio.gather(killed, return_exceptions=True)
    (left,) = site.runs("t")
    assert (left.state, left.worker) == (RunState.RUNNING, "killed")
    other = site.runner("other")
    async with running(other):
        await site.until(FIRST + timedelta(minutes=3, seconds=30))
        assert len(site.done) == 1, "the lease is not over"
        await site.until(FIRST + timedelta(minutes=20))
    (run,) = site.runs("t")
    assert (run.state, run.worker, run.tries) == (RunState.DONE, "other", 2)
    assert site.log(run.number) == ["killed that ran it is gone; other begins it anew"]


async def test_a_worker_that_starts_again_takes_its_own_runs_up_at_once() -> None:
    site = Site()

    async def slow(work: Work, given: Given) -> dict[str, int | float | str]:
        await asyncio.sleep(600 if len(site.done) == 1 else 1)
        return {}

    site.work = slow
    await daily(site)
    killed = asyncio.create_task(site.runner().run())
    await site.until(FIRST + timedelta(minutes=1))
    killed.cancel()
    await asyncio.gather(killed, return_exceptions=True)
    async with running(site.runner()):
        await site.until(FIRST + timedelta(minutes=1, seconds=10))
    assert [each.state for each in site.runs("t")] == [RunState.DONE]


async def test_a_runner_whose_lease_went_to_another_changes_nothing_any_more() -> None:
    """As after a long stop of its process: what it says of the run is not taken."""
    site = Site()
    await daily(site)
    slow, quick = site.runner("slow"), site.runner("quick")

    async def stopped(work: Work, given: Given) -> dict[str, int | float | str]:
        if len(site.done) == 1:
            slow_store = site.store

            def stolen(tx: object) -> None:
                tx.give_tasks_back("slow")  # type: ignore[attr-defined]

            await slow_store.run(stolen)
            await quick.look()
            await quick.idle()
            await work.step("too late", 1, 2)
        return {"by": len(site.done)}

    site.work = stopped
    await site.until(FIRST)
    await slow.look()
    await slow.idle()
    (run,) = site.runs("t")
    assert (run.state, run.worker, run.told, run.step) == (RunState.DONE, "quick", {"by": 2}, "")


async def test_what_may_pass_is_tried_again_and_what_may_not_is_not() -> None:
    site = Site()
    answers: list[Failed | AdapterFailed] = [
        AdapterFailed("adapter-away", "SIMOCE: nobody answers"),
        Failed("cim-5.3", "away", retry=True),
        Failed("bad", "never"),
    ]

    async def fails(work: Work, given: Given) -> Failed:
        answer = answers[len(site.done) - 1]
        if isinstance(answer, AdapterFailed):
            raise answer
        return answer

    site.work = fails
    await daily(site)
    async with running(site.runner()):
        await site.until(FIRST + timedelta(minutes=5))
        (run,) = site.runs("t")
        assert (run.state, run.code) == (RunState.WAITING, "adapter-away")
        await site.until(FIRST + timedelta(hours=2))
    (run,) = site.runs("t")
    assert (run.state, run.tries, run.code, run.trouble) == (RunState.FAILED, 3, "bad", "never")
    assert site.log(run.number)[0].startswith("SIMOCE: nobody answers; once more at 09:50:")


async def test_a_mistake_of_a_plug_in_is_told_and_hinders_no_other() -> None:
    site = Site()

    async def breaks(work: Work, given: Given) -> dict[str, int | float | str]:
        if given.name == "bad":
            raise KeyError("oops")
        return {}

    site.work = breaks
    await site.desk.new("bad", TaskWish("each", DAILY, {"name": "bad"}), BY)
    await daily(site, name="good")
    runner = site.runner()
    task = asyncio.create_task(runner.run())
    await site.until(FIRST + timedelta(hours=1))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    (bad,), (good,) = site.runs("bad"), site.runs("good")
    assert (bad.state, bad.code, good.state) == (RunState.FAILED, "broke", RunState.DONE)
    assert "KeyError" in (bad.trouble or "") and len(runner.errors) == 3


async def test_one_that_takes_too_long_has_failed() -> None:
    site = Site()

    async def hangs(work: Work, given: Given) -> dict[str, int | float | str]:
        await asyncio.sleep(10**6)
        return {}

    site.work = hangs
    await daily(site)
    async with running(site.runner()):
        await site.until(FIRST + timedelta(hours=7))
    assert [each.code for each in site.runs("t")] == ["too-long"]


async def test_paused_off_and_on() -> None:
    """What is missed while it is paused is made up for, and not what is while it is off."""
    site = Site()
    await daily(site)
    async with running(site.runner()):
        await site.desk.pause("t", BY)
        await site.until(FIRST + DAY + timedelta(hours=1))
        assert site.done == []
        with pytest.raises(TaskRefused, match="paused"):
            await site.desk.run_now("t", BY)
        await site.desk.resume("t", BY)
        await site.until(FIRST + DAY + timedelta(hours=2))
        assert [at for _, at in site.done] == [FIRST, FIRST + DAY]
        off = await site.desk.deactivate("t", BY)
        assert off.due_at is None
        await site.until(FIRST + 3 * DAY + timedelta(hours=1))
        on = await site.desk.activate("t", BY)
        assert on.due_at == FIRST + 4 * DAY
        await site.until(FIRST + 3 * DAY + timedelta(hours=2))
        assert len(site.done) == 2


async def test_pausing_stops_what_is_under_way_and_it_is_done_later() -> None:
    site = Site()

    async def slow(work: Work, given: Given) -> dict[str, int | float | str]:
        for number in range(10):
            await asyncio.sleep(60)
            await work.step("feeders", number + 1, 10)
        return {}

    site.work = slow
    await daily(site)
    async with running(site.runner()):
        await site.until(FIRST + timedelta(seconds=200))
        (run,) = site.runs("t")
        assert (run.state, run.step, run.steps_done, run.steps_all) == (
            RunState.RUNNING, "feeders", 3, 10,
        )  # fmt: skip
        with pytest.raises(TaskRefused, match="under way"):
            await site.desk.delete("t", BY)
        await site.desk.pause("t", BY)
        await site.until(FIRST + timedelta(seconds=300))
        (run,) = site.runs("t")
        assert run.state is RunState.WAITING
        await site.desk.resume("t", BY)
        await site.until(FIRST + timedelta(hours=1))
    (run,) = site.runs("t")
    assert (run.state, run.tries) == (RunState.DONE, 2)
    assert site.log(run.number) == ["it stops: its task is paused"]


async def test_a_run_by_hand_is_as_of_the_time_that_is_named() -> None:
    site = Site()
    await daily(site)
    then = START - 3 * DAY
    run = await site.desk.run_now("t", BY, then)
    with pytest.raises(TaskRefused) as refused:
        await site.desk.run_now("t", BY)
    assert refused.value.code == "run-waits"
    async with running(site.runner()):
        await site.until(START + timedelta(minutes=1))
    assert site.done == [("x", then)]
    assert (site.runs("t")[0].number, site.runs("t")[0].asked_by) == (run.number, "eva")


async def test_interval_tasks_catch_up_with_the_newest() -> None:
    site = Site()
    every = Schedule(every=Every.INTERVAL, interval_s=600, start=START)
    await site.desk.new("t", TaskWish("last", every), BY)
    async with running(site.runner()):
        await site.until(START + timedelta(minutes=35))
    assert [at - START for _, at in site.done] == [timedelta(minutes=n) for n in (10, 20, 30)]
    await site.until(START + DAY)
    async with running(site.runner()):
        await site.until(START + DAY + timedelta(seconds=30))
    assert site.done[-1][1] == START + DAY and len(site.done) == 4


async def test_each_has_a_most_that_is_made_up_for() -> None:
    site = Site(policy=TaskPolicy(catch_up_max=5, look_s=6 * 3600.0))
    await daily(site)
    await site.until(FIRST + 20 * DAY)
    async with running(site.runner()):
        await site.until(FIRST + 20 * DAY + timedelta(minutes=30))
    assert [at for _, at in site.done] == [FIRST + n * DAY for n in range(16, 21)]
    assert site.runs("t")[0].missed == 16


async def test_a_turn_is_kept_once_whoever_plans_it() -> None:
    """Idempotent: the same look, and one after the task was set back, make no second run."""
    site = Site()
    await daily(site)
    runner = site.runner()
    await site.until(FIRST)
    await runner.look()
    await runner.idle()

    def back(tx: object) -> None:
        task = tx.task("t")  # type: ignore[attr-defined]
        tx.put_task(replace(task, due_at=FIRST))  # type: ignore[attr-defined]

    await site.store.run(back)
    await runner.look()
    await runner.idle()
    assert len(site.done) == len(site.runs("t")) == 1
