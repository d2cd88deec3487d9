"""What becomes of an order whose step broke by a mistake of our own.

A step that breaks is taken again after a rest, and each rest is longer than the one before.  After
some breakages, or once the order's time has passed, the order is ended all the same, and the next
one of its meter goes on.  That end depends on nothing that may have been what broke: it reads the
order as bare columns, judges nothing, promises nothing, and has its own transaction.

What goes well in between does not take a breakage back: an order whose tries break, and whose waits
and looks go well, would be tried to its last minute, and end for a reason that is not so.

Whether the effect is known is decided as carefully as can be: as soon as one command has been sent,
nothing is claimed of the meter, and the effect is looked for as after any other end that leaves it
open.  Where that breaks as well, it is given up in the same way.

Only an exception counts.  A process that dies in the middle of a step proves nothing against that
order: it holds many at once, and may have been ended by an operator.  A database that is away
proves nothing either, and could not count.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from headend.config import OrderPolicy
from headend.domain.change import Change, ChangeKind
from headend.domain.order import State
from headend.domain.reason import REASONS, ReasonCode
from headend.orders.settle import Settling, channels_of
from headend.ports import Chance, Clock, Outgoing, Standing, Store, Transaction
from headend.trouble import in_a_line
from protocols.commercial import messages as commercial


@dataclass(frozen=True, slots=True)
class Breakages:
    """Counts an order's breakages and ends it when they are too many."""

    store: Store
    clock: Clock
    chance: Chance
    policy: OrderPolicy
    settling: Settling
    worker: str

    async def note(self, number: int, error: Exception) -> None:
        """A step with this worker's order broke.  Gives the lease back."""
        now, told = self.clock.now(), in_a_line(error)
        ended = await self.store.run(lambda tx: self._note(tx, number, told, now))
        if ended is not None:
            self.settling.announce([ended])

    def _note(self, tx: Transaction, number: int, told: str, now: datetime) -> Standing | None:
        """The order as it stood, if it was ended or its effect given up."""
        looks_since = now - timedelta(seconds=self.policy.verify_for_s)
        broken = tx.standing(number, worker=self.worker, now=now, looks_since=looks_since)
        if broken is None:  # it had done its work, or is another's
            tx.release(number, worker=self.worker)
            return None
        count = broken.breakages + 1
        if count < self.policy.breakages_max and not broken.out_of_time:
            until = now + self._rest(count)
            cause = f"the step broke: {told}; taken again at {until:%H:%M:%S}Z"
            tx.rest(number, worker=self.worker, now=now, until=until, cause=cause)
            return None
        times = "" if count == 1 else f" {count} times, at last"
        cause = f"the step broke{times}: {told}; "
        ended = self._close if broken.unfinished else self._look_no_more
        return broken if ended(tx, broken, now, cause) else None

    def _close(self, tx: Transaction, order: Standing, now: datetime, cause: str) -> bool:
        sent = order.commanded > 0
        reason = ReasonCode.INTERNAL_ERROR_UNKNOWN if sent else ReasonCode.INTERNAL_ERROR
        look_at = now + timedelta(seconds=self.policy.verify_first_s) if sent else None
        closed = tx.close(
            order.number,
            worker=self.worker,
            now=now,
            reason=reason,
            look_at=look_at,
            cause=cause + REASONS[reason].text,
        )
        if closed:
            tx.tell(Change(ChangeKind.ORDER, State.FAILED, now, order.number, order.meter))
            self._post(tx, order, now, reason)
        return closed

    def _look_no_more(self, tx: Transaction, order: Standing, now: datetime, cause: str) -> bool:
        note = "the effect could not be found out"
        if order.bounded:
            note += "; a limit that was to end may stay in the meter"
        if not tx.look_no_more(order.number, worker=self.worker, now=now, cause=cause + note):
            return False
        self._post(tx, order, now, ReasonCode.INTERNAL_ERROR_UNKNOWN, note)
        return True

    def _post(
        self,
        tx: Transaction,
        order: Standing,
        at: datetime,
        reason: ReasonCode,
        note: str | None = None,
    ) -> None:
        """The final reply or, with a `note`, the event that tells the end of the search."""
        row = REASONS[reason]
        for channel, address in channels_of(order.reply_address):
            message_id = self.chance.uuid()
            message = commercial.ResultMessage(
                message_id=message_id,
                kind="reply" if note is None else "event",
                at=at,
                order=order.number,
                transaction_id=order.transaction_id,
                source=order.source,
                meter=order.meter,
                action=order.kind,
                ok=False,
                state=State.FAILED,
                noun=order.noun,
                generic=order.generic,
                correlation_id=order.correlation_id,
                request_message_id=order.message_id,
                amount=order.amount,
                unit=order.unit,
                reason=commercial.ReasonGiven(row.code, row.cim, row.text, row.details, row.crew),
                note=note,
            )
            tx.post(
                Outgoing(
                    message_id=message_id,
                    order=order.number,
                    channel=channel,
                    kind=message.kind,
                    created_at=at,
                    body=commercial.encode(message),
                    address=address,
                    not_before=at,
                )
            )

    def _rest(self, count: int) -> timedelta:
        rest_s = self.policy.breakage_rest_s * 2 ** min(count - 1, 16)
        return timedelta(seconds=min(rest_s, self.policy.backoff_max_s))
