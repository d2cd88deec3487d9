"""The tables of how concentrators fare."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, Integer, LargeBinary, String, Table, Text

from headend.store.columns import Json, UtcDateTime
from headend.store.schema import metadata
from protocols.concentrator.upkeep import State

# The last word of each on itself.
concentrator_states = Table(
    "concentrator_states",
    metadata,
    Column("concentrator", String, primary_key=True),
    Column("received_at", UtcDateTime, nullable=False),
    Column("state", Json(State), nullable=False),
)

# When each came on line and went off it.
concentrator_sessions = Table(
    "concentrator_sessions",
    metadata,
    Column("concentrator", String, primary_key=True),
    Column("at", UtcDateTime, primary_key=True),
    Column("online", Boolean, nullable=False),
    Column("boot", Integer, nullable=False),
    Column("firmware", String, nullable=False),
)

concentrator_clocks = Table(
    "concentrator_clocks",
    metadata,
    Column("concentrator", String, primary_key=True),
    Column("at", UtcDateTime, primary_key=True),
    Column("offset_s", Float, nullable=False),
    Column("error_s", Float, nullable=False),
    Column("shifted_s", Float, nullable=False),
)

# Keep-alives of each meter's module, hour by hour, as its concentrator counted them.
hours_heard = Table(
    "hours_heard",
    metadata,
    Column("concentrator", String, primary_key=True),
    Column("hour", UtcDateTime, primary_key=True),
    Column("meter", String, primary_key=True),
    Column("heard", Integer, nullable=False),
    Column("asked", Integer, nullable=False),
)

# Meters that each found on its line, and what was decided of late.
discoveries = Table(
    "discoveries",
    metadata,
    Column("concentrator", String, primary_key=True),
    Column("module", String, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("identity", String, nullable=False),
    Column("title", String, nullable=False),
    Column("conforms", Boolean, nullable=False),
    Column("findings", Json(tuple[str, ...]), nullable=False),
    Column("admitted", Boolean, nullable=False),
    Column("meter", String),
    Column("why", Text, nullable=False),
)

# Firmware that somebody wants a concentrator to have.
firmware_updates = Table(
    "firmware_updates",
    metadata,
    Column("concentrator", String, primary_key=True),
    Column("image", String, primary_key=True),
    Column("version", String, nullable=False),
    Column("activate_at", UtcDateTime, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("octets", LargeBinary, nullable=False),
    Column("progress", String, nullable=False),
    Column("told_at", UtcDateTime),
    Column("why", Text, nullable=False),
)
