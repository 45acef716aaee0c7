"""Format totals: rows of a file that state a total, and rows that a mapping refuses, proved against the format's names."""

from __future__ import annotations

from collections.abc import Sequence

from recon.config import reader
from recon.config.models import FormatFile, TotalModel
from recon.config.spaces import raw_space, record_space
from recon.config.yaml_file import Document, Key
from recon.domain.records import RecordType, Type
from recon.domain.rulebook import Expr, Refusal, Total


def read_totals(document: Document, model: FormatFile, record: RecordType, columns: Sequence[str]) -> tuple[Total, ...]:
    """The format's totals; what is wrong with them is noted in the document."""
    return tuple(_total(document, model, each, record, columns, ("totals", at)) for at, each in enumerate(model.totals))


def read_refusals(document: Document, model: FormatFile, columns: Sequence[str]) -> tuple[Refusal, ...]:
    """The format's refusals; what is wrong with them is noted in the document."""
    made = []
    for at, each in enumerate(model.refuse):
        path: tuple[Key, ...] = ("refuse", at)
        reader.known(document, each.column, columns, "a declared column", *path, "column")
        when = reader.expression(document, each.when, raw_space(columns), *path, "when")
        made.append(Refusal(when, each.column, each.expected))
    return tuple(made)


def _total(
    document: Document,
    model: FormatFile,
    each: TotalModel,
    record: RecordType,
    columns: Sequence[str],
    path: tuple[Key, ...],
) -> Total:
    if (each.count is None) == (each.value is None or each.field is None):
        document.error("a total states either a sum (value and field) or a count", "give one of the two", *path)
    for key, column in (("value", each.value), ("count", each.count)):
        if column is not None:
            reader.known(document, column, columns, "a declared column", *path, key)
    for at, column in enumerate(each.per):
        reader.known(document, column, columns, "a declared column", *path, "per", at)
    for field, column in each.by.items():
        _mapped(document, model, record, field, *path, "by", field)
        if not column.startswith("="):
            reader.known(document, column, columns, "a declared column", *path, "by", field)
    if each.field is not None and _mapped(document, model, record, each.field, *path, "field"):
        declared = record.field(each.field)
        if declared is None or declared.type is not Type.MONEY:
            document.error(f"{each.field} is no money: a total sums money", "", *path, "field")
        elif declared.of not in each.by:
            document.error(f"sums of {each.field} never cross currencies", f"add {declared.of} to by", *path)
    return Total(
        each.name,
        reader.expression(document, each.when, raw_space(columns), *path, "when"),
        each.value or "",
        each.field or "",
        tuple(each.by.items()),
        _optional(document, each.where, record_space(record.name), *path, "where"),
        each.money,
        each.sign,
        each.count or "",
        tuple(each.per),
        _optional(document, each.spans, raw_space(columns), *path, "spans"),
        each.advisory,
    )


def _mapped(document: Document, model: FormatFile, record: RecordType, name: str, *path: Key) -> bool:
    if not reader.known(document, name, record.names, f"a field of {record.name}", *path):
        return False
    if name not in model.fields:
        document.error(f"{name} is not read by this format", f"add fields: {name}", *path)
        return False
    return True


def _optional(document: Document, text: str | None, space: dict[str, Type], *path: Key) -> Expr | None:
    return reader.expression(document, text, space, *path) if text is not None else None
