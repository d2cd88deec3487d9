"""Who may read the legacy database, and no more: roles of PostgreSQL, as SQL.

One role without a login has SELECT on every table of the schema, those of later versions among
them.  Each party logs in as a role of its own, which is a member of it: its sessions begin
read-only, with a limit on how long a statement may take, and its use can be told apart and ended.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlalchemy import Connection

SCHEMA_NAME = "smmc"
READERS = "smmc_lectura"
CONNECTIONS_MAX = 10  # of one party
STATEMENT_S = 300

_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}\Z")


class BadRole(ValueError):
    """A party's name that makes no role; the text says why."""


def role_of(party: str) -> str:
    """The role that a party logs in as.  Raises `BadRole`."""
    if not _NAME.match(party):
        raise BadRole(f"{party!r}: small letters, digits and _, a letter first, 41 at most")
    return f"{READERS}_{party}"


def statements(roles: Sequence[str]) -> list[str]:
    """Let these roles be, and read.  Carried out by the tables' owner, who may make roles; again,
    they change nothing.  Passwords are the administrator's: none is set."""
    made = []
    for role in roles:
        login = "NOLOGIN" if role == READERS else f"LOGIN CONNECTION LIMIT {CONNECTIONS_MAX}"
        made.append(
            f"DO $$ BEGIN CREATE ROLE {role} NOSUPERUSER NOCREATEDB NOCREATEROLE {login};"
            " EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
        )
        if role == READERS:
            later = f"ALTER DEFAULT PRIVILEGES IN SCHEMA {SCHEMA_NAME}"
            made += [
                f"GRANT USAGE ON SCHEMA {SCHEMA_NAME} TO {role}",
                f"GRANT SELECT ON ALL TABLES IN SCHEMA {SCHEMA_NAME} TO {role}",
                f"{later} GRANT SELECT ON TABLES TO {role}",
            ]
        else:
            made += [
                f"GRANT {READERS} TO {role}",
                f"ALTER ROLE {role} SET search_path = {SCHEMA_NAME}",
                f"ALTER ROLE {role} SET default_transaction_read_only = on",
                f"ALTER ROLE {role} SET statement_timeout = '{STATEMENT_S}s'",
            ]
    return made


def confining() -> list[str]:
    """Let nobody but its owner put anything into this database, temporary tables and large objects
    among it, which fill the disk.  For a database that serves nobody else; the last by an
    administrator of the server."""
    objects = ", ".join(f"pg_catalog.{each}" for each in _LARGE_OBJECTS)
    revoke = "format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database())"
    return [
        f"DO $$ BEGIN EXECUTE {revoke}; END $$",
        f"REVOKE EXECUTE ON FUNCTION {objects} FROM PUBLIC",
    ]


_LARGE_OBJECTS = (
    "lo_creat(integer)", "lo_create(oid)", "lo_from_bytea(oid, bytea)", "lo_open(oid, integer)",
    "lo_put(oid, bigint, bytea)", "lowrite(integer, bytea)",
)  # fmt: skip


def may_make_roles(connection: Connection) -> bool:
    """Whether whoever is connected may."""
    asked = "SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user"
    return bool(connection.exec_driver_sql(asked).scalar_one())
