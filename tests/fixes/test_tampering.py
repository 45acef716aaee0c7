"""Whatever is done to the audit trail by somebody who owns the database, `verify` finds it and says at which record."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from fix_queue import Database, approve, database, propose, proposed

from recon.fixes import queue
from recon.store.audit import NOTHING, Record, lock, record_sha256, writing
from recon.store.state import audit, audit_head
from recon.store.trail import Finding, Witness, verify_trail

COLUMNS = [name for name in Record.__dataclass_fields__ if name != "seq"]


@pytest.fixture(scope="module")
def trail(tmp_path_factory) -> Iterator[Database]:
    """A trail of some dozens of records, among them approvals and rejections."""
    with database(None, tmp_path_factory.mktemp("trail")) as base:
        propose(base, *(proposed(number) for number in range(12)))
        for number in range(8):
            approve(base, f"FIX-{number}")
        with writing(base.engine) as connection:
            for number in range(8, 12):
                queue.reject(connection, f"FIX-{number}", "lee", "not ours", "wrong_fix")
        propose(base, *(proposed(number, rule_sha256="2" * 64) for number in range(12)))
        yield base


class Tamper:
    """One way to tamper with a trail whose guards are gone, and where it has to be found."""

    def __init__(self, connection: sa.Connection, rng: random.Random) -> None:
        self.connection, self.rng = connection, rng
        rows = connection.execute(sa.select(audit).order_by(audit.c.seq))
        self.rows: dict[int, dict[str, Any]] = {row.seq: dict(row._mapping) for row in rows}
        self.last = max(self.rows)

    def write(self) -> None:
        self.connection.execute(audit.delete())
        self.connection.execute(audit.insert(), [self.rows[seq] for seq in sorted(self.rows)])

    def set_head(self) -> None:
        last = max(self.rows)
        values = {"seq": last, "sha256": self.rows[last]["sha256"]}
        self.connection.execute(audit_head.update().where(audit_head.c.id == 1), values)

    def changed(self, seq: int) -> None:
        name = self.rng.choice(["at", "who", "action", "subject", "why", "details", "from_state", "to_state", "night"])
        row, before = self.rows[seq], self.rows[seq][name]
        others = {"who": "mallory", "at": "2020-01-01T00:00:00.000000Z", "details": '{"amount":"1"}', "night": None}
        row[name] = others.get(name, f"{before} ")
        if row[name] == before:
            row["why"] += "."

    def any_edit(self) -> tuple[set[str], int]:
        """A field of one record, its own hash left as it was."""
        seq = self.rng.randint(1, self.last)
        self.changed(seq)
        return {"edited"}, seq

    def rehashed_edit(self) -> tuple[set[str], int]:
        """A field of one record, and its hash made to fit."""
        seq = self.rng.randint(1, self.last)
        self.changed(seq)
        self.rows[seq]["sha256"] = record_sha256(self.rows[seq])
        return {"edited"}, seq

    def edited_hash(self) -> tuple[set[str], int]:
        seq = self.rng.randint(1, self.last)
        name = self.rng.choice(["sha256", "previous_sha256"])
        self.rows[seq][name] = f"{self.rng.getrandbits(256):064x}"
        return {"edited"}, seq

    def deletion(self) -> tuple[set[str], int]:
        """One to three records, others left where they are."""
        count = self.rng.randint(1, 3)
        seq = self.rng.randint(1, self.last - count)
        for each in range(seq, seq + count):
            del self.rows[each]
        return {"deleted"}, seq

    def closed_deletion(self) -> tuple[set[str], int]:
        """A record, and those after it moved up."""
        seq = self.rng.randint(1, self.last - 1)
        for each in range(seq, self.last):
            self.rows[each] = {**self.rows[each + 1], "seq": each}
        del self.rows[self.last]
        if self.rng.random() < 0.5:
            self.set_head()
        return {"deleted"}, seq

    def insertion(self) -> tuple[set[str], int]:
        """A record that names the one before it and has a hash that fits; those after it moved down."""
        seq = self.rng.randint(1, self.last)
        for each in range(self.last, seq - 1, -1):
            self.rows[each + 1] = {**self.rows[each], "seq": each + 1}
        before = self.rows[seq - 1]["sha256"] if seq > 1 else NOTHING
        row = {**self.rows[seq + 1], "seq": seq, "who": "mallory", "previous_sha256": before}
        self.rows[seq] = {**row, "sha256": record_sha256(row)}
        if self.rng.random() < 0.5:
            self.set_head()
        return {"inserted"}, seq

    def added(self) -> tuple[set[str], int]:
        """A record at the end, well made, that the head does not know."""
        last = self.rows[self.last]
        row = {**last, "seq": self.last + 1, "who": "mallory", "previous_sha256": last["sha256"]}
        self.rows[self.last + 1] = {**row, "sha256": record_sha256(row)}
        return {"added"}, self.last + 1

    def swap(self) -> tuple[set[str], int]:
        one, other = sorted(self.rng.sample(range(1, self.last + 1), 2))
        for name in COLUMNS:
            self.rows[one][name], self.rows[other][name] = self.rows[other][name], self.rows[one][name]
        return {"swapped"}, one

    def cut(self) -> tuple[set[str], int]:
        """The tail; with the head moved, only the reports know."""
        seq = self.rng.randint(2, self.last)
        for each in range(seq, self.last + 1):
            del self.rows[each]
        if self.rng.random() < 0.5:
            self.set_head()
        return {"cut"}, seq

    def rewritten(self) -> tuple[set[str], int]:
        """One record, and the whole chain after it made anew, head and all: only the reports know, to within a night."""
        seq = self.rng.randint(1, self.last)
        self.changed(seq)
        before = self.rows[seq]["previous_sha256"]
        for each in range(seq, self.last + 1):
            self.rows[each]["previous_sha256"] = before
            before = self.rows[each]["sha256"] = record_sha256(self.rows[each])
        self.set_head()
        return {"rewritten"}, seq


WAYS = [
    Tamper.any_edit,
    Tamper.rehashed_edit,
    Tamper.edited_hash,
    Tamper.deletion,
    Tamper.closed_deletion,
    Tamper.insertion,
    Tamper.added,
    Tamper.swap,
    Tamper.cut,
    Tamper.rewritten,
]
#: The reports of these nights printed the head after so many records.
NIGHTS = (10, 20, 30)


def witnesses(connection: sa.Connection) -> list[Witness]:
    rows = connection.execute(sa.select(audit.c.seq, audit.c.sha256).order_by(audit.c.seq)).all()
    seqs = {*NIGHTS, rows[-1].seq}
    return [Witness(f"2026-11-{row.seq:02d}", row.seq, row.sha256) for row in rows if row.seq in seqs]


def tampered(base: Database, rng: random.Random, way: Any) -> tuple[set[str], int, list[Finding]]:
    """Tamper in a transaction that is taken back, as the owner who drops the guards first; what verify says of it."""
    with base.engine.connect() as connection:
        lock(connection)
        known = witnesses(connection)
        for name in ("audit_update_guard", "audit_delete_guard", "audit_insert_guard", "audit_head_update_guard"):
            connection.exec_driver_sql(f"drop trigger {name}")
        tamper = Tamper(connection, rng)
        kinds, seq = way(tamper)
        tamper.write()
        found = verify_trail(connection, known)
        connection.rollback()
    return kinds, seq, [each for each in found if each.kind not in ("guard", "queue")]


def placed(found: list[Finding], kinds: set[str], seq: int, base: Database) -> bool:
    """Whether the first finding is of that kind and at that record; a rewriting only to within two reports."""
    if not found or found[0].kind not in kinds:
        return False
    if kinds == {"rewritten"}:
        return found[0].seq <= seq and not any(found[0].seq <= each < seq for each in NIGHTS)
    return found[0].seq == seq


def sweep(base: Database, count: int, seed: int) -> None:
    rng = random.Random(seed)
    for number in range(count):
        way = WAYS[number % len(WAYS)]
        kinds, seq, found = tampered(base, rng, way)
        assert placed(found, kinds, seq, base), (number, way.__name__, seq, [(f.kind, str(f)) for f in found][:4])


def test_a_trail_that_nobody_touched_is_whole(trail):
    with trail.engine.connect() as connection:
        assert verify_trail(connection, witnesses(connection)) == []


def test_300_tamperings_are_found_and_placed(trail):
    sweep(trail, 300, seed=1)


@pytest.mark.soak
def test_10000_tamperings_are_found_and_placed(trail):
    sweep(trail, 10_000, seed=2)
