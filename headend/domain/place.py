"""Where meters hang: region, zone, substation, feeder, transformer, service point.

A place lies in the one above it.  A level may be left out (a zone whose feeders nobody has told
apart), never turned round.  A service point is where a customer's supply ends; the meters that hung
there, one after the other, are its history.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


class PlaceKind(enum.StrEnum):
    """The levels, from the widest to the narrowest."""

    REGION = "region"
    ZONE = "zone"
    SUBSTATION = "substation"
    FEEDER = "feeder"
    TRANSFORMER = "transformer"
    SERVICE_POINT = "service-point"

    @property
    def level(self) -> int:
        """0 for the widest."""
        return LEVELS.index(self)


LEVELS = tuple(PlaceKind)
CODE = re.compile(r"[0-9A-Za-z][0-9A-Za-z._/-]{0,63}")


@dataclass(frozen=True, slots=True)
class Place:
    """`code` is the utility's own; `parent` the place that it lies in, None for one at the top."""

    code: str
    kind: PlaceKind
    parent: str | None = None
    name: str = ""


def misplaced(place: Place, parent: Place | None) -> str | None:
    """Why a place cannot lie where it is said to, or None.  `parent` is None where its parent is
    not known."""
    if CODE.fullmatch(place.code) is None:
        return f"a code has letters, digits and . _ / - (64 at most), not {place.code!r}"
    if place.parent is None:
        return None
    if place.parent == place.code:
        return "a place does not lie in itself"
    if parent is None:
        return f"there is no place {place.parent}"
    if parent.kind.level >= place.kind.level:
        return f"a {place.kind} does not lie in a {parent.kind} ({parent.code})"
    return None


@dataclass(frozen=True, slots=True)
class RegisterRead:
    """What an energy register showed when a meter was hung up or taken down.  `source` tells who
    says so: "order 12", "technician", "commissioning"."""

    value: Decimal
    unit: str
    at: datetime
    source: str


@dataclass(frozen=True, slots=True)
class Installation:
    """A meter at a service point, from `since` until `until`; None while it hangs there."""

    meter: str
    service_point: str
    since: datetime
    until: datetime | None = None
    first_read: RegisterRead | None = None
    last_read: RegisterRead | None = None
