"""Real servers on loopback for files to come from: an HTTP proxy before moto's S3 server, and an SFTP server (asyncssh).

The proxy stands where a network stands: it cuts bodies, answers for the server, and lets a test act between two requests.
"""

from __future__ import annotations

import asyncio
import http.client
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import asyncssh

LONG_AGO = 3600


@dataclass
class Response:
    """What the server answered, to be changed by a test. `cut_at`: the connection ends after so many bytes of the body."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    cut_at: int | None = None


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]


#: (request, the server's answer) -> the answer that the client gets.
Act = Callable[[Request, Response], Response]


class Proxy:
    """Passes requests on to a server, through `act`. `seen` are the requests that came."""

    def __init__(self, port: int) -> None:
        self.act: Act = lambda request, response: response
        self.seen: list[Request] = []
        self._to = port
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                self.raw_requestline = self.rfile.readline(65537)
                if not self.raw_requestline or not self.parse_request():
                    self.close_connection = True
                    return
                proxy._answer(self)

            def log_message(self, *given: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def gets(self) -> list[Request]:
        """The requests for objects, listings left out."""
        return [each for each in self.seen if each.method == "GET" and "list-type" not in each.path]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        headers = {name.lower(): value for name, value in handler.headers.items()}
        request = Request(handler.command, handler.path, headers)
        self.seen.append(request)
        body = handler.rfile.read(int(headers.get("content-length", "0")))
        there = http.client.HTTPConnection("127.0.0.1", self._to, timeout=30)
        there.request(request.method, request.path, body, headers)
        answer = there.getresponse()
        response = Response(answer.status, answer.getheaders(), answer.read())
        there.close()
        response = self.act(request, response)
        self._send(handler, request, response)

    def _send(self, handler: BaseHTTPRequestHandler, request: Request, response: Response) -> None:
        handler.send_response_only(response.status)
        length = str(len(response.body))
        for name, value in response.headers:
            if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                handler.send_header(name, value)
            elif name.lower() == "content-length" and request.method == "HEAD":
                length = value
        handler.send_header("Content-Length", length)
        handler.send_header("Connection", "close")
        handler.end_headers()
        if request.method != "HEAD":
            handler.wfile.write(response.body[: response.cut_at])
        handler.wfile.flush()
        handler.close_connection = True


def error(status: int, code: str, message: str = "") -> Response:
    """An error as S3 words it."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return Response(status, [("Content-Type", "application/xml")], body.encode())


class Sftp(asyncssh.SFTPServer):
    """An SFTP server over a folder. `on_read` is called before each read of a file, with (server, offset)."""

    on_read: Callable[[Sftp, int], None] | None = None

    async def read(self, file_obj, offset: int, size: int) -> bytes:  # type: ignore[no-untyped-def]
        if Sftp.on_read is not None:
            Sftp.on_read(self, offset)
        return super().read(file_obj, offset, size)

    def drop(self) -> None:
        """End the connection, as a network does."""
        self.channel.get_connection().abort()


@dataclass
class Accounts:
    """Who is let in."""

    password: str = "sesame-4711"
    keys: list[asyncssh.SSHKey] = field(default_factory=list)
    tried: int = 0


class _Door(asyncssh.SSHServer):
    def __init__(self, accounts: Accounts) -> None:
        self.accounts = accounts

    def begin_auth(self, username: str) -> bool:
        self.accounts.tried += 1
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return username == "acme" and password == self.accounts.password

    def public_key_auth_supported(self) -> bool:
        return bool(self.accounts.keys)

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == "acme" and any(key.public_data == each.public_data for each in self.accounts.keys)


class SftpServer:
    """asyncssh in a thread: a folder, a host key, an account."""

    def __init__(self, folder: Path, kind: str = "ssh-ed25519") -> None:
        self.folder, self.accounts = folder, Accounts()
        folder.mkdir(parents=True, exist_ok=True)
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self.port = 0
        self.new_host_key(kind)

    def new_host_key(self, kind: str = "ssh-ed25519") -> None:
        """Start again with another key, on the same port."""
        self.stop()
        key = asyncssh.generate_private_key(kind)
        self.host_key = " ".join(key.export_public_key().decode().split()[:2])
        self._server = self._run(self._listen(key)).result(10)
        self.port = self._server.get_port()

    async def _listen(self, key: asyncssh.SSHKey) -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1",
            self.port,
            server_factory=lambda: _Door(self.accounts),
            server_host_keys=[key],
            sftp_factory=lambda channel: Sftp(channel, chroot=str(self.folder).encode()),
            allow_scp=False,
        )

    def _run(self, made) -> Future:  # type: ignore[no-untyped-def, type-arg]
        return asyncio.run_coroutine_threadsafe(made, self._loop)

    def put(self, name: str, data: bytes, age_seconds: int = LONG_AGO) -> Path:
        """A file that was last changed so many seconds ago."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        then = time.time() - age_seconds
        os.utime(path, (then, then))
        return path

    def stop(self) -> None:
        server = getattr(self, "_server", None)
        if server is not None:

            async def stopped() -> None:
                server.close()
                await server.wait_closed()

            with suppress(TimeoutError):
                self._run(stopped()).result(10)
            self._server = None

    def close(self) -> None:
        Sftp.on_read = None
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
