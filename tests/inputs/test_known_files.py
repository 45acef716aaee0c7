"""F3 to F8: what was read before is known again, whatever name it comes under; what changed waits for a person."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime

import pytest
from input_shop import Shop

from recon.fetch import local
from recon.fetch.transport import Candidate

D13, D14, D15 = "2026-10-13", "2026-10-14", "2026-10-15"


def test_f3_the_same_bytes_under_another_name_are_no_op(shop):
    (shop.root / "in" / "toss_2026-10-13_twin.csv").write_bytes((shop.root / "in" / "toss_2026-10-13.csv").read_bytes())
    said = shop.run(D13)
    assert said.exit == 0, said.error
    twin = shop.entry(D13, "toss_2026-10-13_twin")
    assert twin["status"] == "replayed" and twin["replayed"] == twin["rows"] == 2 and twin["read"] == 0
    assert twin["first"] == {"night": D13, "source": "toss", "name": "in/toss_2026-10-13.csv"}
    assert "the same bytes as in/toss_2026-10-13.csv, read on 2026-10-13" in twin["reason"]
    assert shop.counts(D13) == {"new": 4, "cleared": 2, "replayed": 2} and shop.breaks(D13) == {}
    assert shop.money(D13) == {"new": 60000, "cleared": 30000, "replayed": 30000}


def test_f3_the_same_bytes_in_another_folder_and_on_a_later_night_are_no_op(tmp_path):
    toss = '{format: generic_settlement, psp: toss, files: "in/**/toss_{date}*.csv", expected: business_days}'
    shop = Shop(tmp_path / "shop", toss)
    shop.pay(D13, T1=10000)
    first = shop.settle("toss_2026-10-13.csv", T1=10000)
    assert shop.run(D13).exit == 0
    shop.write("in/again/toss_2026-10-13.csv", first.read_text("utf-8"))
    shop.pay(D14, T3=5000)
    shop.settle("toss_2026-10-14.csv", D14, T3=5000)
    said = shop.run(D14)
    assert said.exit == 0, said.out
    again = shop.entry(D14, "again/")
    assert again["status"] == "replayed" and again["first"]["night"] == D13
    assert shop.counts(D14) == {"new": 2, "cleared": 1, "replayed": 1} and shop.breaks(D14) == {}
    assert shop.money(D14) == {"new": 15000, "cleared": 5000, "replayed": 10000}


def test_f3_of_known_bytes_the_rows_that_could_not_be_read_are_counted_as_known_too(shop):
    rows = (shop.root / "in" / "toss_2026-10-13.csv").read_text("utf-8")
    shop.write("in/toss_2026-10-13.csv", rows + "T-9,capture,pay-9,PO-9,KRW,12.5,2026-10-13 01:00:00\n")
    (shop.root / "in" / "toss_2026-10-13_twin.csv").write_bytes((shop.root / "in" / "toss_2026-10-13.csv").read_bytes())
    assert shop.run(D13).exit == 0
    twin = shop.entry(D13, "toss_2026-10-13_twin")
    assert (twin["rows"], twin["replayed"], twin["quarantined"]) == (3, 3, 0)
    assert shop.counts(D13) == {"new": 6, "cleared": 2, "replayed": 3, "quarantined": 1}
    assert shop.money(D13) == {"new": 60000, "cleared": 30000, "replayed": 30000}


def test_f3_old_bytes_that_come_beside_todays_file_are_counted_as_known(shop):
    """Their name says today, so they would be a mistake if today's file were not there: nobody has to mend it."""
    assert shop.run(D13).exit == 0
    shop.settle("toss_2026-10-14.csv", D14, T3=5000)
    shop.write("in/toss_2026-10-14_old.csv", (shop.root / "in" / "toss_2026-10-13.csv").read_text("utf-8"))
    said = shop.run(D14)
    assert said.exit == 0, said.out
    old = shop.entry(D14, "toss_2026-10-14_old")
    assert old["status"] == "replayed" and (old["rows"], old["read"], old["replayed"]) == (2, 0, 2)
    assert "the files of 2026-10-14 are there besides: nothing in it is new" in old["reason"]
    assert shop.counts(D14) == {"new": 3, "cleared": 1, "replayed": 2} and shop.breaks(D14) == {}
    assert shop.money(D14) == {"new": 35000, "cleared": 5000, "replayed": 30000}


