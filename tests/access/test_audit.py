"""The audit log: whatever is done to it behind our back is found, at the right line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from headend.domain.audit import (
    GENESIS,
    START,
    AuditEntry,
    AuditHead,
    AuditLine,
    Broken,
    Outcome,
    Severity,
    chained,
    verify,
)
from headend.store import access_queries as queries
from headend.store.transaction import SqlTransaction
from tests import databases
from tests.store.conftest import connection as connection
from tests.store.conftest import tx as tx
from tests.store.making import at

WORDS = st.text(max_size=20)
LINES = st.builds(
    AuditLine,
    at=st.integers(0, 10**9).map(lambda us: at(us / 1e6)),
    actor=WORDS,
    action=WORDS,
    subject=WORDS,
    outcome=st.sampled_from(Outcome),
    detail=WORDS,
    source=WORDS,
    severity=st.sampled_from(Severity),
    security=st.booleans(),
)
OTHER: dict[str, Any] = {
    "number": lambda number: number + 1,
    "at": lambda at: at + timedelta(microseconds=1),
    "outcome": lambda old: next(each for each in Outcome if each != old),
    "severity": lambda old: next(each for each in Severity if each != old),
    "security": lambda old: not old,
    "digest": lambda digest: ("1" if digest[0] != "1" else "2") + digest[1:],
}


def log(lines: list[AuditLine]) -> tuple[list[AuditEntry], AuditHead]:
    entries, head = [], START
    for line in lines:
        entries.append(chained(line, head))
        head = AuditHead(entries[-1].number, entries[-1].digest)
    return entries, head


@settings(max_examples=40)
@given(st.lists(LINES, max_size=6))
def test_a_log_that_nobody_touched_holds(lines: list[AuditLine]) -> None:
    entries, head = log(lines)
    assert verify(entries, head=head) == head
    assert verify(iter(entries)) == head


@settings(max_examples=40)
@given(st.lists(LINES, min_size=1, max_size=6), st.data())
def test_each_changed_field_shows_at_its_line(lines: list[AuditLine], data: st.DataObject) -> None:
    entries, head = log(lines)
    where = data.draw(st.integers(0, len(entries) - 1))
    name = data.draw(st.sampled_from([field.name for field in fields(AuditEntry)]))
    old = getattr(entries[where], name)
    entries[where] = replace(
        entries[where], **{name: OTHER.get(name, lambda text: text + "x")(old)}
    )
    assert verify(entries, head=head) == Broken(where + 1, _why(name, where))


def _why(name: str, where: int) -> str:
    if name == "number":
        return f"is missing; line {where + 2} follows {where}"
    return "was changed, or the one before it was"


@settings(max_examples=40)
@given(st.lists(LINES, min_size=1, max_size=6), st.data())
def test_each_line_taken_out_is_missed(lines: list[AuditLine], data: st.DataObject) -> None:
    entries, head = log(lines)
    where = data.draw(st.integers(0, len(entries) - 1))
    del entries[where]
    found = verify(entries, head=head)
    assert isinstance(found, Broken) and found.number == where + 1 and "missing" in found.why


@settings(max_examples=40)
@given(st.lists(LINES, min_size=2, max_size=6), st.data())
def test_lines_that_changed_places_are_found(lines: list[AuditLine], data: st.DataObject) -> None:
    """Even where somebody gave them each other's numbers."""
    entries, head = log(lines)
    where = data.draw(st.integers(0, len(entries) - 2))
    one, two = entries[where : where + 2]
    entries[where : where + 2] = [replace(two, number=one.number), replace(one, number=two.number)]
    found = verify(entries, head=head)
    assert isinstance(found, Broken) and found.number == where + 1


@settings(max_examples=40)
@given(st.lists(LINES, min_size=1, max_size=5), LINES)
def test_what_was_added_behind_the_head_is_found(lines: list[AuditLine], line: AuditLine) -> None:
    entries, head = log(lines)
    found = verify([*entries, chained(line, head)], head=head)
    assert found == Broken(len(lines) + 1, "is not the last that was written")


