"""Bringing tariff calendars to meters.

A calendar that holds from a time on takes two orders: one that writes it and names the time, and
one just after the time that sees whether it is in force, and puts it in force where it is not.  A
later calendar makes both of an earlier one pointless.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from headend.domain.order import Kind, Order
from headend.orders.accept import Acceptance, Accepted, Submission, Wish
from headend.ports import Chance, Clock, Store, Transaction
from protocols.concentrator.messages import TariffWanted

CONFIRMED_AFTER = timedelta(minutes=5)
"""After its time a calendar is looked at: a meter's clock may be behind by less."""


@dataclass(frozen=True, slots=True)
class MeterTariffs:
    """Places orders for calendars.  `zone` is where the meters hang."""

    store: Store
    clock: Clock
    chance: Chance
    acceptance: Acceptance
    zone: ZoneInfo

    async def place(
        self,
        meter: str,
        calendar: TariffWanted,
        *,
        source: str,
        deadline: datetime | None = None,
    ) -> tuple[Order, ...]:
        """Store the orders; rejected where the meter may not be spoken to.

        Raises `Overloaded`, `StoreUnavailable`.
        """
        now, transaction = self.clock.now(), self.chance.uuid()

        def work(tx: Transaction) -> Accepted:
            wishes = calendar_wishes(meter, calendar, self.zone)
            submission = Submission(source, wishes, deadline=deadline)
            return self.acceptance.accept(tx, submission, transaction, at=now)

        accepted = await self.store.run(work)
        self.acceptance.announce(accepted)
        return accepted.orders


def calendar_wishes(meter: str, calendar: TariffWanted, zone: ZoneInfo) -> tuple[Wish, ...]:
    """What a calendar asks of a meter: to be written, and after its time to be looked at."""
    calendar = replace(calendar, zone=zone.key)
    wish = Wish(meter, Kind.SET_TARIFF, tariff=calendar)
    if calendar.activate_at is None:
        return (wish,)
    confirmed = Wish(
        meter,
        Kind.SET_TARIFF,
        start=calendar.activate_at + CONFIRMED_AFTER,
        tariff=replace(calendar, activate_at=None),
    )
    return wish, confirmed
