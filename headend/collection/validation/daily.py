"""Validation as a duty of the head-end: each day, what came or changed since the last look.

It looks at days that have ended, once most of their rows are here.  A day that has been looked at
and has no new rows costs nothing; late rows and corrected ones bring theirs back.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from headend import trouble
from headend.collection.periods import period_of
from headend.collection.validation.desk import Validation
from headend.config import ValidationPolicy

DAY_MINUTES = 1440

_log = structlog.get_logger("collection")


@dataclass(slots=True)
class DailyValidation:
    """Looks `policy.after_s` after each midnight of the utility's, and once when it begins."""

    validation: Validation
    policy: ValidationPolicy
    errors: list[Exception] = field(default_factory=list)

    async def run(self) -> None:
        """Until cancelled."""
        clock = self.validation.clock
        after = timedelta(seconds=self.policy.after_s)
        while self.policy.enabled:
            try:
                looks = await self.look()
                _log.info("collected days validated", looks=looks)
            except Exception as error:
                trouble.note(self.errors, _log, "no validation", error)
            _, following = period_of(clock.now() - after, DAY_MINUTES, self.validation.zone)
            await asyncio.sleep(max(1.0, (following + after - clock.now()).total_seconds()))

    async def look(self) -> int:
        """Look at the ended days of which something is new; how many looks at a day."""
        today = self.validation.clock.now().astimezone(self.validation.zone).date()
        since = today - timedelta(days=self.policy.days)
        return await self.validation.catch_up(since, until=today - timedelta(days=1))
