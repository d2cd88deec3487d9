"""The data store's tables: their columns, what each means, and which of them are personal.

A file holds rows of one table, day and zone; day and zone stand in its path (`day=…/zone=…`), in
the way that Hive began and DuckDB, Spark and pyarrow read.  The days are the utility's.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

SCHEMA_VERSION = 1
"""Of all tables together.  A reader refuses what is newer than it knows."""

NOWHERE = "__HIVE_DEFAULT_PARTITION__"
"""The zone of what hangs in none; readers of Hive's paths understand it as null."""

_TEXT, _INT, _REAL, _YES = pa.string(), pa.int64(), pa.float64(), pa.bool_()
_AT = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True, slots=True)
class Column:
    """`personal`: it names a customer's meter or supply, so a party may be kept from it."""

    name: str
    type: pa.DataType
    about: str
    personal: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """One table.  `by_zone`: a file for each zone, and not one for the day."""

    name: str
    about: str
    columns: tuple[Column, ...]
    by_zone: bool = True

    @property
    def schema(self) -> pa.Schema:
        """Of a file."""
        told = {"ami.table": self.name, "ami.schema_version": str(SCHEMA_VERSION)}
        return pa.schema([(each.name, each.type) for each in self.columns], metadata=told)

    @property
    def partitions(self) -> pa.Schema:
        """Of its path."""
        zone = "zone" if self.by_zone else "source"
        return pa.schema([("day", pa.date32()), (zone, pa.string())])

    @property
    def personal(self) -> frozenset[str]:
        return frozenset(each.name for each in self.columns if each.personal)


_METER = Column("meter", _TEXT, "its number", personal=True)
_CONCENTRATOR = Column("concentrator", _TEXT, "which it is behind")
_CHANNEL = (
    Column("profile", _TEXT, "logical name"),
    Column("interval_end", _AT, "the end of its interval"),
    Column("channel", _TEXT, "logical name of the quantity"),
    Column("attribute", pa.int16(), "2: its value"),
    Column("raw", _INT, "as the meter counts; null where it tells no whole number"),
    Column("scaler", pa.int8(), "power of ten that it is multiplied by"),
    Column("value", _REAL, "in the unit"),
    Column("unit", _TEXT, "symbol"),
)

