"""What the head-end knows of a meter and of a concentrator; the things themselves are elsewhere."""

from __future__ import annotations

import enum
import ipaddress
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

DIRECT = "direct/"
"""Before the name of a network segment, so that it cannot be taken for a concentrator's."""

DIALS_IN = "dials-in"
"""The address of a meter that calls by itself."""

GATEWAY = "gateway"
"""The address of a meter with which the head-end speaks through its concentrator, end to end."""


RecordedPhase = Literal["A", "B", "C", "ABC"]
"""The phases of its transformer that a meter hangs on."""


class Stage(enum.StrEnum):
    """How far a meter has come between the manufacturer's pallet and the scrap heap."""

    IN_STOCK = "in-stock"
    INSTALLED = "installed"
    COMMISSIONED = "commissioned"
    LINKED = "linked"
    IN_SERVICE = "in-service"
    BLOCKED = "blocked"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Meter:
    """A registered meter.

    It is linked to a concentrator, or the head-end reaches it by itself at `address`
    (tcp://HOST:PORT, or "dials-in"); with neither it is not linked.  With the address "gateway" its
    concentrator only carries what the head-end says to it.  `segment` names the part of
    the network that it shares with others, where its address does not tell.  `identity` is the
    logical device name that it calls itself by, where that is not its name; `title` its system
    title in hexadecimal digits, by which it proves itself and names itself in ciphered pushes.
    `recorded_phase` is what the utility's papers say: nobody has measured it, and it may be wrong.
    `stage` is what its life cycle has written down, of a blocked one that beneath the block; None
    where nobody keeps its life.  `life_cycle.stage_of` tells where it stands.
    """

    name: str
    concentrator: str | None = None
    commissioned: bool = False
    blocked: bool = False
    contracted_w: Decimal | None = None  # the highest limit an order may set
    model: str = "generic"
    address: str | None = None
    segment: str | None = None
    identity: str | None = None
    title: str | None = None
    recorded_phase: RecordedPhase | None = None
    stage: Stage | None = None

    @property
    def by_gateway(self) -> bool:
        """Whether the head-end is its DLMS client, through its concentrator."""
        return self.address == GATEWAY

    @property
    def lane(self) -> str | None:
        """Whose turn its orders take: its network segment's, or its concentrator's."""
        if self.address is None or self.by_gateway:
            return self.concentrator
        return DIRECT + (self.segment or _segment(self.address))


@dataclass(frozen=True, slots=True)
class Concentrator:
    """A registered concentrator.  `sim` is what the carrier's portal knows it by."""

    name: str
    sim: str | None = None


def is_direct(lane: str) -> bool:
    """Whether a lane is a network segment, and no concentrator."""
    return lane.startswith(DIRECT)


def _segment(address: str) -> str:
    """The network of an address: of IPv4 the first 24 bits, of IPv6 the first 64, or the name."""
    found = re.search(r"//\[?([^\]/]+?)\]?(?::\d+)?/?\Z", address)
    host = found[1] if found else address
    try:
        number = ipaddress.ip_address(host)
    except ValueError:
        return host
    prefix = 24 if number.version == 4 else 64
    return str(ipaddress.ip_network(f"{number}/{prefix}", strict=False))
