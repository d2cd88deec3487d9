"""The QA console as an engineer uses it: a story is played for once, the rest is laid there."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import httpx2
import msgspec
import pytest
from playwright.async_api import expect

from headend.clock import WallClock
from headend.config.qa import Qa
from headend.domain.account import Role
from headend.qa.desk import QaDesk
from headend.qa.program import Program
from headend.qa.run import Kind, State, Wish
from tests.qa import test_desk
from tests.web.browser import browsing, looked_at
from tests.web.ground import Ground, opened

STORY = "a-modem-fault-is-explained-afterwards"
TOLD = "A modem fault is explained afterwards"
LIVE_MS = 120_000
DONE = {"outcome": "done", "attempts": 1, "took_s": 4.5}
AWAY = {"outcome": "concentrator-unreachable", "attempts": 3, "took_s": 103.9}
PLAYED = {
    "scenario": STORY, "seed": 1, "log_sha256": "0" * 64, "simulated_s": 3600.0, "wall_s": 2.5,
    "orders": {"total": 1, "done": 0, "failed": {"concentrator-unreachable": 1}, "open": 0},
    "expect": [
        {"name": "done", "ok": False, "value": 0, "expected": 1, "always": False},
        {"name": "every order ended", "ok": True, "value": [], "expected": None, "always": True},
    ],
}  # fmt: skip
SWEPT = {
    "scenario": STORY, "runs": 20, "orders": 40, "wall_s": 31.5,
    "outcomes": {"done": 37, "concentrator-unreachable": 2, "open": 1},
    "failures": [
        {
            "seed": 17, "repeat": f"ami sim run {STORY} --seed 17", "error": None,
            "expect": [{"name": "every order ended", "ok": False, "value": ["order 2"],
                        "expected": None, "always": True}],
        }
    ],
}  # fmt: skip
REPLAYED = {
    "settings": {"retries": 5}, "agreeing": 1, "cast": {}, "notes": ["only what orders show"],
    "sentence": "1 of 1 orders end under the recorded policy as they did.",
    "orders": [{"number": 1, "meter": "90000001", "kind": "set-limit", "happened": AWAY,
                "again": AWAY, "changed": DONE}],
    "inferred": [{"kind": "modem", "target": "C-001", "at": "2026-07-06T14:00:09Z",
                  "until": None, "why": "its log", "code": None, "share": None}],
}  # fmt: skip


def desk(folder: Path, program: Program) -> QaDesk:
    return QaDesk(Qa(folder=folder), WallClock(), program)


def laid(desk: QaDesk, wish: Wish, state: State, **files: object) -> int:
    """A run that has ended, with what it left."""
    now = desk.clock.now()
    run = desk.shelf.add(wish, "eva", now)
    folder = desk.shelf.folder_of(run.number)
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / {"log": "log.jsonl", "result": "result.json"}[name]).write_text(text)
    desk.shelf.save(msgspec.structs.replace(run, state=state, began_at=now, ended_at=now))
    return run.number


def line(at: int, **fields: object) -> str:
    return json.dumps({"at": at * 1_000_000, **fields}) + "\n"


@pytest.mark.requires("chromium")
async def test_a_story_is_found_played_and_explained(tmp_path: Path) -> None:
    console = desk(tmp_path / "runs", Program((sys.executable, "-m", "tools")))
    ground = Ground(qa=console)
    async with opened(ground), browsing(ground, Role.QA) as it:
        page = it.page
        await it.go("/")
        await page.get_by_role("link", name="Escenarios").first.click()
        await page.get_by_label("Buscar").fill("modem explained")
        await page.keyboard.press("Enter")
        await expect(page.locator(".cards li")).to_have_count(1)
        await page.get_by_role("link", name=TOLD).click()
        await expect(page.locator("h1")).to_have_text(TOLD)
        await page.locator("#seed").fill("7")
        await page.get_by_role("button", name="Correr").press("Enter")
        await expect(page.locator("h1")).to_have_text("Corrida 1")
        # It is followed to its end, without being loaded again.
        await expect(page.locator("#state")).to_contain_text("como se esperaba", timeout=LIVE_MS)
        assert console.shelf.get(1).state is State.PASSED  # type: ignore[union-attr]
        await expect(page.locator("#results")).to_contain_text("ModemFails")
        await expect(page.locator("#results")).to_contain_text("concentrator-unreachable")
        await expect(page.locator("code").filter(has_text="--seed 7")).to_be_visible()
        assert "scenario.play done qa" in ground.story()


LOOKED_AT = {
    "qa": ("/qa/scenarios", "Escenarios", "Scenarios", "faults: 1"),
    "qa-scenario": ("/qa/scenarios/right", "Right", "Right", "ami sim run right --seed 1"),
    "qa-runs": ("/qa/runs", "Corridas", "Runs", "cancelled"),
    "qa-run": ("/qa/runs/1", "Corrida 1", "Run 1", "ModemFails"),
    "qa-sweep": ("/qa/runs/3", "Corrida 3", "Run 3", "--seed 17"),
    "qa-replay": ("/qa/runs/4", "Corrida 4", "Run 4", "3 attempts"),
    "qa-diff": ("/qa/diff?left=1&right=2", "Comparación", "Comparison", "at line 3"),
    "qa-why": ("/qa/runs/1/orders/1", "Por qué: orden 1", "Why: order 1", "seed"),
}


@pytest.mark.requires("chromium")
@pytest.mark.parametrize("shot", LOOKED_AT)
async def test_a_page_of_the_console_looks_right(tmp_path: Path, shot: str) -> None:
    path, es, en, told = LOOKED_AT[shot]
    console = desk(tmp_path / "runs", test_desk.STAND_IN)
    console.shelf.open(console.clock.now())
    begin = line(1, kind="session") + line(2, kind="fault", fault="ModemFails", target="C-001")
    wish = Wish(kind=Kind.RUN, scenario=STORY, seed=1)
    for why in ("away", "late"):
        ended = line(9, kind="journal", order=1, state="failed", cause=why, on=3_000_000)
        number = laid(console, wish, State.FAILED, log=begin + ended, result=PLAYED)
        (console.shelf.folder_of(number) / "kept").mkdir()
        (console.shelf.folder_of(number) / "kept" / "ami.db").touch()
    sweep = Wish(kind=Kind.SWEEP, scenario=STORY, seeds="1-20")
    laid(console, sweep, State.FAILED, result=SWEPT)
    replay = Wish(kind=Kind.REPLAY, scenario=STORY, of=1, settings=("retries=5",))
    laid(console, replay, State.PASSED, result=REPLAYED)
    laid(console, sweep, State.CANCELLED)
    ground = Ground(qa=console)
    async with opened(ground), browsing(ground, Role.QA) as it:
        await looked_at(it, path, es=es, en=en, shot=shot)
        await expect(it.page.locator("main")).to_contain_text(told)


@pytest.mark.requires("chromium")
async def test_a_run_is_cancelled_and_deleted_by_the_keyboard(tmp_path: Path) -> None:
    ground = Ground(qa=desk(tmp_path / "runs", test_desk.STAND_IN))
    async with opened(ground), browsing(ground, Role.QA) as it:
        page = it.page
        page.on("dialog", lambda asks: asks.accept())
        await it.prefer("en", "light")
        await it.go("/qa/scenarios/slow")
        await page.get_by_role("button", name="Sweep").press("Enter")
        await expect(page.locator("#progress")).to_contain_text("50", timeout=LIVE_MS)
        await page.get_by_role("button", name="Cancel").press("Enter")
        await expect(page.locator("#state")).to_contain_text("cancelled")
        await page.get_by_role("button", name="Delete").press("Enter")
        await expect(page.locator("main")).to_contain_text("Nothing has been played yet")
        assert ground.story().count("scenario.play done qa") == 3


async def test_a_report_can_do_nothing_with_a_session(tmp_path: Path) -> None:
    ground = Ground(qa=desk(tmp_path / "runs", test_desk.STAND_IN))
    console = ground.qa
    assert console is not None
    async with opened(ground), httpx2.AsyncClient(base_url=ground.url, trust_env=False) as http:
        number = laid(console, Wish(kind=Kind.RUN, scenario="right"), State.PASSED)
        (console.shelf.folder_of(number) / "report.html").write_text("<script>1</script>")
        path = f"/qa/runs/{number}/left/report"
        for role, status in ((Role.OPERATOR, 403), (Role.QA, 200)):
            http.cookies.set("ami_session", await ground.someone(role))
            found = await http.get(path)
            assert found.status_code == status
        assert found.headers["content-security-policy"].startswith("sandbox allow-scripts;")
        assert (await http.get(f"/qa/runs/{number}/left/run.json")).status_code == 404
        assert (await http.get("/qa/runs/99")).status_code == 404


async def test_no_console_where_none_is_configured() -> None:
    async with opened() as ground, httpx2.AsyncClient(base_url=ground.url, trust_env=False) as http:
        http.cookies.set("ami_session", await ground.someone(Role.QA))
        assert "/qa/" not in (await http.get("/")).text
        told = await http.get("/qa/scenarios")
        assert told.status_code == 404 and "qa-off" in told.text
