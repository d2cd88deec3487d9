"""The past that is written is what the live field's meters would tell, and the intake's."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from devices.grid.field_grid import FieldGrid
from devices.meter.device import Meter
from devices.meter.identity import Identity
from headend.app.registering import registry_desk
from headend.clock import WallClock
from headend.config import Config
from headend.domain.feeder import CHANNELS
from headend.domain.utility_day import span_of
from scenarios.division import registry
from scenarios.division.feeder_hours import hours_of, work_of
from scenarios.division.history import Filled, days_back, fill_month
from scenarios.division.making import ZONE, Size, division
from scenarios.division.profiles import buffers, kind_of, layout_of, read
from scenarios.division.troubles import troubles_of
from scenarios.utility.field import field_of
from scenarios.utility.measuring import QUANTITIES, FeederHeads
from scenarios.utility.simoce import Simoce

NOW = datetime(2026, 11, 23, 12, 7, tzinfo=UTC)
MADE = division(7, NOW, Size(zones=1, substations=1, feeders=1, transformers=3, meters=10))
SPEC = field_of(MADE)
LOAD_PROFILE = "1.0.99.1.0.255"


@pytest.mark.parametrize(
    "day, rows",
    [(date(2026, 11, 20), 96), (date(2026, 9, 6), 92), (date(2026, 4, 4), 100)],
    ids=["a day", "clocks forward", "clocks back"],
)
def test_the_octets_are_the_live_meters(day: date, rows: int) -> None:
    """Of one on each number of phases, and of the transformer's own."""
    grid, transformer = FieldGrid(MADE.seed, SPEC), SPEC.transformers[1]
    span = span_of(day, ZONE)
    made = [*buffers(grid, transformer, MADE.seed, span)]
    assert [each.meter for each in made] == [each.name for each in transformer.modules]
    other = FieldGrid(MADE.seed, SPEC)
    for place in (0, 9, -1):
        spec = transformer.modules[place]
        meter = Meter(Identity(MADE.seed, int(spec.name)), other.load_of(spec.name), kind_of(spec))
        assert made[place].octets == read(meter, span)
        assert made[place].octets[:2] == bytes((1, rows))  # an array of so many


def test_the_layout_is_what_a_concentrator_tells() -> None:
    single, three = (layout_of(kind_of(SPEC.transformers[0].modules[at])) for at in (0, 9))
    assert [(each.name, each.scaler, each.unit) for each in single.columns[2:]] == [
        ("1.0.1.8.0.255", 0, 30),
        ("1.0.2.8.0.255", 0, 30),
        ("1.0.3.8.0.255", 0, 32),
        ("1.0.4.8.0.255", 0, 32),
        ("1.0.32.7.0.255", -1, 35),
        ("1.0.13.7.0.255", -3, 255),
    ]
    assert single.period_s == three.period_s == 900
    assert len(three.columns) == 10


@pytest.mark.live
async def test_a_month_is_written_newest_first_and_once(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'ami.db'}"
    troubles = troubles_of(MADE)
    told: list[Filled] = []
    async with registry_desk(Config(database=database)) as desk:
        await desk.do(lambda tx: registry.enter(tx, MADE, NOW))
        await fill_month(desk.store, MADE, NOW, 2, told.append)
        assert [each.day for each in told] == days_back(NOW, 2)
        assert [each.day for each in told] == [date(2026, 11, 23 - ago) for ago in range(3)]
        well = str(MADE.meters[0].index)
        silent = next(
            str(each.index)
            for each in MADE.meters
            if each.transformer.concentrator == troubles.silent
        )
        pages = {
            name: await desk.do(
                lambda tx, name=name: [  # type: ignore[misc]
                    (page.day, page.received, page.expected, page.late)
                    for page in tx.interval_days(
                        name, LOAD_PROFILE, date(2026, 11, 21), date(2026, 11, 23)
                    )
                ]
            )
            for name in (well, silent, troubles.mute[0])
        }
        assert pages[well] == [
            (date(2026, 11, 21), 96, 96, 0),
            (date(2026, 11, 22), 96, 96, 0),
            (date(2026, 11, 23), 36, 96, 0),
        ]
        assert [page[0] for page in pages[silent]] == [date(2026, 11, 21), date(2026, 11, 22)]
        assert pages[silent][-1][1] < 96
        assert pages[troubles.mute[0]] == []
        again: list[Filled] = []
        await fill_month(desk.store, MADE, NOW, 1, again.append)
        assert again == [Filled(each.day, each.number, 2, each.rows) for each in told[:2]]
        page = await desk.do(lambda tx: tx.interval_day(well, LOAD_PROFILE, date(2026, 11, 22)))
        assert page is not None and (page.received, page.changed) == (96, 0)
        came = datetime.fromtimestamp(page.rows[0].came, UTC) - datetime(
            2026, 11, 23, 3, tzinfo=UTC
        )
        assert timedelta(0) < came < timedelta(hours=1)


@pytest.mark.live
async def test_the_feeders_hours_are_the_historians_averages(tmp_path: Path) -> None:
    """By phase, and of the feeder as a whole; nothing of the times in which it heard nothing."""
    clock = WallClock()
    heads = FeederHeads(MADE, {})
    space, feeder = Simoce(MADE, heads, clock), MADE.feeders[0]
    async with registry_desk(Config(database=f"sqlite:///{tmp_path / 'ami.db'}")) as desk:
        work, day = work_of(desk.store, NOW), date(2026, 11, 10)
        hours = await hours_of(space, feeder, day, work)
    assert len(hours) == 24
    power = next(each for each in QUANTITIES if each.measurement == "ActivePower")
    begin = span_of(day, ZONE).begin
    for number, hour in enumerate(hours):
        assert hour.begin == begin + 3600 * number
        assert hour.expected == 6
        mean = hour.mean("p_a")
        assert mean is not None
        if hour.counts[CHANNELS.index("p_a")] == 6:
            whole = heads.average(feeder, power, hour.begin, hour.begin + 3600)
            assert mean == pytest.approx(whole, rel=1e-3)
    assert sum(hour.counts[0] for hour in hours) > 130
