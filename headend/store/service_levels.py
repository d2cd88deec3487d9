"""The words for what was measured for service levels."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from sqlalchemy import bindparam, delete, insert

from headend.domain.service_level import Measured
from headend.store.prepared import Prepared
from headend.store.rows import Form
from headend.store.service_level_schema import service_level_days
from headend.store.words import Words

MEASURED = Form(Measured, service_level_days)

_ADD = Prepared(insert(MEASURED.table).inline(), MEASURED.names)
_FORGET = Prepared(delete(MEASURED.table).where(MEASURED.table.c.day == bindparam("of_day")))


class ServiceLevelWords(Words):
    """Counts by day, level and group."""

    def put_measured(self, day: date, rows: Iterable[Measured]) -> None:
        """All of a day, in the place of what was measured of it before."""
        self._change(_FORGET, {"of_day": day})
        self._change_many(_ADD, [MEASURED.values(row) for row in rows])
