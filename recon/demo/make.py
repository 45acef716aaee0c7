"""Make the shop: its files, its books, its recon.yaml and the truth about what was planted.

Reads   nothing but its arguments: the same (payments, seed) make the same bytes, in any directory and any database
Writes  in/, terms/, shop.sqlite (or the tables of a database), recon.yaml, truth.csv
Never   holds more than a batch of rows: any number of payments streams through
"""

from __future__ import annotations

import csv
import shutil
from dataclasses import replace
from pathlib import Path

from recon.demo.books import open_books
from recon.demo.desk import AUTO, MANUAL, Desk, Truth
from recon.demo.files import SettlementFiles
from recon.demo.plants import plant
from recon.demo.rows import resend_parts
from recon.demo.settings import recon_yaml
from recon.demo.shop import NIGHTS, PSPS, Shop
from recon.demo.systems import Making, systems
from recon.demo.till import Till
from recon.demo.traffic import run
from recon.errors import ReconError

FEWEST = 300
URL_VARIABLE = "RECON_DEMO_DB_URL"
#: What an earlier demo, or a night run on it, left in the directory; everything else in there is somebody's own.
_MADE = ("in", "nights", "raw", "state", "terms", "recon.yaml", "shop.sqlite", "truth.csv", "counters.csv")
_MARK = ".recon-demo"


def make_shop(
    directory: Path | str,
    payments: int = 2_000,
    seed: int = 1,
    ledger_url: str | None = None,
    *,
    schema: str = "",
    state_too: bool = False,
    redis: bool = False,
) -> Shop:
    """Make the shop in `directory`, in place of one that an earlier demo made there.

    payments    everyday payments, at least 300; the planted ones come on top
    ledger_url  put ledger and orders into this PostgreSQL or MariaDB database (default: shop.sqlite)
    schema      PostgreSQL only: a schema of its own, made where it is missing
    state_too   keep the state database there as well
    redis       count what is bought in Redis as well (recon/demo/counters.py fills it, night by night)
    Raises ReconError where the directory or the database holds something else.
    """
    if payments < FEWEST:
        found = f"{payments} payments leave no room for every break"
        raise ReconError("demo-too-small", found, f"give at least {FEWEST}")
    root = Path(directory)
    _clear(root)
    books = open_books(root, ledger_url, schema)
    files = SettlementFiles(root / "in")
    try:
        books.prepare()
        till = Till(files, books)
        desk = Desk(till, payments + 1)
        plant(desk, payments, seed)
        run(till, seed, payments)
        making, has = Making(root, desk, payments, seed), systems(redis)
        for system in has:
            system.make(making)
        till.flush()
        books.finish()
    finally:
        files.close()
        books.close()
    resend_parts(desk, PSPS)
    _write_truth(root / "truth.csv", desk.truth, desk.stopped)
    reference = f"env:{URL_VARIABLE}" if ledger_url else "sqlite:///shop.sqlite"
    (root / "terms").mkdir()
    for system in has:
        for name, terms in system.terms.items():
            (root / "terms" / f"{name}.yaml").write_text(terms, encoding="utf-8")
    (root / "recon.yaml").write_text(
        recon_yaml(reference, schema, state_too and bool(ledger_url), redis), encoding="utf-8"
    )
    return Shop(root, NIGHTS, root / "truth.csv", payments, seed, till.postings, files.lines, reference)


def _clear(root: Path) -> None:
    """Make the directory, or empty one that an earlier demo made; refuse any other that has something in it."""
    if root.exists() and any(root.iterdir()) and not (root / _MARK).exists():
        raise ReconError(
            "demo-directory-in-use",
            f"{root} is not empty, and no earlier demo made it",
            "give a new directory",
        )
    root.mkdir(parents=True, exist_ok=True)
    for name in _MADE:
        path = root / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    said = "Made by `recon demo`, which replaces what it made here when it runs again.\n"
    (root / _MARK).write_text(said, encoding="utf-8")


def _write_truth(path: Path, truth: list[Truth], stopped: set[int]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("night", "reconciliation", "key", "code", "class", "state"))
        for row in sorted(truth):
            if row.night in stopped and row.class_ == AUTO:
                row = replace(row, class_=MANUAL)
            night = NIGHTS[row.night].isoformat()
            writer.writerow((night, row.reconciliation, row.key, row.code, row.class_, row.state))
