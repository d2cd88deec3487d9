"""What is known of feeders: instances of other systems, counts, names, hourly figures, roll-ups."""

import sqlalchemy as sa

from headend.store.migrations.steps import NUMBER, TIME, Step, Steps, index, table

revision = "0036"
down_revision = "0035"

CHANNELS = "i_a i_b i_c p_a p_b p_c q_a q_b q_c v_a v_b v_c i p q".split()


@Steps
def steps() -> tuple[Step, ...]:
    return (
        table(
            "cim_instances",
            sa.Column("adapter", sa.String, primary_key=True),
            sa.Column("cls", sa.String, primary_key=True),
            sa.Column("key", sa.String, primary_key=True),
            sa.Column("attributes", sa.Text, nullable=False),
            sa.Column("references", sa.Text, nullable=False),
            sa.Column("taken_at", TIME, nullable=False),
        ),
        table(
            "customer_counts",
            sa.Column("day", sa.Date, primary_key=True),
            sa.Column("cls", sa.String, primary_key=True),
            sa.Column("key", sa.String, primary_key=True),
            sa.Column("what", sa.String, primary_key=True),
            sa.Column("count", sa.Integer, nullable=False),
        ),
        table(
            "feeder_mappings",
            sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
            sa.Column("siad", sa.String),
            sa.Column("simoce", sa.String),
            sa.Column("siad_name", sa.String, nullable=False),
            sa.Column("simoce_name", sa.String, nullable=False),
            sa.Column("how", sa.String),
            sa.Column("at", TIME),
            sa.Column("who", sa.String, nullable=False),
        ),
        index("feeder_mappings_siad", "feeder_mappings", "siad", unique=True),
        index("feeder_mappings_simoce", "feeder_mappings", "simoce", unique=True),
        table(
            "feeder_hours",
            sa.Column("feeder", sa.String, primary_key=True),
            sa.Column("begin", sa.BigInteger, primary_key=True),
            sa.Column("day", sa.Date, nullable=False),
            sa.Column("expected", sa.Integer, nullable=False),
            *(sa.Column(f"{name}_mean", sa.Float(53)) for name in CHANNELS),
            *(sa.Column(f"{name}_count", sa.Integer, nullable=False) for name in CHANNELS),
            sa.Column("taken_at", TIME, nullable=False),
        ),
        index("feeder_hours_of_day", "feeder_hours", "day feeder"),
        table(
            "feeder_rolls",
            sa.Column("span", sa.String, primary_key=True),
            sa.Column("day", sa.Date, primary_key=True),
            sa.Column("feeder", sa.String, primary_key=True),
            sa.Column("rollup", sa.Text, nullable=False),
            sa.Column("percents", sa.Text, nullable=False),
            sa.Column("p95", sa.Text, nullable=False),
            sa.Column("raw_at", TIME, nullable=False),
        ),
        index("feeder_rolls_of", "feeder_rolls", "feeder span day"),
    )


upgrade, downgrade = steps.take, steps.take_back
