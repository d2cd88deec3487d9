"""Energy by tariff: the activity calendar at work.

What each tariff counted follows from the calendars that were active and from the load; the sum of
all tariffs is the total, always.  Sums up to the begin of each month are kept once computed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta

from devices.meter import meter_clock
from devices.meter.calendar import DELIVERED, TARIFFS, Calendar, Plan, SpecialDay
from devices.meter.events import Event
from devices.meter.load import Energy
from devices.meter.state import MeterState
from devices.meter.timeline import Stretch

__all__ = ["TARIFFS", "Tariffs", "by_tariff", "periods", "present"]

SINCE = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
"""When meters began to count by tariff.  What they counted before stands in tariff 1."""

KEPT_S = 31 * 86_400

Shares = tuple[Energy, ...]


@dataclass(slots=True)
class Tariffs:
    """The calendars of one meter, past, present and to come."""

    plans: list[tuple[float, Plan]] = field(default_factory=lambda: [(SINCE, Plan(DELIVERED))])
    """Since when, by the world's time, each held."""
    passive: Calendar = field(default_factory=Calendar)
    activation: bytes = meter_clock.NOT_SPECIFIED
    """Attribute 10, when the passive calendar becomes the active one."""
    sums: list[tuple[float, Shares]] = field(default_factory=list)
    last: tuple[float, Shares] | None = None

    @classmethod
    def of(cls, meter: MeterState) -> Tariffs:
        return cls()

    @property
    def plan(self) -> Plan:
        """What decides now."""
        return self.plans[-1][1]

    def replace(self, plan: Plan, now: float) -> None:
        """Another plan decides from now on."""
        if self.plans[-1][0] >= now:
            self.plans.pop()
        self.plans.append((now, plan))
        self.last = None

    def activate(self, meter: MeterState, now: float) -> None:
        """The passive calendar becomes the active one."""
        self.replace(Plan(self.passive, self.plan.special_days), now)
        self.activation = meter_clock.NOT_SPECIFIED
        meter.happened(Event.CALENDAR_ACTIVATED, now)

    def set_special_days(self, days: tuple[SpecialDay, ...], now: float) -> None:
        """Other special days from now on."""
        self.replace(Plan(self.plan.calendar, days), now)

    def next_deadline(self, meter: MeterState) -> float | None:
        moment = self._activation(meter)
        return None if moment is None else meter.world_time(moment)

    def advance(self, meter: MeterState, now: float) -> None:
        moment = self._activation(meter)
        if moment is not None and moment <= meter.time(now):
            self.activate(meter, now)

    def _activation(self, meter: MeterState) -> float | None:
        if self.activation == meter_clock.NOT_SPECIFIED:
            return None
        return meter_clock.understood(self.activation, meter.rules)


def present(meter: MeterState, world: float) -> int:
    """The tariff at a moment, past or present."""
    return next(iter(periods(meter, world, world)))[1]


def by_tariff(meter: MeterState, world: float) -> Shares:
    """What tariffs 1 to 4 had counted at a moment, as integrals."""
    tariffs = meter.part(Tariffs)
    if tariffs.last is not None and tariffs.last[0] == world:
        return tariffs.last[1]
    place = bisect_right(tariffs.sums, world, key=lambda each: each[0])
    if place:
        since, shares = tariffs.sums[place - 1]
    else:
        since = min(SINCE, world)
        nothing = Energy()
        shares = (meter.metering.energy(since), nothing, nothing, nothing)
    newest = place == len(tariffs.sums)
    while newest and world - since > KEPT_S:
        shares = _add(meter, shares, since, since + KEPT_S)
        since += KEPT_S
        tariffs.sums.append((since, shares))
    shares = _add(meter, shares, since, world)
    tariffs.last = (world, shares)
    return shares


def _add(meter: MeterState, shares: Shares, begin: float, end: float) -> Shares:
    sums = list(shares)
    energy = meter.metering.energy
    before, running = energy(begin), 1
    for start, number in periods(meter, begin, end):
        there = energy(start)
        sums[running - 1] += there - before
        before, running = there, number
    sums[running - 1] += energy(end) - before
    return tuple(sums)


def periods(meter: MeterState, begin: float, end: float) -> Iterator[tuple[float, int]]:
    """From when, by the world's time, which tariff counts: the first from `begin` on."""
    existing = meter.existing(Tariffs)
    plans = [(SINCE, Plan(DELIVERED))] if existing is None else existing.plans
    if begin < SINCE:
        yield begin, 1
    for place, (since, plan) in enumerate(plans):
        until = plans[place + 1][0] if place + 1 < len(plans) else float("inf")
        first, last = max(since, begin), min(until, end)
        if first > last or (first == last == until):
            continue
        for stretch in reversed(list(meter.timeline.stretches(first, last))):
            yield from _of_stretch(plan, stretch)


def _of_stretch(plan: Plan, stretch: Stretch) -> Iterator[tuple[float, int]]:
    piece, rules = stretch.piece, stretch.piece.rules
    begin, end = piece.meter_time(stretch.begin), stretch.meter_end
    local = datetime.fromtimestamp(begin + rules.offset_s(begin), UTC)
    day = local.date()
    yield (
        stretch.begin,
        plan.tariff(day, (local - datetime.combine(day, time(), UTC)).total_seconds()),
    )
    last = rules.local_date(end)
    while day <= last:
        for seconds, number in plan.actions(day):
            moment = rules.utc_of(datetime.combine(day, time()) + timedelta(seconds=seconds))
            if begin < moment <= end:
                yield stretch.world_time(moment), number
        day += timedelta(days=1)
