"""What an adapter needs from the system behind it: a page of instances at a time.

A selection names what is wanted in the profile's words, already checked.  A layer answers it page
by page in the order of positions (class, then key), so that nobody holds more than a page and no
cursor stays open in somebody else's system; a page that is asked for again is found again.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from protocols.cim.profile.instance import Instance, Position
from protocols.cim.profile.lexical import Value
from protocols.cim.profile.model import Association, Attribute, CimClass


@dataclass(frozen=True, slots=True)
class Condition:
    """An attribute has this value, which is one of its type."""

    attribute: Attribute
    value: Value


@dataclass(frozen=True, slots=True)
class Window:
    """From `start` up to but without `end`, both aware."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Via:
    """What lies at the end of an association of these instances."""

    source: CimClass
    association: Association
    ids: tuple[str, ...]
    window: Window | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """Instances of `target` and its subclasses for which all conditions hold, and that are
    associated as `via` says."""

    target: CimClass
    conditions: tuple[Condition, ...] = ()
    via: Via | None = None


@dataclass(frozen=True, slots=True)
class Flaw:
    """What the system has, but not as the profile wants it: the instance, and its member."""

    cls: str
    key: str
    member: str
    left_out: bool  # the instance as a whole, because the member is required


@dataclass(frozen=True, slots=True)
class Page:
    """Instances in order.  `after` is where the next page begins, None where there is none."""

    instances: tuple[Instance, ...]
    after: Position | None = None
    flaws: tuple[Flaw, ...] = ()


class DataLayer(Protocol):
    """A system of the utility, read only.

    Both raise `SourceUnavailable`, `SourceTooSlow` or `TooMuch`.
    """

    async def page(self, selection: Selection, after: Position | None, limit: int) -> Page:
        """At most `limit` instances behind a position.  Of a selection with a window these are
        those with a time in it.  Raises `BadPosition` too."""
        ...

    async def known(self, cls: CimClass, ids: Collection[str]) -> frozenset[str]:
        """Which of these keys are those of instances of a class or its subclasses."""
        ...


class SourceUnavailable(Exception):
    """The system behind the adapter does not answer, or not with what it should have."""


class SourceTooSlow(Exception):
    """It takes longer than it may."""


class TooMuch(Exception):
    """It holds more than it is willing to give for one request."""


class BadPosition(ValueError):
    """No page begins there."""
