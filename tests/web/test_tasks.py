"""Scheduled tasks and the mapping of feeders: as people see them, as they act on them, as forms."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from playwright.async_api import expect

from headend.access.desk import By
from headend.analysis.windows import newest_day
from headend.config.tasks import TaskPolicy
from headend.domain.account import Role
from headend.domain.feeder import BY_HAND, REPOSITORY, FeederMapping
from headend.domain.task import CatchUp, Every, Run, RunLine, RunState, Schedule, Task, Weekday
from headend.ports import Transaction
from headend.store import feeder_queries
from headend.store import task_queries as queries
from headend.tasks.customers import ORGANISATION, REQUESTS, kept
from headend.tasks.desk import TaskWish
from headend.tasks.kinds import Kind
from headend.tasks.running import TaskRunner
from headend.tasks.work import Failed, Work
from headend.web import task_form
from scenarios.utility.naming import System, feeder_key, feeder_label
from tests.cim_adapters.utilities import siad_instances
from tests.web.browser import browsing, looked_at
from tests.web.division import hours_of, tilted, work_of
from tests.web.ground import Ground, opened
from tests.web.test_dashboard import DIVISION
from tests.web.test_visits import client, posted

ZONE = ZoneInfo("America/Santiago")
BY = By("eva", "test")
PATIENT_MS = 30_000
TIMES = {"SIADCustomersInfo": time(0), "SIADSimoceMapping": time(1), "UnbalanceHr": time(5, 40),
    "InfoGenerationHr": time(6, 10)}  # fmt: skip
TOLD: dict[str, dict[str, int | float | str]] = {
    "SIADCustomersInfo": {"circuits": 12, "zones": 1, "requests": 340, "customers": 18204},
    "SIADSimoceMapping": {"mapped": 9, "new": 0, "unmatched_siad": 3, "unmatched_simoce": 2},
    "InfoGenerationHr": {"day": "2026-07-03", "feeders": 9, "days": 9, "windows": 18},
}
KEYS = [(feeder_key(System.SIAD, it), feeder_key(System.SIMOCE, it)) for it in DIVISION.feeders]
LONE_SIAD, LONE_SIMOCE = KEYS[-1][0], "CTO_X1"
STEADY = Schedule(
    every=Every.INTERVAL, interval_s=90, start=datetime(2026, 7, 1, 4, 0, 7, tzinfo=UTC)
)


@contextlib.asynccontextmanager
async def tasked() -> AsyncIterator[Ground]:
    """The four tasks with a night behind them, and one that is paused; circuits of which the last
    three are unmatched, and two feeders of SIMOCE's."""
    async with opened() as ground:
        desk, now = ground.parts.tasks, ground.clock.now()
        for name, at in TIMES.items():
            await desk.new(name, TaskWish(name, Schedule(every=Every.DAILY, at=at)), BY)
        sundays = Schedule(every=Every.WEEKLY, at=time(7), weekdays=(Weekday.SUN,))
        given = {"days": 7, "feeders": [KEYS[0][1], KEYS[1][1]]}
        await desk.new("semana", TaskWish("UnbalanceHr", sundays, given), BY)
        await desk.pause("semana", BY)
        await ground.store.run(_night)
        work = work_of(ground.store, ground.clock, ground.adapters)
        known = [kept("SIAD", it, work) for it in siad_instances(DIVISION)]
        classes = (*ORGANISATION, *REQUESTS)
        await ground.store.run(lambda tx: tx.keep_instances("SIAD", classes, known))
        await ground.store.run(lambda tx: tx.keep_feeder_mappings(_names(now)))
        yield ground


def _names(now: datetime) -> list[FeederMapping]:
    pairs = list(zip(KEYS, map(feeder_label, DIVISION.feeders), strict=True))
    found = [
        FeederMapping(siad, simoce, name, f"Circuito {name}", REPOSITORY, now, "head-end")
        for (siad, simoce), name in pairs[:-3]
    ]
    found += [FeederMapping(siad, None, name, "", None, now, "") for (siad, _), name in pairs[-3:]]
    found += [FeederMapping(None, key, "", "Circuito nuevo", None, now, "")
        for key in (LONE_SIMOCE, "CTO_X2")]  # fmt: skip
    return found


