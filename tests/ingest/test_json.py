"""The JSON reader: numbers by their text, lines, defects, and documents that are none."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ingest_reading import Reader, shipped

from recon.ingest import json_records

TOSS = shipped("toss_settlements")


def row(**values: Any) -> dict[str, Any]:
    sound = {
        "mId": "shop",
        "paymentKey": "pk",
        "transactionKey": "tk",
        "orderId": "po",
        "currency": "KRW",
        "amount": 1000,
        "fee": 33,
        "supplyAmount": 30,
        "vat": 3,
        "payOutAmount": 967,
        "approvedAt": "2026-11-19T10:00:00+09:00",
        "soldDate": "2026-11-19",
        "paidOutDate": "2026-11-21",
        "cancel": None,
    }
    return sound | values


def test_a_payment_and_its_cancellation(read: Reader) -> None:
    cancel = {"transactionKey": "tk2", "canceledAt": "2026-11-20T00:10:00+09:00", "cancelReason": "변심"}
    back = row(transactionKey="tk2", amount=-400, fee=-11, supplyAmount=-10, vat=-1, payOutAmount=-389, cancel=cancel)
    capture, refund = read(json.dumps([row(), back]), TOSS).records
    assert (capture["kind"], capture["amount"], capture["fee"], capture["tax"], capture["net"]) == (
        "capture",
        1000,
        30,
        3,
        967,
    )
    assert (refund["kind"], refund["amount"], refund["fee"], refund["tax"], refund["net"]) == (
        "refund",
        -400,
        -10,
        -1,
        -389,
    )
    assert [str(record["business_date"]) for record in (capture, refund)] == ["2026-11-19", "2026-11-20"]
    assert refund["record_id"] == "shop|tk2|refund"
    assert refund["memo"] == "변심"


def test_old_payloads_give_fees_as_text_and_no_total(read: Reader) -> None:
    old = row(fees=[{"type": "BASE", "fee": "30"}, {"type": "ETC", "fee": "3"}])
    del old["fee"], old["supplyAmount"], old["vat"]
    assert (read(json.dumps([old]), TOSS).only["fee"], read(json.dumps([old]), TOSS).only["tax"]) == (33, None)


@pytest.mark.parametrize(
    "amount",
    [
        "1e3",
        "1000.5",
        "NaN",
        "Infinity",
        '"１０００"',
        "true",
        "{}",
        "[1]",
        '"1,000"',
        "null",
        "10000000000000000000000",
    ],
)
def test_amounts_that_are_none(read: Reader, amount: str) -> None:
    text = json.dumps([row(transactionKey="good"), row(amount="@")]).replace('"@"', amount)
    result = read(text, TOSS)
    assert [record["natural_id"] for record in result.records] == ["good"]
    assert result.refusal["column_name"] == "amount"


def test_a_number_never_goes_through_a_float(read: Reader) -> None:
    text = json.dumps([row(amount="@", currency="USD")]).replace('"@"', "90071992547409.93")
    assert read(text, TOSS).only["amount"] == 9007199254740993


def test_a_name_twice_in_an_object_refuses_the_record(read: Reader) -> None:
    text = json.dumps([row(), row(transactionKey="t2", cancel={"x": 1})]).replace(
        '{"x": 1}', '{"cancelReason": "a", "cancelReason": "b"}'
    )
    result = read(text, TOSS)
    assert len(result.records) == 1
    assert result.refusal["found"] == 'the name "cancelReason" twice'
    assert result.refusal["payment_order_id"] == "po"


def test_lines_are_those_of_the_records_start(read: Reader) -> None:
    text = "[\n" + json.dumps(row(), indent=1) + ",\n\n" + json.dumps(row(transactionKey="t2")) + "\n]\n"
    first, second = read(text, TOSS).records
    assert (first["line"], second["line"]) == (2, text[: text.index("t2")].count("\n") + 1)


@pytest.mark.parametrize("cut", [1, 10, 200, -2])
def test_a_document_that_ends_early(read: Reader, cut: int) -> None:
    result = read(json.dumps([row(), row()])[:cut], TOSS)
    assert result.reason.startswith("not a whole JSON document")
    assert result.records == []


@pytest.mark.parametrize("text", ["[]", "{}", "3", "[{},]", '[{"a": 01}]', "[1] x", "[{} {}]", "<html>", '["a'])
def test_what_is_no_array_of_records(read: Reader, text: str) -> None:
    assert read(text, TOSS).reason


def test_an_element_that_is_no_object(read: Reader) -> None:
    result = read(json.dumps([row(), 5]), TOSS)
    assert (result.loaded.read, result.refusal["expected"]) == (1, "an object")


def test_records_inside_an_object(read: Reader) -> None:
    fmt = replace(TOSS, options={**TOSS.options, "records": "data.items"})
    text = json.dumps({"page": {"items": 3}, "data": {"next": None, "items": [row()]}, "more": [1]})
    assert read(text, fmt).loaded.read == 1
    assert 'no member "items"' in read(json.dumps({"data": {"x": 1}}), fmt).reason


def test_a_required_member_that_no_record_has(read: Reader) -> None:
    wrong = row()
    del wrong["payOutAmount"]
    assert '"payOutAmount"' in read(json.dumps([wrong]), TOSS).reason


@pytest.mark.parametrize("key", ["a\\u0000b", "a\\ud800b"])
def test_half_characters_and_nul(read: Reader, key: str) -> None:
    text = json.dumps([row(transactionKey="good"), row(orderId="@")]).replace("@", key)
    result = read(text, TOSS)
    assert [record["natural_id"] for record in result.records] == ["good"]
    assert result.refusal["expected"] == "whole characters"


def test_nesting_without_end(read: Reader) -> None:
    assert "nested too deeply" in read("[" + "[" * 200_000, TOSS).reason


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=30), st.integers(16, 300), st.sampled_from([None, 1])
)
def test_pieces_of_any_size_give_the_same(read: Reader, amounts: list[int], chunk: int, indent: int | None) -> None:
    text = json.dumps(
        [row(transactionKey=f"키-{n}", amount=amount) for n, amount in enumerate(amounts)],
        ensure_ascii=False,
        indent=indent,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_records, "_CHUNK", chunk)
        patch.setattr(json_records, "_BATCH", 4)
        records = read(text, TOSS).records
    assert [(record["natural_id"], record["amount"]) for record in records] == [
        (f"키-{n}", amount) for n, amount in enumerate(amounts)
    ]


def test_refusals_on_one_line_keep_their_own_reasons(read: Reader) -> None:
    """A document without line breaks: every record stands on line 1."""
    bad = [row(transactionKey=f"t{n}", orderId=f"po-{n}", amount=f"x{n}") for n in range(5)]
    result = read(json.dumps([*bad, row()]), TOSS)
    assert [(each["payment_order_id"], each["found"]) for each in result.refusals] == [
        (f"po-{n}", f"x{n}") for n in range(5)
    ]
