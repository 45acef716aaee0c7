"""F15 to F17 and PGP: what is taken off a file, and what sets it aside; nothing is left behind of a file that is refused."""

from __future__ import annotations

import bz2
import gzip
import io
import stat
import struct
import zipfile
from contextlib import suppress
from pathlib import Path

import pysequoia
import pytest
from backports import zstd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recon.errors import ReconError
from recon.fetch import UnpackError, room, unpack
from recon.workspace import PgpKey, Secret, UnpackLimits

TEXT = b"natural_id,amount\n" + b"".join(b"n-%d,%d.00\n" % (n, n * 7919 % 10007) for n in range(5000))
LIMITS = UnpackLimits()


def zipped(*members: tuple[str, bytes], **how: int) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            info = zipfile.ZipInfo(name)
            info.compress_type = how.get("method", zipfile.ZIP_DEFLATED)
            info.external_attr = how.get("mode", 0o100644) << 16
            archive.writestr(info, data)
    return made.getvalue()


def frame(data: bytes) -> bytes:
    """A zstd frame with a checksum, as the command line makes it."""
    return zstd.compress(data, options={zstd.CompressionParameter.checksum_flag: 1})


PACK = {"gzip": gzip.compress, "bz2": bz2.compress, "zstd": frame, "zip": lambda data: zipped(("x.csv", data))}
STREAMS = ["gzip", "bz2", "zstd"]


def unpacked(folder: Path, data: bytes, *steps: str, limits: UnpackLimits = LIMITS, key: PgpKey | None = None) -> bytes:
    """What comes out; whatever happens, the raw file stays and nothing else does."""
    raw = folder / "raw"
    raw.write_bytes(data)
    try:
        made = unpack(raw, steps, folder / "scratch", limits, key)
        found = made.path.read_bytes()
        assert made.size == len(found)
        made.path.unlink()
        return found
    finally:
        assert raw.read_bytes() == data and [each.name for each in folder.iterdir()] == ["raw"]


def reason(folder: Path, data: bytes, *steps: str, **how) -> str:
    with pytest.raises(UnpackError) as caught:
        unpacked(folder, data, *steps, **how)
    assert caught.value.remedy
    return caught.value.reason


@pytest.mark.parametrize("step", PACK)
def test_what_was_packed_comes_out(tmp_path, step):
    assert unpacked(tmp_path, PACK[step](TEXT), step) == TEXT


def test_steps_are_taken_off_from_the_outside_in(tmp_path):
    assert (
        unpacked(tmp_path, PACK["zip"](frame(gzip.compress(bz2.compress(TEXT)))), "zip", "zstd", "gzip", "bz2") == TEXT
    )


@pytest.mark.parametrize("step", STREAMS)
def test_f15_several_members_are_all_read(tmp_path, step):
    assert unpacked(tmp_path, PACK[step](TEXT) + PACK[step](b"") + PACK[step](TEXT[::-1]), step) == TEXT + TEXT[::-1]


