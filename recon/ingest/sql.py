"""SQL: ledger entries, payment orders and other records from a database, by query, all from one state of it.

Comes in   a source with a query over :from and :to (instants, half open), and the snapshot of its database
Goes out   the same as of a file: typed Parquet sorted by record_id, quarantine, totals. The same rows in another
           database give the same records
Never      a write, a float as money, or a URL in a message
"""

from __future__ import annotations

import shutil
from datetime import date, datetime, time, timedelta
from pathlib import Path
from types import TracebackType
from zoneinfo import ZoneInfo

from recon.domain.records import COMMON, RECORD_TYPES, RecordType, Type
from recon.domain.rulebook import FieldMap, Format, Moves, Source
from recon.engine.duck import Engine, StreamError, name, text
from recon.errors import Exit, ReconError, SetAside, UnreachableError
from recon.ingest import controls
from recon.ingest.databases import Column, Connection, connect, failures, is_unreachable
from recon.ingest.loaded import NO_QUARANTINE, Limits, LoadedFile
from recon.ingest.mapping import SQL_TIME, Mapping
from recon.ingest.quarantine import alarms, quarantine_sql
from recon.ingest.staged import Staged, cell
from recon.workspace import Secret

LoadedQuery = LoadedFile

#: What identifies a record of a query: a primary key, or for settlement lines account, natural id and kind.
IDENTITY = {
    "ledger_entry": ("entry_id",),
    "payment_order": ("payment_order_id",),
    "settlement_line": ("natural_id",),
    "bank_line": ("natural_id",),
    "balance": ("balance_id",),
    "wallet_entry": ("entry_id",),
    "points_order": ("order_id",),
    "points_entry": ("entry_id",),
    "seller_sale": ("entry_id",),
    "seller_payout_item": ("item_id",),
    "seller_payout": ("seller_payout_id",),
    "seller_transfer": ("transfer_id",),
    "stock": ("stock_id",),
    "stock_hold": ("hold_id",),
    "order_line": ("line_id",),
    "stock_movement": ("movement_id",),
    "purchase": ("purchase_no",),
    "stock_counter": ("counter", "purchase_no"),
    "order": ("order_id",),
    "outbox_event": ("event_id",),
    "consumed_event": ("consumption_id",),
}
_TRIES = 3


class Snapshot:
    """One database as it is at one moment: everything read through it in a night sees the same state.

    with Snapshot(secret) as snapshot: snapshot.read(...)
    Opens on first use; a database that cannot be reached in a few tries raises UnreachableError.
    """

    def __init__(self, database: Secret) -> None:
        self._database = database
        self._connection: Connection | None = None

    def __enter__(self) -> Snapshot:
        self._connection = self._open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> Connection:
        """Connect, trying again for a few seconds: a restart of the server must not end a night."""
        import tenacity

        known = failures()
        trying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(_TRIES),
            wait=tenacity.wait_exponential(multiplier=1, min=1, max=4),
            retry=tenacity.retry_if_exception_type(known),
            reraise=True,
        )
        try:
            return trying(connect, self._database.value)
        except known as error:
            raise self._unreachable(f"no connection after {_TRIES} tries", error) from None

    def _unreachable(self, what: str, error: Exception) -> UnreachableError:
        # The driver's words may hold host and user: only its kind is told.
        state = getattr(error, "sqlstate", None)
        kind = type(error).__name__ + (f", SQLSTATE {state}" if state else "")
        message = f"database {self._database}: {what} ({kind})"
        return UnreachableError(
            "database-unreachable", message, "see that it is up and the reference is right; a rerun is safe"
        )

    def read(
        self,
        engine: Engine,
        source: Source,
        start: datetime,
        end: datetime,
        out: Path,
        zone: ZoneInfo,
        cut_off: time,
        limits: Limits,
    ) -> LoadedQuery:
        """Read the source's query for instants from `start` (included) to `end` (not), into `out`."""
        connection = self._connection
        assert connection is not None, "a snapshot is used inside its with block"
        query = source.query or ""
        try:
            columns = connection.columns(query, start, end)
        except failures() as error:
            if is_unreachable(error):
                raise self._unreachable("the connection was lost", error) from None
            message = f"source {source.name}: its query does not run on {self._database}: {_first_line(error)}"
            raise ReconError(
                "schema-drift", message, "compare the query with the tables as they are now", Exit.USAGE
            ) from None
        warnings = _check_columns(source, columns)
        out.mkdir(parents=True, exist_ok=True)
        night = (end.astimezone(zone) - timedelta(hours=cut_off.hour, minutes=cut_off.minute, seconds=1)).date()
        reading = _Reading(engine, source, out, zone, cut_off, limits, night)
        known: tuple[type[Exception], ...] = (*failures(), StreamError)
        try:
            reader = connection.stream(query, columns, start, end)
            return reading.run(reader, columns, warnings)
        except known as error:
            raise self._unreachable(f"the query of {source.name} broke off", error) from None
        finally:
            shutil.rmtree(reading.scratch, ignore_errors=True)


