"""What has changed and whom to tell of it; a token may be for one place."""

import sqlalchemy as sa

from headend.store.migrations.steps import NUMBER, TIME, Step, Steps, columns, index, table

revision = "0019"
down_revision = "0018"


@Steps
def steps() -> tuple[Step, ...]:
    return (
        table(
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
        ),
        index("changes_by_position", "changes", "position", unique=True),
        index("changes_by_time", "changes", "at"),
        index("changes_new", "changes", "line", where="position IS NULL"),
        table(
            "change_marks",
            sa.Column("name", sa.String, primary_key=True),
            sa.Column("position", NUMBER, nullable=False),
            rows=(
                {"name": "head", "position": 0},
                {"name": "notified", "position": 0},
            ),
        ),
        table(
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
        ),
        index("notice_cases_of_subject", "notice_cases", "subject number"),
        index("notice_cases_again", "notice_cases", "next_at", where="next_at IS NOT NULL"),
        table(
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
        ),
        index("notices_of_subject", "notices", "subject number"),
        index("notices_of_rule", "notices", "rule made_at"),
        index("notices_due", "notices", "due_at", where="due_at IS NOT NULL"),
        columns("access_tokens", sa.Column("place", sa.String)),
    )


upgrade, downgrade = steps.take, steps.take_back
