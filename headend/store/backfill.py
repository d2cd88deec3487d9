"""The words for back-fill: what meters lack, who was asked for it, and what is given up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from itertools import groupby

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from headend.domain.backfill import Ask, DayGaps, GivenUp, Lacking, LookedAt, Wave
from headend.domain.interval import CollectedBlock, RowQuality
from headend.domain.ledger import Entry, gaps
from headend.domain.meter import Meter
from headend.store import backfill_schema as tables
from headend.store.collected import BLOCK, DAY, put_over
from headend.store.ledger_queries import Wanted, ledger_of, rows_of
from headend.store.meter_filter import AT_ONCE, MeterFilter, meters
from headend.store.prepared import Locked, Prepared
from headend.store.rows import Form
from headend.store.words import Words

ASK = Form(Ask, tables.asks)
GIVEN_UP = Form(GivenUp, tables.given_up)
WAVE = Form(Wave, tables.waves)

_a, _g, _w = ASK.table.c, GIVEN_UP.table.c, WAVE.table.c
_b, _d = BLOCK.table.c, DAY.table.c
PAGES = 2
"""Of the oldest and the newest days are looked at: one may hold nothing but rows of a bad clock."""
_UNSURE = int(RowQuality.AHEAD | RowQuality.CHANGED)
_PUT = {
    (dialect.dialect.name, form.table.name): put_over(dialect, form.table, form.names)
    for dialect in (sqlite, postgresql)
    for form in (ASK, GIVEN_UP, WAVE)
}
_WAVE = Locked(WAVE.select().where(_w.lane == bindparam("of_lane")))
_WAVES = Prepared(WAVE.select().order_by(_w.lane))
_BLOCKS = Prepared(
    BLOCK.select()
    .where(_b.meter == bindparam("of_meter"), _b.task == bindparam("of_task"))
    .order_by(_b.number)
)


class BackfillWords(Words):
    """What is missing, and what was asked for."""

    def lacking(
        self, at: LookedAt, *, after: str, limit: int, only: str | None = None
    ) -> tuple[list[Lacking], list[str]]:
        group = meters(self._connection, MeterFilter(meter=only), after=after, limit=limit)
        since = self._since(at, [meter.name for meter in group])
        odd = [meter for meter in group if meter.name in since]
        wanted = Wanted(at.profile, at.first, at.last, at.zone, at.now, at.period_s)
        known = {meter.name: meter for meter in odd}
        found = []
        entries = ledger_of(self._connection, wanted, odd, since) if odd else iter(())
        for name, of_meter in groupby(entries, lambda entry: entry.meter):
            days = [entry for entry in of_meter if entry.missing and not entry.past]
            if days and (lacks := self._lacking(known[name], at, days)).days:
                found.append(lacks)
        return found, [meter.name for meter in group]

    def _since(self, at: LookedAt, names: Sequence[str]) -> dict[str, date]:
        """From which day on the ledger is looked at, of those meters whose days are not all whole;
        none of those of which nothing ever came."""
        of_these = _d.meter.in_(names), _d.profile == at.profile
        first_pages = select(_d.meter, func.min(_d.day)).where(*of_these).group_by(_d.meter)
        whole_days = (
            select(_d.meter, func.count())
            .where(*of_these, _d.day.between(at.first, at.last), _d.received >= _d.expected)
            .group_by(_d.meter)
        )
        oldest = {row[0]: row[1] for row in self._connection.execute(first_pages)}
        whole = {row[0]: row[1] for row in self._connection.execute(whole_days)}
        found = {}
        for name, day in oldest.items():
            first = max(day, at.first)
            if whole.get(name, 0) < (at.last - first).days + 1:
                found[name] = first
        return found

    def _lacking(self, meter: Meter, at: LookedAt, days: Sequence[Entry]) -> Lacking:
        lacks = ((day.day, tuple(gaps(day, rows_of(self._connection, day)))) for day in days)
        here = DAY.select().where(_d.meter == meter.name, _d.profile == at.profile)
        ends = [
            row.at
            for order in (_d.day, _d.day.desc())
            for page in self._connection.execute(here.order_by(order).limit(PAGES))
            for row in DAY.read(page).rows
            if not row.quality & _UNSURE
        ]
        return Lacking(
            meter.name,
            at.profile,
            lane_of(meter),
            tuple(DayGaps(day, found) for day, found in lacks if found),
            min(ends, default=None),
            max(ends, default=None),
        )

    def asks_of(self, names: Sequence[str], profile: str) -> dict[str, Ask]:
        query = ASK.select().where(_a.meter.in_(names), _a.profile == profile)
        return {row[0]: ASK.read(row) for row in self._connection.execute(query)}

    def put_ask(self, ask: Ask) -> None:
        self._change(self._backfilled(ASK.table.name), ASK.values(ask))

    def forget_asks(self, names: Sequence[str], profile: str) -> None:
        where = _a.meter.in_(names), _a.profile == profile
        self._connection.execute(delete(ASK.table).where(*where))

    def hasten_asks(
        self, at: datetime, *, rested_since: datetime, lane: str, meter: str | None = None
    ) -> bool:
        statement = (
            update(ASK.table)
            .where(_a.lane == lane, _a.next_at > at, _a.asked_at <= rested_since)
            .values(next_at=at)
        )
        if meter is not None:
            statement = statement.where(_a.meter == meter)
        return self._connection.execute(statement).rowcount > 0

    def given_up_of(
        self, names: Sequence[str], profile: str, first: date, last: date
    ) -> dict[str, list[GivenUp]]:
        query = (
            GIVEN_UP.select()
            .where(_g.meter.in_(names), _g.profile == profile, _g.day.between(first, last))
            .order_by(_g.meter, _g.day)
        )
        found: dict[str, list[GivenUp]] = defaultdict(list)
        for row in self._connection.execute(query):
            found[row[0]].append(GIVEN_UP.read(row))
        return found

    def ask_again(self, names: Sequence[str], day: date | None = None) -> int:
        found = 0
        for begin in range(0, len(names), AT_ONCE):
            part = names[begin : begin + AT_ONCE]
            forgotten = delete(ASK.table).where(_a.meter.in_(part))
            taken_back = delete(GIVEN_UP.table).where(_g.meter.in_(part))
            if day is not None:
                taken_back = taken_back.where(_g.day == day)
            found += self._connection.execute(forgotten).rowcount
            found += self._connection.execute(taken_back).rowcount
        return found

    def give_up(self, days: Iterable[GivenUp]) -> None:
        self._change_many(self._backfilled(GIVEN_UP.table.name), map(GIVEN_UP.values, days))

    def wave_of(self, lane: str) -> Wave | None:
        return self._one(WAVE, _WAVE, {"of_lane": lane})

    def waves(self) -> list[Wave]:
        return self._all(WAVE, _WAVES)

    def put_wave(self, wave: Wave) -> None:
        self._change(self._backfilled(WAVE.table.name), WAVE.values(wave))

    def blocks_of_task(self, meter: str, task: str) -> list[CollectedBlock]:
        return self._all(BLOCK, _BLOCKS, {"of_meter": meter, "of_task": task})

    def _backfilled(self, table: str) -> Prepared:
        return _PUT[self._connection.dialect.name, table]


def lane_of(meter: Meter) -> str | None:
    """The concentrator that collects from a meter; None where the head-end reads it by itself."""
    return None if meter.address is not None and not meter.by_gateway else meter.concentrator
