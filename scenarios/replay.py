"""A live run played again in simulation, with another policy.

A head-end's database tells when each order came and what each attempt met.  From that a scenario is
made: the same orders at the same times, for as many meters behind as many concentrators, and a
fault wherever attempts met one.  What lay between two attempts nobody recorded: a trouble is taken
to have begun with the first attempt that met it and to be over a minute after the last; one that an
order failed with, to have lasted as long again.  Frame losses, loads and the mobile network are the
simulation's own.

Meters and concentrators get the simulation's names; nothing that identifies one goes into the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from devices.field_spec import FIRST_METER
from headend.domain.meter import Meter
from headend.domain.order import Attempt, Kind, Order, State
from headend.store import queries
from scenarios.cuts import Values, spelled

OVER_AFTER = timedelta(seconds=60)  # after the last attempt that met a trouble
ORDERS_MAX = 100_000
NO_CONCENTRATOR = ""

MET = {
    # what a meter's attempt came to: the fault that stands for it
    "no-answer": "meter-silent",
    "unreachable": "meter-unreachable",
    "key-rejected": "meter-wrong-key",
    "refused": "meter-refuses",
    "not-applied": "meter-ignores",
    "emergency": "meter-emergency",
}
UNHEARD = ("not sent", "no word from the concentrator", "stored, but no result")


class NothingToReplay(ValueError):
    """The database holds no order that a commercial system sent."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a database tells of a run, the earliest order first."""

    orders: tuple[Order, ...]
    attempts: Mapping[int, tuple[Attempt, ...]]
    meters: Mapping[str, Meter]


def recorded(connection: queries.Connection) -> Recorded:
    """Read a head-end's database.  Raises `NothingToReplay`."""
    found = queries.orders(connection, limit=ORDERS_MAX)
    orders = tuple(o for o in reversed(found) if o.kind is not Kind.READ and o.restores is None)
    if not orders:
        raise NothingToReplay("no order of a commercial system is in it")
    names = dict.fromkeys(order.meter for order in orders)
    meters = {name: queries.meter(connection, name) for name in names}
    return Recorded(
        orders,
        {order.number: tuple(queries.attempts(connection, order.number)) for order in orders},
        {name: meter for name, meter in meters.items() if meter is not None},
    )


def values_of(run: Recorded, timezone: str) -> Values:
    """The scenario's values, as its file would have them."""
    start = min(order.accepted_at for order in run.orders).replace(second=0, microsecond=0)
    names, homes, field = _names(run)
    ends = [order.ended_at or order.deadline for order in run.orders]
    lasts_s = max((end - start).total_seconds() for end in ends) + 3600
    return {
        "about": "A recorded run, played again.",
        "start": start.astimezone(ZoneInfo(timezone)).replace(tzinfo=None),
        "timezone": timezone,
        "duration": spelled(float(round(lasts_s))),
        "field": field,
        "meter": [_meter(run.meters.get(name), names[name]) for name in names],
        "order": [_order(order, names[order.meter], start) for order in run.orders],
        "fault": [*_faults(run, names, homes, start)],
        "expect": {},
    }


def _names(run: Recorded) -> tuple[dict[str, str], dict[str, str], Values]:
    """The simulation's name of each meter, and of each concentrator; and the field for them."""
    behind: dict[str, list[str]] = {}
    for name in dict.fromkeys(order.meter for order in run.orders):
        known = run.meters.get(name)
        home = NO_CONCENTRATOR if known is None else known.concentrator or NO_CONCENTRATOR
        behind.setdefault(home, []).append(name)
    most = max(map(len, behind.values()))
    names = {
        name: str(FIRST_METER + group * most + place)
        for group, meters in enumerate(behind.values())
        for place, name in enumerate(meters)
    }
    homes = {home: f"C-{group:03d}" for group, home in enumerate(behind, 1)}
    field = {"meters": most * len(behind), "concentrators": len(behind), "outages": "none"}
    return names, homes, field


def _meter(known: Meter | None, name: str) -> Values:
    if known is None:
        return {"name": name, "registered": False}
    contract = {} if known.contracted_w is None else {"contracted_w": f"{known.contracted_w:f}"}
    return {
        "name": name,
        "commissioned": known.commissioned,
        "blocked": known.blocked,
        "linked": known.concentrator is not None or known.address is not None,
        "direct": known.concentrator is None and known.address is not None,
        **contract,
    }


def _order(order: Order, name: str, start: datetime) -> Values:
    values: Values = {
        "at": _since(order.accepted_at, start),
        "kind": str(order.kind),
        "meter": name,
        "any_day": order.any_day,
        "deadline": spelled(round((order.deadline - order.accepted_at).total_seconds(), 3)),
    }
    if order.amount is not None:
        values |= {"amount": f"{order.amount:f}", "unit": order.unit or "W"}
    if order.state is State.CANCELLED and order.ended_at is not None:
        values["cancel_at"] = _since(order.ended_at, start)
    return values


def _faults(
    run: Recorded, names: Mapping[str, str], homes: Mapping[str, str], start: datetime
) -> Iterator[Values]:
    """A fault for the attempts of an order that met the same trouble."""
    for order in run.orders:
        known = run.meters.get(order.meter)
        home = homes[NO_CONCENTRATOR if known is None else known.concentrator or NO_CONCENTRATOR]
        met: dict[tuple[str, str], list[Attempt]] = {}
        for attempt in run.attempts[order.number]:
            if (trouble := _trouble(attempt, names[order.meter], home)) is not None:
                met.setdefault(trouble, []).append(attempt)
        for (kind, place), attempts in met.items():
            over = (attempts[-1].ended_at or attempts[-1].started_at) + OVER_AFTER
            begun = attempts[0].started_at
            if order.final and order.state is not State.DONE:
                over += over - begun
            yield {
                "kind": kind,
                "target": place,
                "at": _since(begun, start),
                "until": _since(over, start),
            }


def _trouble(attempt: Attempt, meter: str, home: str) -> tuple[str, str] | None:
    """The fault that an attempt met, and where; None for none, or one that tells of no fault."""
    told = attempt.result or ""
    if told.startswith(UNHEARD):
        return "silence", home
    status = told.rpartition(" ")[2]
    if told.startswith("the session ended") and status in ("no-answer", "unreachable"):
        return "line-cut", meter
    if status == "busy":
        return "busy", home
    return None if status not in MET else (MET[status], meter)


def _since(at: datetime, start: datetime) -> str:
    return spelled(round((at - start).total_seconds(), 3))


def ended(orders: Sequence[Order]) -> list[str]:
    """How each order that somebody sent ended, in a few words."""
    return [
        f"{order.state}" if order.state is State.DONE else f"{order.state}: {order.reason}"
        for order in orders
        if order.kind is not Kind.READ and order.restores is None
    ]
