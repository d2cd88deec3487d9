"""Tasks made, changed and deleted: by the desk, by REST, by command; each act in the audit log."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from headend.config.tasks import Associations
from headend.domain.account import Permission as P
from headend.domain.feeder import FeederMapping
from headend.domain.task import CatchUp, Every, Schedule
from headend.store import access_queries
from headend.store.store import SqlStore
from headend.tasks.desk import TaskRefused, TaskWish, make_standard, standard_tasks
from headend.tasks.kinds import kinds
from headend.tasks.ours import OURS
from tests import databases
from tests.rest.house import Door
from tests.tasks.tasking import BY, ZONE, Site
from tools.cli import app

DAILY = Schedule(every=Every.DAILY, at=time(5, 40))


async def test_new_edit_delete_and_new_again() -> None:
    site = Site()
    made = await site.desk.new("t", TaskWish("each", DAILY, {"count": 2}), BY)
    assert made.due_at == datetime(2026, 7, 6, 9, 40, tzinfo=UTC)
    assert (made.parameters, made.catch_up) == ({"count": 2, "name": "x", "days": []}, CatchUp.EACH)
    later = Schedule(every=Every.DAILY, at=time(6, 10))
    wish = TaskWish(schedule=later, parameters={"name": "y"}, catch_up=CatchUp.LAST)
    changed = await site.desk.edit("t", wish, BY)
    assert changed.due_at == datetime(2026, 7, 6, 10, 10, tzinfo=UTC)
    assert changed.parameters == {"count": 2, "name": "y", "days": []}
    kept = await site.store.run(lambda tx: tx.task("t"))
    assert kept == changed
    await site.desk.run_now("t", BY)
    gone = await site.desk.delete("t", BY)
    assert gone.deleted_at is not None and [each.code for each in site.runs("t")] == [
        "task-deleted"
    ]
    again = await site.desk.new("t", TaskWish("last", DAILY), BY)
    assert (again.deleted_at, again.kind) == (None, "last") and len(site.runs("t")) == 1
    said = site.store.read(lambda c: access_queries.audit(c, limit=100))[::-1]
    assert [each.detail.split(",")[0] for each in said] == [
        "new: each", "edited: schedule", "run 1 asked for", "deleted", "new: last",
    ]  # fmt: skip
    assert {(each.actor, each.action, each.subject) for each in said} == {
        ("eva", "task.write", "task t")
    }


@databases.on_one
@pytest.mark.parametrize(
    ("wish", "code"),
    [
        (TaskWish("nothing", DAILY), "no-such-kind"),
        (TaskWish("each"), "no-schedule"),
        (TaskWish("each", Schedule(every=Every.WEEKLY)), "bad-schedule"),
        (TaskWish("each", DAILY, {"count": "many"}), "bad-parameters"),
        (TaskWish("each", Schedule(every=Every.ONCE, on=date(2026, 7, 5))), "never-due"),
    ],
)
async def test_what_is_refused(wish: TaskWish, code: str) -> None:
    with pytest.raises(TaskRefused) as refused:
        await Site().desk.new("t", wish, BY)
    assert refused.value.code == code and refused.value.next_step


async def test_the_standard_tasks_are_made_once() -> None:
    site = Site()
    tasks = standard_tasks(kinds(OURS, ()), Associations(), ZONE, site.clock.now())
    assert {each.name: str(each.schedule.at) for each in tasks} == {
        "SIADCustomersInfo": "00:00:00", "SIADSimoceMapping": "01:00:00",
        "UnbalanceHr": "05:40:00", "InfoGenerationHr": "06:10:00",
    }  # fmt: skip
    await site.store.run(lambda tx: make_standard(tx, tasks))
    await site.desk.delete("UnbalanceHr", BY)
    await site.store.run(lambda tx: make_standard(tx, tasks))
    gone = await site.store.run(lambda tx: tx.task("UnbalanceHr"))
    assert gone is not None and gone.deleted_at is not None, "it does not come back"


@databases.on_one
async def test_by_rest() -> None:
    door = await Door().open()

    async def ask(method: str, path: str, *, code: int = 200, **rest: Any) -> Any:
        scopes = (P.TASK_READ,) if method == "GET" else (P.TASK_WRITE,)
        answer = await door.ask(method, f"/api/v1{path}", *scopes, **rest)
        assert answer.status_code == code, answer.text
        return answer.json()

    wanted = {"name": "t", "kind": "UnbalanceHr", "schedule": {"every": "daily", "at": "05:40:00"}}
    made = await ask("POST", "/tasks", code=201, json=wanted)
    assert made["due_at"] == "2026-07-06T09:40:00Z" and made["parameters"]["days"] == 1
    again = await ask("POST", "/tasks", code=409, json=wanted)
    assert again["code"] == "name-taken" and again["next_step"]
    wrong = {"parameters": {"days": 0}}
    assert (await ask("PATCH", "/tasks/t", code=400, json=wrong))["code"] == "bad-parameters"
    assert (await ask("PATCH", "/tasks/t", json={"parameters": {"days": 3}}))["parameters"][
        "days"
    ] == 3
    assert (await ask("POST", "/tasks/t/pause"))["paused"]
    assert (await ask("POST", "/tasks/t/runs", code=409))["code"] == "task-paused"
    assert not (await ask("POST", "/tasks/t/resume"))["paused"]
    assert (await ask("POST", "/tasks/t/deactivate"))["due_at"] is None
    assert (await ask("POST", "/tasks/t/activate"))["due_at"] == made["due_at"]
    run = await ask("POST", "/tasks/t/runs", code=201, json={"due_at": "2026-07-01T09:40:00Z"})
    assert (run["state"], run["due_at"]) == ("waiting", "2026-07-01T09:40:00Z")
    listed = await ask("GET", "/tasks")
    assert [(each["name"], each["last"]) for each in listed["items"]] == [("t", None)]
    assert listed["running"] == 0
    runs = await ask("GET", "/tasks/runs", params={"task": "t"})
    assert [each["number"] for each in runs["items"]] == [run["number"]]
    assert (await ask("GET", f"/tasks/runs/{run['number']}/log"))["items"] == []
    known = await ask("GET", "/tasks/kinds")
    assert [each["name"] for each in known["items"]] == [each.name for each in OURS]
    await ask("DELETE", "/tasks/t")
    assert (await ask("GET", "/tasks/t", code=404))["code"] == "not-found"


@databases.on_one
async def test_feeders_by_rest() -> None:
    door = await Door().open()
    empty = (await door.ask("GET", "/api/v1/feeders", P.READING_READ)).json()
    assert (empty["day"], empty["items"], empty["changes"]) == (None, [], [])
    path = "/api/v1/feeders/mappings/VEN-1"
    wrong = await door.ask("PUT", path, P.TASK_WRITE, json={"simoce": "CTO_1"})
    assert (wrong.status_code, wrong.json()["code"]) == (404, "no-such-feeder")


@databases.on_one
def test_by_command(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ami.db"
    asyncio.run(SqlStore(url, live=False).close())

    def ami(*words: str, code: int = 0) -> Any:
        ran = CliRunner().invoke(app, [*words, "--database", url, "--json"])
        assert ran.exit_code == code, ran.output
        return json.loads(ran.stdout)

    made = ami(
        "task", "new", "again", "--kind", "UnbalanceHr", "--every", "weekly", "--weekday", "sun",
        "--at", "07:00", "--set", "days=7", "--set", 'feeders=["CTO_1"]',
    )  # fmt: skip
    assert made["schedule"]["weekdays"] == ["sun"]
    assert made["parameters"] == {"days": 7, "feeders": ["CTO_1"], "period_s": 600}
    assert ami("task", "off", "again")["due_at"] is None
    assert ami("task", "on", "again")["due_at"] == made["due_at"]
    run = ami("task", "run", "again")
    assert ami("task", "history", "again")[0]["number"] == run["number"]
    assert ami("task", "log", str(run["number"]))["log"] == []
    listed = ami("task", "list")
    assert (listed["running"], [each["name"] for each in listed["tasks"]]) == (0, ["again"])
    assert ami("task", "pause", "again")["paused"] and not ami("task", "resume", "again")["paused"]
    edited = ami("task", "edit", "again", "--every", "daily", "--at", "04:30")
    assert edited["schedule"]["every"] == "daily" and edited["parameters"]["days"] == 7
    assert ami("task", "delete", "again")["deleted_at"] is not None
    assert ami("task", "show", "again", code=2)["error"]["code"] == "no-such-task"
    assert ami("feeder", "list") == [] and ami("feeder", "unbalance")["feeders"] == []
    for words in (("task", "list"), ("task", "history"), ("feeder", "list"), ("task", "kinds")):
        where = () if words[-1] == "kinds" else ("--database", url)
        assert CliRunner().invoke(app, [*words, *where]).exit_code == 0


@databases.on_one
def test_feeders_are_mapped_by_command(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ami.db"

    async def two_that_nobody_matched() -> None:
        store = SqlStore(url, live=False)
        unmatched = [FeederMapping("VEN-1", None), FeederMapping(None, "CTO_1")]
        await store.run(lambda tx: tx.keep_feeder_mappings(unmatched))
        await store.close()

    def ami(*words: str, code: int = 0) -> Any:
        ran = CliRunner().invoke(app, ["feeder", *words, "--database", url, "--json"])
        assert ran.exit_code == code, ran.output
        return json.loads(ran.stdout)

    asyncio.run(two_that_nobody_matched())
    assert ami("map", "VEN-1", "CTO_9", code=2)["error"]["code"] == "no-such-feeder"
    by_hand = ami("map", "VEN-1", "CTO_1")
    assert (by_hand["simoce"], by_hand["how"]) == ("CTO_1", "hand")
    assert [(it["siad"], it["simoce"]) for it in ami("list")] == [("VEN-1", "CTO_1")]
    assert ami("unmap", "VEN-1")["simoce"] is None
    assert ami("unmap", "VEN-1", code=2)["error"]["code"] == "not-mapped"
