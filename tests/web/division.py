"""A division in the database as the scheduled tasks leave it: kept instances, names, 29 days of
hours, rolled up by the task itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from headend.analysis.windows import hour_ends, newest_day
from headend.config.analysis import AnalysisPolicy
from headend.domain.feeder import REPOSITORY, FeederHour, FeederMapping, FeederRoll, Span
from headend.ports import Clock, Store, Transaction
from headend.ports.adapters import Adapters
from headend.tasks.customers import ORGANISATION, REQUESTS, kept
from headend.tasks.rollups import RollupParameters, roll_up
from headend.tasks.work import Failed, Work
from scenarios.utility.model import Feeder, Utility
from scenarios.utility.naming import System, feeder_key, feeder_label
from tests.cim_adapters.utilities import siad_instances

ZONE = ZoneInfo("America/Santiago")
Means = Callable[[Feeder, date, int], tuple[float | None, ...]]
"""Of a feeder, a day and its hour: current, kW, kvar, V of A, B and C, then three of the whole."""


def work_of(store: Store, clock: Clock, adapters: Adapters) -> Work:
    """A turn that is due now."""

    async def log(text: str) -> None: ...

    async def step(what: str, done: int, of: int) -> None: ...

    return Work(clock.now(), ZONE, clock, store, adapters, AnalysisPolicy(), log, step)


_ROLLED: dict[tuple[str, int], list[FeederRoll]] = {}
"""What the task made of a plan's hours: of the same hours it makes the same."""


async def filled(work: Work, utility: Utility, means: Means, *, days: int = 29) -> None:
    """Keep the organisation, the names and the hours of some days, and roll them up."""
    last = newest_day(work.day)
    instances = [kept("SIAD", it, work) for it in siad_instances(utility)]

    def keep(tx: Transaction) -> None:
        tx.keep_instances("SIAD", (*ORGANISATION, *REQUESTS), instances)
        tx.keep_feeder_mappings(
            FeederMapping(
                feeder_key(System.SIAD, it),
                None if it.new else feeder_key(System.SIMOCE, it),
                feeder_label(it),
                "",
                None if it.new else REPOSITORY,
                work.clock.now(),
                "",
            )
            for it in utility.feeders
        )
        for feeder in utility.feeders:
            for back in range(days):
                hours = hours_of(feeder, last - timedelta(days=back), means, work)
                if hours:
                    tx.put_feeder_hours(hours[0].feeder, hours[0].day, hours)

    await work.store.run(keep)
    known = _ROLLED.get((repr(means), days))
    if known is not None:
        await work.store.run(lambda tx: [tx.put_feeder_roll(each) for each in known])
        return
    told = await roll_up(work, RollupParameters(days=days))
    assert not isinstance(told, Failed), told

    def rolls(tx: Transaction) -> list[FeederRoll]:
        names = [feeder_key(System.SIMOCE, it) for it in utility.feeders]
        first = last - timedelta(days=days)
        return [
            each for name in names for span in Span
            for each in tx.feeder_rolls(name, span, first, last)
        ]  # fmt: skip

    _ROLLED[repr(means), days] = await work.store.run(rolls)


def hours_of(feeder: Feeder, day: date, means: Means, work: Work) -> list[FeederHour]:
    """All values are there where there is a mean."""
    made = []
    for number, end in enumerate(hour_ends(day, work.zone)):
        found = means(feeder, day, number)
        counts = tuple(0 if each is None else 6 for each in found)
        made.append(
            FeederHour(
                feeder_key(System.SIMOCE, feeder), int(end) - 3600, day, 6, found, counts,
                work.clock.now(),
            )
        )  # fmt: skip
    return made


def tilted(feeder: Feeder, day: date, hour: int) -> tuple[float | None, ...]:
    """Feeders from balanced to hardly so, with an evening peak; the third's figures are missing
    half of the time, and the fifth got worse on the newest day."""
    if feeder.number % 11 == 3 and day.day % 2:
        return (None,) * 15
    load = 0.6 + 0.4 * (hour in range(18, 23)) + 0.02 * feeder.number
    tilt = 0.022 * (feeder.number % 8) + (0.05 if feeder.number == 5 and day.day > 2 else 0)
    turns = (1 + tilt, 1 - 0.4 * tilt, 1 - 0.6 * tilt)
    amps = tuple(140 * load * each for each in turns)
    kilowatts = tuple(900 * load * each for each in turns)
    kilovars = tuple(320 * load * (1 + 1.3 * (each - 1)) for each in turns)
    volts = tuple(7967 * (1 - 0.09 * (each - 1)) for each in turns)
    whole = (sum(amps) / 3, sum(kilowatts), sum(kilovars))
    return (*amps, *kilowatts, *kilovars, *volts, *whole)
