"""The state database: a projection of the published nights for people and for the fix queue (SQLAlchemy, Alembic).

The night's folder is the truth; all but what people decided (input_decisions) can be made again from it. One transaction brings the database from one
night to another, so a killed run leaves it as it was. SQLite by default, PostgreSQL by URL.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from recon.errors import UnreachableError

#: How long a connection, or a lock of SQLite, is waited for.
SECONDS = 10

metadata = sa.MetaData()

nights = sa.Table(
    "nights",
    metadata,
    sa.Column("night", sa.Date, primary_key=True),
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("manifest_sha256", sa.Text, nullable=False),
    sa.Column("previous_sha256", sa.Text),
)
breaks = sa.Table(
    "breaks",
    metadata,
    sa.Column("break_id", sa.Text, primary_key=True),
    sa.Column("reconciliation", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
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
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("fix_id", sa.Text),
    sa.Index("breaks_by_key", "reconciliation", "key"),
)
fixes = sa.Table(
    "fixes",
    metadata,
    sa.Column("fix_id", sa.Text, primary_key=True),
    sa.Column("break_id", sa.Text, nullable=False),
    sa.Column("idempotency_key", sa.Text, nullable=False, unique=True),
    sa.Column("content_sha256", sa.Text, nullable=False),
    sa.Column("template", sa.Text, nullable=False),
    sa.Column("class", sa.Text, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("proposed_on", sa.Date, nullable=False),
    sa.CheckConstraint("status in ('proposed', 'superseded')", name="fixes_status"),
)
#: What people decided about inputs. Rows are only ever added, and the database itself holds that (0002).
input_decisions = sa.Table(
    "input_decisions",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("decision", sa.Text, nullable=False),
    sa.Column("decided_by", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("decided_at", sa.Text, nullable=False),  # UTC
    sa.Column("night", sa.Date, nullable=False),  # the night that waited for it
    sa.Column("shown", sa.Text, nullable=False),  # what the person saw: the reason, word for word
    sa.CheckConstraint("decision in ('accept', 'reject')", name="input_decisions_decision"),
    sa.CheckConstraint("length(trim(decided_by)) > 0 and length(trim(why)) > 0", name="input_decisions_signed"),
    sa.Index("input_decisions_by_target", "target"),
)


def engine_for(url: str, root: Path) -> sa.Engine:
    """An engine for the state database; a relative SQLite path is under the workspace."""
    made = sa.make_url(url)
    if made.drivername.startswith("sqlite"):
        path = root / (made.database or "state/recon.sqlite")
        path.parent.mkdir(parents=True, exist_ok=True)
        made = made.set(database=str(path))
    elif made.drivername == "postgresql":
        made = made.set(drivername="postgresql+psycopg")
    seconds = "timeout" if made.drivername.startswith("sqlite") else "connect_timeout"
    return sa.create_engine(made, connect_args={} if seconds in made.query else {seconds: SECONDS})


#: The newest revision in migrations/versions.
NEWEST = "0002_input_decisions"


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
    proposed: Iterable[Mapping[str, Any]],
    is_newest: bool,
) -> None:
    """Bring the state database to what the published night says, in one transaction.

    facts      the row of `nights`
    known      every known break as rows of `breaks`; proposed: tonight's fixes as rows of `fixes`
    is_newest  False for a rerun of an older night: then only its row of `nights` changes, for the breaks are those of the newest
    """
    engine = engine_for(url, root)
    try:
        migrate(engine)
        with engine.begin() as connection:
            _replace(connection, nights, [dict(facts)], ["night"])
            if is_newest:
                _project(connection, night, list(known), list(proposed))
    except (sa.exc.OperationalError, sa.exc.InterfaceError) as error:
        raise UnreachableError(
            "state-database",
            f"the state database did not take the night: {error.orig}",
            "the night's folder is published; run the same night again to bring the database up to it",
        ) from error
    finally:
        engine.dispose()


def _project(
    connection: sa.Connection, night: date, known: list[Mapping[str, Any]], proposed: list[Mapping[str, Any]]
) -> None:
    # A night that was run again may no longer know a break or a fix that an earlier run of it made up.
    connection.execute(
        breaks.delete().where(
            breaks.c.first_seen >= night, breaks.c.break_id.not_in(_ids(connection, known, "break_id"))
        )
    )
    _replace(connection, breaks, known, ["break_id"])
    current = _ids(connection, proposed, "fix_id")
    connection.execute(fixes.delete().where(fixes.c.proposed_on >= night, fixes.c.fix_id.not_in(current)))
    connection.execute(
        fixes.update().where(fixes.c.status == "proposed", fixes.c.fix_id.not_in(current)).values(status="superseded")
    )
    before = {row.fix_id: row for row in connection.execute(sa.select(fixes.c.fix_id, fixes.c.proposed_on))}
    rows = [
        {**row, "proposed_on": min(before[row["fix_id"]].proposed_on, night)} if row["fix_id"] in before else dict(row)
        for row in proposed
    ]
    _replace(connection, fixes, rows, ["fix_id"])


def _ids(connection: sa.Connection, rows: Sequence[Mapping[str, Any]], column: str) -> sa.Select[Any]:
    """The ids of `rows` as a subquery, through a temporary table: a night may have hundreds of thousands."""
    table = sa.Table(
        f"tonight_{column}", sa.MetaData(), sa.Column("id", sa.Text, primary_key=True), prefixes=["TEMPORARY"]
    )
    table.drop(connection, checkfirst=True)
    table.create(connection)
    if rows:
        connection.execute(table.insert(), [{"id": row[column]} for row in rows])
    return sa.select(table.c.id)


def _replace(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]], key: list[str]) -> None:
    """Insert rows, or bring those that are there up to date."""
    if not rows:
        return
    statement = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)
    others = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in key}
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=others), [dict(row) for row in rows])


def read_fixes(url: str, root: Path) -> list[dict[str, Any]]:
    """Every fix of the queue with its status, by id; empty where the database does not exist yet."""
    engine = engine_for(url, root)
    try:
        if not sa.inspect(engine).has_table("fixes"):
            return []
        with closing(engine.connect()) as connection:
            return [dict(row._mapping) for row in connection.execute(sa.select(fixes).order_by(fixes.c.fix_id))]
    finally:
        engine.dispose()
