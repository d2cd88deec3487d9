"""What the head-end knows of a meter and of a concentrator; the things themselves are elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Meter:
    """A registered meter.  `concentrator` is None while it is not linked."""

    name: str
    concentrator: str | None = None
    commissioned: bool = False
    blocked: bool = False
    contracted_w: Decimal | None = None  # the highest limit an order may set
    model: str = "generic"


@dataclass(frozen=True, slots=True)
class Concentrator:
    """A registered concentrator.  `sim` is what the carrier's portal knows it by."""

    name: str
    sim: str | None = None
