"""Keeping meters' clocks right: an order of each meter when somebody asks, and round after round.

A round begins with each day, week or month of the utility's calendar.  Its orders are spread, each
meter always at the same moment of it; an order's correlation id names meter and round, so that no
restart and no second worker asks twice.  What a clock showed, and what was done, is kept by meter.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from headend import trouble
from headend.config import ClockPolicy
from headend.domain.order import SCHEDULED, Kind, Order
from headend.orders.accept import Acceptance, Accepted, Overloaded, Submission, Wish
from headend.ports import Chance, Clock, Store, Transaction
from protocols.concentrator.messages import ClockWanted

SOURCE = "clocks"
STEPS = 60
"""Into so many moments a round's spread is divided: each is one look at who is next."""

_log = structlog.get_logger("clocks")


@dataclass(slots=True)
class MeterClocks:
    """Places orders to keep clocks right.  `zone` is where the meters hang."""

    store: Store
    clock: Clock
    chance: Chance
    acceptance: Acceptance
    policy: ClockPolicy
    zone: ZoneInfo
    errors: list[Exception] = field(default_factory=list)

    async def place(
        self,
        meter: str,
        *,
        source: str,
        deadline: datetime | None = None,
        priority: int | None = None,
        correlation_id: str | None = None,
    ) -> Order | None:
        """Store an order to measure a meter's clock, and to put it right where it is off; rejected
        where the meter may not be spoken to.  None where this correlation has one already.

        Raises `Overloaded`, `StoreUnavailable`.
        """
        now, transaction = self.clock.now(), self.chance.uuid()

        def work(tx: Transaction) -> Accepted | None:
            if correlation_id is not None and tx.orders_of(correlation_id=correlation_id):
                return None
            submission = Submission(
                source,
                (replace(clock_wish(meter, self.policy, self.zone), priority=priority),),
                correlation_id=correlation_id,
                deadline=deadline,
            )
            return self.acceptance.accept(tx, submission, transaction, at=now)

        accepted = await self.store.run(work)
        if accepted is None:
            return None
        self.acceptance.announce(accepted)
        return accepted.orders[0]

    async def run(self) -> None:
        """Round after round, until cancelled."""
        while self.policy.every != "never":
            begun, following = round_of(self.policy, self.clock.now(), self.zone)
            try:
                await self._round(begun, following)
            except Exception as error:
                trouble.note(self.errors, _log, "no round of clocks", error)
            await asyncio.sleep(max(0.0, (following - self.clock.now()).total_seconds()))

    async def _round(self, begun: datetime, following: datetime) -> None:
        meters = await self.store.run(lambda tx: tx.meters_within_reach())
        for at, group in in_steps(meters, begun, self.policy.spread_s):
            await asyncio.sleep(max(0.0, (at - self.clock.now()).total_seconds()))
            if self.clock.now() >= following:
                return
            for meter in group:
                key = f"{SOURCE}/{meter}/{begun:%Y%m%dT%H%MZ}"
                try:
                    await self.place(
                        meter,
                        source=SOURCE,
                        deadline=following,
                        priority=SCHEDULED,
                        correlation_id=key,
                    )
                except Overloaded:
                    _log.warning("too many orders wait; clocks are left to the next round")
                    return


def clock_wish(meter: str, policy: ClockPolicy, zone: ZoneInfo) -> Wish:
    """What is wanted of a meter's clock, by the policy."""
    wanted = ClockWanted(policy.tolerance_s, policy.shift_max_s, zone.key)
    return Wish(meter, Kind.SET_CLOCK, clock=wanted)


def round_of(policy: ClockPolicy, now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """When the round under way began, and when the next one will; UTC."""
    after = timedelta(seconds=policy.after_s)
    first = (now - after).astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    match policy.every:
        case "week":
            first -= timedelta(days=first.weekday())
            following = first + timedelta(days=7)
        case "month":
            first = first.replace(day=1)
            following = (first + timedelta(days=32)).replace(day=1)
        case _:
            following = first + timedelta(days=1)
    return first.astimezone(UTC) + after, following.astimezone(UTC) + after


def in_steps(
    meters: Iterable[str], begun: datetime, spread_s: float
) -> list[tuple[datetime, list[str]]]:
    """Who has its turn when: always at the same moment of a round, and each at another."""
    steps: dict[datetime, list[str]] = {}
    for meter in meters:
        step = zlib.crc32(f"{SOURCE}/{meter}".encode()) % STEPS
        steps.setdefault(begun + timedelta(seconds=spread_s) * step / STEPS, []).append(meter)
    return sorted(steps.items())
