"""The tables of meters' lives, of where they hang, and of the shipments that brought them.

Lines of a life and of its checks are only ever added.  An installation is closed, never removed: a
service point keeps the meters that hung there, and a meter the places where it hung.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String, Table, Text

from headend.domain.commissioning import Verdict
from headend.domain.life_cycle import Step
from headend.domain.meter import Stage
from headend.domain.place import PlaceKind, RegisterRead
from headend.store.columns import EnumText, Json, UtcDateTime
from headend.store.schema import Number, metadata

meter_life = Table(
    "meter_life",
    metadata,
    Column("line", Number, primary_key=True, autoincrement=True),
    Column("meter", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("step", EnumText(Step), nullable=False),
    Column("was", EnumText(Stage)),
    Column("stage", EnumText(Stage), nullable=False),
    Column("who", String, nullable=False),
    Column("why", Text, nullable=False),
    Index("meter_life_of_meter", "meter", "line"),
)

# What each commissioning looked at, whether it held or not.
meter_checks = Table(
    "meter_checks",
    metadata,
    Column("line", Number, primary_key=True, autoincrement=True),
    Column("meter", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("what", String, nullable=False),
    Column("verdict", EnumText(Verdict), nullable=False),
    Column("expected", Text),
    Column("found", Text),
    Column("why", Text, nullable=False),
    Column("who", String, nullable=False),
    Index("meter_checks_of_meter", "meter", "line"),
)

places = Table(
    "places",
    metadata,
    Column("code", String, primary_key=True),
    Column("kind", EnumText(PlaceKind), nullable=False),
    Column("parent", String),
    Column("name", String, nullable=False),
    Index("places_of_parent", "parent", "code"),
)

installations = Table(
    "installations",
    metadata,
    Column("line", Number, primary_key=True, autoincrement=True),
    Column("meter", String, nullable=False),
    Column("service_point", String, nullable=False),
    Column("since", UtcDateTime, nullable=False),
    Column("until", UtcDateTime),
    Column("first_read", Json(RegisterRead)),
    Column("last_read", Json(RegisterRead)),
    Index("installations_of_meter", "meter", "line"),
    Index("installations_of_service_point", "service_point", "line"),
)
_OPEN = installations.c.until.is_(None)
# A meter hangs at one place, and at a service point one meter.
Index(
    "installations_meter_once",
    installations.c.meter,
    unique=True,
    sqlite_where=_OPEN,
    postgresql_where=_OPEN,
)
Index(
    "installations_place_once",
    installations.c.service_point,
    unique=True,
    sqlite_where=_OPEN,
    postgresql_where=_OPEN,
)

shipments = Table(
    "shipments",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("digest", String, nullable=False, unique=True),
    Column("file", String, nullable=False),
    Column("taken_at", UtcDateTime, nullable=False),
    Column("who", String, nullable=False),
    Column("meters", Integer, nullable=False),
    Column("entered", Integer, nullable=False),
    Column("changed", Integer, nullable=False),
    Column("unchanged", Integer, nullable=False),
    Column("keys_new", Integer, nullable=False),
    Column("keys_kept", Integer, nullable=False),
)
