"""The tables of jobs: devices, packages, what they took with them, and how results disagreed."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text

from headend.domain.job import Authorisation, Clash, JobState
from headend.store.columns import EnumText, ExactDecimal, UtcDateTime
from headend.store.schema import Number, metadata

job_devices = Table(
    "job_devices",
    metadata,
    Column("name", String, primary_key=True),
    Column("title", String, nullable=False, unique=True),
    Column("card", LargeBinary, nullable=False),
    Column("enrolled_at", UtcDateTime, nullable=False),
)

# The seed of the key that signs packages, sealed by `envelope`; there is one row.
job_signing = Table(
    "job_signing",
    metadata,
    Column("name", String, primary_key=True),
    Column("envelope", String, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", String, primary_key=True),
    Column("device", String, ForeignKey("job_devices.name"), nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("not_before", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("authorisation", EnumText(Authorisation), nullable=False),
    Column("package", LargeBinary, nullable=False),
    Column("state", EnumText(JobState), nullable=False),
    Column("taken", Integer, nullable=False),
    Column("taken_digest", String),
    Column("ended_at", UtcDateTime),
    Column("why", Text, nullable=False),
    Index("jobs_of_device", "device", "made_at"),
)

job_leases = Table(
    "job_leases",
    metadata,
    Column("job", String, ForeignKey("jobs.id"), primary_key=True),
    Column("meter", String, primary_key=True),
    Column("client", Integer, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("first", Number, nullable=False),
    Column("end", Number, nullable=False),
    Column("next_own", Number),
    Index("job_leases_of_meter", "meter"),
)

job_orders = Table(
    "job_orders",
    metadata,
    Column("job", String, ForeignKey("jobs.id"), primary_key=True),
    Column("number", Number, ForeignKey("orders.number"), primary_key=True),
    Column("meter", String, nullable=False),
    Column("not_before", UtcDateTime, nullable=False),
    Column("not_after", UtcDateTime, nullable=False),
    Column("amount", ExactDecimal),
    Column("unit", String),
    Column("attempt", Integer),
    Column("settled", Boolean, nullable=False),
    Index("job_orders_of_order", "number"),
)

job_conflicts = Table(
    "job_conflicts",
    metadata,
    Column("line", Number, primary_key=True, autoincrement=True),
    Column("job", String, ForeignKey("jobs.id"), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("clash", EnumText(Clash), nullable=False),
    Column("meter", String, nullable=False),
    Column("text", Text, nullable=False),
    Column("next_step", Text, nullable=False),
    Column("order", Number),
    Index("job_conflicts_of_job", "job"),
)
