"""Looks at days, kept beside their rows: again when rows came late, or came corrected."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from headend.collection.intervals import empty_day, merged
from headend.collection.validation.desk import Validation
from headend.domain.interval import Row
from headend.domain.meter import Meter
from headend.domain.reading import Reading
from headend.domain.utility_day import span_of
from headend.domain.validation import Check, Method, ValidatedDay
from headend.store.ledger_queries import validated
from headend.store.transaction import SqlTransaction
from tests.store.test_ledger import LAYOUT, PROFILE, ZONE, wanted

DAY = date(2026, 7, 6)
ENERGY = "1.0.1.8.0.255"
NOW = datetime(2026, 7, 20, tzinfo=UTC)


@dataclass
class OneTransaction:
    """A store whose works all share a test's transaction, and a clock that stands."""

    tx: SqlTransaction
    at: datetime = NOW

    async def run(self, work: Callable[[Any], Any]) -> Any:
        return work(self.tx)

    def now(self) -> datetime:
        return self.at


class House:
    """Ten days of one meter, each interval of ten, with what is wanted left out."""

    def __init__(self, tx: SqlTransaction) -> None:
        self.tx = tx
        self.world = OneTransaction(tx)
        self.validation = Validation(self.world, self.world, ZONE)
        tx.put_meters([Meter("1", "C1", commissioned=True)])
        self.number = tx.layout_number(LAYOUT)

    def put(self, day: date, places: range, *, more: int = 0) -> None:
        begin = span_of(day, ZONE).begin
        rows = [
            Row(at, at, self.number, 0, (None, at // 90 + more, 2300))
            for at in (begin + 900 * place for place in places)
        ]
        page = self.tx.interval_day("1", PROFILE, day) or empty_day("1", PROFILE, day, 900, ZONE)
        self.world.at += timedelta(seconds=1)
        self.tx.put_interval_day(merged(page, rows, on_events=False, now=self.world.at)[0])

    async def look(self) -> int:
        self.world.at += timedelta(seconds=1)
        return await self.validation.catch_up(DAY - timedelta(days=20))

    def day(self, day: date = DAY) -> ValidatedDay:
        (found,) = self.tx.validated_days("1", PROFILE, day, day)
        return found

    def pages(self) -> Any:
        return self.tx.interval_days("1", PROFILE, DAY - timedelta(days=20), DAY)


WHOLE = range(1, 97)


async def test_a_late_row_takes_the_place_of_its_estimate(tx: SqlTransaction) -> None:
    house = House(tx)
    house.put(DAY, range(1, 41))
    house.put(DAY, range(44, 97))
    before = house.pages()
    assert await house.look() == 1
    begin = span_of(DAY, ZONE).begin
    told = [(each.at, each.value, each.method) for each in house.day().estimates]
    assert told == [
        (at, at // 90, Method.LINEAR) for at in (begin + 900 * place for place in (41, 42, 43))
    ]
    assert house.pages() == before, "the rows stay as they came"
    assert await house.look() == 0, "nothing is new"
    house.put(DAY, range(41, 43))
    assert await house.look() == 1
    assert [each.at for each in house.day().estimates] == [begin + 43 * 900]
    house.put(DAY, range(43, 44))
    assert (await house.look(), house.day().estimates, house.day().findings) == (1, (), ())


async def test_a_corrected_row_is_found(tx: SqlTransaction) -> None:
    house = House(tx)
    house.put(DAY, WHOLE)
    await house.look()
    assert house.day().findings == ()
    house.put(DAY, range(50, 51), more=3)
    assert await house.look() == 1
    (found,) = house.day().findings
    assert (found.check, found.at) == (Check.DUPLICATE, span_of(DAY, ZONE).begin + 50 * 900)


async def test_a_day_of_which_nothing_came_lies_between_two_that_did(
    connection: Connection, tx: SqlTransaction
) -> None:
    """Its page is not there.  It is estimated once the day after has come, in the shape of the day
    a week before."""
    house = House(tx)
    for back in (9, 8, 7, 6, 1):
        house.put(DAY - timedelta(days=back), WHOLE)
    assert await house.look() == 5
    assert tx.validated_days("1", PROFILE, DAY, DAY) == []
    house.put(DAY + timedelta(days=1), WHOLE)
    await house.look()
    estimates = house.day().estimates
    assert len(estimates) == 96 and {each.method for each in estimates} == {Method.LIKE_DAY}
    assert [each.value for each in estimates] == [each.at // 90 for each in estimates]
    days = list(validated(connection, wanted(first=DAY, last=DAY)))
    assert [each.day for each in days] == [DAY]


async def test_a_register_that_was_read_apart_is_held_against_the_profile(
    tx: SqlTransaction,
) -> None:
    house = House(tx)
    house.put(DAY, WHOLE)
    at = datetime.fromtimestamp(span_of(DAY, ZONE).begin + 1300, UTC)
    low = round(at.timestamp()) // 900 * 10
    read = Reading("1", ENERGY, 2, at, at, "order 1", unit="Wh")
    for value in (str(low + 1), str(low + 11), "no number", None):
        tx.add_readings([Reading(**{**_fields(read), "value": value})])
    tx.add_readings([Reading(**{**_fields(read), "value": "9", "unit": "kWh"})])
    await house.look()
    (found,) = house.day().findings
    assert (found.check, found.channel) == (Check.REGISTER, ENERGY)
    assert f"read {low + 11}, above {low + 10}" in found.text


async def test_nothing_is_estimated_of_a_time_in_which_the_meter_was_not_ours(
    tx: SqlTransaction,
) -> None:
    house = House(tx)
    tx.put_meters([Meter("1", "C1", commissioned=False)])
    house.put(DAY, range(1, 41))
    house.put(DAY, range(44, 97))
    await house.look()
    assert house.day().estimates == ()


def _fields(read: Reading) -> dict[str, Any]:
    return {name: getattr(read, name) for name in Reading.__slots__}