def _night(tx: Transaction) -> None:
    for name, told in TOLD.items():
        _ran(tx, name, state=RunState.DONE, told=told)
    trouble = "nobody answers at simoce.example:8091"
    _ran(tx, "UnbalanceHr", state=RunState.FAILED, code="adapter-away", trouble=trouble)


def _ran(tx: Transaction, name: str, **more: Any) -> None:
    at = datetime.combine(date(2026, 7, 5), TIMES[name], ZONE).astimezone(UTC)
    run = Run(0, name, name, at, "schedule", at, at, f"{name}/1", tries=1)
    number = tx.add_task_run(run)
    assert number is not None
    took = timedelta(seconds=12, milliseconds=400)
    tx.save_task_run(
        replace(run, number=number, worker="w-1", began_at=at, ended_at=at + took, **more)
    )
    tx.add_task_line(RunLine(number, at + took / 2, f"{more.get('trouble', 'all is kept')}"))


LOOKED_AT = {
    "tasks": ("/tasks", "Tareas programadas", "Scheduled tasks"),
    "task": ("/tasks/named/UnbalanceHr", "UnbalanceHr", "UnbalanceHr"),
    "task-run": ("/tasks/runs/1", "Corrida 1 de SIADCustomersInfo", "Run 1 of SIADCustomersInfo"),
    "task-kinds": ("/tasks/new", "Nueva tarea", "New task"),
    "task-edit": ("/tasks/named/semana/edit", "Editar semana", "Edit semana"),
    "mappings": ("/mappings", "Correspondencia de circuitos", "Feeder mapping"),
}


@pytest.mark.requires("chromium")
@pytest.mark.parametrize("shot", LOOKED_AT)
async def test_a_page_of_tasks_looks_right(shot: str) -> None:
    path, es, en = LOOKED_AT[shot]
    async with tasked() as ground, browsing(ground, Role.OPERATOR) as it:
        await looked_at(it, path, es=es, en=en, shot=shot)


@pytest.mark.requires("chromium")
async def test_a_task_is_run_from_the_page_which_follows_it() -> None:
    async with tasked() as ground, browsing(ground, Role.ANALYST) as it, _runner(ground):
        work = work_of(ground.store, ground.clock, ground.adapters)
        hours = hours_of(DIVISION.feeders[0], newest_day(work.day), tilted, work)
        await ground.store.run(lambda tx: tx.put_feeder_hours(KEYS[0][1], hours[0].day, hours))
        await it.go("/tasks/named/InfoGenerationHr")
        await expect(it.page.locator(".live-mark[data-on]")).to_be_visible()
        await it.page.get_by_role("button", name="Correr ahora").press("Enter")
        await expect(it.page.get_by_role("status")).to_have_text("✓ La corrida está pedida.")
        await expect(it.page.locator("#run .status")).to_have_text("●cumplida", timeout=PATIENT_MS)
        await expect(it.page.locator("#run .lead")).to_contain_text("circuitos: 1")
        await it.is_clean()
    (run,) = ground.store.read(lambda c: queries.runs(c, "InfoGenerationHr", limit=1))
    assert (run.asked_by, run.state) == ("analyst", RunState.DONE)
    assert f"run {run.number} asked for" in ground.audit()[-1].detail


@contextlib.asynccontextmanager
async def _runner(ground: Ground) -> AsyncIterator[None]:
    desk = ground.parts.tasks
    runner = TaskRunner(
        ground.store, ground.clock, ZONE, TaskPolicy(look_s=0.5), desk.kinds, ground.adapters, "w"
    )
    doing = asyncio.create_task(runner.run())
    try:
        yield
    finally:
        doing.cancel()
        await asyncio.gather(doing, return_exceptions=True)


