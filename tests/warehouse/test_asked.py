"""Reports on request: by the utility, by a party within its scope, and what is left behind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from devices.clock import run_simulated
from headend.app.warehouse_duty import WarehouseDuty
from headend.clock import LoopClock
from headend.config import Config
from headend.config.warehouse import Party, WarehousePolicy
from headend.domain.account import Permission, Role
from headend.store import access_queries
from headend.warehouse import kept, reports, requests
from headend.warehouse.content import Period
from tests import databases
from tests.access.making import close_houses as close_houses
from tests.conftest import SIMULATED_START
from tests.rest.house import Door
from tests.warehouse.utility import FIRST, NOW, SECOND, Utility

pytestmark = databases.on_one

P = Permission
V1 = "/api/v1"
PARTIES = (
    Party(name="operator", account="op", tables=("completeness",), zones=("Z1",)),
    Party(name="other", account="other", tables=("completeness",), zones=("Z 2",)),
)
DAY = {"first_day": str(FIRST), "last_day": str(FIRST), "language": "en"}
WISH = {"report": "completeness", **DAY}


class Desk:
    """A door on a data store, and who asks at it."""

    def __init__(self, door: Door, tokens: dict[str, str]) -> None:
        self.door, self.tokens = door, tokens

    async def ask(self, who: str, method: str, path: str, **about: Any) -> Any:
        if who == "staff":
            return await self.door.ask(method, V1 + path, P.REPORT_READ, **about)
        return await self.door.ask(method, V1 + path, token=self.tokens[who], **about)

    async def made(self, who: str, path: str, **wish: Any) -> Any:
        """What was asked for, once it is made."""
        asked = await self.ask(who, "POST", path, json=wish)
        assert asked.status_code == 202, asked.text
        where = asked.headers["location"].removeprefix(V1)
        assert where == f"{path}/{asked.json()['id']}"
        under_way = await self.ask(who, "GET", where)
        assert (under_way.status_code, under_way.json()) == (202, asked.json())
        await self.door.parts.making.done()
        found = await self.ask(who, "GET", where)
        assert found.status_code == 200, found.text
        return found.json()


def config(utility: Utility, place: str | None = None) -> Config:
    return Config(warehouse=WarehousePolicy(place=place or str(utility.folder), party=PARTIES))


def told(settings: Config, story: Callable[[Desk], Awaitable[None]]) -> None:
    async def all_of_it() -> None:
        door = await Door(config=settings).open()
        tokens = {}
        for account in ("op", "other"):
            await door.account(account, Role.PARTY, password=None)
            tokens[account] = await door.token(account)
        await story(Desk(door, tokens))

    run_simulated(all_of_it(), start=SIMULATED_START)


def test_the_utility_asks_and_gets_what_the_command_would_make(utility: Utility) -> None:
    utility.load()

    async def story(desk: Desk) -> None:
        made = await desk.made("staff", "/reports", **WISH)
        same = reports.make(
            utility.place, utility.manifest, "completeness", Period(FIRST, FIRST),
            language="en", scope=None, zone=desk.door.config.orders.zone, now=NOW,
        )  # fmt: skip
        assert (made["id"], made["files"], made["party"]) == (same.id, same.files, None)
        again = await desk.ask("staff", "POST", "/reports", json=WISH)
        assert (again.status_code, again.json()) == (200, made), "it is there already"
        assert again.headers["location"] == f"{V1}/reports/{made['id']}"
        page = await desk.ask("staff", "GET", f"/reports/{made['id']}/file")
        assert page.content.startswith(b"%PDF")
        assert requests.every(utility.place) == []
        entries = desk.door.store.read(lambda connection: access_queries.audit(connection))
        lines = [e for e in entries if e.subject == f"report {made['id']}"]
        assert [(e.actor, e.detail) for e in lines] == [
            ("all", f"completeness of {FIRST} to {FIRST}")
        ] * 2

    told(config(utility), story)


def test_a_party_asks_within_its_scope_and_for_itself_alone(utility: Utility) -> None:
    utility.load()

    async def story(desk: Desk) -> None:
        own = await desk.made("op", "/party/reports", **WISH)
        assert own["party"] == "operator"
        path = f"/party/reports/{own['id']}"
        rows = await desk.ask("op", "GET", f"{path}/file", params={"name": "by-zone.csv"})
        assert b"Z1" in rows.content and b"Z 2" not in rows.content
        assert (await desk.ask("other", "GET", path)).status_code == 404
        others = await desk.made("other", "/party/reports", **WISH)
        assert others["id"] != own["id"]
        for_it = await desk.ask("staff", "POST", "/reports", json={**WISH, "party": "operator"})
        assert (for_it.status_code, for_it.json()["id"]) == (200, own["id"])
        hidden = await desk.ask("op", "POST", "/party/reports", json={**WISH, "report": "meters"})
        assert (hidden.status_code, hidden.json()["code"]) == (403, "outside-the-scope")
        named = await desk.ask("op", "POST", "/party/reports", json={**WISH, "party": "other"})
        assert named.status_code == 400, "it names nobody else"

    told(config(utility), story)


def test_while_it_is_made_others_do_not_see_it(utility: Utility) -> None:
    utility.load()

    async def story(desk: Desk) -> None:
        asked = await desk.ask("op", "POST", "/party/reports", json=WISH)
        id = asked.json()["id"]
        assert (await desk.ask("other", "GET", f"/party/reports/{id}")).status_code == 404
        assert (await desk.ask("staff", "GET", f"/reports/{id}")).status_code == 202
        await desk.door.parts.making.done()

    told(config(utility), story)


WRONG: dict[str, tuple[dict[str, Any], int, str]] = {
    "no such report": ({"report": "gossip"}, 404, "not-found"),
    "no such party": ({"party": "nobody"}, 404, "not-found"),
    "half a period": ({"last_day": None}, 400, "wrong-question"),
    "no period": ({"first_day": None, "last_day": None}, 400, "wrong-question"),
    "two periods": ({"every": "day"}, 400, "wrong-question"),
    "backwards": ({"first_day": str(SECOND)}, 400, "wrong-question"),
    "ages": ({"first_day": "2001-01-01"}, 400, "wrong-question"),
    "a language that there is not": ({"language": "la"}, 400, "wrong-question"),
}


def test_what_cannot_be_made_is_not_written_down(utility: Utility) -> None:
    utility.load()

    async def story(desk: Desk) -> None:
        for name, (change, status, code) in WRONG.items():
            refused = await desk.ask("staff", "POST", "/reports", json={**WISH, **change})
            assert (refused.status_code, refused.json()["code"]) == (status, code), name
        assert requests.every(utility.place) == [] and kept.every(utility.place) == []

    told(config(utility), story)


def test_so_many_wait_and_no_more(utility: Utility, monkeypatch: pytest.MonkeyPatch) -> None:
    utility.load()
    monkeypatch.setattr(requests, "WAITING_MAX", 1)

    async def story(desk: Desk) -> None:
        await desk.ask("staff", "POST", "/reports", json=WISH)
        full = await desk.ask("staff", "POST", "/reports", json={**WISH, "language": "es"})
        assert (full.status_code, full.headers["retry-after"]) == (503, "60")
        again = await desk.ask("staff", "POST", "/reports", json=WISH)
        assert again.status_code == 202, "it waits already"
        await desk.door.parts.making.done()

    told(config(utility), story)


def test_one_that_breaks_says_so_and_is_tried_again_when_asked_again(
    utility: Utility, monkeypatch: pytest.MonkeyPatch
) -> None:
    utility.load()

    def broken(*_: object, **__: object) -> None:
        raise OSError("no space")

    async def story(desk: Desk) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(reports, "ask", broken)
            id = (await desk.ask("staff", "POST", "/reports", json=WISH)).json()["id"]
            await desk.door.parts.making.done()
        shown = await desk.ask("staff", "GET", f"/reports/{id}")
        assert shown.status_code == 202 and "could not be made" in shown.json()["failed"]
        assert "no space" not in shown.text
        (error,) = desk.door.parts.making.errors
        assert "no space" in str(error)
        assert (await desk.made("staff", "/reports", **WISH))["id"] == id

    told(config(utility), story)


def test_what_a_worker_left_behind_the_next_load_makes(utility: Utility) -> None:
    manifest = (utility.load(), utility.manifest)[1]
    period = Period(FIRST, FIRST)
    settings = config(utility)
    zone = settings.orders.zone
    left = [
        requests.ask(
            utility.place, manifest, "completeness", period, language="en", scope=None, zone=zone,
            now=NOW,
        )
    ]  # fmt: skip
    gone = requests.Request("a" * 16, "gossip", FIRST, FIRST, "en", None, NOW)
    lost = requests.Request("b" * 16, "completeness", FIRST, FIRST, "en", "nobody", NOW)
    for each in (gone, lost):
        utility.place.write(f"requests/{each.id}.json", msgspec.json.encode(each))

    async def work() -> None:
        WarehouseDuty(utility.store, LoopClock(NOW), settings, live=False).work()

    run_simulated(work(), start=NOW)
    assert [each.id for each in kept.every(utility.place)] == [left[0].id]
    failed = {each.id: each.failed for each in requests.every(utility.place)}
    assert failed.keys() == {gone.id, lost.id} and all(failed.values())
    run_simulated(work(), start=NOW)
    assert requests.every(utility.place) == []


def test_without_a_data_store_there_is_none(utility: Utility, tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        nothing = await desk.ask("staff", "POST", "/reports", json=WISH)
        assert (nothing.status_code, nothing.json()["code"]) == (404, "not-found")

    told(config(utility, str(tmp_path / "empty")), story)
