"""The head-end's own meters as instances of the AMI profile, and the way from keys to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from headend.domain.measured import BY_WORD, QUANTITIES, Measured, Quantity
from headend.domain.meter import Meter
from headend.domain.place import Place, PlaceKind
from headend.integration.cim.layer import Flaw
from headend.store import measured_queries, queries, registry_queries
from headend.store.queries import Connection
from protocols.cim.profile import lexical
from protocols.cim.profile.instance import Instance, Position
from protocols.cim.profile.lexical import Value
from protocols.cim.profile.model import CimClass

AT_ONCE = 200
"""Meters or places that are read in one question."""

BY_ORDER = sorted(QUANTITIES, key=lambda each: each.word)
LAST = "~"
"""Behind every word."""


@dataclass(frozen=True, slots=True)
class ServicePoint:
    """One, with the meters that hang there now."""

    place: Place
    meters: tuple[Meter, ...]


def meter_instance(connection: Connection, cls: CimClass, meter: Meter, system: str) -> Instance:
    """A meter, with the service point where it hangs."""
    attributes: dict[str, Value] = {
        "mRID": meter.name,
        "name": meter.name,
        "serialNumber": meter.name,
        "amrSystem": system,
    }
    point = registry_queries.hangs_at(connection, meter.name)
    return Instance(cls, attributes, {} if point is None else {"UsagePoint": point})


def usage_point_instance(cls: CimClass, found: ServicePoint) -> Instance:
    """A service point, with what is contracted for there."""
    attributes: dict[str, Value] = {"mRID": found.place.code}
    if found.place.name:
        attributes["name"] = found.place.name
    contracted = [it.contracted_w for it in found.meters if it.contracted_w is not None]
    if contracted:
        attributes["ratedPower"] = float(max(contracted))
    return Instance(cls, attributes)


def analog_key(meter: Meter, quantity: Quantity) -> str:
    """METER.WORD"""
    return f"{meter.name}.{quantity.word}"


def analog_instance(cls: CimClass, meter: Meter | None, quantity: Quantity) -> Instance:
    """A quantity of a meter; of none, what it has whoever's it is."""
    attributes: dict[str, Value] = {
        "mRID": "" if meter is None else analog_key(meter, quantity),
        "name": "" if meter is None else analog_key(meter, quantity),
        "measurementType": quantity.measurement,
        "phases": quantity.phases,
        "unitMultiplier": "none",
        "unitSymbol": quantity.unit,
    }
    return Instance(cls, attributes, {} if meter is None else {"PowerSystemResource": meter.name})


def value_instance(
    cls: CimClass, id: str, measured: Measured
) -> tuple[Position, Instance, tuple[Flaw, ...]]:
    """A value at its position; one that the meter did not give is told as missing."""
    key = (id, lexical.write(measured.at))
    attributes: dict[str, Value] = {"timeStamp": measured.at}
    if measured.value is None:
        attributes["quality"] = "bad"
        flaws = (Flaw(cls.name, "/".join(key), "value", False),)
        return (cls.name, *key), Instance(cls, attributes, {"Analog": id}), flaws
    attributes["quality"] = "uncertain" if measured.doubtful else "good"
    attributes["value"] = measured.value
    return (cls.name, *key), Instance(cls, attributes, {"Analog": id}), ()


def analog_of(connection: Connection, id: str) -> tuple[Meter, Quantity] | None:
    """The meter and the quantity of an analog's key."""
    name, _, word = id.rpartition(".")
    quantity = BY_WORD.get(word)
    if quantity is None or not name:
        return None
    meter = queries.meter(connection, name)
    if meter is None or quantity not in measured_queries.present(connection, name):
        return None
    return meter, quantity


def all_meters(connection: Connection, after: str) -> Iterator[Meter]:
    """Those behind a name."""
    while page := queries.meters(connection, after=after, limit=AT_ONCE):
        yield from page
        after = page[-1].name


def service_point(connection: Connection, code: str) -> ServicePoint | None:
    """A place that is one, by its code."""
    place = registry_queries.place(connection, code)
    if place is None or place.kind is not PlaceKind.SERVICE_POINT:
        return None
    return ServicePoint(place, meters_of(connection, code))


def meters_of(connection: Connection, point: str) -> tuple[Meter, ...]:
    """Those that hang at a service point now."""
    return tuple(queries.meters(connection, within=point, limit=AT_ONCE))
