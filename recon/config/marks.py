"""Marks of a format: where its files say their number, their date, and whether their money is live (docs/inputs.md)."""

from __future__ import annotations

from recon.config import reader
from recon.config.models import DateMarkModel, FormatFile, LiveMarkModel, MarkModel
from recon.config.yaml_file import Document
from recon.domain.rulebook import Mark, Marks


def read_marks(document: Document, model: FormatFile, columns: tuple[str, ...]) -> Marks:
    """The part `file` of a format. Problems are noted in the document."""
    given = model.file
    if given is None:
        return Marks()
    live = given.live
    if live is not None and not live.name_lacks and live.column is None and live.line is None:
        document.error("live says nothing", "a column or a cell with values, or name_lacks", "file", "live")
    by_cell = live is not None and (live.column is not None or live.line is not None)
    return Marks(
        sequence=_mark(document, model, columns, "sequence", given.sequence),
        date=_mark(document, model, columns, "date", given.date),
        live=_mark(document, model, columns, "live", live) if by_cell else None,
        live_name_lacks=tuple(live.name_lacks) if live is not None else (),
    )


def _mark(
    document: Document, model: FormatFile, columns: tuple[str, ...], what: str, given: MarkModel | None
) -> Mark | None:
    if given is None:
        return None
    path = ("file", what)
    by_line = given.line is not None or given.cell is not None
    if (given.column is not None) == by_line:
        document.error(f"{what} stands in a column, or in a cell of a line", "give one of the two", *path)
    if by_line and not (given.line and given.cell):
        document.error("line and cell go together, both from 1", "as {line: 1, cell: 3}", *path)
    if by_line and model.reader != "delimited":
        document.error(f"a {model.reader} file has no lines of cells", "give a column", *path)
    if given.column is not None:
        reader.known(document, given.column, columns, "a declared column", *path, "column")
    values = tuple(given.values) if isinstance(given, LiveMarkModel) else ()
    if isinstance(given, LiveMarkModel) and not values:
        document.error("values is missing", "what the file says of live money", *path)
    layout = given.layout if isinstance(given, DateMarkModel) else ""
    return Mark(given.column or "", given.line or 0, given.cell or 0, layout, values)
