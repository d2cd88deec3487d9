"""The words for usage points and particulars."""

from __future__ import annotations

from sqlalchemy import bindparam, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from headend.domain.meter import Concentrator, Meter, Stage
from headend.domain.place import Place, PlaceKind
from headend.domain.usage_point import Particulars, Told, UsagePoint
from headend.store import usage_point_schema as tables
from headend.store.collected import put_over
from headend.store.places import INSTALLATION, PLACE
from headend.store.prepared import Prepared
from headend.store.rows import CONCENTRATOR, METER, Form
from headend.store.words import Words

USAGE_POINT = Form(UsagePoint, tables.usage_points)
PARTICULARS = Form(Particulars, tables.particulars)

_u, _p = USAGE_POINT.table.c, PARTICULARS.table.c
_dialects = (sqlite, postgresql)
_PUT_POINT = {d.dialect.name: put_over(d, USAGE_POINT.table, USAGE_POINT.names) for d in _dialects}
_PUT_TOLD = {d.dialect.name: put_over(d, PARTICULARS.table, PARTICULARS.names) for d in _dialects}
_POINT = Prepared(USAGE_POINT.select().where(_u.code == bindparam("of_code")))
_TOLD = Prepared(
    PARTICULARS.select().where(_p.kind == bindparam("of_kind"), _p.name == bindparam("of_name"))
)
_CALLED = Prepared(
    PARTICULARS.select().where(_p.kind == bindparam("of_kind"), _p.mrid == bindparam("of_mrid"))
)

_m, _c, _s, _i = METER.table.c, CONCENTRATOR.table.c, PLACE.table.c, INSTALLATION.table.c
_hanging = select(_i.meter).where(_i.until.is_(None))
_here = METER.select().where(
    _m.name > bindparam("after"), or_(_m.stage.is_(None), _m.stage != Stage.REMOVED)
)
_METERS = Prepared(_here.order_by(_m.name).limit(bindparam("most")))
_LOOSE = Prepared(
    _here.where(_m.concentrator.is_not(None), _m.name.not_in(_hanging))
    .order_by(_m.name)
    .limit(bindparam("most"))
)
_CONCENTRATORS = Prepared(
    CONCENTRATOR.select()
    .where(_c.name > bindparam("after"))
    .order_by(_c.name)
    .limit(bindparam("most"))
)
_POINTS = Prepared(
    PLACE.select()
    .where(
        _s.kind == PlaceKind.SERVICE_POINT,
        _s.code > bindparam("after"),
        _s.code.not_in(select(_u.code).where(_u.retired_at.is_not(None))),
    )
    .order_by(_s.code)
    .limit(bindparam("most"))
)


class UsagePointWords(Words):
    """Usage points by code, particulars by name or mRID."""

    def usage_point(self, code: str) -> UsagePoint | None:
        return self._one(USAGE_POINT, _POINT, {"of_code": code})

    def put_usage_point(self, point: UsagePoint) -> None:
        self._change(_PUT_POINT[self._connection.dialect.name], USAGE_POINT.values(point))

    def particulars(self, kind: Told, name: str) -> Particulars | None:
        return self._one(PARTICULARS, _TOLD, {"of_kind": kind, "of_name": name})

    def particulars_called(self, kind: Told, mrid: str) -> Particulars | None:
        return self._one(PARTICULARS, _CALLED, {"of_kind": kind, "of_mrid": mrid})

    def put_particulars(self, particulars: Particulars) -> None:
        values = PARTICULARS.values(particulars)
        self._change(_PUT_TOLD[self._connection.dialect.name], values)

    def meters_behind(self, after: str, limit: int, *, loose: bool = False) -> list[Meter]:
        return self._all(METER, _LOOSE if loose else _METERS, {"after": after, "most": limit})

    def concentrators_behind(self, after: str, limit: int) -> list[Concentrator]:
        return self._all(CONCENTRATOR, _CONCENTRATORS, {"after": after, "most": limit})

    def service_points(self, after: str, limit: int) -> list[Place]:
        return self._all(PLACE, _POINTS, {"after": after, "most": limit})
