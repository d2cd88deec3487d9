"""Writing back what a step found: final, queued for another try, or UNKNOWN until the next look."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import structlog

from headend.config import OrderPolicy
from headend.domain.evidence import (
    Evidence,
    why_concentrator_is_unreachable,
    why_meter_is_silent,
)
from headend.domain.meter import is_direct
from headend.domain.meter_clock import MeterClock
from headend.domain.order import READY, Attempt, Kind, Order, State, ValueRead
from headend.domain.reading import Reading
from headend.domain.reason import AWAY, REASONS, ReasonCode
from headend.events.watching import StatusWatch
from headend.orders import rules
from headend.orders.firmware import note_update, reached
from headend.orders.follow import strayed
from headend.orders.judge import (
    Busy,
    Done,
    EffectUnknown,
    NotDone,
    Underway,
    Verdict,
    judge_command,
)
from headend.orders.settle import Settling
from headend.ports import Chance, Clock, Report, Store, Transaction
from protocols.concentrator import messages
from protocols.dlms.procedures.wanted import placed

REST_DRAWN = (0.5, 1.5)
"""Shares of what the policy says, between which each rest is drawn: orders spread by themselves."""
ANSWERED_TRIES_MAX = 5
"""Tries at a meter that answers, and answers the same each time."""
_LAST_REST_S = 30.0


_log = structlog.get_logger("orders")


@dataclass(frozen=True, slots=True)
class Conclusions:
    """Turns verdicts into the order's next standing, in one transaction each."""

    store: Store
    clock: Clock
    chance: Chance
    policy: OrderPolicy
    settling: Settling
    watch: StatusWatch = field(default_factory=StatusWatch)

    @property
    def zone(self) -> ZoneInfo:
        """Where the meters hang."""
        return ZoneInfo(self.policy.zone)

    async def late(self, order: Order, result: messages.Result) -> None:
        """A command's result that arrived after its step had given up waiting."""
        report = Report(sent=True, accepted=True, result=result)
        attempt = self.ended_attempt(order, self.clock.now(), report)
        await self.conclude(order, judge_command(result), "a late result", attempt)

    async def conclude(
        self,
        order: Order,
        verdict: Verdict,
        told: str,
        attempt: Attempt | None = None,
    ) -> None:
        """Write a verdict back, and how the attempt ended that it is about."""
        now = self.clock.now()

        def work(tx: Transaction) -> Order | None:
            if (current := unmoved(tx, order)) is None:
                return None
            if attempt is not None:
                end_attempt(tx, attempt)
            up_to_date = replace(current, attempts=order.attempts, tries=order.tries)
            return self.write(tx, up_to_date, verdict, told, now)

        concluded = await self.store.run(work)
        if concluded is None:
            return
        _log.info(
            "order concluded" if concluded.final else "order goes on",
            order=concluded.number,
            meter=concluded.meter,
            kind=concluded.kind.value,
            state=concluded.state.value,
            reason=None if concluded.reason is None else concluded.reason.value,
            told=told,
        )
        if concluded.final:
            self.settling.announce([concluded])

    def write(
        self, tx: Transaction, order: Order, verdict: Verdict, told: str, now: datetime
    ) -> Order:
        """Write a verdict back inside a transaction; the order's next standing.

        Call `settling.announce` once the transaction is kept.
        """
        number = order.attempts or None
        if isinstance(verdict, (Done, NotDone, Underway)) and verdict.update is not None:
            note_update(tx, order, verdict.update, now)
        match verdict:
            case Done(value) if order.until_pressed and is_armed(value):
                return self.await_hand(tx, order, value, now, told)
            case Done(value, before, read, clock=told_clock):
                readings = tuple(_reading(order, item, now, self.zone) for item in read)
                tx.add_readings(readings)
                self.watch.look(tx, readings, now)
                clock = _clock_found(tx, order, told_clock, now)
                found = _counted(readings) if read else clock or _found(order, value)
                return self.settling.end(
                    tx,
                    order,
                    State.DONE,
                    at=now,
                    cause=f"{told}: {found}",
                    value_read=value,
                    before=before,
                    attempt=number,
                    readings=readings,
                )
            case Underway(update, by_itself):
                policy = self.policy
                look_s = (
                    policy.firmware_concentrator_look_s if by_itself else policy.firmware_look_s
                )
                again = now + timedelta(seconds=look_s * self._jitter(order))
                if order.activate_at is not None and update is not None and update.verified:
                    again = max(again, order.activate_at)
                waiting = replace(order, tries=order.tries - 1)
                return self._queue(tx, waiting, again, now, f"{told}: {reached(update)}")
            case Busy(reason):
                wait = timedelta(seconds=self.policy.busy_backoff_s * self._jitter(order))
                waiting = replace(order, tries=order.tries - 1, reason=reason)
                return self._queue(tx, waiting, now + wait, now, REASONS[reason].text)
            case EffectUnknown():
                return self._leave_unknown(tx, order, verdict, now, told)
            case NotDone():
                if (seen := _clock_found(tx, order, verdict.clock, now)) is not None:
                    told = f"{told}: {seen}"
                return self._not_done(tx, order, verdict, told, now)

    def await_hand(
        self, tx: Transaction, order: Order, value: ValueRead | None, now: datetime, told: str
    ) -> Order:
        """The supply is armed, and the order wants it on: it goes on until a hand was there."""
        standing = order if order.state is State.UNKNOWN else order.to(State.UNKNOWN)
        wait = timedelta(seconds=self.policy.verify_first_s)
        if order.armed:
            wait = self.rest(order, now)
        waiting = replace(
            standing,
            value_read=value,
            reason=ReasonCode.NOT_PRESSED,
            not_before=min(now + wait, order.deadline),
        )
        cause = None if order.armed else f"{told}: armed; waits for a hand at the meter"
        tx.save_order(waiting, at=now, cause=cause, attempt=order.attempts or None)
        return waiting

    def _not_done(
        self, tx: Transaction, order: Order, verdict: NotDone, told: str, now: datetime
    ) -> Order:
        reason, evidence = verdict.reason, verdict.evidence or order.evidence
        if reason is ReasonCode.EXPIRED and order.reason is not None:
            # The concentrator never began; why it heard of the command too late is the reason.
            reason, evidence = order.reason, order.evidence + verdict.evidence
        if order.reason in AWAY and reason not in AWAY and self.policy.tries_max is None:
            order = replace(order, tries=1)  # it is back, and only now has answered at all
        again = now + self._rest_before_try(order, reason, now)
        if verdict.retry and order.tries < self._tries_max(reason) and again < order.deadline:
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
        cause: str | None,
    ) -> Order:
        when = min(not_before, order.deadline)
        if order.state is State.QUEUED:  # nothing was sent
            queued = replace(order, not_before=when)
        else:
            queued = order.to(State.QUEUED, not_before=when)
        tx.save_order(queued, at=now, cause=cause, attempt=order.attempts or None)
        queued = strayed(tx, queued, at=now) or queued
        for later in tx.open_orders_of_meter(order.meter):
            if later.number > order.number and rules.supersedes(later, order):
                return self.settling.end(
                    tx,
                    queued,
                    State.CANCELLED,
                    at=now,
                    cause=f"superseded by order {later.number}, which came meanwhile",
                    reason=ReasonCode.SUPERSEDED,
                )
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
            wait = self.rest(order, now)
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

    async def postpone(
        self,
        order: Order,
        until: datetime,
        why: str,
        reason: ReasonCode | None = None,
        evidence: tuple[Evidence, ...] = (),
    ) -> None:
        """Let a queued order wait, at most until its deadline.  A `reason` is kept for the case
        that the deadline comes first.

        The journal tells once why an order waits, and again when that changes: a wait is made of
        many rests.
        """
        now = self.clock.now()
        cause = f"waits: {why}" + ("" if reason is None else f": {REASONS[reason].text}")

        def work(tx: Transaction) -> Order | None:
            if (current := unmoved(tx, order)) is None:
                return None
            if reason is not None:
                current = replace(current, reason=reason, evidence=evidence)
            last = tx.last_line(order.number)
            told = last is not None and last.cause == cause
            return self._queue(tx, current, until, now, None if told else cause)

        postponed = await self.store.run(work)
        if postponed is not None and postponed.final:
            self.settling.announce([postponed])

    async def end(
        self, order: Order, state: State, reason: ReasonCode, now: datetime, cause: str
    ) -> None:
        """End an order for a reason of the head-end's own."""

        def work(tx: Transaction) -> Order | None:
            if (current := unmoved(tx, order)) is None:
                return None
            return self.settling.end(tx, current, state, at=now, cause=cause, reason=reason)

        ended = await self.store.run(work)
        if ended is not None:
            self.settling.announce([ended])

    def ended_attempt(self, order: Order, started_at: datetime, report: Report) -> Attempt:
        """The order's last attempt that may act, as a report ends it."""
        return self.ended(Attempt(order.number, order.commanded, started_at), report)

    def ended(self, attempt: Attempt, report: Report) -> Attempt:
        """An attempt as a report ends it."""
        result = report.result
        return replace(
            attempt,
            ended_at=self.clock.now(),
            result=told_of(report),
            engine=result.engine if result else None,
            exchanges=messages.encode(result) if result else None,
        )

    def _tries_max(self, reason: ReasonCode) -> float:
        if self.policy.tries_max is not None:
            return self.policy.tries_max
        return math.inf if reason in AWAY else ANSWERED_TRIES_MAX

    def _rest_before_try(self, order: Order, reason: ReasonCode, now: datetime) -> timedelta:
        base = self.policy.backoff_first_s * 2 ** min(max(order.tries - 1, 0), 16)
        longest = self.policy.backoff_max_s
        if reason in AWAY and self.policy.tries_max is None:
            # Of the time that is left a half, so that the last try is not long before the deadline.
            left_s = (order.deadline - now).total_seconds() / 2
            longest = min(longest, self.policy.away_rest_max_s, max(left_s, _LAST_REST_S))
        return timedelta(seconds=min(base, longest) * self._jitter(order))

    def rest(self, order: Order, now: datetime) -> timedelta:
        """How long to wait for the next look: about as long as the effect has been looked for."""
        assert order.not_after is not None
        since_s = (now - order.not_after).total_seconds()
        rest_s = min(max(since_s, self.policy.backoff_first_s), self.policy.backoff_max_s)
        return timedelta(seconds=rest_s * self._jitter(order))

    def _jitter(self, order: Order) -> float:
        return self.chance.uniform(f"backoff/{order.number}", *REST_DRAWN)


