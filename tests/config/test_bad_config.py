"""Bad configuration, row by row (C1 to C16): refused before anything is written, with file, line, column and remedy."""

from __future__ import annotations

import os

import pytest

from recon.config.workspace_file import load_workspace
from recon.errors import ConfigError, Exit


def test_c1_yaml_traps_are_text(files):
    """`NO`, `010`, `12:30`, `1.10` mean what they look like; a key given twice is refused."""
    files.change("format", "SALE: capture", "SALE: capture, 010: fee, 12:30: payout, 1.10: reserve, on: adjustment")
    [format_] = load_workspace(files.root).formats.values()
    assert dict(format_.fields["kind"].values) == {
        "SALE": "capture",
        "010": "fee",
        "12:30": "payout",
        "1.10": "reserve",
        "on": "adjustment",
        "NO": "refund",
    }
    files.change("recon", "name: shop\n", "name: shop\nname: other\n")
    assert files.only() == "recon.yaml:3:1: error: name is given twice (keep one; the first is in line 2)"


@pytest.mark.parametrize("cut_off", ["12:30", '"12:30"'])
def test_c1_a_cut_off_without_quotes_is_not_seven_hundred_and_fifty(files, cut_off):
    files.change("recon", "calendar: KR\ncalendars", f"cut_off: {cut_off}\ncalendar: KR\ncalendars")
    assert load_workspace(files.root).cut_off.isoformat() == "12:30:00"


@pytest.mark.parametrize("number", ["010", "1_000", "0x10", "1e3", "1.0", "+5", "-1", "٣"])
def test_c1_numbers_are_plain_digits(files, number):
    files.change("recon", "name: shop\n", f"name: shop\nlook_back_days: {number}\n")
    assert files.only().startswith("recon.yaml:3:17: error: look_back_days: ")


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("x: &a 1", "recon.yaml:1:4", "an anchor"),
        ("x: *a", "recon.yaml:1:4", "an alias"),
        ("x: !!python/object:os.system y", "recon.yaml:1:4", "a tag"),
        ("x: 1\n---\ny: 2", "recon.yaml:2:1", "a second document"),
        ("x: 'y", "recon.yaml:1:6", "not YAML"),
        ("\tx: y", "recon.yaml:1:1", "not YAML"),
        ("[a, b]", "recon.yaml:1:1", "has to be a mapping"),
        ("x:\n  y: ~", "recon.yaml:2:3", "y has no value"),
    ],
)
def test_c1_yaml_that_is_more_than_text_is_refused(files, text, place, said):
    files.paths["recon"].write_text(text, encoding="utf-8")
    assert any(line.startswith(f"{place}: error: ") and said in line for line in files.said()), files.said()


def test_c2_an_unknown_key_names_the_nearest(files):
    files.change("recon", "time_zone:", "timezone:")
    assert files.said() == [
        "recon.yaml:1:1: error: time_zone is missing (add it)",
        "recon.yaml:3:1: error: unknown key timezone (did you mean time_zone?)",
    ]


def test_c2_an_unknown_key_deep_in_a_rule_names_the_nearest(files):
    files.change("rules", "    next_step:", "    nextstep: x\n    next_step:")
    assert files.only() == "rules/small.yaml:19:5: error: unknown key nextstep (did you mean next_step?)"


def test_c3_a_rule_that_can_never_fire_is_a_warning(files):
    when = "'present(psp)  AND not present( ledger )'"
    again = f"  - {{code: again, when: {when}, class: investigate, why: w, next_step: n}}\nfixes:\n"
    files.change("rules", "fixes:\n", again)
    assert "warning: again never fires: missing takes the same groups before it" in files.only()
    load_workspace(files.root)


