"""Days and windows of feeders, worked out as they come: what is reached by adding is what working
out everything anew gives; and the dashboard over them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import pytest

from headend.analysis.bands import Colour
from headend.analysis.quantity import Quantity
from headend.analysis.windows import hour_ends, newest_day
from headend.config.analysis import AnalysisPolicy
from headend.domain.feeder import (
    CHANNELS,
    FeederHour,
    FeederMapping,
    FeederRoll,
    KeptInstance,
    Span,
)
from headend.domain.utility_day import span_of
from headend.ports import Transaction
from headend.store import feeder_queries as queries
from headend.tasks import dashboard
from headend.tasks.rollups import RollupParameters, roll_up
from headend.tasks.work import Failed, Work
from tests.tasks.tasking import ZONE, Nobody, Site

TODAY = date(2026, 9, 20)  # the month holds the day of 23 hours, the 6th
LAST = newest_day(TODAY)
DUE = datetime(2026, 9, 20, 9, 10, tzinfo=UTC)
PERCENTS = {"F1": 3.0, "F2": 30.0}


def hours(feeder: str, day: date, at: datetime, rng: Random) -> list[FeederHour]:
    """A day whose phase A is off the mean by about so many percent."""
    span, off = span_of(day, ZONE), PERCENTS[feeder] / 100
    found = []
    for end in hour_ends(day, ZONE):
        means: list[float | None] = []
        for base in (100.0, 700.0, 200.0, 13_200.0):
            whole = base * rng.uniform(0.9, 1.1)
            means += [whole * (1 + off), whole * (1 - off / 2), whole * (1 - off / 2)]
        means += [100.0, 2100.0, 600.0]
        counts = [6] * len(CHANNELS)
        if rng.random() < 0.1:  # a phase was away
            means[1], counts[1] = None, 0
        begin = max(span.begin, int(end) - 3600)
        found.append(FeederHour(feeder, begin, day, 6, tuple(means), tuple(counts), at))
    return found


def work_of(site: Site, due_at: datetime = DUE) -> Work:
    async def quiet(*_: Any) -> None:
        return None

    return Work(due_at, ZONE, site.clock, site.store, Nobody(), AnalysisPolicy(), quiet, quiet)


async def enter(site: Site, feeder: str, day: date, seed: int = 0) -> None:
    found = hours(feeder, day, site.clock.now(), Random(f"{feeder}/{day}/{seed}"))
    await site.store.run(lambda tx: tx.put_feeder_hours(feeder, day, found))


async def rolls(site: Site) -> dict[tuple[Any, ...], FeederRoll]:
    def work(tx: Transaction) -> dict[tuple[Any, ...], FeederRoll]:
        return {
            (span, each.day, each.feeder): each
            for span in Span
            for feeder in PERCENTS
            for each in tx.feeder_rolls(feeder, span, date(2026, 1, 1), TODAY)
        }

    return await site.store.run(work)


async def test_late_and_changed_days_leave_what_working_out_anew_gives() -> None:
    grown, anew = Site(), Site()
    days = [LAST - timedelta(days=number) for number in range(31)]
    order = Random(3).sample(days, len(days))
    for day in order[:20]:
        await enter(grown, "F1", day)
    await asyncio.sleep(1)
    await roll_up(work_of(grown), RollupParameters())
    for day in order[15:]:  # late ones, and five that changed
        await enter(grown, "F1", day, seed=1)
    await asyncio.sleep(1)
    told = await roll_up(work_of(grown), RollupParameters())
    assert not isinstance(told, Failed) and told["days"] == len(order[15:])
    for day in days:
        await enter(anew, "F1", day, seed=int(day in order[15:]))
    await roll_up(work_of(anew), RollupParameters())
    found, wanted = await rolls(grown), await rolls(anew)
    assert found.keys() == wanted.keys()
    for key, each in wanted.items():
        assert (found[key].rollup, found[key].p95) == (each.rollup, each.p95), key
    again = await roll_up(work_of(grown), RollupParameters())
    assert not isinstance(again, Failed) and (again["days"], again["windows"]) == (0, 0)


async def test_a_past_day_that_is_loaded_again_changes_the_later_windows_that_hold_it() -> None:
    """As by `ami task run --as-of` of both tasks."""
    grown, anew = Site(), Site()
    days = [LAST - timedelta(days=number) for number in range(31)]
    for day in days[:6] + days[7:]:  # a day is missing
        await enter(grown, "F1", day)
    for back in (1, 0):
        await roll_up(work_of(grown, DUE - timedelta(days=back)), RollupParameters())
    await asyncio.sleep(1)
    await enter(grown, "F1", days[6])
    await enter(grown, "F1", days[9], seed=1)
    await roll_up(work_of(grown, DUE - timedelta(days=5)), RollupParameters())
    for day in days:
        await enter(anew, "F1", day, seed=int(day == days[9]))
    await roll_up(work_of(anew), RollupParameters())
    found, wanted = await rolls(grown), await rolls(anew)
    assert found.keys() == wanted.keys()
    for key, each in wanted.items():
        assert (found[key].rollup, found[key].p95) == (each.rollup, each.p95), key


async def test_by_other_rules_all_is_worked_out_anew() -> None:
    site, anew = Site(), Site()
    strict = AnalysisPolicy(minimum_coverage=1.0)
    for back in range(30):
        for each in (site, anew):
            await enter(each, "F1", LAST - timedelta(days=back))
    day = hours("F1", LAST, site.clock.now(), Random(1))
    few = [replace(it, counts=tuple(5 for _ in CHANNELS)) for it in day]  # of 6
    for each in (site, anew):
        await each.store.run(lambda tx: tx.put_feeder_hours("F1", LAST, few))
    await roll_up(work_of(site), RollupParameters())
    before = await rolls(site)
    told = await roll_up(replace(work_of(site), analysis=strict), RollupParameters(anew=True))
    assert not isinstance(told, Failed) and told["days"] == 30
    await roll_up(replace(work_of(anew), analysis=strict), RollupParameters())
    found, wanted = await rolls(site), await rolls(anew)
    assert {key: each.rollup for key, each in found.items()} == {
        key: each.rollup for key, each in wanted.items()
    }
    assert found[Span.DAY, LAST, "F1"].rollup != before[Span.DAY, LAST, "F1"].rollup


async def test_a_feeder_of_which_nothing_new_came_has_todays_windows_too() -> None:
    site = Site()
    await enter(site, "F1", LAST - timedelta(days=10))
    await roll_up(work_of(site), RollupParameters())
    found = await rolls(site)
    month = found[Span.MONTH, LAST, "F1"]
    (figure,) = dashboard.told([month], AnalysisPolicy())
    current = figure.judged[Quantity.CURRENT]
    assert current.colour is Colour.UNKNOWN, "27 days are missing"
    assert current.coverage is not None and current.coverage < 0.05
    assert current.hours is not None and current.hours < 0.05
    assert (Span.HOURS_48, LAST, "F1") not in found, "it has none of these two days"


async def test_without_hours_there_is_nothing_to_do() -> None:
    told = await roll_up(work_of(Site()), RollupParameters())
    assert isinstance(told, Failed) and told.code == "no-hours"


async def test_the_dashboard_counts_and_says_what_changed() -> None:
    site = Site()
    for back in range(29):
        for feeder in PERCENTS:
            await enter(site, feeder, LAST - timedelta(days=back))
    await roll_up(work_of(site), RollupParameters())
    read = site.store.read
    assert read(lambda c: queries.newest_day(c, Span.MONTH)) == LAST
    now = dashboard.told(read(lambda c: queries.rolls(c, Span.MONTH, LAST)), AnalysisPolicy())
    by_name = {each.feeder: each.judged for each in now}
    one = by_name["F2"][Quantity.ACTIVE_POWER]
    assert one.percent == pytest.approx(30.0) and one.colour is Colour.RED
    assert one.p95 == pytest.approx(30.0) and one.mean_of_hours == pytest.approx(30.0)
    assert by_name["F1"][Quantity.ACTIVE_POWER].colour is Colour.GREEN
    counted = dashboard.counts(by_name.values())
    assert counted[Quantity.VOLTAGE] == {
        Colour.GREEN: 0, Colour.YELLOW: 0, Colour.RED: 2, Colour.UNKNOWN: 0,
    }  # fmt: skip
    before = dashboard.told(
        read(lambda c: queries.rolls(c, Span.DAY, LAST - timedelta(days=1), ["F1"])),
        AnalysisPolicy(),
    )
    (changed,) = dashboard.changes({"F2": by_name["F2"]}, {"F2": before[0].judged})[:1]
    assert (changed.before, changed.now, changed.worse) == (Colour.RED, Colour.GREEN, False)
    trend = read(lambda c: queries.trend(c, Span.MONTH, LAST - timedelta(days=3), LAST, "F1"))
    every = read(lambda c: queries.sums(c, Span.MONTH, LAST - timedelta(days=1), LAST))
    by_day = dashboard.trend_counts(dashboard.DaysRolled.of(every), AnalysisPolicy())
    assert [*by_day] == [LAST - timedelta(days=1), LAST] and by_day[LAST] == counted
    assert [each.day for each in trend] == [LAST - timedelta(days=n) for n in (3, 2, 1, 0)]
    assert len(read(lambda c: queries.hours(c, "F1", date(2026, 9, 6), date(2026, 9, 6)))) == 23


async def test_feeders_stand_where_siad_has_them() -> None:
    site, at = Site(), DUE

    def kept(cls: str, key: str, name: str, more: dict[str, str], **refs: str) -> KeptInstance:
        return KeptInstance("SIAD", cls, key, {"mRID": key, "name": name, **more}, refs, at)

    instances = [
        kept("CFE_Zone", "Z1", "Zona Uno", {}),
        kept("CFE_DistributionArea", "A1", "Área Uno", {}, Zone="Z1"),
        kept("Substation", "VEN", "S.E. Ventanas", {"nominalVoltage": "23"}, Region="Z1",
            Area="A1"),
        kept("CFE_Circuit", "VEN-1", "Ventanas 1", {}, NormalEnergizingSubstation="VEN"),
    ]  # fmt: skip
    classes = ["CFE_Zone", "CFE_DistributionArea", "Substation", "CFE_Circuit"]

    def enter_(tx: Transaction) -> None:
        for _ in range(2):  # the second in place of the first
            assert tx.keep_instances("SIAD", classes, instances) == 4
        tx.keep_feeder_mappings(
            [FeederMapping("VEN-1", "CTO_1", "Ventanas 1", how="hand"), FeederMapping(None, "X")]
        )

    await site.store.run(enter_)
    lost, one = site.store.read(queries.feeders)
    assert (one.key, one.circuit, one.substation_name, one.area_name, one.zone_name) == (
        "CTO_1", "VEN-1", "S.E. Ventanas", "Área Uno", "Zona Uno",
    )  # fmt: skip
    assert one.nominal_v == 23_000 and (lost.key, lost.circuit, lost.zone) == ("X", "", "")
    assert site.store.read(lambda c: queries.instance(c, "SIAD", "CFE_Zone", "Z1")) is not None
    assert site.store.read(lambda c: queries.instance(c, "SIAD", "CFE_Zone", "Z9")) is None
    assert site.store.read(queries.customer_counts) == []
