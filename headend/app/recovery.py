"""A head-end that came back from a backup, until somebody lets it send.

Meanwhile it hears: uploads, pushes and results are stored and receipted, orders are accepted and
wait.  The only thing that leaves is an association with each meter that has keys, by which the
meter names its counter and proves the key (`DirectField.associate`).  The counters had jumped
before that, so that none which the lost life may have used is sent, whoever answers in the meter's
name.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from headend import trouble
from headend.domain.failure import Failure
from headend.domain.meter import Meter
from headend.domain.reason import ReasonCode
from headend.domain.restoration import Raised, RestoredKey, Standing
from headend.field.direct.performing import DirectField
from headend.models import BadModel
from headend.ports import Clock, KeysUnreadable, Store, Transaction
from headend.store.restoration import with_standing

LOOK_S = 5.0  # how soon it is noticed that sending may begin
AGAIN_S = 300.0  # until a meter that did not answer is asked once more
AT_ONCE = 16  # meters that are asked at the same time
PATIENCE = timedelta(minutes=3)  # for one meter

_log = structlog.get_logger("recovery")


@dataclass(slots=True)
class Recovery:
    """See the module."""

    store: Store
    clock: Clock
    direct: DirectField
    errors: list[Exception] = field(default_factory=list)

    async def stopped(self) -> bool:
        """Whether nothing may be sent yet."""
        last = await self.store.run(lambda tx: tx.restoration())
        return last is not None and last.standing is Standing.RESTORED

    async def until_resumed(self) -> None:
        """Ask meters for their counters until somebody lets the head-end send."""
        asking = asyncio.create_task(self._ask_all(), name="recovery")
        try:
            while await self._still_stopped():
                await asyncio.sleep(LOOK_S)
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    async def _still_stopped(self) -> bool:
        try:
            return await self.stopped()
        except Exception as error:
            trouble.note(self.errors, _log, "nobody can say whether sending may begin", error)
            return True

    async def _ask_all(self) -> None:
        """First each that waits, and then again and again those that could not be reached."""
        wanted = {Raised.WAITING}
        while True:
            try:
                keys = await self.store.run(lambda tx: tx.restored_keys())
                places = asyncio.Semaphore(AT_ONCE)
                async with asyncio.TaskGroup() as group:
                    for key in keys:
                        if key.standing in wanted:
                            group.create_task(self._ask(key, places))
            except Exception as error:
                trouble.note(self.errors, _log, "meters could not be asked", error)
            wanted = {Raised.WAITING, Raised.ASSUMED}
            await asyncio.sleep(AGAIN_S)

    async def _ask(self, key: RestoredKey, places: asyncio.Semaphore) -> None:
        async with places:
            standing, told = await self._standing(key)
            asked = with_standing(key, standing, told, self.clock.now())
            await self.store.run(lambda tx: tx.save_restored_key(asked))

    async def _standing(self, key: RestoredKey) -> tuple[Raised, str]:
        meter = await self.store.run(lambda tx: _meter(tx, key.meter))
        if meter is None or (meter.address is None and not meter.by_gateway):
            return Raised.ASSUMED, "no line of ours leads to it"
        try:
            role = self._role(meter, key.client)
            if role is None:
                return (
                    Raised.ASSUMED,
                    f"its model has no association of ours as client {key.client}",
                )
            found = await self.direct.associate(meter, role, self.clock.now() + PATIENCE)
        except (BadModel, KeysUnreadable) as error:
            return Raised.ASSUMED, str(error)
        if not isinstance(found, Failure):
            return Raised.RAISED, "it has named its counter, and has the key"
        if found.reason is ReasonCode.WRONG_KEY_OR_COUNTER:
            return Raised.WRONG_KEY, str(found)
        return Raised.ASSUMED, str(found)

    def _role(self, meter: Meter, client: int) -> str | None:
        model = self.direct.shelf.get(meter.model)
        for role in (model.acts_as, model.reads_as):
            if model.association[role].client == client and model.association[role].ciphers:
                return role
        return None


def _meter(tx: Transaction, name: str) -> Meter | None:
    return tx.meter(name)
