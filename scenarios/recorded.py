"""What a head-end's database tells of a time that is over: read once, never written."""

from __future__ import annotations

from dataclasses import dataclass

from headend.domain.evidence import Evidence
from headend.domain.meter import Concentrator, Meter
from headend.domain.order import Attempt, Order
from headend.domain.upkeep import SessionChange
from headend.store import queries, upkeep_queries
from headend.store.restart_queries import Restart, restarts
from protocols.concentrator.messages import Result, UnknownMessage, decode_upward

ALL = 1_000_000


@dataclass(frozen=True, slots=True)
class Tried:
    """One attempt and what came back, where something did."""

    attempt: Attempt
    result: Result | None


@dataclass(frozen=True, slots=True)
class Recorded:
    """Registry, orders and what concentrators told of themselves, the earliest first."""

    concentrators: tuple[Concentrator, ...]
    meters: tuple[Meter, ...]
    orders: tuple[Order, ...]
    tries: dict[int, tuple[Tried, ...]]  # by the order's number
    sessions: dict[str, tuple[SessionChange, ...]]
    logs: dict[str, tuple[Evidence, ...]]
    restarts: tuple[Restart, ...] = ()  # of the head-end, that found orders under way

    def meter(self, name: str) -> Meter | None:
        return next((each for each in self.meters if each.name == name), None)


def recorded(connection: queries.Connection) -> Recorded:
    """Everything that a replay needs, as one reading transaction sees it."""
    concentrators = tuple(queries.concentrators(connection, limit=ALL))
    orders = tuple(reversed(queries.orders(connection, limit=ALL)))
    pages = {
        each.name: upkeep_queries.concentrator_page(connection, each.name) for each in concentrators
    }
    return Recorded(
        concentrators,
        tuple(queries.meters(connection, limit=ALL)),
        orders,
        {
            order.number: tuple(map(_tried, queries.attempts(connection, order.number)))
            for order in orders
        },
        {
            name: tuple(reversed(upkeep_queries.sessions_of(connection, name, limit=ALL)))
            for name in pages
        },
        {name: tuple(reversed(page.evidence)) for name, page in pages.items() if page is not None},
        tuple(restarts(connection)),
    )


def _tried(attempt: Attempt) -> Tried:
    if attempt.exchanges is None:
        return Tried(attempt, None)
    try:
        told = decode_upward(attempt.exchanges)
    except UnknownMessage:  # of a later version, or damaged: the attempt's own words remain
        return Tried(attempt, None)
    return Tried(attempt, told if isinstance(told, Result) else None)
