"""Whatever is stored, and whoever needs it: what is held stays, all else beyond its span goes, in
one round as in several that were killed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from headend.store.retention_holds import LINES, OVERLAP
from tests.store.outliving import CUT, CUT_AT, NOW, Killed, config, delete, keys, put, retaining

MARK = NOW - timedelta(days=2)  # how far the data store came
LINE = 5_000  # likewise, of journal lines and numbers
TAKEN = {name: MARK.isoformat() for name in ("pages", "looks", "incidents", "sessions")} | {
    name: str(LINE) for name in ("readings", "events", "journal")
}
UPDATED = MARK - OVERLAP


@dataclass(frozen=True)
class Page:
    """A page, and how those stand who need it."""

    meter: str
    age: int  # days before the cut; 0 is the first that is kept
    daily: bool  # not one of rows that come on events
    looked: bool | None  # None: never, False: before it changed
    rolled: bool | None
    owed: bool
    taken: bool
    past: bool  # its counts are in the ledger already: it holds what came afterwards

    @property
    def day(self) -> date:
        return CUT - timedelta(days=self.age)

    @property
    def updated_at(self) -> datetime:
        return UPDATED if self.taken else UPDATED + timedelta(microseconds=1)

    @property
    def needed(self) -> bool:
        whole = self.daily and not self.past
        return self.owed or not self.taken or (whole and not (self.looked and self.rolled))


@dataclass(frozen=True)
class Order:
    """An order, and what it hangs on.  `age`: None is one that has not ended."""

    age: int | None
    settled: bool
    campaign: bool | None  # None: of none, False: of one that has ended
    taken: bool
    transaction: int

    @property
    def goes(self) -> bool:
        kept = not self.settled or self.campaign or not self.taken
        return self.age is not None and self.age > 0 and not kept


@dataclass(frozen=True)
class Event:
    age: int
    incident: int | None
    owed: bool
    told: bool
    taken: bool

    def goes(self, incidents: list[Incident]) -> bool:
        going_on = self.incident is not None and incidents[self.incident].age is None
        return self.age > 0 and not (self.owed or self.told or going_on or not self.taken)


@dataclass(frozen=True)
class Incident:
    age: int | None  # of its end
    into: int | None


ages = st.integers(-1, 3)
maybe = st.none() | st.booleans()
flag = st.sampled_from((False, False, False, True))
pages = st.lists(
    st.builds(
        Page, st.sampled_from("ab"), ages, st.booleans(), maybe, maybe, flag, st.booleans(), flag
    ),
    unique_by=lambda each: (each.meter, each.age),
    max_size=8,
)
orders = st.lists(
    st.builds(Order, st.none() | ages, st.booleans(), maybe, st.booleans(), st.integers(0, 2)),
    max_size=6,
)
incidents = st.lists(
    st.builds(Incident, st.none() | ages, st.none() | st.integers(0, 2)), min_size=3, max_size=3
)
events = st.lists(
    st.builds(Event, ages, st.none() | st.integers(0, 2), flag, flag, st.booleans()), max_size=5
)


@dataclass(frozen=True)
class Stored:
    pages: list[Page]
    orders: list[Order]
    incidents: list[Incident]
    events: list[Event]

    def put(self, connection: Connection) -> None:
        for page in self.pages:
            self._put_page(connection, page)
        for number, campaign in ((1, True), (2, False)):
            put(connection, "campaigns", number=number, made_at=NOW,
                ended_at=None if campaign else NOW)  # fmt: skip
        for each in sorted({order.transaction for order in self.orders}):
            put(connection, "inbound_messages", transaction_id=str(each), message_id=str(each))
        for number, order in enumerate(self.orders):
            self._put_order(connection, number, order)
        for number, incident in enumerate(self.incidents):
            into = None if incident.into == number else incident.into
            put(connection, "incidents", number=number, began_at=_at(9), updated_at=UPDATED,
                ended_at=None if incident.age is None else _at(incident.age),
                merged_into=into)  # fmt: skip
        for place, event in enumerate(self.events):
            number = place if event.taken else LINE - LINES + 1 + place
            put(connection, "events", number=number, name=str(place), at=_at(event.age),
                incident=event.incident)  # fmt: skip
            put(connection, "acknowledgements", subject="event", number=number)
            if event.owed:
                put(connection, "owed", kind="event", moment=str(number))
            if event.told:
                put(connection, "notice_cases", rule="r", subject="event", number=number,
                    opened_at=NOW)  # fmt: skip

    def _put_page(self, connection: Connection, page: Page) -> None:
        key = {"meter": page.meter, "profile": "p", "day": page.day}
        put(connection, "interval_days", **key, expected=96 * page.daily, received=9,
            updated_at=page.updated_at)  # fmt: skip
        if page.looked is not None:
            behind = timedelta(0 if page.looked else -1)
            put(connection, "validated_days", **key, raw_at=page.updated_at + behind,
                checked_at=UPDATED)  # fmt: skip
        if page.rolled is not None:
            put(connection, "rolled_days", **key, raw_at=page.updated_at,
                received=9 if page.rolled else 8)  # fmt: skip
        if page.owed:
            put(connection, "owed", kind="page", device=page.meter, profile="p",
                moment=page.day.isoformat())  # fmt: skip
        if page.past:
            put(connection, "past_days", **key, received=50)

    def _put_order(self, connection: Connection, number: int, order: Order) -> None:
        open_ = order.age is None
        put(connection, "orders", number=number, transaction_id=str(order.transaction),
            unfinished=open_, accepted_at=_at(5),
            ended_at=None if order.age is None else _at(order.age))  # fmt: skip
        line = number + 1 if order.taken else LINE - LINES + 1 + number
        put(connection, "journal", order=number, line=line)
        put(connection, "attempts", order=number, number=1)
        put(connection, "outbox", order=number, message_id=str(number),
            settled_at=NOW if order.settled else None)  # fmt: skip
        if order.campaign is not None:
            put(connection, "campaign_members", campaign=1 if order.campaign else 2,
                meter=str(number), order=number)  # fmt: skip

    # --- what is to be left ---

    def left_pages(self) -> set[Page]:
        newest = {each.meter: min(p.age for p in self.pages if p.meter == each.meter)
                  for each in self.pages}  # fmt: skip
        return {p for p in self.pages if p.age <= 0 or p.needed or newest[p.meter] == p.age}

    def left_incidents(self) -> set[int]:
        left = set(range(len(self.incidents)))
        named = {each.incident for each in self.events if not each.goes(self.incidents)}
        while True:
            into = {self.incidents[n].into for n in left if self.incidents[n].into != n}
            gone = {
                n for n in left - named - into
                if (age := self.incidents[n].age) is not None and age > 0
            }  # fmt: skip
            if not gone:
                return left
            left -= gone


def _at(age: int) -> datetime:
    """So many days before the cut: 0 is the cut itself."""
    return CUT_AT - timedelta(days=age)


def contents(connection: Connection) -> dict[str, set[tuple[object, ...]]]:
    tables = (
        "interval_days", "validated_days", "rolled_days", "past_days", "orders", "journal",
        "attempts", "outbox", "inbound_messages", "events", "acknowledgements", "incidents",
    )  # fmt: skip
    return {name: keys(connection, name) for name in tables}


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    stored=st.builds(Stored, pages, orders, incidents, events),
    kills=st.lists(st.integers(0, 6), max_size=3),
    batch=st.integers(1, 4),
)
def test_what_is_held_stays_and_all_else_goes(
    connection: Connection, stored: Stored, kills: list[int], batch: int
) -> None:
    savepoint = connection.begin_nested()
    settings_ = config()
    policy = msgspec.structs.replace(settings_.retention, batch_rows=batch)
    settings_ = msgspec.structs.replace(settings_, retention=policy)
    try:
        stored.put(connection)
        for changes in kills:
            duty = retaining(connection, taken=TAKEN, changes=changes, settings=settings_)
            try:
                asyncio.run(duty.delete("", "test"))
            except Killed:
                pass
        delete(connection, taken=TAKEN, settings=settings_)
        after = contents(connection)
        left = stored.left_pages()
        days = {(each.meter, "p", each.day) for each in left}
        assert after["interval_days"] == days
        for name, of in (("validated_days", "looked"), ("rolled_days", "rolled")):
            there = {(e.meter, "p", e.day): e for e in stored.pages if getattr(e, of) is not None}
            assert after[name] == {
                key for key, each in there.items()
                if key in days or each.age <= 0 or (name == "validated_days" and each.owed)
            }  # fmt: skip
        gone = {(e.meter, "p", e.day) for e in stored.pages if e.past or e not in left}
        assert after["past_days"] == gone, "the ledger has what went"
        stay = {n for n, each in enumerate(stored.orders) if not each.goes}
        assert after["orders"] == {(n,) for n in stay}
        assert len(after["journal"]) == len(after["attempts"]) == len(after["outbox"]) == len(stay)
        assert after["inbound_messages"] == {(str(stored.orders[n].transaction),) for n in stay}
        named = [each for each in stored.events if not each.goes(stored.incidents)]
        assert len(after["events"]) == len(after["acknowledgements"]) == len(named)
        assert after["incidents"] == {(n,) for n in stored.left_incidents()}
        again = delete(connection, taken=TAKEN, settings=settings_)
        assert contents(connection) == after, "twice is once"
        assert not any(each.rows for each in again.values())
    finally:
        savepoint.rollback()
