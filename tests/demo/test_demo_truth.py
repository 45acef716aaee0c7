"""The demo end to end: five nights find exactly what was planted, no more, no less, and wrongly clear nothing."""

import json

import pytest

from recon.api import run
from recon.demo.compare import compare
from recon.demo.make import make_shop


def test_the_nights_find_exactly_what_was_planted(demo):
    summaries = [json.loads(path.read_text("utf-8")) for path in sorted(demo.glob("nights/2*/summary.json"))]
    assert [summary["verdict"] for summary in summaries] == ["breaks"] * 5
    found = compare(demo)
    assert found.exact, found
    assert found.recall == 1.0


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(3, 23))
def test_twenty_more_shops(tmp_path, seed):
    """Which provider has which case is another with every seed."""
    shop = make_shop(tmp_path / "shop", 300, seed)
    for night in shop.nights:
        run(tmp_path / "shop", night)
    found = compare(tmp_path / "shop")
    assert found.exact, found
