"""Rolling up as a duty of the head-end: each day, the pages that came or changed since.

A page that is as it was rolled up costs nothing; late rows and corrected ones bring theirs back.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import structlog

from headend import trouble
from headend.collection.periods import period_of
from headend.collection.rollup import rolled_up
from headend.config.rollup import RollupPolicy
from headend.ports import Clock, Store, Transaction

DAY_MINUTES = 1440
AT_ONCE = 50
"""Pages that one transaction rolls up: orders wait for no longer."""

_log = structlog.get_logger("collection")


@dataclass(slots=True)
class RollingUp:
    """Rolls up `policy.after_s` after each midnight of `zone`, the utility's, and once when it
    begins."""

    store: Store
    clock: Clock
    zone: ZoneInfo
    policy: RollupPolicy
    errors: list[Exception] = field(default_factory=list)
    at_once: int = AT_ONCE

    async def run(self) -> None:
        """Until cancelled."""
        after = timedelta(seconds=self.policy.after_s)
        while True:
            try:
                _log.info("collected days rolled up", pages=await self.look())
            except Exception as error:
                trouble.note(self.errors, _log, "no days rolled up", error)
            _, following = period_of(self.clock.now() - after, DAY_MINUTES, self.zone)
            await asyncio.sleep(max(1.0, (following + after - self.clock.now()).total_seconds()))

    async def look(self) -> int:
        """Roll up the ended days of which something is new; how many pages."""
        today = self.clock.now().astimezone(self.zone).date()
        first, last = today - timedelta(days=self.policy.days), today - timedelta(days=1)
        pages = 0
        while found := await self.store.run(lambda tx: self._some(tx, first, last)):
            pages += found
        return pages

    def _some(self, tx: Transaction, first: date, last: date) -> int:
        wanted = tx.days_to_roll_up(first, last, self.at_once)
        for meter, profile, day in wanted:
            for page in tx.interval_days(meter, profile, day, day):
                layouts = {each: tx.layout(each) for each in {row.layout for row in page.rows}}
                tx.put_rolled_day(rolled_up(page, layouts, self.zone))
        return len(wanted)
