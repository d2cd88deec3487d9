"""The tables of whom we have told, and are to tell."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, String, Table, Text

from headend.domain.event import Severity, Subject
from headend.domain.notice import NoticeState, NoticeStep
from headend.store.columns import EnumText, UtcDateTime
from headend.store.schema import Number, metadata

notice_cases = Table(
    "notice_cases",
    metadata,
    Column("rule", String, primary_key=True),
    Column("subject", EnumText(Subject), primary_key=True),
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("severity", EnumText(Severity), nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("round", Integer, nullable=False),
    Column("told_again", Integer, nullable=False),
    Column("next_at", UtcDateTime),
    Column("over_at", UtcDateTime),
    Index("notice_cases_of_subject", "subject", "number"),
)
_AGAIN = notice_cases.c.next_at.is_not(None)
Index(
    "notice_cases_again",
    notice_cases.c.next_at,
    sqlite_where=_AGAIN,
    postgresql_where=_AGAIN,
)

notices = Table(
    "notices",
    metadata,
    Column("line", Number, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False, unique=True),
    Column("rule", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("step", EnumText(NoticeStep), nullable=False),
    Column("subject", EnumText(Subject)),
    Column("number", Number),
    Column("severity", EnumText(Severity), nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime),
    Column("round", Integer, nullable=False),
    Column("held", Boolean, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("state", EnumText(NoticeState), nullable=False),
    Column("trouble", Text, nullable=False),
    Column("settled_at", UtcDateTime),
    Index("notices_of_subject", "subject", "number"),
    Index("notices_of_rule", "rule", "made_at"),
)
_DUE = notices.c.due_at.is_not(None)
Index("notices_due", notices.c.due_at, sqlite_where=_DUE, postgresql_where=_DUE)
