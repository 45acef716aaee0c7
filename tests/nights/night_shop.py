"""The nights' own tools: a shop to copy, a runner to send nights to, and what a workspace holds, to be compared."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import sqlalchemy as sa
from demo_shop import keep_only

from recon.demo.make import make_shop

STATE = "NIGHTS_STATE_URL"
SQLITE = "sqlite:///state/recon.sqlite"
NIGHTS = ("2026-10-08", "2026-10-09", "2026-10-10", "2026-10-11", "2026-10-12")
LAST = NIGHTS[-1]


@dataclass(frozen=True)
class Answer:
    """What became of one command: its exit code (-9: killed), how long it took, the points it passed, its stderr."""

    exit: int
    seconds: float
    points: list[str]
    error: str


class Runner:
    """The program of night_runner.py, kept open: a night starts there without importing anything."""

    def __init__(self) -> None:
        program = Path(__file__).with_name("night_runner.py")
        self._process = subprocess.Popen(
            [sys.executable, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def recon(self, directory: Path, *arguments: str, state: str = SQLITE, **how: Any) -> Answer:
        """Run a command of `recon` in a workspace; how: kill_after, kill_at, full_after, environment."""
        environment = {STATE: state, **how.pop("environment", {})}
        request = {"directory": str(directory), "arguments": arguments, "environment": environment, **how}
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return Answer(**json.loads(self._process.stdout.readline()))

    def night(self, directory: Path, night: str = LAST, *options: str, **how: Any) -> Answer:
        return self.recon(directory, "run", "--date", night, *options, **how)

    def close(self) -> None:
        self._process.communicate(timeout=60)


def new_shop(directory: Path, ledger_url: str | None = None, schema: str = "", seed: int = 5) -> Path:
    """A shop of 300 payments without a night; its state database is whatever the environment names.

    One reconciliation is enough here: what all of them find is for tests/demo, and hundreds of nights are run.
    """
    make_shop(directory, 300, seed, ledger_url, schema=schema)
    keep_only(directory, "payin")
    with (directory / "recon.yaml").open("a", encoding="utf-8") as settings:
        settings.write(f'state: {{url: "env:{STATE}"}}\n')
    return directory


def copied(shop: Path, to: Path) -> Path:
    """A copy with the times of all files, because the arrival of an input is part of a night."""
    shutil.copytree(shop, to)
    return to


@contextmanager
def held_back(shop: Path, pattern: str) -> Iterator[None]:
    """Files of in/ that have not arrived yet, while the context lasts."""
    away = [(file, file.rename(shop / f"not-yet-{file.name}")) for file in sorted(shop.glob(f"in/{pattern}"))]
    assert away, pattern
    try:
        yield
    finally:
        for file, waiting in away:
            waiting.rename(file)


def tree(folder: Path) -> dict[str, str]:
    """Every file under a folder, hidden ones too, with the hash of its bytes; folders end in `/`."""
    return {
        path.relative_to(folder).as_posix() + ("/" if path.is_dir() else ""): ""
        if path.is_dir()
        else hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
    }


def dump(url: str, directory: Path) -> dict[str, list[str]]:
    """Every table of the state database, its rows in order."""
    made = sa.make_url(url)
    if made.drivername == "sqlite":
        made = made.set(database=str(directory / str(made.database)))
    engine = sa.create_engine(made.set(drivername=made.drivername.replace("postgresql", "postgresql+psycopg")))
    try:
        with engine.connect() as connection:
            tables = sa.inspect(connection).get_table_names()
            return {
                name: sorted(repr(tuple(row)) for row in connection.execute(sa.text(f'select * from "{name}"')))
                for name in sorted(tables)
            }
    finally:
        engine.dispose()


def left_by(directory: Path, state: str = SQLITE) -> dict[str, Any]:
    """All that nights leave in a workspace: folders, kept inputs, what stands in state/, and the state database."""
    beside = sorted(path.name for path in (directory / "state").iterdir() if ".sqlite" not in path.name)
    return {
        "nights": tree(directory / "nights"),
        "raw": tree(directory / "raw"),
        "state/": beside,
        "tables": dump(state, directory),
    }


class OwnDatabases:
    """PostgreSQL databases made by a test and dropped with it."""

    def __init__(self, server: str, prefix: str) -> None:
        self.server, self.prefix, self.made = server, prefix, list[str]()

    def make(self, name: str, copy_of: str = "template1") -> str:
        """The URL of a new database, in place of an older one of this name."""
        own = f"{self.prefix}_{name}"
        if copy_of != "template1":
            copy_of = f"{self.prefix}_{copy_of}"
        self._run(f'drop database if exists "{own}" with (force)', f'create database "{own}" template "{copy_of}"')
        self.made.append(own)
        return urlunsplit(urlsplit(self.server)._replace(path=f"/{own}"))

    def drop(self) -> None:
        self._run(*(f'drop database if exists "{own}" with (force)' for own in dict.fromkeys(self.made)))

    def _run(self, *statements: str) -> None:
        with psycopg.connect(self.server.replace("+psycopg", ""), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)
