"""Campaigns and their meters; orders held for a second person, and what their guard counts."""

import sqlalchemy as sa

from headend.store.migrations.steps import NUMBER, TIME, Step, Steps, columns, index, table

revision = "0018"
down_revision = "0017"


@Steps
def steps() -> tuple[Step, ...]:
    return (
        columns("orders", sa.Column("held_at", TIME), sa.Column("approved_by", sa.String)),
        index("orders_held", "orders", "number", where="held_at IS NOT NULL"),
        table(
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
        ),
        index("campaigns_going_on", "campaigns", "number", where="ended_at IS NULL"),
        table(
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
        ),
        index("campaign_members_by_state", "campaign_members", "campaign state wave place"),
        table(
            "campaign_lines",
            sa.Column("line", NUMBER, primary_key=True, autoincrement=True),
            sa.Column("campaign", NUMBER, sa.ForeignKey("campaigns.number"), nullable=False),
            sa.Column("at", TIME, nullable=False),
            sa.Column("who", sa.String, nullable=False),
            sa.Column("what", sa.Text, nullable=False),
        ),
        index("campaign_lines_of_campaign", "campaign_lines", "campaign line"),
        table(
            "cuts",
            sa.Column(
                "order",
                NUMBER,
                sa.ForeignKey("orders.number"),
                primary_key=True,
                autoincrement=False,
            ),
            sa.Column("at", TIME, nullable=False),
        ),
        index("cuts_by_time", "cuts", "at"),
    )


upgrade, downgrade = steps.take, steps.take_back
