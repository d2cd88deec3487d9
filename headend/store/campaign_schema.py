"""The tables of campaigns, and of the supplies that were cut without a second person.

A campaign's meters are rows of their own from its first moment on: what the registry says later of
a transformer's meters changes nothing about which ones were meant.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text

from headend.domain.campaign import CampaignState, Choice, MemberState, Plan
from headend.domain.order import Kind
from headend.domain.reason import ReasonCode
from headend.store.columns import EnumText, Json, UtcDateTime
from headend.store.schema import Number, metadata

campaigns = Table(
    "campaigns",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("kind", EnumText(Kind), nullable=False),
    Column("asked_by", String, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("choice", Json(Choice), nullable=False),
    Column("plan", Json(Plan), nullable=False),
    Column("size", Integer, nullable=False),
    Column("wish", Text, nullable=False),
    Column("words", Json(tuple[str, ...]), nullable=False),
    Column("emergency", Boolean, nullable=False),
    Column("any_day", Boolean, nullable=False),
    Column("order_deadline_s", Integer),
    Column("note", Text, nullable=False),
    Column("state", EnumText(CampaignState), nullable=False),
    Column("why", Text, nullable=False),
    Column("approved_by", String),
    Column("ended_at", UtcDateTime),
)
_GOES_ON = campaigns.c.ended_at.is_(None)
Index("campaigns_going_on", campaigns.c.number, sqlite_where=_GOES_ON, postgresql_where=_GOES_ON)

campaign_members = Table(
    "campaign_members",
    metadata,
    Column("campaign", Number, ForeignKey("campaigns.number"), primary_key=True),
    Column("meter", String, primary_key=True),
    Column("place", Integer, nullable=False),
    Column("wave", Integer, nullable=False),
    Column("state", EnumText(MemberState), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("order", Number),
    Column("reason", EnumText(ReasonCode)),
    Column("pardoned", Boolean, nullable=False),
    Column("ended_at", UtcDateTime),
    Index("campaign_members_by_state", "campaign", "state", "wave", "place"),
)

campaign_lines = Table(
    "campaign_lines",
    metadata,
    Column("line", Number, primary_key=True, autoincrement=True),
    Column("campaign", Number, ForeignKey("campaigns.number"), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("who", String, nullable=False),
    Column("what", Text, nullable=False),
    Index("campaign_lines_of_campaign", "campaign", "line"),
)

# Disconnections that went through without a second person, each when it may be carried out: what
# the guard counts.
cuts = Table(
    "cuts",
    metadata,
    Column("order", Number, ForeignKey("orders.number"), primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Index("cuts_by_time", "at"),
)
