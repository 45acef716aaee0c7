"""The queue keeps what people decided, and nothing that changed since stays approved. On all three databases."""

from __future__ import annotations

import itertools
import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from fix_queue import NIGHT, POLICY, WIDE, Database, approve, propose, proposed

from recon.domain.queue import AUTOMATIC, Ceilings, Policy, Status
from recon.errors import ReconError
from recon.fixes import queue
from recon.fixes.night import queue_night
from recon.fixes.queue import Proposed
from recon.store.audit import Entry, append, read_records, writing
from recon.store.state import fix_approvals, fixes, nights
from recon.store.trail import verify_trail

_numbers = itertools.count(1)
NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)


@pytest.fixture
def one(base: Database) -> Proposed:
    """A fix that a night run by jane proposes beside everything that is there already."""
    made = proposed(f"Q{next(_numbers)}")
    propose(base, *_known(base), made)
    return made


def _known(base: Database) -> list[Proposed]:
    """What the queue holds, as the next night would propose it again unchanged."""
    names = list(Proposed.__dataclass_fields__)
    with base.engine.connect() as connection:
        found = queue.find(connection, statuses=set(Status) - {Status.SUPERSEDED})
    return [Proposed(**{name: getattr(each, name) for name in names}) for each in found]


def again(base: Database, *changed: Proposed, night: date = NIGHT, drop: str = "") -> None:
    """The next run of a night: everything as before but for these."""
    ids = {each.fix_id for each in changed}
    rest = [each for each in _known(base) if each.fix_id not in ids and each.fix_id != drop]
    propose(base, *rest, *changed, night=night)


def last_word(base: Database, fix_id: str) -> tuple[str, str, str]:
    with base.engine.connect() as connection:
        record = read_records(connection, [fix_id])[-1]
    return record.action, record.who, record.why


def claim(base: Database, fix_id: str, who: str = "robot", token: str = "t", policy: Policy = POLICY) -> queue.Claims:
    with writing(base.engine) as connection:
        return queue.claim(connection, token, who, policy, NOW, LATER, only=[fix_id])


def test_a_rerun_that_changes_nothing_keeps_the_approval(base, one):
    approve(base, one.fix_id)
    before = base.rows("select count(*) from audit")
    again(base)
    assert base.fix(one.fix_id).status is Status.APPROVED
    assert base.rows("select count(*) from audit") == before


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (
            {"content": {"kind": "journal", "memo": "another", "currency": "KRW", "amount": "1000"}},
            "what it does changed",
        ),
        ({"rule_sha256": "2" * 64}, "the rule file changed"),
        ({"seen": {"psp.amount": 900}}, "what was seen changed (psp.amount 1000 to 900)"),
        ({"auto_approve": True}, "automatic approval was switched on"),
    ],
)
def test_what_changed_since_goes_back_to_proposed_and_says_why(base, one, what, said):
    approve(base, one.fix_id)
    again(base, replace(one, **what))
    assert base.fix(one.fix_id).status is Status.PROPOSED
    action, who, why = last_word(base, one.fix_id)
    assert (action, who) == ("propose_again", "jane")
    assert said in why and "approved by kim" in why
    # The old signature is worth nothing, even if it all changes back.
    again(base, one)
    assert base.fix(one.fix_id).status is Status.PROPOSED
    assert approve(base, one.fix_id).status is Status.APPROVED


def test_who_approved_a_fix_and_became_its_maker_later_is_not_told_as_tampering(base, one):
    """Kim approves it, then runs the night with another rule file: kim is a maker of it from then on, and was none before."""
    approve(base, one.fix_id, "kim")
    changed = replace(one, rule_sha256="3" * 64)
    rest = [each for each in _known(base) if each.fix_id != one.fix_id]
    propose(base, *rest, changed, maker="kim")
    with pytest.raises(ReconError) as caught:
        approve(base, one.fix_id, "kim")
    assert caught.value.name == "own-fix"
    approve(base, one.fix_id, "lee")
    with base.engine.connect() as connection:
        assert verify_trail(connection) == []


def test_a_fix_whose_break_is_gone_is_superseded_and_comes_back_as_proposed(base, one):
    approve(base, one.fix_id)
    propose(
        base, *(each for each in _known(base) if each.fix_id != one.fix_id), gone={one.break_id: "cleared: all agree"}
    )
    assert base.fix(one.fix_id).status is Status.SUPERSEDED
    assert last_word(base, one.fix_id)[2] == "cleared: all agree; it was approved, approved by kim"
    again(base, one)
    assert base.fix(one.fix_id).status is Status.PROPOSED


