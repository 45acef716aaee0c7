"""Cards: full card numbers (13 to 19 digits that pass the Luhn check) in free text are masked down to their last four.

The raw bytes keep them; what is read, shown and exported does not. References are not touched: they identify.
"""

from __future__ import annotations

import re

_CANDIDATE = "[2-6][0-9](?:[ -]?[0-9]){11,}"
_SHORTEST = 13  # bytes: a shorter text is spared the pattern
_PATTERN = re.compile(_CANDIDATE, re.ASCII)


def mask(value: str) -> str:
    """The text with card numbers masked."""
    return _PATTERN.sub(lambda found: _masked(found.group()), value)


def _masked(candidate: str) -> str:
    digits = re.sub("[ -]", "", candidate)
    return "*" * (len(digits) - 4) + digits[-4:] if 13 <= len(digits) <= 19 and _luhn(digits) else candidate


def _luhn(digits: str) -> bool:
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits)))
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def mask_sql(value: str) -> str:
    """`mask` as SQL. Only texts with a candidate pay for the check."""
    digits = "regexp_replace(found, '[ -]', '', 'g')"
    digit = f"CAST(substr({digits}, length({digits}) - place + 1, 1) AS INTEGER)"
    doubled = f"CASE WHEN place % 2 = 1 THEN {digit} WHEN {digit} > 4 THEN {digit} * 2 - 9 ELSE {digit} * 2 END"
    luhn = f"list_sum(list_transform(range(1, length({digits}) + 1), lambda place: {doubled})) % 10 = 0"
    masked = f"repeat('*', length({digits}) - 4) || right({digits}, 4)"
    step = f"CASE WHEN length({digits}) BETWEEN 13 AND 19 AND {luhn} THEN replace(held, found, {masked}) ELSE held END"
    candidates = f"regexp_extract_all({value}, '{_CANDIDATE}')"
    return (
        f"CASE WHEN strlen({value}) >= {_SHORTEST} AND regexp_matches({value}, '{_CANDIDATE}') "
        f"THEN list_reduce({candidates}, lambda held, found: {step}, {value}) ELSE {value} END"
    )
