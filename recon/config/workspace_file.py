"""recon.yaml and everything it names, read into a frozen `Workspace` (docs/configure.md).

Comes in   the workspace's folder
Goes out   settings, sources, formats and reconciliations, all proved; or every problem of every file at once
Never      prints a secret, follows a path out of the workspace, or reads a data file.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from datetime import time
from pathlib import Path

from recon.config import reader
from recon.config.calendars import read_calendar
from recon.config.format_file import read_format
from recon.config.models import NAME, SourceModel, WorkspaceFile
from recon.config.queries import check_pattern, check_query, overlap
from recon.config.rule_file import read_reconciliation
from recon.config.secrets import REDIS, read_url
from recon.config.shipped import shipped_rules
from recon.config.targets import read_targets
from recon.config.terms_file import needs_terms, read_terms
from recon.config.transports import check_use, read_pgp, read_transports, settle_seconds
from recon.config.validate import validate
from recon.config.yaml_file import Document, Key, read_document
from recon.domain.calendar import Calendar
from recon.domain.queue import Policy
from recon.domain.records import RECORD_TYPES
from recon.domain.rulebook import Brake, Expected, Format, Moves, Reconciliation, Source
from recon.domain.terms import Terms
from recon.errors import ConfigError, Place, Problem
from recon.workspace import S3, PgpKey, Secret, Sftp, UnpackLimits, Workspace

FILE = "recon.yaml"
#: The brake where neither the reconciliation nor recon.yaml has one.
DEFAULT_BRAKE = Brake(200, 10)


def load_workspace(root: Path) -> Workspace:
    """The workspace in that folder. Raises ConfigError with every problem of every file; warnings pass."""
    workspace, problems = read_workspace(root)
    errors = [problem for problem in problems if problem.severity == "error"]
    if workspace is None or errors:
        raise ConfigError(errors)
    return workspace


def read_workspace(root: Path) -> tuple[Workspace | None, list[Problem]]:
    """As `load_workspace`, but hands back the problems, warnings among them."""
    root = root.resolve()
    document = read_document(root / FILE, FILE)
    if document.root.entries == {}:
        return None, document.problems or [Problem(Place(FILE), "the file is empty", "see docs/configure.md")]
    model = validate(WorkspaceFile, document)
    if model is None:
        return None, _sorted(document.problems)
    reading = _Reader(root, document, model)
    workspace = reading.read()
    return workspace, _sorted(document.problems) + reading.others


def _sorted(problems: list[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda problem: (problem.place.line, problem.place.column))


@dataclass(slots=True)
class _Reader:
    """Reads what recon.yaml names. `others`: problems of the other files; `hashes`: every file in use."""

    root: Path
    document: Document
    model: WorkspaceFile
    others: list[Problem] = field(default_factory=list)
    hashes: dict[str, str] = field(default_factory=dict)
    transports: dict[str, S3 | Sftp] = field(default_factory=dict)
    databases: dict[str, Secret] = field(default_factory=dict)
    pgp_keys: dict[str, PgpKey] = field(default_factory=dict)

    def read(self) -> Workspace:
        model, document = self.model, self.document
        self.hashes[FILE] = document.sha256
        zone = reader.zone(document, model.time_zone, "time_zone")
        calendars = {name: read_calendar(document, name, given) for name, given in model.calendars.items()}
        calendar = Calendar("weekdays")
        if model.calendar is not None and reader.known(document, model.calendar, calendars, "a calendar", "calendar"):
            calendar = calendars[model.calendar]
        databases = self.databases = {
            name: read_url(document, given.url, self.root, "databases", name, "url")
            for name, given in model.databases.items()
        }
        self.transports = read_transports(document, model.transports, self.root)
        formats = self._formats()
        sources = self._sources(formats)
        reconciliations = self._reconciliations(sources)
        terms = self._terms(reconciliations)
        brake = DEFAULT_BRAKE
        if model.brake is not None:
            given = model.brake
            brake = reader.brake(document, given.fixes, given.share_percent, given.amount)
        policy = Policy()
        if model.approvals is not None:
            wanted = model.approvals
            kinds = ("per_fix", "per_rule", "per_night", "per_person")
            policy = reader.approvals(document, {kind: getattr(wanted, kind) for kind in kinds}, wanted.approvers)
        hour, minute = map(int, model.cut_off.split(":"))
        return Workspace(
            root=self.root,
            name=model.name,
            zone=zone,
            cut_off=time(hour, minute),
            calendar=calendar,
            calendars=calendars,
            psp_calendars=self._psp_calendars(sources, formats, calendars),
            databases=databases,
            state_url=self._state(),
            sources=sources,
            formats=formats,
            reconciliations=reconciliations,
            terms=terms,
            brake=brake,
            policy=policy,
            first_night=model.opening.empty_from if model.opening else None,
            look_back_days=model.look_back_days,
            memory_limit=model.memory_limit,
            threads=model.threads,
            quarantine_percent=model.quarantine.share_percent,
            quarantine_rows=model.quarantine.rows,
            config_sha256=self._digest(),
            hashes=dict(sorted(self.hashes.items())),
            transports=self.transports,
            pgp_keys=self.pgp_keys,
            targets=read_targets(document, model.targets, model.databases, self.root),
            unpack_limits=UnpackLimits(model.unpack_limits.ratio, model.unpack_limits.size),
        )

    def _state(self) -> Secret:
        given = self.model.state.url if self.model.state else "sqlite:///state/recon.sqlite"
        return read_url(self.document, given, self.root, "state", "url")

    def _digest(self) -> str:
        lines = "".join(f"{name}\0{sha256}\n" for name, sha256 in sorted(self.hashes.items()))
        return hashlib.sha256(lines.encode()).hexdigest()

    # --- rule and format files ---

    def _find(self, name: str, folder: str, what: str, *path: Key) -> tuple[Path, str] | None:
        """The workspace's own file of that name, else the shipped one, with the label that messages use."""
        if not re.fullmatch(NAME, name):
            self.document.error(f"{name} is not {what}", "a name in lower snake case, without a path", *path)
            return None
        label = f"{folder}/{name}.yaml"
        own = self.root / label
        if own.is_symlink() or any(above.is_symlink() for above in (own.parent, self.root / "rules")):
            self.document.error(f"{label} is a symbolic link", "put the file itself there", *path)
            return None
        if own.is_file():
            return own, label
        shipped = shipped_rules().parent / label
        if shipped.is_file():
            return shipped, label
        folders = (own.parent, shipped.parent)
        names = sorted({file.stem for above in folders if above.is_dir() for file in above.glob("*.yaml")})
        reader.known(self.document, name, names, what, *path)
        return None

    def _formats(self) -> dict[str, Format]:
        formats: dict[str, Format] = {}
        seen: set[str] = set()
        for source, model in self.model.sources.items():
            if model.format is None or model.format in seen:
                continue
            seen.add(model.format)
            path = ("sources", source, "format")
            found = self._find(model.format, "rules/formats", "a format of this workspace or of the tool", *path)
            if found is None:
                continue
            format_, problems = read_format(*found)
            self.others += problems
            if format_ is None:
                continue
            self.hashes[found[1]] = format_.sha256
            if format_.name != model.format:
                self.others.append(
                    Problem(Place(found[1], 1, 1), f"the file calls itself {format_.name}", "rename one")
                )
            remedy = "settle it with a first real file in your own copy under rules/formats/, then remove the line"
            self.others += [
                Problem(Place(found[1], 1, 1), f"to be confirmed before a night depends on it: {each}", remedy)
                for each in format_.to_confirm
            ]
            formats[model.format] = format_
        return formats

    def _reconciliations(self, sources: tuple[Source, ...]) -> tuple[Reconciliation, ...]:
        read = []
        if not self.model.reconciliations:
            self.document.error("reconciliations is empty", "as reconciliations: [payin]", "reconciliations")
        for at, name in enumerate(self.model.reconciliations):
            path: tuple[Key, ...] = ("reconciliations", at)
            if name in self.model.reconciliations[:at]:
                self.document.error(f"{name} is given twice", "keep one", *path)
                continue
            found = self._find(name, "rules", "a reconciliation of this workspace or of the tool", *path)
            if found is None:
                continue
            reconciliation, problems = read_reconciliation(*found)
            self.others += problems
            if reconciliation is None:
                continue
            self.hashes[found[1]] = reconciliation.sha256
            if reconciliation.name != name:
                message = f"the file calls itself {reconciliation.name}"
                self.others.append(Problem(Place(found[1], 1, 1), message, "rename one"))
            for side in reconciliation.sides:
                if not side.optional and not any(source.record == side.record for source in sources):
                    message = f"{name} has a side {side.name} of {side.record}, and no source gives such records"
                    self.document.error(message, f"add a source with record: {side.record}", *path)
            read.append(reconciliation)
        return tuple(read)

    # --- terms ---

    def _terms(self, reconciliations: tuple[Reconciliation, ...]) -> tuple[Terms, ...]:
        """The contracts that recon.yaml names, each from terms/NAME.yaml of the workspace; no line has two."""
        read: list[Terms] = []
        for at, name in enumerate(self.model.terms):
            path: tuple[Key, ...] = ("terms", at)
            if name in self.model.terms[:at]:
                self.document.error(f"{name} is given twice", "keep one", *path)
                continue
            found = self._find(name, "terms", "terms of this workspace", *path)
            if found is None:
                continue
            terms, problems = read_terms(*found)
            self.others += problems
            if terms is None:
                continue
            self.hashes[found[1]] = terms.sha256
            if terms.name != name:
                self.others.append(Problem(Place(found[1], 1, 1), f"the file calls itself {terms.name}", "rename one"))
            for other in read:
                if (other.psp, other.currency, other.account) == (terms.psp, terms.currency, terms.account):
                    message = f"{other.name} and {name} both say what {terms.psp} charges in {terms.currency}"
                    self.document.error(message, "one file, or an account for each", *path)
            read.append(terms)
        for reconciliation in reconciliations:
            field = needs_terms(reconciliation)
            if field and not self.model.terms:
                message = f"{reconciliation.name} reads {field}, and recon.yaml names no terms"
                self.document.error(
                    message, "add terms: [NAME] and terms/NAME.yaml, see docs/terms.md", "reconciliations"
                )
        return tuple(read)

    # --- sources ---

    def _sources(self, formats: dict[str, Format]) -> tuple[Source, ...]:
        sources = [
            source for name, given in self.model.sources.items() if (source := self._source(name, given, formats))
        ]
        if not self.model.sources:
            self.document.error("sources is empty", "name at least one source", "sources")
        for at, second in enumerate(sources):
            for first in sources[:at]:
                if first.record == second.record and first.moves is not second.moves:
                    message = f"{second.record} moves by {second.moves} here and by {first.moves} in {first.name}"
                    remedy = "records of one type move in one way: one of the two sources is mistaken"
                    self.document.error(message, remedy, "sources", second.name, "moves")
                if first.transport != second.transport:
                    continue
                if first.files and second.files and overlap(first.files, second.files):
                    message = f"a file can match this and {first.name} ({first.files})"
                    self.document.error(message, "narrow one of the patterns", "sources", second.name, "files")
        return tuple(sources)

    def _source(self, name: str, model: SourceModel, formats: dict[str, Format]) -> Source | None:
        path = ("sources", name)
        if not re.fullmatch(NAME, name):
            self.document.error(f"{name} is not a name", "lower case letters, digits and _", *path, key=True)
        record = self._record(model, formats, *path)
        moves = Moves(model.moves) if model.moves else Moves.EVENTS if model.files else None
        if moves is None:
            self.document.error("moves is missing", "events, changes or state: see docs/configure.md", *path)
        query = (
            self._redis(model, record, moves, *path) if model.redis else self._way(model, moves or Moves.EVENTS, *path)
        )
        if model.calendar:
            reader.known(self.document, model.calendar, self.model.calendars, "a calendar", *path, "calendar")
        self._psp(model, formats, *path)
        check_use(self.document, model, self.model.transports, *path)
        key = read_pgp(self.document, model, self.root, *path)
        if key is not None:
            self.pgp_keys[name] = key
        if record is None or moves is None:
            return None
        for at, optional in enumerate(model.optional_fields):
            reader.known(
                self.document,
                optional,
                RECORD_TYPES[record].names,
                f"a field of {record}",
                *path,
                "optional_fields",
                at,
            )
        return Source(
            name,
            record,
            moves,
            format=model.format,
            files=model.files,
            database=model.redis.database if model.redis else model.database,
            query=query,
            member=model.redis.member if model.redis else "",
            psp=model.psp,
            account=model.account,
            calendar=model.calendar,
            expected=self._expected(model, *path),
            repeats=model.repeats,
            restarts=model.sequence.restarts if model.sequence else "never",
            money=model.money,
            optional_fields=tuple(model.optional_fields),
            place=self.document.key_place(*path),
            transport=model.transport,
            unpack=tuple(model.unpack),
            settle_seconds=settle_seconds(model, self.transports),
        )

    def _expected(self, model: SourceModel, *path: Key) -> Expected:
        """Which files have to come; an hour needs nights on which one has to."""
        given = model.expected
        if given.on == ["any"] and (given.by is not None or given.count > 1):
            message = "on: any expects no file, so there is nothing to be there by an hour or by number"
            self.document.error(message, "on: business_days, daily or weekdays", *path, "expected")
        if model.files is None and given.on != ["any"]:
            self.document.error("only files are expected", "remove it: a query always answers", *path, "expected")
        return Expected(
            tuple(given.on), time.fromisoformat(given.by) if given.by else None, given.count, given.lag_days
        )

    def _record(self, model: SourceModel, formats: dict[str, Format], *path: Key) -> str | None:
        from_format = formats[model.format].record if model.format in formats else None
        if model.record is None:
            if from_format is None and model.format is None:
                self.document.error("record is missing", f"one of: {', '.join(RECORD_TYPES)}", *path)
            return from_format
        if not reader.known(self.document, model.record, RECORD_TYPES, "a record vocabulary", *path, "record"):
            return None
        if from_format not in (None, model.record):
            message = f"the format {model.format} gives {from_format}, not {model.record}"
            self.document.error(message, "remove record, or take another format", *path, "record")
        return model.record

    def _way(self, model: SourceModel, moves: Moves, *path: Key) -> str | None:
        """Files with a format, or a query on a database; gives the query's text."""
        by_file = model.files is not None or model.format is not None
        by_query = any(part is not None for part in (model.database, model.query, model.query_file))
        if by_file == by_query:
            self.document.error(
                "a source has either files and format, or database and query", "give one of the two", *path
            )
            return None
        if by_file:
            for key in ("files", "format"):
                if getattr(model, key) is None:
                    self.document.error(f"{key} is missing", "a source of files has files and format", *path)
            if model.files is not None:
                check_pattern(self.document, model.files, *path, "files")
            return None
        if model.database is None:
            self.document.error("database is missing", "name one of databases", *path)
        else:
            found = reader.known(self.document, model.database, self.model.databases, "a database", *path, "database")
            if found and self._is_redis(model.database):
                self.document.error(
                    f"{model.database} is a Redis: it has no queries", "redis: {...}", *path, "database"
                )
        if (model.query is None) == (model.query_file is None):
            self.document.error("a query stands in query or in query_file", "give exactly one", *path)
            return None
        key = "query" if model.query is not None else "query_file"
        query = model.query if model.query is not None else self._query_file(str(model.query_file), *path, key)
        if query is not None:
            check_query(self.document, query, moves, *path, key)
        return query

    def _redis(self, model: SourceModel, record: str | None, moves: Moves | None, *path: Key) -> str | None:
        """A pattern of keys and the field that members are, as one query; every part of a key is a field too."""
        given = model.redis
        assert given is not None  # the caller looked
        if any(part is not None for part in (model.files, model.format, model.database, model.query, model.query_file)):
            self.document.error("a source of redis has no files and no query", "remove them", *path)
        if moves is not None and moves is not Moves.STATE:
            self.document.error("sets are read whole each night", "moves: state", *path, "moves")
        known = reader.known(
            self.document, given.database, self.model.databases, "a database", *path, "redis", "database"
        )
        if known and not self._is_redis(given.database):
            self.document.error(
                f"{given.database} is not a Redis", "a URL redis:// or rediss://", *path, "redis", "database"
            )
        names = RECORD_TYPES[record].names if record else ()
        for name in (*re.findall(r"\{([a-z_]+)\}", given.keys), given.member) if record else ():
            reader.known(self.document, name, names, f"a field of {record}", *path, "redis", "keys")
        return f"{given.keys} {given.member}"

    def _is_redis(self, database: str) -> bool:
        return self.databases[database].value.partition(":")[0] in REDIS

    def _query_file(self, name: str, *path: Key) -> str | None:
        """The text of a file inside the workspace, reached without symbolic links."""
        target = self.root / name
        if target.resolve() != target.absolute() or not target.resolve().is_relative_to(self.root):
            self.document.error(
                f"{name} leaves the workspace, or is a symbolic link", "put the file itself there", *path
            )
            return None
        try:
            data = target.read_bytes()
            text = data.decode("utf-8")
        except (OSError, UnicodeDecodeError):
            self.document.error(f"{name} can't be read as UTF-8 text", "check the path", *path)
            return None
        self.hashes[name] = hashlib.sha256(data).hexdigest()
        return text

    def _psp(self, model: SourceModel, formats: dict[str, Format], *path: Key) -> None:
        """A provider comes from the format or from the source, and from both only when they agree."""
        format_ = formats.get(model.format or "")
        if format_ is None or RECORD_TYPES[format_.record].field("psp") is None:
            return
        mapped = format_.fields.get("psp")
        if mapped is None and not model.psp:
            self.document.error(f"the format {format_.name} does not say which provider", "add psp: NAME", *path)
        if mapped is not None and mapped.const is not None and model.psp not in ("", mapped.const):
            message = f"the format {format_.name} is {mapped.const}'s, not {model.psp}'s"
            self.document.error(message, "remove psp, or take another format", *path, "psp")

    def _psp_calendars(
        self, sources: tuple[Source, ...], formats: dict[str, Format], calendars: dict[str, Calendar]
    ) -> dict[str, Calendar]:
        """Each provider's calendar, from the sources that name both."""
        named: dict[str, tuple[str, str]] = {}
        for source in sources:
            mapped = formats[source.format].fields.get("psp") if source.format in formats else None
            psp = source.psp or (mapped.const if mapped is not None else None)
            if not psp or source.calendar not in calendars:
                continue
            first, calendar = named.setdefault(psp, (source.name, source.calendar))
            if calendar != source.calendar:
                message = f"{psp} has the calendar {calendar} in {first} and {source.calendar} here"
                self.document.error(message, "one calendar a provider", "sources", source.name, "calendar")
        return {psp: calendars[calendar] for psp, (_, calendar) in named.items()}
