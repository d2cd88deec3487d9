"""What is done with an order that was claimed: a try, a resumption, or a look at its effect.

Each step ends with the order written back: final, queued for another try, or UNKNOWN with the time
of the next look.  Nothing is remembered between steps but what is in the store, so a step that a
crash cut short is simply taken again: the concentrator knows (`order`, `attempt`) and answers a
repeat from memory.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from headend.config import FieldPolicy, OrderPolicy
from headend.domain.calendar import WorkingDays
from headend.domain.evidence import (
    Evidence,
    Source,
    why_concentrator_is_unreachable,
    why_meter_is_silent,
)
from headend.domain.order import Attempt, Order, State
from headend.domain.reason import REASONS, ReasonCode
from headend.orders import rules
from headend.orders.breaker import Breaker
from headend.orders.judge import (
    Busy,
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
from headend.ports import (
    CarrierPortal,
    Chance,
    Clock,
    Command,
    Field,
    Report,
    Store,
    Transaction,
)
from protocols.concentrator import messages

# How old a line of a concentrator's fault log may be to explain its silence now: an older one
# explains an earlier silence, which has ended, for the log was heard.
EXPLAINS_SILENCE_FOR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Stepping:
    """Takes one step with one order."""

    store: Store
    clock: Clock
    chance: Chance
    field: Field
    portal: CarrierPortal | None
    policy: OrderPolicy
    patience: FieldPolicy
    days: WorkingDays
    settling: Settling
    breaker: Breaker

    async def take(self, order: Order) -> None:
        """One step with a leased order."""
        match order.state:
            case State.QUEUED:
                await self._try(order)
            case State.DISPATCHED | State.EXECUTING:
                await self._resume(order)
            case State.UNKNOWN:
                await self._look(order)
            case _ if order.verify_at is not None:
                await self._look_after_end(order)

    # --- a try -----------------------------------------------------------------------------------

    async def _try(self, order: Order) -> None:
        now = self.clock.now()
        concentrator = _concentrator(order)
        if now >= order.deadline:
            await self._run_out(order, now)
        elif not rules.day_allowed(order, now, policy=self.policy, days=self.days):
            await self._wait_for_working_day(order, now)
        elif (until := self.breaker.blocked_until(concentrator, now)) is not None:
            await self._postpone(order, until, f"leaves {concentrator} alone: it was unreachable")
        elif self.field.connectivity(concentrator).online is False:
            await self._note_offline(order, now)
        else:
            await self._dispatch(order, now)

    async def _dispatch(self, order: Order, now: datetime) -> None:
        number = order.attempts + 1
        not_after = min(now + timedelta(seconds=self.policy.attempt_window_s), order.deadline)
        if rules.bound_to_working_days(order, self.policy):
            not_after = min(not_after, self.days.end_of_day(now))
        cause = f"sent to {order.concentrator}, to be done before {not_after:%H:%M:%S}Z"

        def work(tx: Transaction) -> Order | None:
            if (current := _unmoved(tx, order)) is None:
                return None
            dispatched = current.to(
                State.DISPATCHED,
                attempts=number,
                tries=current.tries + 1,
                commanded=number,
                not_after=not_after,
            )
            tx.save_order(dispatched, at=now, cause=cause, attempt=number)
            tx.begin_attempt(Attempt(order.number, number, now))
            return dispatched

        if (dispatched := await self.store.run(work)) is not None:
            await self._perform(dispatched, started_at=now)

    async def _resume(self, order: Order) -> None:
        """The step that sent the command did not live to see its end."""
        now = self.clock.now()
        assert order.not_after is not None
        if now >= order.not_after + timedelta(seconds=self.patience.result_grace_s):
            verdict = EffectUnknown(ask_concentrator=True, evidence=order.evidence)
            await self._conclude(order, verdict, "no result before its time ran out")
        else:
            await self._perform(order, started_at=now, sent_before=True)

    async def _perform(
        self, order: Order, *, started_at: datetime, sent_before: bool = False
    ) -> None:
        report = await self.field.perform(
            _command(order), on_accepted=lambda: self._note_accepted(order)
        )
        report = replace(report, sent=report.sent or sent_before)
        self._feed_breaker(order, report)
        verdict = await self._judge(order, report)
        await self._conclude(
            order,
            verdict,
            _told(report),
            self._ended_attempt(order, started_at, report),
        )
        await self.field.stored(_command(order))

    async def _judge(self, order: Order, report: Report) -> Verdict:
        if report.result is not None:
            return judge_command(report.result)
        evidence = await self._why_unreachable(order)
        if report.sent:
            return EffectUnknown(ask_concentrator=True, evidence=evidence)
        return NotDone(why_concentrator_is_unreachable(evidence), retry=True, evidence=evidence)

    async def _note_accepted(self, order: Order) -> None:
        now = self.clock.now()

        def work(tx: Transaction) -> None:
            current = tx.order(order.number)
            if current is not None and current.state is State.DISPATCHED:
                tx.save_order(
                    current.to(State.EXECUTING),
                    at=now,
                    cause=f"stored by {order.concentrator}",
                    attempt=order.commanded,
                )

        await self.store.run(work)

    async def _note_offline(self, order: Order, now: datetime) -> None:
        """Count a try without sending: what is not sent cannot be carried out late."""
        evidence = await self._why_unreachable(order)
        self.breaker.failed(_concentrator(order), now)
        number = order.attempts + 1
        attempt = Attempt(order.number, number, now, now, result="not sent: concentrator offline")
        counted = replace(order, attempts=number, tries=order.tries + 1)
        reason = why_concentrator_is_unreachable(evidence)
        await self._conclude(
            counted,
            NotDone(reason, retry=True, evidence=evidence),
            "not sent: the concentrator is offline",
            attempt,
        )

    # --- an effect that is not known -------------------------------------------------------------

    async def _look(self, order: Order) -> None:
        now = self.clock.now()
        if now >= order.deadline:
            await self._end(
                order,
                State.FAILED,
                ReasonCode.EFFECT_NOT_KNOWN,
                now,
                "the deadline came before the effect was known; verification goes on",
            )
            return
        order, verdict, attempt = await self._find_out(order)
        await self._conclude(order, verdict, "looked for the effect", attempt)
        await self.field.stored(_command(order))

    async def _look_after_end(self, order: Order) -> None:
        later = await self.store.run(lambda tx: tx.acted_on_since(order.meter, order.number))
        order, verdict, attempt = await self._find_out(order, read=not later)
        now = self.clock.now()
        note, verify_at = self._finding(order, verdict, now, later)

        def work(tx: Transaction) -> None:
            if (current := tx.order(order.number)) is None:
                return
            if attempt is not None:
                _end_attempt(tx, attempt)
            looked = replace(current, attempts=order.attempts, verify_at=verify_at)
            cause = note or "looked for the effect; still not known"
            tx.save_order(looked, at=now, cause=cause)
            if note:
                self.settling.report_finding(tx, looked, now, note)
            if isinstance(verdict, Done):
                self.settling.promise_end(tx, looked, verdict.before, now)

        await self.store.run(work)
        self.settling.announce([order])
        await self.field.stored(_command(order))

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
        next_look = now + self._rest(order, now)
        last_look = order.ended_at + timedelta(seconds=self.policy.verify_for_s)
        if next_look <= last_look:
            return None, next_look
        return "the effect could not be found out", None

    async def _find_out(
        self, order: Order, *, read: bool = True
    ) -> tuple[Order, Verdict, Attempt | None]:
        """Ask the concentrator how the command ended, then, with `read`, the meter what it shows.
        The attempt is the command's own, with the concentrator's word on it."""
        concentrator = _concentrator(order)
        if self.field.connectivity(concentrator).online is False:
            evidence = await self._why_unreachable(order)
            return order, EffectUnknown(ask_concentrator=True, evidence=evidence), None
        report = await self.field.withdraw(_command(order))
        self._feed_breaker(order, report)
        if report.result is None:
            evidence = await self._why_unreachable(order)
            return order, EffectUnknown(ask_concentrator=True, evidence=evidence), None
        attempt = self._ended_attempt(order, self.clock.now(), report)
        verdict = judge_command(report.result)
        if read and isinstance(verdict, EffectUnknown):
            order, verdict = await self._read_back(order)
            if isinstance(verdict, Done):  # a bounded limit ends by what the concentrator saw first
                verdict = replace(verdict, before=limit_value(report.result.before))
        return order, verdict, attempt

    async def _read_back(self, order: Order) -> tuple[Order, Verdict]:
        now = self.clock.now()
        number = order.attempts + 1
        begun = Attempt(order.number, number, now, verification=True)

        def begin(tx: Transaction) -> Order | None:
            if (current := _unmoved(tx, order)) is None:
                return None
            looking = replace(current, attempts=number)
            tx.save_order(looking, at=now, cause="reads the meter back", attempt=number)
            tx.begin_attempt(begun)
            return looking

        if (looking := await self.store.run(begin)) is None:
            return order, EffectUnknown(ask_concentrator=False, evidence=order.evidence)
        order = looking
        command = Command(
            order=order.number,
            attempt=number,
            concentrator=_concentrator(order),
            meter=order.meter,
            action=look_action(order.kind),
            not_after=now + timedelta(seconds=self.policy.attempt_window_s),
        )
        report = await self.field.perform(command)
        ended = self._ended(begun, report)
        await self.store.run(lambda tx: _end_attempt(tx, ended))
        await self.field.stored(command)
        if report.result is None:
            return order, EffectUnknown(ask_concentrator=False, evidence=order.evidence)
        return order, judge_look(order, report.result)

    # --- conclusions -----------------------------------------------------------------------------

    async def conclude_late(self, order: Order, result: messages.Result) -> None:
        """A command's result that arrived after its step had given up waiting."""
        report = Report(sent=True, accepted=True, result=result)
        attempt = self._ended_attempt(order, self.clock.now(), report)
        await self._conclude(order, judge_command(result), "a late result", attempt)

    async def _conclude(
        self,
        order: Order,
        verdict: Verdict,
        told: str,
        attempt: Attempt | None = None,
    ) -> None:
        now = self.clock.now()

        def work(tx: Transaction) -> Order | None:
            if (current := _unmoved(tx, order)) is None:
                return None
            if attempt is not None:
                _end_attempt(tx, attempt)
            up_to_date = replace(current, attempts=order.attempts, tries=order.tries)
            return self._write(tx, up_to_date, verdict, told, now)

        concluded = await self.store.run(work)
        if concluded is not None and concluded.final:
            self.settling.announce([concluded])

    def _write(
        self, tx: Transaction, order: Order, verdict: Verdict, told: str, now: datetime
    ) -> Order:
        number = order.attempts or None
        match verdict:
            case Done(value, before):
                return self.settling.end(
                    tx,
                    order,
                    State.DONE,
                    at=now,
                    cause=f"{told}: read back {value}",
                    value_read=value,
                    before=before,
                    attempt=number,
                )
            case Busy():
                wait = timedelta(seconds=self.policy.busy_backoff_s * self._jitter(order))
                waiting = replace(order, tries=order.tries - 1, reason=ReasonCode.CONCENTRATOR_BUSY)
                return self._queue(tx, waiting, now + wait, now, "the concentrator is busy")
            case EffectUnknown():
                return self._leave_unknown(tx, order, verdict, now, told)
            case NotDone():
                return self._not_done(tx, order, verdict, told, now)

    def _not_done(
        self, tx: Transaction, order: Order, verdict: NotDone, told: str, now: datetime
    ) -> Order:
        reason = verdict.reason
        if reason is ReasonCode.EXPIRED and order.reason is not None:
            # The concentrator never began; why it heard of the command too late is the reason.
            reason = order.reason
        evidence = verdict.evidence or order.evidence
        again = now + self._backoff(order, order.tries)
        if verdict.retry and order.tries < self.policy.tries_max and again < order.deadline:
            waiting = replace(order, reason=reason, evidence=evidence)
            cause = f"{told}; {REASONS[reason].text}; next try at {again:%H:%M:%S}Z"
            return self._queue(tx, waiting, again, now, cause)
        return self.settling.end(
            tx,
            order,
            State.EXPIRED if reason is ReasonCode.EXPIRED else State.FAILED,
            at=now,
            cause=f"{told}; {REASONS[reason].text}",
            reason=reason,
            value_read=verdict.value,
            evidence=evidence,
            attempt=order.attempts or None,
        )

    def _queue(
        self,
        tx: Transaction,
        order: Order,
        not_before: datetime,
        now: datetime,
        cause: str,
    ) -> Order:
        when = min(not_before, order.deadline)
        if order.state is State.QUEUED:  # nothing was sent
            queued = replace(order, not_before=when)
        else:
            queued = order.to(State.QUEUED, not_before=when)
        tx.save_order(queued, at=now, cause=cause, attempt=order.attempts or None)
        return queued

    def _leave_unknown(
        self,
        tx: Transaction,
        order: Order,
        verdict: EffectUnknown,
        now: datetime,
        told: str,
    ) -> Order:
        if order.state is State.UNKNOWN:
            wait = self._rest(order, now)
            unknown = order
        else:
            wait = timedelta(seconds=self.policy.verify_first_s)
            unknown = order.to(State.UNKNOWN)
        why = why_concentrator_is_unreachable if verdict.ask_concentrator else why_meter_is_silent
        unknown = replace(
            unknown,
            not_before=min(now + wait, order.deadline),
            evidence=verdict.evidence or order.evidence,
            reason=why(verdict.evidence),
        )
        cause = f"{told}; the effect is not known, it is looked for before anything is sent again"
        tx.save_order(unknown, at=now, cause=cause, attempt=order.attempts or None)
        return unknown

    async def _run_out(self, order: Order, now: datetime) -> None:
        """The deadline came while the order waited: tell why it waited, if that is known."""
        if order.reason in (None, ReasonCode.EXPIRED):
            await self._end(
                order,
                State.EXPIRED,
                ReasonCode.EXPIRED,
                now,
                "waited until its deadline",
            )
        else:
            cause = "the deadline left no time for another try"
            await self._end(order, State.FAILED, order.reason, now, cause)

    async def _wait_for_working_day(self, order: Order, now: datetime) -> None:
        next_day = self.days.next_working_day(now)
        if next_day < order.deadline:
            await self._postpone(order, next_day, "not a working day")
        else:
            reason = ReasonCode.OUTSIDE_WORKING_DAYS
            await self._end(order, State.FAILED, reason, now, "no working day before its deadline")

    async def _postpone(self, order: Order, until: datetime, why: str) -> None:
        now = self.clock.now()

        def work(tx: Transaction) -> None:
            if (current := _unmoved(tx, order)) is not None:
                self._queue(
                    tx,
                    current,
                    until,
                    now,
                    f"{why}; waits until {until:%Y-%m-%d %H:%M:%S}Z",
                )

        await self.store.run(work)

    async def _end(
        self, order: Order, state: State, reason: ReasonCode, now: datetime, cause: str
    ) -> None:
        def work(tx: Transaction) -> Order | None:
            if (current := _unmoved(tx, order)) is None:
                return None
            return self.settling.end(tx, current, state, at=now, cause=cause, reason=reason)

        ended = await self.store.run(work)
        if ended is not None:
            self.settling.announce([ended])

    # --- small parts -----------------------------------------------------------------------------

    async def _why_unreachable(self, order: Order) -> tuple[Evidence, ...]:
        """Everything that can be learned now about a silent concentrator, and what its own log said
        of late."""
        name = _concentrator(order)
        since = self.clock.now() - EXPLAINS_SILENCE_FOR
        known, found = await self.store.run(
            lambda tx: (tx.concentrator(name), tx.evidence_about(name, since))
        )
        session = self.field.connectivity(name)
        if session.online is False and session.since is not None:
            text = f"the broker published {name}'s last will: its session broke"
            reason = ReasonCode.CONCENTRATOR_UNREACHABLE
            found.append(Evidence(Source.LAST_WILL, session.since, text, reason))
        if self.portal is not None and known is not None and known.sim is not None:
            said = await self.portal.ask(known.sim)
            if said is not None:
                found.append(said)
        return tuple(found)

    def _feed_breaker(self, order: Order, report: Report) -> None:
        if report.accepted or report.result is not None:
            self.breaker.succeeded(_concentrator(order))
        else:
            self.breaker.failed(_concentrator(order), self.clock.now())

    def _ended_attempt(self, order: Order, started_at: datetime, report: Report) -> Attempt:
        return self._ended(Attempt(order.number, order.commanded, started_at), report)

    def _ended(self, attempt: Attempt, report: Report) -> Attempt:
        result = report.result
        return replace(
            attempt,
            ended_at=self.clock.now(),
            result=_told(report),
            engine=result.engine if result else None,
            exchanges=messages.encode(result) if result else None,
        )

    def _backoff(self, order: Order, tries: int) -> timedelta:
        base = self.policy.backoff_first_s * 2 ** min(max(tries - 1, 0), 16)
        return timedelta(seconds=min(base, self.policy.backoff_max_s) * self._jitter(order))

    def _rest(self, order: Order, now: datetime) -> timedelta:
        """How long to wait for the next look: about as long as the effect has been looked for."""
        assert order.not_after is not None
        since_s = (now - order.not_after).total_seconds()
        rest_s = min(max(since_s, self.policy.backoff_first_s), self.policy.backoff_max_s)
        return timedelta(seconds=rest_s * self._jitter(order))

    def _jitter(self, order: Order) -> float:
        return self.chance.uniform(f"backoff/{order.number}", 0.5, 1.5)


