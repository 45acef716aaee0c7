"""Readers: which one reads a format's files, for those that split a file into rows by themselves."""

from __future__ import annotations

from pathlib import Path

from recon.domain.rulebook import Format
from recon.ingest import excel, framed, json_records, sectioned, statements
from recon.ingest.staged import Staged

#: Readers of bank statements, which state balances beside their rows.
STATEMENTS = ("camt", "mt940", "bai2", "ofx")


def own_lines(fmt: Format, path: Path, work: Path) -> Staged | None:
    """The file's rows, each with its line; None for a plain delimited file, whose rows are its lines.

    work   a folder for this file alone. Raises UnreadableError.
    """
    if fmt.reader == "json":
        return json_records.stage(fmt, path, work)
    if fmt.reader == "excel":
        return excel.stage(fmt, path, work)
    if fmt.reader == "sectioned":
        return sectioned.stage(fmt, path, work)
    if fmt.reader in STATEMENTS:
        return statements.stage(fmt, path, work)
    if fmt.totals or framed.wanted(fmt):
        return framed.stage(fmt, path, work)
    return None
