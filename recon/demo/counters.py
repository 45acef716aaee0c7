"""Counters of what was bought, kept as Redis sets beside the books: of each product, and of each member who bought of it.

Reads   what the stock system sold (`Making.purchases`)
Writes  counters.csv, what each set holds on which nights, and its truth; `fill` puts one night's sets into Redis
Never   touches a key that does not begin with PREFIX
A set is what it is now, so the shop's Redis goes from night to night with the nights that are run.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from recon.demo.desk import CLEARED, MANUAL, PENDING
from recon.demo.shop import HOUR, LAST, clock, instant, night_of
from recon.demo.stock import PURCHASE_COLUMNS
from recon.demo.systems import Making, System
from recon.errors import UnreachableError

URL_VARIABLE = "RECON_DEMO_REDIS_URL"
FILE = "counters.csv"
PREFIX = "recon-demo:"
_TOTAL = "total"
_PRODUCT, _MEMBER = "SKU-COUNTED", "M-COUNTED"
_EVER = LAST + 1
_AT_ONCE = 1_000


def make(making: Making) -> None:
    """Counters that agree with every purchase so far, and every code of stock_counters."""
    with (making.root / FILE).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("product", "scope", "purchase", "first_night", "last_night"))
        for number, product, member, bought in making.purchases:
            night = night_of(bought)
            writer.writerow((product, _TOTAL, number, night, _EVER))
            writer.writerow((product, member, number, night, _EVER))
        writer.writerows(_plant(making))


def _plant(making: Making) -> Iterator[tuple[str, str, str, int, int]]:
    """What is planted: rows of the sets; purchases and the truth go to the desk."""
    late = 23 * HOUR + 50 * 60  # ten minutes before the cut-off

    def buy(name: str, night: int = 0, second: int = 10 * HOUR) -> str:
        at = clock(instant(night, second))
        row = (f"P-C-{name}", _PRODUCT, _MEMBER, f"ORD-C-{name}", 1, None, at)
        making.desk.till.add("purchases", PURCHASE_COLUMNS, [row])
        return str(row[0])

    def note(name: str, code: str, class_: str = MANUAL, first: int = 0, last: int = LAST, **state: str) -> None:
        making.desk.note("stock_counters", f"{_PRODUCT}/P-C-{name}", code, class_, first=first, last=last, **state)

    lost, new, half, other = buy("LOST"), buy("NEW", 1, late), buy("HALF"), buy("OTHER")
    for scope in (_TOTAL, _MEMBER):
        yield _PRODUCT, scope, "P-C-ROLLED", 0, 2  # its transaction was rolled back; somebody mends the sets later
        yield _PRODUCT, scope, lost, 2, _EVER
        yield _PRODUCT, scope, new, 2, _EVER
    for purchase, scope in ((half, _TOTAL), (other, _TOTAL), (other, "M-ANOTHER")):
        yield _PRODUCT, scope, purchase, 0, _EVER
    note("ROLLED", "counter_without_purchase", last=2)
    note("LOST", "purchase_not_counted", last=1)
    note("LOST", "counted_again", "", 2, 2, state=CLEARED)
    note("NEW", "bought_meanwhile", "", 1, 1, state=PENDING)
    note("NEW", "counted", "", 2, 2, state=CLEARED)
    note("HALF", "counters_apart")
    note("OTHER", "counted_for_another")


def fill(url: str, root: Path, night: int) -> None:
    """Make the shop's sets what they are at the end of a night (0 is the first): what the demo left before is replaced.

    Raises UnreachableError where Redis does not answer.
    """
    import redis

    sets: dict[str, list[str]] = defaultdict(list)
    with (root / FILE).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if int(row["first_night"]) <= night <= int(row["last_night"]):
                sets[f"{PREFIX}{row['product']}:5000:stock:{row['scope']}"].append(row["purchase"])
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=5, socket_timeout=5) as client:
            _replace(client, sets)
    except redis.RedisError as error:
        raise UnreachableError(
            "database-unreachable", f"Redis did not answer: {error}", "check the URL given to --redis"
        ) from error


def _replace(client: Any, sets: dict[str, list[str]]) -> None:
    for key in list(client.scan_iter(match=f"{PREFIX}*", count=_AT_ONCE)):
        client.unlink(key)
    for key, members in sets.items():
        for start in range(0, len(members), _AT_ONCE):
            client.sadd(key, *members[start : start + _AT_ONCE])


SOURCES = f"""\
  stock_counters:
    record: stock_counter
    moves: state
    redis: {{{{database: counters, keys: "{PREFIX}{{{{product_id}}}}:{{{{offer}}}}:stock:{{{{scope}}}}", member: purchase_no}}}}
"""
SYSTEM = System(
    reconciliations=("stock_counters",),
    make=make,
    sources=SOURCES,
    databases=f'  counters: {{{{url: "env:{URL_VARIABLE}"}}}}\n',
)
