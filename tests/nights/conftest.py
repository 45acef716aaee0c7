"""A shop made and run once, to be copied by every test of a night."""

import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).parent))

from night_shop import NIGHTS, OwnDatabases, Runner, copied, new_shop


@pytest.fixture(scope="session")
def runner() -> Iterator[Runner]:
    made = Runner()
    yield made
    made.close()


@pytest.fixture(scope="session")
def fresh_shop(once) -> Path:
    """A shop without a night; to be copied, never changed."""
    return once("fresh", new_shop)


@pytest.fixture(scope="session")
def four_nights(once, fresh_shop, runner) -> Path:
    """The shop with all nights but the last; to be copied, never changed."""
    return once("four-nights", lambda folder: run_nights(copied(fresh_shop, folder), runner, NIGHTS[:-1]))


@pytest.fixture(scope="session")
def five_nights(once, four_nights, runner) -> Path:
    """The shop with every night; to be copied, never changed."""
    return once("five-nights", lambda folder: run_nights(copied(four_nights, folder), runner, NIGHTS[-1:]))


def run_nights(shop: Path, runner: Runner, nights: Sequence[str]) -> None:
    for night in nights:
        done = runner.night(shop, night)
        assert done.exit == 0, done.error


@pytest.fixture
def shop(tmp_path, five_nights) -> Path:
    """A copy of the shop with every night."""
    return copied(five_nights, tmp_path / "shop")


@pytest.fixture(scope="session")
def own_databases(postgres) -> Iterator[OwnDatabases]:
    made = OwnDatabases(postgres, f"recon_nights_{uuid.uuid4().hex[:8]}")
    yield made
    made.drop()


@pytest.fixture(scope="session")
def own_mariadb(mariadb) -> Iterator[Callable[[], str]]:
    """Makes MariaDB databases, and drops them in the end; each call gives the URL of a new one."""
    engine = sa.create_engine(mariadb)
    made: list[str] = []

    def make() -> str:
        made.append(f"recon_nights_{uuid.uuid4().hex[:8]}")
        with engine.connect() as connection:
            connection.execute(sa.text(f"create database {made[-1]}"))
        return sa.make_url(mariadb).set(database=made[-1]).render_as_string(hide_password=False)

    yield make
    with engine.connect() as connection:
        for name in made:
            connection.execute(sa.text(f"drop database {name}"))
    engine.dispose()
