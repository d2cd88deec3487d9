"""Joins the store's rows to the data store's load: `warehouse.load.Source` over a database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any, Protocol, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from headend.domain.utility_day import span_of
from headend.domain.validation import Estimate, Finding
from headend.store import warehouse_queries as queries
from headend.store.store import Reader, SqlStore
from headend.warehouse import pages
from headend.warehouse.load import Day, Refused
from headend.warehouse.rows import ROWS, Untransformable
from headend.warehouse.tables import TABLES

T = TypeVar("T")
LOAD_PROFILE = "1.0.99.1.0.255"
AT_ONCE = 500  # rows that are turned into columns together

_FINDINGS = msgspec.json.Decoder(tuple[Finding, ...])
_ESTIMATES = msgspec.json.Decoder(tuple[Estimate, ...])


class Reading(Protocol):
    """Carries out a query in one view of the database."""

    def __call__(self, query: Callable[[Any], T]) -> T: ...


@dataclass(frozen=True, slots=True)
class StoreSource:
    """`zone` is the utility's, whose days they are; what has ended by `now` is due."""

    read: Reading
    zone: ZoneInfo
    now: datetime

    @classmethod
    def of(cls, store: SqlStore | Reader, zone: ZoneInfo, now: datetime) -> StoreSource:
        return cls(store.read, zone, now)

    def marks(self) -> dict[str, str]:
        return self.read(queries.marks)

    def changed(self, before: dict[str, str]) -> dict[str, set[date]]:
        return self.read(lambda connection: queries.changed(connection, before, self.zone))

    def day(self, table: str, day: date, take: Callable[[Day], T]) -> T:
        of = {"completeness": self._completeness, "readings": self._pages, "validated": self._pages}
        make = of.get(table, self._rows)
        return self.read(lambda connection: take(make(connection, table, day)))

    # --- tables of which a row is a row ---

    def _rows(self, connection: Any, table: str, day: date) -> Day:
        refused: list[Refused] = []

        def counted() -> tuple[int, Counter[str]]:
            return queries.count(connection, table, day, self.zone), Counter()

        return Day(self._carried(connection, table, day, refused), refused, counted)

    def _carried(
        self, connection: Any, table: str, day: date, refused: list[Refused]
    ) -> Iterator[tuple[str | None, Mapping[str, list[Any]]]]:
        names = [column.name for column in TABLES[table].columns]
        points = queries.service_points(connection) if table == "meters" else {}
        place = self._placing(connection, table, day)
        found = queries.rows(connection, table, day, self.zone)
        while group := list(islice(found, AT_ONCE)):
            zones = place(group)
            by: dict[str | None, list[tuple[Any, ...]]] = {}
            for raw, zone in zip(group, zones, strict=True):
                given = dict(raw, service_point=points.get(raw["name"])) if points else raw
                try:
                    values = ROWS[table](given)
                except Untransformable as error:
                    key = " ".join(str(each) for each in list(raw.values())[:2])
                    refused.append((key, str(error), 1, repr(dict(raw))))
                else:
                    by.setdefault(zone, []).append(values)
            for zone, those in by.items():
                columns = zip(*those, strict=True)
                yield zone, {name: list(each) for name, each in zip(names, columns, strict=True)}

    def _placing(
        self, connection: Any, table: str, day: date
    ) -> Callable[[list[Mapping[str, Any]]], list[str | None]]:
        """What tells the zone of rows: where their device hung then."""
        until = self._end(day)
        if table == "incidents":
            members = queries.members_of(connection, day, self.zone)
            return lambda group: self._zones_of_many(
                connection, [members.get(raw["number"], []) for raw in group], until
            )
        if table == "sessions":
            behind = queries.meters_of(connection)
            return lambda group: self._zones_of_many(
                connection, [behind.get(raw["concentrator"], []) for raw in group], until
            )
        name = {"meters": "name", "events": "device"}.get(table, "meter")

        def each(group: list[Mapping[str, Any]]) -> list[str | None]:
            devices = [raw[name] for raw in group]
            zones = queries.zones_of(connection, sorted(set(devices)), until)
            return [zones.get(device) for device in devices]

        return each

    def _zones_of_many(
        self, connection: Any, groups: list[list[str]], until: datetime
    ) -> list[str | None]:
        names = sorted({name for group in groups for name in group})
        zones = queries.zones_of(connection, names, until)
        return [queries.most_common(zones, group) for group in groups]

    # --- pages of profiles ---

    def _pages(self, connection: Any, table: str, day: date) -> Day:
        refused: list[Refused] = []
        total, sums = Counter[str](), Counter[str]()
        layouts = queries.layouts(connection)
        looks = self._looks(connection, day, refused) if table == "validated" else {}
        until = self._end(day)

        def carried(raw: Mapping[str, Any]) -> pages.Carried | None:
            meter, profile = raw["meter"], raw["profile"]
            looked = looks.pop((meter, profile), None)
            if table == "validated" and looked is None:
                return None  # nobody has looked at it yet
            try:
                rows = queries.page_rows(raw["rows"]) if raw["rows"] is not None else []
            except Exception as error:  # whatever octets that are no page make of themselves
                total["rows"] += 1
                why = f"its page cannot be read: {error}"
                refused.append((f"{meter} {profile} {day}", why, 1, raw["rows"][:64].hex()))
                return None
            if looked is None:
                return pages.readings(meter, profile, rows, layouts)
            return pages.validated(meter, profile, rows, layouts, looked)

        def batches() -> Iterator[tuple[str | None, Mapping[str, list[Any]]]]:
            found = queries.rows(connection, "readings", day, self.zone)
            while group := list(islice(found, AT_ONCE)):
                zones = queries.zones_of(connection, sorted({raw["meter"] for raw in group}), until)
                total["pages"] += len(group)
                for raw in group:
                    if (made := carried(raw)) is not None:
                        yield from taken(made, zones.get(raw["meter"]))
            for meter, profile in sorted(looks):  # estimates of days without a page
                raw = {"meter": meter, "profile": profile, "rows": None}
                zones = queries.zones_of(connection, [meter], until)
                if (made := carried(raw)) is not None:
                    yield from taken(made, zones.get(meter))

        def taken(
            made: pages.Carried, zone: str | None
        ) -> Iterator[tuple[str | None, Mapping[str, list[Any]]]]:
            total["rows"] += made.source
            sums.update(made.sums)
            refused.extend(made.refused)
            yield zone, made.columns

        def counted() -> tuple[int, Counter[str]]:
            # A page that was not fetched counts as a row that is lost.
            lost = queries.count(connection, "readings", day, self.zone) - total["pages"]
            return total["rows"] + lost, sums

        return Day(batches(), refused, counted)

    def _looks(
        self, connection: Any, day: date, refused: list[Refused]
    ) -> dict[tuple[str, str], pages.Looked]:
        found = {}
        for raw in queries.rows(connection, "validated", day, self.zone):
            try:
                looked = pages.Looked(
                    _FINDINGS.decode(raw["findings"]), _ESTIMATES.decode(raw["estimates"])
                )
            except msgspec.MsgspecError as error:
                key = f"{raw['meter']} {raw['profile']} {day}"
                why = f"what validation found cannot be read: {error}"
                refused.append((key, why, 0, raw["findings"] + raw["estimates"]))
            else:
                found[raw["meter"], raw["profile"]] = looked
        return found

    # --- the ledger ---

    def _completeness(self, connection: Any, table: str, day: date) -> Day:
        names = [column.name for column in TABLES[table].columns]
        entries = [
            entry
            for entry in queries.completeness(connection, day, self.zone, self.now, LOAD_PROFILE)
            if entry.expected
        ]
        until = self._end(day)

        def batches() -> Iterator[tuple[str | None, Mapping[str, list[Any]]]]:
            zones = queries.zones_of(connection, sorted({each.meter for each in entries}), until)
            by: dict[str | None, list[Any]] = {}
            for entry in entries:
                by.setdefault(zones.get(entry.meter), []).append(entry)
            for zone, those in by.items():
                yield zone, {name: [getattr(each, name) for each in those] for name in names}

        sums = Counter({name: sum(getattr(each, name) for each in entries)
                        for name in ("expected", "due", "received")})  # fmt: skip
        return Day(batches(), [], lambda: (len(entries), sums))

    def _end(self, day: date) -> datetime:
        return datetime.fromtimestamp(span_of(day, self.zone).end, self.zone)


def today(now: datetime, zone: ZoneInfo) -> date:
    """The utility's day."""
    return now.astimezone(zone).date()


def yesterday(now: datetime, zone: ZoneInfo) -> date:
    return today(now, zone) - timedelta(days=1)