@pytest.mark.parametrize("step", PACK)
def test_f15_a_cut_file_is_set_aside_wherever_it_is_cut(tmp_path, step):
    data = PACK[step](TEXT)
    for at in {0, 1, 5, 17, len(data) // 2, len(data) - 9, len(data) - 1}:
        assert "cut" in reason(tmp_path, data[:at], step)


@pytest.mark.parametrize("step", STREAMS)
@pytest.mark.parametrize("junk", [b"junk behind it", b"\x00" * 600, b"<html>"])
def test_f15_junk_behind_the_data_sets_the_file_aside(tmp_path, step, junk):
    assert reason(tmp_path, PACK[step](TEXT) + junk, step) == f"there is something else behind the {step} data"


@pytest.mark.parametrize("step", PACK)
def test_what_is_declared_and_is_not_there(tmp_path, step):
    assert "it is not" in reason(tmp_path, TEXT, step)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(step=st.sampled_from(STREAMS), at=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_a_damaged_byte_is_found_or_does_not_matter(tmp_path, step, at, flip):
    """A checksum or the stream itself tells; a byte of a header that says nothing about the data may be any."""
    data = bytearray(PACK[step](TEXT))
    data[at % len(data)] ^= flip
    with suppress(UnpackError):
        assert unpacked(tmp_path, bytes(data), step) == TEXT


# --- F16 -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", PACK)
def test_f16_a_bomb_is_stopped_at_the_ratio(tmp_path, step, monkeypatch):
    monkeypatch.setattr(room, "FREE", 100_000)
    bomb = PACK[step](b"\x00" * 30_000_000)
    assert "more than 5 times its" in reason(tmp_path, bomb, step, limits=UnpackLimits(ratio=5))


@pytest.mark.parametrize("step", PACK)
def test_f16_a_file_over_the_size_is_stopped(tmp_path, step):
    said = reason(tmp_path, PACK[step](TEXT), step, limits=UnpackLimits(size=len(TEXT) - 1))
    assert said == f"unpacked it has more than {len(TEXT) - 1:,} bytes (unpack_limits: size)"
    assert unpacked(tmp_path, PACK[step](TEXT), step, limits=UnpackLimits(size=len(TEXT))) == TEXT


def test_f16_a_bomb_in_a_bomb(tmp_path):
    bomb = gzip.compress(gzip.compress(b"\x00" * 300_000_000))
    assert "more than" in reason(tmp_path, bomb, "gzip", "gzip", limits=UnpackLimits(size=50_000_000))


# --- F17 -----------------------------------------------------------------------------------------------------------------


def test_f17_two_members_are_named(tmp_path):
    assert reason(tmp_path, zipped(("a.csv", TEXT), ("b\x1b.csv", TEXT)), "zip") == (
        "the zip archive holds 2 files, not one: 'a.csv', 'b\\x1b.csv'"
    )
    assert "holds 0 files" in reason(tmp_path, zipped(), "zip")


@pytest.mark.parametrize("name", ["../x.csv", "/etc/x.csv", "a/../../x.csv", "..\\x.csv", "C:\\x.csv"])
def test_f17_a_name_that_leaves_its_folder(tmp_path, name):
    assert "leaves its folder" in reason(tmp_path, zipped((name, TEXT)), "zip")


def test_f17_a_symbolic_link(tmp_path):
    assert "a symbolic link" in reason(tmp_path, zipped(("x.csv", b"/etc/passwd"), mode=stat.S_IFLNK | 0o777), "zip")


def test_f17_a_folder(tmp_path):
    assert "not a regular file" in reason(tmp_path, zipped(("x/", b""), mode=stat.S_IFDIR | 0o755), "zip")


def test_f17_a_password(tmp_path):
    data = bytearray(zipped(("x.csv", TEXT)))
    for magic, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.index(magic) + flags
        data[at : at + 2] = struct.pack("<H", 1)
    assert reason(tmp_path, bytes(data), "zip") == "the zip archive has a password"


def test_f17_a_method_without_a_bound(tmp_path):
    assert "method 14" in reason(tmp_path, zipped(("x.csv", TEXT), method=zipfile.ZIP_LZMA), "zip")


@pytest.mark.parametrize("where", ["before", "behind"])
def test_f17_something_else_around_the_archive(tmp_path, where):
    data = PACK["zip"](TEXT)
    assert "else" in reason(tmp_path, b"#!/bin/sh\n" + data if where == "before" else data + b"more", "zip")


# --- PGP -----------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ours() -> pysequoia.Tsk:
    return pysequoia.Tsk.generate(user_id="ours <ours@example.com>")


@pytest.fixture(scope="module")
def theirs() -> pysequoia.Tsk:
    return pysequoia.Tsk.generate(user_id="theirs <theirs@example.com>")


def key(tsk: pysequoia.Tsk, signer: pysequoia.Tsk | None = None) -> PgpKey:
    certificate = Secret("file:theirs.asc", str(signer.extract_certificate())) if signer else None
    return PgpKey(Secret("file:ours.asc", str(tsk)), None, certificate)


def message(to: pysequoia.Tsk, data: bytes = TEXT, armor: bool = False, signer: pysequoia.Tsk | None = None) -> bytes:
    by = signer.signer() if signer else None
    return bytes(pysequoia.encrypt(data, recipients=[to.extract_certificate()], signer=by, armor=armor))


@pytest.mark.parametrize("armor", [True, False])
def test_pgp_for_our_key(tmp_path, ours, armor):
    packed = message(ours, gzip.compress(TEXT), armor)
    assert unpacked(tmp_path, packed, "pgp", "gzip", key=key(ours)) == TEXT


def test_pgp_for_another_key_says_for_which(tmp_path, ours, theirs):
    said = reason(tmp_path, message(theirs), "pgp", key=key(ours))
    assert said.startswith("the message is encrypted for another key than file:ours.asc")


@pytest.mark.parametrize("data", [TEXT, b"", b"\x00", gzip.compress(TEXT)])
def test_pgp_where_there_is_none(tmp_path, ours, data):
    assert reason(tmp_path, data, "pgp", key=key(ours)) == "it is not a PGP message"


def test_pgp_that_is_signed_only_is_not_taken_for_encrypted(tmp_path, ours, theirs):
    """The library would give its text as if it had been decrypted."""
    for armor in (True, False):
        signed = bytes(pysequoia.sign(theirs.signer(), TEXT, armor=armor))
        assert reason(tmp_path, signed, "pgp", key=key(ours)) == "the PGP message is not encrypted"


@pytest.mark.parametrize("where", [0.3, 0.6, 0.99])
def test_pgp_that_was_changed_or_cut(tmp_path, ours, where):
    data = bytearray(message(ours))
    at = int(len(data) * where)
    assert "cut or changed" in reason(tmp_path, bytes(data[:at]), "pgp", key=key(ours))
    data[at] ^= 1
    assert "cut or changed" in reason(tmp_path, bytes(data), "pgp", key=key(ours))


def test_pgp_signed_by_who_has_to_sign(tmp_path, ours, theirs):
    good = message(ours, signer=theirs)
    assert unpacked(tmp_path, good, "pgp", key=key(ours, theirs)) == TEXT
    for bad in (message(ours), message(ours, signer=ours)):
        assert "not signed by file:theirs.asc" in reason(tmp_path, bad, "pgp", key=key(ours, theirs))


def test_f16_a_bomb_inside_pgp(tmp_path, ours):
    said = reason(
        tmp_path, message(ours, b"\x00" * 3_000_000), "pgp", key=key(ours), limits=UnpackLimits(size=1_000_000)
    )
    assert said == "unpacked it has more than 1,000,000 bytes (unpack_limits: size)"


@pytest.mark.parametrize("value", ["nonsense", "public"])
def test_pgp_key_that_cannot_be_used_is_exit_2_and_is_not_shown(tmp_path, ours, value):
    text = str(ours.extract_certificate()) if value == "public" else value
    with pytest.raises(ReconError) as caught:
        unpacked(tmp_path, message(ours), "pgp", key=PgpKey(Secret("env:KEY", text)))
    assert (caught.value.name, int(caught.value.exit)) == ("pgp-key", 2)
    assert "env:KEY" in caught.value.render() and text not in caught.value.render()


def test_a_missing_library_says_what_to_install(tmp_path, ours, monkeypatch):
    monkeypatch.setattr("recon.fetch.extras.find_spec", lambda name: None)
    for step, data in (("zstd", frame(TEXT)), ("pgp", message(ours))):
        with pytest.raises(ReconError) as caught:
            unpacked(tmp_path, data, step, key=key(ours))
        assert caught.value.name == "missing-extra" and f"payrecon[{step}]" in caught.value.remedy
