"""Security lines of the audit log leave for the utility's CERT: in their order, each at least once.

The log itself is the outbox: what has left is a mark in it, moved only once the CERT's server has
taken the lines.  Each message carries its line's number and digest: by them a second copy is known,
and the log's head is noted where nobody of ours can change it.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from headend import trouble
from headend.config import Syslog
from headend.domain.audit import AuditEntry
from headend.integration.outbox import NotDelivered
from headend.ports import Chance, Clock, Store, Transaction
from protocols.syslog import AUTHPRIV, SEQUENCE_MAX, SyslogMessage, encode

BATCH = 100
POLL_S = 10.0  # how soon a line is noticed that another process wrote, as `ami account add` does
VALUE_MAX = 200  # characters of one parameter: a message as a whole has 2,048 octets
APP = "ami-headend"

_log = structlog.get_logger("security events")


class Server(Protocol):
    """Where messages go."""

    async def deliver(self, messages: Sequence[bytes]) -> None:
        """Hand these over.  Raises `NotDelivered`, and then any number of them may have come."""
        ...


@dataclass(slots=True)
class SecurityEvents:
    """Tells the CERT, until cancelled."""

    store: Store
    clock: Clock
    chance: Chance
    policy: Syslog
    worker: str
    server: Server
    host: str = field(default_factory=socket.getfqdn)
    errors: list[Exception] = field(default_factory=list)
    _bell: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """A line was written: look now."""
        self._bell.set()

    async def run(self) -> None:
        """Deliver what there is, as it comes."""
        failures = 0
        while True:
            self._bell.clear()
            try:
                if await self.tell():
                    failures = 0
                    continue
                await self._rest(POLL_S, awake=True)
            except NotDelivered as error:
                failures += 1
                _log.warning("the CERT was not told", why=str(error), failures=failures)
                await self._rest(self._backoff(failures), awake=False)
            except Exception as error:
                failures += 1
                trouble.note(self.errors, _log, "security events rest", error)
                await self._rest(self._backoff(failures), awake=False)

    async def tell(self) -> int:
        """Deliver one batch; how many lines.  Raises `NotDelivered`."""

        def waiting(tx: Transaction) -> list[AuditEntry]:
            return tx.security_lines(tx.audit_told(), BATCH)

        entries = await self.store.run(waiting)
        if not entries:
            return 0
        await self.server.deliver([self._message(each) for each in entries])
        last = entries[-1].number
        await self.store.run(lambda tx: tx.set_audit_told(last))
        return len(entries)

    def _message(self, entry: AuditEntry) -> bytes:
        told = {
            "number": str(entry.number),
            "outcome": entry.outcome.value,
            "actor": entry.actor,
            "subject": entry.subject,
            "source": entry.source,
            "digest": entry.digest,
        }
        who = entry.actor or "nobody known"
        return encode(
            SyslogMessage(
                AUTHPRIV,
                int(entry.severity),
                entry.at,
                self.host,
                APP,
                self.worker,
                entry.action,
                {
                    "meta": {"sequenceId": str((entry.number - 1) % SEQUENCE_MAX + 1)},
                    f"ami@{self.policy.enterprise}": {
                        name: value[:VALUE_MAX] for name, value in told.items() if value
                    },
                },
                f"{entry.action} {entry.outcome}: {who}, {entry.subject}"
                + (f"; {entry.detail}" if entry.detail else ""),
            )
        )

    async def _rest(self, seconds: float, *, awake: bool) -> None:
        if not awake:
            await asyncio.sleep(seconds)
            return
        try:
            async with asyncio.timeout(seconds):
                await self._bell.wait()
        except TimeoutError:
            pass

    def _backoff(self, failures: int) -> float:
        policy = self.policy
        seconds = min(policy.retry_first_s * 2 ** min(failures - 1, 16), policy.retry_max_s)
        return seconds * self.chance.uniform("security events", 0.75, 1.25)
