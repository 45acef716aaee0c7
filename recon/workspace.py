"""Workspace: recon.yaml and the rule files it uses, as frozen settings. Loaded by recon/config/workspace_file.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from pathlib import Path
from zoneinfo import ZoneInfo

from recon.domain.calendar import Calendar
from recon.domain.queue import Policy
from recon.domain.rulebook import Brake, Format, Reconciliation, Source
from recon.domain.terms import Terms


@dataclass(frozen=True, slots=True)
class Secret:
    """A reference (`env:NAME`, `file:PATH`) or a literal without credentials; its value is never printed."""

    reference: str
    value: str = field(repr=False)

    def __str__(self) -> str:
        return self.reference


@dataclass(frozen=True, slots=True)
class S3:
    """A bucket, or one of a server that speaks S3. Credentials come from where boto3 looks for them.

    expected_owner   the account that has to own the bucket; without it anybody's is read
    endpoint_url     of a server that is not Amazon's
    """

    bucket: str
    expected_owner: str = ""
    region: str = ""
    profile: str = ""
    endpoint_url: str = ""
    anonymous: bool = False


@dataclass(frozen=True, slots=True)
class Sftp:
    """A folder of an SFTP server, whose key is known beforehand.

    host_keys   (type, base64) as in a known_hosts file; the server has to show one of them
    folder      where patterns start; empty: the folder that the server opens
    """

    host: str
    port: int
    user: str
    host_keys: tuple[tuple[str, str], ...]
    password: Secret | None = None
    key: Secret | None = None
    key_passphrase: Secret | None = None
    folder: str = ""


@dataclass(frozen=True, slots=True)
class PgpKey:
    """Our private key, and the certificate of who has to have signed; both as text, armored or not."""

    key: Secret
    passphrase: Secret | None = None
    signed_by: Secret | None = None


@dataclass(frozen=True, slots=True)
class JournalTarget:
    """A ledger's table that corrections are booked into, by credentials of its own.

    columns      the table's column -> the word of what it is given (recon/fixes/targets/journal.py)
    constants    further columns that are given the same text in every row
    key_column   holds the idempotency key; `recon fixes install-target` adds it
    recorded_at  the column with the instant at which a row was written: what came after the night is looked for by it
    journals     the table with a row for each correction; ledgers in one database have one each
    """

    url: Secret
    table: str
    columns: Mapping[str, str]
    constants: Mapping[str, str] = field(default_factory=dict)
    key_column: str = "recon_key"
    recorded_at: str = ""
    schema: str = ""
    takes: tuple[str, ...] = ()
    journals: str = "recon_journals"


@dataclass(frozen=True, slots=True)
class UpdateTarget:
    """A table whose rows are changed where they still hold what was seen.

    record   the vocabulary that the table's rows are read as
    key      the column with the record's id; columns: the record's field -> the table's column
    stamp    a column that is set to the instant of the change, so that the next night reads the row again
    """

    url: Secret
    record: str
    table: str
    key: str
    columns: Mapping[str, str]
    stamp: str = ""
    schema: str = ""
    takes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SqsTarget:
    """A queue of Amazon SQS. Credentials come from where boto3 looks for them.

    deduplicates   the consumer drops a message whose idempotency key it knows
    """

    queue_url: str
    region: str = ""
    profile: str = ""
    endpoint_url: str = ""
    deduplicates: bool = False
    takes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RabbitTarget:
    """An exchange of RabbitMQ; the empty one is the default, whose routing keys are names of queues."""

    url: Secret
    exchange: str
    routing_key: str
    deduplicates: bool = False
    takes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WebhookTarget:
    """An address that takes POST.

    secret         signs each request (HMAC-SHA-256)
    lookup         an address with {key} that answers 200 where the message arrived and 404 where it did not
    deduplicates   the receiver drops a message whose idempotency key it knows
    """

    url: Secret
    secret: Secret | None = None
    lookup: str = ""
    deduplicates: bool = False
    takes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HandTarget:
    """Nobody's database: what is approved is exported, done by hand, and what was done is imported."""

    takes: tuple[str, ...] = ()


#: Each has `takes`: templates of fixes that go there whatever their kind; a target without it takes those of its kind.
TargetSettings = JournalTarget | UpdateTarget | SqsTarget | RabbitTarget | WebhookTarget | HandTarget


@dataclass(frozen=True, slots=True)
class UnpackLimits:
    """How large a file may become when it is unpacked: past either, it is set aside. `size` in bytes."""

    ratio: int = 200
    size: int = 20_000_000_000


@dataclass(frozen=True, slots=True)
class Workspace:
    """Everything a night needs to know before it reads its first byte.

    quarantine_percent, quarantine_rows   past both, the whole file is set aside
    config_sha256                         over recon.yaml and every rule, format and terms file in use, by name and bytes
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
    terms: tuple[Terms, ...] = ()  # of the providers' contracts
    first_night: date | None = None  # opening: empty from this night on
    look_back_days: int = 60
    memory_limit: str = "1GB"
    threads: int = 2
    quarantine_percent: int = 1
    quarantine_rows: int = 10
    config_sha256: str = ""
    hashes: Mapping[str, str] = field(default_factory=dict)  # file name -> sha256
    transports: Mapping[str, S3 | Sftp] = field(default_factory=dict)
    pgp_keys: Mapping[str, PgpKey] = field(default_factory=dict)  # by source
    unpack_limits: UnpackLimits = UnpackLimits()
    targets: Mapping[str, TargetSettings] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)  # of the fix queue: ceilings, approvers

    @property
    def nights(self) -> Path:
        return self.root / "nights"

    @property
    def raw(self) -> Path:
        """Every input ever read, byte for byte, named by its SHA-256."""
        return self.root / "raw"

    def source(self, name: str) -> Source:
        return next(source for source in self.sources if source.name == name)
