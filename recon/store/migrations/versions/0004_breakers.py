"""Targets of fixes that keep failing, and until when they are left alone."""

import sqlalchemy as sa
from alembic import op

from recon.store.state import MYSQL, Key, Long

revision = "0004_breakers"
down_revision = "0003_fix_queue"


def upgrade() -> None:
    op.create_table(
        "breakers",
        sa.Column("target", Key, primary_key=True),
        sa.Column("state", Key, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("openings", sa.Integer, nullable=False),
        sa.Column("until", Key, nullable=False),
        sa.Column("error", Long, nullable=False),
        sa.CheckConstraint("state in ('closed', 'open', 'half_open')", name="breakers_state"),
        **MYSQL,
    )


def downgrade() -> None:
    op.drop_table("breakers")
