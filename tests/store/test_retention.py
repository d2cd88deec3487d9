"""What has outlived its span goes, and nothing that somebody still needs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text

from headend.domain.retention import Needed
from headend.store.retention_queries import kept
from headend.store.retention_rules import RULES
from headend.store.schema import metadata
from tests.store.outliving import (
    CUT,
    CUT_AT,
    LAST_OLD,
    NOW,
    OLD,
    YOUNG,
    delete,
    put,
    retaining,
    rows,
)

DAY = timedelta(days=1)
Put = Callable[[Connection], None]

STAYS = {
    # tables in which nothing outlives anything: why
    "accounts": "who may do what",
    "access_settings": "how they are asked",
    "access_tokens": "likewise",
    "audit": "only ever added to",
    "audit_marks": "how far that has come",
    "backfill_asks": "one for each meter and profile",
    "backfill_given_up": "the ledger of completeness",
    "backfill_waves": "one for each concentrator",
    "change_marks": "a few numbers",
    "cim_instances": "what other systems show now",
    "changes": "has a span of its own, [notification] keep_s",
    "concentrator_states": "the last word of each",
    "concentrators": "the registry",
    "counters": "numbers that are given once",
    "discoveries": "one for each module",
    "feeder_mappings": "one for each feeder",
    "firmware_updates": "one for each concentrator and image",
    "installations": "the registry's history, which the ledger is made of",
    "job_conflicts": "technicians' jobs, with counters lent to them",
    "job_devices": "likewise",
    "job_leases": "likewise",
    "job_signing": "likewise",
    "jobs": "likewise",
    "kept_since": "what this is about",
    "layouts": "what columns of rows hold",
    "meter_checks": "the registry's history",
    "meter_firmware": "one for each meter",
    "meter_images": "images that can be installed",
    "meter_key_pairs": "keys",
    "meter_keys": "keys and their invocation counters",
    "meter_life": "the registry's history, which the ledger is made of",
    "meter_passwords": "keys",
    "meter_updates": "one for each meter and image",
    "meters": "the registry",
    "outbound_messages": "go when they are acknowledged",
    "outbound_streams": "go when their last message is made; one for each subscriber",
    "owed": "goes when it is told",
    "particulars": "the registry",
    "past_days": "the ledger of completeness",
    "places": "the registry",
    "restorations": "what counters were raised by",
    "restored_keys": "likewise",
    "restored_orders": "likewise",
    "shipments": "the registry's history",
    "tasks": "what is done by schedule, as somebody made it",
    "task_tables": "one for each concentrator",
    "usage_points": "the registry",
    "web_sessions": "go when they end",
}


def test_each_table_has_a_rule_or_goes_with_one_or_stays_for_a_reason() -> None:
    ruled = {rule.name for rule in RULES}
    along = {each.column.table.name for rule in RULES for each in rule.belongings}
    assert not (ruled | along) & STAYS.keys()
    assert ruled | along | STAYS.keys() == metadata.tables.keys()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_each_table_goes_up_to_its_cut(connection: Connection, rule: Any) -> None:
    """Of two rows beside the cut the older one goes, where nothing holds it."""
    column = {
        "orders": "ended_at", "notices": "settled_at", "notice_cases": "over_at",
        "incidents": "ended_at", "campaigns": "ended_at", "concentrator_activities": "ended_at",
        "task_runs": "ended_at",
        "inbound_messages": "received_at",
    }.get(rule.name)  # fmt: skip
    if rule.name in ("campaign_members", "campaign_lines"):
        for number, at in ((1, OLD), (2, YOUNG)):
            put(connection, "campaigns", number=number, ended_at=at)
            put(connection, rule.name, campaign=number)
    else:
        column = column or rule.time.name
        for old in (True, False):
            put(connection, rule.name, **_distinct(rule, old), **{column: _beside(rule, old)})
    rest = delete(connection)[rule.name]
    assert (rest.rows, rows(connection, rule.name)) == (1, 1)
    told = kept(connection)[rule.name]
    assert (told.kept_since, told.gone, told.held) == (CUT, 1, 0)


def _beside(rule: Any, old: bool) -> Any:
    """What dates a row just before the cut, or at it."""
    if rule.name in (
        "interval_days", "validated_days", "rolled_days", "service_level_days", "feeder_hours",
        "feeder_rolls", "customer_counts",
    ):  # fmt: skip
        return LAST_OLD if old else CUT
    if rule.name == "intervals":  # the end of an interval: the midnight is the day's before
        return int(CUT_AT.timestamp()) + (not old)
    return OLD if old else YOUNG


def _distinct(rule: Any, old: bool) -> dict[str, Any]:
    """What tells two rows apart, and makes the newest of a device one that is there besides."""
    told: dict[str, Any] = {}
    for column in rule.table.columns:
        if column.name == "number" and column.primary_key and rule.name != "collected_blocks":
            told["number"] = 7 + old
        if column.unique or column.name in ("message_id", "id", "transaction_id"):
            told[column.name] = f"u{old}"
    if rule.name == "notice_cases":
        told |= {"rule": f"r{old}", "subject": "event"}
    if rule.name == "events":
        told |= {"name": f"n{old}"}
    if rule.name == "service_level_days":
        told |= {"by": "all"}
    if rule.name == "feeder_rolls":
        told |= {"span": "day"}
    if rule.name == "feeder_hours":
        told |= {"begin": int(old)}
    if rule.name == "stray_results":
        told |= {"order": int(old)}
    return told


# --- what holds a row ---

PAGE = {"meter": "M1", "profile": "p", "day": LAST_OLD, "expected": 96, "updated_at": OLD}


def page(connection: Connection, **changed: Any) -> None:
    """An old page that was looked at, and a newer one."""
    put(connection, "interval_days", **PAGE | changed)
    put(connection, "interval_days", **PAGE | {"day": CUT})


def looked(connection: Connection, at: datetime = OLD) -> None:
    put(connection, "validated_days", meter="M1", profile="p", day=LAST_OLD, raw_at=at)


def rolled(connection: Connection, at: datetime = OLD, **changed: Any) -> None:
    cells = {"meter": "M1", "profile": "p", "day": LAST_OLD, "raw_at": at} | changed
    put(connection, "rolled_days", **cells)


def done(connection: Connection) -> None:
    page(connection)
    looked(connection)
    rolled(connection)


def order(connection: Connection, **changed: Any) -> None:
    cells = {"number": 1, "transaction_id": "t1", "ended_at": OLD, "state": "done"}
    put(connection, "orders", **cells | changed)
    put(connection, "journal", order=1, line=5)


def event(connection: Connection, **changed: Any) -> None:
    put(connection, "events", **{"number": 3, "device": "M1", "name": "n", "at": OLD} | changed)


def incident(connection: Connection, **changed: Any) -> None:
    put(connection, "incidents", **{"number": 4, "ended_at": OLD} | changed)


def together(*puts: Put) -> Put:
    def all_(connection: Connection) -> None:
        for each in puts:
            each(connection)

    return all_


def row(table: str, **cells: Any) -> Put:
    return lambda connection: put(connection, table, **cells)


PAGE_OWED = row("owed", kind="page", device="M1", profile="p", moment=LAST_OLD.isoformat())
OF_READING = {"meter": "M1", "name": "r", "attribute": 2}
READINGS = together(
    row("readings", **OF_READING, line=1, at=OLD), row("readings", **OF_READING, line=2, at=YOUNG)
)
HOLDS: dict[str, tuple[str, Needed, Put, str | Put]] = {
    # what holds: (the table of the row that is held, why, what is there, what frees it)
    "the newest page of a meter": (
        "interval_days", Needed.NEWEST,
        together(row("interval_days", **PAGE), looked, rolled),
        row("interval_days", **PAGE | {"day": CUT}),
    ),
    "a page that nobody has validated": (
        "interval_days", Needed.NOT_VALIDATED, together(page, rolled),
        looked,
    ),
    "a page that changed since it was validated": (
        "interval_days", Needed.NOT_VALIDATED,
        together(page, rolled, lambda c: looked(c, OLD - DAY)),
        "UPDATE validated_days SET raw_at = (SELECT max(updated_at) FROM interval_days)",
    ),
    "a page that is not rolled up": (
        "interval_days", Needed.NOT_ROLLED_UP,
        together(page, looked, lambda c: rolled(c, received=1)),
        "UPDATE rolled_days SET received = 0",
    ),
    "a page that the legacy database is owed": (
        "interval_days", Needed.OWED, together(done, PAGE_OWED), "DELETE FROM owed",
    ),
    "findings of a page that is here": (
        "validated_days", Needed.ROWS_KEPT, together(page, looked),
        "DELETE FROM interval_days WHERE day < '" + CUT.isoformat() + "'",
    ),
    "a roll-up of a page that is here": (
        "rolled_days", Needed.ROWS_KEPT, together(page, rolled),
        "DELETE FROM interval_days WHERE day < '" + CUT.isoformat() + "'",
    ),
    "findings of which the legacy database is owed": (
        "validated_days", Needed.OWED, together(looked, PAGE_OWED), "DELETE FROM owed",
    ),
    "the newest reading of a register": (
        "readings", Needed.NEWEST, row("readings", **OF_READING, at=OLD),
        row("readings", **OF_READING, at=YOUNG),
    ),
    "a reading that the legacy database is owed": (
        "readings", Needed.OWED,
        together(READINGS, row("owed", kind="reading", device="M1", profile="r",
                               moment=OLD.isoformat(timespec="microseconds")[:-6] + "Z")),
        "DELETE FROM owed",
    ),
    "a notice that waits": (
        "notices", Needed.UNDER_WAY, row("notices", id="a", made_at=OLD, state="waiting"),
        "UPDATE notices SET settled_at = made_at",
    ),
    "a case that is open": (
        "notice_cases", Needed.UNDER_WAY,
        row("notice_cases", rule="r", subject="event", number=3, opened_at=OLD),
        "UPDATE notice_cases SET over_at = opened_at",
    ),
    "an event of an incident that goes on": (
        "events", Needed.UNDER_WAY,
        together(lambda c: event(c, incident=4), lambda c: incident(c, ended_at=None)),
        "UPDATE incidents SET ended_at = began_at",
    ),
    "an event of which somebody is told": (
        "events", Needed.UNDER_WAY,
        together(event, row("notice_cases", rule="r", subject="event", number=3)),
        "DELETE FROM notice_cases",
    ),
    "an event of which a notice waits": (
        "events", Needed.UNDER_WAY,
        together(event, row("notices", id="a", subject="event", number=3)),
        "UPDATE notices SET settled_at = made_at",
    ),
    "an event that the legacy database is owed": (
        "events", Needed.OWED, together(event, row("owed", kind="event", moment="3")),
        "DELETE FROM owed",
    ),
    "an incident that goes on": (
        "incidents", Needed.UNDER_WAY, lambda c: incident(c, ended_at=None, began_at=OLD),
        "UPDATE incidents SET ended_at = began_at",
    ),
    "an incident with an event that is young": (
        "incidents", Needed.BELONGINGS_KEPT,
        together(incident, lambda c: event(c, at=YOUNG, incident=4)), "DELETE FROM events",
    ),
    "an incident that another became a part of": (
        "incidents", Needed.BELONGINGS_KEPT,
        together(incident, row("incidents", number=9, ended_at=YOUNG, merged_into=4)),
        "UPDATE incidents SET merged_into = NULL",
    ),
    "an incident that the legacy database is owed": (
        "incidents", Needed.OWED, together(incident, row("owed", kind="incident", moment="4")),
        "DELETE FROM owed",
    ),
    "an order that has not ended": (
        "orders", Needed.UNDER_WAY, lambda c: order(c, ended_at=None, unfinished=True),
        "UPDATE orders SET unfinished = false",
    ),
    "an order whose effect is still looked at": (
        "orders", Needed.UNDER_WAY, lambda c: order(c, verify_at=OLD),
        "UPDATE orders SET verify_at = NULL",
    ),
    "an order that an open one takes back": (
        "orders", Needed.UNDER_WAY,
        together(order, row("orders", number=2, restores=1, unfinished=True, accepted_at=NOW)),
        "UPDATE orders SET unfinished = false",
    ),
    "an order of a campaign that goes on": (
        "orders", Needed.UNDER_WAY,
        together(order, row("campaigns", number=6),
                 lambda c: put(c, "campaign_members", campaign=6, order=1)),
        "UPDATE campaigns SET ended_at = made_at",
    ),
    "an order that a technician has taken": (
        "orders", Needed.UNDER_WAY,
        together(order, row("job_devices", name="d"), lambda c: put(c, "jobs", id="j", device="d"),
                 lambda c: put(c, "job_orders", job="j", number=1)),
        "UPDATE jobs SET ended_at = made_at",
    ),
    "an order whose reply nobody has acknowledged": (
        "orders", Needed.UNSETTLED,
        together(order, lambda c: put(c, "outbox", order=1, message_id="m")),
        "UPDATE outbox SET settled_at = created_at",
    ),
    "an order that a restoration compares": (
        "orders", Needed.RESTORED,
        together(order, lambda c: put(c, "restored_orders", order=1)),
        "DELETE FROM restored_orders",
    ),
    "the message of an order that is here": (
        "inbound_messages", Needed.BELONGINGS_KEPT,
        together(row("inbound_messages", transaction_id="t1"), lambda c: order(c, ended_at=YOUNG)),
        "UPDATE orders SET transaction_id = 't2'",
    ),
    "a campaign that goes on": (
        "campaigns", Needed.UNDER_WAY, row("campaigns", number=6),
        "UPDATE campaigns SET ended_at = made_at",
    ),
    "a member of a campaign that goes on": (
        "campaign_members", Needed.UNDER_WAY,
        together(row("campaigns", number=6), lambda c: put(c, "campaign_members", campaign=6)),
        "UPDATE campaigns SET ended_at = made_at",
    ),
    "an activity that has not ended": (
        "concentrator_activities", Needed.UNDER_WAY, row("concentrator_activities", number=1),
        "UPDATE concentrator_activities SET ended_at = asked_at",
    ),
    "the last session of a concentrator": (
        "concentrator_sessions", Needed.NEWEST, row("concentrator_sessions", concentrator="C1"),
        row("concentrator_sessions", concentrator="C1", at=YOUNG),
    ),
    "the last look at a concentrator's clock": (
        "concentrator_clocks", Needed.NEWEST, row("concentrator_clocks", concentrator="C1"),
        row("concentrator_clocks", concentrator="C1", at=YOUNG),
    ),
    "the last look at a meter's clock": (
        "meter_clocks", Needed.NEWEST, row("meter_clocks", meter="M1"),
        row("meter_clocks", meter="M1", at=YOUNG),
    ),
    "the status word that the next is compared with": (
        "status_words", Needed.NEWEST, row("status_words", device="M1", name="w"),
        row("status_words", device="M1", name="w", at=YOUNG),
    ),
}  # fmt: skip


@pytest.mark.parametrize("table, why, there, frees", HOLDS.values(), ids=HOLDS)
def test_what_somebody_needs_stays_until_nobody_does(
    connection: Connection, table: str, why: Needed, there: Put, frees: str | Put
) -> None:
    there(connection)
    before = rows(connection, table)
    (seen,) = (each for each in asyncio.run(retaining(connection).look()) if each.table == table)
    assert (seen.rows, seen.held, seen.reasons[why]) == (0, 1, 1)
    assert seen.reasons.keys() == {why}
    assert delete(connection)[table].rows == 0
    assert rows(connection, table) == before
    assert kept(connection)[table].held == 1
    assert kept(connection)[table].kept_since is None
    if isinstance(frees, str):
        connection.execute(text(frees))
    else:
        frees(connection)
    assert delete(connection)[table].rows == 1
    assert kept(connection)[table].kept_since == CUT
