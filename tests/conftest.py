"""Shared by all tests: the workspace of made-up shops, real services, golden folders."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from filelock import FileLock

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

POSTGRES = os.environ.get("RECON_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/test")
MARIADB = os.environ.get("RECON_TEST_MARIADB", "mysql+pymysql://root@127.0.0.1:3306/test")

CHROMIUM = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--refresh-golden", action="store_true", help="rewrite expected/ of the scenario folders, and say what changed"
    )


def pytest_make_parametrize_id(val: object) -> str | None:
    """Bytes name no test: what is packed holds the second it was packed in, and each worker would name it otherwise."""
    return f"{len(val)}_bytes" if isinstance(val, bytes) else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What --refresh-golden changed."""
    reports = [
        each for key in ("passed", "failed") for each in terminalreporter.stats.get(key, []) if each.when == "call"
    ]
    changes = [text for each in reports for name, text in each.user_properties if name == "golden"]
    if changes:
        terminalreporter.section("expected files that were rewritten")
        terminalreporter.write_line("\n\n".join(changes))


@pytest.fixture(scope="session")
def samples() -> Path | None:
    """Real files of public projects beside the checkout; None where they are not there."""
    folder = ROOT.parent / "shared" / "samples"
    return folder if folder.is_dir() else None


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], object]], Path]:
    """`once(name, make)`: a folder that the first worker to ask makes, for all workers; nobody may change it."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    def made(name: str, make: Callable[[Path], object]) -> Path:
        folder, done = shared / name, shared / f"{name}.made"
        with FileLock(shared / f"{name}.lock"):
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)  # what a try that failed has left
                make(folder)
                done.touch()
        return folder

    return made


@pytest.fixture(scope="session")
def demo(once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """What `recon demo` makes: a shop whose five nights have run, all reconciliations. Nobody may change it."""

    def make(folder: Path) -> None:
        from recon.cli.main import cli

        result = CliRunner().invoke(cli, ["demo", str(folder)])
        assert result.exit_code == 0, result.output

    return once("demo", make)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium with a fresh profile. CI has to have it; elsewhere its absence is said."""
    from playwright.sync_api import sync_playwright

    names = ("chromium", "chromium-browser", "google-chrome")
    found = os.environ.get("RECON_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if found is None:
        missing = "no Chromium: install it, or name it in RECON_CHROMIUM"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found, headless=True, args=list(CHROMIUM))
        yield launched
        launched.close()


def reachable(url: str) -> str | None:
    """Why a database can't be used; None where it can."""
    import sqlalchemy as sa

    made = sa.make_url(url)
    if made.drivername == "postgresql":
        made = made.set(drivername="postgresql+psycopg")
    engine = sa.create_engine(made)
    try:
        with engine.connect():
            return None
    except (sa.exc.SQLAlchemyError, ImportError) as error:
        return str(error)
    finally:
        engine.dispose()


def service(url: str, name: str) -> str:
    """The URL of a real service; in CI one that is missing fails, elsewhere its tests are skipped and say so."""
    why = reachable(url)
    if why and os.environ.get("CI"):
        pytest.fail(f"{name} is not reachable, and CI needs it: {why}")
    if why:
        pytest.skip(f"{name} is not reachable here: {why}")
    return url


@pytest.fixture(scope="session")
def postgres() -> str:
    return service(POSTGRES, "PostgreSQL")


@pytest.fixture(scope="session")
def mariadb() -> str:
    return service(MARIADB, "MariaDB")
