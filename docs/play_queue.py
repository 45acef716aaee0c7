"""Do what docs/fix-queue-walkthrough.md says, on a PostgreSQL database of its own, and write what is really printed.

    python docs/play_queue.py            writes the page anew
    python docs/play_queue.py --check    exit 1 where the page says something else

RECON_TEST_POSTGRES names the server. Beyond what docs/play_page.py does, a command may end in `# kill -9 after N`: its process
is sent SIGKILL when its N-th transaction of applying has been committed.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import sqlalchemy as sa
from play_page import Player

PAGE = Path(__file__).with_name("fix-queue-walkthrough.md")
SERVER = os.environ.get("RECON_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/test")
SHOWN = "postgresql://postgres@127.0.0.1:5432/shop"
_KILL = """
import os, signal, sys
import sqlalchemy as sa
from recon.cli.main import main
from recon.fixes import queue
left = [{after}]
applied, done = queue.applied, []
queue.applied = lambda *a, **k: (done.append(1), applied(*a, **k))[1]
@sa.event.listens_for(sa.Engine, "before_cursor_execute")
def _(*_):
    if len(done) > left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
sys.argv = ["recon", *{words!r}]
main()
"""


class QueuePlayer(Player):
    """A player whose shop is in a database of its own, and who can kill."""

    url = ""

    def _block(self, kind: str, text: str) -> str:
        commands = [line for line in text.splitlines() if line.startswith("$ ")]
        return "".join(f"{line}\n{self._line(line[2:])}" for line in commands)

    def _line(self, line: str) -> str:
        kill = re.search(r" +# kill -9 after ([0-9]+)$", line)
        words = shlex.split(line[: kill.start()] if kill else line)
        print(line, file=sys.stderr)  # where it is: a page takes a while
        if words[0] == "export":
            return ""
        if words[0] != "recon":
            return self._command(words)
        words = [word.replace(SHOWN, self.url) for word in words[1:]]
        run = (
            [sys.executable, "-c", _KILL.format(after=kill[1], words=words)]
            if kill
            else [sys.executable, "-m", "recon", *words]
        )
        environment = {**os.environ, "RECON_DEMO_DB_URL": self.url, "RECON_AS": "recon"}
        done = subprocess.run(
            run, cwd=self.here, env=environment, capture_output=True, text=True, timeout=600, check=False
        )
        self.code = done.returncode
        if kill:
            assert done.returncode == -9, (done.returncode, done.stderr)
            time.sleep(3)  # until what it had in hand is free again
            return "Killed\n"
        assert done.returncode in (0, 3), (line, done.returncode, done.stdout, done.stderr)
        if words[0] == "run":
            return done.stdout.splitlines()[0] + "\n...\n"  # a night's tables are long, and not what the page is about
        said = "\n".join(each.rstrip() for each in done.stdout.splitlines()).strip("\n")
        return said.replace(str(self.here.resolve()) + "/", "") + "\n" if said else ""


def play(page: Path = PAGE) -> str:
    """The page's text with what its commands print. Raises where a command ends as none should."""
    url = sa.make_url(SERVER).set(drivername="postgresql+psycopg")
    name = f"recon_walk_{uuid.uuid4().hex[:8]}"
    admin = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"create database {name}")
    try:
        with tempfile.TemporaryDirectory(prefix="recon-page-") as folder:
            player = QueuePlayer(Path(folder), page.resolve().parents[1])
            player.url = url.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
            return player.played(page.read_text(encoding="utf-8"))
    finally:
        with admin.connect() as connection:
            connection.exec_driver_sql(f"drop database {name} with (force)")
        admin.dispose()


def main(arguments: list[str]) -> int:
    """Write or check the page; returns the exit code."""
    text = play()
    if text == PAGE.read_text(encoding="utf-8"):
        return 0
    if "--check" in arguments:
        print(f"{PAGE.name} says something else than its commands: python docs/play_queue.py", file=sys.stderr)
        return 1
    PAGE.write_text(text, encoding="utf-8")
    print(f"wrote {PAGE.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
