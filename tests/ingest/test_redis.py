"""Counters kept in Redis as sets: read from a real server by SCAN and SSCAN, and held against the history in both directions.

RECON_TEST_REDIS names the server (default: the one on this machine); without an answer these tests fail, they are not skipped.
"""

from __future__ import annotations

import csv
import os
import sqlite3
import tracemalloc
import uuid
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import redis

import recon.api
from recon.config.workspace_file import read_workspace
from recon.errors import UnreachableError
from recon.ingest.redis import RedisSets, glob, key_pattern

URL = os.environ.get("RECON_TEST_REDIS", "redis://127.0.0.1:6379/0")
NOW = datetime(2026, 10, 13, tzinfo=UTC)
YAML = """\
version: 1
name: counters
time_zone: UTC
opening: {empty_from: 2026-10-13}
databases:
  counters: {url: "%s"}
  books: {url: "sqlite:///books.sqlite"}
sources:
  purchases:
    record: purchase
    moves: state
    database: books
    query: select purchase_no, product_id, member_id, 1 as quantity, purchased_at from purchases
  counters:
    record: stock_counter
    moves: state
    redis: {database: counters, keys: "%s:{product_id}:{offer}:stock:{scope}", member: purchase_no}
reconciliations: [stock_counters]
"""


@pytest.fixture
def client():
    with redis.Redis.from_url(URL) as found:
        yield found


@pytest.fixture
def prefix(client):
    """A prefix of keys of its own, of which nothing is left."""
    name = f"recon-test-{uuid.uuid4().hex[:12]}"
    yield name
    for key in list(client.scan_iter(match=f"{name}*", count=1_000)):
        client.unlink(key)


def shop(root: Path, client: redis.Redis, prefix: str, *bought: tuple[str, str, str]) -> Path:
    """A workspace whose history and counters agree on these (purchase number, product, member)."""
    root.mkdir()
    (root / "recon.yaml").write_text(YAML % (URL, prefix))
    books = sqlite3.connect(root / "books.sqlite", isolation_level=None)
    books.execute("create table purchases (purchase_no text, product_id text, member_id text, purchased_at text)")
    for number, product, member in bought:
        books.execute("insert into purchases values (?, ?, ?, '2026-10-13 09:00:00')", (number, product, member))
        client.sadd(f"{prefix}:{product}:5000:stock:total", number)
        client.sadd(f"{prefix}:{product}:5000:stock:{member}", number)
    books.close()
    return root


def breaks_of(root: Path, night: date) -> dict[str, tuple[str, str]]:
    done = recon.api.run(root, night)
    with (done.folder / "breaks.csv").open(newline="") as file:
        return {row["key"]: (row["code"], row["state"]) for row in csv.DictReader(file)}


def test_history_and_counters_are_held_against_each_other_in_both_directions(tmp_path, client, prefix):
    """Every code of stock_counters; a purchase of the night's last minutes may wait; mended sets close their breaks."""
    product, total = "S0630000RU", f"{prefix}:S0630000RU:5000:stock:total"
    numbers = ("P-OK", "P-LOST", "P-HALF", "P-OTHER", "P-NEW")
    root = shop(tmp_path / "w", client, prefix, *((number, product, "M1") for number in numbers))
    client.sadd(total, "P-ROLLED-BACK")
    client.srem(total, "P-LOST", "P-HALF", "P-NEW")
    client.srem(f"{prefix}:{product}:5000:stock:M1", "P-LOST", "P-OTHER", "P-NEW")
    client.sadd(f"{prefix}:{product}:5000:stock:M2", "P-OTHER")
    with sqlite3.connect(root / "books.sqlite") as books:
        books.execute("update purchases set purchased_at = '2026-10-13 23:50:00' where purchase_no = 'P-NEW'")
    assert breaks_of(root, date(2026, 10, 13)) == {
        f"{product}/P-ROLLED-BACK": ("counter_without_purchase", "new"),
        f"{product}/P-LOST": ("purchase_not_counted", "new"),
        f"{product}/P-HALF": ("counters_apart", "new"),
        f"{product}/P-OTHER": ("counted_for_another", "new"),
    }
    pending = (root / "nights" / "2026-10-13" / "pending.csv").read_text()
    assert f"{product}/P-NEW,,bought while the counters were read," in pending
    client.srem(total, "P-ROLLED-BACK")
    client.sadd(total, "P-LOST")
    found = breaks_of(root, date(2026, 10, 14))
    assert found[f"{product}/P-ROLLED-BACK"] == ("counter_without_purchase", "resolved")
    assert found[f"{product}/P-LOST"] == ("counters_apart", "persisting")
    assert found[f"{product}/P-NEW"] == ("purchase_not_counted", "new")
    # What was read is kept: a rerun of the first night does not ask Redis, which says something else by now.
    again = recon.api.run(root, date(2026, 10, 13))
    assert not again.changed


