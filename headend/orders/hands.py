"""Hands at meters: a supply that was left to the customer's button is looked at until it is on.

An order that is done as armed keeps its end; that a hand has been there is told as an event.  One
that wants the supply on goes on until it is, or until its deadline.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from headend.domain.order import READY, Order, State, ValueRead
from headend.domain.reason import ReasonCode
from headend.orders.conclusion import is_armed, unmoved
from headend.orders.effect import EffectSearch
from headend.orders.judge import Done, NotDone, Verdict
from headend.ports import Transaction
from protocols.concentrator.effect import CONNECTED

REST_FIRST_S = 60.0
REST_MAX_S = 3600.0
PRESSED = "a hand at the meter has brought the supply back"


@dataclass(frozen=True, slots=True)
class Hands:
    """Looks whether somebody has pressed."""

    effect: EffectSearch

    async def look(self, order: Order) -> None:
        """A step with an order that waits for a hand."""
        conclusions, now = self.effect.conclusions, self.effect.clock.now()
        if now >= order.deadline:
            reason, cause = ReasonCode.NOT_PRESSED, "the deadline came before a hand at the meter"
            await conclusions.end(order, State.FAILED, reason, now, cause)
            return
        looked, value = await self._seen(order)
        now = self.effect.clock.now()

        def work(tx: Transaction) -> Order | None:
            if (current := unmoved(tx, looked)) is None:
                return None
            current = replace(current, attempts=looked.attempts)
            if value is None or is_armed(value):
                return conclusions.await_hand(tx, current, current.value_read, now, "")
            if value.control_state == CONNECTED:
                return self._end(tx, current, State.DONE, now, PRESSED, value)
            cause = "the supply was cut while it waited for a hand at the meter"
            return self._end(tx, current, State.FAILED, now, cause, value)

        concluded = await self.effect.store.run(work)
        if concluded is not None and concluded.final:
            self.effect.settling.announce([concluded])

    async def look_after_end(self, order: Order) -> None:
        """A step with an order that is done, and was armed."""
        later = await self.effect.store.run(lambda tx: tx.acted_on_since(order.meter, order.number))
        looked, value = (order, None) if later else await self._seen(order)
        now = self.effect.clock.now()
        pressed = value is not None and value.control_state == CONNECTED
        verify_at = None
        if not later and (value is None or value.control_state == READY):
            verify_at = self._next_look(order, now)

        def work(tx: Transaction) -> None:
            if (current := tx.order(order.number)) is None or not current.armed:
                return
            current = replace(
                current,
                attempts=looked.attempts,
                verify_at=verify_at,
                value_read=value if pressed else current.value_read,
            )
            tx.save_order(current, at=now, cause=PRESSED if pressed else None)
            if pressed:
                self.effect.settling.report_finding(tx, current, now, PRESSED)

        await self.effect.store.run(work)
        if pressed:
            self.effect.settling.announce([order])

    async def _seen(self, order: Order) -> tuple[Order, ValueRead | None]:
        """What the supply shows now; None where the meter did not say."""
        if self.effect.asking.offline(order):
            return order, None
        looked, verdict = await self.effect.read_back(order, cause=None)
        return looked, _value(verdict)

    def _next_look(self, order: Order, now: datetime) -> datetime | None:
        """About as long as it has been armed; None once nobody will come any more."""
        assert order.ended_at is not None
        since_s = (now - order.ended_at).total_seconds()
        rest_s = min(max(since_s, REST_FIRST_S), REST_MAX_S)
        last = order.ended_at + timedelta(seconds=self.effect.policy.verify_for_s)
        following = now + timedelta(seconds=rest_s)
        return following if following <= last else None

    def _end(
        self,
        tx: Transaction,
        order: Order,
        state: State,
        now: datetime,
        cause: str,
        value: ValueRead,
    ) -> Order:
        reason = None if state is State.DONE else ReasonCode.NOT_APPLIED
        return self.effect.settling.end(
            tx, order, state, at=now, cause=cause, reason=reason, value_read=value
        )


def _value(verdict: Verdict) -> ValueRead | None:
    match verdict:
        case Done(value):
            return value
        case NotDone(value=value):
            return value
    return None
