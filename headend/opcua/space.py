"""What an OPC UA server shows: a tree of nodes that is asked for as clients walk it.

A space answers with plain values and may take its time.  Nothing of it is held by the server, so
a tree may have a million objects; children come in pages, in order of their names.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from headend.opcua.reach import Reach

Value = float | int | str


class Kind(enum.Enum):
    """What a node is."""

    FOLDER = enum.auto()
    OBJECT = enum.auto()
    ANALOG = enum.auto()  # a variable with a Double, and an engineering unit where `unit` says one
    STATE = enum.auto()  # a variable with a number for each of `states`
    PROPERTY = enum.auto()  # a text


class Quality(enum.Enum):
    """What is thought of a value.  A bad one is none."""

    GOOD = enum.auto()
    UNCERTAIN = enum.auto()
    BAD = enum.auto()


@dataclass(frozen=True, slots=True)
class Node:
    """`id` names it in the space's namespace; `parent` is another's, "" right below Objects.

    `name` is its browse name, one among the names of its siblings.  `type` is one of the space's
    object types, or "".  `history`: of a variable values are kept, of an object events.
    """

    id: str
    name: str
    kind: Kind
    parent: str = ""
    title: str = ""  # the display name, where it is another one
    about: str = ""
    type: str = ""
    unit: str = ""
    states: tuple[str, ...] = ()
    history: bool = False


@dataclass(frozen=True, slots=True)
class Sample:
    """A value at a time, which is aware."""

    at: datetime
    value: Value | None
    quality: Quality = Quality.GOOD


@dataclass(frozen=True, slots=True)
class Happening:
    """An event of a type of the space's, with its fields of that type."""

    type: str
    id: str
    at: datetime
    source: str  # the node's name
    message: str
    severity: int  # 1 to 1000
    fields: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class HappeningType:
    """A type of events: its fields, and an example value of each, which tells its type."""

    name: str
    fields: Mapping[str, Value]


class Space(Protocol):
    """What a server asks.  What there is not is left out of an answer."""

    @property
    def uri(self) -> str:
        """Of its namespace."""
        ...

    @property
    def types(self) -> Collection[str]:
        """The names of its object types."""
        ...

    @property
    def happenings(self) -> Collection[HappeningType]:
        """Its types of events."""
        ...

    async def nodes(self, ids: Collection[str]) -> Mapping[str, Node]:
        """Nodes by their ids."""
        ...

    async def children(self, parent: str, after: str, limit: int) -> Sequence[Node]:
        """Those below a node whose names come behind `after`, in order of their names."""
        ...

    async def child(self, parent: str, name: str) -> Node | None:
        """The one of this name."""
        ...

    async def present(self, variables: Sequence[Node]) -> Mapping[str, Sample]:
        """The newest sample of each, by its id."""
        ...

    async def history(self, variable: Node, reach: Reach, limit: int) -> Sequence[Sample]:
        """Samples in the reach and its direction: `limit`, and all others of the last one's time,
        so that no time is torn apart."""
        ...

    async def events(self, source: Node, reach: Reach, limit: int) -> Sequence[Happening]:
        """Events in the same manner."""
        ...
