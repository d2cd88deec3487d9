"""The words by which lanes share the queue: claim, release, and when to come back.

A meter's orders run one at a time.  An order that has begun (a command may be on its way, or its
effect is not known) goes before every other of its meter; otherwise the earlier accepted goes
first, as soon as it is ready.  One that is scheduled for later, or held for a second person, stands
in nobody's way, nor does a read in the way of what is urgent.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    String,
    and_,
    bindparam,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    text,
    type_coerce,
    update,
)

from headend.domain.order import TAKEN_OVER, URGENT_MAX, Order, State
from headend.ports import StoreUnavailable, Unreadable
from headend.store.orders import ORDER_LOCKED
from headend.store.prepared import Prepared
from headend.store.rows import JOURNAL, ORDER
from headend.store.words import Words

PRIORITY_MAX = 2**31 - 1

_orders = ORDER.table
_columns = _orders.c
_of_concentrator = _columns.concentrator == bindparam("of_concentrator")

_BEGUN = ", ".join(f"'{state}'" for state in (State.DISPATCHED, State.EXECUTING, State.UNKNOWN))
_MAY_BE_CLAIMED = f"""
  next.concentrator = :of_concentrator
  AND next.due_at IS NOT NULL AND next.due_at <= :now
  AND next.priority <= :priority_max
  AND (next.lease_until IS NULL OR next.lease_until <= :now)
  AND NOT EXISTS (
    SELECT 1 FROM orders AS other
    WHERE other.meter = next.meter AND other.number <> next.number
      AND other.due_at IS NOT NULL
      AND (other.lease_until > :now
           OR other.unfinished
              AND next.state NOT IN ({_BEGUN})
              AND (other.state IN ({_BEGUN})
                   OR other.number < next.number AND other.ready_at <= :now
                      AND other.held_at IS NULL
                      AND (other.priority <= {URGENT_MAX} OR next.priority > {URGENT_MAX}))))
"""
METERS = 0x616D_6B
"""The class of PostgreSQL's advisory locks on meters, one of whose orders is just being claimed."""


def _prepared(sql: str, *times: str, returns: Sequence[ColumnElement[Any]]) -> Prepared:
    typed = (bindparam(name, type_=_columns.due_at.type) for name in times)
    return Prepared(text(sql).bindparams(*typed).columns(*returns))


# In SQL by itself, because the index must be named: left alone, SQLite sorts all that is due once
# for each claim.
CLAIM = _prepared(
    f"""
    UPDATE orders SET lease_owner = :worker, lease_until = :lease_until
    WHERE number = (
      SELECT next.number FROM orders AS next INDEXED BY orders_to_claim
      WHERE {_MAY_BE_CLAIMED}
      ORDER BY next.priority, next.number LIMIT 1)
    RETURNING number
    """,
    "now",
    "lease_until",
    returns=[_columns.number],
)
# Where several workers claim at once: take the first that nobody else is just taking, lock its
# meter, and then, in a statement that sees what was committed before the lock was had, look again
# whether it may be claimed.  Whoever has the meter's lock is claiming another of its orders.
CANDIDATE = _prepared(
    f"""
    WITH candidate AS MATERIALIZED (
      SELECT next.number, next.meter FROM orders AS next
      WHERE {_MAY_BE_CLAIMED} AND NOT next.meter = ANY(:not_of)
      ORDER BY next.priority, next.number LIMIT 1 FOR UPDATE OF next SKIP LOCKED)
    SELECT number, meter, pg_try_advisory_xact_lock({METERS}, hashtext(meter)) FROM candidate
    """,
    "now",
    returns=[_columns.number, _columns.meter, literal_column("pg_try_advisory_xact_lock")],
)
CLAIM_LOCKED = _prepared(
    f"""
    UPDATE orders AS next SET lease_owner = :worker, lease_until = :lease_until
    WHERE next.number = :of_number AND {_MAY_BE_CLAIMED}
    RETURNING number
    """,
    "now",
    "lease_until",
    returns=[_columns.number],
)
_give_back = update(_orders).values(lease_owner=None, lease_until=None)
_of_worker = _columns.lease_owner == bindparam("worker")
_release = _give_back.where(_columns.number == bindparam("of_number"))
_RELEASE = Prepared(_release)
_RELEASE_OWN = Prepared(_release.where(_of_worker))
_RELEASE_ALL = Prepared(_give_back.where(_of_worker))
_HOLDER = Prepared(
    select(_columns.lease_owner).where(
        _columns.number == bindparam("of_number"), _columns.lease_until > bindparam("now")
    )
)
_journal = JOURNAL.table
_NOTE_TAKEN_OVER = Prepared(
    insert(_journal).from_select(
        ["order", "at", "state", "cause"],
        select(
            _columns.number,
            bindparam("at", type_=_journal.c.at.type),
            type_coerce(_columns.state, String),  # from the row, unread
            literal(TAKEN_OVER),
        ).where(_of_worker),
    )
)

