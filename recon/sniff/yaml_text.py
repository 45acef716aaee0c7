"""YAML text: scalars and lists of the proposal, quoted where they would not come back as they are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

_PLAIN = re.compile(r"[\w][\w ./()+-]*")


def scalar(text: str) -> str:
    """The text as a YAML scalar that stands anywhere, in a flow mapping too. What can't be seen is written as an escape:
    nothing that a file calls a column reaches an editor or a terminal as a command."""
    plain = _PLAIN.fullmatch(text) and text == text.strip() and text not in ("null", "true", "false")
    if plain and text.isprintable():
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(letter if letter.isprintable() else _escaped(letter) for letter in quoted)


def _escaped(letter: str) -> str:
    return f"\\u{ord(letter):04x}" if ord(letter) < 0x10000 else f"\\U{ord(letter):08x}"


def listed(texts: Iterable[str]) -> str:
    """A flow list of texts."""
    return "[" + ", ".join(scalar(text) for text in texts) + "]"
