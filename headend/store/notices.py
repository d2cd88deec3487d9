"""The words for whom we have told, and are to tell."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from headend.domain.event import Subject
from headend.domain.notice import Case, Notice, NoticeState, NoticeStep
from headend.store import notice_schema as tables
from headend.store.collected import put_over
from headend.store.prepared import Locked, Prepared
from headend.store.rows import Form
from headend.store.words import Words

CASE = Form(Case, tables.notice_cases)
NOTICE = Form(Notice, tables.notices)

_k, _n = CASE.table.c, NOTICE.table.c
_of_subject = (_k.subject == bindparam("of_subject"), _k.number == bindparam("of_number"))
_CASE = Prepared(CASE.select().where(_k.rule == bindparam("of_rule"), *_of_subject))
_PUT_CASE = {d.dialect.name: put_over(d, CASE.table, CASE.names) for d in (sqlite, postgresql)}
_CASES_OF = Prepared(CASE.select().where(*_of_subject).order_by(_k.rule))
_AGAIN = Prepared(
    CASE.select()
    .where(_k.next_at <= bindparam("now"))
    .order_by(_k.next_at)
    .limit(bindparam("most"))
)
_NEXT_AGAIN = Prepared(select(func.min(_k.next_at)).where(_k.next_at.is_not(None)))

_NEW = tuple(name for name in NOTICE.names if name != "line")
_ADD = Prepared(insert(NOTICE.table).inline(), _NEW)
_NOTICE = Locked(NOTICE.select().where(_n.line == bindparam("of_line")))
_CALLED = Prepared(NOTICE.select().where(_n.id == bindparam("of_id")))
_DEAD = Locked(NOTICE.select().where(_n.state == NoticeState.DEAD).order_by(_n.line))
_CHANGING = ("due_at", "held", "tries", "state", "trouble", "settled_at")
_SAVE = Prepared(
    update(NOTICE.table)
    .where(_n.line == bindparam("of_line"))
    .values({name: bindparam(f"to_{name}") for name in _CHANGING})
)
_DUE = Locked(
    NOTICE.select()
    .where(_n.due_at <= bindparam("now"))
    .order_by(_n.due_at, _n.line)
    .limit(bindparam("most")),
    skip_locked=True,
)
_NEXT_DUE = Prepared(select(func.min(_n.due_at)).where(_n.due_at.is_not(None)))
_SAME = Prepared(
    NOTICE.select()
    .where(
        _n.subject == bindparam("of_subject"),
        _n.number == bindparam("of_number"),
        _n.rule == bindparam("of_rule"),
        _n.channel == bindparam("of_channel"),
        _n.round == bindparam("of_round"),
        _n.step == bindparam("of_step"),
    )
    .order_by(_n.line)
)
_MADE = Prepared(
    select(func.count())
    .select_from(NOTICE.table)
    .where(_n.rule == bindparam("of_rule"), _n.made_at >= bindparam("since"))
)


class NoticeWords(Words):
    """Cases by rule and subject; notices by line."""

    def case(self, rule: str, subject: Subject, number: int) -> Case | None:
        wanted = {"of_rule": rule, "of_subject": subject, "of_number": number}
        return self._one(CASE, _CASE, wanted)

    def put_case(self, case: Case) -> None:
        self._change(_PUT_CASE[self._connection.dialect.name], CASE.values(case))

    def cases_of(self, subject: Subject, number: int) -> list[Case]:
        return self._all(CASE, _CASES_OF, {"of_subject": subject, "of_number": number})

    def cases_to_tell_again(self, now: datetime, limit: int) -> list[Case]:
        return self._all(CASE, _AGAIN, {"now": now, "most": limit})

    def next_case_due(self) -> datetime | None:
        due: datetime | None = self._value(_NEXT_AGAIN)
        return due

    def add_notice(self, notice: Notice) -> None:
        values = NOTICE.values(notice)
        del values["line"]
        self._change(_ADD, values)

    def notice(self, line: int) -> Notice | None:
        return self._one(NOTICE, _NOTICE, {"of_line": line})

    def notice_called(self, id: str) -> Notice | None:
        return self._one(NOTICE, _CALLED, {"of_id": id})

    def dead_notices(self) -> list[Notice]:
        return self._all(NOTICE, _DEAD)

    def save_notice(self, notice: Notice) -> None:
        values = NOTICE.values(notice)
        changed = {f"to_{name}": values[name] for name in _CHANGING}
        self._change(_SAVE, {"of_line": notice.line, **changed})

    def due_notices(self, now: datetime, limit: int) -> list[Notice]:
        return self._all(NOTICE, _DUE, {"now": now, "most": limit})

    def next_notice_due(self) -> datetime | None:
        due: datetime | None = self._value(_NEXT_DUE)
        return due

    def notices_of(self, of: Notice, step: NoticeStep) -> list[Notice]:
        wanted = {
            "of_subject": of.subject,
            "of_number": of.number,
            "of_rule": of.rule,
            "of_channel": of.channel,
            "of_round": of.round,
            "of_step": step,
        }
        return self._all(NOTICE, _SAME, wanted)

    def notices_made_since(self, rule: str, since: datetime) -> int:
        count: int = self._value(_MADE, {"of_rule": rule, "since": since})
        return count
