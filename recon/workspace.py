"""Workspace: recon.yaml and the rule files it uses, as frozen settings. Loaded by recon/config/workspace_file.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from pathlib import Path
from zoneinfo import ZoneInfo

from recon.domain.calendar import Calendar
from recon.domain.rulebook import Brake, Format, Reconciliation, Source


@dataclass(frozen=True, slots=True)
class Secret:
    """A reference (`env:NAME`, `file:PATH`) or a literal without credentials; its value is never printed."""

    reference: str
    value: str = field(repr=False)

    def __str__(self) -> str:
        return self.reference


@dataclass(frozen=True, slots=True)
class Workspace:
    """Everything a night needs to know before it reads its first byte.

    quarantine_percent, quarantine_rows   past both, the whole file is set aside
    config_sha256                         over recon.yaml and every rule and format file in use, by name and bytes
    """

    root: Path
    name: str
    zone: ZoneInfo
    cut_off: time
    calendar: Calendar
    calendars: Mapping[str, Calendar]  # by name; a source or a psp names one
    psp_calendars: Mapping[str, Calendar]  # by provider name, from the sources
    databases: Mapping[str, Secret]
    state_url: Secret
    sources: tuple[Source, ...]
    formats: Mapping[str, Format]
    reconciliations: tuple[Reconciliation, ...]
    brake: Brake
    first_night: date | None = None  # opening: empty from this night on
    look_back_days: int = 60
    memory_limit: str = "1GB"
    threads: int = 2
    quarantine_percent: int = 1
    quarantine_rows: int = 10
    config_sha256: str = ""
    hashes: Mapping[str, str] = field(default_factory=dict)  # file name -> sha256

    @property
    def nights(self) -> Path:
        return self.root / "nights"

    @property
    def raw(self) -> Path:
        """Every input ever read, byte for byte, named by its SHA-256."""
        return self.root / "raw"

    def source(self, name: str) -> Source:
        return next(source for source in self.sources if source.name == name)
