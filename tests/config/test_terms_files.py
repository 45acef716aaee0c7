"""Terms files: what a sound one becomes, and what is said about one that is not."""

from __future__ import annotations

from datetime import date

import pytest

from recon.config.terms_file import read_terms
from recon.config.workspace_file import load_workspace
from recon.domain.terms import Price, Rate, Rounding

TERMS = """\
terms: acme
psp: acme
currency: KRW
versions:
  - from: 2026-01-01
    tax_percent: 10
    rounding: down
    rates:
      - {kinds: [capture], percent: "2.9", fixed: 30, min: 50}
      - kinds: [refund, chargeback]
        kinds_raw: cancel
        tax_percent: "0.5"
        tiers:
          - {up_to: 10000, percent: "-2.9001"}
          - {fixed: -100}
        max: 0
  - from: 2026-11-01
    rates:
      - {as_charged: by invoice}
"""


def said(tmp_path, old: str, new: str) -> list[str]:
    assert TERMS.count(old) >= 1
    path = tmp_path / "acme.yaml"
    path.write_text(TERMS.replace(old, new, 1), encoding="utf-8")
    return [str(problem) for problem in read_terms(path, "terms/acme.yaml")[1]]


def test_what_terms_become(tmp_path):
    path = tmp_path / "acme.yaml"
    path.write_text(TERMS, encoding="utf-8")
    terms, problems = read_terms(path)
    assert terms is not None and problems == []
    assert (terms.name, terms.psp, terms.currency, terms.account) == ("acme", "acme", "KRW", "")
    newest, oldest = terms.versions
    assert (newest.starts, oldest.starts) == (date(2026, 11, 1), date(2026, 1, 1))
    assert newest.rates == (Rate(as_charged="by invoice"),) and newest.rounding is Rounding.HALF_UP
    assert oldest.rounding is Rounding.DOWN
    assert oldest.rates == (
        Rate(("capture",), (), (Price(29_000, 30),), least=50, tax=100_000),
        Rate(
            ("refund", "chargeback"),
            ("cancel",),
            (Price(-29_001, 0, up_to=10_000), Price(0, -100)),
            most=0,
            tax=5_000,
        ),
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"2.9"', "2.9", '9:37: error: 2.9 is not a whole number (put decimals in quotes: percent: "2.9")'),
        ('"2.9"', '"2.90001"', "9:37: error: '2.90001' is not a percentage with at most 4 decimals"),
        ('"2.9"', '"2,9"', "9:37: error: '2,9' is not a percentage"),
        ('"2.9"', '"1e1"', "9:37: error: '1e1' is not a percentage"),
        ('"2.9"', "101", "9:37: error: 101 is not a percentage from -100 to 100"),
        ("tax_percent: 10", "tax_percent: -1", "6:18: error: -1 is not a percentage from 0 to 100"),
        ("fixed: 30", 'fixed: "0.30"', "9:51: error: '0.30' is not an amount of KRW with at most 0 decimals"),
        ("fixed: 30", "fixed: 1000000000000000", "9:51: error: 1000000000000000 is too large"),
        ("min: 50", "min: 50, max: 49", "9:60: error: min 50 is above max 49"),
        ("rounding: down", "rounding: dawn", "7:15: error: 'dawn' is not one of: half_up, half_even, up, down (did you mean down?)"),
        ("[capture]", "[captur]", "9:18: error: captur is not a kind (did you mean capture?)"),
        ("up_to: 10000, ", "", "14:13: error: every tier but the last has an up_to"),
        ("{fixed: -100}", "{up_to: 20000, fixed: -100}", "15:13: error: every tier but the last has an up_to"),
        ("- {fixed: -100}", "- {up_to: 10000}\n          - {fixed: -100}", "15:21: error: up_to 10000 is not above the tier before"),
        ("        max: 0", "        percent: 1", "10:9: error: a rate has percent and fixed, tiers, or as_charged"),
        ("{as_charged: by invoice}", "{as_charged: by invoice, fixed: 5}", "19:9: error: a rate has percent and fixed, tiers"),
        ("{as_charged: by invoice}", "{as_charged: by invoice, min: 5}", "19:9: error: what is right as charged has no bounds"),
        ("from: 2026-11-01", "from: 2026-01-01", "17:11: error: two versions hold from 2026-01-01"),
        ("from: 2026-11-01", "from: 2026-11-31", "17:11: error: from: a date is expected"),
        ("currency: KRW", "currency: WON", "3:11: error: WON is not an ISO 4217 currency"),
        ("rates:\n      - {as_charged: by invoice}", "rates: []", "18:12: error: rates is empty"),
        ("min: 50", "mim: 50", "9:55: error: unknown key mim (did you mean min?)"),
        ("psp: acme", "psp: ''", "2:6: error: psp: text is expected, none found"),
    ],
)  # fmt: skip
def test_what_is_said_about_a_wrong_one(tmp_path, old, new, message):
    problems = said(tmp_path, old, new)
    assert any(f"terms/acme.yaml:{message}" in each for each in problems), problems


def test_an_empty_file(tmp_path):
    (tmp_path / "acme.yaml").write_text("", encoding="utf-8")
    assert [str(each) for each in read_terms(tmp_path / "acme.yaml")[1]] != []


# --- in a workspace ---


@pytest.fixture
def workspace(files):
    (files.root / "terms").mkdir()
    (files.root / "terms" / "acme.yaml").write_text(TERMS, encoding="utf-8")
    files.change("recon", "reconciliations: [small]", "reconciliations: [small, fees]\nterms: [acme]")
    return files


def test_terms_are_part_of_the_configuration(workspace):
    before = load_workspace(workspace.root)
    assert [each.name for each in before.terms] == ["acme"] and "terms/acme.yaml" in before.hashes
    (workspace.root / "terms" / "acme.yaml").write_text(TERMS.replace('"2.9"', '"2.8"'), encoding="utf-8")
    assert load_workspace(workspace.root).config_sha256 != before.config_sha256


def test_fees_need_terms(workspace):
    workspace.change("recon", "terms: [acme]", "")
    assert "recon.yaml:22:18: error: fees reads psp.expected_fee, and recon.yaml names no terms" in workspace.only()


def test_terms_that_are_not_there(workspace):
    workspace.change("recon", "terms: [acme]", "terms: [acne]")
    assert "recon.yaml:23:9: error: acne is not terms of this workspace (did you mean acme?)" in workspace.only()


def test_a_path_is_no_name(workspace):
    workspace.change("recon", "terms: [acme]", "terms: [../acme]")
    assert "../acme is not terms of this workspace" in workspace.only()


def test_no_line_has_two_contracts(workspace):
    other = TERMS.replace("terms: acme", "terms: other")
    (workspace.root / "terms" / "other.yaml").write_text(other, encoding="utf-8")
    workspace.change("recon", "terms: [acme]", "terms: [acme, other]")
    assert "recon.yaml:23:15: error: acme and other both say what acme charges in KRW" in workspace.only()
    own = other.replace("psp: acme\n", "psp: acme\naccount: one\n")
    (workspace.root / "terms" / "other.yaml").write_text(own, encoding="utf-8")
    assert [each.account for each in load_workspace(workspace.root).terms] == ["", "one"]


def test_a_file_that_calls_itself_otherwise(workspace):
    (workspace.root / "terms" / "acme.yaml").write_text(TERMS.replace("terms: acme", "terms: acne"), encoding="utf-8")
    assert "terms/acme.yaml:1:1: error: the file calls itself acne" in workspace.only()
