"""The words for what concentrators collect."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Any

import msgspec
from sqlalchemy import Integer, String, Table, bindparam, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from headend.domain.collecting import TaskTable, UploadTaken
from headend.domain.interval import CollectedBlock, IntervalDay
from headend.store import collected_schema as tables
from headend.store.prepared import Locked, Prepared
from headend.store.rows import Form
from headend.store.words import Words
from protocols.concentrator.collecting import Layout

TASK_TABLE = Form(TaskTable, tables.task_tables)
BLOCK = Form(CollectedBlock, tables.collected_blocks)
DAY = Form(IntervalDay, tables.interval_days)
UPLOAD = Form(UploadTaken, tables.uploads)

_tasks, _layouts, _blocks = TASK_TABLE.table.c, tables.layouts.c, BLOCK.table.c
_days, _uploads = DAY.table.c, UPLOAD.table.c


def put_over(dialect: Any, table: Table, names: tuple[str, ...]) -> Prepared:
    """Insert a row, or write over the one with its key."""
    statement = dialect.insert(table)
    keys = [column.name for column in table.primary_key]
    rest = {name: statement.excluded[name] for name in names if name not in keys}
    upsert = statement.on_conflict_do_update(index_elements=keys, set_=rest)
    return Prepared(upsert, names)


def _add(dialect: Any, table: Table, names: tuple[str, ...]) -> Prepared:
    """Insert a row, unless there is one with its key."""
    return Prepared(dialect.insert(table).on_conflict_do_nothing(), names)


_DIALECTS = (sqlite, postgresql)
_PUT_TASKS = {d.dialect.name: put_over(d, TASK_TABLE.table, TASK_TABLE.names) for d in _DIALECTS}
_PUT_DAY = {d.dialect.name: put_over(d, DAY.table, DAY.names) for d in _DIALECTS}
_ADD_BLOCK = {d.dialect.name: _add(d, BLOCK.table, BLOCK.names) for d in _DIALECTS}
_ADD_UPLOAD = {d.dialect.name: _add(d, UPLOAD.table, UPLOAD.names) for d in _DIALECTS}
PAGES = 0x616D_6A
"""The class of PostgreSQL's advisory locks on the pages of a meter."""
_LOCK_PAGES = Prepared(
    select(func.pg_advisory_xact_lock(PAGES, func.hashtext(bindparam("meter", type_=String))))
)
_TASKS = Locked(TASK_TABLE.select().where(_tasks.concentrator == bindparam("of_concentrator")))
_LAYOUT_NUMBER = Prepared(select(_layouts.number).where(_layouts.digest == bindparam("of_digest")))
_ADD_LAYOUT = Prepared(insert(tables.layouts).returning(_layouts.number), ("digest", "layout"))
_LAYOUT = Prepared(select(_layouts.layout).where(_layouts.number == bindparam("of_number")))
_DAY = Prepared(
    DAY.select().where(
        _days.meter == bindparam("of_meter"),
        _days.profile == bindparam("of_profile"),
        _days.day == bindparam("of_day"),
    )
)
_DAYS = Prepared(
    DAY.select()
    .where(
        _days.meter == bindparam("of_meter"),
        _days.profile == bindparam("of_profile"),
        _days.day.between(bindparam("first"), bindparam("last")),
    )
    .order_by(_days.day)
)
_NEWEST_DAYS = Prepared(
    DAY.select()
    .where(
        _days.meter == bindparam("of_meter"),
        _days.profile == bindparam("of_profile"),
        _days.day <= bindparam("until"),
    )
    .order_by(_days.day.desc())
    .limit(bindparam("count", type_=Integer))
)


class CollectedWords(Words):
    """Task tables, blocks, and pages of rows."""

    def task_table(self, concentrator: str) -> TaskTable | None:
        return self._one(TASK_TABLE, _TASKS, {"of_concentrator": concentrator})

    def put_task_table(self, table: TaskTable) -> None:
        self._change(_PUT_TASKS[self._dialect], TASK_TABLE.values(table))

    def layout_number(self, layout: Layout) -> int:
        digest = hashlib.sha256(msgspec.json.encode(layout)).hexdigest()
        found = self._rows(_LAYOUT_NUMBER, {"of_digest": digest})
        if found:
            number: int = found[0][0]
            return number
        number = self._value(_ADD_LAYOUT, {"digest": digest, "layout": layout})
        return number

    def layout(self, number: int) -> Layout:
        found: Layout = self._value(_LAYOUT, {"of_number": number})
        return found

    def add_block(self, block: CollectedBlock) -> bool:
        return bool(self._change(_ADD_BLOCK[self._dialect], BLOCK.values(block)))

    def interval_day(self, meter: str, profile: str, day: date) -> IntervalDay | None:
        if self._shared:  # who reads a page writes it again, also one that is not there yet
            self._rows(_LOCK_PAGES, {"meter": meter})
        return self._one(DAY, _DAY, {"of_meter": meter, "of_profile": profile, "of_day": day})

    def interval_days(self, meter: str, profile: str, first: date, last: date) -> list[IntervalDay]:
        wanted = {"of_meter": meter, "of_profile": profile, "first": first, "last": last}
        return self._all(DAY, _DAYS, wanted)

    def newest_days(self, meter: str, profile: str, until: date, count: int) -> list[IntervalDay]:
        wanted = {"of_meter": meter, "of_profile": profile, "until": until, "count": count}
        return self._all(DAY, _NEWEST_DAYS, wanted)

    def put_interval_day(self, page: IntervalDay) -> None:
        self._change(_PUT_DAY[self._dialect], DAY.values(page))

    def add_upload(self, upload: UploadTaken) -> bool:
        return bool(self._change(_ADD_UPLOAD[self._dialect], UPLOAD.values(upload)))

    @property
    def _dialect(self) -> str:
        return self._connection.dialect.name
