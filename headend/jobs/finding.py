"""One result's word on orders, written into one transaction: conclusions, and disagreements."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from headend.domain.job import Clash, Conflict, Job, TakenOrder
from headend.domain.order import Attempt, Order, State
from headend.domain.reason import REASONS
from headend.jobs.account import Account, result_of, verdict
from headend.orders.conclusion import Conclusions, end_attempt
from headend.orders.judge import Done
from headend.ports import Transaction
from protocols.concentrator import messages


@dataclass(slots=True)
class Finding:
    """What is found, as it is found."""

    tx: Transaction
    conclusions: Conclusions
    job: Job
    now: datetime
    concluded: list[Order] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)

    def clash(
        self, clash: Clash, meter: str, text: str, next_step: str, order: int | None = None
    ) -> None:
        """Keep a disagreement."""
        conflict = Conflict(self.job.id, self.now, clash, meter, text, next_step, order)
        self.tx.add_conflict(conflict)
        self.conflicts.append(conflict)

    def order(self, taken: TakenOrder, account: Account, *, over: bool) -> None:
        """An order of which the device told something that counts now."""
        order = self.tx.order(taken.number)
        assert order is not None, "orders are never taken out"
        ours = taken.attempt is not None and order.commanded == taken.attempt
        if account.cut_off and ours and not over:
            return  # told before, and still not known
        settled = over or account.done
        if order.final:
            if not (ours and account.done and order.state is State.DONE):  # found out meanwhile
                self._ended_before(order, taken, account)
            settled = True
        elif order.state is State.QUEUED and _changed(order, taken) and account.acted_at:
            self._changed(order, taken)
            settled = True
        elif order.state is State.QUEUED or (order.state is State.UNKNOWN and ours):
            taken = self._conclude(order, taken, account)
        elif not ours:
            self._under_way(order, taken, account)
            settled = True
        if settled:
            self.tx.release(taken.number, worker=self.job.owner)
        self.tx.save_taken(replace(taken, settled=settled))

    def after_revocation(self, taken: TakenOrder, account: Account) -> None:
        """Done when the job was revoked already: not believed."""
        self.tx.save_taken(replace(taken, settled=True))
        if account.acted_at is None:
            return
        text = f"order {taken.number} was acted on at {_text(account.at)}, after the revocation"
        next_step = f"read meter {taken.meter}, and change the keys of its job client"
        self.clash(Clash.REVOKED, taken.meter, text, next_step, taken.number)

    # --- the ways of one order -------------------------------------------------------------------

    def _conclude(self, order: Order, taken: TakenOrder, account: Account) -> TakenOrder:
        """The technician's word is the order's: attempt, outcome and reply as after any other."""
        found, evidence = verdict(self.job, account)
        number = taken.attempt or order.attempts + 1
        told = f"the technician's result of job {self.job.id}"
        self._look_at_times(order, taken, account)
        if order.state is State.QUEUED and (account.acted_at is not None or account.done):
            cause = f"carried out by {self.job.device} on job {self.job.id}"
            order = order.to(
                State.DISPATCHED,
                attempts=number,
                tries=order.tries + 1,
                commanded=number,
                not_after=taken.not_after,
            )
            self.tx.save_order(order, at=self.now, cause=cause, attempt=number)
        elif order.state is State.QUEUED:  # nothing was sent: a try that got nowhere
            order = replace(order, attempts=number, tries=order.tries + 1)
        self._attempt(order, account, number)
        if isinstance(found, Done):
            order = replace(order, evidence=order.evidence + evidence)
        self.concluded.append(self.conclusions.write(self.tx, order, found, told, self.now))
        return replace(taken, attempt=number)

    def _attempt(self, order: Order, account: Account, number: int) -> None:
        ended = account.ended
        said = "cut off" if ended is None or account.open else f"reported {ended.status}"
        attempt = Attempt(
            order=order.number,
            number=number,
            started_at=account.begun_at,
            ended_at=None if ended is None or account.open else ended.at,
            result=f"job {self.job.id}: the technician's device {said}",
            engine=None if ended is None else ended.engine,
            exchanges=None if ended is None else messages.encode(result_of(ended)),
        )
        end_attempt(self.tx, attempt)

    def _look_at_times(self, order: Order, taken: TakenOrder, account: Account) -> None:
        at, meter = account.acted_at, order.meter
        if at is None:
            return
        if not taken.not_before <= at < taken.not_after:
            text = f"order {order.number} was acted on at {_text(at)}, outside its time, which was"
            until = f"{_text(taken.not_before)} to {_text(taken.not_after)}"
            next_step = "look at the device's clock; the order counts as what the meter shows"
            self.clash(Clash.TOO_LATE, meter, f"{text} {until}", next_step, order.number)
        if self.tx.acted_on_since(meter, order.number):
            text = f"a later order has acted on meter {meter} as well as order {order.number}"
            next_step = f"read meter {meter}, and order anew what it should be"
            self.clash(Clash.METER_CHANGED, meter, text, next_step, order.number)

    def _ended_before(self, order: Order, taken: TakenOrder, account: Account) -> None:
        """The order has its one end; what the technician did beside it is told."""
        if account.acted_at is None:
            return
        why = "" if order.reason is None else f" ({REASONS[order.reason].text})"
        did = "carried out" if account.done else "tried, with another or no known effect,"
        text = f"order {order.number} had ended as {order.state}{why}; the technician {did} it"
        match order.state:
            case State.CANCELLED:
                step = f"order the opposite for meter {order.meter}, or leave it as it is now"
            case State.DONE:
                step = f"nothing, if meter {order.meter} shows what was ordered: read it"
            case _:
                step = "tell the commercial system that it is done: an event has been sent"
        self.clash(Clash.ORDER_ENDED, order.meter, f"{text} at {_text(account.at)}", step,
                   order.number)  # fmt: skip
        note = f"a technician carried the order out at {_text(account.at)}"
        if not account.done:
            note = f"a technician tried the order at {_text(account.at)}; its effect is not known"
        if order.verify_at is not None and account.done:
            order = replace(order, verify_at=None)
        self.tx.save_order(order, at=self.now, cause=f"job {self.job.id}: {note}")
        self.conclusions.settling.report_finding(self.tx, order, self.now, note)

    def _changed(self, order: Order, taken: TakenOrder) -> None:
        text = (
            f"order {order.number} was changed to {order.amount} {order.unit}; the technician"
            f" carried out {taken.amount} {taken.unit}"
        )
        step = "nothing: the head-end sets the new amount now"
        self.clash(Clash.ORDER_CHANGED, order.meter, text, step, order.number)
        cause = f"job {self.job.id}: the technician carried out the earlier amount"
        self.tx.save_order(order, at=self.now, cause=cause)

    def _under_way(self, order: Order, taken: TakenOrder, account: Account) -> None:
        if account.acted_at is None:
            return
        _, evidence = verdict(self.job, account)
        text = f"the head-end has sent order {order.number} meanwhile; the technician did as well"
        step = "nothing: the order ends as the meter shows; the technician's word is kept with it"
        self.clash(Clash.ORDER_UNDER_WAY, order.meter, text, step, order.number)
        told = replace(order, evidence=order.evidence + evidence)
        cause = f"job {self.job.id}: the technician has acted on it as well"
        self.tx.save_order(told, at=self.now, cause=cause)


def _changed(order: Order, taken: TakenOrder) -> bool:
    return (order.amount, order.unit) != (taken.amount, taken.unit)


def _text(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}Z"
