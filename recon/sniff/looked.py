"""Looked: everything that was found out about a file, as one value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from recon.domain.records import RecordType
from recon.sniff.amounts import Marks
from recon.sniff.columns import Column
from recon.sniff.container import Opened
from recon.sniff.evidence import Finding
from recon.sniff.meaning import Meaning
from recon.sniff.roles import Role
from recon.sniff.table import Table
from recon.sniff.totals import StatedTotal


@dataclass(slots=True)
class Looked:
    """A file with records in it, as far as it was looked at.

    reader, options   how a format would declare it; `unsure` says of an option what is to be confirmed
    """

    opened: Opened
    record: RecordType
    reader: str
    options: dict[str, Any]
    unsure: dict[str, str]
    table: Table
    columns: list[Column]
    marks: Marks
    roles: dict[str, Role]
    meaning: Meaning
    totals: list[StatedTotal]
    zone: tuple[str, str]  # (IANA zone, why it is to be confirmed)
    currency: tuple[str, str]  # of a file without a column for it
    findings: list[Finding] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return len(self.table.rows)
