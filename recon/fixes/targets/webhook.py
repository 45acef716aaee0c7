"""Webhook: a POST of JSON with the headers `Idempotency-Key` and, with a secret, `Recon-Signature`.

The signature is `t=SECONDS,v1=HEX`, HMAC-SHA-256 with the secret over `SECONDS.BODY`, so that a receiver can refuse what is
not ours or is old. 2xx: it is done. 409: the receiver knows the key, so it is done. 408, 425, 429: not yet. 4xx: refused.
5xx, a redirect or no answer: it may have been done.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from typing import Any

from recon.fixes.targets.effect import Effect, Receipt, RefusedError, TemporaryError, UnknownError
from recon.fixes.targets.message import body
from recon.workspace import WebhookTarget

_SECONDS = 10
_LATER = (408, 425, 429)


class Webhook:
    """One address."""

    def __init__(self, name: str, settings: WebhookTarget) -> None:
        self.name, self.settings = name, settings
        self.deduplicates, self.looks = settings.deduplicates, bool(settings.lookup)
        self._made: Any = None

    def look(self, effect: Effect) -> Receipt | None:
        address = self.settings.lookup.replace("{key}", effect.idempotency_key)
        status = self._ask("GET", address, b"", self._headers(effect, b""), TemporaryError)
        if 200 <= status < 300:
            return Receipt(f"webhook {effect.idempotency_key[:16]}", found=True)
        if status == 404:
            return None
        raise TemporaryError(f"the look-up answered {status}, expected 200 or 404")

    def send(self, effect: Effect) -> Receipt:
        data = body(effect)
        status = self._ask("POST", self.settings.url.value, data, self._headers(effect, data), UnknownError)
        if 200 <= status < 300 or status == 409:
            return Receipt(f"webhook {effect.idempotency_key[:16]} {status}", found=status == 409)
        if status in _LATER:
            raise TemporaryError(f"the address answered {status}")
        # Who we are and where it is are the target's trouble; the message is not at fault.
        if status in (401, 403, 404, 405, 410):
            raise TemporaryError(f"the address answered {status}")
        if 400 <= status < 500:
            raise RefusedError(f"the address answered {status}")
        raise UnknownError(f"the address answered {status}")

    def _headers(self, effect: Effect, data: bytes) -> Mapping[str, str]:
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": effect.idempotency_key,
            "User-Agent": "recon",
        }
        if self.settings.secret is not None:
            seconds = str(int(time.time()))
            digest = hmac.new(self.settings.secret.value.encode(), seconds.encode() + b"." + data, hashlib.sha256)
            headers["Recon-Signature"] = f"t={seconds},v1={digest.hexdigest()}"
        return headers

    def _ask(
        self,
        method: str,
        address: str,
        data: bytes,
        headers: Mapping[str, str],
        lost: type[TemporaryError | UnknownError],
    ) -> int:
        """The answer's status. `lost`: what a request is that went out and has no answer."""
        import urllib3

        if self._made is None:
            self._made = urllib3.PoolManager(timeout=urllib3.Timeout(connect=_SECONDS, read=_SECONDS), retries=False)
        try:
            answer = self._made.request(method, address, body=data or None, headers=dict(headers), redirect=False)
        except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError) as error:
            raise TemporaryError("the address can't be reached") from error
        except urllib3.exceptions.LocationValueError as error:
            raise TemporaryError("this is not an address") from error
        except urllib3.exceptions.HTTPError as error:
            raise lost(f"the answer did not come: {type(error).__name__}") from error
        return int(answer.status)

    def close(self) -> None:
        if self._made is not None:
            self._made.clear()
