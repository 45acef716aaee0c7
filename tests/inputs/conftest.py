"""A shop of its own for every test."""

import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "nights"))

from input_shop import Shop
from night_shop import OwnDatabases


@pytest.fixture
def shop(tmp_path) -> Shop:
    """Two payments on the 13th and one on the 14th; the provider's file of the 13th has come."""
    made = Shop(tmp_path / "shop")
    made.pay("2026-10-13", T1=10000, T2=20000)
    made.pay("2026-10-14", T3=5000)
    made.settle("toss_2026-10-13.csv", T1=10000, T2=20000)
    return made


@pytest.fixture
def own_database(postgres) -> Iterator[str]:
    """A PostgreSQL database of the test's own."""
    databases = OwnDatabases(postgres, f"recon_inputs_{uuid.uuid4().hex[:8]}")
    yield databases.make("state")
    databases.drop()