_FIRST_DUE = Prepared(
    select(func.min(_columns.due_at)).where(_of_concentrator, _columns.due_at.is_not(None))
)
_NEXT_DUE = Prepared(
    select(func.min(_columns.due_at)).where(_of_concentrator, _columns.due_at > bindparam("after"))
)
_NEXT_LEASE_END = Prepared(
    select(func.min(_columns.lease_until)).where(
        _of_concentrator,
        _columns.lease_owner.is_not(None),
        _columns.lease_until > bindparam("after"),
    )
)
# What broke a step does not mend by a concentrator's coming: it rests as long as it was told to.
_late = and_(_columns.due_at > bindparam("at"), _columns.breakages == 0)
_hasten_step = (
    update(_orders)
    .where(
        _of_concentrator,
        _late,
        _columns.unfinished.is_(True),
        _columns.held_at.is_(None),
        or_(_columns.state == State.QUEUED, _columns.state == State.UNKNOWN),
        _columns.ready_at <= bindparam("at"),
    )
    .values(not_before=bindparam("at"), due_at=bindparam("at"))
)
_hasten_look = (
    update(_orders)
    .where(_of_concentrator, _late, _columns.unfinished.is_(False))
    .values(verify_at=bindparam("at"), due_at=bindparam("at"))
)
_of_meter = _columns.meter == bindparam("of_meter")
_HASTEN = tuple(map(Prepared, (_hasten_step, _hasten_look)))
_HASTEN_METER = tuple(Prepared(each.where(_of_meter)) for each in (_hasten_step, _hasten_look))
_WITH_WORK = Prepared(
    select(_columns.concentrator)
    .where(_columns.due_at.is_not(None), _columns.concentrator.is_not(None))
    .distinct()
    .order_by(_columns.concentrator)
)


class ClaimWords(Words):
    """Leases of orders."""

    def claim(
        self,
        concentrator: str,
        *,
        worker: str,
        now: datetime,
        lease_until: datetime,
        urgent: bool = False,
    ) -> Order | None:
        values = {
            "of_concentrator": concentrator,
            "worker": worker,
            "now": now,
            "lease_until": lease_until,
            "priority_max": URGENT_MAX if urgent else PRIORITY_MAX,
        }
        if (number := self._claimed(values)) is None:
            return None
        try:
            return self._one(ORDER, ORDER_LOCKED, {"of_number": number})
        except StoreUnavailable:
            raise
        except Exception as error:  # whatever a column's type may raise
            raise Unreadable(number, error) from error

    def _claimed(self, values: dict[str, Any]) -> int | None:
        """The number of the order that is leased now."""
        if not self._shared:
            return next((number for (number,) in self._rows(CLAIM, values)), None)
        passed_over: list[str] = []  # meters of which another worker is claiming an order
        while found := self._rows(CANDIDATE, {**values, "not_of": passed_over}):
            ((number, meter, locked),) = found
            if locked and self._rows(CLAIM_LOCKED, {**values, "of_number": number}):
                claimed: int = number
                return claimed
            passed_over.append(meter)
        return None

    def release(self, number: int, *, worker: str | None = None) -> None:
        if worker is None:
            self._change(_RELEASE, {"of_number": number})
        else:
            self._change(_RELEASE_OWN, {"of_number": number, "worker": worker})

    def held_by(self, number: int, now: datetime) -> str | None:
        holders = self._rows(_HOLDER, {"of_number": number, "now": now})
        return next((holder for (holder,) in holders), None)

    def note_taken_over(self, worker: str, *, at: datetime) -> int:
        return self._change(_NOTE_TAKEN_OVER, {"worker": worker, "at": at})

    def release_all(self, worker: str) -> int:
        return self._change(_RELEASE_ALL, {"worker": worker})

    def next_due(self, concentrator: str, *, after: datetime | None = None) -> datetime | None:
        of = {"of_concentrator": concentrator}
        if after is None:
            first: datetime | None = self._value(_FIRST_DUE, of)
            return first
        times = [
            self._value(statement, {**of, "after": after})
            for statement in (_NEXT_DUE, _NEXT_LEASE_END)
        ]
        return min((time for time in times if time is not None), default=None)

    def hasten(self, concentrator: str, at: datetime) -> int:
        values = {"of_concentrator": concentrator, "at": at}
        return sum(self._change(statement, values) for statement in _HASTEN)

    def hasten_meter(self, concentrator: str, meter: str, at: datetime) -> int:
        values = {"of_concentrator": concentrator, "of_meter": meter, "at": at}
        return sum(self._change(statement, values) for statement in _HASTEN_METER)

    def concentrators_with_work(self) -> list[str]:
        return [row[0] for row in self._rows(_WITH_WORK)]
