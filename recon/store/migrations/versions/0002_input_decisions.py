"""What people decided about inputs: rows are only ever added."""

import sqlalchemy as sa
from alembic import op

from recon.store.state import MYSQL, Key, Long

revision = "0002_input_decisions"
down_revision = "0001"

_SQLITE = """create trigger input_decisions_{what} before {what} on input_decisions
begin select raise(abort, 'input_decisions: decisions are only ever added'); end"""
_MARIADB = """create trigger input_decisions_{what} before {what} on input_decisions for each row
signal sqlstate '45000' set message_text = 'input_decisions: decisions are only ever added'"""
_POSTGRESQL = (
    """create or replace function input_decisions_kept() returns trigger language plpgsql as
$$ begin raise exception 'input_decisions: decisions are only ever added'; end $$""",
    """create trigger input_decisions_kept before update or delete or truncate on input_decisions
for each statement execute function input_decisions_kept()""",
)


def upgrade() -> None:
    op.create_table(
        "input_decisions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("target", Key, nullable=False),
        sa.Column("decision", sa.Text, nullable=False),
        sa.Column("decided_by", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("decided_at", sa.Text, nullable=False),
        sa.Column("night", sa.Date, nullable=False),
        sa.Column("shown", Long, nullable=False),
        sa.CheckConstraint("decision in ('accept', 'reject')", name="input_decisions_decision"),
        sa.CheckConstraint("length(trim(decided_by)) > 0 and length(trim(why)) > 0", name="input_decisions_signed"),
        **MYSQL,
    )
    op.create_index("input_decisions_by_target", "input_decisions", ["target"])
    dialect = op.get_bind().dialect.name
    if dialect == "postgresql":
        for statement in _POSTGRESQL:
            op.execute(statement)
    elif dialect in ("mysql", "mariadb"):
        for what in ("update", "delete"):
            op.execute(_MARIADB.format(what=what))
    else:
        for what in ("update", "delete"):
            op.execute(_SQLITE.format(what=what))


def downgrade() -> None:
    op.drop_table("input_decisions")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("drop function input_decisions_kept()")
