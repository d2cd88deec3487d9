"""The meters that a concentrator knows: how to reach each, and what it shares with it.

The head-end has a table of its own; the two may differ, and then an order ends `not in table`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from devices.network.ways import Leg
from protocols.dlms.security import Keys

CLIENT_SAP = 5
OWN, GURUX = "own", "gurux"
ENGINES = (OWN, GURUX)

EnginePolicy = Callable[[str, int], str]
"""Which engine carries out this attempt of this order: one of ENGINES."""


@dataclass(slots=True)
class Entry:
    """One meter."""

    meter: str
    leg: Leg
    keys: Keys
    system_title: bytes  # the meter's
    client: int = CLIENT_SAP  # the address under which it knows us
    street_master: bytes | None = field(default=None, repr=False)
    """The key that wraps the keys of broadcasts to this meter; None: it takes no part in any."""


def only(engine: str) -> EnginePolicy:
    """Always the same engine.  Raises ValueError for one that there is not."""
    if engine not in ENGINES:
        raise ValueError(f"no engine {engine!r}; there are {', '.join(ENGINES)}")
    return lambda order, attempt: engine


def alternating(first: int = 0) -> EnginePolicy:
    """One order by this engine, the next by the other: a misreading in one cannot hide.

    By the number of the order, where it is one, and not by arrival: the same order takes the same
    turn whatever happens around it.  A second attempt is made by the other engine.
    """

    def choose(order: str, attempt: int) -> str:
        number = int(order) if order.isdecimal() else sum(order.encode())
        return ENGINES[(number + attempt + first) % len(ENGINES)]

    return choose
