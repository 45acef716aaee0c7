"""The demo end to end: five nights find exactly what was planted, no more, no less, and wrongly clear nothing."""

import pytest

from recon.api import run
from recon.demo.compare import Comparison, compare
from recon.demo.make import make_shop


def run_all(directory, payments: int, seed: int) -> tuple[list[str], Comparison]:
    """Make the shop and run its nights; their verdicts, and how they compare with the truth."""
    shop = make_shop(directory, payments, seed)
    verdicts = [run(directory, night).verdict for night in shop.nights]
    return verdicts, compare(directory)


@pytest.mark.parametrize(("payments", "seed"), [(300, 1), pytest.param(1_500, 2, marks=pytest.mark.soak)])
def test_the_nights_find_exactly_what_was_planted(tmp_path, payments, seed):
    verdicts, found = run_all(tmp_path / "shop", payments, seed)
    assert verdicts == ["breaks"] * 5
    assert found.exact, found
    assert found.recall == 1.0


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(3, 23))
def test_twenty_more_shops(tmp_path, seed):
    """Which provider has which case is another with every seed."""
    _, found = run_all(tmp_path / "shop", 300, seed)
    assert found.exact, found
