"""What has changed and whom to tell of it; a token may be for one place."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "changes",
        sa.Column("line", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("position", NUMBER),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("what", sa.String, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("number", NUMBER),
        sa.Column("device", sa.String),
        sa.Column("place", sa.String),
        sa.Column("arrived", sa.Text, nullable=False),
    )
    op.create_index("changes_by_position", "changes", ["position"], unique=True)
    op.create_index("changes_by_time", "changes", ["at"])
    new = sa.text("position IS NULL")
    op.create_index("changes_new", "changes", ["line"], sqlite_where=new, postgresql_where=new)
    marks = op.create_table(
        "change_marks",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("position", NUMBER, nullable=False),
    )
    op.bulk_insert(marks, [{"name": "head", "position": 0}, {"name": "notified", "position": 0}])
    op.create_table(
        "notice_cases",
        sa.Column("rule", sa.String, primary_key=True),
        sa.Column("subject", sa.String, primary_key=True),
        sa.Column("number", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("severity", sa.String, nullable=False),
        sa.Column("opened_at", TIME, nullable=False),
        sa.Column("round", sa.Integer, nullable=False),
        sa.Column("told_again", sa.Integer, nullable=False),
        sa.Column("next_at", TIME),
        sa.Column("over_at", TIME),
    )
    op.create_index("notice_cases_of_subject", "notice_cases", ["subject", "number"])
    again = sa.text("next_at IS NOT NULL")
    op.create_index(
        "notice_cases_again",
        "notice_cases",
        ["next_at"],
        sqlite_where=again,
        postgresql_where=again,
    )
    op.create_table(
        "notices",
        sa.Column("line", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String, nullable=False, unique=True),
        sa.Column("rule", sa.String, nullable=False),
        sa.Column("channel", sa.String, nullable=False),
        sa.Column("step", sa.String, nullable=False),
        sa.Column("subject", sa.String),
        sa.Column("number", NUMBER),
        sa.Column("severity", sa.String, nullable=False),
        sa.Column("made_at", TIME, nullable=False),
        sa.Column("due_at", TIME),
        sa.Column("round", sa.Integer, nullable=False),
        sa.Column("held", sa.Boolean, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("trouble", sa.Text, nullable=False),
        sa.Column("settled_at", TIME),
    )
    op.create_index("notices_of_subject", "notices", ["subject", "number"])
    op.create_index("notices_of_rule", "notices", ["rule", "made_at"])
    due = sa.text("due_at IS NOT NULL")
    op.create_index("notices_due", "notices", ["due_at"], sqlite_where=due, postgresql_where=due)
    op.add_column("access_tokens", sa.Column("place", sa.String))
