"""Devices that the registry knows."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Protocol

from headend.domain.group import Group
from headend.domain.meter import Concentrator, Meter


class RegistryWords(Protocol):
    """Devices that the registry knows."""

    def meter(self, name: str) -> Meter | None: ...
    def put_meters(self, meters: Iterable[Meter]) -> int: ...
    def concentrator(self, name: str) -> Concentrator | None: ...
    def put_concentrators(self, concentrators: Iterable[Concentrator]) -> int: ...

    def meter_called(self, identity: str) -> Meter | None:
        """The meter that calls itself so, or has that name."""
        ...

    def meter_titled(self, title: str) -> Meter | None:
        """The meter with this system title, sixteen hexadecimal digits in capitals."""
        ...

    def direct_meters(self, model: str | None = None) -> list[Meter]:
        """Those of a model, or of any, that are reached without a concentrator, by name."""
        ...

    def group_members(
        self,
        group: Group,
        *,
        concentrator: str | None = None,
        among: Collection[str] | None = None,
        direct: bool = False,
    ) -> list[Meter]:
        """Who is in a group now, by name: of those linked to one concentrator, of some names, or
        of those with an address of their own."""
        ...