def test_f3_old_bytes_beside_todays_file_ask_nobody_when_a_dead_state_database_kept_the_night(shop):
    """What people decided is not known, so nothing is published; the next run is the same night."""
    test_f3_old_bytes_that_come_beside_todays_file_are_counted_as_known(shop)
    before = shop.bytes_of(D14)
    shutil.rmtree(shop.root / "nights" / D14)
    config = shop.root / "recon.yaml"
    text = config.read_text("utf-8")
    config.write_text(text + 'state: {url: "postgresql://clerk@127.0.0.1:1/state"}\n', encoding="utf-8")
    said = shop.run(D14)
    assert said.exit == 4 and "state-database" in said.error
    config.write_text(text, encoding="utf-8")
    assert shop.bytes_of(D14) == {}
    assert shop.run(D14).exit == 0 and shop.bytes_of(D14) == before


def test_f6_accepted_yesterdays_bytes_are_read_as_todays_and_every_row_is_known(shop):
    assert shop.run(D13).exit == 0
    shop.write("in/toss_2026-10-14.csv", (shop.root / "in" / "toss_2026-10-13.csv").read_text("utf-8"))
    assert shop.run(D14).exit == 3
    assert shop.accept("toss_2026-10-14.csv").exit == 0
    assert shop.run(D14).exit == 0
    entry = shop.entry(D14, "toss_2026-10-14")
    assert entry["status"] == "read" and (entry["rows"], entry["read"], entry["replayed"]) == (2, 2, 2)
    assert shop.counts(D14) == {"new": 2, "replayed": 2} and shop.money(D14) == {"new": 30000, "replayed": 30000}
    before = shop.bytes_of(D14)
    assert shop.run(D14).exit == 0 and shop.bytes_of(D14) == before


def test_f3_the_same_bytes_in_the_folder_of_another_source_are_no_op(tmp_path):
    """The identity of a row holds the source: without a look at the bytes every row would be new a second time."""
    more = '  kr: {format: generic_settlement, psp: toss, files: "kr/toss_{date}.csv"}\n'
    shop = Shop(tmp_path / "shop", more=more)
    shop.pay(D13, T1=10000)
    first = shop.settle("toss_2026-10-13.csv", T1=10000)
    shop.write("kr/toss_2026-10-13.csv", first.read_text("utf-8"))
    assert shop.run(D13).exit == 0
    [kr] = [each for each in shop.left(D13)["inputs"] if each["source"] == "kr"]
    assert kr["status"] == "replayed" and kr["first"]["source"] == "toss"
    assert shop.breaks(D13) == {} and shop.cleared(D13) == 1
    assert shop.counts(D13, "kr") == {"new": 1, "replayed": 1} and shop.money(D13, "kr") == {
        "new": 10000,
        "replayed": 10000,
    }


def restated(shop: Shop) -> None:
    """The 13th has run; then the provider writes its file anew: T-2 is 19,000 now, and T-4 is there besides."""
    assert shop.run(D13).exit == 0
    shop.settle("toss_2026-10-13.csv", T1=10000, T2=19000, T4=4000)


def test_f4_a_restated_file_is_set_aside_until_a_named_person_accepts_it(shop):
    restated(shop)
    before = shop.breaks(D13)
    said = shop.run(D13)
    assert said.exit == 3
    entry = shop.entry(D13, "toss_2026-10-13.csv@")
    assert entry["status"] == "set_aside" and entry["code"] == "restated" and entry["read"] == 0
    assert "restated: found sha256" in entry["reason"] and "read on 2026-10-13" in entry["reason"]
    assert "expected the bytes not to change" in entry["reason"]
    assert f"recon inputs accept {entry['sha256'][:12]} --as NAME --why TEXT" in entry["remedy"]
    assert "in/toss_2026-10-13.csv" in said.out and entry["remedy"] in said.out
    assert shop.breaks(D13) == before == {} and shop.new(D13)["new"] == 2
    assert shop.summary(D13)["verdict"] == "incomplete"


