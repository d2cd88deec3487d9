"""Questions about back-fill, for commands and pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Select, func, select

from headend.domain.backfill import Ask, GivenUp
from headend.store.backfill import ASK, GIVEN_UP
from headend.store.backfill_schema import waves
from headend.store.collected_schema import collected_blocks, interval_days, uploads
from headend.store.meter_filter import AT_ONCE, MeterFilter, meters

_a, _g = ASK.table.c, GIVEN_UP.table.c


def backlog(connection: Connection) -> tuple[int, int]:
    """How many meters' profiles are asked for what is missing, and how many intervals nobody asks
    for any more."""
    asked = connection.execute(select(func.count()).select_from(ASK.table)).scalar_one()
    lost = select(func.coalesce(func.sum(_g.intervals), 0))
    return asked, int(connection.execute(lost).scalar_one())


def asks(connection: Connection, which: MeterFilter, *, limit: int = 100) -> list[Ask]:
    """Who is asked for what is missing, by name."""
    statement = ASK.select().order_by(_a.meter, _a.profile).limit(limit)
    if which.meter is not None:
        statement = statement.where(_a.meter == which.meter)
    if which.concentrator is not None:
        statement = statement.where(_a.lane == which.concentrator)
    return [ASK.read(row) for row in connection.execute(statement)]


def asked_meters(connection: Connection, which: MeterFilter) -> list[str]:
    """The names of those who are asked, or of whom something is given up."""
    names = set(connection.execute(select(_a.meter).union(select(_g.meter))).scalars())
    found, after = [], ""
    while group := meters(connection, which, after=after, limit=AT_ONCE):
        found += [meter.name for meter in group if meter.name in names]
        after = group[-1].name
    return found


def given_up(
    connection: Connection, names: Sequence[str], profile: str, first: date, last: date
) -> dict[tuple[str, date], GivenUp]:
    """What nobody asks for any more, by meter and day."""
    found: dict[tuple[str, date], GivenUp] = {}
    for begin in range(0, len(names), AT_ONCE):
        query = GIVEN_UP.select().where(
            _g.meter.in_(names[begin : begin + AT_ONCE]),
            _g.profile == profile,
            _g.day.between(first, last),
        )
        for row in connection.execute(query):
            each = GIVEN_UP.read(row)
            found[each.meter, each.day] = each
    return found


@dataclass(frozen=True, slots=True)
class Course:
    """How what is here came about, over all meters and days."""

    late: int  # intervals that came later than what counts as late
    blocks_dropped: int  # by concentrators whose memory was full, as they told
    waves: int
    backfill_blocks: int  # that came by waves' tasks, of so many meters:
    backfill_meters: int
    given_up: dict[str, int]  # days of a meter, by reason


def course_of(connection: Connection) -> Course:
    """Adds up all there is: for who looks back on a whole run."""

    def number(query: Select[Any]) -> int:
        return int(connection.execute(query).scalar() or 0)

    block = collected_blocks.c
    filled = block.task.like("fill-%")
    reasons = select(_g.reason, func.count()).group_by(_g.reason).order_by(_g.reason)
    return Course(
        late=number(select(func.sum(interval_days.c.late))),
        blocks_dropped=number(select(func.sum(uploads.c.dropped))),
        waves=number(select(func.sum(waves.c.number))),
        backfill_blocks=number(select(func.count()).where(filled)),
        backfill_meters=number(select(func.count(func.distinct(block.meter))).where(filled)),
        given_up={str(reason): int(count) for reason, count in connection.execute(reasons)},
    )
