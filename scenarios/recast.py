"""Recorded devices and orders, played by devices of the simulation.

The simulated field names its own devices.  A database of a simulated field keeps its names; any
other's meters are cast into places of the simulated field, under the concentrator that is cast for
theirs, and places that are left over stand empty.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from devices.field_spec import FIRST_METER, head_meter, transformers
from headend.domain.meter import GATEWAY
from headend.domain.order import SCHEDULED, Kind, Order, State
from headend.domain.reading import WantedObject
from headend.domain.reason import ReasonCode
from headend.models import Shelf
from protocols.concentrator.messages import Status
from scenarios.field import SIMULATED
from scenarios.inferred import since
from scenarios.parts import BadScenario
from scenarios.recorded import Recorded

METERS_MAX = 100_000
CONTRACT_OPEN_W = "1000000"  # of a meter without a contract: no order reaches it
METER_CLASSES = frozenset({1, 3, 4, 5})  # what can be read by logical name alone


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays whom: recorded names to simulated ones.  `empty` are places nobody takes.

    `total` counts customers; `grid` says whether their transformers have head meters besides.
    """

    concentrators: dict[str, str]
    meters: dict[str, str]
    empty: tuple[str, ...]
    total: int
    grid: bool = False

    @property
    def own_names(self) -> bool:
        """Whether everything keeps its name."""
        both = [*self.concentrators.items(), *self.meters.items()]
        return all(ours == theirs for ours, theirs in both)


def cast(recorded: Recorded) -> Cast:
    """Raises `BadScenario` for more meters than a story can have."""
    return _as_it_is(recorded) or _recast(recorded)


def _as_it_is(recorded: Recorded) -> Cast | None:
    """The cast of a field that has the names and places of a simulated one already.

    Head meters tell that it was on a grid: without one there are none.
    """
    names = [each.name for each in recorded.meters]
    if not all(each.isascii() and each.isdecimal() for each in names):
        return None
    concentrators = max(1, len(recorded.concentrators))
    heads = {head_meter(number).name for number in range(1, concentrators + 1)}
    total = max((int(each) for each in names if each not in heads), default=0) - FIRST_METER + 1
    if not 1 <= total <= METERS_MAX:
        return None
    grid = not heads.isdisjoint(names)
    places = {
        meter.name: each.concentrator
        for each in transformers(total, concentrators, heads=grid)
        for meter in each.modules
    }
    known = {each.name for each in recorded.concentrators}
    if not known <= set(places.values()) or any(
        each.name not in places or each.concentrator not in (None, places[each.name])
        for each in recorded.meters
    ):
        return None
    return Cast(
        {name: name for name in known},
        {name: name for name in names},
        tuple(name for name in places if name not in set(names)),
        total,
        grid,
    )


def _recast(recorded: Recorded) -> Cast:
    known = [each.name for each in recorded.concentrators]
    linked = {each.concentrator for each in recorded.meters if each.concentrator}
    groups: dict[str, list[str]] = {name: [] for name in (*known, *sorted(linked - {*known}))}
    groups = groups or {"": []}
    for meter in recorded.meters:
        if meter.concentrator:
            groups[meter.concentrator].append(meter.name)
    for meter in recorded.meters:  # no concentrator's: wherever there is room
        if not meter.concentrator:
            min(groups.values(), key=len).append(meter.name)
    total = max(1, *map(len, groups.values())) * len(groups)
    if total > METERS_MAX:
        raise BadScenario(f"{total} places for meters are too many for one story: {METERS_MAX}")
    field = transformers(total, len(groups))
    meters = {
        name: place.name
        for group, each in zip(groups.values(), field, strict=True)
        for name, place in zip(group, each.meters, strict=False)
    }
    taken = set(meters.values())
    return Cast(
        {name: each.concentrator for name, each in zip(groups, field, strict=True) if name},
        meters,
        tuple(p.name for each in field for p in each.meters if p.name not in taken),
        total,
    )


# --- as tables of a file --------------------------------------------------------------------------


