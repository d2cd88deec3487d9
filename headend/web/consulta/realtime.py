"""SCADA's present values, kept for a minute: so that a page need not wait for them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from headend.ports import Clock
from headend.ports.adapters import AdapterFailed, Adapters
from headend.web.consulta.asking import Conversation
from headend.web.consulta.measured import NOTHING, Present, present
from headend.web.consulta.naming import names_in

FRESH: Final = timedelta(seconds=60)
KEPT: Final = timedelta(minutes=5)
"""After so long without news a value is no longer the present one."""


@dataclass(slots=True)
class RealTime:
    """By SIAD's keys.  `failed` is why SCADA gave none when it was last asked."""

    adapters: Adapters
    clock: Clock
    failed: AdapterFailed | None = None
    asked: int = 0
    """How often there were news: another number, another answer."""
    _values: dict[str, tuple[datetime, Present]] = field(default_factory=dict)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def of(self, circuits: Sequence[str]) -> Mapping[str, Present]:
        """What is known now."""
        since = self.clock.now() - KEPT
        found = ((key, self._values.get(key)) for key in circuits)
        return {key: it[1] for key, it in found if it is not None and it[0] >= since}

    async def renew(self, circuits: Sequence[str]) -> int:
        """Ask SCADA about those that are not fresh; `asked`."""
        async with self._lock:
            now = self.clock.now()
            stale = [key for key in circuits if not self._fresh(key, now)]
            if not stale:
                return self.asked
            try:
                found = await asked_now(Conversation(self.adapters), stale)
                self.failed = None
            except AdapterFailed as error:
                self.failed, found = error, {}
            for key in stale:
                # One that SCADA does not have is not asked for again at once.
                self._values[key] = now, found.get(key, NOTHING)
            self.asked += 1
            return self.asked

    def _fresh(self, key: str, now: datetime) -> bool:
        known = self._values.get(key)
        return known is not None and now - known[0] < FRESH


async def asked_now(talk: Conversation, circuits: Sequence[str]) -> dict[str, Present]:
    """What SCADA shows of circuits of SIAD's.  Raises `AdapterFailed`."""
    names = await names_in(talk, "SCADA")
    wanted = {key: names[key] for key in circuits if key in names}
    found = await present(talk, [*wanted.values()])
    return {key: found[name] for key, name in wanted.items()}
