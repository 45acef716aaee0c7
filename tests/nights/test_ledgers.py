"""The same shop with its books in SQLite, PostgreSQL and MariaDB: what a person and a program read is the same bytes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from night_shop import NIGHTS, new_shop

from recon.demo.make import URL_VARIABLE

#: Not the pages: they name the hash of recon.yaml, which names the database.
SAME = ("breaks.csv", "breaks.parquet", "fixes.jsonl", "pending.csv", "quarantine.csv", "cleared/payin.parquet")


def said(shop: Path, night: str) -> dict[str, bytes]:
    found = {name: (shop / "nights" / night / name).read_bytes() for name in SAME}
    # What a database sent is kept as it came, and PostgreSQL's times name their zone.
    found["quarantine.csv"] = re.sub(rb"(:\d\d)\+00\b", rb"\1", found["quarantine.csv"])
    return found


@pytest.mark.parametrize("server", ["postgres", "mariadb"])
def test_the_same_breaks_fixes_and_pending_byte_for_byte(request, five_nights, tmp_path, runner, server):
    if server == "postgres":
        url = request.getfixturevalue("own_databases").make("ledger")
    else:
        url = request.getfixturevalue("own_mariadb")()
    shop = new_shop(tmp_path / "shop", url)
    for night in NIGHTS[:3]:
        answer = runner.night(shop, night, environment={URL_VARIABLE: url})
        assert answer.exit == 0, answer.error
        here, there = said(shop, night), said(five_nights, night)
        for name in here:
            assert here[name] == there[name], f"{night} {name}"
        assert here["breaks.csv"].count(b"\n") > 5
