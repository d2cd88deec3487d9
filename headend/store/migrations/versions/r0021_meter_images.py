"""Meters' firmware: the shelf, what is on its way, and what runs."""

import sqlalchemy as sa

from headend.store.migrations.steps import NUMBER, TIME, Step, Steps, columns, index, table

revision = "0021"
down_revision = "0020"


@Steps
def steps() -> tuple[Step, ...]:
    return (
        columns("orders", sa.Column("image", sa.String), sa.Column("activate_at", TIME)),
        table(
            "meter_images",
            sa.Column("image", sa.String, primary_key=True),
            sa.Column("model", sa.String, nullable=False),
            sa.Column("version", sa.String, nullable=False),
            sa.Column("version_object", sa.String, nullable=False),
            sa.Column("identifier", sa.String, nullable=False),
            sa.Column("size", sa.Integer, nullable=False),
            sa.Column("added_at", TIME, nullable=False),
            sa.Column("added_by", sa.String, nullable=False),
            sa.Column("signature", sa.String),
            sa.Column("octets", sa.LargeBinary, nullable=False),
        ),
        table(
            "meter_updates",
            sa.Column("meter", sa.String, primary_key=True),
            sa.Column("image", sa.String, primary_key=True),
            sa.Column("order", NUMBER, nullable=False),
            sa.Column("stage", sa.String, nullable=False),
            sa.Column("at", TIME, nullable=False),
            sa.Column("initiated", sa.Boolean, nullable=False),
            sa.Column("resumed", sa.Boolean, nullable=False),
            sa.Column("anew", sa.Boolean, nullable=False),
            sa.Column("activated_at", TIME),
            sa.Column("blocks", sa.Integer, nullable=False),
            sa.Column("missing", sa.Integer, nullable=False),
            sa.Column("sent", sa.Integer, nullable=False),
        ),
        index("meter_updates_of_image", "meter_updates", "image stage meter"),
        table(
            "meter_firmware",
            sa.Column("meter", sa.String, primary_key=True),
            sa.Column("version", sa.String, nullable=False),
            sa.Column("told_at", TIME, nullable=False),
            sa.Column("image", sa.String),
        ),
    )


upgrade, downgrade = steps.take, steps.take_back
