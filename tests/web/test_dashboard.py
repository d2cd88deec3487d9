"""Dashboard, exploration and unbalance from the database: what a hand works out, and the same as on
line."""

from __future__ import annotations

import math
import re
from datetime import date
from html import unescape
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from playwright.async_api import expect

from headend.analysis.bands import Colour
from headend.analysis.figures import figures
from headend.analysis.hourly import Hours
from headend.analysis.quantity import QUANTITIES, Quantity
from headend.analysis.rollup import Rollup, rolled
from headend.analysis.windows import mobile_48h
from headend.domain.account import Role
from headend.ports import Transaction
from headend.tasks.dashboard import counts
from headend.tasks.rollups import RollupParameters, roll_up
from headend.tasks.unbalance_hours import HoursParameters, load
from headend.tasks.work import Failed
from headend.web.consulta import exploring
from headend.web.consulta.asking import Conversation, Unconfigured
from headend.web.consulta.charts import trend_chart
from headend.web.consulta.gathering import window_now
from headend.web.consulta.kept import kept
from headend.web.consulta.organisation import CIRCUIT
from headend.web.consulta.standing import Shown, exceeding, standings, together
from headend.web.consulta.window import NOTHING
from headend.web.wording import Language, Words
from scenarios.utility.making import make
from scenarios.utility.measuring import Quantity as Point
from scenarios.utility.model import Feeder, Plan
from scenarios.utility.naming import System, feeder_key, feeder_label
from tests.cim_adapters.utilities import AT
from tests.web.browser import browsing, looked_at
from tests.web.division import filled, tilted, work_of
from tests.web.ground import Ground, opened
from tests.web.systems import systems
from tests.web.test_exploration import asked
from tests.web.test_unbalance_on_line import (
    FIRST,
    POLICY,
    SMALL,
    TODAY,
    ZONE,
    ends,
    varied,
)

DIVISION = make(7, AT, Plan(zones=1, areas=2, substations=2, feeders=3, transformers=1, meters=0))


async def a_division(ground: Ground) -> None:
    await filled(work_of(ground.store, ground.clock, ground.adapters), DIVISION, tilted)


def constant(feeder: Feeder, day: date, hour: int) -> tuple[float | None, ...]:
    """As `by_hand` has it, in V; the second feeder is balanced."""
    amps = (110.0, 100.0, 90.0) if feeder == FIRST else (100.0, 100.0, 100.0)
    return (
        *amps, 300.0, 300.0, 300.0, 100.0, 100.0, 130.0, 7700.0, 7700.0, 8000.0, 100.0, 900.0,
        330.0,
    )  # fmt: skip


def of_now(feeder: Feeder, quantity: Point, at: int) -> float | None:
    """SCADA's values of an evening."""
    names = ("LineCurrent", "ActivePower", "ReactivePower", "PhaseVoltage")
    if quantity.measurement not in names:
        return None
    place = 3 * names.index(quantity.measurement) + "ABC".index(quantity.phases)
    value = tilted(feeder, date(2026, 7, 6), 19 + feeder.number % 3)[place]
    return None if value is None else value / (1000 if quantity.measurement == names[3] else 1)


def test_a_day_of_which_nothing_could_be_judged_is_a_gap() -> None:
    words = Words(Language.ES, ZoneInfo("America/Santiago"))
    nobody = dict.fromkeys(Colour, 0) | {Colour.UNKNOWN: 3}
    found = [
        (date(2026, 11, day), {each: {**nobody, **more} for each in QUANTITIES})
        for day, more in ((14, {}), (15, {Colour.RED: 2, Colour.GREEN: 1, Colour.UNKNOWN: 0}))
    ]
    chart = trend_chart(words, found)
    assert [(trace["x"], trace["y"]) for trace in chart.traces][0] == (
        ["14 nov", "15 nov"], [None, 2],
    )  # fmt: skip
    assert chart.rows[0][1:] == ["–"] * 4 and chart.rows[1][1] == "2 malo, 0 regular"