def is_armed(value: ValueRead | None) -> bool:
    """Whether a supply was seen that a hand at the meter may bring back."""
    return value is not None and value.control_state == READY


def unmoved(tx: Transaction, order: Order) -> Order | None:
    """The order as it is stored, or None if somebody else (a cancellation, a late result) has moved
    it meanwhile.  What was only written to it (an amount, evidence) is in what comes back."""
    current = tx.order(order.number)
    if current is None or current.commanded != order.commanded:
        return None
    if current.concentrator != order.concentrator:
        return None  # its meter is linked elsewhere by now, and it waits there
    accepted = (order.state, current.state) == (State.DISPATCHED, State.EXECUTING)
    return current if accepted or current.state is order.state else None


def end_attempt(tx: Transaction, attempt: Attempt) -> None:
    """Write how an attempt ended.  It began when it is known to have begun; one that nothing was
    sent for begins and ends at once."""
    for begun in tx.attempts(attempt.order):
        if begun.number == attempt.number:
            tx.end_attempt(replace(attempt, started_at=begun.started_at))
            return
    tx.begin_attempt(attempt)


def _reading(order: Order, read: messages.ObjectRead, now: datetime, zone: tzinfo) -> Reading:
    words = {(wanted.name, wanted.attribute): wanted.word for wanted in order.objects}
    read = placed(read, near=now, zone=zone)
    return Reading(
        meter=order.meter,
        name=read.name,
        attribute=read.attribute,
        at=now,
        received_at=now,
        source=f"order {order.number}",
        word=words.get((read.name, read.attribute), ""),
        value=read.value,
        unit=read.unit,
        error=read.error,
        raw=read.raw,
        quality=read.quality,
    )