def test_f4_an_accepted_file_is_a_delta_known_rows_counted_changed_rows_breaks_nothing_erased(shop):
    restated(shop)
    assert shop.run(D13).exit == 3
    accepted = shop.accept("toss_2026-10-13.csv")
    assert accepted.exit == 0, accepted.error
    assert f"next: recon run --date {D13}" in accepted.error
    said = shop.run(D13)
    assert said.exit == 0, said.out
    entry = shop.entry(D13, "toss_2026-10-13.csv@")
    assert (entry["rows"], entry["read"], entry["replayed"], entry["restated"]) == (3, 3, 1, 1)
    assert shop.new(D13)["new"] == 5 and shop.new(D13)["replayed"] == 1, "the first version is still there"
    assert shop.breaks(D13)["PO-2/capture"] == "restated_row"
    assert "PO-1/capture" not in shop.breaks(D13)
    decision = entry["decision"]
    assert (decision["decided_by"], decision["why"]) == ("jane", "the provider says so") and decision["decided_at"]
    assert shop.left(D13)["decisions"] == [decision]


def test_f4_rows_that_the_new_version_no_longer_has_are_told_with_their_money(shop):
    assert shop.run(D13).exit == 0
    shop.settle("toss_2026-10-13.csv", T1=10000)
    assert shop.run(D13).exit == 3 and shop.accept("toss_2026-10-13.csv").exit == 0
    said = shop.run(D13)
    assert said.exit == 0, said.out
    entry = shop.entry(D13, "toss_2026-10-13.csv@")
    assert (entry["replayed"], entry["restated"], entry["lost"]) == (1, 0, [["KRW", 1, "20000"]])
    told = "1 row of in/toss_2026-10-13.csv (20000 KRW) is no longer in it; nothing was erased: ask the provider"
    assert told in entry["reason"] and [told in each for each in entry["warnings"]] == [True]
    assert told in (shop.root / "nights" / D13 / "report.html").read_text("utf-8")
    assert shop.money(D13) == {"new": 40000, "cleared": 30000, "replayed": 10000}
    before = shop.bytes_of(D13)
    assert shop.run(D13).exit == 0 and shop.bytes_of(D13) == before


def test_f4_a_file_written_anew_within_a_second_and_of_the_same_size_is_seen(shop):
    file = shop.settle("toss_2026-10-13.csv", arrived="2026-10-14T00:00:00", T1=10000, T2=20000)
    assert shop.run(D13).exit == 0
    assert shop.run(D13).exit == 0, "the same bytes are nothing new"
    before = file.stat()
    shop.settle("toss_2026-10-13.csv", arrived="2026-10-14T00:00:00", T1=10000, T2=90000)
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert shop.run(D13).exit == 3
    assert shop.entry(D13, "toss_2026-10-13.csv@")["code"] == "restated"


def test_f4_past_a_gigabyte_a_night_size_and_time_tell(shop, monkeypatch):
    """What docs/inputs.md says: known files are read again as far as that goes, the newest first."""
    monkeypatch.setattr(local, "HASHED_AT_MOST", 10)
    shop.settle("toss_2026-10-13.csv", arrived="2026-10-14T00:00:00", T1=10000, T2=20000)
    assert shop.run(D13).exit == 0
    shop.settle("toss_2026-10-13.csv", arrived="2026-10-14T00:00:00", T1=10000, T2=90000)
    assert shop.run(D13).exit == 0
    shop.settle("toss_2026-10-13.csv", arrived="2026-10-14T00:00:01", T1=10000, T2=90000)
    assert shop.run(D13).exit == 3


@pytest.mark.parametrize(
    ("kept", "listed", "same"),
    [
        ("etag a1", "etag a1", True),
        ("etag a1", "etag b2", False),
        ("etag a1, version 7", "etag a1", True),
        ("etag a1, version 7", "etag a", False),
        ("", "etag a1", True),  # read before versions were noted
        ("", "", True),
    ],
)
def test_f4_an_object_of_the_same_size_and_second_is_told_by_its_etag(kept, listed, same):
    at = datetime(2026, 10, 14, tzinfo=UTC)
    version = local.Version("0" * 64, 10, "2026-10-14T00:00:00Z", kept)
    assert version.looks_like(Candidate("s3://b/k", "k", 10, at, listed)) is same
    assert not version.looks_like(Candidate("s3://b/k", "k", 11, at, listed))


