"""A question by REST becomes orders, once however often it comes.

The key is the account's name and the Idempotency-Key, as it is Source and MessageID by SOAP: the
same question gets the first answer again, another one under the same key is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from headend.access import lines
from headend.collection.asking import BadRead, Reads
from headend.domain.account import Caller, Permission
from headend.domain.order import Kind, Order
from headend.orders import cutting
from headend.orders.accept import Acceptance, Accepted, Overloaded, Submission, Wish
from headend.orders.inbox import Conflict, Inbox, Received, Repeated, Taken
from headend.orders.withdraw import Target, Withdrawal, Withdrawn
from headend.ports import Clock, Store, Transaction
from headend.rest.problems import Problem, not_found, wrong_question

Answer = Callable[[Order], bytes]


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks, from where, with which words."""

    caller: Caller
    source: str
    key: str
    octets: bytes


@dataclass(frozen=True, slots=True)
class Placing:
    """Where orders by REST are taken in and withdrawn."""

    inbox: Inbox
    acceptance: Acceptance
    withdrawal: Withdrawal
    reads: Reads
    store: Store
    clock: Clock

    async def order(self, asked: Asked, submission: Submission, answer: Answer) -> bytes:
        """Place what is submitted; the answer's octets tell its first order.  Raises `Problem`."""
        return await self._taken(asked, lambda tx: submission, answer)

    async def read(self, asked: Asked, meter: str, objects: list[str], answer: Answer) -> bytes:
        """Place a read of these objects; the answer's octets.  Raises `Problem`."""

        def submission(tx: Transaction) -> Submission:
            known = tx.meter(meter)
            if known is None:
                raise not_found(f"meter {meter}", "GET /api/v1/meters lists those that there are.")
            wish = Wish(meter, Kind.READ, objects=self.reads.wanted(known, objects))
            return Submission(asked.caller.account, (wish,), asked.key, noun="MeterReadings")

        try:
            return await self._taken(asked, submission, answer)
        except BadRead as error:
            raise wrong_question("body.objects", str(error)) from error

    async def cancel(self, asked: Asked, number: int) -> Order:
        """Cancel an order that waits.  Raises `Problem`."""
        now = self.clock.now()

        def work(tx: Transaction) -> Withdrawn:
            order = tx.order(number)
            if order is None:
                raise not_found(f"order {number}", "GET /api/v1/orders lists those that there are.")
            done = self.withdrawal.cancel(
                tx, [Target(number=number)], source=order.source, by=asked.caller.account, at=now
            )
            if done.done:
                tx.add_audit(
                    lines.done(
                        now,
                        asked.caller.account,
                        Permission.ORDER_CANCEL,
                        f"order {number}",
                        f"{order.kind} at meter {order.meter}",
                        source=asked.source,
                    )  # fmt: skip
                )
            return done

        withdrawn = await self.store.run(work)
        self.withdrawal.announce(withdrawn)
        if withdrawn.too_late:
            state = withdrawn.too_late[0].state
            raise Problem(
                409, "too-late", "The order is not cancelled.", f"it is {state}",
                f"GET /api/v1/orders/{number} tells how it stands.",
            )  # fmt: skip
        return withdrawn.done[0]

    async def _taken(
        self, asked: Asked, submission: Callable[[Transaction], Submission], answer: Answer
    ) -> bytes:
        now = self.clock.now()
        account = asked.caller.account
        digest = hashlib.sha256(asked.octets).hexdigest()
        message = Received(account, asked.key, digest, asked.octets)

        def effect(tx: Transaction, transaction_id: str) -> tuple[Accepted, bytes]:
            accepted = self.acceptance.accept(tx, submission(tx), transaction_id, at=now)
            order = accepted.orders[0]  # others come of it: a calendar is looked at later
            tx.add_audit(
                lines.done(
                    now,
                    account,
                    cutting.permission(
                        order.kind, order.amount, order.unit, self.acceptance.policy
                    ),
                    f"order {order.number}",
                    f"{order.kind} at meter {order.meter}: {order.state}",
                    source=asked.source,
                )  # fmt: skip
            )
            return accepted, answer(order)

        try:
            taken = await self.inbox.take(message, effect)
        except Overloaded as error:
            raise Problem(
                503, "overloaded", "The order is not taken.", "too many orders wait",
                "Ask again in a minute, with the same Idempotency-Key.", {"Retry-After": "60"},
            ) from error  # fmt: skip
        match taken:
            case Taken():
                self.acceptance.announce(taken.effect)
                return taken.answer
            case Repeated():
                return taken.answer
            case Conflict():
                raise Problem(
                    422, "key-reused", "The order is not taken.",
                    "another question came with this Idempotency-Key before",
                    "Make a new key for each order.",
                )  # fmt: skip
