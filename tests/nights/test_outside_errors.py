"""What a night does when the world around it fails: databases, rights, edited rules. It says so, and changes nothing."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import threading
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from night_shop import LAST, NIGHTS, SQLITE, copied, dump, held_back, left_by, new_shop, tree

from recon.demo.make import URL_VARIABLE

SECRET = "open-sesame-4711"


def says(answer, exit: int, name: str) -> None:
    assert answer.exit == exit and f"[{name}]" in answer.error, (answer.exit, answer.error)
    assert "to fix" in answer.error and "bug in recon" not in answer.error and SECRET not in answer.error, answer.error


def with_ledger_at(shop: Path, url: str) -> dict[str, str]:
    """Point the shop's books to another database; the environment that names it."""
    settings = shop / "recon.yaml"
    text = settings.read_text("utf-8").replace(
        'shop: {url: "sqlite:///shop.sqlite"}', f'shop: {{url: "env:{URL_VARIABLE}"}}'
    )
    assert URL_VARIABLE in text
    settings.write_text(text, encoding="utf-8")
    return {URL_VARIABLE: url}


@contextmanager
def silent_server() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
def test_e1_the_ledger_is_down_at_the_start(four_nights, tmp_path, runner, scheme):
    shop = copied(four_nights, tmp_path / "shop")
    before = left_by(shop)
    environment = with_ledger_at(shop, f"{scheme}://clerk:{SECRET}@127.0.0.1:1/books")
    answer = runner.night(shop, environment=environment)
    says(answer, 4, "database-unreachable")
    assert answer.seconds < 30
    assert left_by(shop)["nights"] == before["nights"] and left_by(shop)["tables"] == before["tables"]


def test_e1_a_ledger_that_takes_the_connection_and_says_nothing(four_nights, tmp_path, runner):
    shop = copied(four_nights, tmp_path / "shop")
    with silent_server() as port:
        answer = runner.night(
            shop, environment=with_ledger_at(shop, f"postgresql://clerk:{SECRET}@127.0.0.1:{port}/books")
        )
    says(answer, 4, "database-unreachable")
    assert answer.seconds < 60


def test_e1_the_state_database_is_down(four_nights, five_nights, tmp_path, runner):
    """What people decided is not known, so nothing is published; the next run is as if it had been the first."""
    shop = copied(four_nights, tmp_path / "shop")
    answer = runner.night(shop, state=f"postgresql://clerk:{SECRET}@127.0.0.1:1/state")
    says(answer, 4, "state-database")
    assert tree(shop / "nights") == tree(four_nights / "nights")
    assert runner.night(shop).exit == 0
    assert left_by(shop) == left_by(five_nights)


def test_e1_a_state_database_that_says_nothing(four_nights, tmp_path, runner):
    with silent_server() as port:
        state = f"postgresql://clerk:{SECRET}@127.0.0.1:{port}/state"
        answer = runner.night(copied(four_nights, tmp_path / "shop"), state=state)
    says(answer, 4, "state-database")
    assert answer.seconds < 60


class Cut:
    """A wire to a server that is cut after so many bytes have come back."""

    def __init__(self, url: str, after: int) -> None:
        parts = urlsplit(url)
        self._to = (parts.hostname or "127.0.0.1", parts.port or 0)
        self._left = after
        self._server = socket.create_server(("127.0.0.1", 0))
        place = parts.netloc.rpartition("@")[0]
        self.url = urlunsplit(parts._replace(netloc=f"{place}@127.0.0.1:{self._server.getsockname()[1]}"))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            far = socket.create_connection(self._to)
            threading.Thread(target=self._copy, args=(near, far, False), daemon=True).start()
            threading.Thread(target=self._copy, args=(far, near, True), daemon=True).start()

    def _copy(self, source: socket.socket, target: socket.socket, counts: bool) -> None:
        try:
            while data := source.recv(4096):
                if counts:
                    self._left -= len(data)
                if self._left < 0:
                    break
                target.sendall(data)
        except OSError:
            pass
        for each in (source, target):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def close(self) -> None:
        self._server.close()


