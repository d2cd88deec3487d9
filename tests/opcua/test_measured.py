"""What the store tells of a meter's quantities: now, and in a stretch of time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection

from headend.domain.measured import BY_NAME, BY_WORD, QUANTITIES, Measured
from headend.store.engine import open_writer
from headend.store.measured_queries import history, present
from headend.store.migrate import upgrade
from headend.store.store import SCHEMA
from headend.store.transaction import SqlTransaction
from protocols.dlms.objects.units import UNITS
from tests import databases
from tests.opcua.readings import BARE, FIRST, METERS, NOON, QUARTER, ROWS, enter, values

pytest_generate_tests = databases.on_both

VOLTS = BY_WORD["VoltageA"]


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = open_writer(databases.rolled_back())
    upgrade(engine, SCHEMA)
    with engine.connect() as connection, connection.begin() as transaction:
        enter(SqlTransaction(connection))
        yield connection
        transaction.rollback()
    engine.dispose()


def test_what_there_is_now(connection: Connection) -> None:
    """The newest row, or a register that was read since; what is no number is none."""
    found = {each.word: it for each, it in present(connection, METERS[0]).items()}
    last = values(1, ROWS - 1)
    assert found == {
        "EnergyImport": Measured(NOON + timedelta(minutes=3), 123_456.0),
        "VoltageA": Measured(NOON, last["VoltageA"]),
        "PowerFactor": Measured(NOON, last["PowerFactor"]),
        "CurrentA": Measured(NOON, None),
        "Frequency": Measured(NOON - timedelta(days=2), 49.98),
    }
    other = {each.word: it.value for each, it in present(connection, METERS[1]).items()}
    assert other == values(2, ROWS - 1)
    assert present(connection, BARE) == {}
    assert present(connection, "nobody") == {}


def test_a_history_in_parts(connection: Connection) -> None:
    """Each interval once, raw, in order; however it is cut."""
    expected = [
        Measured(FIRST + place * QUARTER, values(1, place)["VoltageA"], doubtful=place == 9)
        for place in range(ROWS)
    ]
    assert _in_parts(connection, FIRST, NOON + QUARTER, limit=10_000) == expected
    assert _in_parts(connection, FIRST, NOON + QUARTER, limit=7) == expected
    assert _in_parts(connection, NOON, FIRST - QUARTER, limit=1) == expected[::-1]
    assert _in_parts(connection, NOON, FIRST - QUARTER, limit=50) == expected[::-1]


def _in_parts(
    connection: Connection, begin: datetime, end: datetime, *, limit: int
) -> list[Measured]:
    backwards = end < begin
    tick = timedelta(microseconds=-1 if backwards else 1)
    found: list[Measured] = []
    for _ in range(ROWS + 1):
        part = history(
            connection, METERS[0], VOLTS, begin=begin, end=end, backwards=backwards, limit=limit
        )
        found += part
        if len(part) < limit:
            return found
        begin = part[-1].at + tick
    raise AssertionError("its parts do not end")


def test_the_end_does_not_belong_to_it(connection: Connection) -> None:
    def times(begin: int, end: int | None, *, backwards: bool = False) -> list[int]:
        found = history(
            connection,
            METERS[0],
            VOLTS,
            begin=FIRST + begin * QUARTER,
            end=None if end is None else FIRST + end * QUARTER,
            backwards=backwards,
            limit=1000,
        )
        return [(each.at - FIRST) // QUARTER for each in found]

    assert times(10, 13) == [10, 11, 12]
    assert times(13, 10, backwards=True) == [13, 12, 11]
    assert times(ROWS - 2, None) == [ROWS - 2, ROWS - 1]
    assert times(1, None, backwards=True) == [1, 0]
    assert times(ROWS + 5, None) == []
    assert times(-9, -5) == []


def test_what_a_meter_does_not_measure_has_no_history(connection: Connection) -> None:
    for meter, word in ((METERS[0], "Frequency"), (BARE, "VoltageA"), ("nobody", "VoltageA")):
        found = history(
            connection, meter, BY_WORD[word], begin=FIRST, end=None, backwards=False, limit=9
        )
        assert found == []


def test_the_quantities_are_told_apart() -> None:
    """Each has a name and a word of its own, without the dot that ends a meter's name in a key; its
    unit is that of the Blue Book's table."""
    assert len(BY_NAME) == len(BY_WORD) == len(QUANTITIES)
    assert all(each.word.isalnum() for each in QUANTITIES)
    for each in QUANTITIES:
        symbol = UNITS[each.code].symbol if each.unit != "none" else each.unit
        assert each.unit.lower() == symbol.lower()
