"""SQS: a message in a queue of Amazon SQS, with the idempotency key as attribute (boto3).

On a FIFO queue the key is the deduplication id too, so that SQS itself drops a second one within its five minutes. Later, or
on a standard queue, only the consumer can: a lost answer is then unknown, and nothing is sent again in the blind.
"""

from __future__ import annotations

from typing import Any

from recon.fixes.targets.effect import Effect, Receipt, RefusedError, TemporaryError, UnknownError
from recon.fixes.targets.message import body
from recon.workspace import SqsTarget

_SECONDS = 10
#: SQS said no because of the message, not of itself.
_REFUSED = ("InvalidMessageContents", "BatchRequestTooLong", "InvalidParameterValue", "InvalidAttributeValue")


class Sqs:
    """One queue."""

    looks = False

    def __init__(self, name: str, settings: SqsTarget) -> None:
        self.name, self.settings = name, settings
        self.deduplicates = settings.deduplicates
        self._made: Any = None

    def look(self, effect: Effect) -> Receipt | None:
        raise TemporaryError("a queue of SQS can't be asked what was sent to it")

    def send(self, effect: Effect) -> Receipt:
        from botocore import exceptions

        url = self.settings.queue_url
        request: dict[str, Any] = {
            "QueueUrl": url,
            "MessageBody": body(effect).decode(),
            "MessageAttributes": {
                name: {"DataType": "String", "StringValue": value}
                for name, value in (("idempotency_key", effect.idempotency_key), ("fix_id", effect.fix_id))
            },
        }
        if url.endswith(".fifo"):
            request |= {"MessageDeduplicationId": effect.idempotency_key, "MessageGroupId": effect.break_id}
        try:
            answer = self._client.send_message(**request)
        except exceptions.ClientError as error:
            status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
            code, said = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
            if any(each in code for each in _REFUSED):
                raise RefusedError(f"{code}: {said}") from error
            if status >= 500 and "Throttl" not in code and code != "ServiceUnavailable":
                raise UnknownError(f"{code}: {said}") from error
            # A queue that is gone or a right that is missing is the target's trouble, not the message's.
            raise TemporaryError(f"{code}: {said}") from error
        except (
            exceptions.ConnectTimeoutError,
            exceptions.EndpointConnectionError,
            exceptions.NoCredentialsError,
            exceptions.PartialCredentialsError,
            exceptions.NoRegionError,
        ) as error:
            raise TemporaryError(str(error)) from error
        except exceptions.ParamValidationError as error:
            raise RefusedError(str(error)) from error
        except (exceptions.BotoCoreError, exceptions.HTTPClientError) as error:
            raise UnknownError(f"the answer did not come: {error}") from error
        return Receipt(f"sqs {answer['MessageId']}")

    def close(self) -> None:
        if self._made is not None:
            self._made.close()

    @property
    def _client(self) -> Any:
        if self._made is None:
            import boto3
            from botocore.config import Config

            given = self.settings
            session = boto3.Session(profile_name=given.profile or None, region_name=given.region or None)
            self._made = session.client(
                "sqs",
                endpoint_url=given.endpoint_url or None,
                region_name=given.region or session.region_name or ("us-east-1" if given.endpoint_url else None),
                # One try: whether a second one is safe is decided by the queue, not by the library.
                config=Config(
                    retries={"mode": "standard", "total_max_attempts": 1},
                    connect_timeout=_SECONDS,
                    read_timeout=_SECONDS,
                ),
            )
        return self._made
