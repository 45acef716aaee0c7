"""Targets: where approved fixes take effect, as recon.yaml says them.

Comes in   the located document, its model, the workspace's folder
Goes out   frozen settings with their secrets; what is wrong is noted in the document
Never      connects, or repeats a secret.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from recon.config import reader
from recon.config.models import (
    NAME,
    DatabaseModel,
    JournalTargetModel,
    TargetModel,
    UpdateTargetModel,
    WebhookTargetModel,
)
from recon.config.secrets import REDIS, read_secret, read_url
from recon.config.yaml_file import Document, Key
from recon.domain.corrections import JOURNAL_WORDS
from recon.domain.records import RECORD_TYPES
from recon.workspace import (
    HandTarget,
    JournalTarget,
    RabbitTarget,
    Secret,
    SqsTarget,
    TargetSettings,
    UpdateTarget,
    WebhookTarget,
)

_KINDS = ("journal", "update", "sqs", "rabbitmq", "webhook", "by_hand")


def read_targets(
    document: Document, given: Mapping[str, TargetModel], databases: Mapping[str, DatabaseModel], root: Path
) -> dict[str, TargetSettings]:
    """Every target, by name. `databases`: those that nights read, whose credentials should not be the same."""
    found: dict[str, TargetSettings] = {}
    readers = {each.url for each in databases.values()}
    for name, model in given.items():
        path = ("targets", name)
        if not re.fullmatch(NAME, name):
            document.error(f"{name} is not a name", "lower case letters, digits and _", *path, key=True)
        kinds = [kind for kind in _KINDS if getattr(model, kind) is not None]
        if len(kinds) != 1:
            document.error(f"a target is one of: {', '.join(_KINDS)}", "give exactly one", *path, key=True)
            continue
        found[name] = _target(document, model, root, readers, *path, kinds[0])
    _alone(document, given, found)
    _apart(document, given)
    return found


def _apart(document: Document, given: Mapping[str, TargetModel]) -> None:
    """Two ledgers never share a table of journals: its trigger writes into one ledger."""
    first: dict[tuple[str, str, str], str] = {}
    for name, model in given.items():
        if model.journal is None:
            continue
        place = (model.journal.url, model.journal.schema_, model.journal.journals)
        other = first.setdefault(place, name)
        if other != name:
            message = f"{other} and {name} book through one table, {model.journal.journals}"
            remedy = f"journals: recon_{name}_journals"
            document.error(message, remedy, "targets", name, "journal", key=True)


def _target(document: Document, model: TargetModel, root: Path, readers: set[str], *path: Key) -> TargetSettings:
    if model.journal is not None:
        return _journal(document, model.journal, root, readers, *path)
    if model.update is not None:
        return _update(document, model.update, root, readers, *path)
    if model.sqs is not None:
        sqs = model.sqs
        _open_address(document, sqs.queue_url, "the URL of a queue", *path, "queue_url")
        return SqsTarget(
            sqs.queue_url, sqs.region, sqs.profile, sqs.endpoint_url.rstrip("/"), sqs.deduplicates, tuple(sqs.takes)
        )
    if model.rabbitmq is not None:
        rabbit = model.rabbitmq
        url = read_secret(document, rabbit.url, root, "the URL of a broker", *path, "url")
        if url.value and not url.value.startswith(("amqp://", "amqps://")):
            document.error("this is not the URL of a RabbitMQ broker", "amqps://USER:PASSWORD@HOST/VHOST", *path, "url")
        return RabbitTarget(url, rabbit.exchange, rabbit.routing_key, rabbit.deduplicates, tuple(rabbit.takes))
    if model.webhook is not None:
        return _webhook(document, model.webhook, root, *path)
    assert model.by_hand is not None
    return HandTarget(tuple(model.by_hand.takes))


def _journal(document: Document, model: JournalTargetModel, root: Path, readers: set[str], *path: Key) -> JournalTarget:
    for column, word in model.columns.items():
        _column(document, column, *path, "columns", column)
        reader.known(document, word, JOURNAL_WORDS, "what a column can be given", *path, "columns", column)
    for column in model.constants:
        _column(document, column, *path, "constants", column)
        if column in model.columns:
            document.error(f"{column} is in columns too", "keep one", *path, "constants", column, key=True)
    for word in JOURNAL_WORDS[:3]:
        if list(model.columns.values()).count(word) != 1:
            document.error(f"one column has to be given {word}", f"columns: {{COLUMN: {word}}}", *path, "columns")
    if model.key_column in {*model.columns, *model.constants}:
        remedy = "a column of its own: install-target adds it"
        document.error(f"{model.key_column} is to hold the key, and is given something else", remedy, *path, "columns")
    if model.recorded_at == "":
        document.warn(
            "what came into the ledger after the night can't be told",
            "recorded_at: the column with the instant at which a row was written",
            *path,
        )
    return JournalTarget(
        _url(document, model.url, root, readers, *path),
        model.table,
        dict(model.columns),
        dict(model.constants),
        model.key_column,
        model.recorded_at,
        model.schema_,
        tuple(model.takes),
        model.journals,
    )


def _update(document: Document, model: UpdateTargetModel, root: Path, readers: set[str], *path: Key) -> UpdateTarget:
    if reader.known(document, model.record, RECORD_TYPES, "a record vocabulary", *path, "record"):
        for name in model.columns:
            what = f"a field of {model.record}"
            reader.known(document, name, RECORD_TYPES[model.record].names, what, *path, "columns", name, key=True)
    if not model.columns:
        document.error("no column is named, so nothing could be compared or set", "FIELD: COLUMN", *path, "columns")
    for name, column in model.columns.items():
        if list(model.columns.values()).count(column) > 1:
            document.error(f"{column} would hold two fields", "a column for each", *path, "columns", name)
        if not re.fullmatch(_COLUMN, column):
            document.error(f"{column} is not the name of a column", "letters, digits and _", *path, "columns", name)
    return UpdateTarget(
        _url(document, model.url, root, readers, *path),
        model.record,
        model.table,
        model.key,
        dict(model.columns),
        model.stamp,
        model.schema_,
        tuple(model.takes),
    )


_COLUMN = r"[A-Za-z_][A-Za-z0-9_]{0,62}"


def _column(document: Document, column: str, *path: Key) -> None:
    if not re.fullmatch(_COLUMN, column):
        document.error(f"{column} is not the name of a column", "letters, digits and _", *path, key=True)


def _url(document: Document, reference: str, root: Path, readers: set[str], *path: Key) -> Secret:
    url = read_url(document, reference, root, *path, "url")
    if url.value.partition(":")[0] in REDIS:
        document.error("corrections can't be written there", "sqlite, postgresql, mysql or mariadb", *path, "url")
    if reference in readers and not url.value.startswith("sqlite"):
        document.warn(
            "nights read with the same credentials that corrections are written with",
            "an account for each: docs/fix-queue.md has the grants",
            *path,
            "url",
        )
    return url


def _webhook(document: Document, model: WebhookTargetModel, root: Path, *path: Key) -> WebhookTarget:
    if model.url.startswith(("http://", "https://")):
        url = Secret(model.url, model.url)
        if re.search(r"[@?#\s]", model.url):
            document.error("credentials may stand in this address", "put it in a variable: env:NAME", *path, "url")
            url = Secret("(withheld)", "")
    else:
        url = read_secret(document, model.url, root, "an address", *path, "url")
    if _is_overheard(url.value):
        document.warn("corrections go over this address unencrypted", "https://...", *path, "url")
    if model.lookup:
        _open_address(document, model.lookup, "an address", *path, "lookup")
    if model.lookup and "{key}" not in model.lookup:
        document.error("the look-up does not say for which key", "https://.../{key}", *path, "lookup")
    secret = None if model.secret is None else read_secret(document, model.secret, root, "a secret", *path, "secret")
    return WebhookTarget(url, secret, model.lookup, model.deduplicates, tuple(model.takes))


def _open_address(document: Document, address: str, what: str, *path: Key) -> None:
    """Note an address that is none, or one in which something secret may stand: it is not repeated."""
    if not re.fullmatch(r"https?://[^\s]+", address):
        document.error(f"this is not {what}", "https://...", *path)
    elif re.search(r"[@?#]", re.sub(r"\?[a-z_]+=\{key\}$", "", address)):
        document.error("credentials may stand in this address", "one without @, ? and #", *path)
    elif _is_overheard(address):
        document.warn("this address is asked unencrypted", "https://...", *path)


def _is_overheard(address: str) -> bool:
    """Whether what is sent there leaves this machine unencrypted."""
    return address.startswith("http:") and urlsplit(address).hostname not in ("127.0.0.1", "localhost")


def _alone(document: Document, given: Mapping[str, TargetModel], found: Mapping[str, TargetSettings]) -> None:
    """Two targets must not take the same fixes: it would be the order of names that decides where money goes."""
    seen: dict[object, str] = {}
    for name, target in found.items():
        # Messages name their channel, so there may be several targets of them.
        of_kind: tuple[object, ...] = ()
        if isinstance(target, (JournalTarget, HandTarget)):
            of_kind = (type(target),)
        elif isinstance(target, UpdateTarget):
            of_kind = ((type(target), target.record),)
        for what in target.takes or of_kind:
            first = seen.setdefault(what, name)
            if first != name:
                said = f"{first} takes {what if isinstance(what, str) else 'the same fixes'} too"
                document.error(said, "takes: [the templates that go there]", "targets", name, key=True)
