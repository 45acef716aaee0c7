"""recon.yaml: what a sound one becomes, and that its parts fit each other."""

from __future__ import annotations

from datetime import date

import pytest

from recon.config.workspace_file import load_workspace
from recon.domain.rulebook import Moves


def test_what_a_workspace_becomes(files):
    workspace = load_workspace(files.root)
    assert workspace.zone.key == "Asia/Seoul" and workspace.cut_off.hour == 0
    assert workspace.first_night == date(2026, 11, 12)
    assert [source.name for source in workspace.sources] == ["acme", "ledger", "orders"]
    acme = workspace.source("acme")
    assert (acme.record, acme.moves, acme.format) == ("settlement_line", Moves.EVENTS, "acme_lines")
    assert workspace.source("orders").moves is Moves.CHANGES
    assert set(workspace.psp_calendars) == {"acme"}
    assert workspace.databases["shop"].value == f"sqlite:///{files.root / 'shop.sqlite'}"
    assert workspace.state_url.value == f"sqlite:///{files.root / 'state/recon.sqlite'}"


def test_calendars_know_holidays_and_what_the_file_adds(files):
    calendar = load_workspace(files.root).calendar
    assert not calendar.is_business_day(date(2026, 9, 25)), "Chuseok"
    assert not calendar.is_business_day(date(2026, 5, 1)), "added by the file"
    assert calendar.is_business_day(date(2026, 11, 19))


def test_a_calendar_that_does_not_exist(files):
    files.change("recon", "country: KR", "country: Narnia")
    assert "recon.yaml:6:17: error: there are no holidays for the country Narnia" in files.only()


def test_a_shipped_reconciliation_is_found_and_the_workspaces_own_comes_first(files):
    files.change("recon", "[small]", "[payin]")
    assert len(load_workspace(files.root).reconciliations[0].breaks) > 20
    own = files.paths["rules"].read_text().replace("reconciliation: small", "reconciliation: payin")
    (files.root / "rules/payin.yaml").write_text(own)
    assert len(load_workspace(files.root).reconciliations[0].breaks) == 1


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "reconciliations: [small]",
            "reconciliations: [smal]",
            "smal is not a reconciliation of this workspace or of the tool (did you mean small?)",
        ),
        (
            "format: acme_lines,",
            "format: acme_line,",
            "11:18: error: acme_line is not a format of this workspace or of the tool (did you mean acme_lines?)",
        ),
        ("    moves: events\n", "", "13:5: error: moves is missing"),
        (
            "record: ledger_entry",
            "record: ledger_entries",
            "13:13: error: ledger_entries is not a record vocabulary (did you mean ledger_entry?)",
        ),
        (
            "  ledger:\n    record: ledger_entry\n",
            "  ledger:\n    record: payment_order\n",
            "small has a side ledger of ledger_entry, and no source gives such records",
        ),
        ("{format: acme_lines,", "{format: acme_lines, psp: other,", "the format acme_lines is acme's, not other's"),
        (
            "{format: acme_lines,",
            "{format: acme_lines, record: ledger_entry,",
            "the format acme_lines gives settlement_line, not ledger_entry",
        ),
        (
            "{format: acme_lines,",
            "{format: acme_lines, database: shop,",
            "a source has either files and format, or database and query",
        ),
        ("calendar: KR, expected", "calendar: KO, expected", "KO is not a calendar"),
        ("expected: business_days", "expected: weekly", "'weekly' is not one of: business_days, daily, any"),
        (
            "expected: business_days",
            "expected: {on: [mon, monday]}",
            "one of business_days, daily, any or a list of weekdays",
        ),
        ("expected: business_days", "expected: {on: daily, by: 6am}", "a time as 06:00 is expected, '6am' found"),
        ("expected: business_days", "expected: {on: daily, count: 0}", "count"),
        ("expected: business_days", 'expected: {on: any, by: "06:00"}', "on: any expects no file"),
        ("expected: business_days", "expected: {on: daily, hour: 6}", "unknown key hour"),
        (
            "expected: business_days",
            "sequence: {restarts: weekly}",
            "'weekly' is not one of: never, yearly, daily, unused",
        ),
        ("version: 1", "version: 2", "'2' is not one of: 1"),
        ("sqlite:///shop.sqlite", "oracle://db/x", "this is not a URL of a database that can be read"),
        ("name: shop\n", "name: shop\nmemory_limit: lots\n", "a size as 1GB is expected, 'lots' found"),
        ("name: shop\n", "name: shop\nthreads: 0\n", "threads"),
        ("in/acme_{date}.csv", "in/acme_{day}.csv", "an unknown placeholder"),
        ("in/acme_{date}.csv", "in/acme_{date:%H}.csv", "{date:%H} is not a date"),
        ("in/acme_{date}.csv", "in/{seq}/acme_{date}.csv", "{seq} stands in a folder's name"),
        ("in/acme_{date}.csv", "in/acme_{seq}_{seq}.csv", "an unknown placeholder"),
    ],
)
def test_what_does_not_fit_is_said_where_it_stands(files, old, new, said):
    files.change("recon", old, new)
    assert any(said in line and line.startswith("recon.yaml:") for line in files.said()), files.said()


def test_a_format_without_its_provider_takes_it_from_the_source(files):
    files.change("format", "  psp: {const: acme}\n", "")
    assert files.only().startswith("recon.yaml:11:9: error: the format acme_lines does not say which provider")
    files.change("recon", "{format: acme_lines,", "{format: acme_lines, psp: acme,")
    assert load_workspace(files.root).psp_calendars.keys() == {"acme"}


def test_a_provider_has_one_calendar(files):
    files.change("recon", "  KR: {country", "  US: {country: US}\n  KR: {country")
    files.change("recon", "  ledger:\n", "  acme2: {format: acme_lines, files: x/*, calendar: US}\n  ledger:\n")
    assert "acme has the calendar KR in acme and US here" in files.only()


def test_amounts_of_the_brake_are_read_in_major_units(files):
    files.change("recon", "name: shop\n", "name: shop\nbrake: {fixes: 5, share_percent: 3, amount: {USD: 10}}\n")
    brake = load_workspace(files.root).brake
    assert (brake.count, brake.share_percent, dict(brake.amount)) == (5, 3, {"USD": 1000})