def test_c3_the_first_rule_that_holds_wins(files):
    from recon.config.cases import first_rules

    wide = "  - {code: wide, when: present(psp), class: investigate, why: w, next_step: n}\nfixes:\n"
    files.change("rules", "fixes:\n", wide)
    assert first_rules(files.rules(), [{"psp.amount": 1}, {"psp.amount": 1, "ledger.amount": 1}, {}]) == [
        "missing",
        "wide",
        "unexplained",
    ]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            '    limit: {KRW: 1000, USD: "10.50"}\n',
            "",
            "rules/small.yaml:15:5: error: missing is auto_fix without a limit",
        ),
        (
            "    limit: {KRW: 1000,",
            "    limit: {WON: 1000,",
            "rules/small.yaml:21:13: error: WON is not an ISO 4217 currency",
        ),
        ("    fix: book\n", "", "rules/small.yaml:15:5: error: missing is auto_fix without a fix"),
        (
            "on: [payment_order_id, kind]",
            "on: [payment_order_id]",
            "rules/small.yaml:29:7: error: the entries of book have no kind: the groups of this file have none (add kind",
        ),
        ("fix: book", "fix: bok", "rules/small.yaml:20:10: error: bok is not a fix of this file (did you mean book?)"),
        ("amount: -psp.amount", "amount: psp.amount", "do not sum to zero: with psp.amount = 8008 they sum to 16016"),
        ("amount: -psp.amount", "amount: '-coalesce(ledger.amount, psp.amount)'", "do not sum to zero"),
        (
            "amount: -psp.amount, currency: psp.currency",
            "amount: -psp.amount, currency: ledger.currency",
            "do not sum to zero",
        ),
        ("        - {account: b, amount: -psp.amount, currency: psp.currency}\n", "", "at least two postings"),
    ],
)
def test_c4_an_automatic_fix_has_a_cap_a_currency_and_balances(files, old, new, said):
    files.change("rules", old, new)
    assert any(said in line for line in files.said()), files.said()


@pytest.mark.parametrize("limit", ["10.50", "1e3", '"10.505"', '"1,000"', "-5", '"\uff11\uff10"'])
def test_c5_a_limit_is_whole_or_exact_decimal_text(files, limit):
    files.change("rules", 'USD: "10.50"', f"USD: {limit}")
    assert files.only().startswith("rules/small.yaml:21:29: error: ")


def test_c5_limits_are_in_major_units(files):
    assert files.rules().breaks[0].limit == {"KRW": 1000, "USD": 1050}


@pytest.mark.parametrize("percent", ["101", "12.5", "-1", "10%"])
def test_c5_a_share_is_a_capped_whole_percentage(files, percent):
    files.change("rules", "grace:", f"brake: {{fixes: 5, share_percent: {percent}}}\ngrace:")
    assert files.only().startswith("rules/small.yaml:13:34: error: share_percent: ")


@pytest.mark.parametrize(
    "when",
    ["__class__ = 'x'", "__import__('os') is null", "9**9**9 > psp.amount", "(" * 900 + "present(psp)" + ")" * 900],
)
def test_c6_only_the_grammar_is_evaluated(files, when):
    files.change("rules", "when: present(psp) and not present(ledger)", f'when: "{when}"')
    assert files.only().startswith("rules/small.yaml:16:")


def test_c6_yaml_nested_without_bound_is_refused(files):
    for depth, found in (
        (100, ": error: not YAML: nested more than 20 deep at line 1"),
        (10_000, ": error: not YAML: exceeded maximum nesting"),
    ):
        files.paths["rules"].write_text("a: " + "[" * depth + "]" * depth, encoding="utf-8")
        assert found in files.only()


def test_c7_there_are_no_patterns_that_can_backtrack(files):
    files.change("rules", "when: present(psp) and not present(ledger)", "when: kind similar to '(a+)+$'")
    assert "SIMILARTO is not part of the rule language" in files.only()


@pytest.mark.parametrize("name", ['a"b', "a;b", "a b", "A"])
def test_c8_names_of_sources_and_sides_are_plain(files, name):
    files.change("recon", "  ledger:\n", f"  '{name}':\n")
    assert files.only() == f"recon.yaml:12:3: error: {name} is not a name (lower case letters, digits and _)"


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("select 1; drop table x", "more than one statement"),
        ("delete from ledger", "starts with SELECT or WITH"),
        ("select * from ledger where at >= :from", ":to is not bound"),
        ("select * from ledger where at >= :from and at < :to and x = :secret", ":secret has no value"),
        ("select ':from' as a -- :to", ":from is not bound"),
    ],
)
def test_c8_a_query_is_one_reading_statement_with_bound_values(files, query, said):
    files.change("recon", "select * from ledger where posted_at >= :from and posted_at < :to", f'"{query}"')
    assert any(said in line for line in files.said()), files.said()


def test_c8_casts_and_quotes_are_not_bound_values(files):
    query = "select a::text, ':x' as b from ledger where at >= :from and at < :to -- :y"
    files.change("recon", "select * from ledger where posted_at >= :from and posted_at < :to", f'"{query}"')
    assert files.said() == []


