"""Files: one file, as bytes, to typed records in one Parquet file, with proof that no row was lost on the way.

Comes in   a file on disk, its format, the workspace's zone and cut-off
Goes out   a Parquet file with a row for every record of the file, in the file's order; those that could not be read are
           marked `refused`, left out by the relation and listed in the quarantine with line, column, found and expected
Never      a file half taken: past the limits, or when a control total fails, it is set aside whole.
"""

from __future__ import annotations

import re
import shutil
from datetime import time
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

from recon.domain.records import COMMON, RECORD_TYPES
from recon.domain.rulebook import Format, Source
from recon.engine.duck import Engine, name, text
from recon.errors import InvariantError, SetAside
from recon.ingest import balances, controls, delimited, stated
from recon.ingest.csv_text import physical_lines
from recon.ingest.loaded import NO_QUARANTINE, Limits, LoadedFile
from recon.ingest.look import refuse_by_look
from recon.ingest.mapping import Mapping
from recon.ingest.marks import read_marks
from recon.ingest.numbering import number_twins
from recon.ingest.quarantine import alarms, quarantine_sql
from recon.ingest.readers import own_lines
from recon.ingest.staged import Staged, UnreadableError

#: Commas of an IN list that the engine may turn into a join; it starts at six items, and this errs on the safe side.
_LONG = 4

__all__ = ["Limits", "LoadedFile", "read_file"]


def read_file(
    engine: Engine,
    source: Source,
    fmt: Format,
    path: Path,
    name: str,
    sha256: str,
    out: Path,
    zone: ZoneInfo,
    cut_off: time,
    limits: Limits,
    *,
    keep: bool = False,
    fast: bool = True,
) -> LoadedFile:
    """Read one file into `out`.

    name, sha256   what the records' provenance says; the bytes are those of `path`
    keep           keep the relation of a file that is set aside for its rows or totals: for a preview, never a night
    fast           False reads a delimited file with the slow reader, which has to give the same
    Returns the file as read; a file that cannot be trusted comes back with `set_aside` filled.
    """
    reading = Reading(source, fmt, path, name, sha256, out, zone, cut_off, limits)
    reading.stage(fast)
    return reading.load(engine, keep)


