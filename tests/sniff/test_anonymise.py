"""What `recon fixture add` makes of a file: the same shape, and nothing that says whose it was."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from recon.cli.fixture import fixture
from recon.config.format_file import load_format
from recon.config.shipped import shipped_rules
from recon.fixture.keep import Keep
from recon.fixture.make import Made, make_fixture
from recon.fixture.replace import Replacer
from recon.ingest.cards import mask

FORMATS = shipped_rules() / "formats"
CASES = Path(__file__).parents[1] / "formats" / "cases"
READABLE = [path.stem for path in sorted(CASES.iterdir()) if re.search("(?m)^reader: (delimited|json)$", (FORMATS / f"{path.name}.yaml").read_text("utf-8"))]  # fmt: skip
HEADER = "natural_id,kind,psp_reference,payment_order_id,currency,amount,occurred_at,memo,psp"
ROWS = (
    "T-4711,capture,pay-77,PO-0815,USD,10.50,2026-10-13 01:00:00,Erika Mustermann,acme\n"
    'T-4712,refund,pay-77,PO-0815,USD,-3.00,2026-10-13 02:00:00,"paid with 4111 1111 1111 1111, twice",acme\n'
)
GENERIC = f"{HEADER}\n{ROWS}"


def made_of(path: Path, name: str, data: bytes | None = None, **options: object) -> Made:
    if data is not None:
        path.write_bytes(data)
    given = {"rows": 0, "scramble": False, "key": b"secret", **options}
    return make_fixture(path, load_format(FORMATS / f"{name}.yaml", draft=True), **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", READABLE)
def test_a_fixture_of_each_format_reads_as_its_file_did(name):
    [file] = [each for each in (CASES / name).iterdir() if each.name not in ("expected.json", "README.md")]
    made = made_of(file, name)
    assert made.after == made.before
    data = file.read_bytes()
    assert len(made.data) == len(data) and made.data.count(b"\n") == data.count(b"\n") and made.data != data


def test_only_what_the_format_reads_as_amounts_dates_currencies_and_row_types_stays(tmp_path):
    made = made_of(tmp_path / "a.csv", "generic_settlement", GENERIC.encode())
    head, first, second = made.data.decode().splitlines()
    assert head == HEADER
    for line, was in ((first, ROWS.splitlines()[0]), (second, ROWS.splitlines()[1])):
        now, before = line.split(",", 7), was.split(",", 7)
        assert [now[n] for n in (1, 4, 5, 6)] == [before[n] for n in (1, 4, 5, 6)]
        for n in (0, 2, 3, 7):
            assert now[n] != before[n] and [c for c in now[n] if not c.isalnum()] == [
                c for c in before[n] if not c.isalnum()
            ]
    assert first.split(",")[2:4] == second.split(",")[2:4], "what was equal is equal again: groups stay groups"
    for secret in ("4711", "0815", "Erika", "Mustermann", "4111 1111", "pay-77"):
        assert secret not in made.data.decode()
    assert mask(made.data.decode()) == made.data.decode(), "no replacement is a card number"


def test_the_same_key_gives_the_same_replacements_in_another_file_and_another_key_others(tmp_path):
    one = made_of(tmp_path / "a.csv", "generic_settlement", GENERIC.encode())
    two = made_of(tmp_path / "b.csv", "generic_settlement", GENERIC.replace("T-4711", "T-9999").encode())
    assert one.data.split(b",")[9:11] == two.data.split(b",")[9:11]
    assert made_of(tmp_path / "a.csv", "generic_settlement", key=b"another").data != one.data


@pytest.mark.parametrize("frame", ["crlf", "cr-less end", "bom", "blank lines"])
def test_line_ends_blank_lines_and_the_byte_order_mark_stay(tmp_path, frame):
    data = {
        "crlf": GENERIC.replace("\n", "\r\n").encode(),
        "cr-less end": GENERIC.rstrip("\n").encode(),
        "bom": b"\xef\xbb\xbf" + GENERIC.encode(),
        "blank lines": GENERIC.replace("\n", "\n\n").encode(),
    }[frame]
    made = made_of(tmp_path / "a.csv", "generic_settlement", data)
    strange = re.compile(rb"[A-Za-z0-9]")
    assert strange.sub(b"x", made.data) == strange.sub(b"x", data)


def test_f21_a_syllable_that_only_cp949_has_becomes_another_such_one(tmp_path):
    """Else the fixture would read as EUC-KR, and no longer show what the file showed."""
    file = CASES / "nhn_kcp_settlement" / "settlement.csv"
    made = made_of(file, "nhn_kcp_settlement").data
    was, now = file.read_bytes().decode("cp949"), made.decode("cp949")
    assert len(was) == len(now) and len(made) == file.stat().st_size
    assert "똠" in was and "똠" not in now
    for before, after in zip(was, now, strict=True):
        assert _in_euc_kr(before) == _in_euc_kr(after)
    with pytest.raises(UnicodeDecodeError):
        made.decode("euc_kr")


def _in_euc_kr(letter: str) -> bool:
    try:
        letter.encode("cp949").decode("euc_kr")
    except UnicodeDecodeError:
        return False
    return True


@settings(max_examples=150)
@given(st.text(st.sampled_from("가힣똠펲각ABCabc019 -_ßéЖ日本"), min_size=1, max_size=14))
def test_a_replacement_has_the_bytes_the_kinds_and_the_marks_of_what_it_replaces(value):
    for encoding in ("utf-8", "cp949"):
        try:
            size = len(value.encode(encoding))
        except UnicodeEncodeError:
            continue
        made = Replacer(b"secret", [value], encoding).text(value)
        assert len(made) == len(value) and len(made.encode(encoding)) == size
        for before, after in zip(value, made, strict=True):
            assert before.isalnum() == after.isalnum() or after == "*"
            assert before.isalnum() or before == after
            assert encoding == "utf-8" or after == "*" or _in_euc_kr(before) == _in_euc_kr(after)
        if sum(map(str.isalnum, value)) >= 5:
            assert made != value


def test_scrambled_amounts_still_add_up_and_are_others(tmp_path):
    file = CASES / "adyen_settlement_details"
    [path] = [each for each in file.iterdir() if each.suffix == ".csv"]
    plain, scrambled = (
        made_of(path, "adyen_settlement_details"),
        made_of(path, "adyen_settlement_details", scramble=True),
    )
    assert scrambled.after == plain.after and scrambled.data != plain.data
    assert any(state == "proved" for _, state in scrambled.after[2])


def test_fewer_rows_keep_the_groups_of_a_control_total_whole(tmp_path):
    folder = CASES / "nhn_kcp_settlement"
    made = made_of(folder / "settlement.csv", "nhn_kcp_settlement", rows=2)
    assert made.after[0] == 2 < made.before[0] and made.after[2] == made.before[2], "the stated total follows the rows"


def test_a_cell_that_is_none_of_what_its_column_holds_is_replaced_too():
    keep = Keep(load_format(FORMATS / "generic_settlement.yaml"))
    rule = keep.rule("amount")
    assert keep.keeps("10.50", rule) and not keep.keeps("call Erika", rule)


def run(tmp_path, *arguments: str):
    (tmp_path / "a.csv").write_text(GENERIC, encoding="utf-8")
    base = ["add", str(tmp_path / "a.csv"), "--format", "generic_settlement", "--out", str(tmp_path / "out"), "--json"]
    return CliRunner().invoke(fixture, [*base, *arguments])


def test_the_command_says_what_became_of_each_column_and_never_writes_over_a_file(tmp_path):
    first = run(tmp_path, "--key", "k")
    assert first.exit_code == 0, first.output
    said = json.loads(first.stdout)
    assert (said["rows_before"], said["rows"], said["refused"], said["lost"]) == (2, 2, 0, [])
    kept = {each["column"]: each["kept"] for each in said["columns"]}
    assert kept["amount"] == kept["currency"] == kept["kind"] == 2 and not kept["memo"]
    before = (tmp_path / "out" / "generic_settlement.csv").read_bytes()
    again = run(tmp_path)
    assert again.exit_code != 0 and (tmp_path / "out" / "generic_settlement.csv").read_bytes() == before
    assert again.exception is not None and getattr(again.exception, "name", "") == "fixture-exists"
    outside = run(tmp_path, "--as", "../b.csv")
    assert getattr(outside.exception, "name", "") == "fixture-exists" and not (tmp_path / "b.csv").exists()
