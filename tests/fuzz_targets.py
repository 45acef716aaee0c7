"""What is fuzzed: one function a target, taking any bytes. What it may do is refuse; anything else is a finding.

A file target reads the bytes as a file of one shipped format, the way a night does, and holds the promises of ingest:
every record counted is read or in quarantine, every quarantined row says what was expected, and a file that is set aside
has a reason. A configuration target holds that every problem has a place and a message.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from datetime import time
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from recon.config.format_file import load_format, parse_format
from recon.config.rule_file import parse_reconciliation
from recon.config.spaces import rule_space
from recon.config.yaml_file import parse_document
from recon.domain.rulebook import Format, Moves, Source
from recon.engine.duck import Engine
from recon.engine.expressions import check, to_sql
from recon.errors import Place
from recon.ingest.files import Limits, read_file

TESTS = Path(__file__).parent
FORMATS = TESTS.parent / "rules" / "formats"
SIDES = {"psp": "settlement_line", "ledger": "ledger_entry", "order": "payment_order"}
Target = Callable[[bytes], None]


@lru_cache(maxsize=1)
def _scratch() -> tuple[Path, Engine]:
    folder = Path(tempfile.mkdtemp(prefix="recon-fuzz-"))
    return folder, Engine(folder / "spill", "256MB", 1)


@lru_cache
def _format(name: str) -> Format:
    return load_format(FORMATS / f"{name}.yaml")


def read(name: str) -> Target:
    """The target that reads bytes as a file of a shipped format."""

    def run(data: bytes) -> None:
        fmt, (folder, engine) = _format(name), _scratch()
        path = folder / "file"
        path.write_bytes(data)
        declared = "" if "psp" in fmt.fields else "acme"
        source = Source("fuzzed", fmt.record, Moves.EVENTS, psp=declared)
        digest = hashlib.sha256(data).hexdigest()
        out, zone = folder / "out", ZoneInfo("Asia/Seoul")
        loaded = read_file(engine, source, fmt, path, "file", digest, out, zone, time(0), Limits(1, 10))
        engine.steps.clear()
        if loaded.set_aside:
            assert loaded.set_aside.reason and not loaded.relation
        else:
            assert loaded.rows == loaded.read + loaded.quarantined
            assert engine.one(f"select count(*) from ({loaded.relation})") == loaded.read
        refused = engine.rows(f"select expected from ({loaded.quarantine})")
        assert len(refused) == loaded.quarantined and all(expected for (expected,) in refused)
        for file in out.iterdir():
            file.unlink()

    return run


def rule_file(data: bytes) -> None:
    """A rule file: read whole, or every problem with its place."""
    document = parse_document(data, "fuzzed.yaml")
    rule, problems = parse_reconciliation(document)
    assert rule is not None or problems
    assert all(each.message and each.place.file for each in problems)


def format_file(data: bytes) -> None:
    """A format file, in the same way."""
    document = parse_document(data, "fuzzed.yaml")
    made, problems = parse_format(document)
    assert made is not None or problems
    assert all(each.message and each.place.file for each in problems)


def expression(data: bytes) -> None:
    """An expression: refused with a message, or SQL that an engine binds against typed columns."""
    text = data.decode("utf-8", "replace")
    checked, problems = check(text, Place("fuzzed.yaml", 1, 1), rule_space(SIDES), sides=tuple(SIDES))
    if checked is None:
        assert problems and all(each.message for each in problems)
        return
    for dialect in ("duckdb", "spark"):
        assert to_sql(checked, lambda name: '"' + name.replace('"', '""') + '"', dialect=dialect)


def targets() -> dict[str, Target]:
    """Every target by name; a format is read by `read:NAME`."""
    made: dict[str, Target] = {f"read:{path.stem}": read(path.stem) for path in sorted(FORMATS.glob("*.yaml"))}
    return made | {"rule_file": rule_file, "format_file": format_file, "expression": expression}


def kept(name: str) -> Path:
    """The folder of the inputs that are kept for a target."""
    return TESTS / "fuzz" / "corpus" / name.replace(":", "_")


def seeds(name: str) -> list[Path]:
    """The inputs that a target starts from: what is kept, and for a format its own small files."""
    found = [*kept(name).glob("*")]
    if name.startswith("read:"):
        found += [
            *TESTS.glob(f"formats/cases/{name[5:]}/*"),
            *TESTS.glob(f"ingest/bank/{name[5:]}.*"),
            *TESTS.glob(f"ingest/bank/{name[5:]}[12].*"),
        ]
    return sorted(path for path in found if path.is_file() and path.name != "expected.json")