@pytest.mark.parametrize(
    "url", ["postgresql://me:hunter2@db/shop", "postgresql://db/shop?password=hunter2", "mysql://:hunter2@db/x"]
)
def test_c9_a_secret_in_the_file_is_refused_and_not_echoed(files, url):
    files.change("recon", "sqlite:///shop.sqlite", url)
    assert files.only().startswith("recon.yaml:8:15: error: credentials stand in the file")
    with pytest.raises(ConfigError) as caught:
        load_workspace(files.root)
    assert "hunter2" not in caught.value.render() + repr(caught.value)


def test_c9_an_unset_variable_is_refused_and_a_set_one_never_shown(files, monkeypatch):
    files.change("recon", '"sqlite:///shop.sqlite"', "env:SHOP_URL")
    monkeypatch.delenv("SHOP_URL", raising=False)
    assert files.only() == "recon.yaml:8:15: error: the environment variable SHOP_URL is not set (export SHOP_URL=...)"
    monkeypatch.setenv("SHOP_URL", "postgresql://me:hunter2@db/shop")
    workspace = load_workspace(files.root)
    assert workspace.databases["shop"].value == "postgresql://me:hunter2@db/shop"
    assert str(workspace.databases["shop"]) == "env:SHOP_URL"
    assert "hunter2" not in repr(workspace)


def test_c9_a_bad_value_of_a_variable_is_not_echoed(files, monkeypatch):
    files.change("recon", '"sqlite:///shop.sqlite"', "env:SHOP_URL")
    monkeypatch.setenv("SHOP_URL", "hunter2")
    assert "not a URL of a database" in files.only()
    assert "hunter2" not in files.only()


def test_c9_a_secret_file_is_read(files, tmp_path):
    (tmp_path / "url").write_text("sqlite:///x.sqlite\n", encoding="utf-8")
    files.change("recon", '"sqlite:///shop.sqlite"', f"file:{tmp_path / 'url'}")
    assert load_workspace(files.root).databases["shop"].value == f"sqlite:///{files.root / 'x.sqlite'}"


def test_c10_every_file_in_use_is_in_the_configuration_hash(files):
    """What a crashed night pinned is compared with this: any byte of any file moves it, nothing else does."""
    first = load_workspace(files.root)
    assert first.config_sha256 == load_workspace(files.root).config_sha256
    assert set(first.hashes) == {"recon.yaml", "rules/small.yaml", "rules/formats/acme_lines.yaml"}
    (files.root / "rules/unused.yaml").write_text("x: y", encoding="utf-8")
    assert first.config_sha256 == load_workspace(files.root).config_sha256
    seen = {first.config_sha256}
    for which in files.paths:
        with files.paths[which].open("a", encoding="utf-8") as file:
            file.write("# a comment\n")
        seen.add(load_workspace(files.root).config_sha256)
    assert len(seen) == 4


def test_c12_a_date_that_does_not_exist_is_refused(files):
    files.change("recon", "empty_from: 2026-11-12", "empty_from: 2026-11-31")
    assert files.only() == (
        "recon.yaml:9:23: error: empty_from: a date is expected, '2026-11-31' found (write it as 2026-11-19)"
    )


@pytest.mark.parametrize("pattern", ["../in/*.csv", "/etc/*", "in/../../x", "~/x", "C:/x", "in\\..\\..\\x"])
def test_c13_patterns_stay_in_the_workspace(files, pattern):
    files.change("recon", '"in/acme_{date}.csv"', f"'{pattern}'")
    assert "recon.yaml:11:37: error: the pattern leaves the workspace" in files.only()


@pytest.mark.parametrize("name", ["../outside.sql", "/etc/passwd", "link.sql", "folder/inside.sql"])
def test_c13_query_files_stay_in_the_workspace(files, name):
    (files.root.parent / "outside.sql").write_text("select 1", encoding="utf-8")
    (files.root.parent / "inside.sql").write_text("select 1", encoding="utf-8")
    (files.root / "link.sql").symlink_to(files.root.parent / "outside.sql")
    (files.root / "folder").symlink_to(files.root.parent)
    files.change(
        "recon", "query: select * from ledger where posted_at >= :from and posted_at < :to", f"query_file: {name}"
    )
    assert f"{name} leaves the workspace, or is a symbolic link" in files.only()


def test_c13_a_query_file_inside_is_read_and_hashed(files):
    (files.root / "q.sql").write_text("select * from l where at >= :from and at < :to", encoding="utf-8")
    files.change(
        "recon", "query: select * from ledger where posted_at >= :from and posted_at < :to", "query_file: q.sql"
    )
    workspace = load_workspace(files.root)
    assert workspace.source("ledger").query == "select * from l where at >= :from and at < :to"
    assert "q.sql" in workspace.hashes