@pytest.mark.parametrize(
    ("after", "server"),
    [
        (25_000, "postgres"),
        pytest.param(6_000, "postgres", marks=pytest.mark.soak),
        pytest.param(6_000, "mariadb", marks=pytest.mark.soak),
        pytest.param(25_000, "mariadb", marks=pytest.mark.soak),
    ],
)
def test_e2_the_ledger_is_lost_midway(request, tmp_path, runner, server, after):
    """The wire is cut while rows come in: nothing is published, and the next run is as if nothing had been."""
    url = own_books(request, server)
    shop = new_shop(tmp_path / "shop", url)
    whole = {URL_VARIABLE: url}
    for night in NIGHTS[:-1]:
        assert runner.night(shop, night, environment=whole).exit == 0
    expected = copied(shop, tmp_path / "expected")
    assert runner.night(expected, environment=whole).exit == 0
    before = left_by(shop)
    wire = Cut(url, after)
    try:
        answer = runner.night(shop, environment={URL_VARIABLE: wire.url})
    finally:
        wire.close()
    says(answer, 4, "database-unreachable")
    assert left_by(shop)["nights"] == before["nights"] and left_by(shop)["tables"] == before["tables"]
    assert runner.night(shop, environment=whole).exit == 0
    assert left_by(shop) == left_by(expected)


def own_books(request: pytest.FixtureRequest, server: str) -> str:
    """A database of its own on a server, for the books of one shop."""
    if server == "postgres":
        return str(request.getfixturevalue("own_databases").make(f"books_{uuid.uuid4().hex[:6]}"))
    return str(request.getfixturevalue("own_mariadb")())


