"""The words for what concentrators are asked to do."""

from __future__ import annotations

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite

from headend.domain.activity import Activity
from headend.store import activity_schema as tables
from headend.store import schema
from headend.store.places import hanging_in
from headend.store.prepared import Locked, Prepared
from headend.store.rows import Form
from headend.store.words import Words

ACTIVITY = Form(Activity, tables.activities)

_a, _m = ACTIVITY.table.c, schema.meters.c
_NEW = tuple(name for name in ACTIVITY.names if name != "number")
_STANDING = ("state", "sent_at", "tries", "ended_at", "reason", "told")
_of_number = _a.number == bindparam("of_number")
_ADD = {
    dialect.dialect.name: Prepared(
        dialect.insert(ACTIVITY.table)
        .on_conflict_do_nothing(index_elements=["key"])
        .returning(_a.number),
        _NEW,
    )
    for dialect in (sqlite, postgresql)
}
_ONE = Locked(ACTIVITY.select().where(_of_number))
_SAVE = Prepared(update(ACTIVITY.table).where(_of_number), _STANDING)
_OPEN = Prepared(ACTIVITY.select().where(_a.ended_at.is_(None)).order_by(_a.number))
_OPEN_OF = Prepared(
    ACTIVITY.select()
    .where(_a.ended_at.is_(None), _a.concentrator == bindparam("of_concentrator"))
    .order_by(_a.number)
)
_NAMES = Prepared(select(schema.concentrators.c.name).order_by(schema.concentrators.c.name))


class ActivityWords(Words):
    """What concentrators are asked to do."""

    def add_activity(self, activity: Activity) -> int | None:
        values = ACTIVITY.values(activity)
        values.pop("number")
        for (number,) in self._rows(_ADD[self._connection.dialect.name], values):
            return int(number)
        return None

    def activity(self, number: int) -> Activity | None:
        return self._one(ACTIVITY, _ONE, {"of_number": number})

    def save_activity(self, activity: Activity) -> None:
        values = ACTIVITY.values(activity)
        standing = {name: values[name] for name in _STANDING}
        self._change(_SAVE, {"of_number": activity.number, **standing})

    def open_activities(self, concentrator: str | None = None) -> list[Activity]:
        if concentrator is None:
            return self._all(ACTIVITY, _OPEN)
        return self._all(ACTIVITY, _OPEN_OF, {"of_concentrator": concentrator})

    def concentrators_in(self, place: str) -> list[str]:
        query = (
            select(_m.concentrator)
            .distinct()
            .where(_m.name.in_(hanging_in(place)), _m.concentrator.is_not(None))
            .order_by(_m.concentrator)
        )
        return [name for (name,) in self._connection.execute(query)]

    def concentrator_names(self) -> list[str]:
        return [name for (name,) in self._rows(_NAMES)]
