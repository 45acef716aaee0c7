"""Sniffing a file in one line: write the bytes, look at what is told."""

from __future__ import annotations

from pathlib import Path

from recon.config.shipped import shipped_rules
from recon.domain.records import RECORD_TYPES
from recon.sniff.evidence import Finding
from recon.sniff.report import Sniffed, sniff_file

FORMATS = [shipped_rules() / "formats"]


def sniffed(path: Path, data: bytes | str, record: str = "settlement_line", known: bool = False) -> Sniffed:
    """What is told of a file with these bytes. `known`: rank the formats that ship as well, which takes a second."""
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return sniff_file(path, RECORD_TYPES[record], "acme", "acme", FORMATS if known else [])


def finding(result: Sniffed, what: str) -> Finding:
    """The only finding of that name."""
    [found] = [each for each in result.findings if each.what == what]
    return found


def found(result: Sniffed, what: str) -> list[str]:
    return [each.found for each in result.findings if each.what == what]


def todos(result: Sniffed) -> str:
    return "\n".join(what for _, what in result.to_confirm)


def field(result: Sniffed, name: str) -> str:
    """The lines of a field in the proposal."""
    lines = result.draft.splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith(f"  {name}:"))
    end = next((n for n in range(start + 1, len(lines)) if not lines[n].startswith("    ")), len(lines))
    return "\n".join(lines[start:end])
