"""Format files: what a sound one becomes, that the shipped ones are sound, and what is said about others."""

from __future__ import annotations

import pytest

from recon.config.format_file import OPTIONS, load_format, read_format
from recon.config.shipped import shipped_rules


def test_every_shipped_format_is_sound():
    for path in (shipped_rules() / "formats").glob("*.yaml"):
        format_, problems = read_format(path)
        assert problems == []
        assert format_ is not None and format_.name == path.stem


def test_what_a_format_becomes(files):
    files.change("format", "  amount: {column: gross}\n", CHOICES)
    format_ = load_format(files.paths["format"])
    assert format_.options["encoding"] == "cp949" and format_.options["decimal"] == ","
    assert set(format_.options) == set(OPTIONS["delimited"]), "what the file leaves out has its default"
    assert format_.fields["psp_reference"].first == ("id",)
    (when, refunded), (otherwise, sold) = format_.fields["amount"].choose
    assert when.text == "type = 'NO'" and otherwise.text == "true"
    assert (refunded.first, refunded.sign, refunded.currency) == (("gross",), -1, "currency")
    assert (sold.total, sold.sign, sold.money) == (("gross", "fee"), 1, "major")


CHOICES = """\
  amount:
    choose:
      - {when: "type = 'NO'", column: gross, sign: -1}
      - {total: [gross, fee]}
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "encoding: cp949",
            "encodng: cp949",
            "5:11: error: encodng is not an option of delimited (did you mean encoding?)",
        ),
        ("encoding: cp949", "encoding: cp94999", "5:21: error: encoding is an encoding that Python knows"),
        ('delimiter: ";"', 'delimiter: ";;"', "delimiter is one character"),
        ('thousands: "."', 'thousands: ","', "decimal and thousands are the same mark"),
        ("reader: delimited", "reader: xml", "4:9: error: 'xml' is not one of: delimited, json, sectioned, excel"),
        ("record: settlement_line", "record: settlement", "settlement is not a record vocabulary"),
        (
            "amount: {column: gross}",
            "amont: {column: gross}",
            "14:3: error: amont is not a field of settlement_line (did you mean amount?)",
        ),
        (
            "amount: {column: gross}",
            "amount: {column: grss}",
            "14:20: error: grss is not a declared column (did you mean gross?)",
        ),
        (
            "amount: {column: gross}",
            "amount: {column: gross, const: x}",
            "amount is read in exactly one way, column and const given",
        ),
        ("amount: {column: gross}", "amount: {currency: currency}", "amount is read in exactly one way, nothing given"),
        ("amount: {column: gross}", "amount: {column: gross, currency: psp}", "psp is not a currency field"),
        (
            "amount: {column: gross}",
            "amount: {column: gross, layout: '%Y'}",
            "layout has no meaning for amount, which is money",
        ),
        (
            "amount: {column: gross}",
            "order_id: {credit: gross, debit: fee}",
            "order_id is key: there is nothing to add up",
        ),
        (
            "values: {SALE: capture,",
            "values: {SALE: captur,",
            "12:39: error: captur is not a kind (did you mean capture?)",
        ),
        (
            "  kind: {column: type, values: {SALE: capture, NO: refund}, unknown_value: unknown}\n",
            "",
            "the field kind is missing",
        ),
        (', layout: "%Y-%m-%d %H:%M:%S"', "", "occurred_at needs a layout"),
        ("identity: [psp_reference]", "identity: [payout_id]", "payout_id is not read by this format"),
        ("identity: [psp_reference]", "identity: []", "identity is empty"),
        ("optional: [fee]", "optional: [fee, id]", "the column id is given twice"),
    ],
)
def test_what_is_wrong_is_said_where_it_stands(files, old, new, said):
    files.change("format", old, new)
    assert any(said in line and line.startswith("rules/formats/acme_lines.yaml:") for line in files.said()), (
        files.said()
    )


@pytest.mark.parametrize(
    ("control", "said"),
    [
        ("{name: x, field: amount, by: [currency], equals: 0}", ""),
        ("{name: x, field: amount, by: [currency], requires: kind = 'payout'}", ""),
        ("{name: x, field: amount}", "sums of amount never cross currencies"),
        ("{name: x, field: kind, by: [currency]}", "kind is key: a control sums money"),
        ("{name: x, field: net, by: [settled_currency]}", "net is not read by this format"),
        ("{name: x, field: amount, by: [currency], requires: kind = 5}", "they can't be compared"),
        ("{name: x, field: amount, by: [currency], equals: 1.5}", "a whole number is expected"),
    ],
)
def test_controls(files, control, said):
    files.paths["format"].write_text(files.paths["format"].read_text() + f"controls:\n  - {control}\n")
    assert bool(files.said()) == bool(said)
    assert said in "\n".join(files.said())


def test_what_its_user_has_to_confirm_keeps_the_check_red(files):
    files.paths["format"].write_text(files.paths["format"].read_text() + "to_confirm: [refunds are negative]\n")
    assert "to be confirmed before a night depends on it: refunds are negative" in files.only()


@pytest.mark.parametrize(
    ("total", "said"),
    [
        ("{name: x, when: \"id = 'SUM'\", value: gross, field: amount, by: {currency: currency}}", ""),
        ("{name: x, when: \"id = 'SUM'\", value: gross, field: amount, by: {currency: =EUR}}", ""),
        ("{name: x, when: \"id = 'SUM'\", count: gross}", ""),
        ("{name: x, when: \"id = 'SUM'\", value: gross, field: amount}", "sums of amount never cross currencies"),
        ("{name: x, when: \"id = 'SUM'\"}", "a total states either a sum (value and field) or a count"),
        ("{name: x, when: \"id = 'SUM'\", count: gros}", "gros is not a declared column (did you mean gross?)"),
        ("{name: x, when: \"di = 'SUM'\", count: gross}", "di"),
        ("{name: x, when: \"id = 'SUM'\", value: gross, field: kind, by: {currency: currency}}", "kind is no money"),
        ("{name: x, when: \"id = 'SUM'\", value: gross, field: net, by: {currency: currency}}", "net is not read"),
    ],
)
def test_totals_that_a_file_states(files, total, said):
    files.paths["format"].write_text(files.paths["format"].read_text() + f"totals:\n  - {total}\n")
    assert bool(files.said()) == bool(said)
    assert said in "\n".join(files.said())


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        ("{when: \"gross = '9'\", column: gross, expected: no nine}", ""),
        ("{when: \"gross = '9'\", column: gros, expected: no nine}", "gros is not a declared column"),
        ("{when: gross, column: gross, expected: no nine}", "this is text, and a condition is needed"),
    ],
)
def test_rows_that_a_format_refuses(files, refusal, said):
    files.paths["format"].write_text(files.paths["format"].read_text() + f"refuse:\n  - {refusal}\n")
    assert bool(files.said()) == bool(said)
    assert said in "\n".join(files.said())


def test_conditions_read_raw_columns_as_text(files):
    files.change("format", "  amount: {column: gross}\n", CHOICES.replace("type = 'NO'", "gross > 0"))
    assert "gross is text and 0 is a whole number: they can't be compared" in files.only()
