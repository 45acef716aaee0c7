"""Numbering: rows without an id of their own that are alike in everything that identifies them get an occurrence.

Every record is written as the first of its kind (`...#1`). Twins are rare, so the file is only written again when it
has some: the n-th of them in the file's order becomes `...#n`. Refused rows are not counted.
"""

from __future__ import annotations

from pathlib import Path

from recon.engine.duck import Engine, text


def number_twins(engine: Engine, parquet: Path, own_lines: bool) -> None:
    """Number the records of one Parquet file that share a record_id, in the file's order."""
    read = f"read_parquet({text(parquet)})"
    twins = f"SELECT record_id FROM {read} WHERE refused IS NULL GROUP BY record_id HAVING count(*) > 1"
    if not engine.one(f"SELECT count(*) FROM ({twins})"):
        return
    second = parquet.with_name(parquet.name + ".numbered")
    ordered = f"read_parquet({text(parquet)}, file_row_number = true)"
    numbered = (
        f"SELECT file_row_number AS place, row_number() OVER (PARTITION BY record_id ORDER BY file_row_number) AS n "
        f"FROM {ordered} WHERE refused IS NULL AND record_id IN ({twins})"
    )
    record_id = "CASE WHEN n > 1 THEN substr(record_id, 1, length(record_id) - 1) || n ELSE record_id END AS record_id"
    [(first_line,)] = engine.rows(
        f"SELECT min(decode(value)) FROM parquet_kv_metadata({text(parquet)}) WHERE decode(key) = 'first_line'"
    )
    note = "" if own_lines else f", KV_METADATA {{first_line: '{first_line}'}}"
    engine.step(
        f"number {parquet.name}",
        f"COPY (SELECT * EXCLUDE (place, n, file_row_number) REPLACE ({record_id}) FROM {ordered} "
        f"LEFT JOIN ({numbered}) ON place = file_row_number ORDER BY file_row_number) "
        f"TO {text(second)} (FORMAT parquet{note})",
    )
    second.replace(parquet)
