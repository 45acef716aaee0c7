"""SFTP: files from a folder of a server whose key is known beforehand (paramiko).

The server has to show a host key of recon.yaml before it hears a name or a password. Files that a server renames into place
are read from one open handle, and looked at again when they are read: one that has moved meanwhile is left for later.
"""

from __future__ import annotations

import base64
import hashlib
import io
import logging
import socket
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from recon.errors import ReconError, UnreachableError
from recon.fetch.extras import needs
from recon.fetch.transport import (
    TRIES,
    BrokenOffError,
    Brought,
    Candidate,
    MovingError,
    again,
    keep_stream,
    matcher,
    shown,
)
from recon.workspace import Sftp

if TYPE_CHECKING:
    import paramiko

T = TypeVar("T")
_CHUNK = 1 << 18
_CONNECT_SECONDS, _READ_SECONDS = 15, 60
#: Requests for parts of a file that are under way at once.
_AHEAD = 64


class Server:
    """One SFTP server as a transport."""

    def __init__(self, settings: Sftp, name: str) -> None:
        self.settings, self.name = settings, name
        port = "" if settings.port == 22 else f":{settings.port}"
        self.address = f"sftp://{settings.host}{port}"
        self._session: tuple[paramiko.Transport, paramiko.SFTPClient] | None = None
        self._listed: dict[str, dict[str, paramiko.SFTPAttributes]] = {}

    def find(self, patterns: Sequence[str]) -> list[list[Candidate]]:
        self._listed = {}
        found = [list(self._walk(self.settings.folder, pattern.split("/"))) for pattern in patterns]
        return [sorted(some, key=lambda candidate: candidate.name) for some in found]

    def _walk(self, folder: str, parts: Sequence[str]) -> Iterator[Candidate]:
        """The files below a folder that match the rest of a pattern."""
        first, rest = parts[0], parts[1:]
        here = self._listing(folder)
        folders = [name for name, each in here.items() if stat.S_ISDIR(each.st_mode or 0)]
        if not rest:
            for name, each in here.items():
                if stat.S_ISREG(each.st_mode or 0) and matcher(first).fullmatch(name):
                    yield self._candidate(_below(folder, name), each)
        elif first == "**":
            yield from self._walk(folder, rest)
            for name in folders:
                yield from self._walk(_below(folder, name), parts)
        else:
            for name in folders:
                if matcher(first).fullmatch(name):
                    yield from self._walk(_below(folder, name), rest)

    def _listing(self, folder: str) -> dict[str, paramiko.SFTPAttributes]:
        """What is in a folder, symbolic links followed; nothing where there is no such folder. Asked once a listing."""
        if folder not in self._listed:
            self._listed[folder] = self._tried(lambda sftp: dict(self._look(sftp, folder)))
        return self._listed[folder]

    def _look(self, sftp: paramiko.SFTPClient, folder: str) -> Iterator[tuple[str, paramiko.SFTPAttributes]]:
        with self._broken():
            try:
                entries = sftp.listdir_attr(folder or ".")
            except FileNotFoundError:
                return
            except UnicodeDecodeError:
                where, remedy = f"{self.address}/{folder}", "ask the provider to rename the file"
                raise ReconError("sftp-name", f"{where}: a name that is not UTF-8", remedy) from None
            for each in entries:
                if not stat.S_ISLNK(each.st_mode or 0):
                    yield each.filename, each
                    continue
                with suppress(FileNotFoundError, PermissionError):
                    yield each.filename, sftp.stat(_below(folder, each.filename))

    def _candidate(self, path: str, given: paramiko.SFTPAttributes) -> Candidate:
        modified = datetime.fromtimestamp(given.st_mtime or 0, UTC)
        return Candidate(f"{self.address}/{shown(path.lstrip('/'))}", path, int(given.st_size or 0), modified)

    def fetch(self, candidate: Candidate, raw: Path, making: Path) -> Brought:
        def whole(sftp: paramiko.SFTPClient) -> Brought:
            sha256, path = keep_stream(self._chunks(sftp, candidate), candidate.size, raw, making)
            now = self._stat(sftp, candidate)
            if (now.size, now.modified) != (candidate.size, candidate.modified):
                raise MovingError(
                    f"it had {candidate.size:,} bytes when it was listed, and {now.size:,} when it was read"
                )
            return Brought(candidate, sha256, path)

        return self._tried(whole, candidate.name)

    def _stat(self, sftp: paramiko.SFTPClient, candidate: Candidate) -> Candidate:
        with self._broken():
            try:
                return self._candidate(candidate.key, sftp.stat(candidate.key))
            except FileNotFoundError:
                raise MovingError("it was there when the folder was listed, and is gone") from None

    def _chunks(self, sftp: paramiko.SFTPClient, candidate: Candidate) -> Iterator[bytes]:
        now = self._stat(sftp, candidate)
        if now.size != candidate.size:
            raise MovingError(f"it grew from {candidate.size:,} to {now.size:,} bytes since the folder was listed")
        with self._broken():
            file = sftp.open(candidate.key, "rb")
            file.prefetch(candidate.size, max_concurrent_requests=_AHEAD)
        count = 0
        with file:
            while count < candidate.size:
                with self._broken():
                    chunk = file.read(min(_CHUNK, candidate.size - count))
                if not chunk:
                    return
                count += len(chunk)
                yield chunk

    def digest(self, candidate: Candidate) -> str | None:
        return None  # a server tells size and time only

    def check(self, patterns: Sequence[str]) -> None:
        folder = self.settings.folder

        def look(sftp: paramiko.SFTPClient) -> None:
            with self._broken():
                try:
                    sftp.stat(folder or ".")
                except FileNotFoundError:
                    remedy = "check folder in recon.yaml; without it, patterns start where the server opens"
                    raise ReconError("sftp-folder", f"{self.address}: there is no folder {folder}", remedy) from None

        self._tried(look)
        self.find(patterns)

    def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session[0].close()

    # --- the connection ---

    def _tried(self, what: Callable[[paramiko.SFTPClient], T], name: str = "") -> T:
        """What the call gives; after a connection broke off, on a new one."""

        def once() -> T:
            try:
                with self._broken():
                    session = self._open()
                return what(session)
            except BrokenOffError:
                self.close()
                raise

        where = name or f"transport {self.name} ({self.address})"
        try:
            return again(once)  # type: ignore[no-any-return] # what comes out is what `what` gives
        except BrokenOffError as broken:
            remedy = "run the same night again: it is safe"
            raise UnreachableError("sftp-unreachable", f"{where}: {broken}, {TRIES} times", remedy) from None

    @contextmanager
    def _broken(self) -> Iterator[None]:
        """What the network and the server's protocol do wrong, as BrokenOffError; what is refused, as ReconError."""
        import paramiko

        try:
            yield
        except PermissionError:
            remedy = "the user has to be allowed to list the folder and to read its files"
            raise ReconError("sftp-refused", f"{self.address}: permission denied", remedy) from None
        except FileNotFoundError:
            raise MovingError("it was there when the folder was listed, and is gone") from None
        except (OSError, EOFError, paramiko.SSHException, paramiko.SFTPError) as error:
            raise BrokenOffError(f"the connection failed ({type(error).__name__})") from None

    def _open(self) -> paramiko.SFTPClient:
        if self._session is None:
            needs("paramiko", "sftp", f"transport {self.name}")
            import paramiko

            # What the library logs of a failure stands in the error that is raised; its traceback helps nobody.
            logging.getLogger("paramiko").addHandler(logging.NullHandler())
            given = self.settings
            transport = paramiko.Transport(socket.create_connection((given.host, given.port), _CONNECT_SECONDS))
            try:
                transport.banner_timeout = transport.auth_timeout = _CONNECT_SECONDS
                self._prove_host(transport)
                self._log_in(transport)
                sftp = paramiko.SFTPClient.from_transport(transport)
                assert sftp is not None, "a transport that has logged in gives a session"
                channel = sftp.get_channel()
                assert channel is not None, "and a session has its channel"
                channel.settimeout(_READ_SECONDS)
            except BaseException:
                transport.close()
                raise
            self._session = transport, sftp
        return self._session[1]

    def _prove_host(self, transport: paramiko.Transport) -> None:
        """Only key types that we know are asked for, and the key that is shown has to be one of ours."""
        import paramiko

        ours = self.settings.host_keys
        kinds = [name for kind, _ in ours for name in _NEGOTIATED.get(kind, (kind,))]
        transport.get_security_options().key_types = list(dict.fromkeys(kinds))
        try:
            transport.start_client(timeout=_CONNECT_SECONDS)
        except paramiko.ssh_exception.IncompatiblePeer:
            raise self._other_host("a key of another type") from None
        shows = transport.get_remote_server_key().asbytes()
        if shows not in [base64.b64decode(data) for _, data in ours]:
            raise self._other_host(_fingerprint(shows))

    def _other_host(self, shows: str) -> ReconError:
        known = ", ".join(_fingerprint(base64.b64decode(data)) for _, data in self.settings.host_keys)
        return ReconError(
            "sftp-host-key",
            f"transport {self.name} ({self.address}): the server shows {shows}, and host_key is {known}; nothing was sent",
            "ask the provider, by another way, whether the server has a new key; only then put it beside the old one",
        )

    def _log_in(self, transport: paramiko.Transport) -> None:
        import paramiko

        given, more = self.settings, ["password"]
        try:
            if given.key is not None:
                passphrase = given.key_passphrase.value if given.key_passphrase else None
                more = transport.auth_publickey(given.user, private_key(given.key.value, passphrase, self.name))
            if given.password is not None and more:
                transport.auth_password(given.user, given.password.value)
        except paramiko.BadAuthenticationType as refused:
            takes = ", ".join(refused.allowed_types)
            raise self._not_let_in(f"the server takes {takes}", "give what it takes: password, key, or both") from None
        except paramiko.AuthenticationException:
            raise self._not_let_in("user, password or key is not right", "check them with the provider") from None
        if not transport.is_authenticated():
            raise self._not_let_in("the server wants a password too", "password: env:NAME beside the key")

    def _not_let_in(self, why: str, remedy: str) -> ReconError:
        where = f"transport {self.name} ({self.address})"
        return ReconError("sftp-refused", f"{where}: {self.settings.user} is not let in: {why}", remedy)


#: An RSA key signs with SHA-2 today, whatever the key itself is called.
_NEGOTIATED = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}


def private_key(text: str, passphrase: str | None, name: str) -> paramiko.PKey:
    """A private key from its text, in whatever form it is kept."""
    import paramiko

    kinds: tuple[Any, ...] = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)
    for kind in kinds:
        with suppress(paramiko.SSHException, ValueError, IndexError):
            found: paramiko.PKey = kind.from_private_key(io.StringIO(text + "\n"), passphrase)
            return found
    raise ReconError(
        "sftp-key",
        f"transport {name}: key is not a private key that can be read{'' if passphrase else ' without a passphrase'}",
        "an OpenSSH or PEM private key (ed25519, ecdsa or rsa), and its key_passphrase",
    )


def _fingerprint(key: bytes) -> str:
    """As ssh-keygen -l shows it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


def _below(folder: str, name: str) -> str:
    return f"{folder.rstrip('/')}/{name}" if folder else name
