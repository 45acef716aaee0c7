"""Raw: a file's records as they stand, each with its line, for showing them beside what was read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from recon.domain.rulebook import Format
from recon.ingest import excel, json_records
from recon.ingest.csv_text import read_records
from recon.ingest.delimited import Dialect
from recon.ingest.readers import STATEMENTS
from recon.ingest.statements import Found, reader_of


def raw_records(fmt: Format, path: Path) -> Iterator[tuple[int, str]]:
    """(line, text) of every record in order; of a delimited file also the lines that are no row (header, blank)."""
    if fmt.reader == "json":
        for _, raw, line in json_records.records(path, fmt):
            yield line, raw
        return
    if fmt.reader == "excel":
        yield from excel.raw_rows(fmt, path)
        return
    if fmt.reader in STATEMENTS:
        for row in reader_of(fmt)(path, fmt, Found()):
            yield row.line, row.raw
        return
    dialect = Dialect(fmt.options)
    for record in read_records(path, dialect.encoding, dialect.delimiter, dialect.quote):
        yield record.line, record.raw
