"""The phase that the utility's records give a meter."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("meters", sa.Column("recorded_phase", sa.String))
