"""How the utility's other systems are asked: by CIM, through their adapters."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from protocols.cim.profile.instance import Instance


@dataclass(frozen=True, slots=True)
class Asked:
    """A get: all instances of a class; with `where`, those with these values; with `association`,
    what it leads to from the instances `of`, of a history from `begin` up to but without `end`."""

    cls: str
    where: Mapping[str, str] = field(default_factory=dict)
    association: str | None = None
    of: tuple[str, ...] = ()
    special: str | None = None
    begin: datetime | None = None
    end: datetime | None = None


class AdapterFailed(Exception):
    """An adapter gives no answer, or one that cannot be used: a code, why, and whether another try
    may help."""

    def __init__(self, code: str, text: str, *, retry: bool = True) -> None:
        super().__init__(text)
        self.code = code
        self.retry = retry


Heard = Callable[[bytes, bytes], None]
"""Told the octets of each message that asks, and of its reply."""


class Adapters(Protocol):
    """The adapters that are configured, by system: "SIAD"."""

    def get(self, system: str, asked: Asked, heard: Heard | None = None) -> AsyncIterator[Instance]:
        """The instances, page after page.  Raises `AdapterFailed`."""
        ...
