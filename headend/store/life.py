"""The words for meters' lives: steps taken and checks made.  Lines are only ever added."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal, InvalidOperation

from sqlalchemy import bindparam, insert, select

from headend.domain.commissioning import Check
from headend.domain.life_cycle import LifeLine
from headend.domain.place import RegisterRead
from headend.store import life_schema as tables
from headend.store import schema
from headend.store.prepared import Prepared
from headend.store.rows import Form
from headend.store.words import Words

ENERGY_IMPORT = "1.0.1.8.0.255"
"""Active energy +A, all tariffs: what a bill is made from."""

_read = schema.readings.c

LIFE = Form(LifeLine, tables.meter_life)
CHECK = Form(Check, tables.meter_checks)

_ADD = Prepared(insert(LIFE.table).inline(), LIFE.names)
_ADD_CHECK = Prepared(insert(CHECK.table).inline(), CHECK.names)
_OF_METER = Prepared(
    LIFE.select().where(LIFE.table.c.meter == bindparam("of_meter")).order_by(LIFE.table.c.line)
)
_CHECKS = Prepared(
    CHECK.select().where(CHECK.table.c.meter == bindparam("of_meter")).order_by(CHECK.table.c.line)
)


_NEWEST = Prepared(
    select(_read.value, _read.unit, _read.at, _read.source)
    .where(
        _read.meter == bindparam("of_meter"),
        _read.name == ENERGY_IMPORT,
        _read.attribute == 2,
        _read.value.is_not(None),
        _read.at <= bindparam("until"),
    )
    .order_by(_read.at.desc(), _read.line.desc())
    .limit(1)
)


class LifeWords(Words):
    """Steps of meters' lives."""

    def add_life(self, lines: Iterable[LifeLine]) -> None:
        self._change_many(_ADD, map(LIFE.values, lines))

    def life_of(self, meter: str) -> list[LifeLine]:
        return self._all(LIFE, _OF_METER, {"of_meter": meter})

    def add_checks(self, checks: Iterable[Check]) -> None:
        self._change_many(_ADD_CHECK, map(CHECK.values, checks))

    def checks_of(self, meter: str) -> list[Check]:
        return self._all(CHECK, _CHECKS, {"of_meter": meter})

    def newest_register(self, meter: str, until: datetime) -> RegisterRead | None:
        asked = {"of_meter": meter, "until": until}
        for value, unit, at, source in self._rows(_NEWEST, asked):
            try:
                return RegisterRead(Decimal(value), unit or "", at, source)
            except InvalidOperation:
                return None
        return None
