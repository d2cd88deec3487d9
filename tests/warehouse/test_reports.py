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
from headend.config.warehouse import Party, ReportSchedule, WarehousePolicy
from headend.domain.order import Kind, State
from headend.domain.service_level import Count
from headend.service_levels.definition import read
from headend.store.service_level_items import OfDay, counted
from headend.warehouse import kept, reports
from headend.warehouse.content import (
    Column,
    Content,
    Definition,
    Period,
    Section,
    Words,
    definitions,
)
from headend.warehouse.forms import forms, told
from headend.warehouse.reports import NoReport, period_before
from headend.warehouse.scope import Scope, scope_of
from tests import databases
from tests.store.making import order
from tests.store.test_ledger import ZONE, collect
from tests.warehouse.utility import FIRST, NOW, Utility, at
from tools.cli import app

pytestmark = databases.on_one

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


AGREED = {
    # hours of the first day at which both are asked: the shares in time, None where all is open
    "nothing had its time": (10.1, [None, None, None]),
    "one had half an hour": (10.6, [1.0, None, None]),
    "an end that is due is open": (13.6, [0.5, 2 / 3, None]),
    "it had half an hour": (15.6, [0.4, 0.75, None]),
    "an hour": (16.1, [0.4, 0.6, 1.0]),
    "all had their time": (72.0, [0.4, 0.6, 0.6]),
}


@pytest.mark.parametrize("hours, shares", AGREED.values(), ids=AGREED)
def test_the_report_judges_as_service_levels_do(
    utility: Utility, hours: float, shares: list[float | None]
) -> None:
    """Besides the orders of the utility the promised end of a limit, due an hour later."""
    accepted, ready = at(FIRST, 14), at(FIRST, 15)
    promised = replace(
        order(6, transaction_id="t6"), kind=Kind.REMOVE_LIMIT, meter="M2", amount=None, unit=None,
        accepted_at=accepted, ready_at=ready, not_before=ready, restores=4,
    )  # fmt: skip
    utility.run(lambda tx: tx.add_order(promised, [(promised.state, "waits for its time")]))
    now = at(FIRST, hours)
    utility.load(now=now)
    (goal,) = (each for each in read().goals if each.name == "orders")
    asked = OfDay(FIRST, ZONE, now)
    levels = utility.store.read(lambda connection: counted(connection, goal, asked))
    totals = [sum(level.values(), Count()) for level in levels]
    told = [total.met / total.judged if total.judged else None for total in totals]
    assert told == shares
    assert list(figures(ask(utility, "orders")).values()) == pytest.approx(told)


def test_more_judged_is_another_report(utility: Utility) -> None:
    """The same files, when more had its time: no stale copy is handed out.  A period that is over
    has one report, whatever is loaded later."""
    utility.load(now=at(FIRST, 13.6))
    day = Period(FIRST, FIRST)

    def told(hours: float, name: str) -> str:
        manifest = msgspec.structs.replace(utility.manifest, made_at=at(FIRST, hours))
        zone = "America/Santiago"
        return reports.identity(name, manifest, day, language="en", scope=None, zone=zone)

    assert told(13.6, "orders") != told(14, "orders")
    assert told(30, "orders") == told(100, "orders") != told(29.9, "orders")
    assert told(13.6, "completeness") == told(14, "completeness")


def test_what_begins_long_after_its_day_is_judged_once_it_ended(utility: Utility) -> None:
    """Accepted on the first day, to begin two days later: open, and at its end late."""
    utility.load()
    before = figures(ask(utility, "orders", period=Period(FIRST, FIRST)))
    ready = at(FIRST, 60)
    late = replace(
        order(6, transaction_id="t6", state=State.DONE), kind=Kind.CONNECT, meter="M2",
        amount=None, unit=None, accepted_at=at(FIRST, 15), ready_at=ready, not_before=ready,
        ended_at=ready + timedelta(minutes=50),
    )  # fmt: skip
    utility.run(lambda tx: tx.add_order(late, [(late.state, "settled")]))
    utility.load()
    after = figures(ask(utility, "orders", period=Period(FIRST, FIRST)))
    assert list(before.values()) == [2 / 4, 3 / 4, 3 / 4]
    assert list(after.values()) == [2 / 5, 4 / 5, 4 / 5]


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
    other = replace(Z1, zones=frozenset({"Z 2"}))
    period = Period(FIRST, FIRST)
    ids = {
        reports.identity("orders", utility.manifest, period, language="en", scope=scope, zone="UTC")
        for scope in (Z1, None, other)
    }
    assert len(ids) == 3


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
    out = ["--to", str(tmp_path / "out")]
    made = ami("make", "orders", *period, *out)
    stem = "orders-2026-07-06-to-2026-07-12"
    names = {
        f"{stem}{name[6:]}" if name.startswith("report.") else f"{stem}-{name}"
        for name in made["files"]
    }
    assert {each.name for each in (tmp_path / "out").iterdir()} == names
    assert f"{stem}.html" in names
    assert ami("make", "orders", *period, *out) == made, "the same again is the same"
    assert ami("list") == [made] and ami("show", made["id"]) == made
    for said in (["list"], ["show", made["id"]], ["make", "orders", *period]):
        ran = CliRunner().invoke(app, ["report", *said, "--place", str(utility.folder)])
        assert ran.exit_code == 0 and ran.stdout.strip()


def test_reports_in_one_folder_leave_each_other_alone(utility: Utility, tmp_path: Path) -> None:
    utility.load()
    out = tmp_path / "out"

    def make(report: str, *said: str) -> Any:
        days = ["--first", "2026-07-06", "--last", "2026-07-06"]
        where = ["--place", str(utility.folder), "--to", str(out), "--json"]
        return CliRunner().invoke(app, ["report", "make", report, *days, *said, *where])

    asked = [("orders",), ("completeness",), ("orders", "--lang", "en")]
    assert [make(*said).exit_code for said in asked] == [0, 0, 0]
    pages = {each.name for each in out.glob("*.html")}
    assert pages == {
        "orders-2026-07-06.html", "completeness-2026-07-06.html", "orders-2026-07-06-en.html",
    }  # fmt: skip
    mine = out / "orders-2026-07-06.html"
    mine.write_text("mine")
    before = {each: each.read_bytes() for each in out.iterdir()}
    refused = make("orders")
    assert refused.exit_code == 1
    assert json.loads(refused.stdout)["error"]["code"] == "file-there"
    assert {each: each.read_bytes() for each in out.iterdir()} == before


DIGITS_TOLD = [
    ("number", 0.15954533916666663, "0.16"),
    ("number", 12.0, "12.0"),
    ("share", 2 / 3, "0.666667"),
    ("share", 0.99999999, "0.999999"),  # never all of it where something is missing
    ("share", 1.0, "1.0"),
    ("count", 96, "96"),
    ("number", None, ""),
]


@pytest.mark.parametrize(("kind", "value", "text"), DIGITS_TOLD)
def test_csv_has_the_digits_of_its_quantity(kind: Any, value: Any, text: str) -> None:
    words = Words("a", "b")
    one = Section("one", words, "", (Column("it", kind, words),))
    content = Content(
        Definition(words, words), WEEK, "es", None, ZONE.key, 1, "0" * 64, (),
        ((one, ((value,),)),),
    )  # fmt: skip
    assert list(csv.reader(io.StringIO(forms(content)["one.csv"].decode())))[1:] == (
        [[text]] if text else [[""]]
    )
