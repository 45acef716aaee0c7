"""recon diff, rules backtest, test: what nights say differently, and how right the rules are."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from morning import Said, command

from recon.cli.diff import github, junit
from recon.diff import KINDS, Snapshot, Stand, diff, place_of, sentences, snapshot_of
from recon.errors import ReconError

Recon = Callable[..., Said]
FIXTURES = Path(__file__).parents[1] / "fixtures"
NEW = "2026-10-12"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def open_in(shop: Path, night: str) -> dict[tuple[str, str], dict[str, str]]:
    return {
        (row["reconciliation"], row["key"]): row
        for row in rows(shop / "nights" / night / "breaks.csv")
        if row["state"] != "resolved"
    }


def place(stand: dict[str, str]) -> tuple[str, str]:
    return stand["reconciliation"], stand["key"]


def test_two_nights_differ_by_what_their_breaks_say(shop: Path, recon: Recon) -> None:
    said = recon("diff", "2026-10-11", NEW, "--json")
    a, b = open_in(shop, "2026-10-11"), open_in(shop, NEW)
    changes = {
        kind: {place(c["after"] or c["before"]) for c in said.json["changes"] if c["kind"] == kind} for kind in KINDS
    }
    assert said.code == 1
    assert changes["new"] == b.keys() - a.keys() != set()
    assert changes["gone"] == a.keys() - b.keys()
    both = a.keys() & b.keys()
    assert changes["reclassified"] == {
        k for k in both if (a[k]["code"], a[k]["class"]) != (b[k]["code"], b[k]["class"])
    }
    assert said.json["by_class"][1] == {
        name: sum(row["class"] == name for row in b.values()) for name in sorted({row["class"] for row in b.values()})
    }


def test_a_night_is_the_same_as_itself_and_as_its_rerun(shop: Path, recon: Recon) -> None:
    assert recon("diff", NEW, NEW).code == 0
    before = published(shop)
    assert recon("diff", NEW, "--rerun", "--json").json["same"] is True
    assert published(shop) == before


@pytest.fixture(scope="module")
def changed(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop with a rule of its own: a lost posting goes to a person from 1 on."""
    root = tmp_path_factory.mktemp("changed") / "shop"
    shutil.copytree(shop, root)
    shipped = Path(__file__).parents[2] / "rules" / "payin.yaml"
    text = shipped.read_text(encoding="utf-8")
    start = text.index("- code: psp_not_in_ledger")
    rule = re.sub(r"limit: \{.*?\}", "limit: {KRW: 1, EUR: 1, USD: 1}", text[start:], count=1)
    (root / "rules").mkdir(exist_ok=True)
    (root / "rules" / "payin.yaml").write_text(text[:start] + rule, encoding="utf-8")
    return root


def test_a_changed_rule_shows_its_business_difference(changed: Path) -> None:
    said = command("diff", "-w", changed, NEW, "--rerun")
    lost = [
        row
        for row in open_in(changed, NEW).values()
        if row["code"] == "psp_not_in_ledger" and row["class"] == "auto_fix"
    ]
    by_psp = {psp: sum(row["psp"] == psp for row in lost) for psp in {row["psp"] for row in lost}}
    for psp, count in by_psp.items():
        wanted = rf"{psp}: {count} breaks? reclassified auto_fix -> manual_review by rules/payin.yaml:\d+"
        assert re.search(wanted, said.out), said.out
    assert "auto-fix total" in said.out
    marks = command("diff", "-w", changed, NEW, "--rerun", "--format", "github").out.splitlines()
    line = next(
        n
        for n, text in enumerate((changed / "rules/payin.yaml").read_text().splitlines(), 1)
        if "code: psp_not_in_ledger" in text
    )
    assert any(
        mark.startswith(f"::warning file=rules/payin.yaml,line={line},title=psp_not_in_ledger") for mark in marks
    )
    suite = ElementTree.fromstring(command("diff", "-w", changed, NEW, "--rerun", "--format", "junit").out)
    failed = {case.get("name") for case in suite if case.find("failure") is not None}
    assert failed == {"psp_not_in_ledger"}
    assert suite.get("failures") == "1"


