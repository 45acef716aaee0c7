"""JSON: a document that is an array of objects, or holds one at `options.records`, streamed record by record.

Numbers keep their text (never a float), nested objects become dotted names (`cancel.canceledAt`), arrays indexed ones
(`fees[0].fee`). A record with a name twice, or one that is no object, is staged with its defect. A document that ends
early or is not JSON is set aside with the offset.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from recon.domain.rulebook import Format
from recon.engine.duck import text
from recon.ingest.csv_text import undecodable
from recon.ingest.json_nested import nested
from recon.ingest.staged import FIELD_MAX, Staged, UnreadableError, cell

_CHUNK = 1 << 20
_BATCH = 10_000
_NOT_SPACE = re.compile(r"[^ \t\r\n]")
_OWN = ("line", "raw", "defect_found", "defect_expected")
_AGAIN = "ask the provider for the file again"


#: Objects come out as tuples of (name, value), duplicates and all; arrays as lists; numbers as their text.
_DECODER = json.JSONDecoder(object_pairs_hook=tuple, parse_float=str, parse_int=str, parse_constant=str)


def stage(fmt: Format, path: Path, work: Path) -> Staged:
    """The document's records as text columns. `work` is a folder for this file alone. Raises UnreadableError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = _Columns((*fmt.required, *fmt.optional))
    # Each record's objects are let go at once: kept for a batch, they keep the garbage collector busy.
    found = (columns.row(value, raw, line) for value, raw, line in records(path, fmt))
    count = parts = 0
    # A later batch may hold a longer array and so more columns: each batch is a part of its own, united by column name.
    while (rows := list(islice(found, _BATCH))) or not parts:
        made = {cell(n): pa.array([row[0].get(n) for row in rows], pa.string()) for n in range(len(columns.names))}
        for n, (key, kind) in enumerate(zip(_OWN, (pa.int64(), pa.string(), pa.string(), pa.string()), strict=True), 1):
            made[key] = pa.array([row[n] for row in rows], kind)
        made["place"] = pa.array(range(count, count + len(rows)), pa.int64())
        pq.write_table(pa.table(made), work / f"{parts:06}.parquet", compression="lz4")
        count, parts = count + len(rows), parts + 1
    if not count and not fmt.options.get("allow_empty"):
        raise UnreadableError(
            "the document holds no record",
            "ask the provider for it again; it never means that nothing was sold",
            code="empty",
        )
    columns.check(fmt, count)
    relation = f"read_parquet({text(work / '*.parquet')}, union_by_name = true)"
    return Staged(relation, tuple(columns.names), count)


def records(path: Path, fmt: Format) -> Iterator[tuple[Any, str, int]]:
    """(value, text, line) of each record of the document. Raises UnreadableError where it is no whole document."""
    found = _records(_Window(path, str(fmt.options.get("encoding", "utf-8"))), str(fmt.options.get("records", "")))
    return nested(found, str(fmt.options["each"])) if fmt.options.get("each") else found


class _Node:
    """A step in the names that a format asks for: what is wanted below it, and its column where it is one itself."""

    __slots__ = ("below", "column", "every")

    def __init__(self) -> None:
        self.below: dict[str, _Node] = {}
        self.every: _Node | None = None  # below `[*]`
        self.column: int | None = None  # None: none, or one whose number depends on the index


_NOTHING = _Node()


class _Columns:
    """The members that a format names, found in records; `[*]` in a name stands for every index."""

    def __init__(self, wanted: tuple[str, ...]) -> None:
        self.names: list[str] = []
        self._index: dict[str, int] = {}
        self._seen: set[int] = set()
        self._tree = _Node()
        for column in wanted:
            node = self._tree
            for step in re.findall(r"\[(?:\*|[0-9]+)\]|[^.\[\]]+", column):
                if step == "[*]":
                    node.every = node = node.every or _Node()
                else:
                    node = node.below.setdefault(step, _Node())
            node.column = -1 if "[*]" in column else self._number(column)

    def _number(self, column: str) -> int:
        if column not in self._index:
            self._index[column] = len(self.names)
            self.names.append(column)
        return self._index[column]

    def check(self, fmt: Format, count: int) -> None:
        """Raise UnreadableError where a required member is in no record at all."""
        missing = [column for column in fmt.required if count and self._index.get(column) not in self._seen]
        if missing:
            raise UnreadableError(
                "no record has the required member(s) " + ", ".join(f'"{column}"' for column in missing),
                "compare the document with the format's columns",
            )

    def row(self, value: Any, raw: str, line: int) -> tuple[dict[int, str | None], int, str, str | None, str | None]:
        """(text per column number, line, raw text, defect found, defect expected) of one record."""
        cells: dict[int, str | None] = {}
        defect: tuple[str, str] | tuple[None, None] = (None, None)
        if type(value) is not tuple:
            defect = (raw[:40], "an object")
        elif twice := self._object(value, self._tree, "", cells):
            defect = (f'the name "{twice}" twice', "each name once in an object")
        if "\\u" in raw and any(each and ("\x00" in each or _surrogate(each)) for each in cells.values()):
            defect = ("a NUL or half a character", "whole characters")
            cells = {n: each and _clean(each) for n, each in cells.items()}
        if not self._seen.issuperset(cells):
            self._seen.update(cells)
        return cells, line, raw, *defect

    def _object(self, members: tuple[Any, ...], node: _Node, path: str, cells: dict[int, str | None]) -> str:
        """Collect the wanted texts of an object; gives a name that it, or one inside it, has twice, or nothing."""
        by_name = dict(members)
        twice = "" if len(by_name) == len(members) else _doubled([key for key, _ in members])
        wanted = node.below
        for key, member in by_name.items():
            below = wanted.get(key)
            if below is not None and type(member) is str and below.column is not None and below.column >= 0:
                cells[below.column] = member or None  # nearly every value: text or a number, in a column of its own
            elif below is not None:
                twice = self._member(member, below, f"{path}.{key}" if path else key, cells) or twice
            elif type(member) in (tuple, list):
                twice = self._member(member, _NOTHING, "", cells) or twice
        return twice

    def _member(self, value: Any, node: _Node, path: str, cells: dict[int, str | None]) -> str:
        """As `_object`, for any value and the column that it may be itself."""
        if node.column is not None:
            cells[node.column if node.column >= 0 else self._number(path)] = _text(value)
        if type(value) is tuple:
            return self._object(value, node, path, cells)
        twice = ""
        if type(value) is list:
            for n, each in enumerate(value):
                below = node.below.get(f"[{n}]") or node.every or _NOTHING
                twice = self._member(each, below, f"{path}[{n}]", cells) or twice
        return twice


