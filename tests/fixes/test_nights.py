"""Nights and the desk: what people decide is kept and honoured, what was corrected closes, and it can all be taken back."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3

import jsonschema
import openpyxl
import pytest
from desk_shop import Shop
from fix_queue import database

from recon.config.json_schema import schema
from recon.domain.queue import Status

A, B, C, D, E = (f"2026-10-{number}" for number in (13, 14, 15, 16, 17))


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Shop:
    """PO-1's and PO-2's postings were lost, PO-3 cleared; the first night has run."""
    shop = Shop.make(tmp_path_factory.mktemp("made") / "shop")
    fill(shop)
    shop.run(A)
    return shop


@pytest.fixture
def shop(made, tmp_path) -> Shop:
    """A copy of it."""
    shutil.copytree(made.root, tmp_path / "shop")
    return Shop(tmp_path / "shop", made.state)


def fill(shop: Shop) -> None:
    shop.settled(A, ("T1", "PO-1", 45000), ("T2", "PO-2", 20000), ("T3", "PO-3", 7000))
    shop.booked(A, ("E3", "PO-3", 7000))
    shop.ordered(A, ("PO-1", 45000), ("PO-2", 20000), ("PO-3", 7000))


def approve(shop: Shop, night: str, key: str, who: str = "kim") -> str:
    fix_id = str(shop.fix_of(night, key)["fix_id"])
    shop.do("fixes", "approve", fix_id, "--as", who, "--why", "seen it")
    return fix_id


# --- closing the circle --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mariadb"])
def test_a_posted_correction_clears_the_group_and_closes_the_break(kind, tmp_path, request):
    """Proposed, approved by another person, applied, seen by the next night; with the state in each of the databases."""
    servers = {"postgresql": "postgres", "mariadb": "mariadb"}
    server = request.getfixturevalue(servers[kind]) if kind in servers else None
    with database(server, tmp_path / "base") as base:
        shop = Shop.make(tmp_path / "shop", base.url if server else "sqlite:///state/recon.sqlite")
        fill(shop)
        shop.run(A)
        fix_id = approve(shop, A, "PO-1/capture")
        shop.apply(fix_id)
        shop.booked(B, ("recon-1", "PO-1", 45000))
        shop.run(B)
        row = shop.breaks(B)["PO-1/capture"]
        assert row["state"] == "resolved"
        assert row["reason"] == (
            f"corrected by fix {fix_id}, approved by kim, applied by robot on 2026-10-13; cleared: all sides are there and agree"
        )
        assert f"corrected by fix {fix_id}" in (shop.folder(B) / "report.html").read_text(encoding="utf-8")
        assert shop.json("fixes", "show", fix_id)["status"] == "applied"
        assert shop.do("verify", B).startswith(f"{B}: whole and unchanged")


def test_a_correction_that_does_not_show_is_told_and_not_made_again(shop):
    fix_id = approve(shop, A, "PO-1/capture")
    shop.apply(fix_id)
    shop.run(B)
    row = shop.breaks(B)["PO-1/capture"]
    assert (row["state"], row["class"]) == ("persisting", "manual_review")
    assert row["reason"] == f"{fix_id} was applied on 2026-10-13, and the break is still there"
    assert shop.fix_of(B, "PO-1/capture")["status"] == "applied"
    assert "refused [not-proposed]" in shop.do("fixes", "approve", fix_id, "--as", "lee", "--why", "again", exit=3)


# --- what people decided is kept -------------------------------------------------------------------------------------


def test_a_rerun_of_the_night_keeps_the_approval_and_the_same_bytes(shop):
    assert shop.run(A).changed is False
    fix_id = approve(shop, A, "PO-1/capture")
    assert shop.run(A).changed is True  # the report says that it is approved, and by which head of the trail
    assert shop.fix_of(A, "PO-1/capture")["status"] == "approved"
    assert shop.run(A).changed is False
    assert shop.json("fixes", "show", fix_id)["status"] == "approved"
    shop.run(B)
    assert shop.fix_of(B, "PO-1/capture")["status"] == "approved"
    # A night that others continue from goes by what it kept, whatever was decided since.
    approve(shop, B, "PO-2/capture")
    assert shop.run(A).changed is False


def test_a_fix_for_a_night_since_rerun_goes_back_and_says_why(shop):
    """The rule file was edited after the approval: nothing else has changed, and the fix has to be looked at again."""
    fix_id = approve(shop, A, "PO-1/capture")
    rules = shop.root / "rules"
    rules.mkdir()
    from recon.config.shipped import shipped_rules

    text = (shipped_rules() / "payin.yaml").read_text(encoding="utf-8")
    (rules / "payin.yaml").write_text(text + "# edited\n", encoding="utf-8")
    shop.run(A)
    shown = shop.json("fixes", "show", fix_id)
    assert shown["status"] == "proposed"
    assert re.search(r"the rule file changed .*; it was approved, approved by kim", shown["history"][-1]["why"])


def test_a_timestamp_in_a_key(tmp_path):
    """The same loss found on another night, by records of another hour, in another run: one key, so it is booked once."""
    keys = set()
    for number, (first, hour) in enumerate([(A, "01"), (B, "23"), (C, "11")]):
        shop = Shop.make(tmp_path / str(number))
        shop.settled(first, ("T1", "PO-1", 45000))
        shop.ordered(first, ("PO-1", 45000))
        for path in (shop.root / "in").iterdir():
            path.write_text(path.read_text().replace(" 01:00:00", f" {hour}:00:00"))
        text = (shop.root / "recon.yaml").read_text()
        (shop.root / "recon.yaml").write_text(text.replace(A, first))
        shop.run(first)
        keys.add(shop.fix_of(first, "PO-1/capture")["idempotency_key"])
    assert len(keys) == 1


def test_a_refund_is_never_marked_failed_without_asking_the_provider(tmp_path):
    """We refunded and the provider's answer was lost. Whatever is missing, for however long, nothing is booked back or set:
    a person asks the provider. When its line comes, the refund clears."""
    shop = Shop.make(tmp_path / "shop")
    shop.settled(A, ("T1", "PO-1", 45000))
    shop.booked(A, ("E1", "PO-1", 45000))
    shop.ordered(A, ("PO-1", 45000))
    shop.booked(A, ("E2", "PO-1", -45000), kind="refund")
    for night in (A, B, C, D):
        shop.run(night)
        assert shop.fixes(night) == {}
    row = shop.breaks(D)["PO-1/refund"]
    assert (row["code"], row["class"]) == ("refund_not_at_psp", "manual_review")
    assert "Ask toss for the refund's state" in row["next_step"]
    shop.settled(E, ("T2", "PO-1", -45000), kind="refund")
    shop.run(E)
    assert shop.breaks(E)["PO-1/refund"]["state"] == "resolved"


# --- breaks ----------------------------------------------------------------------------------------------------------


def test_a_resolution_closes_the_break_and_its_fix_until_its_records_change(shop):
    fix_id = str(shop.fix_of(A, "PO-1/capture")["fix_id"])
    shop.do("breaks", "resolve", "PO-1/capture", "--reason", "corrected", "--as", "jane", "--why", "booked as J-77")
    assert shop.json("fixes", "show", fix_id)["status"] == "rejected"
    for night in (B, C):
        shop.run(night)
        assert "PO-1/capture" not in {key for key, row in shop.breaks(night).items() if row["state"] != "resolved"}
    assert shop.breaks(B)["PO-1/capture"]["reason"] == "resolved by jane (corrected): booked as J-77"
    assert "PO-1/capture" not in shop.breaks(C)
    assert shop.json("fixes", "show", fix_id)["status"] == "superseded"
    shop.settled(D, ("T9", "PO-1", 45000))  # captured twice
    shop.run(D)
    row = shop.breaks(D)["PO-1/capture"]
    assert row["state"] == "reopened"
    assert "resolved by jane (corrected): booked as J-77; its records changed since" in row["reason"]


def test_a_resolution_is_taken_back_and_its_fix_is_proposed_again(shop):
    fix_id = str(shop.fix_of(A, "PO-1/capture")["fix_id"])
    shop.do("breaks", "resolve", "PO-1/capture", "--reason", "timing", "--as", "jane", "--why", "comes tomorrow")
    shop.do("breaks", "reopen", "PO-1/capture", "--as", "lee", "--why", "it did not")
    assert shop.json("fixes", "show", fix_id)["status"] == "proposed"
    shop.run(B)
    assert shop.breaks(B)["PO-1/capture"]["state"] == "persisting"
    assert shop.fix_of(B, "PO-1/capture")["fix_id"] == fix_id
    assert shop.refused("breaks", "reopen", "PO-1/capture", "--as", "lee", "--why", "x") == "not-resolved"
    assert (
        shop.refused("breaks", "resolve", "PO-1/capture", "--reason", "dunno", "--as", "lee", "--why", "x")
        == "bad-reason"
    )
    assert shop.refused("breaks", "resolve", "PO-1/capture", "--reason", "timing", "--why", "x") == "unsigned"


def test_owners_and_notes_stay_with_the_break(shop):
    shop.do("breaks", "assign", "PO-2/capture", "--to", "treasury", "--as", "jane", "--why", "theirs")
    shop.do("breaks", "note", "PO-2/capture", "asked toss, case 4711", "--as", "jane")
    for night in (B, C):
        shop.run(night)
        assert shop.breaks(night)["PO-2/capture"]["owner"] == "treasury"
    said = [each["why"] for each in shop.json("breaks", "show", "PO-2/capture")["decisions"]]
    assert said == ["theirs", "asked toss, case 4711"]
    shop.do("breaks", "assign", "PO-2/capture", "--to", "", "--as", "lee", "--why", "back")
    shop.run(C)
    assert shop.breaks(C)["PO-2/capture"]["owner"] == ""


def test_a_match_by_hand_closes_what_cancels_out_and_is_taken_apart_again(tmp_path):
    """Two lines under mistyped references, and the one posting that they are: +400, +377, -777."""
    shop = Shop.make(tmp_path / "shop")
    shop.settled(A, ("T1", "PO-88", 400), ("T2", "PO-99", 377))
    shop.booked(A, ("E1", "PO-8", 777))
    shop.ordered(A, ("PO-8", 777))
    for night in (A, B, C, D):
        shop.run(night)
    keys = ["PO-8/capture", "PO-88/capture", "PO-99/capture"]
    assert [shop.breaks(D)[key]["difference"] for key in keys] == ["-777", "400", "377"]
    assert shop.refused("breaks", "match", *keys[:2], "--as", "jane", "--why", "typo") == "not-a-match"
    shop.do("breaks", "match", *keys, "--as", "jane", "--why", "typo at toss")
    shop.run(D)
    for key in keys:
        row = shop.breaks(D)[key]
        assert row["state"] == "resolved" and "matched by hand with" in row["reason"], row
    # Each of them was one of the match: what changes one of them opens all.
    shop.settled(E, ("T3", "PO-99", 377))
    shop.run(E)
    assert {shop.breaks(E)[key]["state"] for key in keys} == {"reopened"}
    assert "changed since" in shop.breaks(E)["PO-8/capture"]["reason"]
    shop.do("breaks", "unmatch", keys[1], "--as", "kim", "--why", "they are not")
    shop.run(E)
    assert {shop.breaks(E)[key]["state"] for key in keys} == {"reopened"}
    assert "changed since" not in shop.breaks(E)["PO-8/capture"]["reason"]


def test_what_cleared_is_unmatched_and_resolved(shop):
    shop.do("breaks", "unmatch", "PO-3/capture", "--as", "jane", "--why", "another order's money")
    for night, state in ((B, "new"), (C, "persisting")):
        shop.run(night)
        row = shop.breaks(night)["PO-3/capture"]
        assert (row["code"], row["class"], row["state"]) == ("unmatched_by_hand", "investigate", state)
    shop.do("breaks", "resolve", "PO-3/capture", "--reason", "agreed", "--as", "kim", "--why", "it was right")
    shop.run(D)
    row = shop.breaks(D)["PO-3/capture"]
    assert (row["state"], row["reason"]) == ("resolved", "resolved by kim (agreed): it was right")
    shop.run(E)
    assert "PO-3/capture" not in shop.breaks(E)
    assert shop.refused("breaks", "unmatch", "PO-777/capture", "--as", "jane", "--why", "x") == "not-matched"


# --- bulk ------------------------------------------------------------------------------------------------------------


def test_a_bulk_decision_shows_totals_and_wants_them_typed(shop):
    shown = shop.json("fixes", "approve", "--code", "psp_not_in_ledger", "--preview")
    assert len(shown["fixes"]) == 2 and shown["unusual"] == {}
    assert "all of them" in shop.do("fixes", "approve", "--psp", "toss", "--preview")
    asked = ["fixes", "approve", "--currency", "KRW", "--min", "1000", "--as", "kim", "--why", "ok"]
    assert shop.refused(*asked) == "unconfirmed"
    assert shop.refused("fixes", "approve", "--as", "kim", "--why", "ok") == "nothing-named"
    assert shop.refused("fixes", "approve", "--psp", "adyen", "--as", "kim", "--why", "ok") == "no-fix"
    assert "2 done, 0 refused" in shop.do(*asked, "--confirm", "approve 2 fixes")
    assert {each["status"] for each in shop.json("fixes", "list", "--status", "approved")} == {"approved"}
    trust = shop.json("rules", "trust")
    assert [(each["code"], each["approved"], each["agreed_percent"]) for each in trust] == [
        ("psp_not_in_ledger", 2, 100)
    ]


def test_an_unusual_fix_is_confirmed_by_itself(tmp_path):
    shop = Shop.make(tmp_path / "shop")
    shop.settled(A, ("T1", "PO-1", 600_000))
    shop.ordered(A, ("PO-1", 600_000))
    shop.run(A)
    fix_id = str(shop.fix_of(A, "PO-1/capture")["fix_id"])
    asked = ["fixes", "approve", fix_id, "--as", "kim", "--why", "ok"]
    assert shop.refused(*asked) == "unconfirmed"
    assert "more than half of the ceiling" in shop.ask(*asked).output
    assert "1 done" in shop.do(*asked, "--confirm", "approve 1 fix, 1 unusual")


def test_who_runs_the_night_is_the_maker(shop):
    shop.settled(B, ("T4", "PO-4", 500))
    shop.ordered(B, ("PO-4", 500))
    shop.do("run", "--date", B, "--as", "jane")
    fix_id = str(shop.fix_of(B, "PO-4/capture")["fix_id"])
    assert "refused [own-fix]" in shop.do("fixes", "approve", fix_id, "--as", "Jane", "--why", "mine", exit=3)
    assert "approved" in shop.do("fixes", "approve", fix_id, "--as", "kim", "--why", "hers")


# --- decisions that are handed in ------------------------------------------------------------------------------------


def test_decisions_come_back_from_an_exported_file_line_by_line(shop, tmp_path):
    file = tmp_path / "decisions.json"
    shop.do("fixes", "export", str(file))
    data = json.loads(file.read_text())
    jsonschema.validate(data, schema("decisions"))
    assert "nothing is decided" in shop.do("fixes", "import", str(file), "--preview")
    first, second = data["decisions"]
    first.update(decision="approve", reason="agreed", remark="in the dashboard")
    second.update(decision="reject", reason="wrong_fix")
    lost = {**first, "break_id": "BRK-0000000000000000"}
    broken = {**second, "break_id": "BRK-1111111111111111", "reason": ""}
    data["decisions"] += [lost, broken, first]
    file.write_text(json.dumps(data))
    out = shop.do("fixes", "import", str(file), "--as", "kim", exit=3)
    assert "2 done, 3 refused" in out and "[moved-on]" in out and "reject needs a reason" in out and "twice" in out
    shown = shop.json("fixes", "show", first["fix_id"])
    assert (shown["status"], shown["approved_by"]) == ("approved", "kim")
    assert shown["history"][-1]["why"] == "checked against the records, and right; in the dashboard"


def test_a_line_is_refused_where_the_night_has_moved_on(shop, tmp_path):
    """Exported on one night, handed in after the next: what is unchanged is taken, what changed is not."""
    file = tmp_path / "decisions.json"
    shop.do("fixes", "export", str(file))
    data = json.loads(file.read_text())
    for line in data["decisions"]:
        line.update(decision="approve")
    file.write_text(json.dumps(data))
    shop.settled(B, ("T9", "PO-1", 45000))  # captured twice: another break now
    shop.run(B)
    confirm = ["--confirm", "approve 2 fixes"]
    out = shop.do("fixes", "import", str(file), "--as", "kim", *confirm, exit=3)
    assert "1 done, 1 refused" in out and "[moved-on]" in out
    assert [each["psp"] for each in shop.json("fixes", "list", "--status", "approved")] == ["toss"]
    data["workspace"] = "another"
    file.write_text(json.dumps(data))
    assert shop.refused("fixes", "import", str(file), "--as", "kim", *confirm) == "other-workspace"
    data["schema_version"] = 2
    file.write_text(json.dumps(data))
    assert shop.refused("fixes", "import", str(file), "--as", "kim") == "no-decisions"
    file.write_text("{")
    assert shop.refused("fixes", "import", str(file), "--as", "kim") == "no-decisions"


def test_decisions_come_back_from_the_workbook(shop, tmp_path):
    book = openpyxl.load_workbook(shop.folder(A) / "report.xlsx")
    sheet = book["Queue"]
    heads = {cell.value: cell.column for cell in sheet[1]}
    rows = {sheet.cell(n, heads["Key"]).value: n for n in range(2, sheet.max_row + 1)}
    sheet.cell(rows["PO-1/capture"], heads["Decision"], "approve")
    sheet.cell(rows["PO-2/capture"], heads["Decision"], "assign")
    sheet.cell(rows["PO-2/capture"], heads["Assign to"], "treasury")
    file = tmp_path / "report.xlsx"
    book.save(file)
    assert "2 done, 0 refused" in shop.do("fixes", "import", str(file), "--as", "kim")
    assert shop.json("fixes", "show", shop.fix_of(A, "PO-1/capture")["fix_id"])["status"] == "approved"
    shop.run(B)
    assert shop.breaks(B)["PO-2/capture"]["owner"] == "treasury"


# --- the trail -------------------------------------------------------------------------------------------------------


def test_each_report_prints_the_head_and_verify_holds_it_against_the_trail(shop):
    approve(shop, A, "PO-1/capture")
    shop.run(B)
    audit = shop.summary(B)["audit"]
    assert audit["records"] == 3  # two proposals of the night before, and kim's approval
    jsonschema.validate(shop.summary(B), schema("summary"))
    assert audit["head"] in (shop.folder(B) / "report.html").read_text(encoding="utf-8")
    about = openpyxl.load_workbook(shop.folder(B) / "report.xlsx", read_only=True)["About"]
    assert any(audit["head"] in str(cell) for row in about.iter_rows(values_only=True) for cell in row)
    assert shop.do("verify", B)
    with sqlite3.connect(shop.root / "state" / "recon.sqlite") as owner:
        owner.execute("drop trigger audit_update_guard")
        owner.execute("update audit set who = 'lee' where seq = 3")
    out = shop.do("verify", B, exit=5)
    assert "audit trail, record 3: was changed" in out and "the guard audit_update_guard is gone" in out
    (shop.root / "state" / "recon.sqlite").unlink()
    assert "audit trail: it is gone; the reports knew 3 records" in shop.do("verify", B, exit=5)


def test_statuses_are_all_words_of_the_filter(shop):
    for each in Status:
        assert isinstance(shop.json("fixes", "list", "--status", str(each)), list)
