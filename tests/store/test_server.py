"""A database server that is not as the head-end needs it: told at the start, borne later."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url
from typer.testing import CliRunner

from headend.config import without_password
from headend.ports import StoreUnavailable
from headend.store.engine import open_writer
from headend.store.store import SqlStore
from tests import databases
from tests.store.making import STORY, order
from tools.cli import app

pytestmark = databases.postgresql_only


def down(tmp_path: Path) -> str:
    return "postgresql://ami:secret@127.0.0.1:1/ami"


def wrong_password(tmp_path: Path) -> str:
    databases.cluster().ask(f"DROP DATABASE IF EXISTS {databases.GUARDED}")
    databases.cluster().ask(f"CREATE DATABASE {databases.GUARDED}")
    url = make_url(databases.cluster().url(databases.GUARDED))
    return url.set(password="secret").render_as_string(hide_password=False)


def no_such_database(tmp_path: Path) -> str:
    return databases.cluster().url("nowhere")


def of_a_later_program(tmp_path: Path) -> str:
    url = databases.memory()
    engine = open_writer(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    engine.dispose()
    return url


def without_rights(tmp_path: Path) -> str:
    cluster = databases.cluster()
    cluster.ask("DROP ROLE IF EXISTS reader")
    cluster.ask("CREATE ROLE reader LOGIN")
    url = make_url(databases.at(tmp_path / "new.db")).set(username="reader")
    return url.render_as_string(hide_password=False)


SAID = {
    # what is wrong: (the database, words of the answer)
    "the server is down": (down, "Connection refused"),
    "a wrong password": (wrong_password, "password authentication failed"),
    "no such database": (no_such_database, '"nowhere" does not exist'),
    "tables of a later program": (of_a_later_program, "of a later program"),
    "no right to make tables": (without_rights, "permission denied for schema public"),
}


@pytest.fixture
def _no_broker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("headend.field.mosquitto.find", lambda: None)
    monkeypatch.setattr("tools.serve.log_to_stderr", lambda **_: None)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("database, words", SAID.values(), ids=SAID)
def test_what_is_wrong_at_the_start_is_said(
    database: object, words: str, tmp_path: Path, _no_broker: None
) -> None:
    assert callable(database)
    ran = CliRunner().invoke(app, ["serve", "--port=0", "--database", database(tmp_path)])
    said = " ".join(ran.stderr.split())
    assert ran.exit_code == 1, ran.exception
    assert words in said and "Check that the server runs" in said
    assert "secret" not in said and "Traceback" not in said


@pytest.mark.parametrize(
    "url, shown",
    [
        ("sqlite:///ami.db", "sqlite:///ami.db"),
        ("postgresql://h/x", "postgresql://h/x"),
        ("postgresql+psycopg://u@h:5432/x", "postgresql+psycopg://u@h:5432/x"),
        ("postgresql://u:p@h/x", "postgresql://u:***@h/x"),
        ("postgresql://u:p@q:r/s@h/x", "postgresql://u:***@h/x"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert without_password(url) == shown


@pytest.fixture
def own_server() -> Iterator[databases.Cluster]:
    server = databases.new_cluster()
    yield server
    server.end()


@pytest.mark.live
async def test_a_server_that_goes_and_comes_back(own_server: databases.Cluster) -> None:
    """What was acknowledged before is there, what could not be written was refused, and work goes
    on without anybody's help, readers' too."""
    store = SqlStore(own_server.new(databases.WITH_TABLES), live=True)
    await store.run(lambda tx: tx.add_order(order(1), STORY))
    assert store.read(lambda c: c.exec_driver_sql("SELECT count(*) FROM orders").scalar_one()) == 1
    own_server.stop()
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await store.run(lambda tx: tx.add_order(order(2), STORY))
    own_server.start()
    await store.run(lambda tx: tx.add_order(order(3), STORY))
    found = await store.run(lambda tx: [tx.order(number) for number in (1, 2, 3)])
    assert [one is not None for one in found] == [True, False, True]
    assert store.read(lambda c: c.exec_driver_sql("SELECT count(*) FROM orders").scalar_one()) == 2
    await store.close()
