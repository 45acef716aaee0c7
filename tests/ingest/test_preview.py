"""`recon preview`: raw beside read, totals, controls, refusals; and what it says by its exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pysequoia
import pytest
from click.testing import CliRunner
from ingest_reading import HEADER, line

from recon.cli.preview import preview
from recon.errors import Exit, ReconError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "lines.csv"
    rows = [
        line(),
        line(natural_id="n-2", amount="1,5", memo="x"),
        line(natural_id="n-3", kind="refund", amount="-2.50", memo="4111111111111111"),
    ]
    header = HEADER + ",psp"
    path.write_text("\n".join([header, *(row + ",acme" for row in rows)]), encoding="utf-8")
    return path


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(preview, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout


def test_json_says_it_all(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)
    code, out = run(file, "--format", "generic_settlement", "--rows", "2", "--json")
    said = json.loads(out)
    assert code == Exit.OK
    assert (said["rows"], said["read"], said["quarantined"]) == (3, 2, 1)
    assert said["totals"] == [
        {"kind": "capture", "currency": "EUR", "rows": 1, "amount": "10.00"},
        {"kind": "refund", "currency": "EUR", "rows": 1, "amount": "-2.50"},
    ]
    [refusal] = said["refusals"]
    assert (refusal["line"], refusal["column"], refusal["found"]) == (3, "(row)", "13 cell(s)")
    first, second = said["records"]
    assert first["raw"] == line() + ",acme"
    assert (second["line"], second["read"]["amount"], second["read"]["kind"]) == (4, "-2.50", "refund")
    assert "4111111111111111" not in out


def test_people_see_raw_beside_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)
    _, out = run(file, "--format", "generic_settlement")
    assert "3 rows, 2 read, 1 refused" in out
    assert f"line 2  {line()},acme" in out
    assert "    amount            10.00" in out


def test_a_file_that_a_night_would_set_aside_is_shown_and_exits_3(tmp_path: Path) -> None:
    path = tmp_path / "empty.csv"
    path.write_text(HEADER + "\n", encoding="utf-8")
    code, out = run(path, "--format", "generic_settlement")
    assert code == Exit.INCOMPLETE
    assert "a night would set this file aside: the file has a header and no rows" in out


def test_a_format_by_path_and_a_workspaces_own(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = Path(__file__).parents[2] / "rules" / "formats" / "generic_settlement.yaml"
    assert run(file, "--format", shipped)[0] == Exit.OK
    own = file.parent / "rules" / "formats" / "mine.yaml"
    own.parent.mkdir(parents=True)
    own.write_text(shipped.read_text("utf-8").replace("format: generic_settlement", "format: mine"), encoding="utf-8")
    (file.parent / "recon.yaml").write_text("version: 1\n", encoding="utf-8")
    monkeypatch.chdir(file.parent)
    assert run(file, "--format", "mine")[0] == Exit.OK


@pytest.mark.parametrize(
    "arguments",
    [
        ("--format", "none_such"),
        ("--format", "none.yaml"),
        ("--format", "generic_settlement", "--time-zone", "Mars/Base"),
    ],
)
def test_what_does_not_exist_is_a_usage_error(file: Path, arguments: tuple[str, ...]) -> None:
    with pytest.raises(ReconError) as caught:
        run(file, *arguments)
    assert caught.value.exit == Exit.USAGE


def test_the_business_date_follows_the_zone(file: Path) -> None:
    for zone, day in (("UTC", "2026-11-19"), ("Pacific/Kiritimati", "2026-11-20")):
        _, out = run(file, "--format", "generic_settlement", "--time-zone", zone, "--json")
        assert json.loads(out)["records"][0]["read"]["business_date"] == day


def test_a_pgp_message_is_shown_with_our_key_and_no_word_of_it_is_repeated(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = pysequoia.Tsk.generate(user_id="ours")
    packed = file.with_suffix(".csv.pgp")
    message = pysequoia.encrypt(recipients=[key.extract_certificate()], bytes=file.read_bytes())
    packed.write_bytes(message)
    (file.parent / "key.asc").write_text(str(key), encoding="utf-8")
    monkeypatch.chdir(file.parent)
    options = (packed, "--format", "generic_settlement", "--unpack", "pgp")
    code, out = run(*options, "--pgp-key", "file:key.asc")
    assert code == Exit.OK and "3 rows, 2 read, 1 refused" in out
    for given, said in (
        ((), "pgp needs our private key"),
        (("--pgp-key", "env:NONE"), "--pgp-key: the environment variable NONE"),
    ):
        with pytest.raises(ReconError, match=said):
            run(*options, *given)
    with pytest.raises(ReconError) as caught:
        run(*options, "--pgp-key", str(key))
    assert "PRIVATE" not in f"{caught.value.message} {caught.value.remedy}"
