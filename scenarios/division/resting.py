"""A store that rests after each work, so that others who write come between two of its own.

SQLite has no queue for writers: one that waits looks again every tenth of a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from headend.ports import Store, Transaction

T = TypeVar("T")

REST_S: Final = 0.12


@dataclass(frozen=True, slots=True)
class Resting:
    """See the module."""

    store: Store

    async def run(self, work: Callable[[Transaction], T]) -> T:
        """See `ports.Store`."""
        result = await self.store.run(work)
        await asyncio.sleep(REST_S)
        return result
