"""How long what is stored is kept, beside the rest of the configuration.

    [retention]
    intervals = 400
    rollups = "for ever"

A span is in days of the utility's calendar, counted back from today.  Nothing is deleted where
nobody says so.  What the head-end itself still looks at is kept in any case: a span shorter than
that is refused (`too_short`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec

FOR_EVER: Literal["for ever"] = "for ever"
DAY_S = 86_400
TOO_SHORT = "retention-too-short"
"""The code of the refusal."""

LEVELS_BACK_DAYS = 31
"""So far back a head-end measures service levels that it measures for the first time."""
BESIDE_DAYS = 9
"""Validation compares a day with those beside it, and with the same weekday a week before."""

Span = Annotated[int, msgspec.Meta(ge=1, le=36_500)] | Literal["for ever"]


class RetentionPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Of each kind of data, how many days of it are kept; and how gently the rest is deleted.

    The ledger of completeness, what was given up, the registry with its history, keys and their
    invocation counters, accounts and technicians' jobs have no span: they stay.  The stream of
    changes has one of its own: `[notification] keep_s`.
    """

    blocks: Span = FOR_EVER  # as concentrators uploaded them
    intervals: Span = FOR_EVER  # rows of profiles, raw; how many came stays in the ledger
    validated: Span = FOR_EVER  # findings and estimates
    rollups: Span = FOR_EVER
    readings: Span = FOR_EVER  # registers that were read, and what meters pushed
    events: Span = FOR_EVER  # with incidents and acknowledgements
    notices: Span = FOR_EVER
    orders: Span = FOR_EVER  # with journal, attempts, replies, and the messages they came by
    messages: Span = FOR_EVER  # the log of what came to CIM doors; messages themselves: orders
    campaigns: Span = FOR_EVER
    activities: Span = FOR_EVER  # of concentrators
    tasks: Span = FOR_EVER  # runs of scheduled tasks, with their logs
    feeders: Span = FOR_EVER  # feeders' hourly figures, their roll-ups, counts of customers
    telemetry: Span = FOR_EVER  # sessions, clocks, hours heard, uploads, faults, status words
    service_levels: Span = FOR_EVER  # what was measured, by day
    after_s: Annotated[float, msgspec.Meta(ge=0, lt=86_400)] = 9 * 3600.0  # past midnight
    batch_rows: Annotated[int, msgspec.Meta(ge=1, le=5_000)] = 200  # that one transaction deletes
    rest_s: Annotated[float, msgspec.Meta(ge=0, le=60)] = 0.2  # between two transactions

    @property
    def enabled(self) -> bool:
        """Whether anything is deleted at all."""
        return any(days is not None for _, days in self.spans())

    def spans(self) -> Iterator[tuple[str, int | None]]:
        """Each kind with its days; None is for ever."""
        for kind in KINDS:
            span = getattr(self, kind)
            yield kind, None if span == FOR_EVER else span

    def days(self, kind: str) -> int | None:
        """How many days of a kind are kept; None is for ever."""
        return dict(self.spans())[kind]


KINDS = (
    "blocks", "intervals", "validated", "rollups", "readings", "events", "notices", "orders",
    "messages", "campaigns", "activities", "tasks", "feeders",
    "telemetry", "service_levels",
)  # fmt: skip


def too_short(
    policy: RetentionPolicy,
    *,
    asked_for_s: float,
    validation_days: int | None,
    rollup_days: int | None,
    levels_s: float = 0.0,
) -> str | None:
    """What is wrong with the spans; None where nothing is.

    `asked_for_s`: how long back-fill asks for what is missing; `validation_days`, `rollup_days`:
    how far back these duties look, None where they do not; `levels_s`: how long the longest service
    level takes.
    """
    for_all = max(
        (LEVELS_BACK_DAYS + 1, "service levels are measured so far back"),
        (math.ceil(levels_s / DAY_S) + 2, "the longest service level takes so long"),
        (math.ceil(asked_for_s / DAY_S) + 3, "collection.asked_for_s: back-fill asks so long"),
    )
    of_rows = for_all
    if validation_days is not None:
        looks = "collection.validation.days, and the days beside: validation looks so far back"
        of_rows = max(of_rows, (validation_days + BESIDE_DAYS, looks))
    if rollup_days is not None:
        of_rows = max(of_rows, (rollup_days + 1, "rollup.days: what rolls days up looks so far"))
    for kind, days in policy.spans():
        least, why = of_rows if kind in ("intervals", "validated", "rollups") else for_all
        if days is not None and days < least:
            return f"{TOO_SHORT}: retention.{kind} = {days} days, and at least {least}: {why}"
    return None
