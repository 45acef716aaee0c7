"""What is missing, late, set aside or sent twice: the night is incomplete, judges the rest, and takes it when it comes."""

from __future__ import annotations

import ast
import csv
import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from night_shop import LAST, NIGHTS, copied, held_back, left_by, tree

from recon.store.history import stale_nights

SETTLED = f"adyen_{LAST}.csv"


def facts(shop: Path, night: str = LAST) -> dict:
    return json.loads((shop / "nights" / night / "summary.json").read_text("utf-8"))


def entries(shop: Path, night: str = LAST) -> dict[str, dict]:
    found = json.loads((shop / "nights" / night / "inputs.json").read_text("utf-8"))["inputs"]
    return {entry["name"]: entry for entry in found}


def rows(shop: Path, name: str, night: str = LAST) -> list[dict[str, str]]:
    with (shop / "nights" / night / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def open_breaks(shop: Path, night: str = LAST) -> dict[str, dict[str, str]]:
    return {row["key"]: row for row in rows(shop, "breaks.csv", night) if row["state"] != "resolved"}


def fixes(shop: Path, night: str = LAST) -> dict[str, dict]:
    text = (shop / "nights" / night / "fixes.jsonl").read_text("utf-8")
    return {fix["break_id"]: fix for fix in map(json.loads, text.splitlines())}


@pytest.fixture(scope="module")
def without_adyen(tmp_path_factory, four_nights, runner) -> Path:
    """The last night as it is while Adyen's file has not come; the file comes in afterwards."""
    shop = copied(four_nights, tmp_path_factory.mktemp("missing") / "shop")
    with held_back(shop, f"adyen_{LAST}*"):
        answer = runner.night(shop)
        assert answer.exit == 3, answer.error
    return shop


def incomplete_because_of_adyen(shop: Path, four_nights: Path, five_nights: Path) -> None:
    """Nothing missing at Adyen is a break, nothing of Adyen changes or is fixed, and the others are judged as ever."""
    before, now, complete = open_breaks(four_nights, NIGHTS[3]), open_breaks(shop), open_breaks(five_nights)
    for key, row in now.items():
        if row["psp"] == "adyen" and key not in before:
            assert row["psp_amount"], f"{key} is missing at Adyen, whose file was not read, and became {row['code']}"
    assert {key for key, row in before.items() if row["psp"] == "adyen"} <= set(now)
    ours = {row["break_id"] for row in (*now.values(), *complete.values()) if row["psp"] == "adyen"}
    assert ours & set(fixes(five_nights)) and not ours & set(fixes(shop))
    others = [
        {key: row["code"] for key, row in each.items() if row["psp"] in ("stripe", "toss")} for each in (now, complete)
    ]
    assert others[0] == others[1] and others[0]


def test_a_missing_file_makes_the_night_incomplete(without_adyen, four_nights, five_nights):
    assert facts(without_adyen)["verdict"] == "incomplete"
    assert facts(without_adyen)["inputs"]["awaiting"] == ["adyen"]
    assert "incomplete" in facts(without_adyen)["sentence"] and "adyen" in facts(without_adyen)["sentence"]
    incomplete_because_of_adyen(without_adyen, four_nights, five_nights)


def test_a_break_that_was_open_stays_as_it_was(without_adyen, four_nights):
    """Missing sides of an open break prove nothing tonight: code, class and first day are those of the night before."""
    before, now = open_breaks(four_nights, NIGHTS[3]), open_breaks(without_adyen)
    waiting = [key for key, row in before.items() if row["psp"] == "adyen" and not row["psp_amount"]]
    assert waiting, "the shop has no such break: choose another seed"
    for key in waiting:
        kept = ("break_id", "code", "class", "difference", "first_seen", "deadline", "why")
        assert {name: now[key][name] for name in kept} == {name: before[key][name] for name in kept}


def test_the_night_that_missed_it_takes_it_when_run_again(without_adyen, five_nights, tmp_path, runner):
    shop = copied(without_adyen, tmp_path / "shop")
    assert runner.night(shop).exit == 0
    assert facts(shop)["verdict"] == facts(five_nights)["verdict"]
    assert open_breaks(shop) == open_breaks(five_nights) and fixes(shop) == fixes(five_nights)
    assert not any(entry["late"] for entry in entries(shop).values())


def test_once_a_later_night_has_run_it_enters_the_next_one_marked_late(without_adyen, tmp_path, runner):
    shop, late = copied(without_adyen, tmp_path / "shop"), f"in/{SETTLED}"
    with held_back(shop, SETTLED):
        next_day = runner.night(shop, "2026-10-13")
        assert next_day.exit == 3, next_day.error
    old = tree(shop / "nights" / LAST)
    assert runner.night(shop, LAST).exit == 3
    assert tree(shop / "nights" / LAST) == old, "a night that others continue from took a file"
    again = runner.night(shop, "2026-10-13")
    assert again.exit == 3, again.error
    taken = entries(shop, "2026-10-13")
    assert taken[late]["late"] is True and taken[late]["status"] == "read"
    assert facts(shop, "2026-10-13")["inputs"]["late"] == [late]
    assert sorted(facts(shop, "2026-10-13")["inputs"]["awaiting"]) == ["adyen", "stripe", "toss"]
    assert stale_nights(shop / "nights") == []


def spoiled(shop: Path, spoil) -> Path:
    """The shop, with the lines of Adyen's last file changed; those before the shop's own are its heading."""
    file = shop / "in" / SETTLED
    file.write_text(spoil(file.read_text("utf-8")), encoding="utf-8")
    return shop


def unreadable(text: str) -> str:
    """Every amount of more than ten rows is text that is no amount."""
    lines = text.splitlines(keepends=True)
    cells = [line.split(",") for line in lines]
    heads = [name.strip('"\r\n') for name in cells[0]]
    money = [at for at, name in enumerate(heads) if name.startswith(("Gross", "Net", "Commission"))]
    spoilt = [
        ",".join("1e3" if at in money and cell.strip("\r\n") else cell for at, cell in enumerate(row))
        for row in cells[1:]
    ]
    assert money and len(spoilt) > 10, heads
    return "".join([lines[0], *spoilt])


def unknown_columns(text: str) -> str:
    """The file of some other report: the columns that the format needs are not there."""
    return "".join(["Datum,Betrag\n", *("2026-10-12,1.00\n" for _ in range(20))])


@pytest.mark.parametrize("spoil", [unreadable, unknown_columns])
def test_a_file_set_aside_is_like_one_that_did_not_come(four_nights, five_nights, tmp_path, runner, spoil):
    shop = spoiled(copied(four_nights, tmp_path / "shop"), spoil)
    answer = runner.night(shop)
    assert answer.exit == 3, answer.error
    entry = entries(shop)[f"in/{SETTLED}"]
    assert entry["status"] == "set_aside" and entry["reason"] and entry["read"] == 0
    assert facts(shop)["verdict"] == "incomplete"
    incomplete_because_of_adyen(shop, four_nights, five_nights)
    again = runner.night(shop)
    assert again.exit == 3 and "the same bytes as before" in again.error


def test_a_file_set_aside_is_replaced_by_one_of_another_name(four_nights, five_nights, tmp_path, runner):
    """The provider sends it again: it stands in for the first one, which the night keeps as evidence."""
    shop = copied(four_nights, tmp_path / "shop")
    good = (shop / "in" / SETTLED).read_bytes()
    assert runner.night(spoiled(shop, unreadable)).exit == 3
    (shop / "in" / f"adyen_{LAST}_again.csv").write_bytes(good)
    (shop / "in" / SETTLED).unlink()
    answer = runner.night(shop)
    assert answer.exit == 0, answer.error
    assert entries(shop)[f"in/{SETTLED}"]["replaced_by"] == f"in/adyen_{LAST}_again.csv"
    assert {key: row["code"] for key, row in open_breaks(shop).items()} == {
        key: row["code"] for key, row in open_breaks(five_nights).items()
    }


def without_records(row: str) -> list[object]:
    """A row of `fixes` but for the numbers of its records in the audit trail: proposed_seq and audit_seq."""
    return [value for column, value in enumerate(ast.literal_eval(row)) if column not in (22, 23)]


def test_a_mended_file_of_the_same_name_is_read_and_refetch_forgets_the_spoilt_one(
    four_nights, five_nights, tmp_path, runner
):
    """Nothing of the spoilt bytes was read, so the mended ones need nobody's leave; --refetch reads what is there now, and
    the night is as if never spoilt."""
    shop = copied(four_nights, tmp_path / "shop")
    file = shop / "in" / SETTLED
    good, arrived = file.read_bytes(), file.stat()
    assert runner.night(spoiled(shop, unreadable)).exit == 3
    file.write_bytes(good)
    os.utime(file, ns=(arrived.st_atime_ns, arrived.st_mtime_ns))
    assert runner.night(shop).exit == 0
    assert open_breaks(shop) == open_breaks(five_nights) and fixes(shop) == fixes(five_nights)
    assert runner.night(shop, LAST, "--refetch").exit == 0
    left, expected = left_by(shop), left_by(five_nights)
    trails = [(each["tables"].pop("audit"), each["tables"].pop("audit_head")) for each in (left, expected)]
    for each in (left, expected):
        each["tables"]["fixes"] = [without_records(row) for row in each["tables"]["fixes"]]
    assert left["nights"] == expected["nights"] and left["tables"] == expected["tables"]
    assert len(trails[0][0]) > len(trails[1][0]), "what the spoilt night did to the fixes stays in the audit trail"
    assert set(expected["raw"]) < set(left["raw"]), "the spoilt bytes are kept as evidence"


def test_the_same_bytes_under_another_name_are_known(four_nights, five_nights, tmp_path, runner):
    shop = copied(four_nights, tmp_path / "shop")
    twin = shop / "in" / f"adyen_{LAST}_twin.csv"
    twin.write_bytes((shop / "in" / SETTLED).read_bytes())
    assert runner.night(shop).exit == 0
    entry = entries(shop)[f"in/{twin.name}"]
    assert entry["status"] == "replayed" and entry["replayed"] == entry["rows"] > 0 and entry["read"] == 0
    assert entry["first"]["name"] == f"in/{SETTLED}"
    assert open_breaks(shop) == open_breaks(five_nights)
    assert fixes(shop) == fixes(five_nights)
    assert facts(shop)["reconciliations"] == facts(five_nights)["reconciliations"]


def test_a_failed_control_total_sets_the_file_aside(four_nights, five_nights, tmp_path, runner):
    """One row of a batch is gone: its payout no longer equals its lines."""
    shop = spoiled(copied(four_nights, tmp_path / "shop"), without_a_capture)
    assert runner.night(shop).exit == 3
    entry = entries(shop)[f"in/{SETTLED}"]
    assert entry["status"] == "set_aside" and "control total" in entry["reason"]
    incomplete_because_of_adyen(shop, four_nights, five_nights)


def without_a_capture(text: str) -> str:
    lines = text.splitlines(keepends=True)
    gone = next(number for number, line in enumerate(lines) if "Settled" in line and number > 0)
    return "".join(lines[:gone] + lines[gone + 1 :])


def test_refetch_of_a_night_reads_the_database_again(shop, five_nights, runner):
    """Rows that were recorded since are taken only by a night that is told to."""
    with closing(sqlite3.connect(shop / "shop.sqlite")) as books:
        books.execute("update ledger_entries set memo = 'corrected' where recorded_at >= '2026-10-11 15:00:00'")
        books.commit()
    assert runner.night(shop).exit == 0
    assert left_by(shop) == left_by(five_nights)
    assert runner.night(shop, LAST, "--refetch").exit == 0
    changed = {name for name, sha256 in tree(shop / "nights").items() if tree(five_nights / "nights")[name] != sha256}
    assert any(name.endswith("ledger.parquet") for name in changed)
    assert all(name.startswith(LAST) for name in changed)
