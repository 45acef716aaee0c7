"""A night that runs again: the same bytes, and what becomes of the nights after it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from night_shop import LAST, NIGHTS, copied, left_by, tree

from recon.store.history import stale_nights


def footprint(folder: Path) -> dict[str, tuple[int, int]]:
    """Which files of the nights these are and when they were written: the same only where nothing was replaced."""
    return {str(path.relative_to(folder)): (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.rglob("*")}


def stale(shop: Path) -> list[str]:
    return [str(night) for night in stale_nights(shop / "nights")]


def edit_config(shop: Path) -> None:
    """A change that gives every night other bytes and no night other breaks."""
    settings = shop / "recon.yaml"
    settings.write_text(settings.read_text("utf-8") + "# looked at again\n", encoding="utf-8")


def test_every_night_again_is_the_same_bytes_and_touches_nothing(shop, five_nights, runner):
    before = footprint(shop / "nights")
    for night in NIGHTS:
        again = runner.night(shop, night)
        assert again.exit == 0 and "the same bytes as before" in again.error, again.error
    assert footprint(shop / "nights") == before
    assert stale(shop) == []
    assert left_by(shop) == left_by(five_nights)


def test_e32_an_older_night_again_carries_nothing_twice(shop, five_nights, runner):
    assert runner.night(shop, NIGHTS[1]).exit == 0
    assert runner.night(shop, LAST).exit == 0
    assert left_by(shop) == left_by(five_nights)


@pytest.mark.soak
def test_nights_caught_up_are_nights_run_one_by_one(fresh_shop, five_nights, tmp_path, runner):
    shop = copied(fresh_shop, tmp_path / "shop")
    done = runner.recon(shop, "catch-up", "--through", LAST)
    assert done.exit == 0, done.error
    assert left_by(shop) == left_by(five_nights)


def test_a_gap_is_refused(fresh_shop, tmp_path, runner):
    shop = copied(fresh_shop, tmp_path / "shop")
    assert runner.night(shop, NIGHTS[0]).exit == 0
    before = left_by(shop)
    refused = runner.night(shop, NIGHTS[2])
    assert refused.exit == 2 and f"{NIGHTS[2]} continues from {NIGHTS[1]}, which has not run" in refused.error
    assert f"recon catch-up --through {NIGHTS[2]}" in refused.error
    assert left_by(shop)["nights"] == before["nights"]


def test_a_night_before_the_first_is_refused(fresh_shop, tmp_path, runner):
    refused = runner.night(copied(fresh_shop, tmp_path / "shop"), "2026-10-07")
    assert refused.exit == 2 and "[before-opening]" in refused.error


def test_an_older_night_with_another_result_makes_later_ones_stale(shop, five_nights, runner):
    edit_config(shop)
    done = runner.night(shop, NIGHTS[2])
    assert done.exit == 0, done.error
    assert stale(shop) == list(NIGHTS[3:])
    assert stale(five_nights) == []
    refused = runner.night(shop, LAST)
    assert refused.exit == 2 and f"[stale] {NIGHTS[3]} is stale" in refused.error
    assert f"recon catch-up --through {LAST}" in refused.error


def test_catch_up_repairs_stale_nights_oldest_first(shop, five_nights, runner):
    edit_config(shop)
    assert runner.night(shop, NIGHTS[2]).exit == 0
    before = footprint(shop / "nights")
    assert runner.recon(shop, "catch-up", "--through", LAST).exit == 0
    assert stale(shop) == []
    after = footprint(shop / "nights")
    assert {name.split("/")[0] for name in after if before.get(name) != after[name]} == {*NIGHTS[3:], "index.html"}
    for night in NIGHTS:
        again, was = (summary(each, night) for each in (shop, five_nights))
        assert again["reconciliations"] == was["reconciliations"] and again["roll_forward"] == was["roll_forward"]
    assert left_by(shop)["tables"]["breaks"] == left_by(five_nights)["tables"]["breaks"]


def summary(shop: Path, night: str) -> dict:
    return json.loads((shop / "nights" / night / "summary.json").read_text("utf-8"))


def another_file(shop: Path, night: str) -> str:
    """A file of an old night that comes in now: the same bytes under another name."""
    file = shop / "in" / f"adyen_{night}.csv"
    late = file.with_name(f"adyen_{night}_part9.csv")
    late.write_bytes(file.read_bytes())
    return f"in/{late.name}"


def inputs(shop: Path, night: str) -> dict[str, dict]:
    found = json.loads((shop / "nights" / night / "inputs.json").read_text("utf-8"))["inputs"]
    return {entry["name"]: entry for entry in found}


def test_a_late_file_goes_to_the_newest_night_not_to_an_old_one_again(shop, five_nights, runner):
    """A night that others continue from keeps its inputs: its late file enters the newest night, marked late."""
    late = another_file(shop, NIGHTS[1])
    old = tree(shop / "nights" / NIGHTS[1])
    assert runner.night(shop, NIGHTS[1]).exit == 0
    assert tree(shop / "nights" / NIGHTS[1]) == old and late not in inputs(shop, NIGHTS[1])
    assert runner.night(shop, LAST).exit == 0
    assert inputs(shop, LAST)[late]["late"] is True
    assert stale(shop) == []


def test_a_late_file_for_the_newest_night_is_taken_by_its_rerun(shop, runner):
    late = another_file(shop, LAST)
    assert runner.night(shop).exit == 0
    entry = inputs(shop, LAST)[late]
    assert entry["late"] is False and entry["status"] == "replayed" and entry["replayed"] == entry["rows"] > 0


def test_a_dry_run_leaves_nothing(shop, five_nights, runner):
    edit_config(shop)
    done = runner.night(shop, LAST, "--dry-run")
    assert done.exit == 0 and "nothing was published" in done.error
    assert left_by(shop) == left_by(five_nights)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((), "Missing option '--date'"),
        (("--date", "2026-13-01"), "[bad-date]"),
        (("--date", "12/10/2026"), "[bad-date]"),
        (("--date", "tomorrow"), "[bad-date]"),
        (("--date", "20261012"), "[bad-date]"),
        (("--date", "2026-W42-1"), "[bad-date]"),
        (("--date", ""), "[bad-date]"),
        (("--date", "9999-01-01"), "[future-date]"),
    ],
)
def test_c12_a_date_that_is_missing_malformed_or_in_the_future(shop, five_nights, runner, given, said):
    refused = runner.recon(shop, "run", *given)
    assert refused.exit == 2 and said in refused.error, refused.error
    assert left_by(shop) == left_by(five_nights)


def test_c12_what_is_in_the_future_depends_on_the_workspaces_zone_only(shop, runner):
    """`yesterday` is the shop's, whatever zone the host is in; there is no night for it here, which is a gap."""
    said = [runner.recon(shop, "run", "--date", "yesterday", environment={"TZ": zone}).error for zone in ZONES]
    # The progress lines before the answer carry seconds, which differ.
    answers = {one[one.index("recon: error") :] for one in said}
    assert len(answers) == 1 and "[gap]" in answers.pop()


ZONES = ("Pacific/Kiritimati", "Etc/GMT+12", "Asia/Seoul")


def test_the_newest_night_is_what_the_state_database_holds(shop, five_nights, runner):
    """An older night with another result changes its own line of `nights` and no break."""
    edit_config(shop)
    assert runner.night(shop, NIGHTS[0]).exit == 0
    now, then = left_by(shop)["tables"], left_by(five_nights)["tables"]
    assert now["breaks"] == then["breaks"] and now["fixes"] == then["fixes"]
    changed = set(now["nights"]) ^ set(then["nights"])
    assert len(changed) == 2 and all(NIGHTS[0] in row for row in changed)
