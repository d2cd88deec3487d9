"""A store that rests after each work, so that others who write come between two of its own.

SQLite has no queue for writers: one that waits looks again every tenth of a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from headend.ports import Store, StoreUnavailable, Transaction

T = TypeVar("T")

REST_S: Final = 0.12
AGAIN_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Resting:
    """See the module."""

    store: Store

    async def run(self, work: Callable[[Transaction], T]) -> T:
        """See `ports.Store`.  Repeats a work for which there was no room among others'."""
        while True:
            try:
                result = await self.store.run(work)
            except StoreUnavailable:
                await asyncio.sleep(AGAIN_S)
                continue
            await asyncio.sleep(REST_S)
            return result
