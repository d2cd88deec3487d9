"""Parts of a meter that have a state of their own, and come into being when somebody needs them.

A part that acts by itself says when; the meter gives it time.  Parts ask the meter for everything
else, so none of them knows the table of objects.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar, cast

from protocols.dlms.logical_name import LogicalName
from protocols.dlms.values import Value

if TYPE_CHECKING:
    from devices.meter.state import MeterState


class Part(Protocol):
    """What every part can be asked."""

    @classmethod
    def of(cls, meter: MeterState) -> Self:
        """This part of a meter as it was delivered."""
        ...

    def next_deadline(self, meter: MeterState) -> float | None:
        """When, by the world's time, it acts by itself; None for a part that never does."""
        ...

    def advance(self, meter: MeterState, now: float) -> None:
        """Do what is due."""
        ...


class Passive:
    """A part that never acts by itself."""

    __slots__ = ()

    @classmethod
    def of(cls, meter: MeterState) -> Self:
        return cls()

    def next_deadline(self, meter: MeterState) -> float | None:
        return None

    def advance(self, meter: MeterState, now: float) -> None:
        return


P = TypeVar("P", bound=Part)
Kind = type[P]


class Assembly:
    """The parts that a meter has by now, and the values that were written to plain attributes."""

    __slots__ = ("_parts", "_written")

    def __init__(self) -> None:
        self._parts: dict[type[Any], Any] | None = None
        self._written: dict[tuple[LogicalName, int], Value] | None = None

    def part(self, kind: Kind[P]) -> P:
        """One of the other parts; as delivered when nobody has used it yet."""
        found = self._existing(kind)
        if found is None:
            if self._parts is None:
                self._parts = {}
            found = self._parts[kind] = kind.of(cast("MeterState", self))
        return found

    def existing(self, kind: Kind[P]) -> P | None:
        """A part if it has come into being already."""
        return self._existing(kind)

    def take_part(self, part: Part) -> None:
        """Put a part that was kept elsewhere in the place of one as delivered."""
        if self._parts is None:
            self._parts = {}
        self._parts[type(part)] = part

    def _existing(self, kind: Kind[P]) -> P | None:
        return None if self._parts is None else self._parts.get(kind)

    @property
    def parts(self) -> Iterable[Part]:
        """The parts that have come into being."""
        return () if self._parts is None else tuple(self._parts.values())

    # Attributes that were written and do nothing but keep their value.

    def written(self, name: LogicalName, attribute: int) -> Value | None:
        """What was written to an attribute, or None while it is as delivered."""
        return None if self._written is None else self._written.get((name, attribute))

    def write(self, name: LogicalName, attribute: int, value: Value) -> None:
        """Keep a value."""
        if self._written is None:
            self._written = {}
        self._written[name, attribute] = value
