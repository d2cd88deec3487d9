"""Who may read the legacy database can do nothing else, asked of a real server as that role."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import DBAPIError

from headend.integration.legacy import tables
from headend.integration.legacy.roles import READERS, BadRole, confining, role_of, statements
from headend.store.engine import open_writer
from tests import databases
from tests.legacy.commerce import Commerce

PARTY = "facturacion"

REFUSED: dict[str, str] = {
    # what is tried: what the server says
    "INSERT INTO smmc.ordenes (numero_orden) VALUES (1)": "read-only transaction",
    "SET transaction_read_only = off; DELETE FROM smmc.lecturas": "permission denied",
    "SET transaction_read_only = off; UPDATE smmc.alarmas SET nota = 'x'": "permission denied",
    "SET transaction_read_only = off; INSERT INTO smmc.eventos SELECT * FROM smmc.eventos": (
        "permission denied"
    ),
    "SET transaction_read_only = off; TRUNCATE smmc.curva_carga": "permission denied",
    "SET transaction_read_only = off; CREATE TABLE smmc.x (a int)": "permission denied",
    "SET transaction_read_only = off; CREATE TABLE public.x (a int)": "permission denied",
    "SET transaction_read_only = off; DROP TABLE smmc.entrega": "must be owner",
    "SELECT * FROM otro.secretos": "permission denied for schema",
    "SELECT * FROM public.ajena": "permission denied",
    "SET ROLE ami": "permission denied",
    "SET transaction_read_only = off; CREATE ROLE otra": "permission denied",
}


@pytest.fixture
def utility(tmp_path: Path) -> Iterator[Commerce]:
    made = Commerce(tmp_path)
    owner = open_writer(made.url)
    with owner.begin() as connection:
        for statement in (
            *statements((READERS, role_of(PARTY))),
            *statements((READERS, role_of(PARTY))),  # again, they change nothing
            "CREATE SCHEMA otro",
            "CREATE TABLE otro.secretos (a int)",
            "CREATE TABLE public.ajena (a int)",
        ):
            connection.exec_driver_sql(statement)
    owner.dispose()
    yield made
    made.close()


def as_role(utility: Commerce, role: str) -> Engine:
    return create_engine(utility.url.replace("//ami@", f"//{role}@"))


@databases.postgresql_only
def test_a_party_reads_every_table_and_changes_nothing(utility: Commerce) -> None:
    engine = as_role(utility, role_of(PARTY))
    with engine.connect() as connection:
        for table in tables.metadata.sorted_tables:
            found = connection.execute(text(f"SELECT count(*) FROM {table.name}")).scalar_one()
            assert found == 0, "it needs no schema's name"
            connection.rollback()
    for tried, said in REFUSED.items():
        with engine.connect() as connection, pytest.raises(DBAPIError, match=said):
            connection.execute(text(tried))
    engine.dispose()


LEFT_BEHIND = {
    "SET transaction_read_only = off; CREATE TEMPORARY TABLE x (a int)": "permission denied",
    "SET transaction_read_only = off; SELECT lo_create(0)": "permission denied",
    "SET transaction_read_only = off; SELECT lo_from_bytea(0, 'x')": "permission denied",
}


@databases.postgresql_only
def test_a_confined_party_leaves_nothing_behind(utility: Commerce) -> None:
    engine = as_role(utility, role_of(PARTY))
    for tried in LEFT_BEHIND:
        with engine.connect() as connection:
            connection.execute(text(tried))  # as any database of PostgreSQL lets everybody
    owner = open_writer(utility.url)
    with owner.begin() as connection:
        for statement in confining():
            connection.exec_driver_sql(statement.replace("%", "%%"))
    owner.dispose()
    for tried, said in LEFT_BEHIND.items():
        with engine.connect() as connection, pytest.raises(DBAPIError, match=said):
            connection.execute(text(tried))
    engine.dispose()


@databases.postgresql_only
def test_tables_of_later_versions_are_readable_as_well(utility: Commerce) -> None:
    owner = open_writer(utility.url)
    with owner.begin() as connection:
        connection.execute(text("CREATE TABLE smmc.nueva (a int)"))
    owner.dispose()
    engine = as_role(utility, role_of(PARTY))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT * FROM nueva")).all() == []
    engine.dispose()


@databases.postgresql_only
def test_the_role_that_parties_are_members_of_has_no_login(utility: Commerce) -> None:
    engine = as_role(utility, READERS)
    with pytest.raises(DBAPIError, match="not permitted to log in"):
        engine.connect()
    engine.dispose()


@databases.on_one  # no database is asked
@pytest.mark.parametrize("party", ["", "Ana", "a-b", "a; DROP", "1a", "ñ", "a" * 42, "a\n"])
def test_names_that_make_no_role(party: str) -> None:
    with pytest.raises(BadRole):
        role_of(party)
