"""What pages and commands look up: read-only, on any connection, also from another process.

Each function takes the connection of one reading transaction, so that several answers to one
question agree.  `SqlStore.read` and `Reader.read` give such connections.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection as Connection  # what callers pass in, by this name
from sqlalchemy import and_, func, not_, select

from headend.domain.job import Conflict, Device, Job, Lease, TakenOrder
from headend.domain.meter import Concentrator, Meter
from headend.domain.order import Attempt, JournalLine, Kind, Order, State
from headend.domain.reason import ReasonCode
from headend.ports import InboundMessage, Outgoing
from headend.store import schema
from headend.store.places import hanging_in
from headend.store.rows import CONCENTRATOR, INBOUND, METER, ORDER, OUTGOING, Form
from headend.store.transaction import SqlTransaction

T = TypeVar("T")

PAGE = 50


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Which orders; what is None or empty does not restrict.  Times bound `accepted_at`."""

    states: Collection[State] = ()
    kinds: Collection[Kind] = ()
    reasons: Collection[ReasonCode] = ()
    meter: str | None = None
    concentrator: str | None = None
    source: str | None = None
    transaction_id: str | None = None
    correlation_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    held: bool | None = None  # waits for a second person


@dataclass(frozen=True, slots=True)
class ChannelState:
    """What is still owed on one channel of the outbox."""

    channel: str
    unsettled: int
    oldest: datetime  # when the oldest unsettled message was posted
    most_tries: int
    next_due: datetime | None


def orders(
    connection: Connection,
    which: OrderFilter | None = None,
    *,
    before: int | None = None,
    limit: int = PAGE,
) -> list[Order]:
    """The latest orders first; `before` continues behind the last number of the page before."""
    columns = schema.orders.c
    statement = ORDER.select().order_by(columns.number.desc()).limit(limit)
    if before is not None:
        statement = statement.where(columns.number < before)
    for condition in conditions(which or OrderFilter()):
        statement = statement.where(condition)
    return _all(connection, ORDER, statement)


def conditions(which: OrderFilter) -> list[Any]:
    """What the rows of these orders fulfil."""
    columns = schema.orders.c
    among = (
        (columns.state, which.states),
        (columns.kind, which.kinds),
        (columns.reason, which.reasons),
    )
    equal = (
        (columns.meter, which.meter),
        (columns.concentrator, which.concentrator),
        (columns.source, which.source),
        (columns.transaction_id, which.transaction_id),
        (columns.correlation_id, which.correlation_id),
    )
    found: list[Any] = [column.in_(values) for column, values in among if values]
    found += [column == value for column, value in equal if value is not None]
    if which.since is not None:
        found.append(columns.accepted_at >= which.since)
    if which.until is not None:
        found.append(columns.accepted_at < which.until)
    if which.held is not None:
        held = and_(columns.held_at.is_not(None), columns.unfinished)
        found.append(held if which.held else not_(held))
    return found


def order(connection: Connection, number: int) -> Order | None:
    return SqlTransaction(connection).order(number)


def lease(connection: Connection, number: int) -> tuple[str, datetime] | None:
    """Which worker has an order in hand, and until when at most."""
    columns = schema.orders.c
    row = connection.execute(
        select(columns.lease_owner, columns.lease_until).where(columns.number == number)
    ).first()
    return None if row is None or row.lease_owner is None else (row.lease_owner, row.lease_until)


def journal(connection: Connection, number: int) -> list[JournalLine]:
    return SqlTransaction(connection).journal(number)


def attempts(connection: Connection, number: int) -> list[Attempt]:
    return SqlTransaction(connection).attempts(number)


def inbound_of(connection: Connection, transaction_id: str) -> InboundMessage | None:
    """The commercial message that began a transaction, as it came."""
    found = INBOUND.select().where(schema.inbound_messages.c.transaction_id == transaction_id)
    return next(iter(_all(connection, INBOUND, found)), None)


def outgoing_of(connection: Connection, number: int) -> list[Outgoing]:
    """Everything posted about an order, settled or not."""
    columns = schema.outbox.c
    found = OUTGOING.select().where(columns.order == number).order_by(columns.line)
    return _all(connection, OUTGOING, found)


def outbox(connection: Connection) -> list[ChannelState]:
    """The channels on which something is owed."""
    columns = schema.outbox.c
    statement = (
        select(
            columns.channel,
            func.count(),
            func.min(columns.created_at),
            func.max(columns.tries),
            func.min(columns.due_at),
        )
        .where(columns.settled_at.is_(None))
        .group_by(columns.channel)
        .order_by(columns.channel)
    )
    return [ChannelState(*row) for row in connection.execute(statement)]


def count_held(connection: Connection) -> int:
    """Orders that wait for a second person."""
    columns = ORDER.table.c
    query = select(func.count()).where(columns.held_at.is_not(None), columns.unfinished)
    return connection.execute(query).scalar_one()


def count_states(connection: Connection) -> dict[State, int]:
    return SqlTransaction(connection).count_states()


def waiting(connection: Connection) -> dict[str, int]:
    """How many orders are not final, by concentrator."""
    columns = schema.orders.c
    statement = (
        select(columns.concentrator, func.count())
        .where(
            columns.due_at.is_not(None),
            columns.unfinished.is_(True),
            columns.concentrator.is_not(None),
        )
        .group_by(columns.concentrator)
    )
    return {row[0]: row[1] for row in connection.execute(statement)}


def meter(connection: Connection, name: str) -> Meter | None:
    return SqlTransaction(connection).meter(name)


def meters(
    connection: Connection,
    *,
    concentrator: str | None = None,
    after: str = "",
    limit: int = PAGE,
    within: str | None = None,
) -> list[Meter]:
    """By name; `after` continues behind the last name of the page before; `within`: those that
    hang in this place."""
    columns = schema.meters.c
    statement = METER.select().where(columns.name > after).order_by(columns.name).limit(limit)
    if concentrator is not None:
        statement = statement.where(columns.concentrator == concentrator)
    if within is not None:
        statement = statement.where(columns.name.in_(hanging_in(within)))
    return _all(connection, METER, statement)


def concentrators(
    connection: Connection, *, after: str = "", limit: int = PAGE
) -> list[Concentrator]:
    """By name; `after` continues behind the last name of the page before."""
    columns = schema.concentrators.c
    found = CONCENTRATOR.select().where(columns.name > after).order_by(columns.name).limit(limit)
    return _all(connection, CONCENTRATOR, found)


def _all(connection: Connection, form: Form[T], statement: Any) -> list[T]:
    return [form.read(row) for row in connection.execute(statement)]


# --- jobs -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class JobPage:
    """One job with all that belongs to it; `orders` as they stand now."""

    job: Job
    leases: list[Lease]
    taken: list[TakenOrder]
    orders: dict[int, Order]
    conflicts: list[Conflict]
    keys_to_change: list[Lease]


def jobs(connection: Connection) -> list[Job]:
    """The latest first."""
    return SqlTransaction(connection).jobs()


def job_page(connection: Connection, job: str) -> JobPage | None:
    """All that is kept of a job."""
    words = SqlTransaction(connection)
    found = words.job(job)
    if found is None:
        return None
    taken = words.taken_orders(job)
    orders = {each.number: words.order(each.number) for each in taken}
    return JobPage(
        found,
        words.job_leases(job),
        taken,
        {number: order for number, order in orders.items() if order is not None},
        words.conflicts(job),
        [lease for lease in words.keys_to_change() if lease.job == job],
    )


def job_devices(connection: Connection) -> list[Device]:
    """By name."""
    return SqlTransaction(connection).devices()
