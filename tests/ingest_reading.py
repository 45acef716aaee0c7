"""Reading a small file in one line: write the text, say the format, look at the records."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from recon.config.format_file import load_format
from recon.domain.rulebook import Format, Moves, Source
from recon.engine.duck import Engine
from recon.ingest.files import Limits, LoadedFile, read_file

FORMATS = Path(__file__).parents[1] / "rules" / "formats"
HEADER = "natural_id,kind,currency,amount,psp_reference,payment_order_id,fee,net,occurred_at,settled_on,memo"


def shipped(name: str, **options: Any) -> Format:
    """A shipped format, with some of its options changed."""
    fmt = load_format(FORMATS / f"{name}.yaml")
    return replace(fmt, options={**fmt.options, **options})


def line(**values: str) -> str:
    """One row under HEADER: a sound EUR capture, but for the values given."""
    sound = {
        "natural_id": "n-1",
        "kind": "capture",
        "currency": "EUR",
        "amount": "10.00",
        "psp_reference": "psp-1",
        "payment_order_id": "po-1",
        "occurred_at": "2026-11-19 10:00:00",
    }
    return ",".join({**sound, **values}.get(column, "") for column in HEADER.split(","))


@dataclass
class Read:
    """What came of a file, with its records and refusals as plain rows."""

    loaded: LoadedFile
    engine: Engine

    @property
    def records(self) -> list[dict[str, Any]]:
        if not self.loaded.relation:
            return []
        return self.engine.table(f"SELECT * FROM ({self.loaded.relation})").to_pylist()

    @property
    def refusals(self) -> list[dict[str, Any]]:
        return self.engine.table(f"SELECT * FROM ({self.loaded.quarantine})").to_pylist()

    @property
    def reason(self) -> str:
        return self.loaded.set_aside.reason if self.loaded.set_aside else ""

    @property
    def only(self) -> dict[str, Any]:
        [record] = self.records
        return record

    @property
    def refusal(self) -> dict[str, Any]:
        [refusal] = self.refusals
        return refusal


Reader = Callable[..., Read]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = Engine(tmp_path / "spill")
    yield made
    made.close()


@pytest.fixture
def read(engine: Engine, tmp_path: Path) -> Reader:
    """read(content, fmt=..., source=..., limits=..., ...): content is bytes, text, or a list of rows under HEADER."""
    generic = shipped("generic_settlement")

    def run(content: bytes | str | list[str], fmt: Format = generic, **given: Any) -> Read:
        if isinstance(content, list):
            content = "\n".join([HEADER, *content]) + "\n"
        data = content.encode() if isinstance(content, str) else content
        digest = hashlib.sha256(data).hexdigest()
        path = tmp_path / f"{digest[:8]}.in"
        path.write_bytes(data)
        source = given.pop(
            "source", Source("shop_psp", fmt.record, Moves.EVENTS, psp="acme" if "psp" not in fmt.fields else "")
        )
        if "psp" in fmt.fields and fmt.name.startswith("generic"):
            fmt = replace(fmt, fields={k: v for k, v in fmt.fields.items() if k != "psp"})
            source = replace(source, psp=source.psp or "acme")
        return Read(
            read_file(
                engine,
                source,
                fmt,
                path,
                given.pop("name", "lines.csv"),
                digest,
                tmp_path / "out",
                given.pop("zone", ZoneInfo("Asia/Seoul")),
                given.pop("cut_off", time(0)),
                given.pop("limits", Limits(1, 10)),
                **given,
            ),
            engine,
        )

    return run