def test_a_fix_for_a_night_since_rerun(base, one):
    """The night was run again with other amounts: the old fix cannot be approved any more, and its successor says whose place it takes."""
    approve(base, one.fix_id)
    other = replace(proposed(one.fix_id.removeprefix("FIX-") + "b", amount_minor=900), break_id=one.break_id)
    again(base, other, drop=one.fix_id)
    with pytest.raises(ReconError) as caught:
        approve(base, one.fix_id)
    assert caught.value.name == "not-proposed"
    assert "takes its place" in last_word(base, one.fix_id)[2]
    assert f"before it {one.fix_id} was approved" in last_word(base, other.fix_id)[2]
    with pytest.raises(ReconError) as caught:
        approve(base, other.fix_id, signed=base.fix(one.fix_id).content_sha256)
    assert caught.value.name == "changed-since"


def test_what_people_rejected_stays_rejected_until_it_changes(base, one):
    with writing(base.engine) as connection:
        queue.reject(connection, one.fix_id, "kim", "the fee is missing", "wrong_fix")
    again(base)
    assert base.fix(one.fix_id).status is Status.REJECTED
    again(base, replace(one, seen={"psp.amount": 990}))
    assert base.fix(one.fix_id).status is Status.PROPOSED


def test_a_break_that_tonight_could_not_judge_keeps_its_fix(base, one):
    approve(base, one.fix_id)
    propose(base, *(each for each in _known(base) if each.fix_id != one.fix_id), held=[one.break_id])
    assert base.fix(one.fix_id).status is Status.APPROVED


def test_two_reviewers_approve_the_same_fix_at_once(base, one):
    """One of them signs it; the other is told that it is no longer proposed; the trail has one approval."""
    said: list[str] = []
    start = threading.Barrier(2)

    def review(name: str) -> None:
        start.wait()
        try:
            approve(base, one.fix_id, name)
            said.append("approved")
        except ReconError as refused:
            said.append(refused.name)

    both = [threading.Thread(target=review, args=(name,)) for name in ("kim", "lee")]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert sorted(said) == ["approved", "not-proposed"]
    assert base.rows(f"select count(*) from fix_approvals where fix_id = '{one.fix_id}'") == [(1,)]
    with base.engine.connect() as connection:
        assert verify_trail(connection) == []


# --- ceilings --------------------------------------------------------------------------------------------------------


def test_1000_won_read_as_1000_shares_stops_at_a_ceiling_though_two_people_approve(base):
    """2018: a dividend of 1,000 won a share was entered as 1,000 shares each, and two people had waved it through."""
    shares = proposed(f"Q{next(_numbers)}", amount_minor=2_800_000_000_000)
    propose(base, *_known(base), shares)
    policy = Policy(Ceilings({"KRW": 1_000_000}, WIDE, WIDE, WIDE))
    for name in ("kim", "lee"):
        with pytest.raises(ReconError) as caught:
            approve(base, shares.fix_id, name, policy)
        assert caught.value.name == "above-ceiling"
    # Had the ceiling been missing when they signed, it would still stop it at the moment of applying.
    approve(base, shares.fix_id, "kim", Policy(Ceilings(*[{"KRW": 10**18}] * 4)))
    claims = claim(base, shares.fix_id, policy=policy)
    assert not claims.given and "above the ceiling of 1000000 KRW for one fix" in claims.passed[0].why
    assert base.fix(shares.fix_id).status is Status.PROPOSED


@pytest.mark.parametrize("kind", ["per_rule", "per_night", "per_person"])
def test_sums_have_ceilings_too(base, kind):
    night = date(2026, 12, 1) + timedelta(days=next(_numbers))
    with base.engine.begin() as connection:
        facts = {"night": night, "verdict": "breaks", "manifest_sha256": "0" * 64, "previous_sha256": None}
        connection.execute(nights.insert(), [facts])
    three = [proposed(f"Q{next(_numbers)}", amount_minor=400) for _ in range(3)]
    propose(base, *_known(base), *three, night=night)
    ceilings = Ceilings(
        **dict.fromkeys(("per_fix", "per_rule", "per_night", "per_person"), WIDE) | {kind: {"KRW": 1000}}
    )
    approve(base, three[0].fix_id, "kim", Policy(ceilings))
    approve(base, three[1].fix_id, "kim", Policy(ceilings))
    with pytest.raises(ReconError, match="400 KRW after 800 is above the ceiling of 1000 KRW"):
        approve(base, three[2].fix_id, "kim", Policy(ceilings))
    if kind == "per_person":
        approve(base, three[2].fix_id, "lee", Policy(ceilings))