@pytest.mark.requires("chromium")
async def test_a_feeder_is_mapped_by_hand_and_that_is_taken_back() -> None:
    async with tasked() as ground, browsing(ground, Role.OPERATOR) as it:
        await it.go("/mappings")
        await it.page.select_option("#siad", LONE_SIAD)
        await it.page.select_option("#simoce", LONE_SIMOCE)
        await it.page.get_by_role("button", name="Emparejar").click()
        await expect(it.page.get_by_role("status")).to_have_text("✓ El circuito tiene pareja.")
        row = it.page.locator("tbody tr", has_text=LONE_SIAD)
        await expect(row).to_contain_text("a mano")
        (one,) = [it for it in _mapped(ground) if it.siad == LONE_SIAD]
        assert (one.simoce, one.how, one.who) == (LONE_SIMOCE, BY_HAND, "operator")
        it.page.on("dialog", lambda asked: asked.accept())
        await row.get_by_role("button").click()
        await expect(it.page.get_by_role("status")).to_contain_text("quedó sin pareja")
        assert {it.simoce for it in _mapped(ground) if it.siad == LONE_SIAD} == {None}
        assert [(line.subject, line.detail) for line in ground.audit()[-3::2]] == [
            (f"feeder {LONE_SIAD}", f"mapped to {LONE_SIMOCE}"),
            (f"feeder {LONE_SIAD}", "unmapped"),
        ]


def _mapped(ground: Ground) -> list[FeederMapping]:
    return ground.store.read(feeder_queries.mappings)


FORM = {"kind": "UnbalanceHr", "name": "mine", "every": "interval", "at": "00:00", "on": "",
    "minutes": "1,5", "start": "2026-07-07T00:00:00", "end": "", "catch_up": "each",
    "p.days": "3", "p.feeders": "A-1\r\n\r\n A-2 ", "p.period_s": ""}  # fmt: skip


async def test_a_task_is_made_changed_switched_and_deleted_by_forms() -> None:
    async with tasked() as ground, client(ground) as http:
        text = await ground.someone(Role.OPERATOR)
        http.cookies.set("ami_session", text, domain="127.0.0.1")

        async def post(path: str, **fields: str) -> tuple[int, str]:
            answer = await posted(http, path, text, fields)
            return answer.status_code, answer.headers.get("location", answer.text)

        status, where = await post("/tasks/new", **FORM)
        assert (status, where) == (303, "/tasks/named/mine?done=tasks.done.new"), where
        made = _task(ground, "mine")
        assert made is not None and made.schedule.interval_s == 90
        assert made.parameters == {"days": 3, "feeders": ["A-1", "A-2"], "period_s": 600}
        assert made.due_at == datetime(2026, 7, 7, 4, tzinfo=UTC)  # midnight in Santiago
        assert (await post("/tasks/new", **FORM))[0] == 400  # its name is taken
        # What is not touched stays, and is not told as changed.
        edited = {**FORM, "p.period_s": "600", "p.days": "2", "minutes": "1.5"}
        assert (await post("/tasks/named/mine/edit", **edited))[0] == 303
        assert ground.audit()[-1].detail == "edited: parameters"
        for wrong in ({"p.days": "many"}, {"minutes": "nan"}, {"start": "9999-12-31T23:59:59"},
                {"start": "0001-01-01T00:00:00"}, {"every": "never"}, {"catch_up": ""},
                {"every": "weekly"}):  # fmt: skip
            status, told = await post("/tasks/named/mine/edit", **{**edited, **wrong})
            assert status == 400 and "note bad" in told, wrong
        for step in ("pause", "resume", "deactivate", "activate"):
            assert await post(f"/tasks/named/mine/{step}") == (
                303, f"/tasks/named/mine?done=tasks.done.{step}"
            )  # fmt: skip
            assert ground.audit()[-1].subject == "task mine"
        assert (await post("/tasks/named/mine/run", as_of="2026-07-01T05:40"))[0] == 303
        (run,) = ground.store.read(lambda c: queries.runs(c, "mine"))
        assert run.due_at == datetime(2026, 7, 1, 9, 40, tzinfo=UTC)
        assert (await post("/tasks/named/mine/run", as_of="never"))[0] == 400
        assert (await post("/tasks/named/mine/explode"))[0] == 404
        assert (await post("/tasks/named/mine/delete"))[0] == 303
        assert _task(ground, "mine") is None
        assert (await http.get("/tasks/named/mine")).status_code == 404