def _clock_found(
    tx: Transaction, order: Order, told: messages.ClockTold | None, now: datetime
) -> str | None:
    """Keep how the meter's clock stood; in words.  A concentrator holds it to its own clock, whose
    error is known."""
    if told is None:
        return None
    meter = tx.meter(order.meter)
    own = meter is None or meter.by_gateway or is_direct(order.concentrator or "")
    held_to = None if own else tx.concentrator_clock(order.concentrator or "")
    clock = MeterClock.of(told, order.meter, order.number, now, held_to)
    tx.add_meter_clock(clock)
    return str(clock)


def _found(order: Order, value: ValueRead | None) -> str:
    if order.kind is Kind.CHANGE_KEYS:
        return "the meter has shown that it has the new keys"
    if order.kind is Kind.UPDATE_FIRMWARE:
        return "the meter tells the version of the image"
    if order.tariff is not None:
        name, at = order.tariff.name, order.tariff.activate_at
        return f"calendar {name} is " + (
            "active" if at is None else f"there, and holds from {at:%Y-%m-%d %H:%M}Z"
        )
    return f"read back {value}"


def _counted(readings: tuple[Reading, ...]) -> str:
    missing = sum(reading.error is not None for reading in readings)
    text = f"{len(readings) - missing} of {len(readings)} objects read"
    return text if missing else f"{len(readings)} objects read"


def told_of(report: Report) -> str:
    """What a report tells, in words."""
    if report.result is not None and report.direct:
        return f"the session ended with {report.result.status}"
    if report.result is not None:
        return f"the concentrator reported {report.result.status}"
    if not report.sent:
        return "not sent"
    return "stored, but no result" if report.accepted else "no word from the concentrator"
