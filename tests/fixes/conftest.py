"""A state database on each of the three, made once a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fix_queue import Database, database


@pytest.fixture(scope="module", params=["sqlite", "postgresql", "mariadb"])
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """On all three; what one test leaves is there for the next, so every test has ids of its own."""
    kind = request.param
    server = None if kind == "sqlite" else request.getfixturevalue("postgres" if kind == "postgresql" else "mariadb")
    with database(server, tmp_path_factory.mktemp(kind)) as made:
        yield made


@pytest.fixture(scope="module")
def sqlite_base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with database(None, tmp_path_factory.mktemp("sqlite")) as made:
        yield made
