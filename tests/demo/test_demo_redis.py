"""The demo's counters in a real Redis: every code of stock_counters is planted, and found night by night.

RECON_TEST_REDIS names the server (default: the one on this machine); without an answer these tests fail, they are not skipped.
"""

from __future__ import annotations

import csv
import os
import re
from pathlib import Path

import pytest
import redis
from click.testing import CliRunner
from demo_shop import keep_only

from recon.api import run
from recon.cli.main import cli
from recon.config.rule_file import load_reconciliation
from recon.demo import counters
from recon.demo.compare import compare
from recon.demo.make import make_shop
from recon.errors import UnreachableError

ROOT = Path(__file__).parents[2]
SERVER = os.environ.get("RECON_TEST_REDIS", "redis://127.0.0.1:6379/0")
URL = re.sub(r"/\d+$", "/7", SERVER)  # a database of its own: the demo's keys have fixed names


@pytest.fixture
def client():
    with redis.Redis.from_url(URL) as found:
        found.set("somebody-elses", "1")
        yield found
        for key in ("somebody-elses", *found.scan_iter(match=f"{counters.PREFIX}*")):
            found.unlink(key)


def test_the_sets_go_from_night_to_night_and_the_nights_find_what_was_planted(tmp_path, client, monkeypatch):
    monkeypatch.setenv(counters.URL_VARIABLE, URL)
    shop = make_shop(tmp_path / "shop", 300, seed=3, redis=True)
    keep_only(shop.directory, "stock_counters")
    for number, night in enumerate(shop.nights):
        counters.fill(URL, shop.directory, number)
        run(shop.directory, night)
    found = compare(shop.directory)
    assert found.exact, found
    codes = {row["code"] for row in rows(shop.truth) if row["state"] == "break"}
    assert codes == {each.code for each in load_reconciliation(ROOT / "rules" / "stock_counters.yaml").breaks}
    assert client.get("somebody-elses") == b"1"
    # What a night read is kept: the sets of the last night change nothing of the first.
    assert not run(shop.directory, shop.nights[0]).changed


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_command_fills_the_sets_of_the_first_night(tmp_path, client, monkeypatch):
    monkeypatch.setenv(counters.URL_VARIABLE, "")  # what the command sets is taken back with it
    command = ["demo", str(tmp_path / "shop"), "--payments", "300", "--redis", URL, "--no-run"]
    result = CliRunner().invoke(cli, command)
    assert result.exit_code == 0, result.output
    assert "export it" in result.stderr
    total = {each.decode() for each in client.sscan_iter(f"{counters.PREFIX}SKU-COUNTED:5000:stock:total")}
    assert total == {"P-C-ROLLED", "P-C-HALF", "P-C-OTHER"}
    assert 'redis: {database: counters, keys: "recon-demo:' in (tmp_path / "shop" / "recon.yaml").read_text("utf-8")


def test_a_server_that_does_not_answer_is_exit_4(tmp_path):
    make_shop(tmp_path / "shop", 300, redis=True)
    with pytest.raises(UnreachableError, match="Redis did not answer"):
        counters.fill("redis://127.0.0.1:1/0", tmp_path / "shop", 0)