def test_records_say_where_they_come_from(tmp_path, client, prefix):
    root = shop(tmp_path / "w", client, prefix, ("P-1", "SKU", "M1"))
    client.sadd(f"{prefix}:SKU:5000:stock:total", "P-2")
    done = recon.api.run(root, date(2026, 10, 13))
    [one] = done.breaks
    assert one.provenance == f"redis:counters#{prefix}:SKU:5000:stock:total|P-2"


def test_a_key_that_cannot_be_taken_apart_lands_in_quarantine(tmp_path, client, prefix):
    root = shop(tmp_path / "w", client, prefix, ("P-1", "SKU", "M1"))
    client.sadd(f"{prefix}:SKU:5000:stock:total:old", "P-9")
    client.set(f"{prefix}:SKU:5000:stock:lock", "no set, and none of ours")
    done = recon.api.run(root, date(2026, 10, 13))
    assert [(each.column, f":{prefix}:" in f":{each.raw}:") for each in done.facts.quarantine] == [
        ("product_id", False)
    ]
    assert f"{prefix}:SKU:5000:stock:total:old" in done.facts.quarantine[0].raw
    assert done.breaks == []


def calls(client: redis.Redis) -> dict[str, int]:
    """How often the server was asked for these so far."""
    ran = client.info("commandstats")
    return {name: ran.get(f"cmdstat_{name}", {}).get("calls", 0) for name in ("sscan", "keys", "smembers")}


def test_large_sets_are_read_in_batches_and_without_blocking(client, prefix):
    """200,000 members: no command looks at more than a batch, and no more than a few batches are held."""
    key = f"{prefix}:SKU:1:stock:total"
    for start in range(0, 200_000, 10_000):
        client.sadd(key, *(f"P-{n:09d}" for n in range(start, start + 10_000)))
    before = calls(client)
    sets = RedisSets(URL)
    query = f"{prefix}:{{product_id}}:{{offer}}:stock:{{scope}} purchase_no"
    columns = sets.columns(query, NOW, NOW)
    tracemalloc.start()
    seen, rows = set(), 0
    for batch in sets.stream(query, columns, NOW, NOW):
        assert batch.num_rows <= 10_000
        rows += batch.num_rows
        seen.update(hash(each) for each in batch.column("purchase_no").to_pylist()[::1000])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    sets.close()
    assert rows >= 200_000 and len(seen) >= 190
    assert peak < 30_000_000
    after = calls(client)
    assert after["sscan"] - before["sscan"] >= 190
    assert (after["keys"], after["smembers"]) == (before["keys"], before["smembers"])


def test_a_server_that_does_not_answer_is_exit_4(tmp_path, client, prefix):
    root = shop(tmp_path / "w", client, prefix, ("P-1", "SKU", "M1"))
    text = (root / "recon.yaml").read_text().replace(URL, "redis://127.0.0.1:1/0")
    (root / "recon.yaml").write_text(text)
    with pytest.raises(UnreachableError, match=r"database redis://127\.0\.0\.1:1/0: no connection after 3 tries"):
        recon.api.run(root, date(2026, 10, 13))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("member: purchase_no", "member: purchase"), "purchase is not a field of stock_counter"),
        (("{offer}:", "{offers}:"), "offers is not a field of stock_counter"),
        (("database: counters,", "database: books,"), "books is not a Redis"),
        (("database: books\n", "database: counters\n"), "counters is a Redis: it has no queries"),
        (("moves: state\n    redis", "moves: events\n    redis"), "sets are read whole each night"),
        (("{scope}\"", "total\""), None),
    ],
)  # fmt: skip
def test_a_source_of_redis_is_checked(tmp_path, change, told):
    (tmp_path / "recon.yaml").write_text((YAML % (URL, "x")).replace(*change))
    _, problems = read_workspace(tmp_path)
    errors = [problem.message for problem in problems if problem.severity == "error"]
    assert [told in each for each in errors][:1] == [True] if told else errors == []


def test_patterns_take_what_they_say_and_nothing_else():
    pattern = "a[1]*{product_id}:{offer}:stock:{scope}"
    assert glob(pattern) == r"a\[1\]\**:*:stock:*"
    assert key_pattern(pattern).fullmatch("a[1]*X:5000:stock:total").groups() == ("X", "5000", "total")
    assert key_pattern(pattern).fullmatch("a[1]*X:5000:stock:total:old") is None
    assert key_pattern(pattern).fullmatch("a[1]*X:1:2:stock:total") is None
    assert key_pattern("{product_id}").fullmatch("any:thing") is not None
