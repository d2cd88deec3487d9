"""The duty that gives every campaign its turns, until there is nothing left of any."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import structlog

from headend import trouble
from headend.campaigns.turning import Turn, Turning
from headend.orders.accept import Overloaded
from headend.ports import Chance, Clock, Store

LOOK_S = 5.0  # how soon orders that ended are noticed
LIVE_IDLE_S = 2.0  # how soon a campaign is noticed that another process has started
SIMULATED_IDLE_S = 60.0  # there is no other process

_log = structlog.get_logger("campaigns")


@dataclass(slots=True)
class Advancing:
    """Looks after all campaigns of a database."""

    store: Store
    clock: Clock
    chance: Chance
    turning: Turning
    idle_s: float = LIVE_IDLE_S
    errors: list[Exception] = field(default_factory=list)
    _bell: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """Look now: a campaign was started or steered."""
        self._bell.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._bell.clear()
            rest_s = LOOK_S if await self.advance() else self.idle_s
            try:
                async with asyncio.timeout(rest_s):
                    await self._bell.wait()
            except TimeoutError:
                pass

    async def advance(self) -> bool:
        """Give each campaign turns until it waits for something; whether there is any."""
        try:
            numbers = await self.store.run(lambda tx: tx.campaigns_going_on())
        except Exception as error:
            trouble.note(self.errors, _log, "no look for campaigns", error)
            return False
        found = bool(numbers)
        # Each has one turn before any has its next: an emergency does not wait behind a long one.
        while numbers:
            numbers = [number for number in numbers if await self._turn(number)]
        return found

    async def _turn(self, number: int) -> bool:
        """One turn; whether another would find something to do."""
        now, transaction = self.clock.now(), self.chance.uuid()
        try:
            turn: Turn = await self.store.run(
                lambda tx: self.turning.turn(tx, number, transaction, now)
            )
        except Overloaded:
            _log.warning("too many orders wait; a campaign rests", campaign=number)
            return False
        except Exception as error:
            trouble.note(self.errors, _log, "a campaign rests", error, campaign=number)
            return False
        if turn.accepted is not None:
            self.turning.acceptance.announce(turn.accepted)
        return turn.more