def test_c13_rule_and_format_files_are_not_reached_by_links_or_paths(files):
    path = files.paths["rules"]
    path.rename(files.root / "elsewhere.yaml")
    path.symlink_to(files.root / "elsewhere.yaml")
    assert "rules/small.yaml is a symbolic link" in files.only()
    files.change("recon", "reconciliations: [small]", "reconciliations: [../elsewhere]")
    assert "../elsewhere is not a reconciliation" in files.only()


@pytest.mark.parametrize(
    "pattern", ["in/acme_{date}.csv", "in/*.csv", "in/acme_2026*.csv", "**/*.csv", "in/acme_{date:%Y-%m-%d}.cs?"]
)
def test_c15_two_sources_for_one_file_are_refused(files, pattern):
    files.change("recon", "  ledger:\n", f"  acme2: {{format: acme_lines, files: '{pattern}'}}\n  ledger:\n")
    assert files.only() == (
        "recon.yaml:12:38: error: a file can match this and acme (in/acme_{date}.csv) (narrow one of the patterns)"
    )


@pytest.mark.parametrize(
    "pattern", ["in/acme2_{date}.csv", "in/acme_{date:%Y%m%d}.csv", "in2/*.csv", "in/*/*.csv", "in/acme_x*.csv"]
)
def test_c15_patterns_that_can_not_meet_are_fine(files, pattern):
    files.change("recon", "  ledger:\n", f"  acme2: {{format: acme_lines, files: '{pattern}'}}\n  ledger:\n")
    assert files.said() == []


def test_c16_an_unknown_zone_names_the_nearest(files):
    files.change("recon", "Asia/Seoul", "Asia/Soul")
    assert files.only() == "recon.yaml:3:12: error: Asia/Soul is not a time zone (did you mean Asia/Seoul?)"
    files.change("recon", "Asia/Soul", "Asia/Seoul").change("format", "zone: Asia/Seoul", "zone: ../../etc/passwd")
    assert files.only().startswith("rules/formats/acme_lines.yaml:6:7: error: ../../etc/passwd is not a time zone")


def test_all_problems_of_all_files_are_told_at_once(files):
    files.change("recon", "calendar: KR\ncalendars", "calendar: KRR\nlook_bak_days: 3\ncalendars")
    files.change("rules", "psp.amount = ledger.amount", "psp.amont = ledger.amount").change(
        "rules", "    why: It is lost.\n", ""
    )
    files.change("format", "amount: {column: gross}", "amount: {column: gros}")
    with pytest.raises(ConfigError) as caught:
        load_workspace(files.root)
    assert caught.value.exit is Exit.USAGE
    said = caught.value.render()
    for part in (
        "recon.yaml:4:11: error: KRR is not a calendar",
        "recon.yaml:5:1: error: unknown key look_bak_days (did you mean look_back_days?)",
        "rules/small.yaml:10:5: error: psp.amont is not a name that can be read here (did you mean psp.amount?)",
        "rules/small.yaml:15:5: error: why is missing",
        "rules/formats/acme_lines.yaml:14:20: error: gros is not a declared column (did you mean gross?)",
    ):
        assert part in said, said


def test_nothing_is_written_by_loading(files):
    before = sorted(os.fspath(path) for path in files.root.rglob("*"))
    load_workspace(files.root)
    assert sorted(os.fspath(path) for path in files.root.rglob("*")) == before


TARGET = """\
  {name}:
    journal:
      url: "sqlite:///books.sqlite"
      table: {table}
      recorded_at: at
      takes: [{takes}]
      columns: {{account: account, currency: currency, amount: amount}}
"""


def test_two_ledgers_of_one_database_have_a_table_of_journals_each(files):
    both = TARGET.format(name="ledger", table="entries", takes="book") + TARGET.format(
        name="treasury", table="cash", takes="other"
    )
    config = files.paths["recon"].read_text(encoding="utf-8")
    files.paths["recon"].write_text(config + "targets:\n" + both, encoding="utf-8")
    said = files.only()
    assert (
        "error: ledger and treasury book through one table, recon_journals (journals: recon_treasury_journals)" in said
    )
    files.change("recon", "table: cash", "table: cash\n      journals: recon_treasury_journals")
    assert "recon_journals" not in "\n".join(map(str, files.problems()))
