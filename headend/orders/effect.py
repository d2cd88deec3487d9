"""Finding out an effect that is not known, before anything is sent again.

The concentrator is asked first, by withdrawing the command: it knows whether it began, and how it
ended.  Where it does not know the effect either, the meter is read.  After the deadline the order
has failed as "effect not known"; looking goes on, and what is found is reported as an event.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from headend.config import OrderPolicy
from headend.domain.order import Attempt, Order, State
from headend.domain.reason import ReasonCode
from headend.orders.asking import Asking, command_of, concentrator_of, own_of
from headend.orders.conclusion import Conclusions, end_attempt, unmoved
from headend.orders.follow import lane_now
from headend.orders.judge import (
    Done,
    EffectUnknown,
    NotDone,
    Verdict,
    judge_command,
    judge_look,
    limit_value,
    look_action,
)
from headend.orders.settle import Settling
from headend.ports import Clock, Command, Report, Store, Transaction


@dataclass(frozen=True, slots=True)
class EffectSearch:
    """Looks for the effect of a command."""

    store: Store
    clock: Clock
    policy: OrderPolicy
    asking: Asking
    conclusions: Conclusions
    settling: Settling

    async def look(self, order: Order) -> None:
        """A step with an UNKNOWN order."""
        now = self.clock.now()
        if now >= order.deadline:
            await self.conclusions.end(
                order,
                State.FAILED,
                ReasonCode.EFFECT_NOT_KNOWN,
                now,
                "the deadline came before the effect was known; verification goes on",
            )
            return
        order, verdict, attempt = await self._find_out(order)
        await self.conclusions.conclude(order, verdict, "looked for the effect", attempt)
        await self.asking.field.stored(command_of(order))

    async def look_after_end(self, order: Order) -> None:
        """A step with an order that ended as "effect not known": its end stays, what is found out
        is reported as an event."""
        later = await self.store.run(lambda tx: tx.acted_on_since(order.meter, order.number))
        order, verdict, attempt = await self._find_out(order, read=not later)
        now = self.clock.now()
        note, verify_at = self._finding(order, verdict, now, later)

        def work(tx: Transaction) -> None:
            if (current := tx.order(order.number)) is None:
                return
            if attempt is not None:
                end_attempt(tx, attempt)
            looked = replace(current, attempts=order.attempts, verify_at=verify_at)
            cause = note or "looked for the effect; still not known"
            tx.save_order(looked, at=now, cause=cause)
            if note:
                self.settling.report_finding(tx, looked, now, note)
            if isinstance(verdict, Done):
                self.settling.promise_end(tx, looked, verdict.before, now)

        await self.store.run(work)
        self.settling.announce([order])
        await self.asking.field.stored(command_of(order))

    def _finding(
        self, order: Order, verdict: Verdict, now: datetime, later: bool
    ) -> tuple[str | None, datetime | None]:
        match verdict:
            case Done(value):
                return f"found after the end: the command took effect ({value})", None
            case NotDone():
                return "found after the end: the command did not take effect", None
            case EffectUnknown(ask_concentrator=False) if later:
                return "the effect cannot be found out: a later order has acted on the meter", None
        assert order.ended_at is not None
        next_look = now + self.conclusions.rest(order, now)
        last_look = order.ended_at + timedelta(seconds=self.policy.verify_for_s)
        if next_look <= last_look:
            return None, next_look
        return "the effect could not be found out", None

    async def _find_out(
        self, order: Order, *, read: bool = True
    ) -> tuple[Order, Verdict, Attempt | None]:
        """Ask the concentrator how the command ended, then, with `read`, the meter what it shows.
        The attempt is the command's own, with the concentrator's word on it.

        A command that a technician carried out is known to no concentrator, and of what was sent
        after the backup that we came back from we know no attempts to ask for: the meter alone can
        tell."""
        number, commanded = order.number, order.commanded
        by_technician, restored = await self.store.run(
            lambda tx: (
                tx.tried_by_technician(number, commanded),
                tx.meter_alone_knows(number, commanded),
            )
        )
        if by_technician or restored:
            verdict: Verdict = EffectUnknown(ask_concentrator=False, evidence=order.evidence)
            if read and not self.asking.offline(order):
                order, verdict = await self.read_back(order)
            never = not (by_technician or commanded)  # as far as we know
            if never and isinstance(verdict, NotDone) and verdict.reason is ReasonCode.NOT_APPLIED:
                verdict = replace(verdict, reason=ReasonCode.EFFECT_NOT_SEEN)
            return order, verdict, None
        if self.asking.offline(order):
            evidence = await self.asking.why_unreachable(order)
            return order, EffectUnknown(ask_concentrator=True, evidence=evidence), None
        report = await self.asking.field.withdraw(command_of(order))
        if report.result is None:
            evidence = await self.asking.why_unreachable(order)
            self.asking.feed_breaker(order, report, evidence)
            return order, EffectUnknown(ask_concentrator=True, evidence=evidence), None
        self.asking.feed_breaker(order, report, ())
        attempt = self.conclusions.ended_attempt(order, self.clock.now(), report)
        verdict = judge_command(report.result, own_of(report))
        if read and isinstance(verdict, EffectUnknown):
            order, verdict = await self.read_back(order)
            if isinstance(verdict, Done):  # a bounded limit ends by what the concentrator saw first
                verdict = replace(verdict, before=limit_value(report.result.before))
        return order, verdict, attempt

    async def read_back(
        self, order: Order, cause: str | None = "reads the meter back"
    ) -> tuple[Order, Verdict]:
        """Read what shows the effect of an order; `cause` is the line in its journal."""
        order, report = await self.read(order, cause)
        if report is None or report.result is None:
            return order, EffectUnknown(ask_concentrator=False, evidence=order.evidence)
        return order, judge_look(order, report.result, own_of(report))

    async def read(self, order: Order, cause: str | None) -> tuple[Order, Report | None]:
        """The reading itself, as an attempt of its own; None where somebody has moved the order
        meanwhile."""
        now = self.clock.now()
        number = order.attempts + 1
        begun = Attempt(order.number, number, now, verification=True)

        def begin(tx: Transaction) -> tuple[Order, str | None] | None:
            if (current := unmoved(tx, order)) is None:
                return None
            looking = replace(current, attempts=number)
            tx.save_order(looking, at=now, cause=cause, attempt=number)
            tx.begin_attempt(begun)
            # By whoever has the meter now, as what is read acts on nothing.
            return looking, lane_now(tx, looking)

        if (begun_by := await self.store.run(begin)) is None:
            return order, None
        order, lane = begun_by
        command = Command(
            order=order.number,
            attempt=number,
            concentrator=lane or concentrator_of(order),
            meter=order.meter,
            action=look_action(order.kind),
            not_after=now + timedelta(seconds=self.policy.attempt_window_s),
        )
        report = await self.asking.field.perform(command)
        ended = self.conclusions.ended(begun, report)
        await self.store.run(lambda tx: end_attempt(tx, ended))
        await self.asking.field.stored(command)
        return order, report
