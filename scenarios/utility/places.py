"""The utility's places as its head-end's registry knows them, by the registry's own codes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from headend.domain.place import Place, PlaceKind
from headend.registry.places import COLUMNS
from scenarios.utility.model import Utility
from scenarios.utility.naming import (
    System,
    feeder_key,
    feeder_label,
    substation_key,
    transformer_key,
    zone_key,
)

REGION = "D1"


def places(utility: Utility) -> Iterator[Place]:
    """From the region down to the service point of each customer's meter."""
    yield Place(REGION, PlaceKind.REGION, None, utility.name)
    for zone in utility.zones:
        yield Place(zone_key(zone), PlaceKind.ZONE, REGION, zone.name)
    for substation in utility.substations:
        key = substation_key(System.AMI, substation)
        yield Place(key, PlaceKind.SUBSTATION, zone_key(substation.area.zone), substation.name)
    for feeder in utility.feeders:
        above = substation_key(System.AMI, feeder.substation)
        key = feeder_key(System.AMI, feeder)
        yield Place(key, PlaceKind.FEEDER, above, feeder_label(feeder))
    for transformer in utility.transformers:
        above = feeder_key(System.AMI, transformer.feeder)
        yield Place(transformer_key(transformer), PlaceKind.TRANSFORMER, above)
    for meter in utility.meters:
        above = transformer_key(meter.transformer)
        yield Place(f"P-{meter.index}", PlaceKind.SERVICE_POINT, above, meter.customer.address)


def table(utility: Utility) -> str:
    """The same as the table that the registry imports."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for place in places(utility):
        writer.writerow((place.kind, place.code, place.parent or "", place.name))
    return text.getvalue()
