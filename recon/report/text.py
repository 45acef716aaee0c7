"""Text: how data is shown to a person, on the page and in the workbook.

Comes in: text as it stood in a file or a database, amounts as decimal text. Goes out: text that says what is there.
Never    drops or reorders a character in silence: what can't be seen is written out as ⟨U+202E⟩, a cut is counted.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date

#: Letters that Unicode calls visible and no font shows: Hangul fillers, braille blank, Khmer inherent vowels.
_BLANK = "\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
#: Spaces that look like a plain one and make two ids differ. The ideographic space is visibly wide and stays.
_SPACES = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f"
#: Combining marks with no shape of their own.
_MARKS = "\u034f\ufe00\ufe01\ufe02\ufe03\ufe04\ufe05\ufe06\ufe07\ufe08\ufe09\ufe0a\ufe0b\ufe0c\ufe0d\ufe0e"
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"})
_ALWAYS_HIDDEN = frozenset(_BLANK + _SPACES + _MARKS)
_PLAIN = re.compile(r"[ -~가-힣]*\Z")  # what nearly all text is made of: nothing in it needs a look

_DECIMAL = re.compile(r"(-?)(\d+)(\.\d+)?\Z", re.ASCII)

#: A run that `shown` wrote out.
ESCAPED = re.compile("⟨U\\+[0-9A-F]{4,6}⟩")


def _is_hidden(character: str) -> bool:
    return character in _ALWAYS_HIDDEN or unicodedata.category(character) in _HIDDEN_CATEGORIES


def shown(text: str, limit: int = 1000) -> str:
    """`text` as a person may see it: control, bidirectional and invisible characters written as ⟨U+202E⟩.

    limit   characters of the original that are kept; what is cut is counted at the end.
    """
    if text.isascii() and text.isprintable() and len(text) <= limit:
        return text
    cut = len(text) - limit
    if cut > 0:
        text = text[:limit]
    if not _PLAIN.match(text):
        text = "".join(f"⟨U+{ord(c):04X}⟩" if _is_hidden(c) else c for c in text)
    return f"{text} … (+{cut:,} characters)" if cut > 0 else text


def grouped(amount: str) -> str:
    """Decimal text with thousands separators: "-1234.50" -> "-1,234.50". Other text comes back as shown."""
    match = _DECIMAL.match(amount)
    if not match:
        return shown(amount, 60)
    sign, whole, decimals = match.groups()
    return f"{sign}{int(whole):,}{decimals or ''}"


def is_negative(amount: str | None) -> bool:
    """Whether decimal text is below zero; "-0.00" is not."""
    return amount is not None and amount.startswith("-") and any(c in "123456789" for c in amount)


def is_zero(amount: str) -> bool:
    """Whether decimal text is a zero of any length."""
    return bool(_DECIMAL.match(amount)) and not any(c in "123456789" for c in amount)


def long_date(day: date) -> str:
    """Thu 19 Nov 2026, whatever the host's locale."""
    week = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[day.weekday()]
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    return f"{week} {day.day} {months[day.month - 1]} {day.year}"


def long_date_ko(day: date) -> str:
    """2026년 11월 19일 (목), whatever the host's locale."""
    return f"{day.year}년 {day.month}월 {day.day}일 ({'월화수목금토일'[day.weekday()]})"


def negated(amount: str) -> str:
    """Decimal text with its sign turned; a zero stays as it is."""
    if is_zero(amount) or not _DECIMAL.match(amount):
        return amount
    return amount[1:] if amount.startswith("-") else f"-{amount}"


def words(code: str) -> str:
    """A snake_case name as words: "auto_fix" -> "Auto fix"."""
    return code.replace("_", " ").capitalize()
