"""What the legacy integration database has not been told yet."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "owed",
        sa.Column("line", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("device", sa.String, nullable=False),
        sa.Column("profile", sa.String, nullable=False),
        sa.Column("moment", sa.String, nullable=False),
        sa.Column("trouble", sa.Text),
        sa.UniqueConstraint("kind", "device", "profile", "moment", name="owed_once"),
    )
    due = sa.text("trouble IS NULL")
    op.create_index("owed_due", "owed", ["line"], sqlite_where=due, postgresql_where=due)
    op.execute("INSERT INTO change_marks (name, position) VALUES ('owing', 0)")
