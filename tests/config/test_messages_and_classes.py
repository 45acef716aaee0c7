"""What a rule file may say of messages, of the class of its cases and of sides that may be missing."""

from __future__ import annotations

import pytest

from recon.config.cases import run_cases
from recon.config.workspace_file import load_workspace
from recon.domain.rulebook import Class

MESSAGE = """\
fixes:
  again: {message: {channel: outbox, side: order, key: payment_order_id, body: {id: "{order.payment_order_id}"}}}
  book:
"""


@pytest.fixture
def messages(files):
    """The small workspace with a second rule, whose correction is a message."""
    rule = (
        "  - code: stuck\n    when: present(order)\n    class: manual_review\n    why: It is stuck.\n"
        "    next_step: Send it.\n    fix: again\nfixes:\n"
    )
    files.change("rules", "fixes:\n  book:\n", rule + MESSAGE.removeprefix("fixes:\n"))
    return files


def test_a_message_is_a_record_sent_again_under_its_own_id(messages):
    template = messages.rules().fixes["again"]
    assert (template.channel, template.side, template.key) == ("outbox", "order", "payment_order_id")
    assert dict(template.body) == {"id": "{order.payment_order_id}"}
    assert not template.is_journal and template.update is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("side: order, key", "side: ordr, key", "ordr is not a side (did you mean order?)"),
        ("key: payment_order_id", "key: amount", "amount is not an identifier of payment_order"),
        ("key: payment_order_id", "key: payment_id", "did you mean payment_order_id?"),
        ('"{order.payment_order_id}"', '"{order.payment_id}"', "did you mean order.payment_order_id?"),
        ('{id: "{order.payment_order_id}"}', "{}", "body is empty"),
        ("channel: outbox", "channel: The Outbox", "a name in lower snake case"),
        ("again: {message", "again: {update: {side: order, seen: [], set: {}}, message", "give exactly one"),
    ],
)
def test_what_is_wrong_with_a_message_is_said(messages, old, new, said):
    messages.change("rules", old, new)
    assert any(said in line for line in messages.said()), messages.said()


def test_a_case_may_name_the_class_that_comes_of_it(files):
    files.change("rules", "- {psp.amount: 5}", "- {class: auto_fix, psp.amount: 5}")
    assert [result.ok for result in run_cases(files.rules())] == [True, True]
    files.change("rules", "class: auto_fix, psp.amount", "class: investigate, psp.amount")
    [wrong] = [result for result in run_cases(files.rules()) if not result.ok]
    assert (wrong.wanted, wrong.came) == ("missing investigate", "missing auto_fix")
    assert any("which is missing auto_fix" in line for line in _checked(files))


def test_what_is_not_proven_is_manual_review_in_a_case_too(files):
    files.change("rules", "    fix: book\n", "    proven: psp.currency = 'KRW'\n    fix: book\n")
    files.change("rules", "- {psp.amount: 5}", "- {psp.amount: 5}\n      - {psp.amount: 5, psp.currency: KRW}")
    assert [result.class_found for result in run_cases(files.rules())][:2] == [Class.MANUAL_REVIEW, Class.AUTO_FIX]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("- {psp.amount: 5}", "- {class: autofix, psp.amount: 5}", "autofix is not a class (did you mean auto_fix?)"),
        ("- {psp.amount: 5, l", "- {class: auto_fix, psp.amount: 5, l", "only a case that fires has a class"),
    ],
)
def test_a_class_that_is_none_is_said(files, old, new, said):
    files.change("rules", old, new)
    assert any(said in line for line in files.said()), files.said()


def test_an_optional_side_needs_no_source(files):
    source = "  orders:\n    record: payment_order\n    moves: changes\n    database: shop\n"
    source += "    query: select * from orders where updated_at >= :from and updated_at < :to\n"
    files.change("recon", source, "")
    assert any("order of payment_order, and no source gives such records" in line for line in files.said())
    files.change("rules", "claims: status = 'SUCCESS'}", "claims: status = 'SUCCESS', optional: true}")
    assert load_workspace(files.root).reconciliations[0].sides[2].optional


def test_a_later_pass_may_leave_a_side_out_but_not_all_but_one(files):
    """memo is a field of settlement lines and ledger entries, and of no payment order; kind_raw only of settlement lines."""
    first = "on: [payment_order_id, kind]}\n"
    files.change("rules", first, first + "  - {name: by_memo, on: [memo]}\n")
    assert files.said() == []
    files.change("rules", "on: [memo]", "on: [kind_raw]")
    assert any("kind_raw is not a field of ledger_entry (side ledger)" in line for line in files.said())


def _checked(files) -> list[str]:
    from click.testing import CliRunner

    from recon.cli.main import cli

    return CliRunner().invoke(cli, ["check", "-w", str(files.root), "--no-connect"]).output.splitlines()