def test_a_currency_without_a_ceiling_passes_nothing_and_nobody_but_an_approver_approves(base, one):
    with pytest.raises(ReconError, match="no ceiling per_fix for KRW"):
        approve(base, one.fix_id, "kim", Policy())
    with pytest.raises(ReconError) as caught:
        approve(base, one.fix_id, "kim", replace(POLICY, approvers=("lee",)))
    assert caught.value.name == "not-an-approver"
    approve(base, one.fix_id, "kim")
    claims = claim(base, one.fix_id, policy=replace(POLICY, approvers=("lee",)))
    assert not claims.given and "kim is not one of the approvers" in claims.passed[0].why


def moving(amount: int, currency: str = "KRW", *, listed: tuple[str, int] | None = None) -> Proposed:
    """A journal over that much; `listed`: the currency and amount that the queue shows of it, where that is another."""
    shown, minor = listed if listed is not None else (currency, amount)
    made = proposed(f"Q{next(_numbers)}", amount_minor=amount)
    return replace(made, currency=shown, amount_minor=minor)


def postings(fix: Proposed, *lines: tuple[str, str, str]) -> Proposed:
    booked = [{"account": account, "currency": currency, "amount": amount} for account, currency, amount in lines]
    return replace(fix, content={**fix.content, "postings": booked})


def updating(currency: str, amount: int, /, **set_: str) -> Proposed:
    made = proposed(f"Q{next(_numbers)}")
    change = {"record": "order", "record_id": "1", "seen": {"status": "NEW"}, "set": {"status": "PAID", **set_}}
    content = {"kind": "update", "memo": "", "currency": currency, "amount": "", "change": change}
    return replace(made, currency=currency, amount_minor=amount, content=content, template="mark_order_paid")


KRW = Policy(Ceilings(*[{"KRW": 1_000_000}] * 4))


@pytest.mark.parametrize(
    ("fix", "said"),
    [
        (lambda: moving(1000, listed=("", 1000)), "no currency"),
        (lambda: moving(1000, listed=("", 0)), "its postings move 1000 KRW, and it is listed as none"),
        (lambda: moving(1000, listed=("KRW", 0)), "its postings move 1000 KRW, and it is listed as 0 KRW"),
        (lambda: moving(1000, listed=("KRW", 999)), "its postings move 1000 KRW, and it is listed as 999 KRW"),
        (lambda: moving(1000, listed=("USD", 1000)), "its postings move 1000 KRW, and it is listed as 10.00 USD"),
        (lambda: moving(5_000_000), "5000000 KRW is above the ceiling of 1000000 KRW for one fix"),
        # Two lines of 600,000 are 1,200,000, however they are cut.
        (
            lambda: postings(
                moving(1_200_000), ("a", "KRW", "600000"), ("b", "KRW", "600000"), ("c", "KRW", "-1200000")
            ),
            "1200000 KRW is above",
        ),
        # The won pass, and the dollars beside them have no ceiling.
        (
            lambda: postings(
                moving(1000), ("a", "KRW", "1000"), ("b", "KRW", "-1000"), ("a", "USD", "9"), ("b", "USD", "-9")
            ),
            "no ceiling per_fix for USD",
        ),
        (lambda: postings(moving(1000), ("a", "KRW", "1000.5"), ("b", "KRW", "-1000.5")), "can't be read"),
        (lambda: updating("KRW", 1_000_001), "1000001 KRW is above"),
        (lambda: updating("", 5), "no currency"),
        (lambda: updating("USD", 5), "no ceiling per_fix for USD"),
        # The row is of 1,000 won and would be set to two million, or to dollars.
        (lambda: updating("KRW", 1000, amount="2000000"), "2000000 KRW is above"),
        (lambda: updating("KRW", 1000, currency="USD"), "no ceiling per_fix for USD"),
        (lambda: updating("", 0, amount="2000000"), "no currency"),
        (lambda: updating("KRW", 1000, amount="a lot"), "can't be read"),
    ],
)
def test_what_moves_money_never_passes_without_a_ceiling(base, fix, said):
    """Whatever the queue lists of it: what counts is what it does. Neither a person nor an applier passes it."""
    made = fix()
    propose(base, *_known(base), made)
    with pytest.raises(ReconError) as caught:
        approve(base, made.fix_id, "kim", KRW)
    assert caught.value.name == "above-ceiling" and said in str(caught.value)
    signed_by_raw_sql(base, made.fix_id)
    claims = claim(base, made.fix_id, policy=KRW)
    assert not claims.given and said in claims.passed[0].why
    assert base.fix(made.fix_id).status is Status.PROPOSED


