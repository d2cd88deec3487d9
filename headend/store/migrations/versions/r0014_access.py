"""Accounts, tokens, and the audit log, to which lines are only ever added."""

import sqlalchemy as sa

from headend.store.migrations.steps import NUMBER, TIME, Step, Steps, index, sql, table

revision = "0014"
down_revision = "0013"


def _refused_by_sqlite(verb: str) -> Step:
    trigger = f"audit_{verb}s_nothing"
    return sql(
        "sqlite",
        f"CREATE TRIGGER {trigger} BEFORE {verb.upper()} ON audit"
        " BEGIN SELECT RAISE(ABORT, 'the audit log is only ever added to'); END",
        f"DROP TRIGGER {trigger}",
    )


@Steps
def steps() -> tuple[Step, ...]:
    return (
        table(
            "accounts",
            sa.Column("name", sa.String, primary_key=True),
            sa.Column("roles", sa.Text, nullable=False),
            sa.Column("made_at", TIME, nullable=False),
            sa.Column("made_by", sa.String, nullable=False),
            sa.Column("password", sa.String),
            sa.Column("failures", sa.Integer, nullable=False),
            sa.Column("locked_until", TIME),
            sa.Column("disabled_at", TIME),
        ),
        table(
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
        ),
        table(
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
        ),
        index("audit_of_security", "audit", "number", where="security"),
        table(
            "audit_marks",
            sa.Column("name", sa.String, primary_key=True),
            sa.Column("number", NUMBER, nullable=False),
            sa.Column("digest", sa.String, nullable=False),
            rows=(
                {"name": "head", "number": 0, "digest": "0" * 64},
                {"name": "told", "number": 0, "digest": ""},
            ),
        ),
        _refused_by_sqlite("update"),
        _refused_by_sqlite("delete"),
        sql(
            "postgresql",
            "CREATE FUNCTION audit_refuses() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'the audit log is only ever added to'; END $$",
            "DROP FUNCTION audit_refuses()",
        ),
        sql(
            "postgresql",
            "CREATE TRIGGER audit_is_added_to BEFORE UPDATE OR DELETE OR TRUNCATE ON audit"
            " EXECUTE FUNCTION audit_refuses()",
            "DROP TRIGGER audit_is_added_to ON audit",
        ),
    )


upgrade, downgrade = steps.take, steps.take_back
