"""From a server to the breaks: the same files in a folder, from S3 and from SFTP, packed and encrypted, give the same night."""

from __future__ import annotations

import gzip
import hashlib
import os
from datetime import date
from pathlib import Path

import pysequoia
import pytest
from far_shop import NIGHT, FarShop, says
from test_sftp import transport

from recon.domain.rulebook import Moves, Source
from recon.errors import InvariantError
from recon.fetch import Later, fetch_files, prove_unchanged
from recon.fetch.local import Folder
from recon.fetch.transport import common_prefix, matcher, shown

PASSPHRASE = "open-sesame-4711"


def test_s3_gzip_and_sftp_pgp_give_the_breaks_of_the_folder(shop, store, sftp, near):
    ours = pysequoia.Tsk.generate(user_id="ours")
    (shop.root / "pgp.asc").write_text(str(ours), encoding="utf-8")
    plain = {psp: shop.file(psp) for psp in ("stripe", "toss")}
    store.put(f"stripe/{NIGHT}.csv.gz", gzip.compress(plain["stripe"]), ChecksumAlgorithm="CRC32")
    packed = bytes(
        pysequoia.encrypt(gzip.compress(plain["toss"]), recipients=[ours.extract_certificate()], armor=False)
    )
    sftp.put(f"out/toss_{NIGHT}.csv.gz.pgp", packed)
    shop.settle(
        {
            "stripe": 'transport: bucket\nfiles: "stripe/{date}*.gz"\nunpack: [gzip]',
            "toss": 'transport: server\nfiles: "toss_{date}*.pgp"\nunpack: [pgp, gzip]\npgp: {key: file:pgp.asc}',
        },
        {"bucket": store.transport(), "server": transport(sftp)},
    )
    assert shop.check().exit == 0
    answer = shop.night()
    assert answer.exit == 0, answer.error
    assert shop.breaks() == near.breaks() != []
    for psp, entry in ((each["source"], each) for each in shop.entries().values() if each["unpacked"]):
        raw = (shop.root / "raw" / entry["sha256"]).read_bytes()
        assert hashlib.sha256(raw).hexdigest() == entry["sha256"] and len(raw) == entry["size"]
        assert entry["unpacked"]["sha256"] == hashlib.sha256(plain[psp]).hexdigest()
        assert entry["unpacked"]["size"] == len(plain[psp])
        assert entry["name"].startswith(("s3://", "sftp://")) and entry["unpacked"]["steps"][-1] == "gzip"
    before = shop.everything()
    assert shop.night().exit == 0 and shop.everything() == before
    assert list((shop.root / "nights" / NIGHT / "records").glob(".*")) == []


@pytest.mark.parametrize(
    ("unpack", "data", "words"),
    [
        ("gzip", gzip.compress(b"natural_id\n" * 999)[:-20], "the file was cut"),
        ("gzip", b"natural_id\n", "it is not gzip"),
        ("zip", gzip.compress(b"natural_id\n"), "it is not a zip archive"),
    ],
)
def test_a_file_that_cannot_be_unpacked_is_set_aside_and_the_rest_goes_on(shop, near, unpack, data, words):
    shop.file("stripe")
    (shop.root / "in" / f"stripe_{NIGHT}.csv.x").write_bytes(data)
    shop.settle({"stripe": f'files: "in/stripe_{{date}}*.csv.x"\nunpack: [{unpack}]'})
    answer = shop.night()
    assert answer.exit == 3, answer.error
    entry = shop.entries()[f"in/stripe_{NIGHT}.csv.x"]
    assert entry["status"] == "set_aside" and words in entry["reason"] and entry["remedy"]
    assert entry["sha256"] == hashlib.sha256(data).hexdigest() and entry["sha256"] in shop.raw()
    assert entry["read"] == 0 and entry["unpacked"] is None
    others = [[each for each in rows if each["psp"] == "toss"] for rows in (shop.breaks(), near.breaks())]
    assert others[0] == others[1]


def test_pgp_without_its_passphrase_is_refused_before_anything_is_read(shop):
    shop.file("stripe")
    source = 'files: "in/stripe_{date}*.pgp"\nunpack: [pgp]\npgp: {key: file:pgp.asc, passphrase: env:ACME_PGP}'
    shop.settle({"stripe": source})
    answer = shop.night()
    says(
        answer, 2, "config", "the environment variable ACME_PGP is not set", "file:pgp.asc can't be read", "recon.yaml:"
    )
    assert shop.nothing_left()


# --- F31 and F32 in a folder -----------------------------------------------------------------------------------------------


def found(root: Path, pattern: str, settle_seconds: int = 0):
    source = Source("acme", "settlement_line", Moves.EVENTS, files=pattern, settle_seconds=settle_seconds)
    later: list[Later] = []
    night = date(2026, 11, 19)
    files = fetch_files(Folder(root), root / "raw", source, night, night, 60, (), later.append)
    return files, later


