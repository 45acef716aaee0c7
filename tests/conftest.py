"""Shared by all tests: the workspace of made-up shops, real services, golden folders."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

POSTGRES = os.environ.get("RECON_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/test")
MARIADB = os.environ.get("RECON_TEST_MARIADB", "mysql+pymysql://root@127.0.0.1:3306/test")


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
