"""The state database: a projection of the published nights for people and for the fix queue (SQLAlchemy, Alembic).

The night's folder is the truth; all but what people decided (input_decisions) can be made again from it. One transaction brings the database from one
night to another, so a killed run leaves it as it was. SQLite by default, PostgreSQL by URL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

from recon.domain.queue import Status
from recon.errors import UnreachableError

#: How long a connection, or a lock of SQLite, is waited for.
SECONDS = 10

_MYSQL: dict[str, Any] = {"engine": "InnoDB", "charset": "utf8mb4", "collate": "utf8mb4_bin"}

metadata = sa.MetaData()

#: Text that MariaDB can index, and text that may be long there. Compared byte by byte on every database.
Key = sa.Text().with_variant(mysql.VARCHAR(191), "mysql", "mariadb")
Long = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")
#: Of every table: MariaDB's own ways are not the ones that money is kept by.
MYSQL: dict[str, Any] = {f"{name}_{key}": value for name in ("mysql", "mariadb") for key, value in _MYSQL.items()}

nights = sa.Table(
    "nights",
    metadata,
    sa.Column("night", sa.Date, primary_key=True),
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("manifest_sha256", sa.Text, nullable=False),
    sa.Column("previous_sha256", sa.Text),
    **MYSQL,
)
breaks = sa.Table(
    "breaks",
    metadata,
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
    sa.Index("breaks_by_key", "reconciliation", "key", mysql_length={"key": 191}, mariadb_length={"key": 191}),
    **MYSQL,
)
#: The fix queue. Only recon/fixes/queue.py moves a row, and the guards hold what may be moved, by whom (recon/store/guards.py).
fixes = sa.Table(
    "fixes",
    metadata,
    sa.Column("fix_id", Key, primary_key=True),
    sa.Column("break_id", Key, nullable=False),
    sa.Column("idempotency_key", Key, nullable=False, unique=True),
    sa.Column("reconciliation", sa.Text, nullable=False),
    sa.Column("code", sa.Text, nullable=False),  # the break's, which names the rule
    sa.Column("template", sa.Text, nullable=False),
    sa.Column("class", sa.Text, nullable=False),
    sa.Column("psp", sa.Text, nullable=False),
    sa.Column("currency", Key, nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("content", Long, nullable=False),  # what it does: canonical JSON, of which content_sha256 is the hash
    sa.Column("content_sha256", Key, nullable=False),
    sa.Column("rule_sha256", Key, nullable=False),  # of the rule file
    sa.Column("seen", Long, nullable=False),  # what it was proposed from: canonical JSON
    sa.Column("seen_sha256", Key, nullable=False),
    sa.Column("auto_approve", sa.Integer, nullable=False),  # 1 where the rule says that nobody has to
    sa.Column("limit_text", sa.Text),  # the rule's limit for an automatic fix, in major units
    sa.Column("status", Key, nullable=False),
    sa.Column("proposed_on", sa.Date, nullable=False),  # the first night that proposed it
    sa.Column("seen_on", sa.Date, nullable=False),  # the last one
    sa.Column("maker", Key, nullable=False),
    sa.Column("approved_by", sa.Text),
    sa.Column("proposed_seq", sa.BigInteger, nullable=False),  # the audit record since which it is proposed as it is
    sa.Column("audit_seq", sa.BigInteger, nullable=False),  # the audit record of its last move
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("not_before", sa.Text),  # UTC; of a failed one: the next try
    sa.Column("claimed_by", sa.Text),  # an applier has it in hand: nights and people leave it alone
    sa.Column("claimed_until", sa.Text),  # UTC; from then on another applier may look what became of it
    sa.Column("error", Long),  # of the last try
    sa.Column("receipt", Long),  # of an applied one: what the target said, e.g. the journal's id
    sa.CheckConstraint(f"status in {tuple(map(str, Status))}", name="fixes_status"),
    sa.CheckConstraint("auto_approve in (0, 1)", name="fixes_auto_approve"),
    sa.Index("fixes_by_status", "status"),
    sa.Index("fixes_by_break", "break_id"),
    **MYSQL,
)
#: Everybody who ever proposed a fix; the database notes them by itself.
fix_makers = sa.Table(
    "fix_makers",
    metadata,
    sa.Column("fix_id", Key, primary_key=True),
    sa.Column("name", Key, primary_key=True),
    **MYSQL,
)
#: Who signed what: rows are only ever added. One that no longer fits what the fix is counts for nothing.
fix_approvals = sa.Table(
    "fix_approvals",
    metadata,
    sa.Column("audit_seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("fix_id", Key, nullable=False),
    sa.Column("approved_by", Key, nullable=False),
    sa.Column("content_sha256", Key, nullable=False),
    sa.Column("rule_sha256", Key, nullable=False),
    sa.Column("seen_sha256", Key, nullable=False),
    sa.Column("approved_on", sa.Date, nullable=False),  # the night that was the newest: ceilings are summed over it
    sa.Index("fix_approvals_by_fix", "fix_id"),
    sa.Index("fix_approvals_by_night", "approved_on"),
    **MYSQL,
)
#: The audit trail: every move of a fix, every decision on a break. Each record holds the hash of the one before it.
audit = sa.Table(
    "audit",
    metadata,
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", sa.Text, nullable=False),  # UTC
    sa.Column("who", Key, nullable=False),
    sa.Column("action", Key, nullable=False),
    sa.Column("subject", Key, nullable=False),  # a fix_id or a break_id
    sa.Column("from_state", Key, nullable=False),  # empty where there was none
    sa.Column("to_state", Key, nullable=False),
    sa.Column("why", Long, nullable=False),
    sa.Column("details", Long, nullable=False),  # canonical JSON
    sa.Column("night", sa.Date),  # the night that did it, or that was the newest
    sa.Column("previous_sha256", Key, nullable=False),
    sa.Column("sha256", Key, nullable=False, unique=True),
    sa.Index("audit_by_subject", "subject"),
    **MYSQL,
)
#: One row: the last record. Who adds a record locks it first, so that records follow one another.
audit_head = sa.Table(
    "audit_head",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    **MYSQL,
)
#: Targets of fixes that failed lately (recon/fixes/breaker.py).
breakers = sa.Table(
    "breakers",
    metadata,
    sa.Column("target", Key, primary_key=True),
    sa.Column("state", Key, nullable=False),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("openings", sa.Integer, nullable=False),
    sa.Column("until", Key, nullable=False),  # UTC
    sa.Column("error", Long, nullable=False),
    sa.CheckConstraint("state in ('closed', 'open', 'half_open')", name="breakers_state"),
    **MYSQL,
)
#: What people decided about inputs. Rows are only ever added, and the database itself holds that (0002).
input_decisions = sa.Table(
    "input_decisions",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("target", Key, nullable=False),
    sa.Column("decision", sa.Text, nullable=False),
    sa.Column("decided_by", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("decided_at", sa.Text, nullable=False),  # UTC
    sa.Column("night", sa.Date, nullable=False),  # the night that waited for it
    sa.Column("shown", Long, nullable=False),  # what the person saw: the reason, word for word
    sa.CheckConstraint("decision in ('accept', 'reject')", name="input_decisions_decision"),
    sa.CheckConstraint("length(trim(decided_by)) > 0 and length(trim(why)) > 0", name="input_decisions_signed"),
    sa.Index("input_decisions_by_target", "target"),
    **MYSQL,
)


def engine_for(url: str, root: Path) -> sa.Engine:
    """An engine for the state database; a relative SQLite path is under the workspace."""
    made = sa.make_url(url)
    kind = made.drivername.partition("+")[0]
    options: dict[str, Any] = {}
    if kind == "sqlite":
        path = root / (made.database or "state/recon.sqlite")
        path.parent.mkdir(parents=True, exist_ok=True)
        made = made.set(database=str(path))
    elif made.drivername == "postgresql":
        made = made.set(drivername="postgresql+psycopg")
    elif kind in ("mysql", "mariadb"):
        made = made.set(drivername=f"{kind}+pymysql", query={"charset": "utf8mb4", **made.query})
        options["isolation_level"] = "READ COMMITTED"  # as PostgreSQL: what a lock waited for is seen
    seconds = "timeout" if kind == "sqlite" else "connect_timeout"
    return sa.create_engine(made, connect_args={} if seconds in made.query else {seconds: SECONDS}, **options)


def unanswered(error: sa.exc.DBAPIError) -> UnreachableError:
    """What to raise where the database was asked before anything was written."""
    return UnreachableError(
        "state-database",
        f"the state database did not answer: {error.orig}",
        "nothing was written; run the same command again",
    )


#: The newest revision in migrations/versions.
NEWEST = "0004_breakers"


def migrate(engine: sa.Engine) -> None:
    """Bring the schema to the newest revision; one that is there already is left alone."""
    with engine.connect() as connection:
        if sa.inspect(connection).has_table("recon_schema"):
            at = connection.execute(sa.text("select version_num from recon_schema")).scalars().all()
            if at == [NEWEST]:
                return  # the usual case, and Alembic takes longer to import than the night to record
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    with engine.connect() as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def record_night(
    url: str,
    root: Path,
    night: date,
    facts: Mapping[str, Any],
    known: Iterable[Mapping[str, Any]],
    is_newest: bool,
    queue: Callable[[sa.Connection], None],
) -> None:
    """Bring the state database to what the published night says, in one transaction.

    facts      the row of `nights`
    known      every known break as rows of `breaks`
    is_newest  False for a rerun of an older night: then only its row of `nights` changes, for the breaks are those of the newest
    queue      brings the fix queue to what the newest night proposes, in the same transaction
    """
    engine = engine_for(url, root)
    try:
        migrate(engine)
        with engine.begin() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("begin immediate")
            _replace(connection, nights, [dict(facts)], ["night"])
            if is_newest:
                _project(connection, night, list(known))
                queue(connection)
    except (sa.exc.OperationalError, sa.exc.InterfaceError) as error:
        raise UnreachableError(
            "state-database",
            f"the state database did not take the night: {error.orig}",
            "the night's folder is published; run the same night again to bring the database up to it",
        ) from error
    finally:
        engine.dispose()


def _project(connection: sa.Connection, night: date, known: list[Mapping[str, Any]]) -> None:
    # A night that was run again may no longer know a break that an earlier run of it made up.
    connection.execute(
        breaks.delete().where(
            breaks.c.first_seen >= night, breaks.c.break_id.not_in(_ids(connection, known, "break_id"))
        )
    )
    _replace(connection, breaks, known, ["break_id"])


def _ids(connection: sa.Connection, rows: Sequence[Mapping[str, Any]], column: str) -> sa.Select[Any]:
    """The ids of `rows` as a subquery, through a temporary table: a night may have hundreds of thousands."""
    table = sa.Table(f"tonight_{column}", sa.MetaData(), sa.Column("id", Key, primary_key=True), prefixes=["TEMPORARY"])
    table.create(connection)
    if rows:
        connection.execute(table.insert(), [{"id": row[column]} for row in rows])
    return sa.select(table.c.id)


def _replace(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]], key: list[str]) -> None:
    """Insert rows, or bring those that are there up to date."""
    if not rows:
        return
    others = [column.name for column in table.columns if column.name not in key]
    statement: Any
    if connection.dialect.name in ("mysql", "mariadb"):
        made = mysql.insert(table)
        statement = made.on_duplicate_key_update({name: made.inserted[name] for name in others})
    else:
        kind = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)
        statement = kind.on_conflict_do_update(index_elements=key, set_={name: kind.excluded[name] for name in others})
    connection.execute(statement, [dict(row) for row in rows])
