"""The tables.  `orders` is also the queue: a claim leases a row of it.

A database holds far more finished orders than waiting ones.  Whatever the queue asks is therefore
answered from partial indexes that hold only rows with something to do, which `due_at` tells:
the earliest time at which a lane may take the order up, NULL once nothing is left to do.

There is no foreign key from meters to concentrators, nor from orders to meters: an order for a
meter nobody knows is rejected, not lost, and meters may be registered before their concentrators.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    event,
    false,
    insert,
)

from headend.domain.evidence import Evidence, Source
from headend.domain.keys import KeyState
from headend.domain.meter import Stage
from headend.domain.order import Kind, State, ValueRead
from headend.domain.reading import Reading, WantedObject
from headend.domain.reason import ReasonCode
from headend.store.columns import Deflated, EnumText, ExactDecimal, Json, UtcDateTime
from protocols.concentrator.messages import ClockWanted, TariffWanted

metadata = MetaData()

# SQLite numbers its rows with an INTEGER key only; elsewhere a number may outgrow 32 bits.
Number = BigInteger().with_variant(Integer, "sqlite")

meters = Table(
    "meters",
    metadata,
    Column("name", String, primary_key=True),
    Column("concentrator", String),
    Column("commissioned", Boolean, nullable=False),
    Column("blocked", Boolean, nullable=False),
    Column("contracted_w", ExactDecimal),
    Column("model", String, nullable=False),
    Column("address", String),
    Column("segment", String),
    Column("identity", String),
    Column("title", String),
    Column("recorded_phase", String),
    Column("stage", EnumText(Stage)),
    Index("meters_of_concentrator", "concentrator", "name"),
)
Index(
    "meters_by_identity",
    meters.c.identity,
    sqlite_where=meters.c.identity.is_not(None),
    postgresql_where=meters.c.identity.is_not(None),
)
Index(
    "meters_by_title",
    meters.c.title,
    sqlite_where=meters.c.title.is_not(None),
    postgresql_where=meters.c.title.is_not(None),
)
Index(
    "meters_reached_directly",
    meters.c.model,
    meters.c.name,
    sqlite_where=meters.c.address.is_not(None),
    postgresql_where=meters.c.address.is_not(None),
)

concentrators = Table(
    "concentrators",
    metadata,
    Column("name", String, primary_key=True),
    Column("sim", String),
)

# What a concentrator's fault log said, once for each line however often it was sent.  `at` is its
# own date: with it, two faults of one text are two.
concentrator_evidence = Table(
    "concentrator_evidence",
    metadata,
    Column("line", Number, primary_key=True, autoincrement=True),
    Column("concentrator", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("source", EnumText(Source), nullable=False),
    Column("text", Text, nullable=False),
    Column("suggests", EnumText(ReasonCode)),
    UniqueConstraint("concentrator", "at", "source", "text", name="concentrator_evidence_once"),
)

inbound_messages = Table(
    "inbound_messages",
    metadata,
    Column("transaction_id", String, primary_key=True),
    Column("source", String, nullable=False),
    Column("message_id", String),  # messages without one do not collide
    Column("digest", String, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("request", Deflated, nullable=False),
    Column("answer", LargeBinary),
    UniqueConstraint("source", "message_id", name="inbound_messages_once"),
)

orders = Table(
    "orders",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("transaction_id", String, nullable=False),
    Column("source", String, nullable=False),
    Column("meter", String, nullable=False),
    Column("kind", EnumText(Kind), nullable=False),
    Column("accepted_at", UtcDateTime, nullable=False),
    Column("ready_at", UtcDateTime, nullable=False),
    Column("not_before", UtcDateTime, nullable=False),
    Column("deadline", UtcDateTime, nullable=False),
    Column("state", EnumText(State), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("message_id", String),
    Column("correlation_id", String),
    Column("reply_address", String),
    Column("noun", String, nullable=False),
    Column("generic", Boolean, nullable=False),
    Column("amount", ExactDecimal),
    Column("unit", String),
    Column("until", UtcDateTime),
    Column("any_day", Boolean, nullable=False),
    Column("concentrator", String),
    Column("attempts", Integer, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("commanded", Integer, nullable=False),
    Column("not_after", UtcDateTime),
    Column("reason", EnumText(ReasonCode)),
    Column("value_read", Json(ValueRead)),
    Column("evidence", Json(tuple[Evidence, ...]), nullable=False),
    Column("ended_at", UtcDateTime),
    Column("verify_at", UtcDateTime),
    Column("restores", Number),
    # The queue's own:
    Column("unfinished", Boolean, nullable=False),  # not final
    Column("due_at", UtcDateTime),
    Column("lease_owner", String),
    Column("lease_until", UtcDateTime),
    Column("breakages", Integer, nullable=False, server_default="0"),  # of its steps
    # Reads, which came later than the rest:
    Column("objects", Json(tuple[WantedObject, ...]), nullable=False, server_default="[]"),
    Column("readings", Json(tuple[Reading, ...]), nullable=False, server_default="[]"),
    # What waits for a second person:
    Column("held_at", UtcDateTime),
    Column("approved_by", String),
    # Updates of firmware:
    Column("image", String),
    Column("activate_at", UtcDateTime),
    # Clocks, calendars, and supplies that wait for a hand:
    Column("clock", Json(ClockWanted)),
    Column("tariff", Json(TariffWanted)),
    Column("until_pressed", Boolean, nullable=False, server_default=false()),
)

WITH_WORK = orders.c.due_at.is_not(None)
HELD = orders.c.held_at.is_not(None)
LEASED = orders.c.lease_owner.is_not(None)


def _partial(name: str, *columns: Column[object], where: object) -> Index:
    return Index(name, *columns, sqlite_where=where, postgresql_where=where)


# The order in which a concentrator's work is claimed; `due_at` rides along, so that work which is
# not due yet is passed over without touching its row.
_partial(
    "orders_to_claim",
    orders.c.concentrator,
    orders.c.priority,
    orders.c.number,
    orders.c.due_at,
    where=WITH_WORK,
)
_partial(
    "orders_by_due",
    orders.c.concentrator,
    orders.c.due_at,
    orders.c.unfinished,
    where=WITH_WORK,
)
_partial("orders_in_the_way", orders.c.meter, orders.c.number, where=WITH_WORK)
_partial("orders_leased", orders.c.lease_owner, orders.c.lease_until, where=LEASED)
Index("orders_of_meter", orders.c.meter, orders.c.number)
Index("orders_of_transaction", orders.c.transaction_id)
_partial(
    "orders_of_correlation",
    orders.c.correlation_id,
    where=orders.c.correlation_id.is_not(None),
)
_partial(
    "orders_ended",
    orders.c.concentrator,
    orders.c.ended_at,
    where=orders.c.ended_at.is_not(None),
)
_partial("orders_held", orders.c.number, where=HELD)
Index("orders_of_state", orders.c.state, orders.c.number)

journal = Table(
    "journal",
    metadata,
    Column("line", Number, primary_key=True, autoincrement=True),
    Column("order", Number, ForeignKey("orders.number"), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("state", EnumText(State), nullable=False),
    Column("cause", Text, nullable=False),
    Column("attempt", Integer),
    Index("journal_of_order", "order"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("order", Number, ForeignKey("orders.number"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("started_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("verification", Boolean, nullable=False),
    Column("result", String),
    Column("engine", String),
    Column("exchanges", LargeBinary),
)

# `due_at` stands only at the head of each (order, channel) queue: NULL behind an unsettled message,
# and after settlement.
outbox = Table(
    "outbox",
    metadata,
    Column("line", Number, primary_key=True, autoincrement=True),
    Column("message_id", String, nullable=False, unique=True),
    Column("order", Number, ForeignKey("orders.number"), nullable=False),
    Column("channel", String, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("kind", String, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("address", String),
    Column("tries", Integer, nullable=False),
    Column("not_before", UtcDateTime),
    Column("settled_at", UtcDateTime),
    Column("due_at", UtcDateTime),
    Column("trouble", Text),
    UniqueConstraint("order", "channel", "sequence", name="outbox_sequence"),
)
_partial(
    "outbox_due",
    outbox.c.channel,
    outbox.c.due_at,
    outbox.c.line,
    where=outbox.c.due_at.is_not(None),
)
_partial("outbox_unsettled", outbox.c.channel, where=outbox.c.settled_at.is_(None))

# Keys that a client shares with a meter, one row a generation, sealed by `envelope`; and how far
# the invocation counters under them have come.
meter_keys = Table(
    "meter_keys",
    metadata,
    Column("meter", String, primary_key=True),
    Column("client", Integer, primary_key=True, autoincrement=False),
    Column("generation", Integer, primary_key=True, autoincrement=False),
    Column("state", EnumText(KeyState), nullable=False),
    Column("counted_by", Integer, nullable=False),
    Column("envelope", String, nullable=False),
    Column("fingerprint", String, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("next_counter", Number),
    Column("peer_counter", Number, nullable=False),
    Index("meter_keys_by_fingerprint", "fingerprint"),
)

# Passwords for low level security, sealed by `envelope`.
meter_passwords = Table(
    "meter_passwords",
    metadata,
    Column("meter", String, primary_key=True),
    Column("client", Integer, primary_key=True, autoincrement=False),
    Column("envelope", String, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)

# What our clients sign with and meters are believed by (suites 1 and 2), sealed by `envelope`.
meter_key_pairs = Table(
    "meter_key_pairs",
    metadata,
    Column("meter", String, primary_key=True),
    Column("client", Integer, primary_key=True, autoincrement=False),
    Column("envelope", String, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)

# What meters were read to say, and what they said unasked: never changed, never overwritten.
readings = Table(
    "readings",
    metadata,
    Column("line", Number, primary_key=True, autoincrement=True),
    Column("meter", String, nullable=False),
    Column("name", String, nullable=False),
    Column("attribute", Integer, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("source", String, nullable=False),
    Column("word", String, nullable=False),
    Column("value", Text),
    Column("unit", String),
    Column("error", String),
    Column("raw", LargeBinary, nullable=False),
    Column("quality", Json(tuple[str, ...]), nullable=False),
    Index("readings_of_meter", "meter", "name", "at"),
)

# Load profiles, one row for a meter and an interval, written once: what analysis reads by the
# million.  `at` is the interval's end in POSIX seconds.  Registers as they stood then, in Wh and
# varh; voltages in 0.1 V, the power factor in 1/1000; NULL where the meter has no such quantity.
intervals = Table(
    "intervals",
    metadata,
    Column("meter", String, primary_key=True),
    Column("at", Number, primary_key=True, autoincrement=False),
    Column("status", Integer, nullable=False),
    Column("active_import", Number),
    Column("active_export", Number),
    Column("reactive_import", Number),
    Column("reactive_export", Number),
    Column("voltage_l1", Integer),
    Column("voltage_l2", Integer),
    Column("voltage_l3", Integer),
    Column("power_factor", Integer),
    sqlite_with_rowid=False,
)

pushes = Table(
    "pushes",
    metadata,
    Column("line", Number, primary_key=True, autoincrement=True),
    Column("meter", String),
    Column("came_from", String, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("sent_at", UtcDateTime),
    Column("title", String, nullable=False),
    Column("wire", LargeBinary, nullable=False),
    Column("digest", String, nullable=False),
    Column("plain", LargeBinary),
    Column("told", Text, nullable=False),
    Column("quality", Json(tuple[str, ...]), nullable=False),
    Index("pushes_of_meter", "meter", "received_at"),
    Index("pushes_by_digest", "digest"),
)

# Numbers that only this table knows: the last order number, and how many orders are not final
# (counted as they come and go, because every acceptance asks).
counters = Table(
    "counters",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", Number, nullable=False),
)
ORDER_NUMBER = "order-number"
WAITING_ORDERS = "waiting-orders"


@event.listens_for(counters, "after_create")
def _start_counting(table: Table, connection: Connection, **_: object) -> None:
    zeros = [{"name": name, "value": 0} for name in (ORDER_NUMBER, WAITING_ORDERS)]
    connection.execute(insert(table), zeros)