def read_query(
    engine: Engine,
    source: Source,
    database: Secret,
    start: datetime,
    end: datetime,
    out: Path,
    zone: ZoneInfo,
    cut_off: time,
    limits: Limits,
) -> LoadedQuery:
    """One query in a snapshot of its own."""
    with Snapshot(database) as snapshot:
        return snapshot.read(engine, source, start, end, out, zone, cut_off, limits)


def _first_line(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).strip().split("\n")[0][:300]


def _check_columns(source: Source, columns: list[Column]) -> tuple[str, ...]:
    """Warnings about columns that are no field. Raises ReconError where the record cannot be made from the query."""
    record = RECORD_TYPES[source.record]
    names = [column.lower() for column, _ in columns]
    wanted = [field.name for field in record.fields if field.required] + list(IDENTITY[record.name])
    given = {"psp"} if source.psp else set()
    missing = sorted({each for each in wanted if each not in names and each not in given})
    dated = source.moves is Moves.STATE or record.instant in names or (record.day and record.day in names)
    if not dated:
        missing.append(record.instant)
    problems = [f"it does not give {', '.join(missing)}"] if missing else []
    doubled = sorted({each for each in names if names.count(each) > 1})
    problems += [f"it gives {', '.join(doubled)} twice"] if doubled else []
    floats = [column for column, is_float in columns if is_float and _is_money(record, column.lower())]
    problems += [f"{', '.join(floats)} is a floating-point number, which cannot hold money exactly"] if floats else []
    if problems:
        message = f"source {source.name}: the query does not fit {record.name}: {'; '.join(problems)}"
        raise ReconError(
            "schema-drift", message, f"name the columns as the fields of {record.name} (`recon schema`)", Exit.USAGE
        )
    unknown = [column for column in names if record.field(column) is None]
    return (
        (f"{len(unknown)} column(s) that {record.name} does not know, ignored: {', '.join(unknown[:5])}",)
        if unknown
        else ()
    )


def _is_money(record: RecordType, column: str) -> bool:
    field = record.field(column)
    return field is not None and field.type is Type.MONEY


