"""The part of the configuration that says what is collected, and how it is made whole."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from headend.config.values import Count, Name, Seconds


class CollectionTask(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What concentrators read by themselves of each meter in their table, and the head-end of each
    that it reaches by itself.

    It falls due every `every` from `after_s` past the utility's midnight on; meters that do not
    answer are tried again for `window_s`, or until it falls due anew.  `objects` are words of the
    generic model or logical names; of a profile or an event log there is one.

    A week ("1w") turns at Monday's midnight of the utility's, a month ("1mo") at that of its first.
    `models`, `place`, `concentrators` and `meters` name the group that it is for, all that are
    given together; without any it is for every meter.
    """

    name: Name
    objects: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    kind: Literal["profile", "registers", "events"] = "profile"
    every: Literal["5min", "15min", "30min", "1h", "6h", "12h", "1d", "1w", "1mo"] = "1h"
    after_s: Annotated[float, msgspec.Meta(ge=0, lt=86_400)] = 300.0
    window_s: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 0.0
    priority: Annotated[int, msgspec.Meta(ge=1, le=9)] = 5  # 1 comes first; orders before all
    back_s: Seconds = 86_400.0  # how far back the first reading of a profile reaches
    whole_days: bool = False  # of a profile: up to the newest midnight, the rest later
    blocks_max: Count = 200  # that a concentrator keeps of one meter
    rows: Literal["told", "5min", "15min", "30min", "1h", "1d", "1mo"] = "told"
    """How often a meter writes a row of the profile, where it does not tell: of billing periods,
    which end by a schedule of their own."""
    spread_s: Annotated[float, msgspec.Meta(ge=0, le=86_400)] | None = None
    """Over how long after it falls due concentrators have their turns, and direct meters theirs;
    half of the time that it has at most.  Left out: concentrators all at once, direct meters over
    an hour."""
    models: tuple[str, ...] = ()
    place: str | None = None  # its code; the meters that hang in it, at any depth
    concentrators: tuple[str, ...] = ()
    meters: Annotated[tuple[str, ...], msgspec.Meta(max_length=10_000)] = ()

    def __post_init__(self) -> None:
        if self.kind != "registers" and len(self.objects) != 1:
            raise ValueError("a profile or an event log is one object")
        if self.kind == "registers" and self.every == "1mo":
            raise ValueError("a month's registers are in the billing profile: collect that one")


class BackfillPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How what is missing is asked for again, behind the rows that came since."""

    enabled: bool = True
    look_s: Seconds = 3600.0  # so often the ledger is looked through; a wave lasts as long
    after_s: Seconds = 6 * 3600.0  # from an interval's end on: until then ordinary readings try
    rest_first_s: Seconds = 3600.0  # of a meter that was asked; doubles with each asking
    rest_max_s: Seconds = 86_400.0
    meters_at_once: Count = 20  # of one concentrator, or of those that are read directly
    meters_a_day: Count = 200  # likewise
    priority: Annotated[int, msgspec.Meta(ge=1, le=9)] = 9  # at concentrators: after all others


class ValidationPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When collected days are looked at by the head-end itself."""

    enabled: bool = True
    after_s: Annotated[float, msgspec.Meta(ge=0, lt=86_400)] = 6 * 3600.0  # past midnight
    days: Annotated[int, msgspec.Meta(ge=1, le=36_500)] = 40  # rows that came later stay raw


class CollectionPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is collected, and when it counts as late."""

    task: tuple[CollectionTask, ...] = ()
    late_after_s: Seconds = 86_400.0  # after an interval's end: 24 h, facts/service-levels.md
    retry_s: Seconds = 300.0  # until a table that could not be delivered is sent again
    asked_for_s: Seconds = 864_000.0  # what is missing, after its end: 10 days, the same file
    backfill: BackfillPolicy = BackfillPolicy()
    validation: ValidationPolicy = ValidationPolicy()

    def __post_init__(self) -> None:
        names = [task.name for task in self.task]
        if len(set(names)) != len(names):
            raise ValueError("two tasks have one name")
