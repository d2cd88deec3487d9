"""Campaigns and their meters; orders held for a second person, and what their guard counts."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
GOES_ON = sa.text("ended_at IS NULL")
HELD = sa.text("held_at IS NOT NULL")


def upgrade() -> None:
    op.add_column("orders", sa.Column("held_at", TIME))
    op.add_column("orders", sa.Column("approved_by", sa.String))
    op.create_index("orders_held", "orders", ["number"], sqlite_where=HELD, postgresql_where=HELD)
    op.create_table(
        "campaigns",
        sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("asked_by", sa.String, nullable=False),
        sa.Column("made_at", TIME, nullable=False),
        sa.Column("choice", sa.Text, nullable=False),
        sa.Column("plan", sa.Text, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("wish", sa.Text, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("emergency", sa.Boolean, nullable=False),
        sa.Column("any_day", sa.Boolean, nullable=False),
        sa.Column("order_deadline_s", sa.Integer),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("approved_by", sa.String),
        sa.Column("ended_at", TIME),
    )
    op.create_index(
        "campaigns_going_on", "campaigns", ["number"],
        sqlite_where=GOES_ON, postgresql_where=GOES_ON,
    )  # fmt: skip
    op.create_table(
        "campaign_members",
        sa.Column("campaign", NUMBER, sa.ForeignKey("campaigns.number"), primary_key=True),
        sa.Column("meter", sa.String, primary_key=True),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("wave", sa.Integer, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("order", NUMBER),
        sa.Column("reason", sa.String),
        sa.Column("pardoned", sa.Boolean, nullable=False),
        sa.Column("ended_at", TIME),
    )
    op.create_index(
        "campaign_members_by_state", "campaign_members", ["campaign", "state", "wave", "place"]
    )
    op.create_table(
        "campaign_lines",
        sa.Column("line", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("campaign", NUMBER, sa.ForeignKey("campaigns.number"), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("who", sa.String, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
    )
    op.create_index("campaign_lines_of_campaign", "campaign_lines", ["campaign", "line"])
    op.create_table(
        "cuts",
        sa.Column(
            "order", NUMBER, sa.ForeignKey("orders.number"), primary_key=True, autoincrement=False
        ),
        sa.Column("at", TIME, nullable=False),
    )
    op.create_index("cuts_by_time", "cuts", ["at"])
