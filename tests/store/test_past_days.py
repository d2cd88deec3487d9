"""What has gone is told so: completeness as ever, gaps and back-fill leave it alone, and rows that
come afterwards change nothing that was made of the day."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import Connection

from headend.collection.validation.desk import Validation
from headend.config import BadConfig, Config, parse
from headend.config.retention import TOO_SHORT
from headend.domain.backfill import LookedAt
from headend.domain.ledger import Gap, summed
from headend.domain.meter import Meter
from headend.domain.utility_day import span_of
from headend.store.collected_queries import interval_days
from headend.store.ledger_queries import Wanted, curve, ledger, missing
from headend.store.reading_queries import collected_by_day
from headend.store.retention_queries import INTERVAL_DAYS, first_day
from headend.store.transaction import SqlTransaction
from headend.store.warehouse_queries import changed, marks
from tests.store.outliving import CUT, NOW, ZONE, World, config, delete, put
from tests.store.test_ledger import PROFILE, collect

FIRST, LAST = CUT - timedelta(days=3), CUT + timedelta(days=2)
WANTED = Wanted(PROFILE, FIRST, LAST, ZONE, NOW)


def filled(connection: Connection) -> SqlTransaction:
    """Six days of two meters around the cut, of one of them with gaps; nobody needs the rows."""
    tx = SqlTransaction(connection)
    tx.put_meters([Meter(name, "C1", commissioned=True) for name in ("gaps", "whole")])
    for number in range(6):
        day = FIRST + timedelta(days=number)
        periods = (span_of(day, ZONE).end - span_of(day, ZONE).begin) // 900
        collect(tx, "whole", day, range(1, periods + 1))
        collect(tx, "gaps", day, range(5, 50))
    return tx


def unneeded() -> Config:
    settings = config()
    collection = msgspec.structs.replace(
        settings.collection,
        validation=msgspec.structs.replace(settings.collection.validation, enabled=False),
    )
    rollup = msgspec.structs.replace(settings.rollup, enabled=False)
    return msgspec.structs.replace(settings, collection=collection, rollup=rollup)


def test_completeness_is_told_as_ever_and_gaps_and_curve_leave_past_days_alone(
    connection: Connection,
) -> None:
    filled(connection)
    before = summed(ledger(connection, WANTED), lambda each: each.day.isoformat())
    by_day = collected_by_day(connection, PROFILE, FIRST, LAST)
    gaps = list(missing(connection, WANTED))
    whole = curve(connection, WANTED).expected
    assert delete(connection, settings=unneeded())[INTERVAL_DAYS].rows == 6
    assert first_day(connection, INTERVAL_DAYS) == CUT
    assert {each.day for each in interval_days(connection)} == {
        CUT + timedelta(days=each) for each in range(3)
    }
    entries = list(ledger(connection, WANTED))
    assert {each.day for each in entries if each.past} == {
        FIRST + timedelta(days=each) for each in range(3)
    }
    assert summed(entries, lambda each: each.day.isoformat()) == before
    assert collected_by_day(connection, PROFILE, FIRST, LAST) == by_day
    begin = span_of(CUT, ZONE).begin
    assert list(missing(connection, WANTED)) == [
        each if each.begin >= begin else replace(each, begin=begin, intervals=_after(each, begin))
        for each in gaps
        if each.end > begin
    ]
    assert curve(connection, WANTED).expected == whole // 2


def _after(gap: Gap, begin: int) -> int:
    return (gap.end - begin) // 900


def test_back_fill_asks_for_nothing_of_a_past_day(connection: Connection) -> None:
    tx = filled(connection)
    at = LookedAt(PROFILE, 900, FIRST, LAST, ZONE, NOW)
    (lacks,), _ = tx.lacking(at, after="", limit=10)
    assert [each.day for each in lacks.days][0] == FIRST
    delete(connection, settings=unneeded())
    (lacks,), _ = tx.lacking(at, after="", limit=10)
    assert {each.day for each in lacks.days} == {CUT + timedelta(days=each) for each in range(3)}


def test_rows_that_come_afterwards_change_nothing_that_was_made_of_the_day(
    connection: Connection,
) -> None:
    tx = filled(connection)
    put(connection, "validated_days", meter="gaps", profile=PROFILE, day=FIRST, raw_at=NOW,
        findings="[]", estimates="[]", checked_at=NOW)  # fmt: skip
    settings = unneeded()
    spans = msgspec.structs.replace(settings.retention, validated="for ever")
    settings = msgspec.structs.replace(settings, retention=spans)
    delete(connection, settings=settings)
    seen = marks(connection)
    (looked,) = tx.validated_days("gaps", PROFILE, FIRST, FIRST)
    collect(tx, "gaps", FIRST, range(60, 62), after_s=7200)
    assert tx.days_to_validate(FIRST, FIRST, 10) == []
    assert tx.days_to_roll_up(FIRST, FIRST, 10) == []
    validation = Validation(World(connection), World(connection), ZONE)  # type: ignore[arg-type]
    assert not validation.look(tx, "gaps", PROFILE, FIRST)
    assert tx.validated_days("gaps", PROFILE, FIRST, FIRST) == [looked]
    assert FIRST not in changed(connection, seen, ZONE)["readings"]
    assert CUT in changed(connection, {}, ZONE)["readings"]
    (entry,) = (e for e in ledger(connection, WANTED) if (e.meter, e.day) == ("gaps", FIRST))
    assert (entry.received, entry.past) == (45, True), "the larger of both counts"
    assert delete(connection, settings=settings)[INTERVAL_DAYS].rows == 1
    (again,) = (e for e in ledger(connection, WANTED) if (e.meter, e.day) == ("gaps", FIRST))
    assert again == entry


TEXTS = {
    # a configuration: what is said of it
    "[retention]\nintervals = 48": "at least 49: collection.validation.days",
    "[retention]\nintervals = 49": None,
    "[retention]\nintervals = 49\n[rollup]\nenabled = true\ndays = 49": "at least 50: rollup.days",
    "[retention]\nrollups = 49\n[rollup]\nenabled = true\ndays = 49": "at least 50: rollup.days",
    "[retention]\nintervals = 32\n[collection.validation]\nenabled = false": None,
    "[retention]\norders = 31": "at least 32: service levels are measured",
    "[retention]\norders = 32": None,
    "[retention]\nblocks = 40\n[collection]\nasked_for_s = 3456000": "at least 43: collection.ask",
    '[retention]\norders = "for ever"': None,
    '[retention]\norders = "long"': "Invalid enum value 'long'",
    "[retention]\naudit = 400": "unknown field `audit`",
    "[retention]\norders = 0": "Expected `int` >= 1",
}


@pytest.mark.parametrize("text, said", TEXTS.items(), ids=TEXTS)
def test_a_span_shorter_than_what_is_looked_at_is_refused(text: str, said: str | None) -> None:
    if said is None:
        parse(text)
        return
    with pytest.raises(BadConfig) as refused:
        parse(text)
    assert said in str(refused.value)
    assert (TOO_SHORT in str(refused.value)) is ("at least" in said)


def test_a_goal_that_takes_longer_than_a_span_refuses_it() -> None:
    settings = parse("[retention]\norders = 32")
    assert settings.retains_too_little(30 * 86_400) is None
    assert "at least 33: the longest service level" in str(settings.retains_too_little(31 * 86_400))
    assert not Config().retention.enabled, "nothing is deleted where nobody says so"
