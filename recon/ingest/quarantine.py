"""Quarantine: the rows of one file or query that could not be read: where, why, and what of them could be read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from recon.domain.records import RecordType
from recon.engine.duck import Engine, text
from recon.ingest.cards import WITHHELD, is_secret, mask
from recon.ingest.loaded import QUARANTINE_COLUMNS
from recon.ingest.mapping import Mapping

_RAW_SHOWN = 2_000  # characters of a record that are kept; the raw store has all of it


def quarantine_sql(
    engine: Engine,
    record: RecordType,
    mapping: Mapping,
    typed: str,
    file: str,
    sha256: str,
    out: Path,
    raw_lines: Callable[[list[int]], list[str]] | None = None,
) -> str:
    """Write the refused rows to `out`; gives the SELECT over them with QUARANTINE_COLUMNS.

    typed       SQL after FROM: the written rows with `refused`, `line` and `place`, their number in the staged order
    raw_lines   gives the text of these lines, where the staging does not keep it
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    read = [
        each if record.field(each) or each == "business_date" else f"NULL AS {each}"
        for each in list(QUARANTINE_COLUMNS)[7:]
    ]
    rows = engine.rows(f"SELECT line, {', '.join(read)} FROM {typed} WHERE refused IS NOT NULL ORDER BY place")
    reasons = engine.rows(mapping.refusals_sql())
    if raw_lines is None:
        reasons = sorted(reasons, key=lambda reason: int(reason[0]))
        raws, reasons = [str(reason[1]) for reason in reasons], [reason[2:] for reason in reasons]
    else:
        raws = raw_lines([int(row[0]) for row in rows])
    made = [
        (file, sha256, row[0], column, _kept(found or ""), expected, _kept(raw, bool(mapping.secret_columns)), *row[1:])
        for row, (column, found, expected), raw in zip(rows, reasons, raws, strict=True)
    ]
    types = {"VARCHAR": pa.string(), "BIGINT": pa.int64(), "DATE": pa.date32()}
    schema = pa.schema([(column, types[kind]) for column, kind in QUARANTINE_COLUMNS.items()])
    columns = [pa.array(values, kind) for values, kind in zip(zip(*made, strict=True), schema.types, strict=True)]
    pq.write_table(pa.table(columns, schema=schema), out)
    return f"SELECT {', '.join(QUARANTINE_COLUMNS)} FROM read_parquet({text(out)})"


def _kept(value: str, withhold: bool = False) -> str:
    """What of a refused row's text may be kept. Of a file with a column of secrets, no row's."""
    return WITHHELD if withhold or is_secret(value) else mask(value[:_RAW_SHOWN])


def alarms(engine: Engine, quarantine: str) -> tuple[str, ...]:
    """A warning where rows of this quarantine had to be withheld."""
    withheld = f"{text(WITHHELD)} IN (found, raw)"
    [(count, first)] = engine.rows(f"SELECT count(*), min(line) FROM ({quarantine}) WHERE {withheld}")
    if not count:
        return ()
    return (
        f"{count} row(s) with card verification or track data, first in line {first}: in quarantine, without their text",
    )
