"""R31: what proves a card to its bank is kept by nobody. The row is refused, its text withheld everywhere, an alarm raised."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ingest_reading import HEADER, Reader, line, shipped

from recon.engine.duck import Engine, text
from recon.ingest.cards import EXPECTED, WITHHELD, is_secret, is_secret_column, mask, mask_sql

FIXTURE = Path(__file__).parents[1] / "fixtures" / "plain_night"
TRACK_1 = "%B4111111111111111^DOE/JOHN^28121011000001?"
TRACK_2 = ";4111111111111111=28121011000000?"
SECRETS = [
    "CVV 123",
    "paid by cvv123",
    "cvv2: 1234",
    "the security code is 987",
    "CVC번호: 123",
    TRACK_1,
    TRACK_2,
    "4111111111111111D28121011",
]
INNOCENT = [
    "order 123",
    "cvv result M",
    "cvc check passed 3 of 3",
    "verification code 482913",
    "4111111111111111",
    "https://shop.example/?id=20261119",
    "a=1;b=2",
]


@pytest.mark.parametrize("memo", SECRETS)
def test_r31_a_row_with_card_data_is_refused_and_its_text_withheld(read: Reader, memo: str) -> None:
    result = read([line(), line(natural_id="n-2", memo=memo)])
    refusal = result.refusal
    assert (refusal["line"], refusal["column_name"]) == (3, "memo")
    assert (refusal["found"], refusal["expected"], refusal["raw"]) == (WITHHELD, EXPECTED, WITHHELD)
    assert (refusal["payment_order_id"], refusal["kind"]) == ("po-1", "capture")  # its payment is known
    assert result.loaded.warnings == (
        "1 row(s) with card verification or track data, first in line 3: in quarantine, without their text",
    )


@pytest.mark.parametrize("memo", INNOCENT)
def test_r31_what_only_looks_like_it_is_read(read: Reader, memo: str) -> None:
    assert read([line(memo=memo)]).only["memo"] == mask(memo)


@pytest.mark.parametrize("column", ["cvv", "CVC2", "Card Security Code", "track2", "Track Data"])
@pytest.mark.parametrize("fast", [True, False])
def test_r31_a_column_that_is_named_for_it_refuses_the_rows_that_fill_it(read: Reader, column: str, fast: bool) -> None:
    rows = [
        f"{HEADER},{column}",
        line() + ",",
        line(natural_id="n-2") + ",123",
        line(natural_id="n-3", amount="?") + ",",
    ]
    result = read("\n".join(rows) + "\n", fast=fast)
    assert [record["natural_id"] for record in result.records] == ["n-1"]
    assert [(each["column_name"], each["raw"]) for each in result.refusals] == [
        (column, WITHHELD),
        ("amount", WITHHELD),
    ]


@pytest.mark.parametrize("header", ["id", "csc_region", "tracking", "track number", "cvv_result", "code"])
def test_r31_columns_with_other_names_are_no_secrets(header: str) -> None:
    assert not is_secret_column(header)


def test_r31_a_row_that_is_refused_for_something_else_is_withheld_too(read: Reader) -> None:
    """Its memo is a cell too many, and in no column."""
    result = read([line(), line(natural_id="n-2", memo="fine") + "," + TRACK_2])
    assert (result.refusal["expected"], result.refusal["raw"]) == ("11 cells, as the header has", WITHHELD)
    assert result.loaded.warnings[-1].startswith("1 row(s) with card verification")


def test_r31_a_member_that_the_format_does_not_read(read: Reader) -> None:
    record = {
        "mId": "m", "paymentKey": "k", "transactionKey": "t", "orderId": "o", "currency": "KRW", "method": "카드",
        "amount": 1000, "fee": 10, "supplyAmount": 9, "vat": 1, "payOutAmount": 990, "approvedAt": "2026-11-19T10:00:00+09:00",
        "soldDate": "2026-11-19", "paidOutDate": "2026-11-20",
    }  # fmt: skip
    secret = {**record, "transactionKey": "t2", "card": {"cvc": "123"}}
    result = read(json.dumps([record, secret]), shipped("toss_settlements"))
    assert len(result.records) == 1
    assert (result.refusal["found"], result.refusal["raw"]) == (WITHHELD, WITHHELD)


def test_r31_the_written_table_does_not_hold_it_either(read: Reader, tmp_path: Path) -> None:
    """Refused rows stay in the file's Parquet, so that a row's number tells its line."""
    read([line(), line(natural_id="n-2", memo=TRACK_2)])
    tables = [pq.read_table(path).to_pylist() for path in (tmp_path / "out").rglob("*.parquet")]
    assert len(tables) == 2
    assert "28121011" not in str(tables)


@settings(deadline=None)
@given(st.text(alphabet="cvCV2 4111=^B%D1?:;a번", max_size=40))
@example(TRACK_1)
@example("CVV 123")
@example("4111 1111 1111 1111")
def test_r31_sql_and_python_agree(shared_engine: Engine, value: str) -> None:
    expected = None if is_secret(value) else mask(value)
    assert shared_engine.one(f"SELECT {mask_sql('v')} FROM (SELECT {text(value)} AS v)") == expected


@pytest.fixture(scope="module")
def shared_engine(tmp_path_factory):
    engine = Engine(tmp_path_factory.mktemp("spill"))
    yield engine
    engine.close()


# --- a night ---------------------------------------------------------------------------------------------------------


def held_by(path: Path) -> str:
    """Everything that a file of the night says."""
    if path.suffix == ".parquet":
        return str(pq.read_table(path).to_pylist())
    if path.suffix == ".xlsx":
        with zipfile.ZipFile(path) as book:
            return "".join(book.read(name).decode("utf-8", "replace") for name in book.namelist())
    return path.read_bytes().decode("utf-8", "replace")


def test_r31_a_night_keeps_nothing_of_it_and_raises_the_alarm(tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    shutil.copytree(FIXTURE, shop, ignore=shutil.ignore_patterns("expected"))
    [path] = (shop / "in").glob("toss_*.csv")
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    header.append("memo")
    for n, row in enumerate(rows):
        row.append(TRACK_2 if n == 0 else "")
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    command = [sys.executable, "-m", "recon", "run", "--date", "2026-10-13", "--json"]
    done = subprocess.run(command, cwd=shop, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert f"recon: alarm [card-data] in/{path.name}: 1 row(s) with card verification or track data" in done.stderr
    night = shop / "nights" / "2026-10-13"
    files = [each for folder in (night, shop / "state") for each in folder.rglob("*") if each.is_file()]
    assert len(files) > 20
    assert [str(each) for each in files if "28121011" in held_by(each)] == []
    with (night / "breaks.csv").open(encoding="utf-8", newline="") as file:
        assert [row["code"] for row in csv.DictReader(file)] == ["quarantined_row"]
