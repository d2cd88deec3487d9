"""Who may send which nouns and verbs to whom: rules as data, for the bus and for every door.

[[permit]]
source = "COMERCIAL"
nouns = ["EndDeviceControls"]  # what is left out allows everything
verbs = ["create", "cancel"]
destinations = ["AMI"]
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import msgspec

from protocols.cim.errors import ReplyError

Names = tuple[str, ...]


class Asked(Protocol):
    """What of a message a rule looks at: a bus's letter, a door's header."""

    @property
    def verb(self) -> str: ...

    @property
    def noun(self) -> str: ...


class Permit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """This source may send these nouns and verbs to these destinations."""

    source: str
    nouns: Names | None = None
    verbs: Names | None = None
    destinations: Names | None = None

    def allows(self, asked: Asked, source: str, destination: str) -> bool:
        return self.source == source and all(
            allowed is None or found in allowed
            for allowed, found in (
                (self.nouns, asked.noun),
                (self.verbs, asked.verb),
                (self.destinations, destination),
            )
        )


def refusal_of(
    permits: Iterable[Permit], asked: Asked, source: str, destination: str
) -> ReplyError | None:
    """Why a request may not go there (7.5); None where a permit allows it."""
    if any(permit.allows(asked, source, destination) for permit in permits):
        return None
    return ReplyError(
        "7.5", f"SIN_PERMISO: el origen no puede pedir eso a {destination}", xpath="Source"
    )
