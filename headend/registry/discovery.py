"""Meters that concentrators discover: linked where the registry expects them, refused otherwise.

A name is only a claim; what is linked has proved itself to the concentrator by the keys that were
delivered with it, or it does not conform.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from headend import trouble
from headend.domain.discovery import Discovery
from headend.domain.life_cycle import Refusal, Step, taken, told
from headend.domain.meter import GATEWAY, Meter
from headend.ports import Chance, Clock, Store, Transaction
from headend.registry.lives import By, move
from protocols.concentrator.messages import AdmitMeter, Discovered, Downward, RefuseMeter

DISCOVERY = "discovery"
"""Who links what a concentrator found."""

_log = structlog.get_logger("registry")


class Courier(Protocol):
    """The way to a concentrator."""

    async def deliver(self, concentrator: str, message: Downward) -> bool: ...


@dataclass(slots=True)
class Discoveries:
    """Decides on what was discovered, and lets the concentrator know."""

    store: Store
    clock: Clock
    chance: Chance
    courier: Courier
    retry_s: float = 300.0
    errors: list[Exception] = field(default_factory=list)
    _answers: dict[tuple[str, str], Discovery] = field(default_factory=dict)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def found(self, concentrator: str, word: Discovered) -> bool:
        """Keep what was found, and what is decided; True: it need not be told again."""
        decided = await self.store.run(lambda tx: self._decide(tx, concentrator, word))
        self._answers[concentrator, word.module] = decided
        self._news.set()
        _log.info(
            "meter discovered",
            concentrator=concentrator,
            module=word.module,
            identity=word.identity,
            admitted=decided.admitted,
            why=decided.why,
        )
        return True

    async def run(self) -> None:
        """Tell concentrators what was decided, until cancelled."""
        while True:
            self._news.clear()
            waiting = list(self._answers.values())
            await asyncio.gather(*map(self._answer, waiting))
            try:
                async with asyncio.timeout(self.retry_s if self._answers else None):
                    await self._news.wait()
            except TimeoutError:
                pass

    async def _answer(self, decided: Discovery) -> None:
        key = decided.concentrator, decided.module
        try:
            if await self.courier.deliver(decided.concentrator, self._message(decided)):
                if self._answers.get(key) is decided:
                    del self._answers[key]
        except Exception as error:
            trouble.note(self.errors, _log, "no answer", error, concentrator=decided.concentrator)

    def _message(self, decided: Discovery) -> Downward:
        message_id = self.chance.uuid()
        if decided.admitted and decided.meter is not None:
            return AdmitMeter(id=message_id, module=decided.module, meter=decided.meter)
        return RefuseMeter(id=message_id, module=decided.module, why=decided.why)

    def _decide(self, tx: Transaction, concentrator: str, word: Discovered) -> Discovery:
        meter = tx.meter_titled(word.title) if word.title else None
        meter = meter or (tx.meter_called(word.identity) if word.identity else None)
        why = _against(meter, concentrator, word)
        decided = Discovery(
            concentrator,
            word.module,
            self.clock.now(),
            word.identity,
            word.title,
            word.conforms,
            word.findings,
            admitted=why is None,
            meter=None if meter is None else meter.name,
            why=why or "",
        )
        if why is None and meter is not None and meter.concentrator is None:
            by = By(DISCOVERY, decided.at, f"found by {concentrator}")
            move(tx, meter, Step.LINK, by, concentrator=concentrator)
        tx.put_discovery(decided)
        return decided


def _against(meter: Meter | None, concentrator: str, word: Discovered) -> str | None:
    """Why it is not taken, or None."""
    if not word.conforms:
        return f"it does not conform: {'; '.join(word.findings)}"
    if meter is None:
        return "it is not in the registry"
    if meter.blocked:
        return "it is blocked"
    if meter.concentrator is not None and meter.concentrator != concentrator:
        return f"it is linked to {meter.concentrator}"
    if meter.concentrator is None and meter.address not in (None, GATEWAY):
        return f"it is reached by another way, {meter.address}"
    refused = taken(meter, Step.LINK, concentrator=concentrator)
    if isinstance(refused, Refusal):
        return f"it is {told(refused.stage)}: {refused.why}"
    return None
