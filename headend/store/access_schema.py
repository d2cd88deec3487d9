"""The tables of accounts, tokens and the audit log.

The database itself refuses to change or to take out a line of the audit log; the chain of digests
(`domain.audit`) shows it where somebody with more rights than ours did.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Dialect,
    Index,
    Integer,
    String,
    Table,
    Text,
    TypeDecorator,
    event,
    false,
    insert,
)

from headend.domain.account import Permission, Role
from headend.domain.audit import GENESIS, Outcome, Severity
from headend.store.columns import EnumText, Json, UtcDateTime
from headend.store.schema import Number, metadata


class _Severity(TypeDecorator[Severity]):
    """A severity as its number."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: Severity | None, dialect: Dialect) -> int | None:
        return None if value is None else int(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> Severity | None:
        return None if value is None else Severity(value)


accounts = Table(
    "accounts",
    metadata,
    Column("name", String, primary_key=True),
    Column("roles", Json(tuple[Role, ...]), nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("made_by", String, nullable=False),
    Column("password", String),
    Column("failures", Integer, nullable=False),
    Column("locked_until", UtcDateTime),
    Column("disabled_at", UtcDateTime),
    Column("one_time", Boolean, nullable=False, server_default=false()),
    Column("issuer", String),
    Column("subject", String),
)
Index("accounts_of_identity", accounts.c.issuer, accounts.c.subject, unique=True)

web_sessions = Table(
    "web_sessions",
    metadata,
    Column("digest", String, primary_key=True),
    Column("account", String, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("source", String, nullable=False),
)

access_tokens = Table(
    "access_tokens",
    metadata,
    Column("id", String, primary_key=True),
    Column("account", String, nullable=False),
    Column("about", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("scopes", Json(tuple[Permission, ...]), nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("made_by", String, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    Column("place", String),
)

audit = Table(
    "audit",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", String, nullable=False),
    Column("action", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("outcome", EnumText(Outcome), nullable=False),
    Column("detail", Text, nullable=False),
    Column("source", String, nullable=False),
    Column("severity", _Severity, nullable=False),
    Column("security", Boolean, nullable=False),
    Column("digest", String, nullable=False),
)
Index(
    "audit_of_security",
    audit.c.number,
    sqlite_where=audit.c.security,
    postgresql_where=audit.c.security,
)

# How far the log has come, and up to where its security lines have left for the CERT.
audit_marks = Table(
    "audit_marks",
    metadata,
    Column("name", String, primary_key=True),
    Column("number", Number, nullable=False),
    Column("digest", String, nullable=False),
)
HEAD, TOLD = "head", "told"


# What commands ask for stands with the accounts, so that it holds by whatever configuration the
# database is named.
access_settings = Table(
    "access_settings",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", String, nullable=False),
    Column("set_at", UtcDateTime, nullable=False),
    Column("set_by", String, nullable=False),
)


@event.listens_for(audit_marks, "after_create")
def _start_at_nothing(table: Table, connection: Connection, **_: object) -> None:
    marks = [(HEAD, 0, GENESIS), (TOLD, 0, "")]
    rows = [{"name": name, "number": number, "digest": digest} for name, number, digest in marks]
    connection.execute(insert(table), rows)


# Written once more in the migration that made them: what a migration does never changes.
_TEXT = "the audit log is only ever added to"
_RAISE = f"BEGIN SELECT RAISE(ABORT, '{_TEXT}'); END"
_BODY = f"BEGIN RAISE EXCEPTION '{_TEXT}'; END"
_WHEN = "BEFORE UPDATE OR DELETE OR TRUNCATE ON audit"
_REFUSE = {
    "sqlite": (
        f"CREATE TRIGGER audit_updates_nothing BEFORE UPDATE ON audit {_RAISE}",
        f"CREATE TRIGGER audit_deletes_nothing BEFORE DELETE ON audit {_RAISE}",
    ),
    "postgresql": (
        f"CREATE FUNCTION audit_refuses() RETURNS trigger LANGUAGE plpgsql AS $$ {_BODY} $$",
        f"CREATE TRIGGER audit_is_added_to {_WHEN} EXECUTE FUNCTION audit_refuses()",
    ),
}


@event.listens_for(audit, "after_create")
def _refuse_changes(table: Table, connection: Connection, **_: object) -> None:
    for statement in _REFUSE[connection.dialect.name]:
        connection.exec_driver_sql(statement)
