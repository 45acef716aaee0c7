"""Runs nights in forked children, and kills them where it is told to: a program that reads requests from stdin.

Everything is imported once and nothing has run, so that no thread of DuckDB or Arrow is lost in a fork and a night
starts at once. A request and its answer are a line of JSON each:

request   arguments of `recon`, directory and environment; kill_after, in seconds, or kill_at, the number of a point;
          largest_file, in bytes: writing beyond it fails; waits, in seconds: how long to wait between tries of a server
answer    exit (-9 where it was killed), seconds, points passed, error: what it wrote to stderr

A point is a moment just before Python opens, makes, renames or removes something in the workspace, and around every
statement and COMMIT of the state database. The work that DuckDB does between two points is for kill_after.
"""

from __future__ import annotations

import fcntl
import json
import os
import pkgutil
import resource
import signal
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

TOUCHES = (
    "open",
    "os.mkdir",
    "os.rename",
    "os.remove",
    "os.rmdir",
    "shutil.rmtree",
    "shutil.copyfile",
    "sqlite3.connect",
)
NIGHT_SECONDS = 300


def import_everything() -> None:
    import recon

    for module in pkgutil.walk_packages(recon.__path__, "recon."):
        if "migrations" not in module.name and not module.name.endswith("__main__"):
            import_module(module.name)
    for name in (
        "duckdb",
        "holidays",
        "pandas",
        "pyarrow.parquet",
        "xlsxwriter",
        "alembic.command",
        "psycopg",
        "pymysql",
    ):
        import_module(name)


def wait_only(seconds: float) -> None:
    """As many tries as ever, and less time between them."""
    from botocore.retries.standard import ExponentialBackoff

    from recon.fetch import transport

    transport.WAIT_SECONDS = seconds
    ExponentialBackoff.delay_amount = lambda self, context: seconds


class Points:
    """Counts the points of one night as it passes them, into a file that outlives it, and dies at one of them."""

    def __init__(self, workspace: str, out: int, kill_at: int | None) -> None:
        self.workspace, self.out, self.kill_at, self.passed = workspace, out, kill_at, 0

    def watch(self) -> None:
        from sqlalchemy import Engine, event
        from sqlalchemy.pool import Pool

        sys.addaudithook(self._touched)
        event.listen(Engine, "before_cursor_execute", lambda *given: self._pass(f"statement {given[2][:40]}"))
        event.listen(Engine, "commit", lambda connection: self._pass("before commit"))
        event.listen(Pool, "checkin", lambda *given: self._pass("after commit or rollback"))

    def _touched(self, name: str, given: tuple[Any, ...]) -> None:
        if name in TOUCHES and given and self.workspace in str(given[0]):
            self._pass(f"{name} {str(given[0]).removeprefix(self.workspace)}")

    def _pass(self, point: str) -> None:
        if self.passed == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.passed += 1
        os.write(self.out, (point.replace("\n", " ") + "\n").encode())


def run(request: dict[str, Any]) -> dict[str, Any]:
    points, talk = Pipe(), Pipe()
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        _night(request, points.into, talk.into)
    status = _wait(child, began, request.get("kill_after"))
    seconds = time.monotonic() - began
    passed, error = points.text(), talk.text()
    ended = os.waitstatus_to_exitcode(status)
    return {"exit": ended, "seconds": seconds, "points": passed.splitlines(), "error": error}


class Pipe:
    """What a child says, read when it has ended; a limit on the size of files does not hold for it."""

    def __init__(self) -> None:
        self.out, self.into = os.pipe()
        if hasattr(fcntl, "F_SETPIPE_SZ"):
            fcntl.fcntl(self.into, fcntl.F_SETPIPE_SZ, 1 << 20)

    def text(self) -> str:
        os.close(self.into)
        with os.fdopen(self.out, "rb") as said:
            return said.read().decode("utf-8", "replace")


def _night(request: dict[str, Any], points: int, talk: int) -> None:
    """In the child: never returns."""
    from recon.cli.main import main

    os.dup2(os.open(os.devnull, os.O_RDWR), 1)
    os.dup2(talk, 2)
    os.chdir(request["directory"])
    os.environ.update(request["environment"])
    if "largest_file" in request:
        resource.setrlimit(resource.RLIMIT_FSIZE, (request["largest_file"], resource.RLIM_INFINITY))
    if "waits" in request:
        wait_only(request["waits"])
    Points(request["directory"], points, request.get("kill_at")).watch()
    code: Any = 1
    try:
        main(request["arguments"])
    except SystemExit as left:
        code = left.code
    except Exception:  # noqa: BLE001 - what a person would see of a bug
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(int(code or 0))


def _wait(child: int, began: float, kill_after: float | None) -> int:
    """The child's status; killed when its time is up."""
    until = began + (NIGHT_SECONDS if kill_after is None else kill_after)
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        if time.monotonic() >= until:
            os.kill(child, signal.SIGKILL)
            return os.waitpid(child, 0)[1]
        time.sleep(0.002)


def serve() -> None:
    answers = os.fdopen(os.dup(1), "w")
    import_everything()
    for line in sys.stdin:
        answers.write(json.dumps(run(json.loads(line))) + "\n")
        answers.flush()


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    serve()