async def test_counts_and_figures_are_what_a_hand_works_out() -> None:
    ground = Ground()
    await filled(work_of(ground.store, ground.clock, Unconfigured()), SMALL, constant)
    found = ground.store.read(kept)
    circuits = found.organisation.circuits()
    told = standings(found.organisation, circuits, found.newest_windows(), POLICY)
    mapped = sum(not it.new for it in SMALL.feeders)
    for shown in (Shown.MONTH, Shown.HOURS_48):
        mine = next(it for it in told if it.circuit.key == feeder_key(System.SIAD, FIRST))
        judged = mine.windows[shown]
        assert judged[Quantity.CURRENT].percent == pytest.approx(10.0)
        assert judged[Quantity.CURRENT].mean_of_hours == pytest.approx(10.0)
        assert judged[Quantity.VOLTAGE].percent == pytest.approx(2.5641, abs=1e-4)
        assert judged[Quantity.REACTIVE_POWER].magnitude == pytest.approx(20.0)
        assert [judged.whole(each) for each in QUANTITIES] == [
            pytest.approx(100), pytest.approx(900), pytest.approx(330), None,
        ]  # fmt: skip
        assert judged.power_factor == pytest.approx(0.938876, abs=1e-6)
        assert judged.capacitors_kvar == pytest.approx(67.5, abs=0.01)
        seen = counts(it.windows[shown] for it in told if shown in it.windows)
        assert seen[Quantity.CURRENT] == {
            Colour.GREEN: mapped - 1, Colour.YELLOW: 1, Colour.RED: 0, Colour.UNKNOWN: 0,
        }  # fmt: skip
        assert seen[Quantity.VOLTAGE][Colour.RED] == mapped


def test_feeders_together_are_the_sums_of_their_averages_and_of_what_each_lacks() -> None:
    """900 kW, 330 kvar; and 100 kW, 100 kvar of which half of the hours came: 1000 kW, 430 kvar."""
    means = [(300.0, 110.0), (100 / 3, 100 / 3)]
    rollups = []
    for feeder, (kw, kvar) in enumerate(means):
        values = np.array([[[10.0] * 3, [kw] * 3, [kvar] * 3, [7700.0] * 3]] * 4)
        received = np.full(values.shape, 6)
        received[: 2 * feeder] = 0
        hours = Hours(np.where(received, values, np.nan), received, np.full(4, 6))
        rollups.append(rolled(hours)[0].over(0))
    found = together(figures(Rollup.stacked(rollups), POLICY))
    assert found is not None
    assert (found.kw, found.kvar) == (pytest.approx(1000), pytest.approx(430))
    assert found.power_factor == pytest.approx(1000 / math.hypot(1000, 430), abs=1e-6)
    assert found.missing_kvar == pytest.approx(67.5 + 70.8333, abs=1e-3)
    assert found.coverage == pytest.approx(0.75)
    assert together(figures(NOTHING.rollup, POLICY)) is None
    assert exceeding({Colour.GREEN: 3, Colour.YELLOW: 0, Colour.RED: 1, Colour.UNKNOWN: 4}) == 0.25


async def test_on_line_and_database_tell_the_same_of_a_window(tmp_path: Path) -> None:
    """Both from the same SIMOCE: by the tasks of the night, and on the fly."""
    utility = systems(tmp_path, simoce=varied, seconds=ends(*mobile_48h(TODAY)), utility=SMALL)
    ground = Ground(adapters=utility)
    work = work_of(ground.store, ground.clock, utility)
    await filled(work, SMALL, constant, days=1)  # the organisation and the names
    simoce = feeder_key(System.SIMOCE, FIRST)

    def none_of_it(tx: Transaction) -> None:
        for day in mobile_48h(TODAY):
            tx.put_feeder_hours(simoce, day, ())

    await ground.store.run(none_of_it)
    for told in (
        await load(work, HoursParameters(days=2, feeders=(simoce,))),
        await roll_up(work, RollupParameters(days=2)),
    ):
        assert not isinstance(told, Failed), told
    found = ground.store.read(kept)
    key = feeder_key(System.SIAD, FIRST)
    circuit = found.organisation.known[CIRCUIT, key]
    talk = Conversation(utility)
    organisation = await exploring.tree(talk)
    now = await window_now(
        talk, organisation, [circuit], Shown.HOURS_48, TODAY, ZONE, POLICY, found.mappings
    )
    night = found.at(Shown.HOURS_48, found.newest)
    assert now[key].flat().tolist() == night[key].flat().tolist()
    both = [
        standings(found.organisation, [circuit], {Shown.HOURS_48: each}, POLICY)[0]
        for each in (now, night)
    ]
    assert both[0].windows == both[1].windows
    assert all(both[0].windows[Shown.HOURS_48][each].percent is not None for each in QUANTITIES)


@pytest.mark.requires("chromium")
async def test_the_dashboard_looks_right() -> None:
    async with opened() as ground:
        await a_division(ground)
        async with browsing(ground, Role.ANALYST) as it:
            await looked_at(
                it, "/dashboard", es="Tablero de desbalance", en="Unbalance dashboard",
                shot="dashboard",
            )  # fmt: skip
            for _ in ("area", "substation"):
                await it.page.locator("tbody th a").first.click()
                await it.drawn()
            await expect(it.page.locator("tbody th a").first).to_have_attribute(
                "href", re.compile("^/feeder")
            )
            await it.is_clean()


