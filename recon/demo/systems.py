"""Systems: what the shop has beside payments, one module each: its tables, its sources, its rows and their truth.

To add one, write recon/demo/NAME.py with a `SYSTEM` and put it into `SYSTEMS` below; nothing else has to change:

    SYSTEM = System(
        reconciliations=("wallet",),                 # rules/wallet.yaml; its codes are all planted, tests/demo says so
        tables=(Table("wallets", "wallet_id {key} not null primary key, balance_minor bigint not null"),),
        sources=SOURCES,                             # YAML below `sources:`; {prefix} stands before a table's name
        make=make,                                   # def make(making: Making) -> None
    )

`make` runs after payments are rung up and planted. It writes rows with `making.desk.till.add(table, columns, rows)`, files
below `making.root / "in"`, and the truth with `making.desk.note(reconciliation, key, code, class, state, first, last)`.
Everyday payments are a function of (seed, index, payments): `recon.demo.traffic.payment` gives any of them again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recon.demo.desk import Desk


@dataclass(frozen=True, slots=True)
class Making:
    """What a system is made with: the shop's folder, the desk, and the arguments that everything is a function of.

    purchases   (number, product, member, instant) of what was sold so far, for the systems that count it
    """

    root: Path
    desk: Desk
    payments: int
    seed: int
    purchases: list[tuple[str, str, str, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the shop's database. `columns`: its DDL with {key}, {text} and {time} for the database's types.

    then   statements that follow the load (indexes, views), with {prefix} before each table's name
    """

    name: str
    columns: str
    then: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class System:
    """One system of the shop.

    reconciliations   names for recon.yaml
    sources           YAML of its sources, indented by two, with {prefix} before each table's name
    databases         YAML of databases beside the shop's own, indented by two
    terms             name -> YAML of a provider's contract
    """

    reconciliations: tuple[str, ...]
    make: Callable[[Making], None]
    tables: tuple[Table, ...] = ()
    sources: str = ""
    databases: str = ""
    terms: Mapping[str, str] = field(default_factory=dict)


def systems(redis: bool = False) -> tuple[System, ...]:
    """Every system, in the order in which they are made. Modules are looked up late: they import this one.

    redis   the shop counts in Redis as well
    """
    from recon.demo import counters, ledger_books, nova, orders, outbox, points, sellers, stock, wallets

    counted = (counters.SYSTEM,) if redis else ()
    books = (ledger_books.SYSTEM, wallets.SYSTEM, points.SYSTEM, stock.SYSTEM, *counted)
    # Orders last: their truth is made from payin's.
    return (*books, nova.SYSTEM, sellers.SYSTEM, outbox.SYSTEM, orders.SYSTEM)
