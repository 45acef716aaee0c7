"""Transports and packing in recon.yaml: what is refused, with file, line, column and remedy, and without the secret."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from recon.config.models import PgpModel, S3Model, SftpModel, WorkspaceFile
from recon.config.validate import validate
from recon.config.workspace_file import load_workspace
from recon.config.yaml_file import parse_document
from recon.workspace import S3, Sftp

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0AGHOzHcUgq1ReKgUBzhHzYOLQyNU4EHZOPqCjOI9x"
BUCKET = '{s3: {bucket: acme-reports, expected_owner: "111122223333"}}'
SERVER = f'{{sftp: {{host: sftp.acme.example, user: acme, password: env:ACME_PASSWORD, host_key: "{KEY}"}}}}'
SECRET = "open-sesame-4711"
PAGE = Path(__file__).parents[2] / "docs" / "transports.md"


def with_transport(files, text: str, source: str = "transport: there, "):
    files.change("recon", "sources:\n", f"transports:\n  there: {text}\nsources:\n")
    files.change("recon", "{format: acme_lines, ", f"{{format: acme_lines, {source}")
    return files


@pytest.fixture(autouse=True)
def password(monkeypatch):
    monkeypatch.setenv("ACME_PASSWORD", SECRET)


def test_a_bucket_and_a_server(files):
    with_transport(files, BUCKET)
    assert load_workspace(files.root).transports == {"there": S3("acme-reports", "111122223333")}
    files.change("recon", BUCKET, SERVER)
    there = load_workspace(files.root).transports["there"]
    assert isinstance(there, Sftp) and (there.port, there.host_keys) == (22, (tuple(KEY.split()),))
    assert there.password.value == SECRET and SECRET not in repr(there)
    assert [load_workspace(files.root).sources[0].settle_seconds] == [60]


def test_a_bucket_that_anybody_may_own_is_warned_of(files):
    with_transport(files, "{s3: {bucket: acme-reports}}")
    assert files.only().startswith("recon.yaml:11:24: warning: nobody says who has to own the bucket")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "11:3: error: a transport is either s3 or sftp (give exactly one of the two)"),
        ("{s3: {bucket: Acme_Reports}}", "error: bucket: the name of a bucket is expected"),
        ('{s3: {bucket: acme, expected_owner: "1234"}}', "an AWS account number of 12 digits"),
        ("{s3: {bucket: acme, secret_key: open-sesame-4711}}", "unknown key secret_key"),
        (
            '{s3: {bucket: acme, endpoint_url: "https://a:open-sesame-4711@b"}}',
            "an address without path or credentials",
        ),
        (SERVER.replace("env:ACME_PASSWORD", SECRET), "error: a password stands in the file (put it in a variable"),
        (SERVER.replace("env:ACME_PASSWORD", "env:NOT_SET"), "the environment variable NOT_SET is not set"),
        (SERVER.replace("password: env:ACME_PASSWORD, ", ""), "neither password nor key"),
        (SERVER.replace("password: env:", "key: file:"), "file:ACME_PASSWORD can't be read, or is empty"),
        (SERVER.replace(KEY, "ssh-ed25519 c2VjcmV0"), "this is not the public key of a server"),
        (SERVER.replace(KEY, "SHA256:abc"), "this is not the public key of a server"),
        (SERVER.replace(f', host_key: "{KEY}"', ""), "host_key is missing"),
        (SERVER.replace("user: acme", "user: acme, port: 0"), "port: "),
    ],
)
def test_what_is_no_transport(files, text, said):
    with_transport(files, text)
    shown = files.said()
    assert any(said in line and line.startswith("recon.yaml:11:") for line in shown), shown
    assert SECRET not in "".join(shown)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("transport: ther, ", "ther is not a transport (did you mean there?)"),
        ("unpack: [rar], ", "is not one of: pgp, gzip, zip, bz2, zstd"),
        ("unpack: [gzip, gzip], ", "gzip is taken off twice"),
        ("unpack: [pgp], ", "pgp needs our private key"),
        ("pgp: {key: env:ACME_PASSWORD}, ", "a key, and nothing to take off with it"),
        ("unpack: [pgp], pgp: {key: open-sesame-4711}, ", "a private key stands in the file"),
        ("settle: soon, ", "settle: a length of time is expected, 'soon' found"),
    ],
)
def test_what_a_source_can_not_say(files, source, said):
    with_transport(files, BUCKET, source)
    shown = files.said()
    assert any(said in line and re.match(r"recon\.yaml:13:\d+: error: ", line) for line in shown), shown
    assert SECRET not in "".join(shown)


def test_a_query_has_no_files_to_unpack(files):
    files.change("recon", "    moves: changes\n", "    moves: changes\n    unpack: [gzip]\n")
    assert "unpack is for files (remove it: a query is read as it is)" in files.only()


@pytest.mark.parametrize("size", ["20", "0GB", "1e3MB", "20TB"])
def test_limits_are_sizes(files, size):
    files.change("recon", "sources:\n", f"unpack_limits: {{size: {size}}}\nsources:\n")
    assert f"size: a size is expected, '{size}' found (write it as 500MB or 20GB)" in files.only()


def test_the_same_pattern_in_two_places_is_two_sets_of_files(files):
    with_transport(files, BUCKET)
    twin = '  twin: {format: acme_lines, files: "in/acme_{date}.csv", calendar: KR}\n'
    files.change("recon", "  ledger:\n", f"{twin}  ledger:\n")
    assert files.said() == []
    files.change("recon", "twin: {format", "twin: {transport: there, format")
    assert "a file can match this and acme" in files.only()


def test_every_key_stands_on_the_page_and_its_examples_load():
    text = PAGE.read_text("utf-8")
    for model in (S3Model, SftpModel):
        assert {key for key in model.model_fields if f"`{key}`" not in text} == set()
    assert {key for key in PgpModel.model_fields if key not in text} == set()
    needed = "version: 1\nname: x\ntime_zone: UTC\nreconciliations: [payin]\n"
    examples = re.findall(r"^```yaml\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert len(examples) == 3
    for example in examples:
        sources = "" if "sources:" in example else "sources: {}\n"
        document = parse_document((needed + sources + example).encode(), "transports.md")
        assert validate(WorkspaceFile, document) is not None and document.problems == []