@pytest.mark.parametrize(
    ("words", "name"), [(["2026-01-01", NEW], "no-night"), (["tests", NEW], "bad-date"), ([NEW, "x"], "bad-date")]
)
def test_what_is_no_night_is_named(words: list[str], name: str, recon: Recon, tmp_path: Path) -> None:
    error = recon("diff", *words).error
    assert isinstance(error, ReconError) and error.name in (name, "no-night")
    assert recon("diff", NEW).code == 2
    empty = recon("diff", tmp_path, NEW).error
    assert isinstance(empty, ReconError) and empty.name == "no-night"


STAND = Stand(
    "payin",
    "PO-1/capture",
    "amount_over",
    "manual_review",
    "toss",
    "KRW",
    "100",
    (("psp", "100"),),
    "rules/payin.yaml:9:5 amount_over",
    "BRK-1",
)
text = st.text(max_size=20)
stands = st.builds(
    Stand,
    reconciliation=st.sampled_from(["payin", "fees"]),
    key=st.sampled_from(["a/capture", "b/capture", "c/refund", "d"]),
    code=text,
    class_=st.sampled_from(["auto_fix", "manual_review", "investigate"]),
    psp=text,
    currency=st.sampled_from(["KRW", "USD", ""]),
    difference=st.integers(-(10**20), 10**20).map(str),
    amounts=st.just(()),
    rule=text,
    break_id=text,
)
snapshots = st.lists(stands, max_size=6).map(lambda found: Snapshot("n", {each.place: each for each in found}))


@given(snapshots, snapshots)
def test_a_diff_is_the_mirror_of_its_reverse_and_leads_from_one_to_the_other(a: Snapshot, b: Snapshot) -> None:
    there, back = diff(a, b), diff(b, a)
    assert diff(a, a).same and diff(b, b).same
    assert {c.stand.place for c in there.of("new")} == {c.stand.place for c in back.of("gone")}
    assert len(there.of("reclassified")) == len(back.of("reclassified"))
    assert len(there.of("moved")) == len(back.of("moved"))
    made = dict(a.breaks)
    for change in there.changes:
        made.pop(change.stand.place, None)
        if change.after:
            made[change.stand.place] = change.after
    assert {place: (s.code, s.class_, s.currency, s.difference) for place, s in made.items()} == {
        place: (s.code, s.class_, s.currency, s.difference) for place, s in b.breaks.items()
    }
    for name in ("KRW", "USD"):
        wanted = sum(int(s.difference) for s in b.breaks.values() if s.currency == name)
        assert int(there.differences[1].get(name, "0")) == wanted


@given(snapshots, snapshots)
def test_hostile_words_end_no_command_and_no_element(a: Snapshot, b: Snapshot) -> None:
    found = diff(a, b)
    for line in github(found):
        assert "\n" not in line and "\r" not in line and line.startswith(("::warning ", "::notice "))
    ElementTree.fromstring(junit(found, [*a.breaks.values(), *b.breaks.values()]))


def test_what_is_gone_says_what_became_of_it() -> None:
    a = Snapshot("a", {STAND.place: STAND})
    for after, said in (
        (Snapshot("b", {}, frozenset({STAND.place})), "now pending"),
        (Snapshot("b", {}, frozenset(), {STAND.place: "cleared by a late posting"}), "cleared by a late posting"),
    ):
        assert sentences(diff(a, after)) == [f"toss: 1 break gone amount_over (manual_review) ({said})"]
    moved = Snapshot("b", {STAND.place: replace(STAND, difference="200")})
    assert [change.kind for change in diff(a, moved).changes] == ["moved"]
    assert place_of(STAND.rule) == "rules/payin.yaml:9"


# --- backtest ---------------------------------------------------------------------------------------------------------


def published(shop: Path) -> dict[Path, int]:
    """Path -> its time, of all files of nights; not of what another worker's test has under way beside them."""
    return {path: path.stat().st_mtime_ns for path in (shop / "nights").glob("2*/**/*") if path.is_file()}


