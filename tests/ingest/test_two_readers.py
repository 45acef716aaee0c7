"""The fast and the slow reader of delimited files give the same records, refusals, lines and totals."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Callable
from datetime import time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ingest_reading import HEADER, Read, Reader, line, shipped

from recon.domain.rulebook import Moves, Source
from recon.engine.duck import Engine
from recon.ingest import delimited
from recon.ingest.delimited import Dialect, count_plain_rows
from recon.ingest.files import Limits, read_file

FORMAT = shipped("generic_settlement")
CELLS = st.one_of(
    st.sampled_from(
        ["10.00", "-0.5", "1e3", "", "EUR", "KRW", "capture", "n", "po-1", "2026-11-19 10:00:00", "a b", " x ", "é뷁"]
    ),
    st.text(alphabet='ab,";\t \u2028\x85é0.-', max_size=6),
)


def quoted(cell: str, style: int) -> str:
    """A cell as a careful writer, an eager one, or a careless one writes it."""
    needs = any(mark in cell for mark in ',"\r\n') or cell.startswith('"')
    if style == 2:
        return cell
    return '"' + cell.replace('"', '""') + '"' if needs or style == 1 else cell


ROWS = st.lists(
    st.tuples(st.lists(CELLS, min_size=10, max_size=12), st.lists(st.integers(0, 2), min_size=12, max_size=12)),
    min_size=1,
    max_size=12,
)
SOUND = st.lists(
    st.tuples(
        st.sampled_from(["10.00", "-3.5", "0", "7", "x", "1.001", "00012.30"]),
        st.sampled_from(["EUR", "KRW", "usd", ""]),
        st.text(alphabet='ab ,"é\u2028', max_size=5),
        st.sampled_from(["2026-11-19 10:00:00", "2026-02-30 00:00:00", ""]),
        st.booleans(),
    ),
    min_size=1,
    max_size=40,
)


def both(content: bytes) -> tuple[object, object]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file.csv"
        path.write_bytes(content)
        found = []
        engine = Engine(Path(folder) / "spill")
        for fast in (True, False):
            source = Source("s", "settlement_line", Moves.EVENTS, psp="acme")
            loaded = read_file(
                engine,
                source,
                FORMAT,
                path,
                "f",
                "",
                Path(folder) / str(fast),
                ZoneInfo("Asia/Seoul"),
                time(0),
                Limits(100, 0),
                keep=True,
                fast=fast,
            )
            read = Read(loaded, engine)
            found.append(
                (loaded.rows, loaded.read, loaded.totals, loaded.warnings, read.reason, read.records, read.refusals)
            )
        engine.close()
    return found[0], found[1]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SOUND, st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_files_with_bad_values(rows: list[tuple[str, str, str, str, bool]], end: str, last: bool) -> None:
    lines = []
    for n, (amount, currency, memo, moment, eager) in enumerate(rows):
        cells = line(natural_id=f"n-{n}", amount=amount, currency=currency, occurred_at=moment).split(",")
        cells[-1] = memo
        lines.append(",".join(quoted(cell, int(eager)) for cell in cells))
    fast, slow = both((end.join([HEADER, *lines]) + (end if last else "")).encode())
    assert fast == slow


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ROWS, st.sampled_from(["\n", "\r\n", "\r"]))
def test_files_with_broken_rows(rows: list[tuple[list[str], list[int]]], end: str) -> None:
    lines = [
        ",".join(quoted(cell, style) for cell, style in zip(cells, styles, strict=False)) for cells, styles in rows
    ]
    fast, slow = both(end.join([HEADER, *lines]).encode())
    assert fast == slow


def test_the_slow_reader_splits_as_pythons_strict_csv_does() -> None:
    """An independent reader, where both have to agree: well-formed files."""
    cells = [["a", 'b"c', "d,e"], ["", "é\u2028", "x\ny"], [" s ", '"', "\x85"]]
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows(cells)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "f"
        path.write_bytes(text.getvalue().encode())
        assert [record.cells for record in delimited.read_records(path, "utf-8", ",", '"')] == cells


@pytest.mark.parametrize(
    ("data", "rows"),
    [
        (b"a,b\n1,2\n3,4\n", 2),
        (b"a,b\n1,2\n3,4", 2),
        (b"a,b\r\n1,2\r\n", 1),
        (b'a,b\n"1","2"\n', 1),
        (b'a,b\n"1,1","2"\n', 1),
        (b'a,b\n"1""1",2\n', 1),
        (b"a,b\n1,2,\n", None),
        (b"a,b\n1\n", None),
        (b"a,b\n1,2\n\n", None),
        (b"a,b\n1,2\r\n", None),
        (b"a,b\r1,2\r", None),
        (b'a,b\n"1\n1",2\n', None),
        (b'a,b\n "1",2\n', None),
        (b'a,b\n"1" ,2\n', None),
        (b'a,b\n"1,2\n', None),
        (b"a,b\n1,\x00\n", None),
        (b"a,b\n1,\xff\n", None),
        (b"a,b\n1,\xc3\xa9\n", 1),
    ],
)
def test_only_plain_bytes_take_the_fast_way(tmp_path: Path, data: bytes, rows: int | None) -> None:
    path = tmp_path / "f"
    path.write_bytes(data)
    assert count_plain_rows(path, Dialect({}), 1, 2) == rows


def test_blocks_are_cut_at_line_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "_BLOCK", 7)
    path = tmp_path / "f"
    path.write_bytes(b"a,b\n" + b'"x,y",\xc3\xa9\n' * 50 + b"last,one")
    assert count_plain_rows(path, Dialect({}), 1, 2) == 51


def test_a_reader_that_loses_a_row_is_not_believed(read: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the rows written do not tie with the count, the slow reader decides."""
    honest: Callable[..., int | None] = delimited.count_plain_rows
    monkeypatch.setattr(delimited, "count_plain_rows", lambda *given: (honest(*given) or 0) + 1)
    result = read([line(natural_id=f"n-{n}") for n in range(5)])
    assert (result.loaded.rows, result.loaded.read) == (5, 5)


def test_a_condition_that_becomes_a_join_does_not_disturb_the_order(read: Reader) -> None:
    from dataclasses import replace

    from recon.domain.rulebook import Expr, FieldMap
    from recon.errors import Place

    listed = ", ".join(f"'x-{n}'" for n in range(100))
    when = Expr(f"natural_id in ({listed})", Place("f"))
    memo = FieldMap(choose=((when, FieldMap(const="known")), (Expr("true", Place("f")), FieldMap(first=("memo",)))))
    fmt = replace(FORMAT, fields={**FORMAT.fields, "memo": memo})
    result = read([line(natural_id=f"x-{n}") for n in range(3000)], fmt)
    assert all(record["natural_id"] == f"x-{record['line'] - 2}" for record in result.records)
    assert sum(record["memo"] == "known" for record in result.records) == 100


@pytest.mark.parametrize(
    "name", ["generic_settlement", "generic_ledger", "generic_payment_order", "stripe_balance_change"]
)
def test_a_plain_file_of_a_shipped_format_is_read_fast(name: str, tmp_path: Path) -> None:
    """What an option is when the format leaves it out must not send every file to the slow reader."""
    fmt = shipped(name)
    path = tmp_path / "plain.csv"
    path.write_text(",".join(fmt.required) + "\n" + ",".join("x" for _ in fmt.required) + "\n", encoding="utf-8")
    staged = delimited.stage(fmt, path, tmp_path)
    assert staged.relation.startswith("read_csv(") and staged.first_line == 2
