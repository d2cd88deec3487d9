"""Usage points, and what other systems tell of devices and points."""

from __future__ import annotations

from typing import Protocol

from headend.domain.meter import Concentrator, Meter
from headend.domain.place import Place
from headend.domain.usage_point import Particulars, Told, UsagePoint


class UsagePointWords(Protocol):
    """Usage points, and what other systems tell of devices and points."""

    def usage_point(self, code: str) -> UsagePoint | None:
        """What is known of the supply at a service point; None where nobody has told anything."""
        ...

    def put_usage_point(self, point: UsagePoint) -> None: ...

    def particulars(self, kind: Told, name: str) -> Particulars | None: ...

    def particulars_called(self, kind: Told, mrid: str) -> Particulars | None:
        """Of the object that another system calls so."""
        ...

    def put_particulars(self, particulars: Particulars) -> None:
        """Raises AlreadyStored where another object of this kind has the mRID."""
        ...

    def meters_behind(self, after: str, limit: int, *, loose: bool = False) -> list[Meter]:
        """Meters that are not removed, by name; with `loose` those that are linked to a
        concentrator and hang at no service point."""
        ...

    def concentrators_behind(self, after: str, limit: int) -> list[Concentrator]:
        """By name."""
        ...

    def service_points(self, after: str, limit: int) -> list[Place]:
        """Those that are not retired, by code."""
        ...