def meters(recorded: Recorded, cast: Cast) -> list[dict[str, Any]]:
    """The `[[meter]]` tables: whatever is not as usual."""
    outside = {
        order.meter
        for order in recorded.orders
        for tried in recorded.tries[order.number]
        if tried.result is not None and tried.result.status is Status.NOT_IN_TABLE
    }
    found = []
    for meter in recorded.meters:
        told: dict[str, Any] = {"name": cast.meters[meter.name]}
        if not meter.commissioned:
            told["commissioned"] = False
        if meter.blocked:
            told["blocked"] = True
        if meter.address not in (None, GATEWAY):
            told["direct"] = True
        elif meter.concentrator is None:
            told["linked"] = False
        if meter.name in outside:
            told["in_table"] = False
        watts = CONTRACT_OPEN_W if meter.contracted_w is None else f"{meter.contracted_w:f}"
        if watts != "10000":
            told["contracted_w"] = watts
        if len(told) > 1:
            found.append(told)
    kept = {"registered": False} if cast.own_names else {"registered": False, "in_table": False}
    return found + [{"name": name, **kept} for name in cast.empty]


def orders(
    recorded: Recorded, cast: Cast, start: datetime, deadline_s: float
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[str]]:
    """The `[[order]]` and `[[read]]` tables, and notes on what neither can tell."""
    ordered: list[dict[str, Any]] = []
    reads: list[dict[str, Any]] = []
    left_out: dict[str, int] = {}
    together: dict[tuple[str, str], dict[str, Any]] = {}
    for order in recorded.orders:
        who = cast.meters.get(order.meter, order.meter)
        at = max(order.accepted_at, order.ready_at)
        if (why := _not_told(order)) is not None:
            left_out[why] = left_out.get(why, 0) + 1
        elif order.kind is Kind.READ:
            reads.append(_read(order, who, at, start))
        else:
            told = _order(order, at, start, deadline_s)
            key = (order.transaction_id, repr(told))
            if key in together:
                together[key]["meters"].append(who)
            else:
                together[key] = told | {"meters": [who]}
                ordered.append(together[key])
    notes = [f"left out: {count} {what}" for what, count in left_out.items()]
    return ordered, reads, notes


def replayed(order: Order) -> bool:
    """Whether an order is told in the scenario, or comes about by itself."""
    return _not_told(order) is None or order.restores is not None


def _not_told(order: Order) -> str | None:
    """Why an order has no place in a scenario's file; None for most."""
    if order.restores is not None:
        return "ends of limits bound in time, which come by themselves"
    if order.kind is Kind.CHANGE_KEYS:
        return "changes of keys"
    if order.kind is Kind.UPDATE_FIRMWARE:
        return "updates of firmware"
    if order.kind is Kind.READ:
        if not all(map(_name, order.objects)):
            return "reads of objects that no word of a simulated meter's model names"
    return None


def _name(wanted: WantedObject) -> str:
    """How a read names an object of a simulated meter; empty where none does.

    A foreign model's words mean nothing there; a logical name by itself is read as a register.
    """
    if wanted.word in _words():
        return wanted.word
    return wanted.name if wanted.class_id in METER_CLASSES and wanted.attribute == 2 else ""


@cache
def _words() -> frozenset[str]:
    return frozenset(Shelf().get(SIMULATED).objects)


def _read(order: Order, meter: str, at: datetime, start: datetime) -> dict[str, Any]:
    told: dict[str, Any] = {
        "at": since(at, start),
        "meter": meter,
        "objects": [_name(each) for each in order.objects],
    }
    if order.priority >= SCHEDULED:
        told |= {"scheduled": True, "deadline": since(order.deadline, at)}
    return told


def _order(order: Order, at: datetime, start: datetime, deadline_s: float) -> dict[str, Any]:
    told: dict[str, Any] = {"at": since(at, start), "kind": str(order.kind)}
    if order.amount is not None:
        told |= {"amount": f"{order.amount:f}", "unit": order.unit or "W"}
    if order.generic:
        told["style"] = "generic"
    if order.any_day:
        told["any_day"] = True
    left_s = (order.deadline - order.ready_at).total_seconds()
    if order.until is not None:
        told["until"] = since(order.until, start)
    elif left_s != deadline_s:
        told["deadline"] = since(order.deadline, at)
    if order.state is State.CANCELLED and order.reason is ReasonCode.CANCELLED and order.ended_at:
        told["cancel_at"] = since(order.ended_at, start)
    return told
