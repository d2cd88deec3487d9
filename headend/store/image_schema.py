"""The tables of meters' firmware."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, String, Table

from headend.store.columns import UtcDateTime
from headend.store.schema import Number, metadata

# The shelf: each image once, whoever gets it.
meter_images = Table(
    "meter_images",
    metadata,
    Column("image", String, primary_key=True),  # SHA-256
    Column("model", String, nullable=False),
    Column("version", String, nullable=False),
    Column("version_object", String, nullable=False),
    Column("identifier", String, nullable=False),
    Column("size", Integer, nullable=False),
    Column("added_at", UtcDateTime, nullable=False),
    Column("added_by", String, nullable=False),
    Column("signature", String),
    Column("octets", LargeBinary, nullable=False),
)

# How far an image has come at a meter.
meter_updates = Table(
    "meter_updates",
    metadata,
    Column("meter", String, primary_key=True),
    Column("image", String, primary_key=True),
    Column("order", Number, nullable=False),
    Column("stage", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("initiated", Boolean, nullable=False),
    Column("resumed", Boolean, nullable=False),
    Column("anew", Boolean, nullable=False),
    Column("activated_at", UtcDateTime),
    Column("blocks", Integer, nullable=False),
    Column("missing", Integer, nullable=False),
    Column("sent", Integer, nullable=False),
    Index("meter_updates_of_image", "image", "stage", "meter"),
)

# What each meter has told to run, the last word.
meter_firmware = Table(
    "meter_firmware",
    metadata,
    Column("meter", String, primary_key=True),
    Column("version", String, nullable=False),
    Column("told_at", UtcDateTime, nullable=False),
    Column("image", String),
)