def test_f4_the_decision_is_frozen_in_the_night_which_runs_again_without_the_database(shop):
    restated(shop)
    shop.run(D13)
    shop.accept("toss_2026-10-13.csv")
    shop.run(D13)
    before = shop.bytes_of(D13)
    again = shop.run(D13)
    assert "the same bytes as before" in again.error and shop.bytes_of(D13) == before
    (shop.root / "state" / "recon.sqlite").unlink()
    assert shop.run(D13).exit == 0 and shop.bytes_of(D13) == before


def test_f4_restated_after_a_later_night_has_run_enters_the_next_one_and_the_old_night_stays(shop):
    shop.settle("toss_2026-10-14.csv", D14, T3=5000)
    assert shop.run(D13).exit == 0 and shop.run(D14).exit == 0
    old = shop.bytes_of(D13)
    shop.settle("toss_2026-10-13.csv", T1=10000, T2=19000)
    assert shop.run(D14).exit == 3
    assert shop.accept("toss_2026-10-13.csv").exit == 0
    assert shop.run(D14).exit == 0
    entry = shop.entry(D14, "toss_2026-10-13.csv@")
    assert entry["late"] and (entry["replayed"], entry["restated"]) == (1, 1)
    assert shop.breaks(D14)["PO-2/capture"] == "restated_row"
    assert shop.run(D13).exit == 0 and shop.bytes_of(D13) == old


def test_f4_nobody_decides_and_the_next_night_still_waits_and_takes_it_when_accepted(shop):
    restated(shop)
    shop.run(D13)
    shop.settle("toss_2026-10-14.csv", D14, T3=5000)
    assert shop.run(D14).exit == 3
    [wait] = shop.waits(D14)
    assert (wait["kind"], wait["since"], wait["nights"], wait["path"]) == ("decision", D13, 2, "in/toss_2026-10-13.csv")
    assert "toss (since 2026-10-13, 2 nights)" in shop.summary(D14)["sentence"]
    assert shop.summary(D14)["inputs"]["set_aside"] == ["in/toss_2026-10-13.csv"]
    assert shop.accept("toss_2026-10-13.csv").exit == 0
    assert shop.run(D14).exit == 0
    assert shop.breaks(D14)["PO-2/capture"] == "restated_row"
    assert shop.waits(D14) == []


def test_f4_a_rejected_file_is_left_out_for_good(shop):
    restated(shop)
    shop.run(D13)
    assert shop.accept("toss_2026-10-13.csv", "reject", why="a draft").exit == 0
    said = shop.run(D13)
    assert said.exit == 0, said.out
    entry = shop.entry(D13, "toss_2026-10-13.csv@")
    assert entry["status"] == "rejected" and "rejected by jane" in entry["reason"] and "a draft" in entry["reason"]
    assert shop.new(D13)["new"] == 2 and shop.breaks(D13) == {}
    shop.settle("toss_2026-10-14.csv", D14, T3=5000)
    assert shop.run(D14).exit == 0


def test_f5_the_same_rows_in_other_bytes_are_set_aside_and_name_the_run(shop):
    assert shop.run(D13).exit == 0
    rows = (shop.root / "in" / "toss_2026-10-13.csv").read_text("utf-8")
    shop.write("in/toss_2026-10-14.csv", rows.replace("\n", "\r\n"))
    said = shop.run(D14)
    assert said.exit == 3
    entry = shop.entry(D14, "toss_2026-10-14")
    assert entry["status"] == "set_aside" and entry["code"] == "all_rows_known"
    assert "100 % of its 2 rows were read before, on 2026-10-13 from in/toss_2026-10-13.csv" in entry["reason"]
    assert "expected the rows of a new file" in entry["reason"] and "recon inputs accept" in entry["remedy"]
    assert shop.new(D14)["new"] == 0 and shop.new(D14)["replayed"] == 0
    assert entry["reason"] in said.out
    assert not list((shop.root / "nights" / D14 / "records").glob("*_toss/*.parquet"))


def test_f5_accepted_counts_its_rows_as_known_and_the_night_is_complete(shop):
    test_f5_the_same_rows_in_other_bytes_are_set_aside_and_name_the_run(shop)
    assert shop.accept("toss_2026-10-14.csv").exit == 0
    assert shop.run(D14).exit == 0
    assert shop.entry(D14, "toss_2026-10-14")["replayed"] == 2
    assert shop.new(D14)["new"] == 2 == shop.new(D14)["replayed"]


