"""Staging: records that a reader splits by itself, written to a scratch Parquet of text columns.

Comes in   per record: its line, its text, its cells, and what is wrong with it as (found, expected)
Goes out   `Staged` with the columns `place`, `line`, `raw`, `defect_found`, `defect_expected` beside the cells
Never      a record left out: one with a defect is staged with it, and quarantined by the mapping.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from recon.engine.duck import text
from recon.ingest.staged import FIELD_MAX, Staged, UnreadableError, cell

_BATCH = 20_000
_OWN = ("place", "line", "raw", "defect_found", "defect_expected")


@dataclass(slots=True)
class Record:
    """One record: the line it starts on (from 1), its text, its cells ("" is an empty one), its defect."""

    line: int
    raw: str
    cells: list[str]
    defect: tuple[str, str] | None = None


def staged(
    records: Iterable[Record], names: Callable[[], list[str]], work: Path, warnings: Callable[[], tuple[str, ...]]
) -> Staged:
    """Write the records to `work`. `names` and `warnings` are asked once all records are read: they may grow until then.

    Raises UnreadableError for a cell longer than FIELD_MAX characters.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    count, source, parts = 0, iter(records), 0
    while (batch := list(islice(source, _BATCH))) or not parts:
        width = len(names())
        rows = [_row(record, width, count + n) for n, record in enumerate(batch)]
        kinds = [pa.string()] * width + [pa.int64(), pa.int64(), pa.string(), pa.string(), pa.string()]
        columns = list(zip(*rows, strict=True)) or [()] * len(kinds)
        made = [pa.array(values, kind) for values, kind in zip(columns, kinds, strict=True)]
        table = pa.table(made, names=[*(cell(n) for n in range(width)), *_OWN])
        pq.write_table(table, work / f"{parts:06}.parquet", compression="lz4")
        count, parts = count + len(batch), parts + 1
    relation = f"read_parquet({text(work / '*.parquet')}, union_by_name = true)"
    return Staged(relation, tuple(names()), count, None, warnings())


def _row(record: Record, width: int, place: int) -> list[str | int | None]:
    cells, defect, raw = record.cells, record.defect, record.raw
    if defect is None and any("\x00" in value for value in cells):
        defect = ("a NUL byte", "text without NUL bytes")
    if any(len(value) > FIELD_MAX for value in cells):
        raise UnreadableError(
            f"line {record.line}: a cell is longer than {FIELD_MAX} characters", "ask the provider for the file again"
        )
    cells = [value.replace("\x00", "") for value in cells] if defect else cells
    cells = (cells + [""] * width)[:width]
    found, expected = defect or (None, None)
    return [*(value or None for value in cells), place, record.line, raw.replace("\x00", "\u2400"), found, expected]
