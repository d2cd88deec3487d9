"""Accounts, tokens, and the audit log, to which lines are only ever added."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("roles", sa.Text, nullable=False),
        sa.Column("made_at", TIME, nullable=False),
        sa.Column("made_by", sa.String, nullable=False),
        sa.Column("password", sa.String),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("locked_until", TIME),
        sa.Column("disabled_at", TIME),
    )
    op.create_table(
        "access_tokens",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("account", sa.String, nullable=False),
        sa.Column("about", sa.String, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("made_at", TIME, nullable=False),
        sa.Column("made_by", sa.String, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("used_at", TIME),
        sa.Column("revoked_at", TIME),
    )
    op.create_table(
        "audit",
        sa.Column("number", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("action", sa.String, nullable=False),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("severity", sa.Integer, nullable=False),
        sa.Column("security", sa.Boolean, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
    )
    op.create_index(
        "audit_of_security",
        "audit",
        ["number"],
        sqlite_where=sa.text("security"),
        postgresql_where=sa.text("security"),
    )
    marks = op.create_table(
        "audit_marks",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
    )
    op.bulk_insert(
        marks,
        [
            {"name": "head", "number": 0, "digest": "0" * 64},
            {"name": "told", "number": 0, "digest": ""},
        ],
    )
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("update", "delete"):
            op.execute(
                f"CREATE TRIGGER audit_{verb}s_nothing BEFORE {verb.upper()} ON audit"
                " BEGIN SELECT RAISE(ABORT, 'the audit log is only ever added to'); END"
            )
    else:
        op.execute(
            "CREATE FUNCTION audit_refuses() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'the audit log is only ever added to'; END $$"
        )
        op.execute(
            "CREATE TRIGGER audit_is_added_to BEFORE UPDATE OR DELETE OR TRUNCATE ON audit"
            " EXECUTE FUNCTION audit_refuses()"
        )