@pytest.mark.requires("chromium")
async def test_unbalance_gets_its_green_bars_as_soon_as_scada_answers(tmp_path: Path) -> None:
    ground = Ground(adapters=systems(tmp_path, scada=of_now, utility=DIVISION))
    async with opened(ground):
        await a_division(ground)
        async with browsing(ground, Role.ANALYST) as it:
            await it.go("/unbalance?at=Substation:VEN")
            bars = it.page.locator("#unbalance-current .trace.bars").nth(2).locator("path")
            await expect(bars.first).to_be_attached(timeout=60_000)
            await looked_at(
                it, "/unbalance?at=GeographicalRegion:D1", es="Desbalance de fases",
                en="Phase unbalance", shot="unbalance",
            )  # fmt: skip


async def test_the_exploration_of_the_database_asks_nobody() -> None:
    async with opened() as ground:
        work = work_of(ground.store, ground.clock, ground.adapters)
        await filled(work, DIVISION, tilted, days=1)
        seen = await asked(ground, "/exploration?cls=CFE_Zone&key=Z01", Role.QA)
        assert seen.status_code == 200 and "CFE_Zone" in unescape(seen.text)
        refused = await asked(ground, "/exploration?cls=CFE_Zone&key=Z01&show=services", Role.QA)
        assert refused.status_code == 403
        whole = await asked(ground, "/exploration?cls=CFE_Zone&key=Z01&show=services", Role.ANALYST)
        request = next(it for it in DIVISION.requests if it.zone.number == 1)
        assert request.customer.name in whole.text


@pytest.mark.requires("chromium")
async def test_the_exploration_of_the_database_looks_right() -> None:
    async with opened() as ground:
        await filled(work_of(ground.store, ground.clock, ground.adapters), SMALL, tilted, days=1)
        async with browsing(ground, Role.ANALYST) as it:
            await looked_at(
                it, "/exploration?cls=CFE_Zone&key=Z01&show=services", es="Exploración CIM",
                en="CIM exploration", shot="exploration",
            )  # fmt: skip
            await it.go(f"/exploration?cls=CFE_Circuit&key={feeder_key(System.SIAD, FIRST)}")
            await it.is_clean()
            await expect(it.page.locator("details.message pre")).to_contain_text("CFE_Circuit")


async def test_pages_without_figures_say_what_brings_them() -> None:
    async with opened() as ground:
        for path in ("/dashboard", "/unbalance", "/exploration"):
            seen = await asked(ground, path, Role.ANALYST)
            assert seen.status_code == 200 and "SIADCustomersInfo" in seen.text


@pytest.mark.requires("chromium")
async def test_a_feeders_page_looks_right() -> None:
    async with opened() as ground:
        await a_division(ground)
        feeder = next(it for it in DIVISION.feeders if it.number == 5)
        key, name = feeder_key(System.SIAD, feeder), feeder_label(feeder)
        async with browsing(ground, Role.ANALYST) as it:
            await looked_at(it, f"/feeder?key={key}&days=2", es=name, en=name, shot="feeder")
            rows = it.page.locator("figure[aria-labelledby=hours-title] tbody tr")
            await expect(rows).to_have_count(48)


async def test_a_feeder_leaves_as_opendss_and_draws_what_was_measured() -> None:
    dss = pytest.importorskip("opendssdirect")
    async with opened() as ground:
        work = work_of(ground.store, ground.clock, ground.adapters)
        await filled(work, SMALL, constant, days=2)
        key = feeder_key(System.SIAD, FIRST)
        model = await asked(ground, f"/feeder/model.dss?key={key}&days=2", Role.ANALYST)
        gone = await asked(ground, "/feeder?key=NONE", Role.ANALYST)
    assert model.status_code == 200 and gone.status_code == 404
    for line in model.text.splitlines():
        dss.Text.Command(line)
    assert dss.Solution.Converged() and dss.Loads.Count() == 3
    watts, reactive = dss.Circuit.TotalPower()
    assert -watts == pytest.approx(900, rel=1e-3) and -reactive == pytest.approx(330, rel=1e-2)
    dss.LoadShape.First()
    dss.LoadShape.Next()
    assert dss.LoadShape.Npts() == 48 and set(dss.LoadShape.PMult()) == {300.0}