def test_f5_an_export_that_rolls_over_the_last_days_may_hold_known_rows_only(tmp_path):
    toss = (
        '{format: generic_settlement, psp: toss, files: "in/toss_{date}*.csv", expected: business_days, repeats: true}'
    )
    shop = Shop(tmp_path / "shop", toss)
    shop.pay(D13, T1=10000)
    rows = shop.settle("toss_2026-10-13.csv", T1=10000).read_text("utf-8")
    shop.run(D13)
    shop.write("in/toss_2026-10-14.csv", rows.replace("\n", "\r\n"))
    assert shop.run(D14).exit == 0
    assert shop.entry(D14, "toss_2026-10-14")["replayed"] == 1


def test_f6_yesterdays_file_sent_as_todays_is_set_aside_and_todays_is_still_awaited(shop):
    assert shop.run(D13).exit == 0
    shop.write("in/toss_2026-10-14.csv", (shop.root / "in" / "toss_2026-10-13.csv").read_text("utf-8"))
    said = shop.run(D14)
    assert said.exit == 3
    entry = shop.entry(D14, "toss_2026-10-14")
    assert entry["status"] == "set_aside" and entry["code"] == "wrong_day"
    assert (
        "found the bytes of in/toss_2026-10-13.csv, read on 2026-10-13 for 2026-10-13, expected those of 2026-10-14"
        in (entry["reason"])
    )
    assert shop.new(D14)["new"] == 0
    assert shop.accept("toss_2026-10-14.csv", "reject", why="sent by mistake").exit == 0
    assert shop.run(D14).exit == 3
    [wait] = shop.waits(D14)
    assert (wait["kind"], wait["for"]) == ("file", D14)


def test_f8_of_a_file_that_overlaps_the_known_rows_are_no_op_and_the_new_ones_are_taken(shop):
    assert shop.run(D13).exit == 0
    shop.settle("toss_2026-10-14.csv", D13, T2=20000, T3=5000)
    said = shop.run(D14)
    assert said.exit == 0, said.out
    entry = shop.entry(D14, "toss_2026-10-14")
    assert (entry["rows"], entry["read"], entry["replayed"], entry["restated"]) == (2, 2, 1, 0)
    assert shop.counts(D14) == {"new": 2, "cleared": 1, "replayed": 1} and shop.breaks(D14) == {}
    assert shop.money(D14) == {"new": 25000, "cleared": 5000, "replayed": 20000}


def test_e33_like_a_file_that_is_replayed_later_is_known_beyond_the_look_back(tmp_path):
    """The rows are forgotten by then; the bytes are not."""
    shop = Shop(tmp_path / "shop", '{format: generic_settlement, psp: toss, files: "in/toss*.csv"}')
    config = (shop.root / "recon.yaml").read_text("utf-8")
    (shop.root / "recon.yaml").write_text(config + "look_back_days: 1\n", encoding="utf-8")
    shop.pay(D13, T1=10000)
    rows = shop.settle("toss.csv", T1=10000).read_text("utf-8")
    assert shop.run(D13).exit == 0
    for night in (D14, D15, "2026-10-16"):
        assert shop.run(night).exit == 0
    shop.write("in/toss_replayed.csv", rows)
    assert shop.run("2026-10-16").exit == 0
    entry = shop.entry("2026-10-16", "toss_replayed")
    assert entry["status"] == "replayed" and entry["first"]["night"] == D13
    assert shop.breaks("2026-10-16") == {} and shop.counts("2026-10-16") == {"new": 1, "replayed": 1}


def test_e33_like_old_files_put_back_from_a_backup_change_nothing(shop):
    """Every file of the past nights stands in in/ again, as old as the backup made it."""
    shop.settle("toss_2026-10-14.csv", D14, T3=5000)
    shop.run(D13)
    shop.run(D14)
    before = shop.bytes_of(D14)
    for file in (shop.root / "in").iterdir():
        shop.write(f"in/{file.name}", file.read_bytes().decode(), arrived="2026-10-20T00:00:00")
    said = shop.run(D14)
    assert said.exit == 0 and "the same bytes as before" in said.error
    assert shop.bytes_of(D14) == before