def test_unchanged_rules_find_what_was_planted_and_nothing_else(shop: Path, recon: Recon) -> None:
    state = (shop / "state" / "recon.sqlite").read_bytes()
    nights = published(shop)
    said = recon("rules backtest", "--from", "2026-10-10", "--to", NEW, "--json")
    assert said.code == 0, said
    assert all(each["same"] for each in said.json["nights"])
    assert {(s["precision"], s["recall"]) for s in said.json["scores"]} == {(1.0, 1.0)}
    assert (shop / "state" / "recon.sqlite").read_bytes() == state
    assert published(shop) == nights


def test_a_changed_rule_loses_precision_and_recall(changed: Path) -> None:
    said = command("rules", "backtest", "-w", changed, "--from", "2026-10-11", "--to", NEW)
    assert said.code == 1
    lost = [
        row["class"]
        for night in ("2026-10-11", NEW)
        for row in open_in(changed, night).values()
        if row["code"] == "psp_not_in_ledger"
    ]
    share = f"{int(lost.count('manual_review') / len(lost) * 1000) / 10:.1f} %"
    row = next(line for line in said.out.splitlines() if line.startswith("psp_not_in_ledger"))
    assert re.split(r"  +", row)[1:] == [str(len(lost)), str(len(lost)), str(lost.count("manual_review")), share, share]
    assert share != "100.0 %"
    assert "reclassified auto_fix -> manual_review" in said.out


def test_what_people_decided_is_counted_by_code() -> None:
    from recon.backtest import _decided

    fixes = {"F1": "a", "F2": "a", "F3": "b", "F4": "c"}
    assert _decided(fixes, {"F1": "applied", "F2": "rejected", "F3": "approved", "F4": "proposed"}) == {
        "a": (1, 1),
        "b": (1, 0),
    }


def test_a_range_with_a_gap_is_refused(recon: Recon) -> None:
    for first, last in (("2026-10-01", NEW), (NEW, "2026-10-08")):
        error = recon("rules backtest", "--from", first, "--to", last).error
        assert isinstance(error, ReconError) and error.name == "no-night"


# --- recon test -------------------------------------------------------------------------------------------------------


def test_a_fixture_that_holds_says_nothing_else() -> None:
    said = command("test", FIXTURES / "plain_night")
    assert (said.code, said.out.strip()) == (0, "1 fixture, 0 different")


def test_a_fixture_that_does_not_hold_says_so_in_business_words_and_is_updated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "fixtures" / "lost_webhook"
    shutil.copytree(FIXTURES / "lost_webhook", folder)
    path = next(
        path for path in sorted(folder.glob("expected/*/breaks.csv")) if "psp_not_in_ledger" in path.read_text()
    )
    path.write_text(path.read_text().replace(",auto_fix,", ",manual_review,"))
    said = command("test", folder.parent)
    assert said.code == 1
    assert "reclassified manual_review -> auto_fix" in said.out and "+++ found: " in said.out
    monkeypatch.setenv("CI", "true")
    error = command("test", folder, "--update").error
    assert isinstance(error, ReconError) and error.name == "no-update-in-ci"
    monkeypatch.delenv("CI")
    assert command("test", folder, "--update").code == 0
    assert command("test", folder).code == 0
    original = {
        p.relative_to(FIXTURES / "lost_webhook"): p.read_text() for p in (FIXTURES / "lost_webhook").rglob("*.csv")
    }
    assert {p.relative_to(folder): p.read_text() for p in folder.rglob("*.csv")} == original


def test_a_folder_without_fixtures_is_refused(tmp_path: Path) -> None:
    error = command("test", tmp_path).error
    assert isinstance(error, ReconError) and error.name == "no-scenario"
    (tmp_path / "recon.yaml").write_text("version: 1\n")
    (tmp_path / "what_it_shows.md").write_text("# It\n\nNo nights.\n")
    error = command("test", tmp_path).error
    assert isinstance(error, ReconError) and error.name == "no-scenario"


def test_expected_files_are_a_night_too() -> None:
    folder = next(FIXTURES.glob("lost_webhook/expected/*"))
    assert snapshot_of(folder).verdict == json.loads((folder / "summary.json").read_text())["verdict"]
