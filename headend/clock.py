"""The head-end's time of day.  With `devices/clock`, the only place that asks a machine for it.

Waiting goes through asyncio; a clock only says what time it is.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta


class WallClock:
    """The machine's own time of day."""

    def now(self) -> datetime:
        """Aware, UTC."""
        return datetime.now(UTC)


class LoopClock:
    """A time of day that rides on the running event loop's time.

    `epoch` is the date at which the loop's time was zero: on a simulated loop, its start.  A loop
    that jumps then takes the date with it.  Rounded to the microsecond, as dates are.
    """

    def __init__(self, epoch: datetime) -> None:
        if epoch.tzinfo is None:
            raise ValueError("an epoch needs a time zone")
        self._epoch = epoch.astimezone(UTC)

    def now(self) -> datetime:
        """Aware, UTC.  Only inside a running loop."""
        return self._epoch + timedelta(seconds=asyncio.get_running_loop().time())
