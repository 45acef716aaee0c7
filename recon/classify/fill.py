"""Fill: facts put into the placeholders of a rule's texts: `{psp.psp_reference}`, `{code}`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

_PLACEHOLDER = re.compile(r"\{([a-z_]+)(?:\.([a-z_]+))?\}")


def fill(text: str, facts: Mapping[str, Any]) -> str:
    """`text` with every placeholder replaced by its fact; a fact that is not known is shown as `?`."""

    def value(match: re.Match[str]) -> str:
        scope, field = match.groups()
        known = facts.get(f"{scope}__{field}" if field else scope)
        if known is None and field == "psp":
            known = facts.get("psp")
        if isinstance(known, (date, datetime)):
            return known.isoformat()
        return "?" if known is None else str(known)

    return _PLACEHOLDER.sub(value, text)
