"""The words for places, and for the meters that hang and hung there."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Select, bindparam, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from headend.domain.place import Installation, Place, RegisterRead
from headend.store import life_schema as tables
from headend.store.collected import put_over
from headend.store.prepared import Prepared
from headend.store.rows import Form
from headend.store.words import Words

PLACE = Form(Place, tables.places)
INSTALLATION = Form(Installation, tables.installations)

_i, _p = INSTALLATION.table.c, PLACE.table.c
_PUT = {d.dialect.name: put_over(d, PLACE.table, PLACE.names) for d in (sqlite, postgresql)}
_PLACE = Prepared(PLACE.select().where(PLACE.table.c.code == bindparam("of_code")))
_ADD = Prepared(insert(INSTALLATION.table).inline(), INSTALLATION.names)
_OF_METER = Prepared(
    INSTALLATION.select().where(_i.meter == bindparam("of_meter")).order_by(_i.line)
)
_AT_PLACE = Prepared(
    INSTALLATION.select().where(_i.service_point == bindparam("at_place")).order_by(_i.line)
)
_CLOSE = Prepared(
    update(INSTALLATION.table)
    .where(_i.meter == bindparam("of_meter"), _i.until.is_(None))
    .values(until=bindparam("to"), last_read=bindparam("last"))
)
_FIRST = Prepared(
    update(INSTALLATION.table)
    .where(_i.meter == bindparam("of_meter"), _i.until.is_(None), _i.first_read.is_(None))
    .values(first_read=bindparam("first"))
)


def within_place(code: str) -> Select[str]:
    """The codes of a place and of all that lie in it, at any depth."""
    inside = select(_p.code).where(_p.code == code).cte("inside", recursive=True)
    inside = inside.union(select(_p.code).where(_p.parent == inside.c.code))
    return select(inside.c.code)


def hanging_in(code: str) -> Select[str]:
    """The names of the meters that hang in a place now, at any depth."""
    return select(_i.meter).where(_i.until.is_(None), _i.service_point.in_(within_place(code)))


class PlaceWords(Words):
    """Places, and who hangs there."""

    def put_places(self, places: Iterable[Place]) -> None:
        self._change_many(_PUT[self._connection.dialect.name], map(PLACE.values, places))

    def place(self, code: str) -> Place | None:
        return self._one(PLACE, _PLACE, {"of_code": code})

    def add_installation(self, installation: Installation) -> None:
        self._change(_ADD, INSTALLATION.values(installation))

    def close_installation(self, closed: Installation) -> None:
        assert closed.until is not None
        values = {"of_meter": closed.meter, "to": closed.until, "last": closed.last_read}
        self._change(_CLOSE, values)

    def note_first_read(self, meter: str, read: RegisterRead) -> None:
        self._change(_FIRST, {"of_meter": meter, "first": read})

    def installations_of(self, meter: str) -> list[Installation]:
        return self._all(INSTALLATION, _OF_METER, {"of_meter": meter})

    def installations_at(self, service_point: str) -> list[Installation]:
        return self._all(INSTALLATION, _AT_PLACE, {"at_place": service_point})
