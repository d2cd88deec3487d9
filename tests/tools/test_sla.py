"""`ami sla`, as people run it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from headend.app.service_levels import Measuring
from headend.service_levels.definition import read
from headend.store.store import SqlStore
from tests.store.test_ledger import ZONE
from tests.tools.half_collected import BEGIN, half_collected
from tools.cli import app

GOALS = """
[[goal]]
name = "half-an-hour"
measures = "intervals"
levels = [{ share = 0.5, within = "30min" }, { share = 0.98, within = "24h" }]
"""


def ami(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["sla", *arguments])


def told(*arguments: str) -> Any:
    ran = ami(*arguments, "--json")
    assert ran.exit_code == 0, (ran.output, ran.stderr)
    return json.loads(ran.stdout)


@pytest.fixture
def url(tmp_path: Path) -> str:
    """See `half_collected`."""
    return half_collected(tmp_path)


@pytest.fixture
def goals(tmp_path: Path) -> str:
    file = tmp_path / "goals.toml"
    file.write_text(GOALS)
    return str(file)


def test_a_report_says_what_is_met_and_where_it_is_worst(url: str, goals: str) -> None:
    asked = ("report", "--day", "2026-07-06", "--definition", goals, "--database", url)
    found = told(*asked)
    names = ("within_s", "wanted", "result", "judged", "met", "open")
    assert [tuple(each[name] for name in names) for each in found["levels"]] == [
        (1800, 0.5, "met", 288, 144, 0), (86_400, 0.98, "missed", 288, 144, 0),
    ]  # fmt: skip
    assert [(each["name"], each["measured"]) for each in found["levels"][0]["groups"]] == [
        ("C2", 0.0), ("C1", 0.75),
    ]  # fmt: skip
    ran = ami(*asked)
    assert ran.exit_code == 0
    assert ran.stdout.startswith("2026-07-06, America/Santiago\n")
    week = ami(*asked, "--days", "7")
    assert week.stdout.startswith("2026-06-30 to 2026-07-06, America/Santiago\n")
    lines = [line.split() for line in ran.stdout.splitlines() if "half-an-hour" in line]
    assert [" ".join(line) for line in lines] == [
        "half-an-hour 50 % within 30 min 50 % met 288 0 C2 0 %",
        "half-an-hour 98 % within 24 h 50 % missed 288 0 C2 0 %, C1 75 %",
    ]


def test_only_strict_ends_badly(url: str, goals: str) -> None:
    asked = ("report", "--day", "2026-07-06", "--definition", goals, "--database", url)
    assert ami(*asked, "--strict").exit_code == 1
    assert ami(*asked, "--strict", "--json").exit_code == 1
    # Of a day on which no meter was ours yet nothing is missed.
    assert ami("check", goals).exit_code == 0


def test_ours_are_reported_with_a_page_and_bars(url: str, tmp_path: Path) -> None:
    page = tmp_path / "sla.html"
    ran = ami(
        "report", "--day", "2026-07-07", "--days", "2", "--by", "zone", "--plot",
        "--html", str(page), "--database", url,
    )  # fmt: skip
    assert ran.exit_code == 0, ran.stderr
    assert "99.9 % within 10 d" in ran.stdout
    text = page.read_text()
    assert "2026-07-06 to 2026-07-07, by zone" in text
    assert "http" not in text  # it needs nothing beside it


def test_the_words_of_a_definition_are_shown(url: str) -> None:
    found = told("check")
    assert found["silent_s"] == 60 * 86_400
    assert found["goals"][0]["levels"] == [
        {"share": 0.98, "within_s": 86_400}, {"share": 0.999, "within_s": 864_000},
    ]  # fmt: skip


@dataclass(slots=True)
class Then:
    """A clock that stands."""

    at: datetime

    def now(self) -> datetime:
        return self.at


def test_a_head_end_measures_what_a_report_would(url: str) -> None:
    """What the duty has written is what a report counts by itself; the second look finds nothing
    to do but the days that are still under way."""
    later = datetime.fromtimestamp(BEGIN, UTC) + timedelta(days=20)
    fresh = told("report", "--day", "2026-07-06", "--database", url)

    async def measure() -> tuple[int, int]:
        store = SqlStore(url, live=True)
        try:
            duty = Measuring(store, Then(later), read(), ZONE, 60.0)
            return await duty.measure(), await duty.measure()
        finally:
            await store.close()

    first, again = asyncio.run(measure())
    assert first == 32  # 31 days, and today
    assert again < first
    assert told("report", "--day", "2026-07-06", "--database", url) == fresh
