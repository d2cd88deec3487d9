"""Questions about feeders, for pages and commands: each is one statement by an index."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Final

import msgspec
from sqlalchemy import Connection, Text, func, select, type_coerce

from headend.domain.feeder import (
    CustomerCount,
    FeederHour,
    FeederMapping,
    FeederRoll,
    FeederSums,
    KeptInstance,
    Span,
)
from headend.store.feeders import COUNT, HOURS, INSTANCE, MAPPING, ROLL, hour_of

_i, _c, _m, _r = INSTANCE.table.c, COUNT.table.c, MAPPING.table.c, ROLL.table.c
_h = HOURS[0].table.c
_NUMBERS: Final = msgspec.json.Decoder(list[int])


@dataclass(frozen=True, slots=True)
class Feeder:
    """A feeder in the organisation.  `circuit` and what is above it are SIAD's keys and names,
    empty where nobody has mapped it; `key` is SIMOCE's, None where it is SIAD's alone."""

    key: str | None
    circuit: str
    name: str
    substation: str
    substation_name: str
    area: str
    area_name: str
    zone: str
    zone_name: str
    nominal_v: float | None  # between phases


def feeders(connection: Connection) -> list[Feeder]:
    """All of them with their places, mapped or not, by zone, area, substation and name."""
    instances = {
        cls: {each.key: each for each in of_class(connection, "SIAD", cls)}
        for cls in ("CFE_Zone", "CFE_DistributionArea", "Substation", "CFE_Circuit")
    }
    found = [_placed(each, instances) for each in mappings(connection)]
    return sorted(
        found, key=lambda it: (it.zone_name, it.area_name, it.substation_name, it.name, it.circuit)
    )


def _placed(one: FeederMapping, known: dict[str, dict[str, KeptInstance]]) -> Feeder:
    circuit = known["CFE_Circuit"].get(one.siad or "")
    substation = _referred(circuit, "NormalEnergizingSubstation", known["Substation"])
    area = _referred(substation, "Area", known["CFE_DistributionArea"])
    zone = _referred(substation, "Region", known["CFE_Zone"])
    volts = None if substation is None else substation.attributes.get("nominalVoltage")
    keys = [("", "") if it is None else (it.key, it.name) for it in (substation, area, zone)]
    name = one.siad_name or one.simoce_name
    return Feeder(
        one.simoce, one.siad or "", name, *keys[0], *keys[1], *keys[2],
        None if volts is None else float(volts) * 1000,  # SIAD tells kV
    )  # fmt: skip


def _referred(
    of: KeptInstance | None, association: str, known: dict[str, KeptInstance]
) -> KeptInstance | None:
    return None if of is None else known.get(of.references.get(association, ""))


def mappings(connection: Connection, *, unmatched: bool = False) -> list[FeederMapping]:
    """Which feeder is which; `unmatched`: only those that nobody knows, of either system."""
    query = MAPPING.select().order_by(_m.siad.is_(None), _m.siad, _m.simoce)
    if unmatched:
        query = query.where(_m.siad.is_(None) | _m.simoce.is_(None))
    return [MAPPING.read(row) for row in connection.execute(query).all()]


def newest_day(connection: Connection, span: Span) -> date | None:
    """The newest day that spans of this length end with; None where there is none."""
    found: date | None = connection.execute(
        select(func.max(_r.day)).where(_r.span == span)
    ).scalar_one()
    return found


def rolls(
    connection: Connection, span: Span, day: date, feeders: Collection[str] | None = None
) -> list[FeederRoll]:
    """Of all feeders, or of these, the spans that end with a day, by feeder."""
    query = ROLL.select().where(_r.span == span, _r.day == day).order_by(_r.feeder)
    if feeders is not None:
        query = query.where(_r.feeder.in_(feeders))
    return [ROLL.read(row) for row in connection.execute(query).all()]


def trend(
    connection: Connection, span: Span, first: date, last: date, feeder: str | None = None
) -> list[FeederRoll]:
    """Spans that end in these days, both among them, by day and feeder: of one, or of all."""
    query = ROLL.select().where(_r.span == span, _r.day.between(first, last))
    if feeder is not None:
        query = query.where(_r.feeder == feeder)
    return [ROLL.read(row) for row in connection.execute(query.order_by(_r.day, _r.feeder)).all()]


def sums(
    connection: Connection,
    span: Span,
    first: date,
    last: date,
    feeders: Collection[str] | None = None,
) -> FeederSums:
    """Of all feeders, or of these, the spans that end in these days, both among them, by day and
    feeder."""
    query = select(_r.day, _r.feeder, type_coerce(_r.rollup, Text)).where(
        _r.span == span, _r.day.between(first, last)
    )
    if feeders is not None:
        query = query.where(_r.feeder.in_(feeders))
    rows = connection.execute(query.order_by(_r.day, _r.feeder)).all()
    days, names, texts = zip(*rows, strict=True) if rows else ((), (), ())
    # Some thousand rows of forty numbers: as one list in a fifth of the time of each by itself.
    numbers = _NUMBERS.decode(f"[{','.join([text[1:-1] for text in texts])}]")
    return FeederSums(days, names, numbers)


def p95(
    connection: Connection, span: Span, day: date, feeders: Collection[str] | None = None
) -> dict[str, tuple[float | None, ...]]:
    """By feeder, what 95 % of the hours of a span that ends with a day do not exceed."""
    query = select(_r.feeder, _r.p95).where(_r.span == span, _r.day == day)
    if feeders is not None:
        query = query.where(_r.feeder.in_(feeders))
    return {row.feeder: row.p95 for row in connection.execute(query).all()}


def hours(connection: Connection, feeder: str, first: date, last: date) -> list[FeederHour]:
    """A feeder's hours of some days, both among them, by begin."""
    query = (
        select(*HOURS).where(_h.feeder == feeder, _h.day.between(first, last)).order_by(_h.begin)
    )
    return [hour_of(row) for row in connection.execute(query).all()]


def of_class(connection: Connection, adapter: str, cls: str) -> list[KeptInstance]:
    """Instances of a class as an adapter last showed them, by key."""
    query = INSTANCE.select().where(_i.adapter == adapter, _i.cls == cls).order_by(_i.key)
    return [INSTANCE.read(row) for row in connection.execute(query).all()]


def instance(connection: Connection, adapter: str, cls: str, key: str) -> KeptInstance | None:
    """One of them."""
    query = INSTANCE.select().where(_i.adapter == adapter, _i.cls == cls, _i.key == key)
    row = connection.execute(query).first()
    return None if row is None else INSTANCE.read(row)


def customer_counts(connection: Connection, day: date | None = None) -> list[CustomerCount]:
    """What was counted on a day, or on the newest, by class, key and what."""
    if day is None:
        day = connection.execute(select(func.max(_c.day))).scalar_one()
        if day is None:
            return []
    query = COUNT.select().where(_c.day == day).order_by(_c.cls, _c.key, _c.what)
    return [COUNT.read(row) for row in connection.execute(query)]
