"""The feeders' past as the daily task would have loaded it, days before there was anybody to run
it.

The task asks SIMOCE by CIM, a day for all feeders in a minute; a month of days is taken from the
same historian directly, and averaged by the task's own code.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Final

from headend.analysis.quantity import OF_MEASUREMENT, PHASES
from headend.analysis.quantity import QUANTITIES as ORDERED
from headend.analysis.quantity import Quantity as Measured
from headend.analysis.windows import MOBILE_MONTH_DAYS, newest_day
from headend.app.associations import ConfiguredAdapters
from headend.chance import SystemChance
from headend.clock import WallClock
from headend.config.analysis import AnalysisPolicy
from headend.config.tasks import Associations
from headend.domain.feeder import CHANNELS, FeederHour
from headend.domain.utility_day import span_of
from headend.opcua.reach import Reach
from headend.ports import Clock, Store, Transaction
from headend.tasks.unbalance_hours import WHOLE, Point, averaged
from headend.tasks.work import Work
from scenarios.division.making import ZONE
from scenarios.utility.measuring import QUANTITIES, Quantity
from scenarios.utility.model import Feeder, Utility
from scenarios.utility.naming import System, feeder_key
from scenarios.utility.opcua import heads_of
from scenarios.utility.simoce import PERIOD_S, Simoce, point_name

SAMPLES_MAX: Final = 200
"""Of one point and day."""


async def load_month(store: Store, utility: Utility, now: datetime, days: int) -> int:
    """Load so many days up to the day before yesterday, the newest first; how many hours.  More
    than those of this morning's and yesterday's month nobody needs."""
    clock = WallClock()
    space = Simoce(utility, heads_of(utility, clock), clock)
    newest, count = newest_day(now.astimezone(ZONE).date()), 0
    work = work_of(store, now)
    for back in range(min(days, MOBILE_MONTH_DAYS + 1)):
        day = newest - timedelta(days=back)
        found = {
            feeder_key(System.SIMOCE, each): await hours_of(space, each, day, work)
            for each in utility.feeders
        }
        await store.run(partial(_keep, day=day, found=found))
        count += sum(map(len, found.values()))
    return count


def _keep(tx: Transaction, day: date, found: dict[str, list[FeederHour]]) -> None:
    for feeder, hours in found.items():
        tx.put_feeder_hours(feeder, day, hours)


async def hours_of(space: Simoce, feeder: Feeder, day: date, work: Work) -> list[FeederHour]:
    """The hours of a feeder on a day, of what the historian has."""
    key, span = feeder_key(System.SIMOCE, feeder), span_of(day, ZONE)
    points = [*_points(key)]
    nodes = await space.nodes([each.key for each in points])
    reach = Reach(
        datetime.fromtimestamp(span.begin + 1, UTC), datetime.fromtimestamp(span.end + 1, UTC)
    )
    samples: dict[int, list[tuple[str, float]]] = defaultdict(list)
    for each in points:
        for sample in await space.history(nodes[each.key], reach, SAMPLES_MAX):
            if isinstance(sample.value, int | float):
                samples[round(sample.at.timestamp())].append((each.key, float(sample.value)))
    return averaged(key, day, points, samples, work, PERIOD_S)


def _points(feeder: str) -> Iterator[Point]:
    for each in QUANTITIES:
        quantity, channel = _channel(each)
        yield Point(f"{feeder}/{point_name(each)}", channel, quantity, each.unit)


def _channel(quantity: Quantity) -> tuple[Measured, int]:
    """Which of the analysis' quantities it is, and its place among `CHANNELS`."""
    if quantity.measurement in WHOLE:
        found = WHOLE[quantity.measurement]
        return found, CHANNELS.index("p" if found is Measured.ACTIVE_POWER else "q")
    found = OF_MEASUREMENT[quantity.measurement]
    return found, ORDERED.index(found) * len(PHASES) + PHASES.index(quantity.phases)


def work_of(store: Store, now: datetime) -> Work:
    """What averaging needs of a task's turn."""

    async def nothing(*_: object) -> None:
        return None

    clock: Clock = WallClock()
    adapters = ConfiguredAdapters(Associations(), clock, SystemChance())
    return Work(now, ZONE, clock, store, adapters, AnalysisPolicy(), nothing, nothing)
