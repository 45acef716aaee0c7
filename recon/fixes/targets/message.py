"""Message: what a queue or an address is sent. The same fix gives the same bytes, whenever and however often it is sent."""

from __future__ import annotations

import json

from recon.domain.money import to_text
from recon.fixes.targets.effect import Effect


def body(effect: Effect) -> bytes:
    """Canonical JSON in UTF-8. Amounts are decimal text with their currency beside them."""
    content = {
        "schema_version": 1,
        "idempotency_key": effect.idempotency_key,
        "fix_id": effect.fix_id,
        "break_id": effect.break_id,
        "reconciliation": effect.reconciliation,
        "template": effect.template,
        "kind": effect.kind,
        "memo": effect.memo,
        "references": dict(effect.references),
        "approved_by": effect.approved_by,
    }
    if effect.kind == "journal":
        content["postings"] = [
            {"account": account, "currency": currency, "amount": to_text(amount, currency)}
            for account, currency, amount in effect.postings
        ]
    elif effect.kind == "update":
        content["change"] = {
            "record": effect.record,
            "record_id": effect.record_id,
            "seen": dict(effect.seen),
            "set": dict(effect.set),
        }
    else:
        content["message"] = dict(effect.message)
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
