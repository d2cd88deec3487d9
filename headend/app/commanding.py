"""What a command asks of a meter beside reads, entered into a database: the head-end that works on
it, here or elsewhere, sees the order before long."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from headend.access import lines
from headend.app.access import by_command
from headend.app.calendar import working_days
from headend.chance import SystemChance
from headend.clock import WallClock
from headend.config import Config
from headend.domain.account import Permission
from headend.domain.order import Order
from headend.orders.accept import Acceptance, Overloaded
from headend.orders.settle import Settling
from headend.ports import StoreUnavailable
from headend.registry.meter_clocks import MeterClocks
from headend.registry.meter_tariffs import MeterTariffs
from headend.registry.tariff_file import BadCalendar, parse
from headend.store.store import SqlStore
from protocols.concentrator.messages import TariffWanted

__all__ = ["BadCalendar", "Overloaded", "StoreUnavailable", "parse", "place_clock", "place_tariff"]


@dataclass(frozen=True, slots=True)
class _Desk:
    store: SqlStore
    clock: WallClock
    chance: SystemChance
    acceptance: Acceptance
    zone: ZoneInfo

    async def write(self, order: Order, what: str) -> None:
        """The audit log's line on an order that a command has placed."""
        by = by_command()
        line = lines.done(
            self.clock.now(),
            by.actor,
            Permission.METER_ADJUST,
            f"meter {order.meter}",
            f"order {order.number}: {what}: {order.state}",
            source=by.source,
        )
        await self.store.run(lambda tx: tx.add_audit(line))


async def place_clock(config: Config, meter: str, *, source: str) -> Order:
    """Order that a meter's clock be measured, and put right where it is off.

    Raises `Overloaded`, `StoreUnavailable`.
    """
    async with _desk(config) as desk:
        clocks = MeterClocks(
            desk.store, desk.clock, desk.chance, desk.acceptance, config.clock, desk.zone
        )
        order = await clocks.place(meter, source=source)
        assert order is not None, "no correlation, so none that was there"
        await desk.write(order, "set-clock")
        return order


async def place_tariff(
    config: Config,
    meter: str,
    calendar: TariffWanted,
    *,
    source: str,
    deadline: datetime | None = None,
) -> tuple[Order, ...]:
    """Order a calendar for a meter.  Raises `Overloaded`, `StoreUnavailable`."""
    async with _desk(config) as desk:
        tariffs = MeterTariffs(desk.store, desk.clock, desk.chance, desk.acceptance, desk.zone)
        orders = await tariffs.place(meter, calendar, source=source, deadline=deadline)
        await desk.write(orders[0], f"set-tariff {calendar.name}")
        return orders


@asynccontextmanager
async def _desk(config: Config) -> AsyncIterator[_Desk]:
    clock, chance, policy = WallClock(), SystemChance(), config.orders
    store = SqlStore(config.database, live=True)
    try:
        settling = Settling(chance, policy, lambda: None)
        acceptance = Acceptance(policy, working_days(policy), settling, lambda lanes: None)
        yield _Desk(store, clock, chance, acceptance, ZoneInfo(policy.zone))
    finally:
        await store.close()
