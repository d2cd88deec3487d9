"""When the head-end started again with orders under way, as the journals of those orders tell."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, func, not_, select

from headend.domain.order import OWN, TAKEN_OVER, State
from headend.store import schema
from headend.store.upkeep_schema import concentrator_sessions

_journal, _orders, _attempts = schema.journal.c, schema.orders.c, schema.attempts.c

_PLACED = (State.RECEIVED, State.VALIDATED, State.QUEUED)
"""What a journal begins with; of the head-end's own affairs, other processes write it as well."""


@dataclass(frozen=True, slots=True)
class Restart:
    """A start that found orders under way.

    `last_word` is the last that the life before it wrote: it ended then, or some time after.
    """

    at: datetime
    orders: tuple[int, ...]
    last_word: datetime | None


def restarts(connection: Connection) -> list[Restart]:
    """Starts that journals tell of, the earliest first."""
    lines = connection.execute(
        select(_journal.at, _journal.order)
        .where(_journal.cause == TAKEN_OVER)
        .order_by(_journal.at, _journal.order)
    )
    found: dict[datetime, list[int]] = {}
    for at, number in lines:
        found.setdefault(at, []).append(number)
    return [
        Restart(at, tuple(numbers), _last_word(connection, at)) for at, numbers in found.items()
    ]


def _last_word(connection: Connection, before: datetime) -> datetime | None:
    """The last that a head-end wrote before a time.

    Another process may place reads while the head-end is down; what it writes is no sign of life.
    """
    placed = and_(_orders.kind.in_(sorted(OWN)), _journal.state.in_(_PLACED))
    told = (
        select(func.max(_journal.at))
        .join(schema.orders, _orders.number == _journal.order)
        .where(
            _journal.at < before,
            not_(and_(placed, _journal.at == _orders.accepted_at)),
        )
    )
    ended = select(func.max(_attempts.ended_at)).where(_attempts.ended_at < before)
    sessions = select(func.max(concentrator_sessions.c.at)).where(
        concentrator_sessions.c.at < before
    )
    words = [connection.execute(query).scalar() for query in (told, ended, sessions)]
    return max((word for word in words if word is not None), default=None)