@pytest.mark.parametrize(
    "fix", [lambda: updating("", 0), lambda: updating("USD", 0), lambda: updating("KRW", 1000, amount="2000")]
)
def test_what_moves_none_needs_no_ceiling(base, fix):
    """Of goods, or of an order over nothing: there is nothing to hold against a ceiling."""
    made = fix()
    propose(base, *_known(base), made)
    assert approve(base, made.fix_id, "kim", KRW if made.currency == "KRW" else Policy()).status is Status.APPROVED
    assert [each.fix.fix_id for each in claim(base, made.fix_id, policy=KRW).given] == [made.fix_id]


def test_a_journal_in_two_currencies_counts_in_both(base):
    night = date(2027, 3, 1)
    with base.engine.begin() as connection:
        facts = {"night": night, "verdict": "breaks", "manifest_sha256": "0" * 64, "previous_sha256": None}
        connection.execute(nights.insert(), [facts])
    both = postings(moving(1000), ("a", "KRW", "1000"), ("b", "KRW", "-1000"), ("a", "USD", "9"), ("b", "USD", "-9"))
    dollars = postings(moving(200, "USD", listed=("USD", 200)), ("a", "USD", "2"), ("b", "USD", "-2"))
    propose(base, *_known(base), both, dollars, night=night)
    policy = Policy(Ceilings(WIDE, WIDE, {"KRW": 5000, "USD": 1000}, WIDE))
    approve(base, both.fix_id, "kim", policy)
    with pytest.raises(
        ReconError, match=r"2\.00 USD after 9\.00 is above the ceiling of 10\.00 USD for fixes on one night"
    ):
        approve(base, dollars.fix_id, "kim", policy)


def signed_by_raw_sql(base: Database, fix_id: str) -> None:
    """An approval that no command made, by another person and in the trail."""
    with writing(base.engine) as connection:
        fix = queue.get(connection, fix_id)
        [seq] = append(connection, [Entry("kim", "approve", fix_id, "by hand", "proposed", "approved")])
        names = ("content_sha256", "rule_sha256", "seen_sha256")
        row = {name: getattr(fix, name) for name in names} | {"approved_on": fix.seen_on, "approved_by": "kim"}
        connection.execute(fix_approvals.insert(), [{**row, "audit_seq": seq, "fix_id": fix_id}])
        connection.execute(
            fixes.update().where(fixes.c.fix_id == fix_id).values(status="approved", audit_seq=seq, approved_by="kim")
        )


def test_a_ceiling_holds_what_raw_sql_approved(base, one):
    """An approval that no command made, by another person and in the trail: the applier still counts."""
    signed_by_raw_sql(base, one.fix_id)
    claims = claim(base, one.fix_id, policy=Policy(Ceilings({"KRW": 999}, WIDE, WIDE, WIDE)))
    assert not claims.given and base.fix(one.fix_id).status is Status.PROPOSED


# --- rules that approve by themselves -----------------------------------------------------------------------------------


def test_a_rule_approves_by_itself_only_where_it_says_so_and_within_ceilings(base):
    numbers = [f"Q{next(_numbers)}" for _ in range(3)]
    usual = proposed(numbers[0])
    willing = replace(proposed(numbers[1]), auto_approve=True)
    large = replace(proposed(numbers[2], amount_minor=5000), auto_approve=True)
    policy = Policy(Ceilings({"KRW": 4000}, WIDE, WIDE, WIDE))
    work = queue_night(NIGHT, [*_known(base), usual, willing, large], "jane", ["payin"], [], {}, policy)
    with writing(base.engine) as connection:
        work(connection)
    found = {each.fix_id: base.fix(each.fix_id) for each in (usual, willing, large)}
    assert [each.status for each in found.values()] == [Status.PROPOSED, Status.APPROVED, Status.PROPOSED]
    assert found[willing.fix_id].approved_by == AUTOMATIC


