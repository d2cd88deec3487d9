"""Load profiles by the row: what is kept is what came first, and comes back in order."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql

from headend.store import schema
from headend.store.intervals import COPY_MIN, QUANTITIES, IntervalRow, intervals_of
from headend.store.prepared import Prepared
from headend.store.transaction import SqlTransaction


def row(meter: str, at: int, first: int = 0) -> IntervalRow:
    return meter, at, *range(first, first + len(QUANTITIES))


def test_the_first_row_of_an_interval_stands(tx: SqlTransaction, connection: Connection) -> None:
    assert tx.add_intervals([row("7", 900), row("7", 1800)]) == 2
    assert tx.add_intervals([row("7", 1800, first=50), row("7", 2700)]) == 1
    found = intervals_of(connection, "7", "7", after=0, until=9_999)
    assert found == [row("7", 900), row("7", 1800), row("7", 2700)]


@pytest.mark.parametrize("again", [0, 1, COPY_MIN])
def test_many_rows_at_once_are_kept_as_a_few_are(
    tx: SqlTransaction, connection: Connection, again: int
) -> None:
    """All new, one of them there already, all there already."""
    many = [row("7", 900 * number, first=number) for number in range(1, COPY_MIN + 1)]
    assert tx.add_intervals(many[:again]) == again
    changed = [(*one[:3], 1, *one[4:]) for one in many[:again]]
    assert tx.add_intervals([*changed, *many[again:]]) == COPY_MIN - again
    assert intervals_of(connection, "7", "7", after=0, until=10**9) == many


def test_many_rows_of_which_one_is_no_row_are_refused_together(
    tx: SqlTransaction, connection: Connection
) -> None:
    many = [row("7", 900 * number) for number in range(COPY_MIN)]
    with pytest.raises(ValueError, match="refuses"), connection.begin_nested():
        tx.add_intervals([*many, (None, *many[0][1:])])
    assert intervals_of(connection, "7", "7", after=-1, until=10**9) == []


def test_a_part_is_asked_for_by_meters_and_time(tx: SqlTransaction, connection: Connection) -> None:
    everything = [row(meter, at) for meter in ("11", "12", "13") for at in (900, 1800, 2700)]
    tx.add_intervals(everything[::-1])
    found = intervals_of(connection, "12", "13", after=900, until=1800)
    assert found == [row("12", 1800), row("13", 1800)]
    assert intervals_of(connection, "11", "13", after=0, until=2700) == everything


def test_a_quantity_that_a_meter_has_not_is_none(
    tx: SqlTransaction, connection: Connection
) -> None:
    single_phase: IntervalRow = ("7", 900, 0, 1, None, None, None, 2300, None, None, None)
    tx.add_intervals([single_phase])
    assert intervals_of(connection, "7", "7", after=0, until=900) == [single_phase]


def test_a_row_without_its_meter_is_refused(tx: SqlTransaction) -> None:
    with pytest.raises(ValueError, match="refuses"):
        tx.add_intervals([(None, *row("7", 900)[1:])])


def test_drivers_that_take_values_by_name_get_them_by_name() -> None:
    names = [column.name for column in schema.intervals.columns]
    statement = Prepared(postgresql.insert(schema.intervals), names)
    assert "%(voltage_l1)s" in statement.sql(postgresql.dialect())  # type: ignore[no-untyped-call]
