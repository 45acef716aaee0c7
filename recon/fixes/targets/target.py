"""Target: the two contracts, and how settings become one.

A database target writes inside a transaction that the caller opened, so that the queue's own state can be in it too. A
sender hands a message to something that has no transactions.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import sqlalchemy as sa

from recon.fixes.targets.effect import Effect, Receipt
from recon.workspace import (
    HandTarget,
    JournalTarget,
    RabbitTarget,
    SqsTarget,
    TargetSettings,
    UpdateTarget,
    WebhookTarget,
)


@runtime_checkable
class DatabaseTarget(Protocol):
    """A table of a database. `url` tells whether the queue shares that database."""

    name: str
    url: str

    def look(self, connection: sa.Connection, effect: Effect) -> Receipt | None:
        """Whether the effect is there, by its key."""
        ...

    def put(self, connection: sa.Connection, effect: Effect) -> Receipt:
        """Key and effect, in the caller's transaction. Raises as in recon/fixes/targets/effect.py."""
        ...

    def check(self, connection: sa.Connection) -> list[str]:
        """What is missing for it to work, in words; nothing where it is ready."""
        ...


@runtime_checkable
class Sender(Protocol):
    """A queue or an address that messages go to.

    looks          it can be asked whether a message arrived
    deduplicates   the receiver drops a message whose key it knows, so that one may be sent again after a lost answer
    """

    name: str
    looks: bool
    deduplicates: bool

    def look(self, effect: Effect) -> Receipt | None:
        """Whether the message arrived, by its key. Raises TemporaryError where nobody answers."""
        ...

    def send(self, effect: Effect) -> Receipt:
        """Send it once. Raises as in recon/fixes/targets/effect.py."""
        ...

    def close(self) -> None:
        """End the connection, if there is one."""
        ...


Target = DatabaseTarget | Sender


def open_target(name: str, settings: TargetSettings) -> Target | None:
    """The target that the settings describe; None for one whose fixes are applied by hand. Connects on first use."""
    # Looked up here, so that a company that books journals loads neither boto3 nor pika.
    match settings:
        case JournalTarget():
            from recon.fixes.targets.journal import Journals

            return Journals(name, settings)
        case UpdateTarget():
            from recon.fixes.targets.update import Updates

            return Updates(name, settings)
        case SqsTarget():
            from recon.fixes.targets.sqs import Sqs

            return Sqs(name, settings)
        case RabbitTarget():
            from recon.fixes.targets.rabbitmq import Rabbit

            return Rabbit(name, settings)
        case WebhookTarget():
            from recon.fixes.targets.webhook import Webhook

            return Webhook(name, settings)
        case HandTarget():
            return None