def drift(shop: Path, *statements: str) -> None:
    with closing(sqlite3.connect(shop / "shop.sqlite")) as books:
        for statement in statements:
            books.execute(statement)
        books.commit()


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (("alter table ledger_entries rename column amount_minor to amount_cents",), "amount_minor"),
        (("drop table gift_card_lines",), "gift_card_lines"),
    ],
)
def test_e7_a_ledger_whose_tables_changed(four_nights, tmp_path, runner, statements, said):
    shop = copied(four_nights, tmp_path / "shop")
    drift(shop, *statements)
    before = left_by(shop)
    answer = runner.night(shop)
    says(answer, 2, "schema-drift")
    assert said in answer.error
    assert left_by(shop)["nights"] == before["nights"] and left_by(shop)["tables"] == before["tables"]


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Another process writes to an SQLite database and does not end."""
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("begin exclusive")
        yield


def test_e29_a_locked_state_database(four_nights, five_nights, tmp_path, runner):
    shop = copied(four_nights, tmp_path / "shop")
    with locked(shop / "state" / "recon.sqlite"):
        answer = runner.night(shop)
    says(answer, 4, "state-database")
    assert answer.seconds < 60
    assert runner.night(shop).exit == 0
    assert left_by(shop) == left_by(five_nights)


def test_e29_a_locked_ledger(four_nights, five_nights, tmp_path, runner):
    shop = copied(four_nights, tmp_path / "shop")
    with locked(shop / "shop.sqlite"):
        answer = runner.night(shop)
    says(answer, 4, "database-unreachable")
    assert answer.seconds < 60
    assert runner.night(shop).exit == 0
    assert left_by(shop) == left_by(five_nights)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """A folder on a disk that is mounted for reading."""
    for command in (["mount", "--bind", folder, folder], ["mount", "-o", "remount,ro,bind", folder]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"nothing can be mounted here: {done.stderr}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.parametrize("part", ["", "nights", "raw", "state"])
def test_e19_a_folder_on_a_disk_that_is_mounted_for_reading(late_shop, tmp_path, runner, part):
    shop = copied(late_shop, tmp_path / "shop")
    before = left_by(shop)
    with read_only(shop / part if part else shop):
        answer = runner.night(shop)
    says(answer, 2, "not-writable")
    assert left_by(shop) == before


@contextmanager
def closed(folder: Path) -> Iterator[None]:
    """A folder in which the night may not write: by its rights, or for root, whom rights do not stop, immutable."""
    if os.geteuid():
        folder.chmod(0o555)
    elif subprocess.run(["chattr", "+i", folder], capture_output=True, check=False).returncode:
        pytest.skip("root may write everywhere here: this file system has no immutable folders")
    try:
        yield
    finally:
        if os.geteuid():
            folder.chmod(0o755)
        else:
            subprocess.run(["chattr", "-i", folder], check=True)


@pytest.mark.parametrize("part", ["nights", "raw"])
def test_e19_a_folder_without_the_right_to_write(late_shop, tmp_path, runner, part):
    shop = copied(late_shop, tmp_path / "shop")
    before = left_by(shop)
    with closed(shop / part):
        says(runner.night(shop), 2, "not-writable")
    assert left_by(shop) == before


@pytest.fixture(scope="module")
def late_shop(tmp_path_factory, four_nights, runner) -> Path:
    """A shop whose last night has to run again, because a file has come in."""
    shop = copied(four_nights, tmp_path_factory.mktemp("late") / "shop")
    with held_back(shop, f"adyen_{LAST}*"):
        assert runner.night(shop).exit == 3
    return shop


# --- C10 -------------------------------------------------------------------------------------------------------------


def killed_night(shop: Path, runner) -> None:
    """Kill a night while it writes its pages."""
    points = runner.night(copied(shop, shop.parent / "counted")).points
    page = next(number for number, point in enumerate(points) if point.endswith("report.html"))
    assert runner.night(shop, kill_at=page).exit == -9
    assert (shop / "state" / f"{LAST}.started.json").exists()


def edited(shop: Path) -> None:
    settings = shop / "recon.yaml"
    settings.write_text(settings.read_text("utf-8") + "look_back_days: 59\n", encoding="utf-8")


def test_c10_rules_edited_between_a_crash_and_the_next_run_are_refused(four_nights, tmp_path, runner):
    shop = copied(four_nights, tmp_path / "shop")
    killed_night(shop, runner)
    edited(shop)
    before = left_by(shop)
    refused = runner.night(shop)
    says(refused, 2, "config-changed")
    assert "recon.yaml changed" in refused.error and f"recon run --date {LAST} --new-config" in refused.error
    assert left_by(shop)["tables"] == before["tables"]
    assert not (shop / "nights" / LAST).exists()


def test_c10_edited_rules_are_taken_when_a_person_says_so(four_nights, tmp_path, runner):
    shop = copied(four_nights, tmp_path / "shop")
    killed_night(shop, runner)
    edited(shop)
    assert runner.night(shop).exit == 2
    assert runner.night(shop, LAST, "--new-config").exit == 0
    never_killed = copied(four_nights, tmp_path / "never-killed")
    edited(never_killed)
    assert runner.night(never_killed).exit == 0
    assert left_by(shop) == left_by(never_killed)


def test_c10_files_put_back_are_accepted_again(four_nights, five_nights, tmp_path, runner):
    shop = copied(four_nights, tmp_path / "shop")
    killed_night(shop, runner)
    before = (shop / "recon.yaml").read_bytes()
    edited(shop)
    assert runner.night(shop).exit == 2
    (shop / "recon.yaml").write_bytes(before)
    assert runner.night(shop).exit == 0
    assert left_by(shop) == left_by(five_nights)


def test_c10_a_run_that_failed_and_said_so_pins_nothing(four_nights, tmp_path, runner):
    """The rules are what a person mends after an error: they may be edited then."""
    shop = copied(four_nights, tmp_path / "shop")
    drift(shop, "alter table gift_card_lines rename column amount_minor to amount_cents")
    assert runner.night(shop).exit == 2
    settings = shop / "recon.yaml"
    mended = settings.read_text("utf-8").replace(
        "kind, currency, amount_minor as amount, occurred_at", "kind, currency, amount_cents as amount, occurred_at"
    )
    settings.write_text(mended, encoding="utf-8")
    assert runner.night(shop).exit == 0
    assert dump(SQLITE, shop)["nights"]
