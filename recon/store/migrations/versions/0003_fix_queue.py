"""The fix queue that keeps what people decided, its makers and approvals, and the audit trail; and what guards them.

The rows of `fixes` were a projection of the newest night: they go, and the next run of that night proposes them again.
"""

import sqlalchemy as sa
from alembic import op

from recon.store.guards import family, statements, triggers
from recon.store.state import MYSQL, Key, Long

revision = "0003_fix_queue"
down_revision = "0002_input_decisions"

STATES = "'proposed', 'approved', 'applied', 'rejected', 'superseded', 'failed', 'retrying', 'dead_letter'"
NOTHING = "0" * 64


def upgrade() -> None:
    op.drop_table("fixes")
    op.create_table(
        "fixes",
        sa.Column("fix_id", Key, primary_key=True),
        sa.Column("break_id", Key, nullable=False),
        sa.Column("idempotency_key", Key, nullable=False, unique=True),
        sa.Column("reconciliation", sa.Text, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("template", sa.Text, nullable=False),
        sa.Column("class", sa.Text, nullable=False),
        sa.Column("psp", sa.Text, nullable=False),
        sa.Column("currency", Key, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("content", Long, nullable=False),
        sa.Column("content_sha256", Key, nullable=False),
        sa.Column("rule_sha256", Key, nullable=False),
        sa.Column("seen", Long, nullable=False),
        sa.Column("seen_sha256", Key, nullable=False),
        sa.Column("auto_approve", sa.Integer, nullable=False),
        sa.Column("limit_text", sa.Text),
        sa.Column("status", Key, nullable=False),
        sa.Column("proposed_on", sa.Date, nullable=False),
        sa.Column("seen_on", sa.Date, nullable=False),
        sa.Column("maker", Key, nullable=False),
        sa.Column("approved_by", sa.Text),
        sa.Column("proposed_seq", sa.BigInteger, nullable=False),
        sa.Column("audit_seq", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("not_before", sa.Text),
        sa.Column("claimed_by", sa.Text),
        sa.Column("claimed_until", sa.Text),
        sa.Column("error", Long),
        sa.Column("receipt", Long),
        sa.CheckConstraint(f"status in ({STATES})", name="fixes_status"),
        sa.CheckConstraint("auto_approve in (0, 1)", name="fixes_auto_approve"),
        **MYSQL,
    )
    op.create_table(
        "fix_makers",
        sa.Column("fix_id", Key, primary_key=True),
        sa.Column("name", Key, primary_key=True),
        **MYSQL,
    )
    op.create_table(
        "fix_approvals",
        sa.Column("audit_seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("fix_id", Key, nullable=False),
        sa.Column("approved_by", Key, nullable=False),
        sa.Column("content_sha256", Key, nullable=False),
        sa.Column("rule_sha256", Key, nullable=False),
        sa.Column("seen_sha256", Key, nullable=False),
        sa.Column("approved_on", sa.Date, nullable=False),
        **MYSQL,
    )
    op.create_table(
        "audit",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("who", Key, nullable=False),
        sa.Column("action", Key, nullable=False),
        sa.Column("subject", Key, nullable=False),
        sa.Column("from_state", Key, nullable=False),
        sa.Column("to_state", Key, nullable=False),
        sa.Column("why", Long, nullable=False),
        sa.Column("details", Long, nullable=False),
        sa.Column("night", sa.Date),
        sa.Column("previous_sha256", Key, nullable=False),
        sa.Column("sha256", Key, nullable=False, unique=True),
        **MYSQL,
    )
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        **MYSQL,
    )
    op.create_index("fixes_by_status", "fixes", ["status"])
    op.create_index("fixes_by_break", "fixes", ["break_id"])
    op.create_index("fix_approvals_by_fix", "fix_approvals", ["fix_id"])
    op.create_index("fix_approvals_by_night", "fix_approvals", ["approved_on"])
    op.create_index("audit_by_subject", "audit", ["subject"])
    op.execute(f"insert into audit_head (id, seq, sha256) values (1, 0, '{NOTHING}')")
    for statement in statements(op.get_bind().dialect.name):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    dialect = family(op.get_bind().dialect.name)
    for name, table in triggers(dialect).items():
        op.execute(f"drop trigger {name}" + (f" on {table}" if dialect == "postgresql" else ""))
    for table in ("audit_head", "audit", "fix_approvals", "fix_makers", "fixes"):
        op.drop_table(table)
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
