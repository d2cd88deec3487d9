"""Reports: right numbers, the same octets each time, and on time by themselves."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import msgspec
import pytest
from typer.testing import CliRunner

from devices.clock import run_simulated
from headend.app.warehouse_duty import WarehouseDuty
from headend.clock import LoopClock
from headend.config import Config, parse
from headend.config_warehouse import Party, ReportSchedule, WarehousePolicy
from headend.warehouse import kept, reports
from headend.warehouse.forms import forms, told
from headend.warehouse.reports import Content, NoReport, Period, definitions, period_before
from headend.warehouse.scope import Scope, scope_of
from tests import databases
from tests.store.test_ledger import collect
from tests.warehouse.utility import FIRST, NOW, Utility
from tools.cli import app

pytestmark = databases.sqlite_only

WEEK = Period(FIRST, date(2026, 7, 12))
Z1 = Scope("z1", frozenset({"completeness", "orders"}), frozenset({"Z1"}), frozenset(), frozenset())


def ask(utility: Utility, name: str, scope: Scope | None = None, period: Period = WEEK) -> Content:
    return reports.ask(
        utility.place, utility.manifest, name, period, language="en", scope=scope,
        zone="America/Santiago",
    )  # fmt: skip


def figures(content: Content) -> dict[str, Any]:
    return {figure.label.en: value for figure, value in content.figures}


def section(content: Content, key: str) -> tuple[tuple[Any, ...], ...]:
    return next(rows for each, rows in content.sections if each.key == key)


def test_numbers_are_those_that_one_counts_by_hand(utility: Utility) -> None:
    utility.load()
    whole = ask(utility, "completeness", period=Period(FIRST, FIRST))
    assert figures(whole)["Received"] == (96 + 48 + 96) / (4 * 96)
    assert section(whole, "by-zone") == (
        ("Z 2", 1, 96, 96, 1.0, 1.0), ("Z1", 2, 192, 144, 0.75, 0.75), (None, 1, 96, 0, 0.0, 0.0),
    )  # fmt: skip
    orders = ask(utility, "orders")
    # Disconnect in 10 min, connect in 45, connect failed, limit in 20; the read is no such order.
    assert list(figures(orders).values()) == [0.5, 0.75, 0.75]
    kinds = {row[0]: row[1:] for row in section(orders, "by-kind")}
    assert kinds["connect"] == (2, 1, 1, 0, 0, 45.0, 45.0)
    assert kinds["read"][:5] == (1, 0, 0, 0, 1)
    lost = ask(utility, "interruptions")
    assert list(figures(lost).values()) == [2, 1, 3 * 2.0]
    down = ask(utility, "communications")
    assert section(down, "concentrators") == (("C1", "Z1", 1, 120.0, 120.0, 0),)
    assert figures(ask(utility, "meters"))["Meters"] == 4


def test_the_regulators_has_what_all_others_have(utility: Utility) -> None:
    utility.load()
    whole = ask(utility, "regulator")
    names = [name for name in definitions() if name != "regulator"]
    parts = {name: ask(utility, name) for name in names}
    assert len(whole.figures) == sum(len(each.figures) for each in parts.values())
    for name, each in parts.items():
        for one, rows in each.sections:
            assert section(whole, f"{name}-{one.key}") == rows


@pytest.mark.parametrize("name", definitions())
def test_the_same_data_gives_the_same_octets(utility: Utility, name: str) -> None:
    """Although made another time, after a load that changed days outside of the period."""
    utility.load()
    before = ask(utility, name)
    first = forms(before)
    utility.run(lambda tx: collect(tx, "M1", date(2026, 7, 20), range(1, 5)))
    utility.load(now=NOW + timedelta(days=13))
    again = ask(utility, name)
    assert again.state > before.state or again.data == before.data
    if again.data == before.data:
        assert forms(again) == first
    assert first["report.pdf"].startswith(b"%PDF-")
    with ZipFile(io.BytesIO(first["report.xlsx"])) as book:
        assert book.testzip() is None
    for each, rows in before.sections:
        lines = list(csv.reader(io.StringIO(first[f"{each.key}.csv"].decode())))
        assert lines[0] == [column.name for column in each.columns]
        assert len(lines) == 1 + len(rows)


def test_a_report_is_kept_once_and_changes_with_its_data(utility: Utility) -> None:
    utility.load()

    def make() -> kept.Made:
        return reports.make(
            utility.place, utility.manifest, "completeness", WEEK, language="es", scope=None,
            zone="America/Santiago", now=NOW,
        )  # fmt: skip

    first = make()
    assert make() == first and kept.every(utility.place) == [first]
    page = utility.place.read(kept.path_of(first.id, "report.html"))
    assert page is not None and "Completitud de la medición" in page.decode()
    assert "62,50 %" in page.decode()
    utility.run(lambda tx: collect(tx, "M4", FIRST, range(1, 97)))
    utility.load(now=NOW + timedelta(minutes=1))
    second = make()
    assert second.id != first.id and len(kept.every(utility.place)) == 2


def test_a_party_has_its_rows_alone(utility: Utility) -> None:
    utility.load()
    seen = ask(utility, "completeness", Z1)
    assert [row[0] for row in section(seen, "by-zone")] == ["Z1"]
    assert sum(row[1] for row in section(ask(utility, "orders", Z1), "by-kind")) == 4
    for name in ("meters", "regulator"):
        with pytest.raises(NoReport, match="z1 may not see"):
            ask(utility, name, Z1)
    assert reports.identity("orders", seen, Z1) != reports.identity("orders", seen, None)
    other = replace(Z1, zones=frozenset({"Z 2"}))
    assert reports.identity("orders", seen, Z1) != reports.identity("orders", seen, other)


PERIODS = {
    # every, today: first, last
    ("day", date(2026, 3, 1)): (date(2026, 2, 28), date(2026, 2, 28)),
    ("week", date(2026, 7, 6)): (date(2026, 6, 29), date(2026, 7, 5)),
    ("week", date(2026, 7, 12)): (date(2026, 6, 29), date(2026, 7, 5)),
    ("month", date(2026, 1, 31)): (date(2025, 12, 1), date(2025, 12, 31)),
    ("month", date(2028, 3, 1)): (date(2028, 2, 1), date(2028, 2, 29)),
}


@pytest.mark.parametrize("every, today", PERIODS)
def test_periods_that_are_over(every: str, today: date) -> None:
    assert period_before(every, today) == Period(*PERIODS[every, today])


def test_what_is_not_whole_is_never_told_as_whole(utility: Utility) -> None:
    utility.load()
    content = ask(utility, "completeness")
    assert told(content, "share", 0.999999) == "99.99 %"
    assert told(content, "share", 1.0) == "100.00 %"
    assert told(replace(content, language="es"), "number", 12345.678) == "12.345,7"


def test_definitions_are_in_both_languages_and_ask_only_what_they_name(utility: Utility) -> None:
    utility.load()
    for name, definition in definitions().items():
        for each in (definition.title, definition.about):
            assert each.es and each.en and each.es != each.en
        content = ask(utility, name)
        assert all(
            len(row) == len(one.columns) for one, rows in content.sections for row in rows
        ), name


def test_the_duty_loads_and_makes_reports_by_itself(utility: Utility) -> None:
    config = Config(
        warehouse=WarehousePolicy(
            place=str(utility.folder), party=(Party(name="z1", tables=("completeness",)),)
        ),
        reports=(
            ReportSchedule(report="regulator", every="week"),
            ReportSchedule(report="completeness", every="day", language="en", party="z1"),
        ),
    )

    async def three_days() -> None:
        duty = WarehouseDuty(utility.store, LoopClock(NOW), config, live=False)
        task = asyncio.create_task(duty.run())
        await asyncio.sleep(3 * 86_400)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert duty.errors == []

    run_simulated(three_days(), start=NOW)
    made = kept.every(utility.place)
    days = sorted(each.last for each in made if each.report == "completeness")
    assert days == [date(2026, 7, day) for day in (7, 8, 9, 10)]
    assert {each.party for each in made if each.report == "completeness"} == {"z1"}
    assert [each.first for each in made if each.report == "regulator"] == [date(2026, 6, 29)]


def test_a_load_that_fails_is_tried_again(
    utility: Utility, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = WarehousePolicy(place=str(utility.folder), retry_s=60)
    tried = []

    def fails(duty: WarehouseDuty) -> None:
        tried.append(duty.clock.now())
        raise OSError("no room")

    monkeypatch.setattr(WarehouseDuty, "work", fails)

    async def a_while() -> list[Exception]:
        duty = WarehouseDuty(utility.store, LoopClock(NOW), Config(warehouse=policy), live=False)
        task = asyncio.create_task(duty.run())
        await asyncio.sleep(150)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return duty.errors

    found: list[list[Exception]] = []

    async def kept_found() -> None:
        found.append(await a_while())

    run_simulated(kept_found(), start=NOW)
    assert len(tried) == 3 and len(found[0]) == 3


def test_configuration_reads_as_the_page_has_it(tmp_path: Path) -> None:
    config = parse(
        """
        [warehouse]
        place = "/srv/ami-store"
        [[warehouse.party]]
        name = "operator"
        account = "operator"
        tables = ["completeness"]
        [[reports]]
        report = "regulator"
        every = "month"
        party = "operator"
        """
    )
    assert config.reports[0].party == config.warehouse.party[0].name == "operator"
    assert scope_of(config.warehouse, config.warehouse.party[0]).tables == {"completeness"}
    with pytest.raises(ValueError, match="two parties have one account"):
        msgspec.structs.replace(
            config.warehouse,
            party=(Party(name="a", account="x"), Party(name="b", account="x")),
        )


def test_reports_as_people_ask_for_them(utility: Utility, tmp_path: Path) -> None:
    utility.load()

    def ami(*said: str) -> Any:
        named = ["report", *said, "--place", str(utility.folder), "--json"]
        ran = CliRunner().invoke(app, named)
        assert ran.exit_code == 0, (ran.output, ran.stderr)
        return json.loads(ran.stdout)

    period = ["--first", "2026-07-06", "--last", "2026-07-12"]
    made = ami("make", "orders", *period, "--to", str(tmp_path / "out"))
    assert sorted(each.name for each in (tmp_path / "out").iterdir()) == sorted(made["files"])
    assert ami("list") == [made] and ami("show", made["id"]) == made
    for said in (["list"], ["show", made["id"]], ["make", "orders", *period]):
        ran = CliRunner().invoke(app, ["report", *said, "--place", str(utility.folder)])
        assert ran.exit_code == 0 and ran.stdout.strip()
