"""What `recon sniff` proposes: a format that reads the file, whatever the file calls its columns, of the right provider."""

from __future__ import annotations

import json
import unicodedata

import pytest
from click.testing import CliRunner
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sniffing import FORMATS, field, finding, found, sniffed, todos

from recon.cli.sniff import sniff
from recon.config.format_file import parse_format
from recon.config.yaml_file import parse_document
from recon.domain.records import RECORD_TYPES
from recon.sniff.report import sniff_file

ROWS = "".join(f"t{n},sale,EUR,{n}.50,2026-11-{n:02}\n" for n in range(10, 22))
PLAIN = "id,type,currency,amount,date\n" + ROWS
#: What a terminal obeys, hides or turns round: colours, a C1 control, a line end of Unicode's, right-to-left, no width.
STEERING = ["\x1b[31m", "\x9b2J", "\x07", "\x7f", "\u2028", "\u202e", "\u200b", "\ufeff", "\u00a0", "\U000e0041"]


# --- names of columns ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", STEERING, ids=ascii)
def test_r32_what_steers_a_terminal_is_an_escape_in_the_proposal_and_the_column_is_still_found(tmp_path, what):
    result = sniffed(tmp_path / "a.csv", PLAIN.replace("amount", f"am{what}ount").replace("id,", f"i{what}d,"))
    assert what not in result.draft
    assert all(letter.isprintable() or letter == "\n" for letter in result.draft)
    assert result.trial is not None and result.trial.read == result.trial.rows == 12
    fmt, problems = parse_format(parse_document(result.draft.encode(), "acme.yaml"), draft=True)
    assert fmt is not None and not [p for p in problems if p.severity == "error"]
    assert f"am{what}ount" in (*fmt.required, *fmt.optional)


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_r32_nothing_that_a_file_says_reaches_the_terminal_as_a_command(tmp_path, monkeypatch, form):
    monkeypatch.chdir(tmp_path)
    evil = "".join(STEERING)
    path = tmp_path / "a.csv"
    path.write_text(PLAIN.replace("amount", f"am{evil}ount").replace("sale", f"sale{evil}"), encoding="utf-8")
    answer = CliRunner().invoke(sniff, [str(path), *form])
    assert answer.exit_code == 0, answer.output
    for letter in answer.output:
        assert letter == "\n" or unicodedata.category(letter) not in ("Cc", "Cf", "Zl", "Zp"), ascii(letter)
    if form:
        assert f"am{evil}ount" in [each["name"] for each in json.loads(answer.stdout)["columns"]]


@settings(max_examples=20, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters='",;|\t\r\n\0'), min_size=1, max_size=12))
@example("null")
@example("- x: [y")
@example("# TODO confirm: ")
@example("💸 {amount}")
def test_any_name_of_a_column_comes_back_from_the_proposal_as_it_stands(tmp_path_factory, name):
    path = tmp_path_factory.mktemp("sniff") / "a.csv"
    head = PLAIN.split("\n")[0] + f",memo column of {name}\n"
    result = sniffed(path, head + ROWS.replace("\n", ",same\n"))
    fmt, _ = parse_format(parse_document(result.draft.encode(), "acme.yaml"), draft=True)
    assert fmt is not None and f"memo column of {name}".strip() in {
        each.strip() for each in (*fmt.required, *fmt.optional)
    }


# --- the provider ----------------------------------------------------------------------------------------------------


def proposed(tmp_path, name: str, text: str = PLAIN, chosen: str = "", sources: tuple = ()):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return sniff_file(path, RECORD_TYPES["settlement_line"], chosen, "", FORMATS, sources)


@pytest.mark.parametrize(
    ("name", "text", "chosen", "psp", "asked"),
    [
        ("settlement_20261119.csv", "토스페이먼츠 정산내역\n" + PLAIN, "", "toss", False),
        ("report.csv", "KG Inicis settlement\n" + PLAIN, "daily_report", "kg_inicis", False),
        ("report.csv", PLAIN.replace("id,", "Amazon Pay id,"), "", "amazon_pay", False),  # and not amazon
        ("report.csv", "Stripe and Adyen\n" + PLAIN, "", "stripe", True),
        ("nhn_kcp_settlement_20261119.csv", PLAIN, "", "nhn_kcp", False),
        ("badapay_20261119.csv", PLAIN, "badapay", "badapay", False),  # the name of the format says it too
        ("settlement_badapay.csv", PLAIN, "", "badapay", True),
        ("settlement_badapay.csv", PLAIN, "acme_lines", "badapay", True),
        ("settlement_report.csv", PLAIN, "acme_lines", "acme", True),
    ],
)
def test_the_provider_is_told_from_the_file_before_the_name_of_the_format(tmp_path, name, text, chosen, psp, asked):
    result = proposed(tmp_path, name, text, chosen)
    assert f"{{const: {psp}}}" in field(result, "psp")
    assert finding(result, "provider").found == psp
    assert ("the provider" in todos(result)) is asked


def test_the_provider_is_that_of_the_source_that_reads_such_files(tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    (tmp_path / "recon.yaml").write_text(
        "sources:\n  eu: {psp: mollie, files: 'in/eu_{date:%Y%m%d}*.csv'}\n  us: {psp: square, files: in/us.csv}\n",
        encoding="utf-8",
    )
    (tmp_path / "in" / "eu_20261119_1.csv").write_text("Stripe\n" + PLAIN, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    answer = CliRunner().invoke(sniff, ["in/eu_20261119_1.csv", "--json"])
    assert answer.exit_code == 0, answer.output
    said = json.loads(answer.stdout)
    assert "psp: {const: mollie}\n" in said["proposal"]["yaml"]
    [told] = [each for each in said["evidence"] if each["what"] == "provider"]
    assert told["why"] == "source eu of the workspace reads such files"


def test_what_a_person_says_is_the_provider_and_is_not_asked(tmp_path):
    result = sniffed(tmp_path / "stripe.csv", PLAIN)
    assert field(result, "psp") == "  psp: {const: acme}" and not found(result, "provider")