def _concentrator(order: Order) -> str:
    assert order.concentrator is not None, "an order without a concentrator is never queued"
    return order.concentrator


def _command(order: Order) -> Command:
    assert order.not_after is not None
    return Command(
        order=order.number,
        attempt=order.commanded,
        concentrator=_concentrator(order),
        meter=order.meter,
        action=messages.Action(order.kind),
        not_after=order.not_after,
        amount=order.amount,
        unit=order.unit,
    )


def _unmoved(tx: Transaction, order: Order) -> Order | None:
    """The order as it is stored, or None if somebody else (a cancellation, a late result) has moved
    it meanwhile.  What was only written to it (an amount, evidence) is in what comes back."""
    current = tx.order(order.number)
    if current is None or current.commanded != order.commanded:
        return None
    accepted = (order.state, current.state) == (State.DISPATCHED, State.EXECUTING)
    return current if accepted or current.state is order.state else None


def _end_attempt(tx: Transaction, attempt: Attempt) -> None:
    """Write how an attempt ended.  It began when it is known to have begun; one that nothing was
    sent for begins and ends at once."""
    for begun in tx.attempts(attempt.order):
        if begun.number == attempt.number:
            tx.end_attempt(replace(attempt, started_at=begun.started_at))
            return
    tx.begin_attempt(attempt)


def _told(report: Report) -> str:
    if report.result is not None:
        return f"the concentrator reported {report.result.status}"
    if not report.sent:
        return "not sent"
    return "stored, but no result" if report.accepted else "no word from the concentrator"
