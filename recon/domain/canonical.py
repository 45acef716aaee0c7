"""Canonical JSON and its hash: one value is one text, so that its hash means something."""

from __future__ import annotations

import hashlib
import json
from typing import Any

#: Made once: `json.dumps` makes one for each call, and a bad day asks for a hundred thousand texts.
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces."""
    return _encode(value)


def sha256_text(text: str) -> str:
    """SHA-256 of a text's UTF-8 bytes, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()
