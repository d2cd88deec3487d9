"""UsagePointConfig: service points and what is supplied there.

A usage point's code is its name; Equipments names the place that feeds it (a transformer, a
feeder), ratedPower is its contract in W, phaseCode its phases, the location's addressGeneral the
place's name.  Everything else is kept as it was told.  One that is deleted is retired: it keeps its
history, and a later `create` brings it back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from headend.domain.place import CODE, Place, PlaceKind
from headend.domain.usage_point import Told, UsagePoint
from headend.ports import Transaction
from headend.registry.lives import By
from headend.registry.supply import point_of, put_point, retire_point
from headend.soap.registry import told as t
from headend.soap.registry.acts import Act, Came
from headend.soap.registry.refusals import refused
from headend.soap.registry.told import Called, Fields
from protocols.cim import xml
from protocols.cim.record import Record
from protocols.cim.records.usage_point_config_auto import UsagePointConfig

WATTS_MAX: Final = Decimal(10) ** 12
PLACE_NAME_MAX: Final = 200
_OWN: Final = (
    "mrid", "names", "phase_code", "rated_power", "equipments", "configuration_events",
    "connection_state",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Point:
    """One UsagePoint of a message; None is what it does not tell."""

    one: Called
    fields: Fields
    feeder: Called | None  # the place that it lies in
    name: str | None
    contracted_w: Decimal | None
    phase_code: str | None
    why: str
    passed_over: tuple[str, ...]

    def after(self, place: Place, point: UsagePoint) -> tuple[Place, UsagePoint]:
        """The place and its supply as they are told."""
        return replace(
            place,
            parent=place.parent if self.feeder is None else self.feeder.name,
            name=place.name if self.name is None else self.name,
        ), replace(
            point,
            contracted_w=point.contracted_w if self.contracted_w is None else self.contracted_w,
            phase_code=self.phase_code or point.phase_code,
            retired_at=None,
        )


@dataclass(frozen=True, slots=True)
class Points:
    """What UsagePointConfig asks of the registry."""

    def acts(self, verb: str, record: Record) -> Iterator[Act]:
        """One for each usage point.  Raises `RequestRefused`."""
        assert isinstance(record, UsagePointConfig)
        does = {"create": _create, "change": _change, "delete": _delete}[verb]
        for item in record.usage_point:
            point = _point(item)
            yield Act(point.one.id(Told.USAGE_POINT), _bound(does, point), point.why)


def _bound(
    does: Callable[[Point, Transaction, By], Came], point: Point
) -> Callable[[Transaction, By], Came]:
    return lambda tx, by: does(point, tx, by)


def _create(point: Point, tx: Transaction, by: By) -> Came:
    code, at = point.one.name, point.one.id(Told.USAGE_POINT)
    if CODE.fullmatch(code) is None:
        details = "NOMBRE_NO_ADMITIDO: letras, cifras y . _ / - (64 a lo más)"
        raise refused("2.12", details, at)
    place, known = tx.place(code), tx.usage_point(code)
    before, mrid = t.kept(tx, Told.USAGE_POINT, code)
    if place is not None and place.kind is not PlaceKind.SERVICE_POINT:
        raise refused("2.12", f"NO_ES_PUNTO: {code} es otro lugar del registro", at)
    back = known is not None and known.retired_at is not None
    was = place or Place(code, PlaceKind.SERVICE_POINT)
    new_place, new_point = point.after(was, known or UsagePoint(code))
    fields = t.merged(before, point.fields)
    if place is not None and known is not None and not back:
        told_else = mrid is not None and point.one.mrid not in (None, mrid)
        same = (new_place, new_point) == (place, known)
        if not same or told_else or t.contradicts(before, point.fields):
            details = "PUNTO_YA_REGISTRADO: con otros datos; use change"
            raise refused("2.12", details, at)
        t.keep(tx, Told.USAGE_POINT, point.one, code, fields, by)
        more = "" if fields == before else "told more of"
        return Came(f"place {code}", more, passed_over=point.passed_over)
    if place is not None and new_place != place and not back:
        raise refused("2.12", "PUNTO_YA_REGISTRADO: está en otro lugar; use change", at)
    put_point(tx, new_place, new_point)
    t.keep(tx, Told.USAGE_POINT, point.one, code, fields, by)
    return Came(f"place {code}", "created", passed_over=point.passed_over)


def _change(point: Point, tx: Transaction, by: By) -> Came:
    code = t.known_as(tx, Told.USAGE_POINT, point.one)
    place, known = point_of(tx, code)
    if known.retired_at is not None:
        details = "PUNTO_RETIRADO: el punto ya no es de suministro; use create"
        raise refused("2.12", details, point.one.id(Told.USAGE_POINT))
    before, _ = t.kept(tx, Told.USAGE_POINT, code)
    fields = t.merged(before, point.fields)
    after = point.after(place, known)
    put_point(tx, *after)
    t.keep(tx, Told.USAGE_POINT, point.one, code, fields, by)
    said = "changed" if after != (place, known) or fields != before else ""
    return Came(f"place {code}", said, passed_over=point.passed_over)


def _delete(point: Point, tx: Transaction, by: By) -> Came:
    code = t.known_as(tx, Told.USAGE_POINT, point.one)
    retire_point(tx, code, at=by.at)
    return Came(f"place {code}", "retired")


def _point(item: Any) -> Point:
    """What a message says of one usage point.  Raises `RequestRefused`."""
    one = t.called(item)
    at = one.id(Told.USAGE_POINT)
    if len(item.equipments) > 1:
        details = "ALIMENTADOR_REPETIDO: se espera un Equipments, el que alimenta el punto"
        raise refused("2.29", details, at)
    watts: Decimal | None = item.rated_power
    if watts is not None and not 0 < watts < WATTS_MAX:
        raise refused("1.8", "POTENCIA_INVALIDA: ratedPower va en W y es mayor que cero", at)
    fields = t.fields_of(item, _OWN)
    street = fields.get("usage_point_location", {}).get("main_address", {})
    name = street.get("street_detail", {}).pop("address_general", None)
    if name is not None and len(name) > PLACE_NAME_MAX:
        raise refused("1.8", "CAMPO_DEMASIADO_LARGO: addressGeneral", at)
    if len(item.names) > 1:
        fields["names"] = t.listed(item.names)
    t.check(UsagePointConfig, "usage_point", item, at)
    event = item.configuration_events
    return Point(
        one,
        t.tidied(fields),
        t.called(item.equipments[0]) if item.equipments else None,
        None if name is None else xml.clean(name),
        None if watts is None else watts.normalize() + 0,
        item.phase_code,
        "" if event is None else event.reason or "",
        ("connectionState",) if item.connection_state else (),
    )
