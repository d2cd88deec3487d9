"""The words for days rolled up."""

from __future__ import annotations

from datetime import date

from sqlalchemy import exists, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from headend.domain.rollup import RolledDay
from headend.store import rollup_schema as tables
from headend.store.collected import DAY, put_over
from headend.store.retention_schema import past_days
from headend.store.rows import Form
from headend.store.words import Words

ROLLED = Form(RolledDay, tables.rolled_days)

_r, _d, _p = ROLLED.table.c, DAY.table.c, past_days.c
_PUT = {d.dialect.name: put_over(d, ROLLED.table, ROLLED.names) for d in (sqlite, postgresql)}


class RollupWords(Words):
    """Days rolled up, by meter, profile and day."""

    def put_rolled_day(self, day: RolledDay) -> None:
        self._change(_PUT[self._connection.dialect.name], ROLLED.values(day))

    def days_to_roll_up(self, since: date, until: date, limit: int) -> list[tuple[str, str, date]]:
        same = (_r.meter == _d.meter) & (_r.profile == _d.profile) & (_r.day == _d.day)
        past = [_p[name] == _d[name] for name in ("meter", "profile", "day")]
        # Not "older than": a server's clock may have been set back between two changes.  Two of
        # one microsecond, as a simulated clock may have them, differ in what is counted.
        other = [_r[name] != _d[name] for name in ("received", "changed", "late")]
        query = (
            select(_d.meter, _d.profile, _d.day)
            .outerjoin(ROLLED.table, same)
            .where(
                _d.day.between(since, until),
                _d.expected > 0,
                ~exists(select(1).where(*past)),
                or_(_r.raw_at.is_(None), _r.raw_at != _d.updated_at, *other),
            )
            .order_by(_d.meter, _d.profile, _d.day)
            .limit(limit)
        )
        return [(row[0], row[1], row[2]) for row in self._connection.execute(query)]
