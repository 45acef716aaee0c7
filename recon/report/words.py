"""Words: the page's Korean, for what the tool itself says and for what rules say.

Reads    ko.json of the templates: English text -> Korean, where {names} stand for what differs from case to case
Gives    the Korean of a text, or the text itself where there is none: a missing translation is never a missing text
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

_PLACEHOLDER = re.compile(r"\{([a-z_]+(?:\.[a-z_]+)?)\}")
_TELLING = 7  # characters that a text with placeholders has to begin with
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
    return _filled(korean, values)


class Phrases:
    """The dictionary of ko.json. `texts` is what a page's script needs of it."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.texts = texts
        # A text that begins with what differs would be taken for anything.
        self._patterns = [
            (re.compile("(.+?)".join(map(re.escape, _PLACEHOLDER.split(english)[::2])), re.DOTALL), english, korean)
            for english, korean in texts.items()
            if english.find("{") >= _TELLING
        ]
        self._known: dict[str, str] = {}

    def ko(self, text: str) -> str:
        """The Korean of a text that the tool made; `text` itself where it is not known."""
        if text not in self._known:
            self._known[text] = self.texts.get(text) or "; ".join(map(self._part, text.split("; ")))
        return self._known[text]

    def _part(self, text: str) -> str:
        if text in self.texts or len(text) > _LONGEST:
            return self.texts.get(text, text)
        for pattern, english, korean in self._patterns:
            if found := pattern.fullmatch(text):
                values = dict(zip(_PLACEHOLDER.findall(english), found.groups(), strict=True))
                # What a reason quotes is itself a text of the tool.
                quoted = {name: self._part(value) for name, value in values.items()}
                return _filled(korean, quoted)
        return text


def _filled(template: str, values: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda match: values[match[1]], template)
