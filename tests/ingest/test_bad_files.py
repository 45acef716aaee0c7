"""F rows of the bad-input list that reading a file meets: what sets the whole file aside, and what does not."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from ingest_reading import HEADER, Reader, line, shipped

from recon.domain.rulebook import Moves, Source
from recon.ingest import csv_text, staged
from recon.ingest.files import Limits

ROWS = [line(natural_id=f"n-{n}") for n in range(3)]
SOUND = "\n".join([HEADER, *ROWS]) + "\n"


def test_a_sound_file(read: Reader) -> None:
    result = read(SOUND)
    assert (result.loaded.rows, result.loaded.read, result.reason) == (3, 3, "")
    assert [record["line"] for record in result.records] == [2, 3, 4]
    assert result.loaded.totals == (("capture", "EUR", 3, 3000),)
    assert {record["sha256"] for record in result.records} == {result.loaded.sha256}


@pytest.mark.parametrize("content", ["", HEADER, HEADER + "\n", "\n\n"])
def test_f01_an_empty_file_is_never_a_day_without_sales(read: Reader, content: str) -> None:
    result = read(content)
    assert result.reason and result.records == []


def test_f01_unless_the_format_says_so(read: Reader) -> None:
    result = read(HEADER + "\n", shipped("generic_settlement", allow_empty=True))
    assert (result.reason, result.loaded.rows, result.records) == ("", 0, [])


def test_f10_no_newline_at_the_end(read: Reader) -> None:
    assert read(SOUND.rstrip("\n")).loaded.read == 3


def test_f18_a_byte_order_mark_is_not_glued_to_the_first_column(read: Reader) -> None:
    assert read(b"\xef\xbb\xbf" + SOUND.encode()).loaded.read == 3


def test_f19_utf16_only_where_it_is_declared(read: Reader) -> None:
    data = SOUND.encode("utf-16")
    assert read(data).reason == "it is UTF-16 text"
    assert read(data, shipped("generic_settlement", encoding="utf-16")).loaded.read == 3


def test_f20_cp949_read_as_utf8_names_the_first_byte(read: Reader) -> None:
    text = "\n".join([HEADER, line(memo="주문")])
    offset = len(text[: text.index("주")].encode())
    result = read(text.encode("cp949"))
    assert result.reason == f"byte 0xC1 at offset {offset} is not utf-8"
    assert "cp949" in (result.loaded.set_aside.remedy if result.loaded.set_aside else "")
    assert read(text.encode("cp949"), shipped("generic_settlement", encoding="cp949")).only["memo"] == "주문"


def test_f21_a_syllable_that_only_cp949_has(read: Reader) -> None:
    data = "\n".join([HEADER, line(memo="뷁")]).encode("cp949")
    result = read(data, shipped("generic_settlement", encoding="euc-kr"))
    assert "is not euc-kr" in result.reason
    assert "cp949" in (result.loaded.set_aside.remedy if result.loaded.set_aside else "")


def test_f20_windows_1252_where_it_is_declared(read: Reader) -> None:
    data = "\n".join([HEADER, line(memo="café – €20")]).encode("cp1252")
    assert read(data, shipped("generic_settlement", encoding="cp1252")).only["memo"] == "café – €20"


def test_f22_a_nul_byte_refuses_its_row_only(read: Reader) -> None:
    result = read([ROWS[0], line(natural_id="n-\x00"), ROWS[2]])
    assert result.loaded.read == 2
    assert (result.refusal["line"], result.refusal["found"]) == (3, "a NUL byte")
    assert result.refusal["payment_order_id"] == "po-1"


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
def test_f23_line_ends(read: Reader, end: str) -> None:
    result = read(end.join([HEADER, *ROWS]) + end)
    assert [record["line"] for record in result.records] == [2, 3, 4]


def test_f23_mixed_line_ends(read: Reader) -> None:
    result = read(HEADER + "\r\n" + ROWS[0] + "\n" + ROWS[1] + "\r" + ROWS[2])
    assert [record["line"] for record in result.records] == [2, 3, 4]


@pytest.mark.parametrize("mark", ["\u2028", "\x85", "\x1c", "\x0b", "\x0c"])
def test_f23_only_cr_and_lf_end_a_row(read: Reader, mark: str) -> None:
    assert read([line(memo=f"a{mark}b")]).only["memo"] == f"a{mark}b"


def test_f24_an_unclosed_quote_sets_the_file_aside_and_names_the_line(read: Reader) -> None:
    result = read([ROWS[0], line(memo='"never closed'), ROWS[2]])
    assert result.reason == "line 3: a quote is opened and never closed"


def test_f24_text_after_a_closing_quote_refuses_the_row(read: Reader) -> None:
    result = read([ROWS[0], line(memo='"a"b'), ROWS[2]])
    assert result.loaded.read == 2
    assert "closing quote" in result.refusal["expected"]


def test_f25_another_delimiter_is_not_sniffed(read: Reader) -> None:
    result = read(SOUND.replace(",", ";"))
    assert "required column(s) missing" in result.reason
    assert result.loaded.set_aside is not None and "delimiter" in result.loaded.set_aside.remedy


def test_f25_a_delimiter_that_changes_midway(read: Reader) -> None:
    rows = [*ROWS, *(row.replace(",", ";") for row in ROWS * 5)]
    result = read(rows)
    assert result.reason == "15 of 18 rows cannot be read (more than 1 % and 10 rows)"


def test_f26_columns_in_another_order(read: Reader) -> None:
    rows = [",".join(reversed(row.split(","))) for row in [HEADER, *ROWS]]
    assert read("\n".join(rows)).loaded.totals == (("capture", "EUR", 3, 3000),)


def test_f27_a_renamed_column_shows_its_likely_name(read: Reader) -> None:
    result = read(SOUND.replace("amount", "amounts", 1))
    assert result.reason == '1 required column(s) missing: "amount" (the file has "amounts")'


def test_f27_an_extra_column_is_accepted_with_a_warning(read: Reader) -> None:
    result = read("\n".join([HEADER + ",Colour", *(row + ",red" for row in ROWS)]))
    assert result.loaded.read == 3
    assert result.loaded.warnings == ('1 column(s) that the format does not know, left unread: "Colour"',)


def test_f28_a_column_that_is_there_twice(read: Reader) -> None:
    result = read("\n".join([HEADER + ",amount", *(row + ",1.00" for row in ROWS)]))
    assert '"amount" twice' in result.reason


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"<!DOCTYPE html><html><body>Log in", "web page"),
        (b"\n <HTML>", "web page"),
        (b"%PDF-1.7", "PDF"),
        (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "error document"),
        (b"\xd0\xcf\x11\xe0\x00", "workbook"),
        (b"PK\x03\x04\x14\x00[Content_Types].xml", "workbook"),
    ],
)
def test_f29_what_is_no_table_at_all(read: Reader, head: bytes, what: str) -> None:
    assert what in read(head).reason


@pytest.mark.parametrize(
    ("head", "what", "step"),
    [
        (b"\x1f\x8b\x08\x00", "a gzip archive", "gzip"),
        (b"PK\x03\x04\x14\x00", "a zip archive", "zip"),
        (b"BZh91AY", "a bz2 archive", "bz2"),
        (b"\x28\xb5\x2f\xfd\x00", "a zstd archive", "zstd"),
        (b"-----BEGIN PGP MESSAGE-----\n", "a PGP message", "pgp"),
        (b"\x85\x01\x0c\x03", "a PGP message", "pgp"),
    ],
)
def test_f29_what_is_packed_and_not_declared_so_names_the_step(read: Reader, head: bytes, what: str, step: str) -> None:
    for fmt in ("generic_settlement", "toss_settlements", "adyen_settlement_details_xlsx", "mt940"):
        if fmt.endswith("xlsx") and step == "zip":
            continue  # a workbook is a zip
        aside = read(head, shipped(fmt)).loaded.set_aside
        assert aside is not None and f"it is {what}, not a" in aside.reason, fmt
        assert f"`unpack: [{step}]`" in aside.remedy and f"recon preview --unpack {step}" in aside.remedy


def test_f33_a_field_without_end_is_not_read_into_memory(read: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    long = "x" * (staged.FIELD_MAX + 10)
    assert "longer than" in read([line(memo=long)]).reason
    monkeypatch.setattr(csv_text, "_LINE_MAX", 1000)
    assert "longer than 1000" in read([line(memo="y" * 2000)], fast=False).reason


def test_f34_the_file_of_another_merchant(read: Reader) -> None:
    source = Source("s", "settlement_line", Moves.EVENTS, psp="acme", account="shop-1")
    text = "\n".join([HEADER + ",account", ROWS[0] + ",shop-2"])
    assert "shop-2" in read(text, source=source).reason


def test_few_bad_rows_never_stop_a_file_and_many_do(read: Reader) -> None:
    def rows(bad: int, good: int) -> list[str]:
        made = [line(natural_id=f"b-{n}", amount="?") for n in range(bad)]
        return made + [line(natural_id=f"g-{n}") for n in range(good)]

    assert read(rows(10, 10)).reason == ""  # past the share, not past the number
    assert read(rows(11, 1100)).reason == ""  # past the number, not past the share
    result = read(rows(11, 1000))  # past both
    assert result.reason == "11 of 1011 rows cannot be read (more than 1 % and 10 rows)"
    assert result.loaded.set_aside is not None
    assert result.loaded.set_aside.detail[0].startswith('line 2, column "amount": found "?"')
    assert result.loaded.relation == ""
    assert read(rows(2, 2), limits=Limits(0, 1)).reason != ""


def test_blank_lines_and_a_footer(read: Reader) -> None:
    text = "\n" + HEADER + "\n\n" + ROWS[0] + "\n\n" + ROWS[1] + "\nTOTAL,20.00\n"
    result = read(text, shipped("generic_settlement", footer="TOTAL"))
    assert [record["line"] for record in result.records] == [4, 6]


def test_preamble_lines_above_the_header(read: Reader) -> None:
    fmt = shipped("generic_settlement", header_line=3)
    assert [record["line"] for record in read("Report\nfor us\n" + SOUND, fmt).records] == [4, 5, 6]


def test_a_file_without_a_header(read: Reader) -> None:
    fmt = shipped("generic_settlement", header_line=0, columns_without_header=tuple(HEADER.split(",")))
    assert [record["line"] for record in read("\n".join(ROWS), fmt).records] == [1, 2, 3]


def test_header_names_in_another_case(read: Reader) -> None:
    fmt = shipped("generic_settlement", case_insensitive=True)
    assert read(SOUND.replace("amount", "AMOUNT", 1), fmt).loaded.read == 3


def test_the_same_file_gives_the_same_bytes(read: Reader) -> None:
    rows = [line(natural_id=f"n-{n}", amount=f"{n}.10") for n in range(5000)]
    parquet = Path(re.findall(r"read_parquet\('([^']+)'", read(rows).loaded.relation)[0])
    before = parquet.read_bytes()
    read(rows)
    assert parquet.read_bytes() == before


def test_a_set_aside_file_leaves_no_records_behind(read: Reader) -> None:
    fmt = shipped("generic_settlement")
    fmt = replace(fmt, fields={k: v for k, v in fmt.fields.items() if k != "psp"})
    result = read([line(natural_id=f"n-{n}", amount="?") for n in range(20)], fmt)
    assert result.loaded.relation == "" and result.loaded.totals == ()
    assert result.loaded.quarantined == 20
