"""Races: appliers that are killed between any two statements, and a network that loses answers."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from apply_world import World

from recon.errors import ReconError
from recon.fixes.apply import Applier, Limits
from recon.fixes.targets.database import engine as target_engine


class Killed(BaseException):
    """The process is gone. Nothing in it runs any more, and the server ends its transaction with its connection."""


class Killer:
    """Kills an applier before or after one statement in about `one_in`, commits included."""

    def __init__(self, seed: int, one_in: int) -> None:
        self.random, self.one_in, self.kills = random.Random(seed), one_in, 0
        self.on = True

    def watch(self, engine: sa.Engine) -> sa.Engine:
        sa.event.listen(engine, "before_cursor_execute", self._statement)
        sa.event.listen(engine, "after_cursor_execute", self._statement)
        sa.event.listen(engine, "commit", self._commit)
        return engine

    def _statement(self, connection: sa.Connection, cursor: Any, *_: Any) -> None:
        if self._dies():
            cursor.close()  # an open one would keep SQLite's lock until Python collects it
            self._kill(connection)

    def _commit(self, connection: sa.Connection) -> None:
        if not self._dies():
            return
        # As often after the server committed as before: the applier never hears of it.
        if self.random.random() < 0.5:
            raw = connection.connection.dbapi_connection
            assert raw is not None
            if connection.dialect.name == "sqlite":
                raw.execute("commit")  # type: ignore[attr-defined]
            else:
                raw.commit()
        self._kill(connection)

    def _dies(self) -> bool:
        return self.on and self.random.randrange(self.one_in) == 0

    def _kill(self, connection: sa.Connection) -> None:
        self.kills += 1
        if connection.dialect.name == "sqlite":
            # What the next one to open the file does where the process is really gone.
            raw = connection.connection.dbapi_connection
            if raw is not None and raw.in_transaction:
                raw.execute("rollback")  # type: ignore[attr-defined]
        connection.invalidate()  # closes the socket: the server rolls back
        raise Killed


class Engines:
    """Engines of one applier, watched by its killer."""

    def __init__(self, killer: Killer) -> None:
        self.killer, self.made = killer, []

    def __call__(self, url: str) -> sa.Engine:
        self.made.append(target_engine(url, listen=self.killer.watch))
        return self.made[-1]

    def close(self) -> None:
        for each in self.made:
            with suppress(sa.exc.SQLAlchemyError):
                each.dispose()


def race(world: World, appliers: int, one_in: int, seed: int, lease_seconds: float = 1, seconds: float = 300) -> int:
    """That many appliers at once until nothing is left to do; one that is killed is begun anew. How many were killed.

    Little of it is waiting: an applier that finds nothing sleeps until the next lease ends, and keeps its connections.
    """
    limits = Limits(
        tries=1_000,
        first_wait=timedelta(0),
        longest_wait=timedelta(0),
        lease=timedelta(seconds=lease_seconds),
        batch=5,
        state_tries=50,
    )
    killers = [Killer(seed * 1000 + number, one_in) for number in range(appliers)]
    troubles: list[BaseException] = []
    end = time.monotonic() + seconds

    def live(killer: Killer) -> bool:
        """One process, until it is killed or nothing is left. Whether nothing is left."""
        engines = Engines(killer)
        applier: Applier = world.applier(state=engines(world.state_url), engine_of=engines, limits=limits)
        try:
            while time.monotonic() < end:
                pause = idle(world)
                if pause is None:
                    return True
                if pause:
                    time.sleep(pause)
                applier.run()
            return True
        finally:
            engines.close()

    def work(killer: Killer) -> None:
        done = False
        while not done and not troubles:
            try:
                done = live(killer)
            except Killed:
                pass
            except ReconError as error:
                if error.name != "state-database":
                    troubles.append(error)
            except BaseException as error:  # noqa: BLE001  a thread's error is the test's
                troubles.append(error)

    threads = [threading.Thread(target=work, args=(killer,), daemon=True) for killer in killers]
    for each in threads:
        each.start()
    for each in threads:
        each.join(seconds + 30)
    if troubles:
        raise troubles[0]
    return sum(killer.kills for killer in killers)


def idle(world: World) -> float | None:
    """How long until something may be taken in hand; None where every fix is in a final state."""
    statement = """select count(*), min(coalesce(claimed_until, '')) from fixes where status in ('approved', 'failed', 'retrying')"""
    [(left, free)] = world.base.rows(statement)
    if not left:
        return None
    if not free:
        return 0
    until = datetime.strptime(free, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC) - datetime.now(UTC)
    return max(until.total_seconds(), 0) + 0.001


def prove(world: World, fixes: dict[str, int]) -> None:
    """None doubled, none lost, every journal zero. `fixes`: idempotency key -> amount."""
    rows = world.rows(
        "select recon_key, count(*), sum(amount_minor), max(amount_minor) from ledger where recon_key is not null group by recon_key"
    )
    found = {key: (int(count), int(total), int(most)) for key, count, total, most in rows}
    assert set(found) == set(fixes), (len(found), len(fixes))
    for key, amount in fixes.items():
        assert found[key] == (2, 0, amount), (key, found[key])
    assert world.rows("select count(*) from recon_journals") == [(len(fixes),)]
    statuses = world.base.rows("select status, count(*) from fixes group by status")
    assert statuses == [("applied", len(fixes))], statuses
    applied = world.base.rows("select count(*), count(distinct subject) from audit where to_state = 'applied'")
    assert applied == [(len(fixes), len(fixes))], applied


class Proxy:
    """Passes a database's bytes on, and drops the answer to a COMMIT now and then: the server has committed, nobody hears of it.

    drop   how many more answers to drop; `dropped` counts them
    """

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self.drop, self.dropped = 0, 0
        self._lock = threading.Lock()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self._to)
            except OSError:
                client.close()
                continue
            state = {"swallow": False}
            threading.Thread(target=self._pass, args=(client, server, state, True), daemon=True).start()
            threading.Thread(target=self._pass, args=(server, client, state, False), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, state: dict[str, bool], to_server: bool) -> None:
        try:
            while data := source.recv(65536):
                # One message: both drivers send COMMIT by itself.
                if to_server and b"COMMIT" in data and len(data) < 64:
                    with self._lock:
                        if self.drop > 0:
                            self.drop -= 1
                            state["swallow"] = True
                elif not to_server and state["swallow"]:
                    with self._lock:
                        self.dropped += 1
                    break
                sink.sendall(data)
        except OSError:
            pass
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def url(self, url: str) -> str:
        made = sa.make_url(url).set(host="127.0.0.1", port=self.port)
        return made.render_as_string(hide_password=False)

    def close(self) -> None:
        self._server.close()


@contextmanager
def proxy(url: str) -> Iterator[Proxy]:
    made = sa.make_url(url)
    port = made.port or (5432 if made.drivername.startswith("postgresql") else 3306)
    found = Proxy(made.host or "127.0.0.1", port)
    try:
        yield found
    finally:
        found.close()
