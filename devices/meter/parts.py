"""Parts of a meter that have a state of their own, and come into being when somebody needs them.

A part that acts by itself says when; the meter gives it time.  Parts ask the meter for everything
else, so none of them knows the table of objects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self

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
