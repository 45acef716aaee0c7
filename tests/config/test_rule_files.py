"""Rule files: what a sound one becomes, that the shipped one is sound, and what is said about others."""

from __future__ import annotations

from pathlib import Path

import pytest

from recon.config.cases import first_rules, run_cases, with_defaults
from recon.config.rule_file import load_reconciliation, read_reconciliation
from recon.config.shipped import shipped_rules
from recon.domain.rulebook import Class
from recon.errors import ConfigError

PAYIN = shipped_rules() / "payin.yaml"


@pytest.fixture(scope="module")
def payin():
    return load_reconciliation(PAYIN, "rules/payin.yaml")


def test_every_shipped_rule_file_is_sound_without_a_warning():
    for path in shipped_rules().glob("*.yaml"):
        assert read_reconciliation(path)[1] == []


def test_every_payin_rule_has_cases_of_both_sorts_and_all_come_out(payin):
    for rule in payin.breaks:
        assert rule.fires_on, f"{rule.code} has no case that fires"
        assert rule.silent_on, f"{rule.code} has no case that is silent"
    assert [result for result in run_cases(payin) if not result.ok] == []


def test_a_case_that_does_not_come_out_is_told(files):
    files.change("rules", "- {psp.amount: 5}", "- {psp.amount: 5, ledger.count: 1}")
    [wrong] = [result for result in run_cases(files.rules()) if not result.ok]
    assert (wrong.code, wrong.expected, wrong.found) == ("missing", "fires", "unexplained")
    assert str(wrong.place) == "small.yaml:23:9"


def test_what_a_case_leaves_out():
    row = with_defaults({"psp.amount": 5, "psp.cleared_count": 1}, ["psp", "ledger"])
    assert row["present(psp)"] is True
    assert row["fresh(psp)"] is False, "all that is there had cleared before"
    assert (row["psp.count"], row["psp.amount_min"], row["psp.amount_max"], row["psp.cleared_amount"]) == (1, 5, 5, 0)
    assert row["present(ledger)"] is False
    assert "ledger.count" not in row
    assert (row["candidates"], row["cleared_before"], row["unclaimed"]) == (0, False, False)


def test_payin_reads_as_the_design_says(payin):
    rule = next(rule for rule in payin.breaks if rule.code == "psp_not_in_ledger")
    assert rule.class_ is Class.AUTO_FIX
    assert rule.limit == {"KRW": 1_000_000, "USD": 100_000, "EUR": 100_000}
    assert rule.when.calls == (("present", "psp"), ("present", "order"), ("present", "ledger"))
    assert [side.name for side in payin.sides] == ["psp", "ledger", "order"]
    assert payin.sides[2].kinds == ("capture",)
    assert payin.due[0].after == ("ledger", "order")
    assert payin.waits[0].while_.text == "order.status = 'IN_REVIEW' and not present(psp)"
    assert payin.grace_minutes == 15
    assert next(rule for rule in payin.breaks if rule.code == "chargeback_unbooked").deadline_days == 7
    assert [must.code for must in payin.musts] == ["refund_exceeds_capture", "refund_and_chargeback"]
    assert payin.brake is not None and payin.brake.amount["USD"] == 5_000_000


def test_a_place_inside_a_folded_expression_is_that_of_the_word(tmp_path: Path, files):
    folded = "when: >-\n      present(psp)\n      and not present(ledgr)\n"
    files.change("rules", "when: present(psp) and not present(ledger)\n", folded)
    assert files.only() == "rules/small.yaml:18:23: error: ledgr is not a side (did you mean ledger?)"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{record: ledger_entry}", "{record: ledger_entri}", "5:20: error: ledger_entri is not a record vocabulary"),
        ("kinds: [capture]", "kinds: [captur]", "6:42: error: captur is not a kind (did you mean capture?)"),
        ("kinds: [capture], ", "", "payment_order has no kind of its own"),
        (
            "kind = 'capture'}",
            "psp.kind = 'capture'}",
            "4:41: error: psp.kind is not a name that can be read here (did you mean kind?)",
        ),
        ("[payment_order_id, kind]", "[payment_id, kind]", "8:32: error: payment_id is not a field of settlement_line"),
        ("after: ledger", "after: ledgr", "12:34: error: ledgr is not another side (did you mean ledger?)"),
        (
            "  psp: {business_days: 2",
            "  pspp: {business_days: 2",
            "12:3: error: pspp is not a side (did you mean psp?)",
        ),
        ("grace: 15 minutes", "grace: 15 min", "13:8: error: grace: a length of time is expected, '15 min' found"),
        ("code: missing", "code: Missing", "a name in lower snake case"),
        ("code: missing", "code: unexplained", "the tool's own"),
        (
            "class: auto_fix",
            "class: autofix",
            "17:12: error: 'autofix' is not one of: auto_fix, manual_review, investigate (did you mean auto_fix?)",
        ),
        (
            "Ask {psp.psp}",
            "Ask {psp.pps}",
            "19:21: error: psp.pps is not a name that can be shown here (did you mean psp.psp?)",
        ),
        ("Ask {psp.psp}", "Ask {psp.psp", "a brace without its partner"),
        (
            "- {psp.amount: 5}",
            "- {psp.amunt: 5}",
            "23:10: error: psp.amunt is not a name that rules read (did you mean psp.amount?)",
        ),
        ("- {psp.amount: 5}", "- {psp.amount: 5.0}", "psp.amount is a whole number (minor units), '5.0' found"),
        ("amount: psp.amount,", "amount: psp.psp,", "31:32: error: this is text, and money is needed here"),
        (
            "  - {name: our_reference, on: [payment_order_id, kind]}",
            "  - {name: r, on: [kind], suggest: true}",
            "a pass that suggests comes after the first",
        ),
        ("class: auto_fix", "class: investigate", "21:5: error: limit belongs to auto_fix"),
    ],
)
def test_what_is_wrong_is_said_where_it_stands(files, old, new, said):
    files.change("rules", old, new)
    assert any(f"rules/small.yaml:{said}" in line or said in line for line in files.said()), files.said()