_ALL = (
    Table(
        "readings",
        "values of profiles as meters gave them, each row that came",
        (
            _METER,
            *_CHANNEL,
            Column("text", _TEXT, "what is no number; octets in hexadecimal digits"),
            Column("came_at", _AT, "when it was received"),
            Column("quality", _INT, "flags: 1 late, 2 changed, 4 clock doubtful, 8 off its period,"
                   " 16 ahead of time, 32 placed by the rows beside it"),
        ),
    ),
    Table(
        "validated",
        "values after validation: the one that stands of each interval, or an estimate",
        (
            _METER,
            *_CHANNEL,
            Column("origin", _TEXT, "measured or estimated"),
            Column("method", _TEXT, "of an estimate: linear or like-day"),
            Column("findings", _TEXT, "what it failed, with commas; empty where nothing"),
        ),
    ),
    Table(
        "registers",
        "registers that were read apart, billing among them, and values that meters sent unasked",
        (
            _METER,
            Column("read_at", _AT, "the time that the meter gives, or of receipt"),
            Column("channel", _TEXT, "logical name"),
            Column("attribute", pa.int16(), "2: its value"),
            Column("word", _TEXT, "what people call it"),
            Column("value", _REAL, "in the unit; null where it is no number"),
            Column("text", _TEXT, "the value as decimal text, or other text"),
            Column("unit", _TEXT, "symbol"),
            Column("error", _TEXT, "why there is no value"),
            Column("received_at", _AT, "when it came"),
            Column("source", _TEXT, "which order or push brought it"),
            Column("quality", _TEXT, "what was odd, with commas"),
        ),
    ),
    Table(
        "events",
        "what devices noticed",
        (
            Column("number", _INT, "in the head-end"),
            Column("device", _TEXT, "meter or concentrator", personal=True),
            Column("name", _TEXT, "a word"),
            Column("severity", _TEXT, "info, warning, major or critical"),
            Column("happened_at", _AT, "the device's time"),
            Column("received_at", _AT, "when it was first heard of"),
            Column("sources", _TEXT, "log, push, status-word; with commas"),
            Column("code", _INT, "of the log"),
            Column("place", _TEXT, "under which it hung"),
            Column("kind", _TEXT, "outage or phase-loss"),
            Column("incident", _INT, "that it is part of"),
        ),
    ),
    Table(
        "incidents",
        "losses of many meters that are one occurrence",
        (
            Column("number", _INT, "in the head-end"),
            Column("kind", _TEXT, "outage or phase-loss"),
            Column("place", _TEXT, "transformer or concentrator"),
            Column("began_at", _AT, "of the first loss"),
            Column("ended_at", _AT, "when all had it back"),
            Column("members", _INT, "meters"),
            Column("without", _INT, "of which no restoration was told"),
            Column("merged_into", _INT, "of which it turned out to be a part"),
        ),
    ),
    Table(
        "orders",
        "what was ordered, and what came of it",
        (
            Column("number", _INT, "in the head-end"),
            _METER,
            _CONCENTRATOR,
            Column("kind", _TEXT, "set-limit, connect, disconnect, read, …"),
            Column("source", _TEXT, "who asked"),
            Column("accepted_at", _AT, "when it was taken"),
            Column("ready_at", _AT, "the start that was asked for"),
            Column("deadline", _AT, "after which nothing acts"),
            Column("ended_at", _AT, "when its outcome was certain"),
            Column("state", _TEXT, "done, failed, rejected, expired, cancelled, or under way"),
            Column("reason", _TEXT, "code of why not"),
            Column("attempts", _INT, "all"),
            Column("tries", _INT, "that count against the limit"),
            Column("amount", _TEXT, "of a limit, decimal"),
            Column("unit", _TEXT, "of the amount"),
            Column("took_s", _REAL, "from the later of acceptance and wanted start to the end"),
        ),
    ),
    Table(
        "completeness",
        "how much is here of what is expected, of meters of which nothing came too",
        (
            _METER,
            _CONCENTRATOR,
            Column("profile", _TEXT, "logical name"),
            Column("period_s", _INT, "capture period"),
            Column("expected", _INT, "intervals of the whole day"),
            Column("due", _INT, "of those, the ones that had ended"),
            Column("received", _INT, "of those due, the ones that are here"),
            Column("late", _INT, "of those here, the ones that came long after their time"),
            Column("changed", _INT, "that came again and said something else"),
        ),
    ),
    Table(
        "meters",
        "the park of meters as it was on a day",
        (
            _METER,
            _CONCENTRATOR,
            Column("service_point", _TEXT, "where it hangs", personal=True),
            Column("stage", _TEXT, "of its life cycle"),
            Column("commissioned", _YES, "it proved what it is"),
            Column("blocked", _YES, "nothing is asked of it"),
            Column("model", _TEXT, ""),
            Column("phase", _TEXT, "that the utility's papers name"),
            Column("contracted_w", _REAL, "the highest limit"),
            Column("way", _TEXT, "concentrator, gateway, direct, or none"),
        ),
    ),
    Table(
        "sessions",
        "when concentrators came on line and went off it",
        (
            Column("concentrator", _TEXT, "its name"),
            Column("happened_at", _AT, "when"),
            Column("online", _YES, "came, or went"),
            Column("boot", _INT, "counts its starts"),
            Column("firmware", _TEXT, "that it told"),
        ),
    ),
    Table(
        "errors",
        "rows that could not be carried over, and why",
        (
            Column("key", _TEXT, "which row", personal=True),
            Column("why", _TEXT, "what is wrong with it"),
            Column("rows", _INT, "how many of the source's it stands for"),
            Column("excerpt", _TEXT, "what was found", personal=True),
        ),
        by_zone=False,
    ),
)  # fmt: skip

TABLES: dict[str, Table] = {each.name: each for each in _ALL}
ERRORS = TABLES["errors"]
