"""Words: the page's Korean, for what the tool itself says and for what rules say.

Reads    ko.json of the templates: English text -> Korean, where {names} stand for what differs from case to case
Gives    the Korean of a text, or the text itself where there is none: a missing translation is never a missing text
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

_PLACEHOLDER = re.compile(r"\{([a-z_]+(?:\.[a-z_]+)?)\}")
_LONGEST = 2_000  # characters of a text that is looked up


@lru_cache(maxsize=10_000)
def translated(template: str, korean: str, filled: str) -> str:
    """`korean` filled with what stands in `filled` where `template` has placeholders; empty where that can't be told.

    So a break that came from an earlier night, whose facts are gone, speaks Korean too.
    """
    if not korean or len(filled) > _LONGEST:
        return ""
    names = _PLACEHOLDER.findall(template)
    parts = _PLACEHOLDER.split(template)[::2]
    found = re.fullmatch("(.*?)".join(map(re.escape, parts)), filled, re.DOTALL)
    if found is None or not set(_PLACEHOLDER.findall(korean)) <= set(names):
        return ""
    values = dict(zip(names, found.groups(), strict=True))
    return _PLACEHOLDER.sub(lambda match: values[match[1]], korean)


class Phrases:
    """The dictionary of ko.json. `texts` is what a page's script needs of it."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.texts = texts
        self._patterns = [(english, korean) for english, korean in texts.items() if _PLACEHOLDER.search(english)]
        self._known: dict[str, str] = {}

    def ko(self, text: str) -> str:
        """The Korean of a text that the tool made; `text` itself where it is not known."""
        if text not in self._known:
            self._known[text] = self.texts.get(text) or self._matched(text)
        return self._known[text]

    def _matched(self, text: str) -> str:
        for english, korean in self._patterns:
            # A pattern of nothing but placeholders would take everything.
            if found := translated(english, korean, text):
                return found
        return "; ".join(map(self.ko, text.split("; "))) if "; " in text else text