class Reading:
    """One file on its way in: `stage` looks at its bytes, without the engine and so in any thread; then `load` reads it."""

    engine: Engine
    staged: Staged | UnreadableError | None = None
    temporary: Path | None = None  # what was made of a packed file, to be taken away when it was read
    unpacked: dict[str, object] | None = None  # how that was made, for inputs.json

    def __init__(
        self,
        source: Source,
        fmt: Format,
        path: Path,
        file: str,
        sha256: str,
        out: Path,
        zone: ZoneInfo,
        cut_off: time,
        limits: Limits,
    ) -> None:
        stem = f"{source.name}.{sha256[:16] or 'file'}"
        self.source, self.fmt, self.path, self.out = source, fmt, path, out
        self.file, self.sha256, self.zone, self.cut_off, self.limits = file, sha256, zone, cut_off, limits
        self.parquet, self.bad_parquet = out / f"{stem}.parquet", out / f"{stem}.quarantine.parquet"
        self.scratch = out / f".{stem}.scratch"
        self.stated: tuple[stated.Stated, ...] = ()  # totals that the file states in rows of their own

    def stage(self, fast: bool = True) -> None:
        """Prove that no row is lost on the way, and lay the rows out as text; what is wrong is told by `load`."""
        self.scratch.mkdir(parents=True, exist_ok=True)
        try:
            refuse_by_look(self.path, self.fmt)
            self.staged = self._stage(fast)
        except UnreadableError as error:
            self.staged = error

    def load(self, engine: Engine, keep: bool = False) -> LoadedFile:
        """Read the staged file; see `read_file`."""
        self.engine = engine
        try:
            return self._load(keep)
        finally:
            self._tidy()

    def drop(self) -> None:
        """Leave nothing of a file that is not read after all."""
        self._tidy()
        shutil.rmtree(self.out, ignore_errors=True)

    def _tidy(self) -> None:
        shutil.rmtree(self.scratch, ignore_errors=True)
        if self.temporary is not None:
            self.temporary.unlink(missing_ok=True)

    def _load(self, keep: bool) -> LoadedFile:
        if self.staged is None:
            self.stage()
        try:
            if not isinstance(self.staged, Staged):
                raise self.staged or AssertionError
            own, self.stated = stated.take_out(self.engine, self.fmt, self.staged)
            staged, mapping = self._records(own)
            marks = read_marks(self.engine, self.fmt, staged, self.path, self.file)
            refused = int(self.engine.one(f"SELECT count(refused) FROM read_parquet({text(self.parquet)})"))
            quarantine = self._quarantine(staged, mapping) if refused else NO_QUARANTINE
            proof = balances.prove(self.engine, self.fmt, staged, self.parquet, refused)
        except UnreadableError as error:
            self.parquet.unlink(missing_ok=True)
            return self._set_aside(error.reason, error.remedy, error.detail, error.code)
        if self.fmt.numbered:
            number_twins(self.engine, self.parquet, staged.first_line is None)
        relation = self._relation(staged, mapping, refused)
        proofs = proof.controls + controls.prove(self.engine, self.fmt, relation, refused)
        proofs += stated.prove(self.engine, self.fmt, self.stated, relation, refused)
        aside = self._too_bad(refused, staged.rows, quarantine) or self._stranger(relation) or self._failed(proofs)
        if aside and not keep:
            self.parquet.unlink()
        return LoadedFile(
            source=self.source.name,
            name=self.file,
            sha256=self.sha256,
            size=self.path.stat().st_size,
            rows=staged.rows,
            read=staged.rows - refused,
            quarantined=refused,
            relation="" if aside and not keep else relation,
            quarantine=quarantine,
            totals=controls.totals(self.engine, self.fmt, relation) if not aside or keep else (),
            controls=proofs,
            warnings=staged.warnings
            + proof.warnings
            + (controls.net_differs(self.engine, self.fmt, relation) if not aside or keep else ())
            + (alarms(self.engine, quarantine) if refused else ()),
            set_aside=aside,
            balances=proof.balances,
            marks=marks,
        )

    # --- rows --------------------------------------------------------------------------------------------------------

    def _records(self, staged: Staged) -> tuple[Staged, Mapping]:
        """Write every record to Parquet, and prove the count. A fast reading that does not tie is done again slowly."""
        mapping = Mapping(self.fmt, self.source, staged, self.zone, self.cut_off)
        written = self._write(mapping)
        if written != staged.rows and staged.first_line is not None:
            staged = self._stage(False)
            mapping = Mapping(self.fmt, self.source, staged, self.zone, self.cut_off)
            written = self._write(mapping)
        if written != staged.rows:
            raise InvariantError(
                "rows-lost", f"{self.file}: {staged.rows} records in the file, {written} read", "report this as a bug"
            )
        return staged, mapping

    def _stage(self, fast: bool) -> Staged:
        own = own_lines(self.fmt, self.path, self.scratch)
        if own is not None:
            return own
        return delimited.stage(self.fmt, self.path, self.scratch, fast=fast)

    def _write(self, mapping: Mapping) -> int:
        """Write the rows in the file's order; gives how many. A row's number in the Parquet file tells its line."""
        first = mapping.staged.first_line
        note = {"first_line": str(first)} if first is not None else {}
        sql = mapping.records_sql()
        if _has_long_list(sql) and "JOIN" in str(self.engine.rows(f"EXPLAIN {sql}")):
            # A long IN list in a format's condition becomes a join, and a join does not keep the order.
            if first is not None:
                return -1
            sql += "\nORDER BY place"
        return self.engine.write(f"ingest {self.source.name} {self.file}", sql, self.parquet, note)

    def _relation(self, staged: Staged, mapping: Mapping, refused: int) -> str:
        told = mapping.told_sql(self.file, self.sha256)
        told |= {} if staged.first_line is None else {"line": f"file_row_number + {staged.first_line}"}
        names = [field.name for field in (*COMMON, *RECORD_TYPES[self.fmt.record].fields)]
        columns = [f"{told[each]} AS {name(each)}" if each in told else name(each) for each in names]
        numbers = "" if staged.first_line is None else ", file_row_number = true"
        where = " WHERE refused IS NULL" if refused else ""
        return f"SELECT {', '.join(columns)} FROM read_parquet({text(self.parquet)}{numbers}){where}"

    # --- what was refused --------------------------------------------------------------------------------------------

    def _quarantine(self, staged: Staged, mapping: Mapping) -> str:
        own = staged.first_line is None
        line = "" if own else f", file_row_number + {staged.first_line} AS line"
        written = f"read_parquet({text(self.parquet)}, file_row_number = true)"
        typed = f"(SELECT *{line}, file_row_number AS place FROM {written})"
        record = RECORD_TYPES[self.fmt.record]
        raw_lines = None if own else self._raw_lines
        return quarantine_sql(
            self.engine, record, mapping, typed, self.file, self.sha256, self.bad_parquet, raw_lines=raw_lines
        )

    def _raw_lines(self, numbers: list[int]) -> list[str]:
        """The text of these physical lines (ascending), from the file itself."""
        lines, at, found = physical_lines(self.path, "utf-8"), 0, []
        for number in numbers:
            found.append(next(islice(lines, number - at - 1, None), ""))
            at = number
        return found

    # --- when the whole file is set aside ----------------------------------------------------------------------------

    def _too_bad(self, refused: int, rows: int, quarantine: str) -> SetAside | None:
        if refused <= self.limits.rows or refused * 100 <= self.limits.percent * rows:
            return None
        shown = self.engine.rows(f"SELECT line, column_name, found, expected FROM ({quarantine}) ORDER BY line LIMIT 5")
        detail = tuple(
            f'line {line}, column "{column}": found "{found}", expected {expected}'
            for line, column, found, expected in shown
        )
        reason = (
            f"{refused} of {rows} rows cannot be read (more than {self.limits.percent} % and {self.limits.rows} rows)"
        )
        return self._aside(
            reason, "check that this is the right format for the file, or ask the provider for it again", detail
        )

    def _stranger(self, relation: str) -> SetAside | None:
        """A file of another provider or account than the source's."""
        # A bank account may receive the money of several providers.
        told = {"settlement_line": ("psp", "account"), "bank_line": ("account",)}
        for column in told.get(self.fmt.record, ()):
            declared = getattr(self.source, column)
            if declared:
                others = controls.strangers(self.engine, column, declared, relation)
                if others:
                    reason = f"it holds rows of {column} {', '.join(others)}, but the source is declared for {declared}"
                    remedy = "check where the file came from, or the source's declaration"
                    return self._aside(reason, remedy, (), "stranger")
        return None

    def _failed(self, proofs: tuple[tuple[str, str, str], ...]) -> SetAside | None:
        failed = [f"{control}: {detail}" for control, state, detail in proofs if state == "failed"]
        if not failed:
            return None
        remedy = "ask the provider for the file again; nothing of it was taken"
        if self.fmt.record == "bank_line":
            remedy += "; a copy of the format with `unbalanced: flag` takes such files, flagged"
        return self._aside(f"control total failed: {failed[0]}", remedy, tuple(failed), "control_total")

    def _aside(self, reason: str, remedy: str, detail: tuple[str, ...], code: str = "unreadable") -> SetAside:
        return SetAside(self.source.name, self.file, reason, remedy, detail, code)

    def _set_aside(self, reason: str, remedy: str, detail: tuple[str, ...], code: str) -> LoadedFile:
        size = self.path.stat().st_size
        aside = self._aside(reason, remedy, detail, code)
        return LoadedFile(self.source.name, self.file, self.sha256, size, 0, 0, 0, "", NO_QUARANTINE, (), (), (), aside)


def _has_long_list(sql: str) -> bool:
    """Whether some IN list is long enough for the engine to think of a join; asking the engine itself takes its time."""
    without_texts = re.sub(r"'(?:[^']|'')*'", "''", sql)
    lists = re.findall(r"\bIN \(([^()]*.)", without_texts, re.IGNORECASE)
    return any(items[-1] != ")" or items.count(",") >= _LONG for items in lists)
