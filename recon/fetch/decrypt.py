"""Decrypt: a PGP message for our key (pysequoia), and where recon.yaml names a sender, signed by it.

The library has no bound on what it writes, and a message may hold compressed data, so it runs in a process of its own whose
files may not grow past the room there is. The key goes there by a pipe: never as an argument, never by a file.
"""

from __future__ import annotations

import base64
import binascii
import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

from recon.errors import ReconError, UnreachableError
from recon.fetch.extras import needs
from recon.fetch.room import Room, UnpackError
from recon.workspace import PgpKey

_SESSION_KEY, _PASSWORD_KEY = 1, 3  # packets that hold the key of what follows, for a recipient or by a password
_ENCRYPTED = (_SESSION_KEY, _PASSWORD_KEY, 9, 18, 20)
_ARMOR = b"-----BEGIN PGP MESSAGE-----"
_TOO_LARGE = "File too large"


def decrypt(source: Path, target: Path, room: Room, key: PgpKey) -> None:
    """The plain text of a message. Raises UnpackError; ReconError (exit 2) where our key is not usable."""
    recipients = _prove_encrypted(source)
    check_key(key)
    said = _in_a_process(source, target, room, key)
    if not said:
        return
    if _TOO_LARGE in said:
        raise room.full()
    if "No key to decrypt" in said:
        for_keys = f": it is for {', '.join(recipients)}" if recipients else ""
        raise UnpackError(
            f"the message is encrypted for another key than {key.key}{for_keys}",
            "check pgp in recon.yaml; else give the provider our public key again",
        )
    if "Signature verification failed" in said:
        raise UnpackError(
            f"the message is not signed by {key.signed_by}", "ask the provider which key they sign with, by another way"
        )
    raise UnpackError("the message was cut or changed after it was encrypted, or is damaged")


def check_key(key: PgpKey) -> None:
    """See to it that our private key can be used. Raises ReconError; the library's own texts are not repeated."""
    needs("pysequoia", "pgp", "unpack: pgp")
    from pysequoia import Cert, Tsk

    try:
        if not Cert.from_bytes(key.key.value.encode()).has_secret_keys:
            raise ReconError(
                "pgp-key", f"{key.key} is a public key", "our private key, armored (gpg --export-secret-keys -a)"
            )
        Tsk.from_bytes(key.key.value.encode()).decryptor(key.passphrase.value if key.passphrase else None)
    except RuntimeError:
        remedy = "our private key, armored (gpg --export-secret-keys -a), and its passphrase: env:NAME"
        raise ReconError(
            "pgp-key", f"{key.key} is not a PGP key that can be used with its passphrase", remedy
        ) from None
    try:
        if key.signed_by is not None:
            Cert.from_bytes(key.signed_by.value.encode())
    except RuntimeError:
        raise ReconError(
            "pgp-key", f"{key.signed_by} is not a PGP certificate", "the provider's public key, armored"
        ) from None


# --- what the message says of itself -----------------------------------------------------------------------------------


def _prove_encrypted(source: Path) -> list[str]:
    """The key ids that the message is for. Raises UnpackError for what is no encrypted message: the library would take one
    that is only signed."""
    with source.open("rb") as file:
        head = _unarmored(file.read(1 << 16))
    recipients, at, first = [], 0, None
    while (packet := _packet(head, at)) is not None:
        tag, body, at = packet
        first = tag if first is None else first
        if tag == _SESSION_KEY and body[:1] == b"\x03" and any(body[1:9]):
            recipients.append(body[1:9].hex().upper())
        if tag not in (_SESSION_KEY, _PASSWORD_KEY, 10):
            break
    if first not in _ENCRYPTED:
        what = "it is not a PGP message" if first is None else "the PGP message is not encrypted"
        raise UnpackError(
            what, "ask the provider to encrypt it; if it is meant to come so, take pgp out of unpack in recon.yaml"
        )
    return recipients


def _unarmored(head: bytes) -> bytes:
    if not head.lstrip().startswith(_ARMOR):
        return head
    _, _, body = head.replace(b"\r\n", b"\n").partition(b"\n\n")
    letters = b"".join(body.partition(b"\n=")[0].partition(b"\n-----")[0].split())
    try:
        return base64.b64decode(letters[: len(letters) // 4 * 4])
    except binascii.Error:
        return b""


def _packet(data: bytes, at: int) -> tuple[int, bytes, int] | None:
    """(tag, body, where the next begins); None where there is no packet. A body without known length reaches to the end."""
    if len(data) < at + 2 or not data[at] & 0x80:
        return None
    first, more = data[at], data[at + 1 : at + 6]
    if first & 0x40:
        tag = first & 0x3F
        if more[0] < 192:
            start, size = 2, more[0]
        elif more[0] < 224 and len(more) > 1:
            start, size = 3, (more[0] - 192 << 8) + more[1] + 192
        elif more[0] == 255 and len(more) == 5:
            start, size = 6, int.from_bytes(more[1:5], "big")
        else:
            start, size = 2, len(data)
    else:
        tag, kind = first >> 2 & 0x0F, first & 3
        start = (2, 3, 5, 1)[kind]
        size = len(data) if kind == 3 else int.from_bytes(data[at + 1 : at + start], "big")
    return tag, data[at + start : at + start + size], at + start + size


# --- the process -------------------------------------------------------------------------------------------------------


def _in_a_process(source: Path, target: Path, room: Room, key: PgpKey) -> str:
    """What the library says is wrong; empty where the message was decrypted."""
    request: dict[str, Any] = {
        "source": str(source),
        "target": str(target),
        "bytes": room.bytes,
        "key": key.key.value,
        "passphrase": key.passphrase.value if key.passphrase else None,
        "signed_by": key.signed_by.value if key.signed_by else None,
    }
    # -P: no module of the folder that recon runs in may come before ours.
    done = subprocess.run(
        [sys.executable, "-P", "-m", "recon.fetch.decrypt"],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=False,
    )
    said = str(json.loads(done.stdout)["said"]) if done.returncode == 0 else f"its process ended in {done.returncode}"
    if done.returncode != 0 or "No space left" in said:
        raise UnreachableError(
            "pgp-process", f"decrypting failed: {said}", "free space or memory, then run the same night again"
        )
    return said


def _serve() -> None:
    from pysequoia import Cert, Tsk, decrypt_file

    request = json.load(sys.stdin)
    resource.setrlimit(resource.RLIMIT_FSIZE, (request["bytes"], request["bytes"]))
    store = None
    if request["signed_by"] is not None:
        certificate = Cert.from_bytes(request["signed_by"].encode())
        store = lambda ids: [certificate]  # noqa: E731 - a call that the library makes
    said = ""
    try:
        decryptor = Tsk.from_bytes(request["key"].encode()).decryptor(request["passphrase"])
        decrypt_file(request["source"], request["target"], decryptor=decryptor, store=store)
    except (RuntimeError, OSError) as error:
        said = str(error).split("\n\nStack backtrace")[0] or type(error).__name__
    json.dump({"said": said}, sys.stdout)


if __name__ == "__main__":
    _serve()
