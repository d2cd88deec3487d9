"""The words for what came of looking at collected days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import ColumnElement, bindparam, exists, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from headend.domain.reading import Reading
from headend.domain.validation import ValidatedDay
from headend.store import validated_schema as tables
from headend.store.collected import DAY, put_over
from headend.store.prepared import Prepared
from headend.store.readings import READING
from headend.store.retention_schema import past_days
from headend.store.rows import Form
from headend.store.words import Words

VALIDATED = Form(ValidatedDay, tables.validated_days)

_v, _d, _r, _p = VALIDATED.table.c, DAY.table.c, READING.table.c, past_days.c
_PUT = {d.dialect.name: put_over(d, VALIDATED.table, VALIDATED.names) for d in (sqlite, postgresql)}
_DAYS = Prepared(
    VALIDATED.select()
    .where(
        _v.meter == bindparam("of_meter"),
        _v.profile == bindparam("of_profile"),
        _v.day.between(bindparam("first"), bindparam("last")),
    )
    .order_by(_v.day)
)


class ValidatedWords(Words):
    """Findings and estimates, by meter, profile and day."""

    def put_validated_day(self, day: ValidatedDay) -> None:
        self._change(_PUT[self._connection.dialect.name], VALIDATED.values(day))

    def validated_days(
        self, meter: str, profile: str, first: date, last: date
    ) -> list[ValidatedDay]:
        wanted = {"of_meter": meter, "of_profile": profile, "first": first, "last": last}
        return self._all(VALIDATED, _DAYS, wanted)

    def is_past(self, meter: str, profile: str, day: date) -> bool:
        mine = _p.meter == meter, _p.profile == profile, _p.day == day
        return self._connection.execute(select(_p.day).where(*mine)).first() is not None

    def _past(self) -> ColumnElement[bool]:
        """Whether a page holds but what came after the rest had outlived its span."""
        same = _p.meter == _d.meter, _p.profile == _d.profile, _p.day == _d.day
        return exists(select(1).where(*same))

    def days_to_validate(self, since: date, until: date, limit: int) -> list[tuple[str, str, date]]:
        same = (_v.meter == _d.meter) & (_v.profile == _d.profile) & (_v.day == _d.day)
        query = (
            select(_d.meter, _d.profile, _d.day)
            .outerjoin(VALIDATED.table, same)
            .where(
                _d.day.between(since, until),
                _d.expected > 0,
                ~self._past(),
                or_(_v.raw_at.is_(None), _v.raw_at < _d.updated_at),
            )
            .order_by(_d.meter, _d.profile, _d.day)
            .limit(limit)
        )
        return [(row[0], row[1], row[2]) for row in self._connection.execute(query)]

    def register_reads(
        self, meter: str, names: Sequence[str], begin: datetime, end: datetime
    ) -> list[Reading]:
        query = (
            READING.select()
            .where(
                _r.meter == meter,
                _r.name.in_(names),
                _r.attribute == 2,
                _r.value.is_not(None),
                _r.at > begin,
                _r.at <= end,
            )
            .order_by(_r.at, _r.line)
        )
        return [READING.read(row) for row in self._connection.execute(query)]
