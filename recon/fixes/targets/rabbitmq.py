"""RabbitMQ: a persistent message that the broker confirmed (pika, publisher confirms), its id the idempotency key.

Without the confirmation nobody knows: the message may be in the queue. One that no queue takes comes back (mandatory).
"""

from __future__ import annotations

from typing import Any

from recon.fixes.targets.effect import Effect, Receipt, TemporaryError, UnknownError
from recon.fixes.targets.message import body
from recon.workspace import RabbitTarget

_SECONDS = 10


class Rabbit:
    """One exchange and routing key."""

    looks = False

    def __init__(self, name: str, settings: RabbitTarget) -> None:
        self.name, self.settings = name, settings
        self.deduplicates = settings.deduplicates
        self._connection: Any = None
        self._channel: Any = None

    def look(self, effect: Effect) -> Receipt | None:
        raise TemporaryError("a queue of RabbitMQ can't be asked what was sent to it")

    def send(self, effect: Effect) -> Receipt:
        import pika
        from pika import exceptions

        channel = self._open()
        properties = pika.BasicProperties(
            message_id=effect.idempotency_key,
            content_type="application/json",
            content_encoding="utf-8",
            delivery_mode=2,  # kept on disk
            type=effect.template,
            app_id="recon",
            headers={"fix_id": effect.fix_id, "idempotency_key": effect.idempotency_key},
        )
        try:
            channel.basic_publish(
                self.settings.exchange, self.settings.routing_key, body(effect), properties, mandatory=True
            )
        except exceptions.UnroutableError as error:
            raise TemporaryError(
                f"no queue takes messages of {self.settings.exchange or 'the default exchange'} with the key {self.settings.routing_key}"
            ) from error
        except exceptions.NackError as error:
            raise TemporaryError("the broker refused the message") from error
        except exceptions.ChannelClosedByBroker as error:
            self.close()
            # The exchange is not there, or may not be written to: the broker says so before it takes anything.
            raise TemporaryError(f"{error.reply_code} {error.reply_text}") from error
        except (exceptions.AMQPError, OSError) as error:
            self.close()
            raise UnknownError(
                f"the broker's confirmation did not come: {type(error).__name__} {error}".strip()
            ) from error
        return Receipt(f"rabbitmq {effect.idempotency_key[:16]}")

    def _open(self) -> Any:
        import pika
        from pika import exceptions

        if self._channel is not None and self._channel.is_open:
            # A broker that closed an idle connection says so when it is listened to.
            try:
                self._connection.process_data_events()
                if self._channel.is_open:
                    return self._channel
            except (exceptions.AMQPError, OSError):
                pass
            self.close()
        try:
            given = pika.URLParameters(self.settings.url.value)
            given.socket_timeout = given.stack_timeout = given.blocked_connection_timeout = _SECONDS
            given.connection_attempts = 1
            self._connection = pika.BlockingConnection(given)
            self._channel = self._connection.channel()
            self._channel.confirm_delivery()
        except (exceptions.AMQPError, OSError, ValueError) as error:
            self.close()
            raise TemporaryError(f"the broker can't be reached: {type(error).__name__} {error}".strip()) from error
        return self._channel

    def close(self) -> None:
        from pika import exceptions

        connection, self._connection, self._channel = self._connection, None, None
        try:
            if connection is not None and connection.is_open:
                connection.close()
        except (exceptions.AMQPError, OSError):
            pass
