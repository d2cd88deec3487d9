"""Meters' firmware: the shelf, what is on its way, and what runs."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.add_column("orders", sa.Column("image", sa.String))
    op.add_column("orders", sa.Column("activate_at", TIME))
    op.create_table(
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
    )
    op.create_table(
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
    )
    op.create_index("meter_updates_of_image", "meter_updates", ["image", "stage", "meter"])
    op.create_table(
        "meter_firmware",
        sa.Column("meter", sa.String, primary_key=True),
        sa.Column("version", sa.String, nullable=False),
        sa.Column("told_at", TIME, nullable=False),
        sa.Column("image", sa.String),
    )
