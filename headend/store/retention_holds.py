"""What must not go although its span is over, because somebody still needs it: as conditions on the
rows themselves, so that the statement that deletes asks them once more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    String,
    Table,
    and_,
    cast,
    exists,
    false,
    func,
    or_,
    select,
    true,
)

from headend.domain.event import Subject
from headend.domain.owed import OwedKind
from headend.domain.retention import Needed
from headend.store import schema
from headend.store.campaign_schema import campaign_members, campaigns
from headend.store.collected_schema import interval_days
from headend.store.event_schema import events, incidents
from headend.store.job_schema import job_orders, jobs
from headend.store.notice_schema import notice_cases, notices
from headend.store.owed_schema import owed
from headend.store.restoration_schema import restored_orders
from headend.store.retention_schema import past_days
from headend.store.rollup_schema import rolled_days
from headend.store.validated_schema import validated_days

OVERLAP = timedelta(minutes=10)
LINES = 1_000
"""So far behind its mark the data store looks again (`warehouse_queries`): nothing of it goes."""

_pages, _o, _e, _i = interval_days.c, schema.orders.c, events.c, incidents.c


@dataclass(frozen=True, slots=True)
class Needs:
    """Who needs rows, as this head-end is configured.

    `taken`: how far the data store has come, by what is counted; None where there is no data store.
    """

    validating: bool
    rolling_up: bool
    taken: Mapping[str, str] | None
    postgresql: bool


Condition = Callable[[Needs], ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class Hold:
    """A reason, and the rows of which it is true."""

    why: Needed
    of: Condition


def newest(table: Table, by: tuple[str, ...], time: str) -> Hold:
    """The newest of each device."""
    later = table.alias()
    same = [later.c[name] == table.c[name] for name in by]
    query = exists(select(1).where(*same, later.c[time] > table.c[time]))
    return Hold(Needed.NEWEST, lambda _: ~query)


def unvalidated() -> Hold:
    v = validated_days.c
    looked = exists(select(1).where(*_same_day(validated_days), v.raw_at >= _pages.updated_at))
    return Hold(Needed.NOT_VALIDATED, lambda needs: _if(needs.validating, _whole(), ~looked))


def not_rolled_up() -> Hold:
    r = rolled_days.c
    same = [r[name] == _pages[name] for name in ("received", "changed", "late")]
    rolled = exists(select(1).where(*_same_day(rolled_days), r.raw_at == _pages.updated_at, *same))
    return Hold(Needed.NOT_ROLLED_UP, lambda needs: _if(needs.rolling_up, _whole(), ~rolled))


def rows_kept(table: Table) -> Hold:
    """Findings and roll-ups of a page that is here: without them it would be looked at anew."""
    query = exists(select(1).where(*_same_day(table)).select_from(interval_days))
    return Hold(Needed.ROWS_KEPT, lambda _: query)


def page_owed(table: Table) -> Hold:
    c = table.c
    mine = owed.c.device == c.meter, owed.c.profile == c.profile
    day = owed.c.moment == cast(c.day, String)
    return _owed(OwedKind.PAGE, and_(*mine, day))


def reading_owed() -> Hold:
    r, o = schema.readings.c, owed.c

    def of(needs: Needs) -> ColumnElement[bool]:
        at: ColumnElement[str] = cast(r.at, String)
        if needs.postgresql:
            utc = func.timezone("UTC", r.at)
            at = func.to_char(utc, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        same = o.device == r.meter, o.profile == r.name, o.moment == at
        return exists(select(1).where(o.kind == OwedKind.READING, *same))

    return Hold(Needed.OWED, of)


def number_owed(kind: OwedKind, number: ColumnElement[int]) -> Hold:
    return _owed(kind, owed.c.moment == cast(number, String))


def _owed(kind: OwedKind, same: ColumnElement[bool]) -> Hold:
    query = exists(select(1).where(owed.c.kind == kind, same))
    return Hold(Needed.OWED, lambda _: query)


def not_taken(mark: str, column: ColumnElement[datetime] | ColumnElement[int]) -> Hold:
    """The data store has not come so far, or would look at it again."""

    def of(needs: Needs) -> ColumnElement[bool]:
        return _beyond(needs, mark, column)

    return Hold(Needed.NOT_IN_DATA_STORE, of)


def journal_not_taken() -> Hold:
    j = schema.journal.c

    def of(needs: Needs) -> ColumnElement[bool]:
        query: Select[tuple[int]] = select(1).where(j.order == _o.number)
        return exists(query.where(_beyond(needs, "journal", j.line)))

    return Hold(Needed.NOT_IN_DATA_STORE, of)


def _beyond(
    needs: Needs, mark: str, column: ColumnElement[datetime] | ColumnElement[int]
) -> ColumnElement[bool]:
    if needs.taken is None:
        return false()
    if (text := needs.taken.get(mark)) is None:
        return true()
    if isinstance(column.type, Integer):
        return column > int(text) - LINES
    return column > datetime.fromisoformat(text) - OVERLAP


def order_under_way() -> Hold:
    later = schema.orders.alias()
    member, campaign = campaign_members.c, campaigns.c
    taken, job = job_orders.c, jobs.c
    open_ = or_(
        _o.unfinished,
        _o.due_at.is_not(None),
        _o.verify_at.is_not(None),
        _o.lease_owner.is_not(None),
        exists(select(1).where(later.c.restores == _o.number, later.c.unfinished)),
        exists(
            select(1).where(
                member.order == _o.number,
                campaign.number == member.campaign,
                campaign.ended_at.is_(None),
            )
        ),
        exists(
            select(1).where(taken.number == _o.number, job.id == taken.job, job.ended_at.is_(None))
        ),
    )
    return Hold(Needed.UNDER_WAY, lambda _: open_)


def order_unsettled() -> Hold:
    out = schema.outbox.c
    query = exists(select(1).where(out.order == _o.number, out.settled_at.is_(None)))
    return Hold(Needed.UNSETTLED, lambda _: query)


def order_restored() -> Hold:
    query = exists(select(1).where(restored_orders.c.order == _o.number))
    return Hold(Needed.RESTORED, lambda _: query)


def event_under_way() -> Hold:
    going_on = exists(select(1).where(_i.number == _e.incident, _i.ended_at.is_(None)))
    return Hold(Needed.UNDER_WAY, lambda _: or_(going_on, _told(Subject.EVENT, _e.number)))


def incident_under_way() -> Hold:
    return Hold(
        Needed.UNDER_WAY,
        lambda _: or_(_i.ended_at.is_(None), _told(Subject.INCIDENT, _i.number)),
    )


def _told(subject: Subject, number: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether somebody is still being told of it."""
    case, notice = notice_cases.c, notices.c
    return or_(
        exists(
            select(1).where(case.subject == subject, case.number == number, case.over_at.is_(None))
        ),
        exists(
            select(1).where(
                notice.subject == subject, notice.number == number, notice.settled_at.is_(None)
            )
        ),
    )


def unended(column: ColumnElement[datetime | None]) -> Hold:
    open_ = column.is_(None)
    return Hold(Needed.UNDER_WAY, lambda _: open_)


def referred(*columns: tuple[ColumnElement[int], ColumnElement[int]]) -> Hold:
    """What other rows name: each the naming column, and the one that is named."""
    query = or_(*(exists(select(1).where(by == own)) for by, own in columns))
    return Hold(Needed.BELONGINGS_KEPT, lambda _: query)


def _same_day(table: Table) -> list[ColumnElement[bool]]:
    return [table.c[name] == _pages[name] for name in ("meter", "profile", "day")]


def _whole() -> ColumnElement[bool]:
    """Whether a page is looked at by the day, and all of it is here."""
    return and_(_pages.expected > 0, ~exists(select(1).where(*_same_day(past_days))))


def _if(wanted: bool, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return and_(*conditions) if wanted else false()