def test_f31_a_file_of_a_folder_that_grows_while_it_is_copied(tmp_path, monkeypatch):
    (tmp_path / "a.csv").write_bytes(b"one\n")
    from recon.fetch import local

    keep = local.keep

    def growing(path: Path, raw: Path, making: Path) -> tuple[str, Path]:
        kept = keep(path, raw, making)
        with path.open("ab") as file:
            file.write(b"two\n")
        return kept

    monkeypatch.setattr(local, "keep", growing)
    files, later = found(tmp_path, "*.csv")
    assert files == [] and [each.why for each in later] == ["it had 4 bytes, and 8 when it was read"]
    monkeypatch.setattr(local, "keep", keep)
    files, later = found(tmp_path, "*.csv")
    assert [each.size for each in files] == [8] and later == []


def test_f31_settle_holds_for_folders_where_it_is_declared(tmp_path):
    file = tmp_path / "a.csv"
    file.write_bytes(b"one\n")
    files, later = found(tmp_path, "*.csv", settle_seconds=600)
    assert files == [] and "has not changed for 600 s" in later[0].why
    os.utime(file, (1, 1))
    assert len(found(tmp_path, "*.csv", settle_seconds=600)[0]) == 1


def test_f31_the_night_waits_for_a_file_that_is_still_being_written(shop, near):
    path = shop.root / "in" / f"stripe_{NIGHT}.csv"
    path.rename(f"{path}.part")
    shop.settle({"stripe": 'files: "in/stripe_{date}*.csv*"'})
    assert shop.night().exit == 3
    assert shop.awaiting() == {
        "stripe": f"in/stripe_{NIGHT}.csv.part is left for later: .part files are still being written"
    }
    Path(f"{path}.part").rename(path)
    assert shop.night().exit == 0 and shop.breaks() == near.breaks()


def test_f32_bytes_replaced_between_fetch_and_reading_show_both_digests(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"one\n")
    [file] = found(tmp_path, "*.csv")[0]
    prove_unchanged(file)
    file.path.write_bytes(b"two\n")
    with pytest.raises(InvariantError) as caught:
        prove_unchanged(file)
    assert (caught.value.name, int(caught.value.exit)) == ("raw-changed", 5)
    assert file.sha256 in caught.value.message and hashlib.sha256(b"two\n").hexdigest() in caught.value.message


def test_f32_a_rerun_over_raw_bytes_that_changed_publishes_nothing(shop):
    assert shop.night().exit == 0
    before = shop.everything()["nights"]
    entry = shop.entries()[f"in/stripe_{NIGHT}.csv"]
    kept = shop.root / "raw" / entry["sha256"]
    kept.write_bytes(kept.read_bytes().replace(b"capture", b"refund ", 1))
    now = hashlib.sha256(kept.read_bytes()).hexdigest()
    answer = shop.night()
    says(answer, 5, "raw-changed", entry["sha256"], now, "--refetch")
    assert shop.everything()["nights"] == before


# --- names and patterns ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "matches", "others"),
    [
        ("in/*.csv", ["in/a.csv", "in/.csv"], ["in/b/a.csv", "in/a.csvx", "in/A.CSV", "xin/a.csv"]),
        ("**/a?.csv", ["ab.csv", "x/ab.csv", "x/y/ab.csv"], ["a/.csv", "x/a.csv"]),
        ("a[0-9]b", ["a7b"], ["axb", "a7bb"]),
        ("a[!0-9]b", ["axb"], ["a7b", "a/b"]),
        ("a[]^-]b", ["a]b", "a^b", "a-b"], ["axb"]),
        ("a.b+c(d)", ["a.b+c(d)"], ["axb+c(d)", "a.bbc(d)"]),
    ],
)
def test_patterns_match_at_a_server_as_they_do_in_a_folder(tmp_path, pattern, matches, others):
    assert [name for name in (*matches, *others) if matcher(pattern).fullmatch(name)] == matches
    for name in (*matches, *others):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    in_folder = {path.relative_to(tmp_path).as_posix() for path in tmp_path.glob(pattern)}
    assert in_folder & {*matches, *others} == set(matches)


def test_the_prefix_that_is_listed_covers_every_day():
    assert common_prefix(["in/a_2026-11-19*.csv", "in/a_2026-10-30*.csv"]) == "in/a_2026-1"
    assert common_prefix(["**/x.csv"]) == ""


def test_names_are_inert_and_stay_apart():
    names = ["a\nb", "a\\u{a}b", "a\x00b", "a\u202eb", "한글 é.csv", "a\udcffb"]
    assert [shown(name) for name in names[:4]] == ["a\\u{a}b", "a\\u{5c}u{a}b", "a\\u{0}b", "a\\u{202e}b"]
    assert shown(names[4]) == names[4]
    assert all(shown(name).isprintable() for name in names) and len({shown(name) for name in names}) == len(names)


def test_what_is_compared_with_is_a_night_with_breaks_of_both_providers(near: FarShop):
    assert {"stripe", "toss"} <= {each["psp"] for each in near.breaks()}