def test_a_fix_that_nobody_proposes_is_a_warning(files):
    fix = "fixes:\n  lost: {update: {side: order, seen: [status], set: {status: SUCCESS}}}\n"
    files.change("rules", "fixes:\n", fix)
    assert "warning: no rule proposes the fix lost" in files.only()


@pytest.mark.parametrize(
    ("update", "said"),
    [
        ("{side: orders, seen: [status], set: {status: X}}", "orders is not a side (did you mean order?)"),
        ("{side: order, seen: [amount], set: {status: X}}", "status is set without being seen"),
        ("{side: order, seen: [amount], set: {amount: 5}}", "amount is money"),
        (
            "{side: order, seen: [statu], set: {status: X}}",
            "statu is not a field of payment_order (did you mean status?)",
        ),
    ],
)
def test_an_update_is_guarded(files, update, said):
    files.change("rules", "fixes:\n", f"fixes:\n  other: {{update: {update}}}\n")
    assert any(said in line for line in files.said()), files.said()


def test_a_broken_break_does_not_hide_what_is_wrong_elsewhere(files):
    files.change("rules", "    why: It is lost.\n", "").change("rules", "psp.amount = ledger.amount", "psp.amont = 1")
    said = "\n".join(files.said())
    assert "why is missing" in said and "psp.amont is not a name" in said


def test_load_raises_with_every_problem(files):
    files.change("rules", "psp.amount = ledger.amount", "psp.amont = 1").change("rules", "Ask {psp.psp}", "Ask {x}")
    with pytest.raises(ConfigError) as caught:
        load_reconciliation(files.paths["rules"])
    assert len(caught.value.problems) == 2


def test_a_file_that_is_not_there_is_one_problem(tmp_path: Path):
    reconciliation, [problem] = read_reconciliation(tmp_path / "none.yaml")
    assert reconciliation is None
    assert str(problem).startswith("none.yaml: error: can't be read: No such file")


def test_the_group_without_any_fact_is_unexplained(payin):
    assert first_rules(payin, [{}]) == ["ledger_not_in_psp"] or first_rules(payin, [{}]) == ["unexplained"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("on: [payment_order_id], texts: [psp.memoo]", "psp.memoo is not a text of a side"),
        ("on: [payment_order_id], texts: [psp.amount]", "psp.amount is not a text of a side"),
        ("on: [payment_order_id, kind], texts: [psp.memo]", "a reference is looked for in texts"),
        ("on: [currency], sums: [psp, bank]", "bank is not a side"),
        ("on: [currency], sums: [psp, psp], within_days: 3", "sums are of two sides"),
        ("on: [currency, amount], sums: [psp, ledger], within_days: 3", "sums are of two sides"),
        ("on: [currency], sums: [psp, ledger]", "within_days belongs to a pass that is unique, or adds up"),
        ("on: [currency], sums: [psp, ledger], within_days: 3, most: 17", "most is 17"),
        ("on: [currency, amount], within_days: 3", "within_days belongs to a pass that is unique, or adds up"),
        ("on: [payment_order_id, kind], opposite: [psp]", "opposite belongs to a pass that compares amounts"),
    ],
)
def test_a_pass_that_cannot_work_is_refused(files, given, said):
    files.change(
        "rules", "on: [payment_order_id, kind]}", f"on: [payment_order_id, kind]}}\n  - {{name: later, {given}}}"
    )
    told = [problem.message for problem in read_reconciliation(files.paths["rules"])[1]]
    assert any(said in message for message in told), told


def test_the_first_pass_makes_the_groups_by_equal_fields_alone(files):
    files.change("rules", "on: [payment_order_id, kind]}", "on: [payment_order_id], texts: [psp.memo]}")
    told = [problem.message for problem in read_reconciliation(files.paths["rules"])[1]]
    assert any("the first pass makes the groups" in message for message in told), told


def test_a_rule_file_says_what_its_breaks_are_off_by(files):
    files.change("rules", "breaks:", "difference: {amount: total(psp.net), currency: psp.settled_currency}\nbreaks:")
    difference = files.rules().difference
    assert difference is not None
    assert (difference.amount.text, difference.currency.text) == ("total(psp.net)", "psp.settled_currency")
    files.change("rules", "amount: total(psp.net)", "amount: psp.psp")
    assert any(problem.severity == "error" for problem in read_reconciliation(files.paths["rules"])[1])
