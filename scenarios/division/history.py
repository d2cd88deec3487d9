"""The meters' month, into the head-end's database by its own intake: the newest day first.

A day's rows come as they would have come, by night; so completeness, validation and roll-ups find
what they would have found.  One transaction holds what a concentrator brought of a day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from devices.field_spec import TransformerSpec
from devices.grid.field_grid import FieldGrid
from devices.meter.load import SLOT_S
from headend.collection.decoding import rows_of
from headend.collection.filling import fill
from headend.config import CollectionPolicy
from headend.domain.interval import Row, Span
from headend.domain.utility_day import span_of
from headend.events.taking import EventIntake
from headend.ports import Store, Transaction
from protocols.concentrator.collecting import Layout
from scenarios.division.making import ZONE
from scenarios.division.profiles import buffers
from scenarios.division.troubles import Troubles, troubles_of
from scenarios.utility.field import field_of
from scenarios.utility.model import Utility

COLLECTED_AFTER_S: Final = 900
"""After a day's end its rows come, of the first concentrator; the others follow."""
APART_S: Final = 20
LATE_AFTER_S: Final = CollectionPolicy().late_after_s

Collected = list[tuple[str, Layout, list[Row]]]


@dataclass(frozen=True, slots=True)
class Filled:
    """How far it has come: the day that is in, which of how many it was, and its rows."""

    day: date
    number: int
    of: int
    rows: int


def days_back(now: datetime, days: int) -> list[date]:
    """Today, as far as it has come, and so many days before it; the newest first."""
    today = now.astimezone(ZONE).date()
    return [today - timedelta(days=back) for back in range(days + 1)]


async def fill_month(
    store: Store, utility: Utility, now: datetime, days: int, told: Callable[[Filled], None]
) -> None:
    """Write today and so many days before it.  Raises `StoreUnavailable`, NotConverged."""
    spec = field_of(utility)
    grid, troubles = FieldGrid(utility.seed, spec), troubles_of(utility)
    wanted = days_back(now, days)
    for number, day in enumerate(wanted, 1):
        rows = 0
        for place, each in enumerate(spec.transformers):
            span, came = _came(day, place, now)
            found = [*_collected(grid, each, utility.seed, span, came, now, troubles)]
            await _write(store, found, came)
            rows += sum(len(of_meter) for _, _, of_meter in found)
        told(Filled(day, number, len(wanted), rows))


def _came(day: date, place: int, now: datetime) -> tuple[Span, datetime]:
    """Which part of a day is over, and when it came."""
    whole = span_of(day, ZONE)
    now_s = int(now.timestamp())
    span = Span(whole.begin, min(whole.end, now_s - now_s % SLOT_S))
    came_s = min(now_s, whole.end + COLLECTED_AFTER_S + APART_S * place)
    return span, datetime.fromtimestamp(came_s, UTC)


def _collected(
    grid: FieldGrid,
    spec: TransformerSpec,
    seed: int,
    span: Span,
    came: datetime,
    now: datetime,
    troubles: Troubles,
) -> Iterator[tuple[str, Layout, list[Row]]]:
    if span.end <= span.begin:
        return
    for each in buffers(grid, spec, seed, span):
        last = troubles.last_row(spec.concentrator, each.meter, int(now.timestamp()))
        rows = rows_of(
            each.octets, each.layout, number=0, now=came, late_after_s=LATE_AFTER_S, zone=ZONE
        )
        if rows and rows[-1].at > last:
            rows = [row for row in rows if row.at <= last]
        if rows:
            yield each.meter, each.layout, rows


async def _write(store: Store, found: Collected, came: datetime) -> None:
    events = EventIntake()

    def work(tx: Transaction) -> None:
        for meter, layout, rows in found:
            number = tx.layout_number(layout)
            numbered = [row._replace(layout=number) for row in rows]
            fill(tx, meter, layout, numbered, zone=ZONE, now=came, events=events)

    if found:
        await store.run(work)
