"""Transports: the connections that files come by, and how files are unpacked, as recon.yaml says them.

Comes in   the located document, its model, the workspace's folder
Goes out   frozen settings with their secrets; what is wrong is noted in the document
Never      connects, or repeats a secret.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from recon.config import reader
from recon.config.models import NAME, S3Model, SftpModel, SourceModel, TransportModel
from recon.config.secrets import read_secret
from recon.config.yaml_file import Document, Key
from recon.workspace import S3, PgpKey, Secret, Sftp

HOST_KEY_TYPES = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa")
#: Without a word about it, a file on an SFTP server has to be left alone this long before it is taken.
SFTP_SETTLE_SECONDS = 60


def read_transports(document: Document, given: Mapping[str, TransportModel], root: Path) -> dict[str, S3 | Sftp]:
    """Every transport, by name."""
    found: dict[str, S3 | Sftp] = {}
    for name, model in given.items():
        path = ("transports", name)
        if not re.fullmatch(NAME, name):
            document.error(f"{name} is not a name", "lower case letters, digits and _", *path, key=True)
        if (model.s3 is None) == (model.sftp is None):
            document.error("a transport is either s3 or sftp", "give exactly one of the two", *path, key=True)
        elif model.s3 is not None:
            found[name] = _s3(document, model.s3, *path, "s3")
        elif model.sftp is not None:
            found[name] = _sftp(document, model.sftp, root, *path, "sftp")
    return found


def _s3(document: Document, model: S3Model, *path: Key) -> S3:
    if model.anonymous and model.profile:
        document.error("a profile gives credentials, and anonymous asks without", "keep one", *path, "profile")
    if not model.endpoint_url and not model.expected_owner:
        document.warn(
            "nobody says who has to own the bucket: whoever takes its name next can send files",
            "expected_owner: the 12 digits of the account that owns it",
            *path,
            "bucket",
        )
    if model.endpoint_url.startswith("http:") and urlsplit(model.endpoint_url).hostname not in (
        "127.0.0.1",
        "localhost",
    ):
        document.warn("files come over this address unencrypted", "https://...", *path, "endpoint_url")
    return S3(
        model.bucket, model.expected_owner, model.region, model.profile, model.endpoint_url.rstrip("/"), model.anonymous
    )


def _sftp(document: Document, model: SftpModel, root: Path, *path: Key) -> Sftp:
    if model.password is None and model.key is None:
        document.error("neither password nor key", "password: env:NAME, or key: file:PATH", *path)
    if model.key_passphrase is not None and model.key is None:
        document.error("a passphrase without its key", "key: file:PATH", *path, "key_passphrase")
    if not model.host_key:
        document.error("host_key is empty", _KEY_REMEDY, *path, "host_key")
    keys = [_host_key(document, text, *path, "host_key", at) for at, text in enumerate(model.host_key)]

    def secret(key: str, what: str) -> Secret | None:
        given = getattr(model, key)
        return None if given is None else read_secret(document, given, root, what, *path, key)

    return Sftp(
        model.host,
        model.port,
        model.user,
        tuple(key for key in keys if key is not None),
        secret("password", "a password"),
        secret("key", "a private key"),
        secret("key_passphrase", "a passphrase"),
        model.folder,
    )


_KEY_REMEDY = "as ssh-ed25519 AAAA...: take it with `ssh-keyscan HOST` and compare it with what the provider publishes"


def _host_key(document: Document, text: str, *path: Key) -> tuple[str, str] | None:
    kind, _, rest = text.strip().partition(" ")
    data = rest.strip().partition(" ")[0]
    try:
        body = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        body = b""
    # The key's own first field repeats its type.
    if kind not in HOST_KEY_TYPES or not body.startswith(len(kind).to_bytes(4, "big") + kind.encode()):
        document.error("this is not the public key of a server", _KEY_REMEDY, *path)
        return None
    return kind, data


def read_pgp(document: Document, model: SourceModel, root: Path, *path: Key) -> PgpKey | None:
    """A source's PGP key; it has one exactly where its files are unpacked with one."""
    if "pgp" in model.unpack and model.pgp is None:
        document.error("pgp needs our private key", "pgp: {key: file:PATH}", *path, "unpack")
    if model.pgp is None:
        return None
    if "pgp" not in model.unpack:
        document.error("a key, and nothing to take off with it", "unpack: [pgp]", *path, "pgp", key=True)
    path = (*path, "pgp")

    def secret(key: str, what: str) -> Secret | None:
        given = getattr(model.pgp, key)
        return None if given is None else read_secret(document, given, root, what, *path, key)

    key = secret("key", "a private key")
    assert key is not None, "the model asks for it"
    return PgpKey(key, secret("passphrase", "a passphrase"), secret("signed_by", "a certificate"))


def check_use(document: Document, model: SourceModel, names: Mapping[str, object], *path: Key) -> None:
    """What only sources of files may say, and the name of a transport."""
    if model.files is None:
        for key in ("transport", "unpack", "pgp", "settle"):
            if getattr(model, key):
                document.error(f"{key} is for files", "remove it: a query is read as it is", *path, key, key=True)
    elif model.transport is not None:
        reader.known(document, model.transport, names, "a transport", *path, "transport")
    for at, step in enumerate(model.unpack):
        if step in model.unpack[:at]:
            document.error(f"{step} is taken off twice", "keep one", *path, "unpack", at)


def settle_seconds(model: SourceModel, transports: Mapping[str, S3 | Sftp]) -> int:
    """How long a file has to have been left alone; an object in a bucket appears whole."""
    if model.settle is not None:
        return model.settle
    return SFTP_SETTLE_SECONDS if isinstance(transports.get(model.transport or ""), Sftp) else 0
