"""What arrives from the field unasked: late results, fault logs, concentrators that come and go."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from headend.domain.evidence import (
    Evidence,
    Source,
    folded,
    why_concentrator_is_unreachable,
)
from headend.domain.order import Order, State
from headend.domain.reason import REASONS, ReasonCode
from headend.domain.restoration import Stray
from headend.orders.breaker import Breaker
from headend.orders.judge import evidence_of_faults
from headend.orders.settle import Settling
from headend.orders.step import Stepping
from headend.ports import Clock, Store, Transaction
from protocols.concentrator.messages import FaultEntry, Result, encode

# How long after its end an order may still be explained by a fault log.
EXPLAINED_WITHIN = timedelta(days=7)
# A modem that fails tries again, and logs each try, after 6 min 15 s at most (docs/models.md): a
# fault that held during a short order has a line at most so long before it.
BETWEEN_LINES = timedelta(minutes=6, seconds=15)

_UNEXPLAINED = (
    ReasonCode.CONCENTRATOR_UNREACHABLE,
    ReasonCode.CONCENTRATOR_UNREACHABLE_UNKNOWN,
    ReasonCode.MODEM_FAULT,
    ReasonCode.SIM_FAULT,
    ReasonCode.APN_REFUSED,
    ReasonCode.EFFECT_NOT_KNOWN,
)

Span = tuple[Evidence, datetime]
"""A line of a fault log, and when what it tells of began."""

_log = structlog.get_logger("field")


@dataclass(frozen=True, slots=True)
class Hearing:
    """Implements `ports.FieldListener`."""

    store: Store
    clock: Clock
    stepping: Stepping
    settling: Settling
    breaker: Breaker
    wake: Callable[[Iterable[str]], None]
    worker: str = ""

    async def in_other_hands(self, order: int) -> bool:
        """See `ports.FieldListener`."""
        now = self.clock.now()
        holder = await self.store.run(lambda tx: tx.held_by(order, now))
        return holder not in (None, self.worker)

    async def late_result(self, concentrator: str, result: Result) -> None:
        number = int(result.order) if re.fullmatch("[0-9]{1,18}", result.order) else 0
        order = await self.store.run(lambda tx: tx.order(number))
        if order is None and await self._keep_stray(concentrator, number, result):
            _log.warning("result of an order that a backup does not know", order=result.order)
        elif order is None or order.concentrator != concentrator:
            _log.warning(
                "result of an unknown order",
                concentrator=concentrator,
                order=result.order,
            )
        elif result.attempt == order.commanded and order.state in (
            State.DISPATCHED,
            State.EXECUTING,
            State.UNKNOWN,
        ):
            await self.stepping.conclude_late(order, result)
        elif order.verify_at is not None:
            # Ended as "effect not known": let the next look come at once and ask properly.
            await self.came_online(concentrator, result.at)

    async def _keep_stray(self, concentrator: str, number: int, result: Result) -> bool:
        """Whether it is of the life between a backup and its restoration: then it is kept, as the
        concentrator forgets it once we have a receipt."""
        now = self.clock.now()

        def work(tx: Transaction) -> bool:
            restored = tx.restoration()
            if restored is None or not restored.order_before < number <= restored.order_after:
                return False
            tx.add_stray(
                Stray(
                    concentrator, number, result.attempt, result.meter, result.action,
                    result.status, result.at, now, encode(result),
                )
            )  # fmt: skip
            return True

        return await self.store.run(work)

    async def came_online(self, concentrator: str, at: datetime) -> None:
        self.breaker.succeeded(concentrator)
        now = self.clock.now()
        await self.store.run(lambda tx: tx.hasten(concentrator, now))
        self.wake([concentrator])

    async def meter_reachable(self, concentrator: str, meter: str) -> None:
        now = self.clock.now()
        if await self.store.run(lambda tx: tx.hasten_meter(concentrator, meter, now)):
            self.wake([concentrator])

    async def went_offline(self, concentrator: str, at: datetime) -> None:
        _log.info("concentrator offline", concentrator=concentrator, at=at.isoformat())

    async def learned(self, concentrator: str, entries: Sequence[FaultEntry]) -> None:
        """Explain orders that ended while the concentrator was away; let those that wait know."""
        if not entries:
            return
        evidence = evidence_of_faults(entries)
        spans = [
            (item, entry.since or item.at) for item, entry in zip(evidence, entries, strict=True)
        ]
        now = self.clock.now()

        def work(tx: Transaction) -> list[Order]:
            tx.add_evidence(concentrator, evidence)
            for order in tx.open_orders_of_concentrator(concentrator):
                if fresh := _fresh(order, spans, now):
                    noted = replace(order, evidence=order.evidence + fresh)
                    if noted.reason in _UNEXPLAINED:
                        reason = why_concentrator_is_unreachable(noted.evidence)
                        noted = replace(noted, reason=reason)
                    tx.save_order(noted, at=now, cause="the concentrator's fault log was read")
            ended = tx.ended_with(concentrator, _UNEXPLAINED, now - EXPLAINED_WITHIN)
            return [order for order in ended if self._explain(tx, order, spans, now)]

        self.settling.announce(await self.store.run(work))

    def _explain(
        self,
        tx: Transaction,
        order: Order,
        spans: Sequence[Span],
        now: datetime,
    ) -> bool:
        fresh = _fresh(order, spans, now)
        if not fresh or any(item.source is Source.FAULT_LOG for item in order.evidence):
            return False
        cause = why_concentrator_is_unreachable(fresh)
        note = f"found after the end: {REASONS[cause].text}; " + "; ".join(i.text for i in fresh)
        explained = replace(order, evidence=order.evidence + fresh)
        tx.save_order(explained, at=now, cause=note)
        self.settling.report_finding(tx, explained, now, note)
        return True


def _fresh(order: Order, spans: Sequence[Span], now: datetime) -> tuple[Evidence, ...]:
    """What a fault log says of the order's time, and was not known yet.  A loss of supply can be
    written only when it is over, and concerns the whole time that it lasted."""
    # An order that waits has time to see a line of its own; one that ended may have been too short.
    since = order.accepted_at - (BETWEEN_LINES if order.final else timedelta())
    until = order.ended_at or now
    of_its_time = (item for item, begun in spans if since <= item.at and begun <= until)
    return tuple(item for item in folded(of_its_time) if item not in order.evidence)
