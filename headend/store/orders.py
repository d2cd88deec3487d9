"""The words for orders, their journal and their attempts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import bindparam, func, insert, select, update

from headend.domain.order import OWN, Attempt, JournalLine, Order, State
from headend.domain.reason import ReasonCode
from headend.store import schema
from headend.store.prepared import Locked, Prepared
from headend.store.rows import ATTEMPT, JOURNAL, ORDER, QUEUE_NAMES, order_values
from headend.store.words import Words

# What an order is, as against how it stands.  Written once; `save_order` leaves it alone, and the
# indexes on it too.
IDENTITY = (
    "number",
    "transaction_id",
    "source",
    "meter",
    "kind",
    "accepted_at",
    "message_id",
    "correlation_id",
    "noun",
    "generic",
    "restores",
    "objects",
    "image",
    "activate_at",
    "clock",
    "tariff",
    "until_pressed",
)

_orders = ORDER.table
_columns = _orders.c
_STANDING = [name for name in (*ORDER.names, *QUEUE_NAMES) if name not in IDENTITY]
_of_number = _columns.number == bindparam("of_number")

_counters = schema.counters
_NUMBER = Prepared(
    update(_counters)
    .where(_counters.c.name == schema.ORDER_NUMBER)
    .values(value=_counters.c.value + 1)
    .returning(_counters.c.value)
)
# Both counters are locked in this sequence always: an acceptance needs a number and counts, an end
# counts alone, and works of both kinds share a commit.
_LOCK_NUMBER = Prepared(
    select(_counters.c.value).where(_counters.c.name == schema.ORDER_NUMBER).with_for_update()
)
_COUNT = Prepared(
    update(_counters)
    .where(_counters.c.name == schema.WAITING_ORDERS)
    .values(value=_counters.c.value + bindparam("change"))
)
_WAITING = Prepared(select(_counters.c.value).where(_counters.c.name == schema.WAITING_ORDERS))
_WAITING_OF_CONCENTRATOR = Prepared(
    select(func.count())
    .select_from(_orders)
    .where(
        _columns.concentrator == bindparam("of_concentrator"),
        _columns.due_at.is_not(None),
        _columns.unfinished.is_(True),
    )
)
_ADD = Prepared(insert(_orders), (*ORDER.names, *QUEUE_NAMES))
_SAVE = Prepared(update(_orders).where(_of_number), _STANDING)
_FINISH = Prepared(
    update(_orders).where(_of_number, _columns.unfinished.is_(True)).values(unfinished=False)
)
ORDER_LOCKED = Locked(ORDER.select().where(_of_number))
_of_transaction = _columns.transaction_id == bindparam("of_transaction")
_of_correlation = _columns.correlation_id == bindparam("of_correlation")
_OF_TRANSACTION = Locked(ORDER.select().where(_of_transaction).order_by(_columns.number))
_OF_CORRELATION = Locked(ORDER.select().where(_of_correlation).order_by(_columns.number))
_OPEN_OF_METER = Locked(
    ORDER.select()
    .where(
        _columns.meter == bindparam("of_meter"),
        _columns.due_at.is_not(None),
        _columns.unfinished.is_(True),
    )
    .order_by(_columns.number)
)
_OPEN_OF_CONCENTRATOR = Locked(
    ORDER.select()
    .where(
        _columns.concentrator == bindparam("of_concentrator"),
        _columns.due_at.is_not(None),
        _columns.unfinished.is_(True),
    )
    .order_by(_columns.number)
)
_ENDED = Locked(
    ORDER.select()
    .where(
        _columns.concentrator == bindparam("of_concentrator"),
        _columns.ended_at >= bindparam("since"),
        _columns.unfinished.is_(False),
    )
    .order_by(_columns.ended_at, _columns.number)
)
_ACTED_ON_SINCE = Prepared(
    select(func.count()).where(
        _columns.meter == bindparam("of_meter"),
        _columns.number > bindparam("of_number"),
        _columns.commanded > 0,
        *(_columns.kind != kind for kind in sorted(OWN)),
    )
)
_STATES = Prepared(select(_columns.state, func.count()).group_by(_columns.state))

_journal = JOURNAL.table
_ADD_LINE = Prepared(insert(_journal).inline(), JOURNAL.names)
_JOURNAL = Prepared(
    JOURNAL.select().where(_journal.c.order == bindparam("of_number")).order_by(_journal.c.line)
)
_LAST_LINE = Prepared(
    JOURNAL.select()
    .where(_journal.c.order == bindparam("of_number"))
    .order_by(_journal.c.line.desc())
    .limit(1)
)
_attempts = ATTEMPT.table
_ADD_ATTEMPT = Prepared(insert(_attempts), ATTEMPT.names)
_SAVE_ATTEMPT = Prepared(
    update(_attempts).where(
        _attempts.c.order == bindparam("of_number"), _attempts.c.number == bindparam("of_attempt")
    ),
    [name for name in ATTEMPT.names if name not in ("order", "number")],
)
_ATTEMPTS = Prepared(
    ATTEMPT.select().where(_attempts.c.order == bindparam("of_number")).order_by(_attempts.c.number)
)


class CountWords(Words):
    """How many orders wait."""

    def _lock_number(self) -> None:
        self._rows(_LOCK_NUMBER)

    def _count(self, change: int) -> None:
        if self._shared:
            self._lock_number()
        self._change(_COUNT, {"change": change})


class OrderWords(CountWords):
    """Orders by number, and what is told of them."""

    def next_order_number(self) -> int:
        number: int = self._value(_NUMBER)
        return number

    def add_order(self, order: Order, story: Sequence[tuple[State, str]]) -> None:
        if not story:
            raise ValueError("an order begins with at least one line of its journal")
        self._change(_ADD, order_values(order))
        for state, cause in story:
            line = JournalLine(order.number, order.accepted_at, state, cause)
            self._change(_ADD_LINE, JOURNAL.values(line))
        if not order.final:
            self._count(+1)

    def save_order(
        self, order: Order, *, at: datetime, cause: str | None, attempt: int | None = None
    ) -> None:
        if order.final and self._change(_FINISH, {"of_number": order.number}):
            self._count(-1)
        values = order_values(order)
        values["of_number"] = order.number
        if not self._change(_SAVE, values):
            raise LookupError(f"no order {order.number}")
        if cause is None:
            return
        line = JournalLine(order.number, at, order.state, cause, attempt)
        self._change(_ADD_LINE, JOURNAL.values(line))

    def order(self, number: int) -> Order | None:
        return self._one(ORDER, ORDER_LOCKED, {"of_number": number})

    def orders_of(
        self, *, transaction_id: str | None = None, correlation_id: str | None = None
    ) -> list[Order]:
        if transaction_id is not None:
            found = self._all(ORDER, _OF_TRANSACTION, {"of_transaction": transaction_id})
            return [order for order in found if correlation_id in (None, order.correlation_id)]
        if correlation_id is not None:
            return self._all(ORDER, _OF_CORRELATION, {"of_correlation": correlation_id})
        raise ValueError("orders of what?  Name a transaction, a correlation, or both")

    def open_orders_of_meter(self, meter: str) -> list[Order]:
        return self._all(ORDER, _OPEN_OF_METER, {"of_meter": meter})

    def open_orders_of_concentrator(self, concentrator: str) -> list[Order]:
        return self._all(ORDER, _OPEN_OF_CONCENTRATOR, {"of_concentrator": concentrator})

    def waiting_orders(self, concentrator: str | None = None) -> int:
        if concentrator is None:
            count: int = self._value(_WAITING)
        else:
            count = self._value(_WAITING_OF_CONCENTRATOR, {"of_concentrator": concentrator})
        return count

    def ended_with(
        self, concentrator: str, reasons: Iterable[ReasonCode], since: datetime
    ) -> list[Order]:
        wanted = frozenset(reasons)
        ended = self._all(ORDER, _ENDED, {"of_concentrator": concentrator, "since": since})
        return [order for order in ended if order.reason in wanted]

    def acted_on_since(self, meter: str, number: int) -> bool:
        return bool(self._value(_ACTED_ON_SINCE, {"of_meter": meter, "of_number": number}))

    def count_states(self) -> dict[State, int]:
        return {row[0]: row[1] for row in self._rows(_STATES)}

    def journal(self, number: int) -> list[JournalLine]:
        return self._all(JOURNAL, _JOURNAL, {"of_number": number})

    def last_line(self, number: int) -> JournalLine | None:
        return self._one(JOURNAL, _LAST_LINE, {"of_number": number})

    def begin_attempt(self, attempt: Attempt) -> None:
        self._change(_ADD_ATTEMPT, ATTEMPT.values(attempt))

    def end_attempt(self, attempt: Attempt) -> None:
        values = ATTEMPT.values(attempt)
        values["of_number"], values["of_attempt"] = attempt.order, attempt.number
        if not self._change(_SAVE_ATTEMPT, values):
            raise LookupError(f"order {attempt.order} has no attempt {attempt.number}")

    def attempts(self, number: int) -> list[Attempt]:
        return self._all(ATTEMPT, _ATTEMPTS, {"of_number": number})