# --- in the database ------------------------------------------------------------------------------


@pytest.fixture
def written(tx: SqlTransaction) -> Iterator[list[AuditEntry]]:
    yield [tx.add_audit(_line(number)) for number in range(1, 6)]


def _line(number: int) -> AuditLine:
    return AuditLine(
        at(number), "ana", "order.cut", f"meter {number}", Outcome.ALLOWED, "ñ — 1", "192.0.2.1",
        Severity.NOTICE, number % 2 == 0,
    )  # fmt: skip


def test_lines_come_back_as_they_were_written(
    connection: Connection, tx: SqlTransaction, written: list[AuditEntry]
) -> None:
    assert queries.audit(connection) == written[::-1]
    assert queries.audit(connection, before=3, limit=1) == [written[1]]
    assert queries.audit(connection, queries.AuditFilter(subject="meter 4")) == [written[3]]
    assert queries.verified(connection) == tx.audit_head() == AuditHead(5, written[-1].digest)
    assert [each.number for each in tx.security_lines(2, 10)] == [4]


FORBIDDEN = ("UPDATE audit SET actor = 'eva' WHERE number = 2", "DELETE FROM audit")


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_the_database_refuses_to_change_a_line(
    connection: Connection, written: list[AuditEntry], statement: str
) -> None:
    before = connection.begin_nested()
    with pytest.raises(Exception, match="only ever added to"):
        connection.execute(text(statement))
    before.rollback()
    assert queries.audit(connection) == written[::-1]


FORGED = {
    # what somebody does who may do everything: (statement, line at which it shows)
    "changes a name": ("UPDATE audit SET actor = 'eva' WHERE number = 2", 2),
    "turns a refusal": ("UPDATE audit SET outcome = 'refused' WHERE number = 1", 1),
    "takes one out": ("DELETE FROM audit WHERE number = 3", 3),
    "takes the first out": ("DELETE FROM audit WHERE number = 1", 1),
    "cuts the end off": ("DELETE FROM audit WHERE number > 3", 4),
    "takes all out": ("DELETE FROM audit", 1),
    "moves one": ("UPDATE audit SET number = 9 WHERE number = 4", 4),
}


def unguard(connection: Connection) -> None:
    """What only the database's owner can do."""
    if databases.postgresql():
        connection.execute(text("DROP TRIGGER audit_is_added_to ON audit"))
        return
    for name in ("audit_updates_nothing", "audit_deletes_nothing"):
        connection.execute(text(f"DROP TRIGGER {name}"))


@pytest.mark.parametrize(("statement", "line"), FORGED.values(), ids=FORGED)
def test_what_the_databases_owner_does_is_found(
    connection: Connection, written: list[AuditEntry], statement: str, line: int
) -> None:
    unguard(connection)
    connection.execute(text(statement))
    found = queries.verified(connection)
    assert isinstance(found, Broken) and found.number == line


def test_a_log_forged_whole_is_found_by_a_head_noted_elsewhere(
    connection: Connection, tx: SqlTransaction, written: list[AuditEntry]
) -> None:
    noted = AuditHead(3, written[2].digest)
    assert queries.verified(connection, noted=noted) == tx.audit_head()
    unguard(connection)
    connection.execute(text("DELETE FROM audit"))
    back = f"UPDATE audit_marks SET number = 0, digest = '{GENESIS}' WHERE name = 'head'"
    connection.execute(text(back))
    for number in range(1, 6):
        tx.add_audit(replace(_line(number), actor="eva"))
    assert queries.verified(connection) == tx.audit_head()
    assert queries.verified(connection, noted=noted) == Broken(
        3, "is not the one whose head was noted elsewhere"
    )
    missing = queries.verified(connection, noted=AuditHead(9, "0"))
    assert missing == Broken(9, "is missing, and its head was noted elsewhere")
