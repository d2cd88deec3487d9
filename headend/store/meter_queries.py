"""All of one meter, and what stands between the head-end and its values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection

from headend.domain.cause import Cause
from headend.domain.meter import Meter
from headend.domain.meter_clock import MeterClock
from headend.domain.order import Order
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


def meter_page(connection: Connection, name: str) -> MeterPage | None:
    """All of one meter, or None where the registry does not know it."""
    known = queries.meter(connection, name)
    if known is None:
        return None
    found = queries.orders(connection, queries.OrderFilter(meter=name), limit=ORDERS_SHOWN)
    home = None
    if known.concentrator is not None:
        home = concentrator_page(connection, known.concentrator)
    link = next(_links(connection, found), None)
    place = None
    if home is not None and home.known is not None:
        place = next((each for each in home.known.state.meters if each.meter == name), None)
    pushes = collected_queries.pushes(connection, meter=name, latest=PUSHES_SHOWN)
    owed = [out for order in found for out in queries.outgoing_of(connection, order.number)]
    met = next(iter(discoveries(connection, meter=name)), None)
    why = causes_of(known, found, link, place, home, pushes, owed, met)
    clocks = meter_clocks_of(connection, name, limit=CLOCKS_SHOWN)
    return MeterPage(known, found, link, place, home, [*why], pushes, clocks)


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
