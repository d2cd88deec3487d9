"""All of one meter, and what stands between the head-end and its values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from headend.domain.cause import Cause
from headend.domain.meter import Meter
from headend.domain.meter_clock import MeterClock
from headend.domain.order import Order, State
from headend.domain.reading import Push
from headend.store import collected_queries, queries
from headend.store.clock_queries import meter_clocks_of
from headend.store.meter_causes import causes_of
from headend.store.upkeep_queries import ConcentratorPage, concentrator_page, discoveries
from protocols.concentrator.messages import LinkReport, Result, UnknownMessage, decode_upward
from protocols.concentrator.upkeep import MeterPlace

ORDERS_SHOWN = 10
PUSHES_SHOWN = 5
CLOCKS_SHOWN = 12
_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class MeterPage:
    """All that is known of a meter; lists begin with the latest."""

    meter: Meter
    orders: list[Order]
    link: LinkReport | None  # as the latest attempt saw it
    place: MeterPlace | None
    concentrator: ConcentratorPage | None
    causes: list[Cause]
    pushes: list[Push]  # what it said unasked
    clocks: list[MeterClock]  # how its clock stood


def meter_page(
    connection: Connection, name: str, until: datetime | None = None
) -> MeterPage | None:
    """All of one meter, or None where the registry does not know it.  With `until`, what was heard
    by then of orders, link, concentrator and pushes; the registry is as it is now."""
    known = queries.meter(connection, name)
    if known is None:
        return None
    which = queries.OrderFilter(meter=name, until=None if until is None else until + _INSTANT)
    found = queries.orders(connection, which, limit=ORDERS_SHOWN)
    if until is not None:
        found = [_as_of(connection, order, until) for order in found]

    def by(at: datetime) -> bool:
        return until is None or at <= until

    home = None
    if known.concentrator is not None:
        home = concentrator_page(connection, known.concentrator, until=until)
    link = next((each for each in _links(connection, found) if by(each.at)), None)
    place = None
    if home is not None and home.known is not None:
        place = next((each for each in home.known.state.meters if each.meter == name), None)
    pushes = collected_queries.pushes(connection, meter=name, latest=PUSHES_SHOWN, until=until)
    owed = [
        out
        for order in found
        for out in queries.outgoing_of(connection, order.number)
        if by(out.created_at) and (out.settled_at is None or by(out.settled_at))
    ]
    met = next((each for each in discoveries(connection, meter=name) if by(each.at)), None)
    why = causes_of(known, found, link, place, home, pushes, owed, met)
    clocks = [each for each in meter_clocks_of(connection, name, limit=CLOCKS_SHOWN) if by(each.at)]
    return MeterPage(known, found, link, place, home, [*why], pushes, clocks)


def _as_of(connection: Connection, order: Order, until: datetime) -> Order:
    """An order as its journal had it by then; of what was written to it since, nothing."""
    lines = queries.journal(connection, order.number)
    told = [line for line in lines if line.at <= until]
    if len(told) == len(lines):
        return order
    state = told[-1].state if told else State.RECEIVED
    return replace(
        order, state=state, reason=None, ended_at=None, evidence=(), value_read=None, readings=()
    )


def _links(connection: Connection, orders: list[Order]) -> Iterator[LinkReport]:
    """What attempts saw of the link, the latest first."""
    for order in orders:
        for attempt in reversed(queries.attempts(connection, order.number)):
            if attempt.exchanges is None:
                continue
            try:
                message = decode_upward(attempt.exchanges)
            except UnknownMessage:  # of a later version; the octets stay in the database
                continue
            if isinstance(message, Result) and message.link is not None:
                yield message.link
