"""All of one meter, and what stands between the head-end and its values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from headend.domain.meter import Meter
from headend.domain.order import Order, State
from headend.domain.reason import REASONS
from headend.store import queries
from headend.store.upkeep_queries import ConcentratorPage, concentrator_page
from protocols.concentrator.messages import LinkReport, Result, UnknownMessage, decode_upward
from protocols.concentrator.upkeep import MeterPlace

ORDERS_SHOWN = 10
EVIDENCE_SHOWN = 3
LOSS_TOLD = 0.3  # of a link's frames: more than retries overcome every time


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing that stands between the head-end and the meter's values, and how that is known."""

    text: str
    evidence: str
    at: datetime | None = None
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class MeterPage:
    """All that is known of a meter; lists begin with the latest."""

    meter: Meter
    orders: list[Order]
    link: LinkReport | None  # as the latest attempt saw it
    place: MeterPlace | None
    concentrator: ConcentratorPage | None
    causes: list[Cause]


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
    return MeterPage(known, found, link, place, home, [*causes_of(known, found, link, place, home)])


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


# --- why -----------------------------------------------------------------------------------------


def causes_of(
    known: Meter,
    orders: list[Order],
    link: LinkReport | None,
    place: MeterPlace | None,
    home: ConcentratorPage | None,
) -> Iterator[Cause]:
    """What stands in the way, from the registry outwards to the meter."""
    if not known.commissioned:
        yield Cause("it is not commissioned", "the registry", next_step="commission it first")
    if known.blocked:
        yield Cause("it is blocked", "the registry", next_step="find out why, and unblock it")
    if known.concentrator is None and known.address is None:
        text = "it is linked to no concentrator and has no address"
        yield Cause(text, "the registry", next_step="link it, or give it an address: ami meter add")
    if home is not None:
        yield from _of_concentrator(home)
    yield from _of_link(link, place)
    if orders and orders[0].state is not State.DONE and orders[0].reason:
        last = orders[0]
        assert last.reason is not None
        how = "ended" if last.final else f"tried {last.attempts} times, is"
        yield Cause(
            f"its last order, {last.number}, {how} {last.state}: {REASONS[last.reason].text}",
            "; ".join(f"{each.source}: {each.text}" for each in last.evidence) or "the journal",
            last.ended_at,
            _next_step(last),
        )


def _next_step(order: Order) -> str:
    """What helps after this order, or with it."""
    assert order.reason is not None
    reason = REASONS[order.reason]
    if not order.final:
        return f"nothing yet: it is tried by itself until {order.deadline:%Y-%m-%d %H:%M:%S}"
    told = f"what was tried: ami explain order {order.number}"
    if reason.crew:
        return f"send somebody to the meter, where ami probe doctor names the fault; {told}"
    return f"order it once more; {told}" if reason.retry else told


def _of_concentrator(home: ConcentratorPage) -> Iterator[Cause]:
    name = home.concentrator.name
    if not home.sessions or home.sessions[0].online:
        return
    last = home.sessions[0]
    yield Cause(
        f"its concentrator {name} is not on line",
        "its session with the broker",
        last.at,
        f"see what is known of it: ami explain concentrator {name}",
    )
    for each in [each for each in home.evidence if each.suggests][:EVIDENCE_SHOWN]:
        yield Cause(f"{name}: {each.text}", f"{each.source}, suggests {each.suggests}", each.at)


def _of_link(link: LinkReport | None, place: MeterPlace | None) -> Iterator[Cause]:
    if place is not None and not place.registered:
        yield Cause("its module has no place in the network", "the concentrator's topology")
    if link is None:
        return
    if not link.registered:
        yield Cause("its module had no place in the network", "the last attempt", link.at)
    elif link.frames_sent and link.frames_lost / link.frames_sent > LOSS_TOLD:
        told = f"{link.frames_lost} of {link.frames_sent} frames were lost"
        yield Cause(f"its link is bad: {told}", "the last attempt", link.at)
