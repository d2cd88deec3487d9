"""Unbalance and daily profiles on line: hand-worked numbers, charts, systems that are away."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from html import unescape
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import expect

from headend.analysis.bands import Colour
from headend.analysis.quantity import Quantity
from headend.analysis.windows import mobile_48h
from headend.config.analysis import AnalysisPolicy
from headend.domain.account import Role
from headend.domain.feeder import BY_HAND, FeederMapping
from headend.domain.utility_day import span_of
from headend.web.consulta import exploring
from headend.web.consulta.asking import Conversation
from headend.web.consulta.comparing import change, compared, labelled
from headend.web.consulta.gathering import moments, window_now
from headend.web.consulta.organisation import CIRCUIT
from headend.web.consulta.realtime import RealTime, asked_now
from headend.web.consulta.standing import Mode, Shown, standings
from scenarios.utility.making import make
from scenarios.utility.measuring import Quantity as Point
from scenarios.utility.model import Feeder, Plan
from scenarios.utility.naming import System, feeder_key
from tests.cim_adapters.utilities import AT
from tests.conftest import SIMULATED_START
from tests.web.browser import browsing, looked_at
from tests.web.ground import Ground, opened
from tests.web.systems import systems
from tests.web.test_exploration import asked

ZONE = ZoneInfo("America/Santiago")
TODAY = SIMULATED_START.astimezone(ZONE).date()
SMALL = make(7, AT, Plan(zones=1, areas=1, substations=1, feeders=2, transformers=1, meters=0))
FIRST = next(it for it in SMALL.feeders if not it.new)
POLICY = AnalysisPolicy()


def by_hand(feeder: Feeder, quantity: Point, at: int) -> float | None:
    """Current 110, 100, 90 A: mean 100, deviation 10, 10 %.  Voltage 7.7, 7.7, 8.0 kV: mean 7.8,
    deviation 0.2, 2.564 %.  Power 300, 300, 300 kW.  Q 100, 100, 130: mean 110, 18.182 %."""
    place = "ABC".find(quantity.phases)
    match quantity.measurement:
        case "LineCurrent":
            return (110.0, 100.0, 90.0)[place]
        case "PhaseVoltage":
            return (7.7, 7.7, 8.0)[place]
        case "ActivePower":
            return 300.0
        case "ReactivePower":
            return (100.0, 100.0, 130.0)[place]
    return None


def ends(*days: date) -> list[int]:
    found: list[int] = []
    for day in days:
        begin, end = span_of(day, ZONE)
        found += range(begin + 600, end + 1, 600)
    return found


async def test_real_time_and_a_window_are_what_a_hand_works_out(tmp_path: Path) -> None:
    window = mobile_48h(TODAY)
    utility = systems(tmp_path, simoce=by_hand, scada=by_hand, seconds=ends(*window), utility=SMALL)
    talk = Conversation(utility)
    organisation = await exploring.tree(talk)
    key = feeder_key(System.SIAD, FIRST)
    circuits = [organisation.known[CIRCUIT, key]]
    two_days = await window_now(
        talk, organisation, circuits, Shown.HOURS_48, TODAY, ZONE, POLICY, ()
    )
    now = moments(organisation, circuits, await asked_now(talk, [key]), POLICY)
    found = standings(organisation, circuits, {Shown.HOURS_48: two_days, Shown.NOW: now}, POLICY)
    for shown in (Shown.HOURS_48, Shown.NOW):
        judged = found[0].windows[shown]
        assert judged[Quantity.CURRENT].percent == pytest.approx(10.0)
        assert judged[Quantity.CURRENT].magnitude == pytest.approx(10.0)
        assert judged[Quantity.VOLTAGE].percent == pytest.approx(2.5641, abs=1e-4)
        assert judged[Quantity.VOLTAGE].magnitude == pytest.approx(200)
        assert judged[Quantity.ACTIVE_POWER].percent == pytest.approx(0)
        assert judged[Quantity.REACTIVE_POWER].percent == pytest.approx(18.1818, abs=1e-4)
        assert judged[Quantity.CURRENT].colour is Colour.YELLOW
        assert judged[Quantity.VOLTAGE].colour is Colour.RED
        # P 900 kW, Q 330 kvar: PF 0.938876; 330 - 900 tan(acos 0.96) = 67.5 kvar.
        assert judged.power_factor == pytest.approx(0.938876, abs=1e-6)
        assert judged.capacitors_kvar == pytest.approx(67.5, abs=0.01)
        assert judged[Quantity.CURRENT].coverage == 1.0
    assert found[0].value(Shown.MONTH, Quantity.CURRENT, Mode.PERCENT) is None


async def test_a_profile_of_two_days_and_what_changed(tmp_path: Path) -> None:
    pair = (date(2026, 5, 25), date(2026, 6, 29))
    middle = span_of(pair[1], ZONE).begin

    def mended(feeder: Feeder, quantity: Point, at: int) -> float | None:
        if quantity.measurement == "LineCurrent" and at > middle:
            return 100.0
        return by_hand(feeder, quantity, at)

    utility = systems(tmp_path, simoce=mended, seconds=ends(*pair), utility=SMALL)
    name = feeder_key(System.SIMOCE, FIRST)
    found = await compared(Conversation(utility), name, pair, ZONE, POLICY, 13.8)
    assert len(found.labels) == 24 and found.labels[0] == "00:00"
    earlier, later = found.profiles
    assert set(earlier[Quantity.CURRENT][0]) == {110.0} and set(later[Quantity.CURRENT][0]) == {
        100.0
    }
    assert change(found.days, Quantity.CURRENT) == pytest.approx(-10)
    assert change(found.days, Quantity.VOLTAGE) == pytest.approx(0)


def test_hours_of_days_on_which_clocks_change_have_their_labels() -> None:
    assert len(labelled(date(2026, 9, 6), ZONE)) == 23  # midnight is skipped
    twice = labelled(date(2026, 4, 4), ZONE)
    assert len(twice) == len(set(twice)) == 25 and twice[-1] == "23:00*"


@pytest.mark.requires("chromium")
async def test_unbalance_on_line_looks_right(tmp_path: Path) -> None:
    utility = systems(tmp_path, simoce=by_hand, scada=varied, seconds=ends(*mobile_48h(TODAY)),
                      utility=SMALL, now=SIMULATED_START)  # fmt: skip
    async with opened(Ground(adapters=utility)) as ground:
        async with browsing(ground, Role.ANALYST) as it:
            await looked_at(
                it, "/online/unbalance?window=48h", es="Desbalance en línea",
                en="Unbalance on line", shot="online-unbalance",
            )  # fmt: skip
            await expect(it.page.locator("#unbalance-current .bars path").first).to_be_attached()
            await it.page.select_option("#mode", "magnitude")
            await (
                it.page.get_by_role("button", name="Mostrar")
                .or_(it.page.get_by_role("button", name="Show", exact=True))
                .click()
            )
            await it.drawn()
            await expect(it.page.locator("#unbalance-current-title")).to_contain_text("(A)")


@pytest.mark.requires("chromium")
async def test_daily_profile_looks_right(tmp_path: Path) -> None:
    pair = (date(2026, 5, 25), date(2026, 6, 29))
    utility = systems(tmp_path, simoce=varied, seconds=ends(*pair), utility=SMALL)
    path = f"/online/profile?feeder={feeder_key(System.SIAD, FIRST)}"
    path += f"&earlier={pair[0]}&later={pair[1]}"
    async with opened(Ground(adapters=utility)) as ground:
        async with browsing(ground, Role.ANALYST) as it:
            await looked_at(
                it, path, es="Comparación de perfil diario", en="Daily profile comparison",
                shot="daily-profile",
            )  # fmt: skip


async def test_days_that_may_not_be_compared_are_refused_before_anybody_is_asked(
    tmp_path: Path,
) -> None:
    utility = systems(tmp_path, utility=SMALL)
    key = feeder_key(System.SIAD, FIRST)
    async with opened(Ground(adapters=utility)) as ground:
        for earlier, later, why in (
            ("2026-06-20", "2026-07-01", "more than four weeks"),
            ("2026-05-25", "2026-05-20", "come after the earlier"),
            ("2026-05-25", TODAY.isoformat(), "must be over"),
        ):
            seen = await asked(
                ground, f"/online/profile?feeder={key}&earlier={earlier}&later={later}",
                Role.ANALYST,
            )  # fmt: skip
            assert seen.status_code == 200 and why in unescape(seen.text)
    assert not [each for each in utility.asked if each[0] == "SIMOCE"]


async def test_the_page_on_line_says_who_is_away_and_shows_the_rest(tmp_path: Path) -> None:
    utility = systems(
        tmp_path, simoce=by_hand, scada=by_hand, seconds=ends(*mobile_48h(TODAY)), utility=SMALL
    )
    utility.away.add("SCADA")
    async with opened(Ground(adapters=utility)) as ground:
        seen = await asked(ground, "/online/unbalance?window=48h", Role.ANALYST)
        assert "adapter-away" in seen.text and re.search(r"10\.00", seen.text)
        behind = seen.text[seen.text.index('details class="behind message') :]
        assert "AnalogValue" in behind[: behind.index("</details>")], "the values come first"
        month = await asked(ground, "/online/unbalance?window=month", Role.ANALYST)
        assert "computed for 1 circuits at most" in month.text
        wrong = await asked(ground, "/online/unbalance?at=Substation:NONE", Role.ANALYST)
        assert wrong.status_code == 404


async def test_a_circuit_that_was_mapped_by_hand_is_found_on_line(tmp_path: Path) -> None:
    """As the database has it, whatever the Unified Repository knows."""
    new = replace(FIRST, new=True)
    grown = replace(SMALL, feeders=(new, *(it for it in SMALL.feeders if it != FIRST)))
    utility = systems(tmp_path, simoce=by_hand, seconds=ends(*mobile_48h(TODAY)), utility=grown)
    siad, simoce = (feeder_key(each, new) for each in (System.SIAD, System.SIMOCE))
    path = f"/online/unbalance?window=48h&at=CFE_Circuit:{siad}"
    async with opened(Ground(adapters=utility)) as ground:
        before = await asked(ground, path, Role.ANALYST)
        assert before.status_code == 200 and not re.search(r"10\.00", before.text)
        by_someone = FeederMapping(siad, simoce, how=BY_HAND, who="eva")
        await ground.store.run(lambda tx: tx.keep_feeder_mappings([by_someone]))
        after = await asked(ground, path, Role.ANALYST)
        assert re.search(r"10\.00", after.text)
        known = feeder_key(System.SIAD, SMALL.feeders[1])
        path = f"/online/unbalance?window=48h&at=CFE_Circuit:{known}"
        assert re.search(r"10\.00", (await asked(ground, path, Role.ANALYST)).text)
        left_to_people = FeederMapping(known, None, how=BY_HAND, who="eva")
        await ground.store.run(lambda tx: tx.keep_feeder_mappings([left_to_people]))
        assert not re.search(r"10\.00", (await asked(ground, path, Role.ANALYST)).text)


async def test_real_time_is_asked_for_once_a_minute(tmp_path: Path) -> None:
    utility = systems(tmp_path, scada=by_hand, utility=SMALL)
    ground = Ground()
    kept = RealTime(utility, ground.clock)
    key = feeder_key(System.SIAD, FIRST)
    assert kept.of([key]) == {}
    assert await kept.renew([key]) == 1
    before = len(utility.asked)
    assert await kept.renew([key]) == 1 and len(utility.asked) == before
    assert kept.of([key])[key].values[0].tolist() == [110.0, 100.0, 90.0]
    assert kept.of([key])[key].at == datetime(2026, 7, 6, tzinfo=UTC)
    utility.away.add("SCADA")
    other = feeder_key(System.SIAD, SMALL.feeders[-1])
    assert await kept.renew([other]) == 2 and kept.failed is not None


def varied(feeder: Feeder, quantity: Point, at: int) -> float | None:
    """Loads of an evening, another for each phase."""
    base = by_hand(feeder, quantity, at)
    if base is None or quantity.measurement == "PhaseVoltage":
        return base
    hour = at % 86_400 / 3600
    place = "ABC".find(quantity.phases)
    tilt = 1 + 0.1 * feeder.number * (place - 1) + 0.02 * (at // 86_400 % 7) * (1 - place)
    return base * tilt * (0.5 + abs(hour - 9) / 12)
