"""Questions about accounts, tokens and the audit log, for commands and pages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from headend.domain.account import Account, Token
from headend.domain.audit import START, AuditEntry, AuditHead, Broken, Outcome, verify
from headend.store.access import AUDIT
from headend.store.transaction import SqlTransaction

_audit = AUDIT.table.c

PAGE = 50
STRETCH = 10_000  # lines in memory at once while the log is walked


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which lines; what is None does not restrict."""

    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    outcome: Outcome | None = None
    security: bool | None = None
    since: datetime | None = None
    until: datetime | None = None


def accounts(connection: Connection) -> list[Account]:
    """By name."""
    return SqlTransaction(connection).accounts()


def tokens(connection: Connection, account: str | None = None) -> list[Token]:
    """The latest first."""
    return SqlTransaction(connection).tokens(account)


def audit(
    connection: Connection,
    which: AuditFilter | None = None,
    *,
    before: int | None = None,
    limit: int = PAGE,
) -> list[AuditEntry]:
    """The latest lines first; `before` continues behind the last number of the page before."""
    which = which or AuditFilter()
    statement = AUDIT.select().order_by(_audit.number.desc()).limit(limit)
    equal = (
        (_audit.actor, which.actor),
        (_audit.action, which.action),
        (_audit.subject, which.subject),
        (_audit.outcome, which.outcome),
        (_audit.security, which.security),
    )
    for column, value in equal:
        if value is not None:
            statement = statement.where(column == value)
    if which.since is not None:
        statement = statement.where(_audit.at >= which.since)
    if which.until is not None:
        statement = statement.where(_audit.at < which.until)
    if before is not None:
        statement = statement.where(_audit.number < before)
    return [AUDIT.read(row) for row in connection.execute(statement)]


def verified(connection: Connection, *, noted: AuditHead | None = None) -> AuditHead | Broken:
    """Walk the whole log: its head, or where it is broken.

    `noted` is a head that somebody wrote down elsewhere: the log must still hold it.
    """
    head = SqlTransaction(connection).audit_head()
    if noted is not None and noted != START:
        found = audit_digest(connection, noted.number)
        if found is None:
            return Broken(noted.number, "is missing, and its head was noted elsewhere")
        if found != noted.digest:
            return Broken(noted.number, "is not the one whose head was noted elsewhere")
    return verify(_lines(connection), head=head)


def audit_digest(connection: Connection, number: int) -> str | None:
    """The digest of one line."""
    statement = AUDIT.select().where(_audit.number == number)
    row = connection.execute(statement).first()
    return None if row is None else AUDIT.read(row).digest


def _lines(connection: Connection) -> Iterator[AuditEntry]:
    """All of them, the first one first, a stretch at a time."""
    last = 0
    while True:
        statement = (
            AUDIT.select().where(_audit.number > last).order_by(_audit.number).limit(STRETCH)
        )
        found = [AUDIT.read(row) for row in connection.execute(statement)]
        yield from found
        if len(found) < STRETCH:
            return
        last = found[-1].number
