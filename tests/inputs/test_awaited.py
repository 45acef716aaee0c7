"""F1, F2, F7: a file that is empty, late or skipped is awaited, the night says since when, and nothing else stands still."""

from __future__ import annotations

from input_shop import Shop

D13, D14, D15, D16 = "2026-10-13", "2026-10-14", "2026-10-15", "2026-10-16"
BY_SIX = (
    '{format: generic_settlement, psp: toss, files: "in/toss_{date}*.csv", calendar: KR, '
    'expected: {on: business_days, by: "06:00", count: %d, lag_days: 1}}'
)
NUMBERED = '{format: generic_settlement, psp: toss, files: "in/toss_{seq}.csv"%s}'


def empty(shop: Shop, text: str) -> None:
    shop.write("in/toss_2026-10-13.csv", text)
    said = shop.run(D13)
    assert said.exit == 3
    entry = shop.entry(D13, "toss_2026-10-13")
    assert entry["status"] == "set_aside" and entry["code"] == "empty"
    assert "never means that nothing was sold" in entry["remedy"] and "recon inputs accept" in entry["remedy"]
    assert entry["reason"] in said.out
    assert shop.new(D13)["new"] == 0 and shop.breaks(D13) == {}, (
        "the ledger's payments are not missing, they are pending"
    )


def test_f1_no_bytes_at_all_are_set_aside(shop):
    empty(shop, "")
    assert shop.entry(D13, "toss_2026-10-13")["reason"] == "the file is empty"


def test_f1_a_header_alone_is_set_aside_and_a_named_person_may_say_that_nothing_was_sold(shop):
    empty(shop, "natural_id,kind,psp_reference,payment_order_id,currency,amount,occurred_at\n")
    assert shop.entry(D13, "toss_2026-10-13")["reason"] == "the file has a header and no rows"
    assert shop.accept("toss_2026-10-13.csv", why="their shop was shut").exit == 0
    said = shop.run(D13)
    assert said.exit == 0, said.out
    entry = shop.entry(D13, "toss_2026-10-13")
    assert entry["status"] == "read" and entry["rows"] == 0 and "accepted by jane" in entry["reason"]
    shop.write("in/toss_2026-10-14.csv", (shop.root / "in" / "toss_2026-10-13.csv").read_text())
    assert shop.run(D14).exit == 3, "what was said of one night does not hold for the next"


def test_f2_a_file_that_is_not_there_is_awaited_with_its_hour_and_taken_later_under_its_own_date(tmp_path):
    shop = Shop(tmp_path / "shop", BY_SIX % 1)
    shop.pay(D13, T1=10000)
    shop.pay(D14, T3=5000)
    said = shop.run(D13)
    assert said.exit == 3 and shop.breaks(D13) == {}
    [wait] = shop.waits(D13)
    assert (wait["kind"], wait["for"], wait["state"], wait["nights"]) == ("file", D13, "awaited", 1)
    assert wait["due_by"] == "2026-10-13T21:00:00Z"
    assert "not there; due by 2026-10-14 06:00 (Asia/Seoul)" in wait["reason"] and wait["reason"] in said.out
    assert "recon inputs list --date 2026-10-13" in said.error

    shop.settle("toss_2026-10-14.csv", D14, T3=5000, arrived="2026-10-14T20:00:00")
    said = shop.run(D14)
    assert said.exit == 3, "the file of the 13th is still missing, and payments may be in it"
    [wait] = shop.waits(D14)
    assert (wait["for"], wait["state"], wait["since"], wait["nights"]) == (D13, "late", D13, 2)
    assert "late since 2026-10-14 06:00 (Asia/Seoul)" in wait["reason"]
    assert "toss (since 2026-10-13, 2 nights)" in shop.summary(D14)["sentence"]
    assert shop.cleared(D14) == 1 and shop.breaks(D14) == {}, "what does not depend on it still runs"

    shop.settle("toss_2026-10-13.csv", T1=10000, arrived="2026-10-15T01:30:00")
    said = shop.run(D14)
    assert said.exit == 0, said.out
    late = shop.entry(D14, "toss_2026-10-13")
    assert late["late"] and late["for"] == D13 and late["overdue"] and late["due_by"] == "2026-10-13T21:00:00Z"
    assert not shop.entry(D14, "toss_2026-10-14")["overdue"]
    assert shop.waits(D14) == [] and shop.cleared(D14) == 2
    report = (shop.root / "nights" / D14 / "report.html").read_text("utf-8")
    assert "came after its hour: was due by 2026-10-13T21:00:00Z" in report


def test_f2_the_hour_at_which_the_night_runs_changes_no_byte(tmp_path):
    """The deadline is stated, and it has passed when it lies before the end of the night: no clock is asked."""
    shop = Shop(tmp_path / "shop", BY_SIX % 1)
    shop.pay(D13, T1=10000)
    shop.run(D13)
    before = shop.bytes_of(D13)
    again = shop.run(D13)
    assert again.exit == 3 and "the same bytes as before" in again.error and shop.bytes_of(D13) == before


