"""What one server serves, and within which bounds: what its connections and sessions share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from asyncua import ua
from asyncua.server.address_space import AddressSpace

from headend.opcua.nodes import Vocabulary
from headend.opcua.space import Node, Space

Proves = Callable[[str, str, str], Awaitable[str | None]]
"""(name, password, where from) -> whose they are, None: nobody's who may read here."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one request, and all clients together, may take."""

    references: int = 1000  # of one node in one answer
    samples: int = 10_000  # of one history in one answer
    browses: int = 1000  # nodes in one request
    reads: int = 1000
    histories: int = 100
    monitored: int = 10_000  # variables, by all clients together
    sessions: int = 100
    subscriptions: int = 200


@dataclass(slots=True)
class Served:
    """A space as one server serves it."""

    space: Space
    bounds: Bounds
    aspace: AddressSpace
    proves: Proves
    anonymous: bool
    trusts: Callable[[bytes], bool] | None = None  # None: channels need no security
    words: Vocabulary = field(default_factory=lambda: Vocabulary(2))
    monitored: dict[str, Node] = field(default_factory=dict)

    def forget_unmonitored(self) -> None:
        """Take out of the library's address space what nobody monitors any more."""
        for id in [*self.monitored]:
            node_id = self.words.id(id)
            if not self.aspace[node_id].attributes[ua.AttributeIds.Value].datachange_callbacks:
                del self.aspace[node_id]
                del self.monitored[id]
