"""What the head-end leans on, and what goes wrong with it: callback address, broker, database.

Each trouble is made by the real thing where there is one: a second connection holds SQLite's lock,
a page limit makes it full.  The broker and the commercial system's door are stand-ins anyway.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from headend.app.head_end import CallbackFailed, SqlStore
from headend.app.sessions import Bus
from headend.ports import Transaction
from protocols.cim import replies, xml
from scenarios.fault_spec import SURROUNDINGS, FaultSpec
from scenarios.parts import seconds
from scenarios.stand_ins.commercial import CommercialSystem

T = TypeVar("T")

LAN_DELAY_S = 0.001
LOCK_WAIT_S = 5.0  # `busy_timeout` of the store's connection, waited for on the simulated clock


@dataclass(slots=True)
class Surroundings:
    """The troubles that hold now, and the places where they show."""

    bus: Bus
    commercial: CommercialSystem
    callback_timeout_s: float
    tell: Callable[..., None]  # writes into the world's log, which no head-end reads
    _now: list[FaultSpec] = field(default_factory=list)
    _holder: sqlite3.Connection | None = None

    async def course(self, spec: FaultSpec, database: Path) -> None:
        """One trouble from its begin to its end."""
        await asyncio.sleep(seconds(spec.at))
        self._now.append(spec)
        self._apply(spec, database)
        target = SURROUNDINGS[spec.kind.partition("-")[0]]
        self.tell("fault", fault=spec.kind, target=target)
        if spec.until is None:
            return
        await asyncio.sleep(seconds(spec.until) - seconds(spec.at))
        self._now.remove(spec)
        self._lift(spec)
        self.tell("fault-over", fault=spec.kind, target=target)

    def _apply(self, spec: FaultSpec, database: Path) -> None:
        match spec.kind:
            case "broker-down":
                self.bus.stop()
            case "broker-restart":
                self.bus.stop(forgets=True)
            case "database-locked" if self._holder is None:
                self._holder = sqlite3.connect(database, isolation_level=None)
                self._holder.execute("BEGIN IMMEDIATE")

    def _lift(self, spec: FaultSpec) -> None:
        if spec.kind.startswith("broker-") and not self._any("broker-down", "broker-restart"):
            self.bus.start()
        if spec.kind == "database-locked" and not self._any("database-locked"):
            self.close()

    def close(self) -> None:
        """Let go of the database."""
        if self._holder is not None:
            self._holder.close()
            self._holder = None

    def _any(self, *kinds: str) -> bool:
        return any(spec.kind in kinds for spec in self._now)

    def _delay_s(self, kind: str) -> float:
        """How much longer something takes: as long as the worst trouble says."""
        return max((seconds(s.delay or "0s") for s in self._now if s.kind == kind), default=0.0)

    # --- where they show -------------------------------------------------------------------------

    async def post(self, address: str, octets: bytes, operation: str) -> bytes:
        """The commercial system's own SOAP door (`headend.soap.outbound.callback.Callback`)."""
        await asyncio.sleep(LAN_DELAY_S)
        if self._any("callback-down"):
            raise CallbackFailed("ConnectError: connection refused")
        for spec in self._now:
            if spec.kind == "callback-error":
                raise CallbackFailed(f"HTTP {spec.code or 503} with an empty answer")
        body = xml.parse(octets)[0][0]
        try:
            answer = self.commercial.receive(xml.serialize(body))
        except ConnectionError as error:
            raise CallbackFailed(str(error)) from error
        if (delay_s := self._delay_s("callback-slow")) > self.callback_timeout_s:
            await asyncio.sleep(
                self.callback_timeout_s
            )  # it has stored what came, and says so late
            raise CallbackFailed("no complete answer in time")
        await asyncio.sleep(delay_s)
        return xml.serialize(replies.soap_envelope(xml.parse(answer)))

    async def before_work(self) -> None:
        """What a transaction waits for."""
        if (delay_s := self._delay_s("database-slow")) > 0:
            await asyncio.sleep(delay_s)
        if self.locked:
            await asyncio.sleep(LOCK_WAIT_S)

    @property
    def locked(self) -> bool:
        """Whether somebody else writes to the database and does not end."""
        return self._holder is not None

    @property
    def full(self) -> bool:
        """Whether the database's disk has no room left."""
        return self._any("database-full")


class TroubledStore(SqlStore):
    """A head-end's store whose database may be locked, full or slow.

    Without a trouble each work runs at once, as under the simulated clock it always does.
    """

    def __init__(self, url: str, around: Surroundings) -> None:
        super().__init__(url, live=False)
        self._around = around
        self._full = False
        self.wait_for_others(0)

    async def run(self, work: Callable[[Transaction], T]) -> T:
        await self._around.before_work()
        if self._around.full is not self._full and not self._around.locked:
            self._full = self._around.full
            self.limit(full=self._full)
        return await super().run(work)
