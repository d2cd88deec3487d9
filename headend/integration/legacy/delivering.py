"""Fills the tables of what meters told from what the head-end stores, with exactly one effect.

What is owed stands in the head-end's database from the transaction on that stored it.  A delivery
reads a batch of it, brings the legacy database's rows to the state that the store has now, commits
there, and only then settles what had not changed meanwhile.  Ended anywhere in between, it is done
again and finds nothing to change.  While the other database is away, what is owed waits: each thing
once, however often it changes.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Connection

from headend import trouble
from headend.integration.legacy import correcting
from headend.integration.legacy.correcting import Changes
from headend.integration.legacy.database import LegacyDatabase
from headend.integration.legacy.gathering import Gathered, gather
from headend.ports import Clock, StoreUnavailable
from headend.store.change_schema import OWING
from headend.store.store import SqlStore
from headend.store.transaction import SqlTransaction, in_words

LIVE_POLL_S = 30.0  # how soon what another process stored is noticed
SIMULATED_POLL_S = 300.0
REST_FIRST_S, REST_MAX_S = 5.0, 300.0

_log = structlog.get_logger("legacy")


@dataclass(slots=True)
class Delivering:
    """`enabled` False: nothing is owed any more, from the next run on."""

    store: SqlStore
    legacy: LegacyDatabase
    clock: Clock
    zone: ZoneInfo
    enabled: bool = True
    poll_s: float = LIVE_POLL_S
    errors: list[Exception] = field(default_factory=list)
    _bell: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """Something is owed."""
        self._bell.set()

    async def run(self) -> None:
        """Until cancelled."""
        rest_s = REST_FIRST_S
        while True:
            self._bell.clear()
            try:
                if not self.enabled:
                    await self.stop()
                    return
                while await self.deliver():
                    await asyncio.sleep(0)
                rest_s = REST_FIRST_S
            except StoreUnavailable as error:
                _log.warning("the legacy database is not filled", why=str(error))
                await asyncio.sleep(rest_s)
                rest_s = min(REST_MAX_S, 2 * rest_s)
                continue
            except Exception as error:
                trouble.note(self.errors, _log, "the legacy database is not filled", error)
                await asyncio.sleep(rest_s)
            try:
                async with asyncio.timeout(self.poll_s):
                    await self._bell.wait()
            except TimeoutError:
                pass

    async def deliver(self) -> bool:
        """One delivery; whether there may be more."""
        if not (self._marked() and await self.legacy.carry_out(correcting.begun)):
            await self._begin()
        now = self.clock.now()
        gathered, changes = await self.legacy.carry_out(lambda there: self._written(there, now))
        if not gathered.lines and not gathered.troubles:
            return False
        await self._settle(gathered)
        for line, why in gathered.troubles.items():
            _log.error("not to be delivered as it is", line=line, why=why)
        _log.debug(
            "delivered",
            things=len(gathered.lines),
            new=changes.new,
            corrected=changes.corrected,
            withdrawn=changes.withdrawn,
        )
        return True

    async def stop(self) -> None:
        """Owe nothing any more."""
        self.store.owing = False
        if self._marked():
            await in_words(self.store, lambda tx: tx.owe_nothing())

    def _marked(self) -> bool:
        """Whether everything that was stored since the beginning is owed, or was."""
        return bool(
            self.store.read(lambda connection: SqlTransaction(connection).change_mark(OWING))
        )

    async def _begin(self) -> None:
        """A database that is new, or was left out for a while, is owed everything.  That is kept
        before the other database is told that it has begun."""
        self.store.owing = True
        count = await in_words(self.store, lambda tx: tx.owe_everything())
        now = self.clock.now()
        await self.legacy.carry_out(lambda there: correcting.begin(there, now))
        _log.info("the legacy database is filled from the beginning", things=count)

    def _written(self, there: Connection, now: datetime) -> tuple[Gathered, Changes]:
        """Within the other database's transaction: nobody else delivers until its end, so that what
        is read of the store now is the newest that was ever written there."""
        correcting.begun(there)
        gathered = self.store.read(lambda here: gather(here, self.zone))
        changes = correcting.deliver(there, gathered.stretches, now)
        if gathered.lines:
            correcting.tell_end(there, changes, now)
        return gathered, changes

    async def _settle(self, gathered: Gathered) -> None:
        def work(tx: SqlTransaction) -> None:
            tx.settle_owed(gathered.lines)
            for line, why in gathered.troubles.items():
                tx.note_owed_trouble(line, why)

        await in_words(self.store, work)
