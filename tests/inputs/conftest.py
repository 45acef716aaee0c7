"""A shop of its own for every test."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from input_shop import Shop


@pytest.fixture
def shop(tmp_path) -> Shop:
    """Two payments on the 13th and one on the 14th; the provider's file of the 13th has come."""
    made = Shop(tmp_path / "shop")
    made.pay("2026-10-13", T1=10000, T2=20000)
    made.pay("2026-10-14", T3=5000)
    made.settle("toss_2026-10-13.csv", T1=10000, T2=20000)
    return made