def _text(value: Any) -> str | None:
    """A value as the text of a cell; None for null and empty text."""
    if type(value) is str:
        return value or None
    if value is None:
        return None
    if type(value) is bool:
        return "true" if value else "false"
    return "(an array)" if type(value) is list else "(an object)"


def _doubled(names: list[str]) -> str:
    return next(name for name in names if names.count(name) > 1)


def _surrogate(value: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in value)


def _clean(value: str) -> str:
    return value.replace("\x00", "\u2400").encode("utf-8", "backslashreplace").decode("utf-8")


class _Window:
    """A window that moves over the document's text."""

    def __init__(self, path: Path, encoding: str) -> None:
        self._path, self._encoding = path, encoding
        self._pieces = self._decoded()
        self.text, self.at, self.ended = next(self._pieces, "").removeprefix("\ufeff"), 0, False
        self._passed, self._line, self._counted = 0, 1, 0

    def _decoded(self) -> Iterator[str]:
        try:
            with self._path.open(encoding=self._encoding, errors="strict", newline="", buffering=_CHUNK) as file:
                while piece := file.read(_CHUNK):
                    yield piece
        except UnicodeDecodeError as error:
            raise undecodable(self._path, self._encoding) from error

    @property
    def line(self) -> int:
        """The physical line that the window stands on; only what was passed since is counted."""
        self._line += self.text.count("\n", self._counted, self.at)
        self._counted = self.at
        return self._line

    def more(self) -> bool:
        """Read on, forgetting what is behind; False at the end."""
        piece = next(self._pieces, "")
        self._line, self._passed, self._counted = self.line, self._passed + self.at, 0
        self.text, self.at, self.ended = self.text[self.at :] + piece, 0, not piece
        return not self.ended

    def peek(self) -> str:
        """The next character that is not white space; empty at the end."""
        while True:
            found = _NOT_SPACE.search(self.text, self.at)
            self.at = found.start() if found else len(self.text)
            if found or not self.more():
                return found.group() if found else ""

    def value(self) -> tuple[Any, str]:
        """The next value and its text."""
        self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self.text, self.at)
            except RecursionError as error:
                raise self.wrong("it is nested too deeply") from error
            except json.JSONDecodeError as error:
                if len(self.text) - self.at <= 2 * FIELD_MAX and self.more():
                    continue
                raise self.wrong(
                    "it ends early" if self.ended and error.pos >= len(self.text) - 1 else error.msg, error.pos
                ) from error
            if end == len(self.text) and self.more():
                continue  # a number may go on in the next piece
            raw, self.at = self.text[self.at : end], end
            return value, raw

    def expect(self, characters: str) -> str:
        """Take the next character, which must be one of these."""
        found = self.peek()
        if not found or found not in characters:
            raise self.wrong(
                f"{' or '.join(characters)} expected, {found or 'the end'} found" if found else "it ends early"
            )
        self.at += 1
        return found

    def wrong(self, what: str, at: int | None = None) -> UnreadableError:
        offset = self._passed + (self.at if at is None else at)
        return UnreadableError(f"not a whole JSON document: {what}, at character {offset}", _AGAIN)


def _records(window: _Window, member: str) -> Iterator[tuple[Any, str, int]]:
    """(value, text, line) of each element of the array: the document itself, or the member of the document's object."""
    for name in member.split(".") if member else []:
        _enter(window, name)
    window.expect("[")
    if window.peek() == "]":
        window.at += 1
    else:
        while True:
            window.peek()
            line = window.line
            yield *window.value(), line
            if window.expect(",]") == "]":
                break
    if not member and window.peek():
        raise window.wrong("something follows the array")
    while window.more():  # read to the end, so that bytes that are no text are found
        window.at = len(window.text)


def _enter(window: _Window, name: str) -> None:
    """Move to the value of the member `name` of the object that starts here."""
    window.expect("{")
    while True:
        window.peek()
        key, _ = window.value()
        window.expect(":")
        if key == name:
            return
        window.value()
        if window.expect(",}") == "}":
            raise UnreadableError(f'the document has no member "{name}"', _AGAIN)