# --- appliers --------------------------------------------------------------------------------------------------------


def test_who_approves_a_fix_does_not_apply_it(base, one):
    approve(base, one.fix_id, "kim")
    claims = claim(base, one.fix_id, "kim")
    assert not claims.given and "who approves a fix does not apply it" in claims.passed[0].why
    assert [each.fix.fix_id for each in claim(base, one.fix_id, "jane").given] == [one.fix_id]
    with pytest.raises(sa.exc.DBAPIError, match="does not apply it"), writing(base.engine) as connection:
        queue.applied(connection, one.fix_id, "t", "kim", {"journal_id": "J-1"})
    with writing(base.engine) as connection:
        queue.applied(connection, one.fix_id, "t", "jane", {"journal_id": "J-1"})
    assert base.fix(one.fix_id).receipt == {"journal_id": "J-1"}


def test_a_fix_in_hand_is_left_alone_by_nights_and_people(base, one):
    approve(base, one.fix_id)
    claim(base, one.fix_id)
    again(base, replace(one, seen={"psp.amount": 1}))
    again(base, drop=one.fix_id)
    for decide in (
        lambda c: queue.reject(c, one.fix_id, "lee", "no"),
        lambda c: queue.approve(c, one.fix_id, "lee", "yes", POLICY),
        lambda c: queue.retry(c, one.fix_id, "lee", "again"),
    ):
        with pytest.raises(ReconError) as caught, writing(base.engine) as connection:
            decide(connection)
        assert caught.value.name == "in-hand"
    assert base.fix(one.fix_id).status is Status.APPROVED


def test_failed_retried_given_up_and_sent_again(base, one):
    approve(base, one.fix_id)
    claim(base, one.fix_id)
    with writing(base.engine) as connection:
        queue.failed(connection, one.fix_id, "t", "robot", "timeout", LATER)
    assert base.fix(one.fix_id).status is Status.FAILED
    assert claim(base, one.fix_id).given == []  # its time has not come
    with writing(base.engine) as connection:
        [given] = queue.claim(connection, "u", "robot", POLICY, LATER, LATER, only=[one.fix_id]).given
        assert (given.fix.status, given.fix.attempts, given.in_doubt) == (Status.RETRYING, 2, False)
        queue.dead_letter(connection, one.fix_id, "u", "robot", "the account is closed")
    with writing(base.engine) as connection:
        queue.retry(connection, one.fix_id, "lee", "it is open again")
    [given] = claim(base, one.fix_id).given
    with writing(base.engine) as connection:
        queue.applied(connection, one.fix_id, "t", "robot", {"journal_id": "J-2"})
    fix = base.fix(one.fix_id)
    assert (fix.status, fix.claimed_by, fix.error) == (Status.APPLIED, None, None)


def test_what_an_applier_no_longer_answers_for_is_taken_over_in_doubt(base, one):
    approve(base, one.fix_id)
    claim(base, one.fix_id)
    with writing(base.engine) as connection:
        then = LATER + timedelta(seconds=1)
        [given] = queue.claim(connection, "u", "robot", POLICY, then, then, only=[one.fix_id]).given
    assert given.in_doubt
    for late in (
        lambda c: queue.applied(c, one.fix_id, "t", "robot", {}),
        lambda c: queue.failed(c, one.fix_id, "t", "robot", "x", LATER),
        lambda c: queue.release(c, one.fix_id, "t"),
    ):
        with pytest.raises(ReconError) as caught, writing(base.engine) as connection:
            late(connection)
        assert caught.value.name == "not-in-hand"


def test_what_is_applied_stays_applied(base, one):
    approve(base, one.fix_id)
    claim(base, one.fix_id)
    with writing(base.engine) as connection:
        queue.applied(connection, one.fix_id, "t", "robot", {"journal_id": "J-3"})
    again(base, replace(one, seen={"psp.amount": 1}, rule_sha256="9" * 64))
    again(base, drop=one.fix_id)
    assert base.fix(one.fix_id).status is Status.APPLIED
    with pytest.raises(sa.exc.DBAPIError), base.engine.begin() as connection:
        connection.exec_driver_sql(f"update fixes set status = 'proposed' where fix_id = '{one.fix_id}'")


def test_every_record_is_in_the_trail_and_the_queue_is_what_it_says(base, one):
    with base.engine.connect() as connection:
        assert verify_trail(connection) == []
