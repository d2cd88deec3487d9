"""Rows that cannot be read as orders, between others that can."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from typer.testing import CliRunner

from headend.domain.order import Order, State
from headend.store import damaged_queries as damaged
from headend.store.damaged_queries import DamagedOrder
from headend.store.queries import OrderFilter
from headend.store.store import SqlStore
from headend.store.transaction import SqlTransaction
from tests import databases
from tests.store.making import STORY, order
from tools.cli import app

DAMAGE = {
    # what: (column, what stands there)
    "a state that nobody knows": ("state", "asleep"),
    "a time that is none": ("accepted_at", "yesterday"),
    "an amount that is none": ("amount", "much"),
    "evidence that is no JSON": ("evidence", "{"),
    "a kind of a later version": ("kind", "teleport"),
}


def spoil(connection: Connection, number: int, column: str, value: str) -> None:
    connection.execute(
        text(f"UPDATE orders SET {column} = :value WHERE number = :number"),
        {"value": value, "number": number},
    )


@databases.sqlite_only("the server's own types refuse such values")
@pytest.mark.parametrize("column, value", DAMAGE.values(), ids=DAMAGE)
def test_one_damaged_row_hides_no_other(
    tx: SqlTransaction, connection: Connection, column: str, value: str
) -> None:
    for number in (1, 2, 3):
        tx.add_order(order(number, meter=f"M{number}"), STORY)
    spoil(connection, 2, column, value)
    third, second, first = damaged.orders(connection)
    assert isinstance(first, Order) and isinstance(third, Order)
    assert isinstance(second, DamagedOrder) and (second.number, second.meter) == (2, "M2")
    assert second.state == (value if column == "state" else State.QUEUED) and second.why
    assert damaged.order(connection, 2) == second and damaged.order(connection, 9) is None
    assert damaged.orders(connection, OrderFilter(meter="M3")) == [third]
    assert damaged.orders(connection, limit=1) == [third]


def test_the_commands_say_so(tmp_path: Path) -> None:
    place = str(tmp_path / "ami.db")

    async def fill() -> None:
        store = SqlStore(f"sqlite:///{place}", live=False)
        for number in (1, 2):
            await store.run(lambda tx, n=number: tx.add_order(order(n), STORY))  # type: ignore[misc]
        await store.run(lambda tx: spoil(tx._connection, 1, "amount", "much"))  # type: ignore[attr-defined]
        await store.close()

    asyncio.run(fill())
    run = CliRunner().invoke
    shown = run(app, ["order", "list", "--database", place])
    assert (
        shown.exit_code == 0 and "damaged" in shown.stdout and "order 1 is damaged" in shown.stderr
    )
    listed = json.loads(run(app, ["order", "list", "--database", place, "--json"]).stdout)
    assert [each["order"] for each in listed] == [2, 1]
    assert "damaged" in listed[1] and "damaged" not in listed[0]
    for words in (["order", "show", "1"], ["explain", "order", "1"]):
        told = run(app, [*words, "--database", place])
        assert told.exit_code == 1 and "order 1 is damaged" in told.stderr, told.output
    assert run(app, ["order", "show", "2", "--database", place]).exit_code == 0
