"""The words for what is known of feeders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Column, bindparam, delete, func, insert, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from headend.domain.feeder import (
    CHANNELS,
    CustomerCount,
    FeederHour,
    FeederMapping,
    FeederRoll,
    KeptInstance,
    Span,
)
from headend.store import feeder_schema as tables
from headend.store.collected import put_over
from headend.store.feeder_schema import COUNTS, MEANS
from headend.store.prepared import Prepared
from headend.store.rows import Form
from headend.store.words import Words

INSTANCE = Form(KeptInstance, tables.cim_instances)
COUNT = Form(CustomerCount, tables.customer_counts)
MAPPING = Form(FeederMapping, tables.feeder_mappings)

_i, _c, _m = INSTANCE.table.c, COUNT.table.c, MAPPING.table.c
_h, _r = tables.feeder_hours.c, tables.feeder_rolls.c
ROLL = Form(FeederRoll, tables.feeder_rolls)
_HOUR_NAMES = ("feeder", "begin", "day", "expected", *MEANS, *COUNTS, "taken_at")

HOURS: tuple[Column[Any], ...] = tuple(tables.feeder_hours.c[name] for name in _HOUR_NAMES)

_OLD_INSTANCES = Prepared(
    delete(INSTANCE.table).where(
        _i.adapter == bindparam("of_adapter"), _i.cls == bindparam("of_cls")
    )
)
_NEW_INSTANCE = Prepared(insert(INSTANCE.table), INSTANCE.names)
_INSTANCES = Prepared(
    INSTANCE.select()
    .where(_i.adapter == bindparam("of_adapter"), _i.cls == bindparam("of_cls"))
    .order_by(_i.key)
)
_OLD_COUNTS = Prepared(delete(COUNT.table).where(_c.day == bindparam("of_day")))
_NEW_COUNT = Prepared(insert(COUNT.table), COUNT.names)
_MAPPINGS = Prepared(MAPPING.select().order_by(_m.siad.is_(None), _m.siad, _m.simoce))
_OLD_MAPPINGS = Prepared(delete(MAPPING.table))
_NEW_MAPPING = Prepared(insert(MAPPING.table), MAPPING.names)
_OLD_HOURS = Prepared(
    delete(tables.feeder_hours).where(
        _h.feeder == bindparam("of_feeder"), _h.day == bindparam("of_day")
    )
)
_NEW_HOUR = Prepared(insert(tables.feeder_hours), _HOUR_NAMES)
_HOURS = Prepared(
    select(*HOURS)
    .where(
        _h.feeder == bindparam("of_feeder"),
        _h.day.between(bindparam("first"), bindparam("last")),
    )
    .order_by(_h.begin)
)
_WITH_HOURS = Prepared(
    select(_h.feeder)
    .distinct()
    .where(_h.day.between(bindparam("first"), bindparam("last")))
    .order_by(_h.feeder)
)
_newest = (
    select(_h.feeder, _h.day, func.max(_h.taken_at).label("raw_at"))
    .where(_h.day.between(bindparam("first"), bindparam("last")))
    .group_by(_h.feeder, _h.day)
    .subquery()
)
_TO_ROLL = Prepared(
    select(_newest.c.feeder, _newest.c.day)
    .outerjoin(
        ROLL.table,
        (_r.span == Span.DAY) & (_r.feeder == _newest.c.feeder) & (_r.day == _newest.c.day),
    )
    .where(or_(_r.raw_at.is_(None), _r.raw_at != _newest.c.raw_at))
    .order_by(_newest.c.feeder, _newest.c.day)
)
_DAYS = Prepared(select(_newest.c.feeder, _newest.c.day).order_by(_newest.c.feeder, _newest.c.day))
_PUT_ROLL = {
    each.dialect.name: put_over(each, ROLL.table, ROLL.names) for each in (sqlite, postgresql)
}
_ROLLS = Prepared(
    ROLL.select()
    .where(
        _r.feeder == bindparam("of_feeder"),
        _r.span == bindparam("of_span"),
        _r.day.between(bindparam("first"), bindparam("last")),
    )
    .order_by(_r.day)
)


class FeederWords(Words):
    """What is known of feeders from the utility's other systems."""

    def keep_instances(
        self, adapter: str, classes: Sequence[str], instances: Iterable[KeptInstance]
    ) -> int:
        for cls in classes:
            self._change(_OLD_INSTANCES, {"of_adapter": adapter, "of_cls": cls})
        new = [INSTANCE.values(each) for each in instances]
        if new:
            self._change_many(_NEW_INSTANCE, new)
        return len(new)

    def instances(self, adapter: str, cls: str) -> list[KeptInstance]:
        return self._all(INSTANCE, _INSTANCES, {"of_adapter": adapter, "of_cls": cls})

    def put_customer_counts(self, day: date, counts: Iterable[CustomerCount]) -> None:
        self._change(_OLD_COUNTS, {"of_day": day})
        new = [COUNT.values(each) for each in counts]
        if new:
            self._change_many(_NEW_COUNT, new)

    def feeder_mappings(self) -> list[FeederMapping]:
        return self._all(MAPPING, _MAPPINGS)

    def keep_feeder_mappings(self, mappings: Iterable[FeederMapping]) -> None:
        self._change(_OLD_MAPPINGS)
        new = [MAPPING.values(each) for each in mappings]
        if new:
            self._change_many(_NEW_MAPPING, new)

    def put_feeder_hours(self, feeder: str, day: date, hours: Iterable[FeederHour]) -> None:
        self._change(_OLD_HOURS, {"of_feeder": feeder, "of_day": day})
        new = [_hour_cells(each) for each in hours]
        if new:
            self._change_many(_NEW_HOUR, new)

    def feeder_hours(self, feeder: str, first: date, last: date) -> list[FeederHour]:
        asked = {"of_feeder": feeder, "first": first, "last": last}
        return [hour_of(row) for row in self._rows(_HOURS, asked)]

    def feeders_with_hours(self, first: date, last: date) -> list[str]:
        return [name for (name,) in self._rows(_WITH_HOURS, {"first": first, "last": last})]

    def feeder_days_to_roll(
        self, first: date, last: date, *, anew: bool = False
    ) -> list[tuple[str, date]]:
        found = self._rows(_DAYS if anew else _TO_ROLL, {"first": first, "last": last})
        return [(feeder, day) for feeder, day in found]

    def put_feeder_roll(self, roll: FeederRoll) -> None:
        self._change(_PUT_ROLL[self._connection.dialect.name], ROLL.values(roll))

    def feeder_rolls(self, feeder: str, span: Span, first: date, last: date) -> list[FeederRoll]:
        asked = {"of_feeder": feeder, "of_span": span, "first": first, "last": last}
        return self._all(ROLL, _ROLLS, asked)


def _hour_cells(hour: FeederHour) -> dict[str, Any]:
    return {
        "feeder": hour.feeder,
        "begin": hour.begin,
        "day": hour.day,
        "expected": hour.expected,
        **dict(zip(MEANS, hour.means, strict=True)),
        **dict(zip(COUNTS, hour.counts, strict=True)),
        "taken_at": hour.taken_at,
    }


def hour_of(row: Sequence[Any]) -> FeederHour:
    """A row of `HOURS`."""
    feeder, begin, day, expected, *cells, taken_at = row
    means, counts = tuple(cells[: len(CHANNELS)]), tuple(cells[len(CHANNELS) :])
    return FeederHour(feeder, begin, day, expected, means, counts, taken_at)
