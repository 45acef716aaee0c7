"""Nights, breaks and fixes."""

import sqlalchemy as sa
from alembic import op

from recon.store.state import MYSQL, Key, Long

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "nights",
        sa.Column("night", sa.Date, primary_key=True),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("manifest_sha256", sa.Text, nullable=False),
        sa.Column("previous_sha256", sa.Text),
        **MYSQL,
    )
    op.create_table(
        "breaks",
        sa.Column("break_id", Key, primary_key=True),
        sa.Column("reconciliation", Key, nullable=False),
        sa.Column("key", Long, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("class", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("currency", sa.Text),
        sa.Column("difference_minor", sa.BigInteger),
        sa.Column("psp", sa.Text, nullable=False),
        sa.Column("first_seen", sa.Date, nullable=False),
        sa.Column("last_seen", sa.Date, nullable=False),
        sa.Column("closed_on", sa.Date),
        sa.Column("deadline", sa.Date),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("reason", Long, nullable=False),
        sa.Column("fix_id", sa.Text),
        **MYSQL,
    )
    op.create_index(
        "breaks_by_key", "breaks", ["reconciliation", "key"], mysql_length={"key": 191}, mariadb_length={"key": 191}
    )
    op.create_table(
        "fixes",
        sa.Column("fix_id", Key, primary_key=True),
        sa.Column("break_id", Key, nullable=False),
        sa.Column("idempotency_key", Key, nullable=False, unique=True),
        sa.Column("content_sha256", sa.Text, nullable=False),
        sa.Column("template", sa.Text, nullable=False),
        sa.Column("class", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("content", Long, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("proposed_on", sa.Date, nullable=False),
        sa.CheckConstraint("status in ('proposed', 'superseded')", name="fixes_status"),
        **MYSQL,
    )


def downgrade() -> None:
    for table in ("fixes", "breaks", "nights"):
        op.drop_table(table)
