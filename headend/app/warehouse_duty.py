"""The data store's daily work: load what changed, then make the reports whose period is over."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from headend import trouble
from headend.config import Config
from headend.domain.utility_day import span_of
from headend.ports import Clock
from headend.store.store import SqlStore

_log = structlog.get_logger("warehouse")


@dataclass(slots=True)
class WarehouseDuty:
    """Works once a day, `after_s` past the utility's midnight, and once when it is taken up."""

    store: SqlStore
    clock: Clock
    config: Config
    live: bool
    errors: list[Exception] = field(default_factory=list)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            policy = self.config.warehouse
            try:
                work = self.work
                await (asyncio.to_thread(work) if self.live else _at_once(work))
                wait_s = (self._next() - self.clock.now()).total_seconds()
            except Exception as error:
                trouble.note(self.errors, _log, "the data store was not loaded", error)
                wait_s = policy.retry_s
            await asyncio.sleep(max(1.0, wait_s))

    def work(self) -> None:
        """One round.  Raises what goes wrong; what is done already is not done again."""
        from headend.app.warehousing import StoreSource, today
        from headend.warehouse import quality, reports, requests
        from headend.warehouse.load import load
        from headend.warehouse.place import Place
        from headend.warehouse.scope import named

        policy, zone, now = self.config.warehouse, self._zone, self.clock.now()
        assert policy.place is not None
        place = Place(policy.place)
        done = load(place, StoreSource.of(self.store, zone, now), now=now, today=today(now, zone))
        quality.keep(place, done.manifest, done.days)
        for each in self.config.reports:
            reports.make(
                place, done.manifest, each.report,
                reports.period_before(each.every, today(now, zone)), language=each.language,
                scope=None if each.party is None else named(policy, each.party),
                zone=zone.key, now=now,
            )  # fmt: skip
        requests.catch_up(place, done.manifest, lambda party: named(policy, party), zone.key, now)

    @property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.config.orders.zone)

    def _next(self) -> datetime:
        """When it is due again."""
        now = self.clock.now()
        day = now.astimezone(self._zone).date()
        for each in (day, day + timedelta(days=1)):
            begin = span_of(each, self._zone).begin
            due = datetime.fromtimestamp(begin + self.config.warehouse.after_s, self._zone)
            if due > now:
                return due
        return due + timedelta(days=1)


async def _at_once(work: object) -> None:
    assert callable(work)
    work()
