"""What is done with an order that was claimed: a try, a resumption, or a look at its effect.

Each step ends with the order written back: final, queued for another try, or UNKNOWN with the time
of the next look.  Nothing is remembered between steps but what is in the store, so a step that a
crash cut short is simply taken again: the concentrator knows (`order`, `attempt`) and answers a
repeat from memory.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from headend.config import FieldPolicy, OrderPolicy, UpkeepPolicy
from headend.domain.calendar import WorkingDays
from headend.domain.evidence import why_concentrator_is_unreachable
from headend.domain.meter import Meter, is_direct
from headend.domain.meter_clock import trusted
from headend.domain.order import OWN, Attempt, Kind, Order, State
from headend.domain.reason import ReasonCode
from headend.domain.upkeep import ClockMeasured
from headend.events.watching import StatusWatch
from headend.orders import cutting, rules
from headend.orders.asking import Asking, command_of, concentrator_of, own_of
from headend.orders.billing import BillingMark
from headend.orders.breaker import Breaker
from headend.orders.conclusion import Conclusions, told_of, unmoved
from headend.orders.effect import EffectSearch
from headend.orders.follow import strayed
from headend.orders.hands import Hands
from headend.orders.judge import EffectUnknown, NotDone, Verdict, judge_command
from headend.orders.settle import Settling
from headend.ports import CarrierPortal, Chance, Clock, Field, Report, Store, Transaction
from protocols.concentrator.messages import Result

CLOCK_ASKED_S = 90.0
"""Until a clock is asked for that is not known: a minute after its concentrator comes on line."""


@dataclass(slots=True)
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
    state_every_s: float = UpkeepPolicy().state_every_s  # concentrators' clocks are looked at
    watch: StatusWatch = dataclasses.field(default_factory=StatusWatch)
    _asking: Asking = dataclasses.field(init=False)
    _conclusions: Conclusions = dataclasses.field(init=False)
    _effect: EffectSearch = dataclasses.field(init=False)
    _hands: Hands = dataclasses.field(init=False)
    _billing: BillingMark = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        store, clock = self.store, self.clock
        self._asking = Asking(store, clock, self.field, self.portal, self.breaker)
        self._conclusions = Conclusions(
            store, clock, self.chance, self.policy, self.settling, self.watch
        )
        self._effect = EffectSearch(
            store, clock, self.policy, self._asking, self._conclusions, self.settling
        )
        self._hands = Hands(self._effect)
        self._billing = BillingMark(self._effect)

    async def take(self, order: Order) -> None:
        """One step with a leased order."""
        match order.state:
            case State.QUEUED:
                await self._try(order)
            case State.DISPATCHED | State.EXECUTING:
                await self._resume(order)
            case State.UNKNOWN if order.armed:
                await self._hands.look(order)
            case State.UNKNOWN:
                await self._effect.look(order)
            case State.DONE if order.verify_at is not None:
                await self._hands.look_after_end(order)
            case _ if order.verify_at is not None:
                await self._effect.look_after_end(order)

    async def conclude_late(self, order: Order, result: Result) -> None:
        """A command's result that arrived after its step had given up waiting."""
        await self._conclusions.late(order, result)

    async def _try(self, order: Order) -> None:
        now = self.clock.now()
        concentrator = concentrator_of(order)
        if now >= order.deadline:
            await self._run_out(order, now)
        elif not rules.day_allowed(order, now, policy=self.policy, days=self.days):
            await self._wait_for_working_day(order, now)
        elif not self.field.open(concentrator):
            wait = timedelta(seconds=self.policy.busy_backoff_s)
            await self._conclusions.postpone(order, now + wait, "our own broker is away")
        elif await self._clock_doubtful(order, now):
            reason = ReasonCode.CONCENTRATOR_CLOCK_DOUBTFUL
            wait = timedelta(seconds=CLOCK_ASKED_S)
            await self._conclusions.postpone(order, now + wait, f"leaves {concentrator}", reason)
        elif (until := self.breaker.blocked_until(concentrator, now)) is not None:
            why = f"leaves {concentrator} alone"
            evidence = self.breaker.evidence(concentrator)
            reason = why_concentrator_is_unreachable(evidence)
            await self._conclusions.postpone(order, until, why, reason, evidence)
        elif self._asking.offline(order):
            await self._note_offline(order, now)
        elif order.kind is Kind.RESET_DEMAND and order.demand_before is None:
            if (marked := await self._billing.set(order)) is not None:
                await self._try(marked)
        else:
            await self._dispatch(order, now)

    async def _clock_doubtful(self, order: Order, now: datetime) -> bool:
        """Whether a concentrator would pass on a clock that may be wrong itself."""
        concentrator = concentrator_of(order)
        if order.kind is not Kind.SET_CLOCK or is_direct(concentrator):
            return False

        def work(tx: Transaction) -> tuple[Meter | None, ClockMeasured | None]:
            return tx.meter(order.meter), tx.concentrator_clock(concentrator)

        meter, measured = await self.store.run(work)
        if meter is not None and meter.by_gateway:
            return False
        return not trusted(measured, now, self.state_every_s)

    async def _dispatch(self, order: Order, now: datetime) -> None:
        number = order.attempts + 1
        not_after = min(now + timedelta(seconds=self.policy.attempt_window_s), order.deadline)
        if rules.bound_to_working_days(order, self.policy):
            not_after = min(not_after, self.days.end_of_day(now))
        cause = f"sent to {order.concentrator}, to be done before {not_after:%H:%M:%S}Z"

        def work(tx: Transaction) -> Order | None:
            if (current := unmoved(tx, order)) is None:
                return None
            if strayed(tx, current, at=now) is not None:
                return None
            if cutting.must_wait(tx, current, now, self.policy):
                cutting.hold(tx, current, now, self.policy)
                return None
            cutting.enter(tx, current, now, self.policy)
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
            verdict: Verdict = EffectUnknown(ask_concentrator=True, evidence=order.evidence)
            if order.kind in OWN:
                verdict = NotDone(ReasonCode.NO_ANSWER_UNKNOWN, True, order.evidence)
            await self._conclusions.conclude(order, verdict, "no result before its time ran out")
        else:
            await self._perform(order, started_at=now, sent_before=True)

    async def _perform(
        self, order: Order, *, started_at: datetime, sent_before: bool = False
    ) -> None:
        report = await self.field.perform(
            await self._asking.completed(command_of(order), order),
            on_accepted=lambda: self._note_accepted(order),
            again=sent_before,
        )
        report = replace(report, sent=report.sent or sent_before)
        verdict = await self._judge(order, report)
        await self._conclusions.conclude(
            order,
            verdict,
            told_of(report),
            self._conclusions.ended_attempt(order, started_at, report),
        )
        await self.field.stored(command_of(order))

    async def _judge(self, order: Order, report: Report) -> Verdict:
        if report.result is not None:
            if not report.direct:
                self._asking.feed_breaker(order, report, ())
            return judge_command(report.result, own_of(report))
        evidence = await self._asking.why_unreachable(order)
        self._asking.feed_breaker(order, report, evidence)
        if report.sent and order.kind not in OWN:
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
        evidence = await self._asking.why_unreachable(order)
        self.breaker.failed(concentrator_of(order), now, evidence)
        number = order.attempts + 1
        attempt = Attempt(order.number, number, now, now, result="not sent: concentrator offline")
        counted = replace(order, attempts=number, tries=order.tries + 1)
        reason = why_concentrator_is_unreachable(evidence)
        await self._conclusions.conclude(
            counted,
            NotDone(reason, retry=True, evidence=evidence),
            "not sent: the concentrator is offline",
            attempt,
        )

    async def _run_out(self, order: Order, now: datetime) -> None:
        """The deadline came while the order waited: tell why it waited, if that is known."""
        if order.held:
            cause = "nobody approved it before its deadline"
            await self._conclusions.end(order, State.EXPIRED, ReasonCode.NOT_APPROVED, now, cause)
        elif order.reason in (None, ReasonCode.EXPIRED):
            await self._conclusions.end(
                order,
                State.EXPIRED,
                ReasonCode.EXPIRED,
                now,
                "waited until its deadline",
            )
        else:
            cause = "the deadline left no time for another try"
            await self._conclusions.end(order, State.FAILED, order.reason, now, cause)

    async def _wait_for_working_day(self, order: Order, now: datetime) -> None:
        next_day = self.days.next_working_day(now)
        if next_day < order.deadline:
            why = f"not a working day; the next begins at {next_day:%Y-%m-%d %H:%M}Z"
            await self._conclusions.postpone(order, next_day, why)
        else:
            reason = ReasonCode.OUTSIDE_WORKING_DAYS
            await self._conclusions.end(
                order, State.FAILED, reason, now, "no working day before its deadline"
            )
