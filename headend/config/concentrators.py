"""The part of the configuration that says how concentrators are looked after."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from headend.config.values import Name, Seconds


class UpkeepPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How concentrators are looked after."""

    state_every_s: Seconds = 3600.0  # they are asked how they fare
    clock_tolerance_s: Seconds = 5.0  # beyond it, and what the round trip leaves open: shifted


class ScheduledActivity(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What concentrators are asked by themselves, by the utility's calendar.

    Each has its turn once a period, always at the same moment of its first `spread_s`.  Those that
    are named, those behind which a place's meters hang, or, with neither, all.
    """

    name: Name
    kind: Literal["state", "clock", "topology", "events", "faults", "discover"]
    every: Literal["15min", "30min", "1h", "6h", "12h", "1d"] = "1d"
    after_s: Annotated[float, msgspec.Meta(ge=0, lt=86_400)] = 0.0  # past the period's begin
    spread_s: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 600.0
    concentrators: tuple[str, ...] = ()
    place: str | None = None  # its code; all that lies in it

    def __post_init__(self) -> None:
        if self.concentrators and self.place is not None:
            raise ValueError("an activity names concentrators, or a place, not both")


class ConcentratorPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is asked of concentrators by schedule, besides upkeep."""

    activity: tuple[ScheduledActivity, ...] = ()

    def __post_init__(self) -> None:
        names = [each.name for each in self.activity]
        if len(set(names)) != len(names):
            raise ValueError("two activities have one name")
