"""YAML text: scalars and lists of the proposal, quoted where they would not come back as they are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

_PLAIN = re.compile(r"[\w][\w ./()+-]*")


def scalar(text: str) -> str:
    """The text as a YAML scalar that stands anywhere, in a flow mapping too."""
    plain = _PLAIN.fullmatch(text) and text == text.strip() and text not in ("null", "true", "false")
    return text if plain else json.dumps(text, ensure_ascii=False)


def listed(texts: Iterable[str]) -> str:
    """A flow list of texts."""
    return "[" + ", ".join(scalar(text) for text in texts) + "]"