def test_f2_of_two_files_a_night_one_alone_leaves_it_incomplete(tmp_path):
    shop = Shop(tmp_path / "shop", BY_SIX % 2)
    shop.pay(D13, T1=10000, T2=20000)
    shop.settle("toss_2026-10-13_a.csv", T1=10000)
    assert shop.run(D13).exit == 3
    [wait] = shop.waits(D13)
    assert "1 of 2 files there" in wait["reason"] and shop.cleared(D13) == 1
    shop.settle("toss_2026-10-13_b.csv", T2=20000)
    assert shop.run(D13).exit == 0 and shop.cleared(D13) == 2


def test_f2_a_person_says_that_a_file_will_never_come(shop):
    (shop.root / "in" / "toss_2026-10-13.csv").unlink()
    assert shop.run(D13).exit == 3
    assert shop.accept("toss@2026-10-13", "reject").exit == 2
    assert shop.accept("toss@2026-10-13", why="no settlement on that day").exit == 0
    assert shop.run(D13).exit == 0
    [decision] = shop.left(D13)["decisions"]
    assert (decision["target"], decision["decided_by"]) == ("toss@2026-10-13", "jane")
    shop.settle("toss_2026-10-14.csv", D14, T3=5000)
    assert shop.run(D14).exit == 0


def test_f2_a_file_set_aside_and_sent_again_under_another_name_is_replaced_without_refetch(shop):
    good = (shop.root / "in" / "toss_2026-10-13.csv").read_text("utf-8")
    shop.write("in/toss_2026-10-13.csv", good.replace("amount", "betrag"))
    assert shop.run(D13).exit == 3
    shop.write("in/toss_2026-10-13_again.csv", good)
    said = shop.run(D13)
    assert said.exit == 0, said.out
    entries = {each["name"]: each for each in shop.left(D13)["inputs"]}
    assert entries["in/toss_2026-10-13.csv"]["replaced_by"] == "in/toss_2026-10-13_again.csv"
    assert shop.cleared(D13) == 2
    before = shop.bytes_of(D13)
    assert shop.run(D13).exit == 0 and shop.bytes_of(D13) == before


def test_f2_two_files_that_came_together_do_not_replace_each_other(shop):
    """A sound one beside one that cannot be read: nobody knows that it holds the same payments."""
    shop.write("in/toss_2026-10-13_b.csv", "natural_id,kind\nT-9,capture\n")
    assert shop.run(D13).exit == 3
    assert shop.run(D13).exit == 3
    assert shop.accept("toss_2026-10-13_b.csv").exit == 2, "it cannot be read, so it cannot be accepted"
    assert shop.accept("toss_2026-10-13_b.csv", "reject", why="a test export").exit == 0
    assert shop.run(D13).exit == 0


def test_f7_a_gap_in_the_numbers_is_awaited_and_what_came_after_it_is_taken(tmp_path):
    shop = Shop(tmp_path / "shop", NUMBERED % "")
    shop.pay(D13, T1=10000)
    shop.pay(D14, T2=20000, T3=5000)
    shop.settle("toss_40.csv", T1=10000)
    assert shop.run(D13).exit == 0
    shop.settle("toss_42.csv", D14, T3=5000)
    said = shop.run(D14)
    assert said.exit == 3
    [wait] = shop.waits(D14)
    assert (wait["kind"], wait["numbers"], wait["since"]) == ("number", [41, 41], D14)
    assert wait["reason"].startswith("41 never arrived") and "41 never arrived" in said.out
    assert shop.entry(D14, "toss_42")["status"] == "read" and shop.cleared(D14) == 1
    assert shop.breaks(D14) == {}, "T-2 may be in 41"
    assert shop.run(D15).exit == 3
    assert [(w["since"], w["nights"]) for w in shop.waits(D15)] == [(D14, 2)]
    shop.settle("toss_41.csv", D14, T2=20000)
    said = shop.run(D15)
    assert said.exit == 0, said.out
    assert shop.waits(D15) == [] and shop.cleared(D15) == 1


def test_f7_a_number_that_the_provider_never_used_is_given_up_by_a_person(tmp_path):
    shop = Shop(tmp_path / "shop", NUMBERED % "")
    shop.pay(D13, T1=10000, T3=5000)
    shop.settle("toss_40.csv", T1=10000)
    shop.settle("toss_43.csv", T3=5000)
    assert shop.run(D13).exit == 3
    assert shop.waits(D13)[0]["numbers"] == [41, 42]
    assert shop.accept("toss#41", why="skipped at their migration").exit == 0
    assert shop.run(D13).exit == 0
    shop.settle("toss_44.csv", D14, T4=1)
    assert shop.run(D14).exit == 0 and shop.waits(D14) == []


def test_f7_what_is_not_numbered_is_not_a_file_of_the_source(tmp_path):
    shop = Shop(tmp_path / "shop", NUMBERED % ", expected: daily")
    shop.pay(D13, T1=10000)
    shop.settle("toss_latest.csv", T1=10000)
    assert shop.run(D13).exit == 3
    assert [each["source"] for each in shop.left(D13)["inputs"]] == ["orders", "ledger"]
