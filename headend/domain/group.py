"""A group of meters, named by what they have in common, not one by one: who is in it follows the
registry.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Group:
    """What is empty or None does not restrict; all that is given must hold.  `place` is a place's
    code: the meters that hang in it now, at any depth."""

    models: tuple[str, ...] = ()
    place: str | None = None
    concentrators: tuple[str, ...] = ()
    meters: tuple[str, ...] = ()

    @property
    def everyone(self) -> bool:
        """Whether every meter is in it."""
        return not self.concentrators and self.by_concentrator

    @property
    def by_concentrator(self) -> bool:
        """Whether a meter is in it wherever its concentrator is: nobody need ask who."""
        return self.place is None and not self.models and not self.meters

    def __str__(self) -> str:
        told = [f"model {', '.join(self.models)}"] if self.models else []
        told += [] if self.place is None else [f"place {self.place}"]
        told += [f"behind {', '.join(self.concentrators)}"] if self.concentrators else []
        told += [f"{len(self.meters)} by name"] if self.meters else []
        return "; ".join(told) or "every meter"