class _Reading:
    """One query's rows on their way in."""

    def __init__(
        self,
        engine: Engine,
        source: Source,
        out: Path,
        zone: ZoneInfo,
        cut_off: time,
        limits: Limits,
        night: date,
    ) -> None:
        self.night = night
        self.engine, self.source, self.zone, self.cut_off, self.limits = engine, source, zone, cut_off, limits
        self.record = RECORD_TYPES[source.record]
        self.file = f"{'redis' if source.member else 'query'}:{source.name}"
        self.parquet, self.bad_parquet = out / f"{source.name}.parquet", out / f"{source.name}.quarantine.parquet"
        self.scratch = out / f".{source.name}.scratch"

    def run(self, reader: object, columns: list[Column], warnings: tuple[str, ...]) -> LoadedQuery:
        self.scratch.mkdir(exist_ok=True)
        fmt = query_format(self.source, self.record)
        staged = self._stage(reader, columns)
        night = self.night if self.source.moves is Moves.STATE else None
        mapping = Mapping(fmt, self.source, staged, self.zone, self.cut_off, night)
        unsorted = self.scratch / "typed.parquet"
        told = ", ".join(f"{sql} AS {each}" for each, sql in mapping.told_sql(self.file, "").items())
        self.engine.step(
            f"ingest {self.file}",
            f"COPY (SELECT *, {told} FROM ({mapping.records_sql()})) TO {text(unsorted)} (FORMAT parquet)",
        )
        typed = f"read_parquet({text(unsorted)})"
        refused = int(self.engine.one(f"SELECT count(refused) FROM {typed}"))
        quarantine = NO_QUARANTINE
        if refused:
            placed = f"(SELECT *, file_row_number AS place FROM read_parquet({text(unsorted)}, file_row_number = true))"
            quarantine = quarantine_sql(self.engine, self.record, mapping, placed, self.file, "", self.bad_parquet)
        canonical = ["0 AS line" if each.name == "line" else name(each.name) for each in (*COMMON, *self.record.fields)]
        listed = ", ".join(canonical)
        order = ", ".join(name(each) for each in ("record_id", *self.record.names))
        sql = f"SELECT {listed} FROM {typed} WHERE refused IS NULL ORDER BY {order}"
        self.engine.step(f"sort {self.file}", f"COPY ({sql}) TO {text(self.parquet)} (FORMAT parquet)")
        columns_read = ", ".join(name(each.name) for each in (*COMMON, *self.record.fields))
        relation = f"SELECT {columns_read} FROM read_parquet({text(self.parquet)})"
        aside = self._too_bad(refused, staged.rows)
        return LoadedFile(
            source=self.source.name,
            name=self.file,
            sha256="",
            size=0,
            rows=staged.rows,
            read=staged.rows - refused,
            quarantined=refused,
            relation="" if aside else relation,
            quarantine=quarantine,
            totals=controls.totals(self.engine, fmt, relation),
            controls=(),
            warnings=warnings
            + controls.net_differs(self.engine, fmt, relation)
            + (alarms(self.engine, quarantine) if refused else ()),
            set_aside=aside,
        )

    def _stage(self, reader: object, columns: list[Column]) -> Staged:
        """The stream, once, into a scratch file of text columns; its row number stands in for a line until the sort."""
        rows = self.scratch / "rows.parquet"
        cells = [f"nullif(CAST({name(column)} AS VARCHAR), '') AS {cell(n)}" for n, (column, _) in enumerate(columns)]
        shown = ", ".join(
            f"{text(column + '=')} || coalesce(CAST({name(column)} AS VARCHAR), '')" for column, _ in columns
        )
        raw = f"concat_ws(' ', {shown}) AS raw"
        self.engine.register("recon_query_rows", reader)
        try:
            self.engine.rows(
                # SCAN may give an element twice.
                f"COPY (SELECT {'DISTINCT ' if self.source.member else ''}{', '.join(cells)}, {raw} FROM recon_query_rows) "
                f"TO {text(rows)} (FORMAT parquet, COMPRESSION lz4)"
            )
        finally:
            self.engine.unregister("recon_query_rows")
        scan = f"read_parquet({text(rows)}, file_row_number = true)"
        count = int(self.engine.one(f"SELECT count(*) FROM {scan}"))
        no_defect = "CAST(NULL AS VARCHAR) AS defect_found, CAST(NULL AS VARCHAR) AS defect_expected"
        own = f"file_row_number AS place, 0 AS line, {no_defect}"
        return Staged(
            f"(SELECT * EXCLUDE (file_row_number), {own} FROM {scan})",
            tuple(column.lower() for column, _ in columns),
            count,
        )

    def _too_bad(self, refused: int, rows: int) -> SetAside | None:
        if refused <= self.limits.rows or refused * 100 <= self.limits.percent * rows:
            return None
        reason = (
            f"{refused} of {rows} rows cannot be read (more than {self.limits.percent} % and {self.limits.rows} rows)"
        )
        return SetAside(self.source.name, self.file, reason, "compare the query's columns with the record's fields")


def query_format(source: Source, record: RecordType) -> Format:
    """The format of a query: each field is the column of its name; money as the source declares it, times in UTC."""
    layouts = {Type.INSTANT: SQL_TIME, Type.DATE: "%Y-%m-%d"}
    fields = {
        each.name: FieldMap(first=(each.name,), money=source.money, layout=layouts.get(each.type, ""), zone="UTC")
        for each in record.fields
        if each.name not in ("psp", "account") or record.name != "settlement_line" or not getattr(source, each.name)
    }
    return Format(
        name=f"query:{source.name}",
        title=source.name,
        record=record.name,
        reader="query",
        place=source.place,
        options={},
        required=(),
        optional=record.names,
        identity=IDENTITY[record.name],
        numbered=False,
        fields=fields,
    )
