"""Orders: their standing, their queue, their journal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from headend.domain.order import Order, State


class OrderWords(Protocol):
    """Orders: their standing, their queue, their journal."""

    def next_order_number(self) -> int:
        """Grows with each call, also across restarts and workers."""
        ...

    def add_order(self, order: Order, story: Sequence[tuple[State, str]]) -> None:
        """Insert an order as it stands, and its first journal lines (at `order.accepted_at`)."""
        ...

    def save_order(
        self, order: Order, *, at: datetime, cause: str | None, attempt: int | None = None
    ) -> None:
        """Write an order's new standing and the journal line that tells why; None where the last
        line still tells it.

        What an order is does not change: number, transaction, source, messages' ids, meter, kind.
        """
        ...

    def order(self, number: int) -> Order | None: ...
    def orders_of(
        self, *, transaction_id: str | None = None, correlation_id: str | None = None
    ) -> list[Order]: ...
    def open_orders_of_meter(self, meter: str) -> list[Order]:
        """Not final, in order of acceptance."""
        ...

    def open_orders_of_concentrator(self, concentrator: str) -> list[Order]:
        """Not final, in order of acceptance."""
        ...

    def waiting_orders(self, concentrator: str | None = None) -> int:
        """How many are not final."""
        ...

    def claim(
        self,
        concentrator: str,
        *,
        worker: str,
        now: datetime,
        lease_until: datetime,
        urgent: bool = False,
    ) -> Order | None:
        """Lease the next order of a concentrator that is due, or None; with `urgent`, only one that
        a person or a supply waits for.

        Due: not final, with `not_before` and `ready_at` <= now, or final and awaiting verification
        (`verify_at` <= now); under no lease that still runs, its own worker's included; and no
        other order of its meter is in the way.  Smallest (`priority`, `number`) first.  Raises
        `Unreadable`; the order is not leased then, and stands before the others until it rests.

        In the way is one that is leased; one that has begun (DISPATCHED, EXECUTING, UNKNOWN); and
        an earlier one that is unfinished and ready.  The last two hold up only orders that have
        not begun themselves.
        """
        ...

    def release(self, number: int, *, worker: str | None = None) -> None:
        """Give a lease back; with `worker`, only if it still is that worker's."""
        ...

    def held_by(self, number: int, now: datetime) -> str | None:
        """The worker that has an order leased, if any."""
        ...

    def note_taken_over(self, worker: str, *, at: datetime) -> int:
        """Write a line into the journal of each order that a dead worker had leased; how many."""
        ...

    def release_all(self, worker: str) -> int:
        """Give back a dead worker's leases; how many."""
        ...

    def next_due(self, concentrator: str, *, after: datetime | None = None) -> datetime | None:
        """The earliest time at which `claim` may find something, leases and blocking apart.

        With `after`, only later times, the ends of leases among them: when `claim` has just found
        nothing, whatever was due already waits for a release, which this process hears of itself,
        or for one of these.  (A meter that was linked anew may wait for its last concentrator.)
        """
        ...

    def hasten(self, concentrator: str, at: datetime) -> int:
        """Bring steps forward to `at` that wait for a later time only because the concentrator was
        silent: QUEUED and UNKNOWN orders that are ready, and verifications, none of them resting
        after a breakage.  How many."""
        ...

    def hasten_meter(self, concentrator: str, meter: str, at: datetime) -> int:
        """The same for one meter that can be reached again."""
        ...

    def concentrators_with_work(self) -> list[str]: ...
