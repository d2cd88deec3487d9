"""A utility from a seed.  Each thing draws from a stream of its own, so that a larger plan changes
none of what a smaller one has but where it ends."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from devices.chance import stream
from devices.field_spec import FIRST_METER
from devices.meter.identity import Identity
from scenarios.utility import words
from scenarios.utility.model import (
    Area,
    Customer,
    Feeder,
    Meter,
    Plan,
    RequestKind,
    ServiceRequest,
    Substation,
    Transformer,
    Utility,
    VipCustomer,
    VipKind,
    Zone,
)

T = TypeVar("T")

RENAMED, NEW = 0.15, 0.10
"""Of the feeders: those some systems know by an older name, and those nobody has mapped yet."""

_KVA = (15, 30, 45, 75, 112)
_KILOVOLTS = (13.8, 23.0)
_CONTRACTED_W = (3_000, 5_000, 10_000)
_STATUS = "RRPPTTTX"


def make(seed: int, at: datetime, plan: Plan | None = None) -> Utility:
    """The utility of a seed as it stands at a time, which is aware."""
    plan = plan or Plan()
    zones = tuple(Zone(number, _name(words.ZONES, number)) for number in range(1, plan.zones + 1))
    areas = tuple(
        Area(number, f"{zone.name} {_name(words.AREAS, place)}", zone)
        for number, (zone, place) in _numbered(zones, plan.areas)
    )
    substations = tuple(
        _substation(seed, number, area) for number, (area, _) in _numbered(areas, plan.substations)
    )
    feeders = tuple(
        _feeder(seed, number, substation, place)
        for number, (substation, place) in _numbered(substations, plan.feeders)
    )
    transformers = tuple(
        _transformer(seed, number, feeder)
        for number, (feeder, _) in _numbered(feeders, plan.transformers)
    )
    first = FIRST_METER + len(feeders)
    meters = tuple(
        _meter(seed, first - 1 + number, number, transformer)
        for number, (transformer, _) in _numbered(transformers, plan.meters)
    )
    return Utility(
        seed,
        *words.DIVISION,
        zones,
        areas,
        substations,
        feeders,
        transformers,
        meters,
        tuple(_vip(seed, number, feeders) for number in range(1, plan.vip + 1)),
        tuple(_request(seed, number, zones, at) for number in range(1, plan.requests + 1)),
    )


def _numbered(parents: Sequence[T], each: int) -> Iterator[tuple[int, tuple[T, int]]]:
    """`each` places below each parent, counted through."""
    return enumerate(itertools.product(parents, range(1, each + 1)), 1)


def _name(names: Sequence[str], number: int) -> str:
    """The names in turn, with a number from the second round on."""
    rounds, place = divmod(number - 1, len(names))
    return f"{names[place]} {rounds + 1}" if rounds else names[place]


def _substation(seed: int, number: int, area: Area) -> Substation:
    rng = stream(seed, "utility", "substation", number)
    rounds, place = divmod(number - 1, len(words.SUBSTATIONS))
    letters, name = [*words.SUBSTATIONS.items()][place]
    if rounds:
        letters, name = f"{letters}{rounds + 1}", f"{name} {rounds + 1}"
    return Substation(number, name, letters, rng.choice(_KILOVOLTS), area)


def _feeder(seed: int, number: int, substation: Substation, place: int) -> Feeder:
    rng = stream(seed, "utility", "feeder", number)
    return Feeder(
        number,
        4000 + 10 * place,
        substation,
        round(rng.uniform(2.0, 40.0), 1),
        FIRST_METER + number - 1,
        rng.random() < RENAMED,
        rng.random() < NEW,
    )


def _transformer(seed: int, number: int, feeder: Feeder) -> Transformer:
    rng = stream(seed, "utility", "transformer", number)
    return Transformer(number, feeder, rng.choice(_KVA), f"C-{number:03d}")


def _meter(seed: int, index: int, number: int, transformer: Transformer) -> Meter:
    rng = stream(seed, "utility", "meter", number)
    zone = transformer.feeder.substation.area.zone
    customer = Customer(number, words.person(rng), words.address(rng, zone.name))
    serial = Identity(seed, index).number
    return Meter(index, serial, transformer, customer, rng.choice(_CONTRACTED_W))


def _vip(seed: int, number: int, feeders: Sequence[Feeder]) -> VipCustomer:
    rng = stream(seed, "utility", "vip", number)
    kind = rng.choice([*VipKind])
    feeder = rng.choice(feeders)
    zone = feeder.substation.area.zone.name
    return VipCustomer(
        number,
        kind,
        f"{rng.choice(words.FIRMS[kind])}, {zone}",
        words.address(rng, zone),
        round(rng.uniform(80.0, 2_500.0), 1),
        words.phone(rng),
        feeder,
        rng.random() < 0.9,
    )


def _request(seed: int, number: int, zones: Sequence[Zone], at: datetime) -> ServiceRequest:
    rng = stream(seed, "utility", "request", number)
    zone = rng.choice(zones)
    customer = Customer(number, words.person(rng), words.address(rng, zone.name))
    kind = rng.choice([*RequestKind])
    received = at - timedelta(minutes=rng.randint(1, 60 * 24 * 60))
    load = float(rng.randint(2, 80))
    return ServiceRequest(
        number,
        kind,
        zone,
        customer,
        f"cliente{number}@correo.example" if rng.random() < 0.7 else None,
        words.phone(rng) if rng.random() < 0.8 else None,
        rng.choice(_STATUS),
        received,
        received + timedelta(days=rng.randint(3, 20)) if rng.random() < 0.8 else None,
        load_kw=None if kind is RequestKind.INSTALLATION else load,
        present_kw=load + rng.randint(-1, 9) if kind is RequestKind.LOAD else None,
        days=rng.randint(1, 60) if kind is RequestKind.PROVISIONAL else None,
        change=rng.choice(words.CHANGES) if kind is RequestKind.INSTALLATION else None,
    )