async def test_what_happens_between_a_page_and_its_stream_is_told() -> None:
    async with tasked() as ground, client(ground) as http, asyncio.timeout(60):
        http.cookies.set("ami_session", await ground.someone(Role.QA), domain="127.0.0.1")
        page = (await http.get("/tasks")).text
        (where,) = re.findall(r'data-live="([^"]+)"', page)
        await ground.parts.tasks.run_now("UnbalanceHr", BY)
        async with http.stream("GET", where, timeout=60) as stream:
            told = [line async for line in _until(stream.aiter_lines(), "event: changed")]
        assert "event: start" in told


async def _until(lines: AsyncIterator[str], last: str) -> AsyncIterator[str]:
    async for line in lines:
        yield line
        if line == last:
            return


async def test_who_may_only_see_tasks_changes_none() -> None:
    async with tasked() as ground, client(ground) as http:
        text = await ground.someone(Role.QA)
        http.cookies.set("ami_session", text, domain="127.0.0.1")
        page = (await http.get("/tasks/named/UnbalanceHr")).text
        assert "UnbalanceHr/run" not in page and "UnbalanceHr/edit" not in page
        assert "unmap" not in (await http.get("/mappings")).text
        for path in ("/tasks/new", "/tasks/named/UnbalanceHr/edit"):
            assert (await http.get(path)).status_code == 403
        for path in ("/tasks/named/UnbalanceHr/delete", "/tasks/new", "/mappings"):
            refused = await posted(http, path, text, {"siad": LONE_SIAD, "simoce": LONE_SIMOCE})
            assert refused.status_code == 403
            assert (ground.audit()[-1].outcome, ground.audit()[-1].actor) == ("refused", "qa")
        task = _task(ground, "UnbalanceHr")
        assert task is not None and task.active


def _task(ground: Ground, name: str) -> Task | None:
    found = ground.store.read(lambda c: queries.task(c, name))
    return None if found is None else found.task


class Many(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A parameter of each sort."""

    on: bool = True
    share: float = 0.5
    most: int | None = None
    word: str = "x"
    of: tuple[int, ...] = ()
    map: dict[str, int] = {}


async def _nothing(work: Work, given: Many) -> Failed:
    return Failed("nothing", "it does nothing")


KIND = Kind("Many", "Nothing.", Many, _nothing)


@pytest.mark.parametrize(
    ("known", "filled", "meant"),
    [
        ({}, {}, Many()),
        ({}, {"on": "false", "share": "0,25", "most": "7", "word": "y z"},
         Many(on=False, share=0.25, most=7, word="y z")),
        ({"most": 7, "word": "w", "of": [1]}, {"most": "", "word": "", "of": ""},
         Many(word="")),
        ({"share": 0.75}, {"share": ""}, Many()),
        ({}, {"of": "3\n4", "map": '{"a": 2}'}, Many(of=(3, 4), map={"a": 2})),
    ],
)  # fmt: skip
def test_what_is_filled_in_is_what_a_kind_reads(
    known: dict[str, Any], filled: dict[str, str], meant: Many
) -> None:
    those = task_form.parameters(KIND, known)
    given = {each.field: filled.get(each.name, each.text) for each in those}
    assert KIND.read({**known, **task_form.parameters_meant(those, given)}) == meant


@pytest.mark.parametrize(
    "schedule",
    [
        STEADY,
        Schedule(every=Every.ONCE, at=time(5, 40, 30), on=date(2026, 8, 1)),
        Schedule(every=Every.WEEKLY, at=time(7), weekdays=(Weekday.SUN, Weekday.MON)),
        # The second time that it is 23:30 on the day when clocks go back.
        Schedule(every=Every.DAILY, end=datetime(2027, 4, 4, 3, 30, tzinfo=UTC)),
    ],
)
def test_a_schedule_that_nobody_touches_stays(schedule: Schedule) -> None:
    now = datetime(2026, 7, 6, tzinfo=UTC)
    task = Task("a", "Many", {}, schedule, CatchUp.LAST, now, "eva", now, "eva")
    assert task_form.schedule_of(task_form.shown(task, ZONE), ZONE, schedule) == schedule
