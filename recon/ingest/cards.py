"""Cards: full card numbers (13 to 19 digits that pass the Luhn check) in free text are masked down to their last four.

The raw bytes keep them; what is read, shown and exported does not. References are not touched: they identify.

What proves a card to its bank (the verification code, the data of the magnetic stripe) must be kept by nobody: a row that
holds it is refused, its text is withheld from the quarantine, and the run raises an alarm (card standard PCI DSS, 3.3.1).
"""

from __future__ import annotations

import re

_CANDIDATE = "[2-6][0-9](?:[ -]?[0-9]){11,}"
_WHOLE = r"\b[2-6][0-9]{12,18}\b"  # before a number that happens to follow it is taken for its end
_SHORTEST = 6  # bytes, as cvv123: a shorter text is spared the patterns
_PATTERNS = (re.compile(_WHOLE, re.ASCII), re.compile(_CANDIDATE, re.ASCII))
#: A verification code after its name; track 2 (number=expiry and service code); track 1 (number^name^expiry ...).
_SECRET = (
    r"(?i:\b(?:cvv2?|cvc2?|cav2|security code|verification (?:code|value))(?: is)?[^0-9a-z]{0,5}[0-9]{3,4}\b)"
    r"|[2-6][0-9]{11,18}(?:[=D][0-9]{7}|\^[^\^]{2,26}\^[0-9]{7})"
)
_SECRET_PATTERN = re.compile(_SECRET, re.ASCII)
_SECRET_COLUMN = re.compile(
    r"(?:card[ _-]?)?(?:cvv2?|cvc2?|cav2|csc|security[ _-]?code|verification[ _-]?(?:code|value)|track[ _-]?(?:1|2|data))",
    re.I,
)

#: What stands in place of a text that must not be kept.
WITHHELD = "(withheld: card verification or track data)"
EXPECTED = "no card verification code and no track data, which nobody may keep"


def is_secret(value: str) -> bool:
    """Whether the text holds a card verification code or track data."""
    return _SECRET_PATTERN.search(value) is not None


def is_secret_column(header: str) -> bool:
    """Whether a column's name says that it holds such data."""
    return _SECRET_COLUMN.fullmatch(header.strip()) is not None


def is_secret_sql(value: str) -> str:
    """`is_secret` as SQL."""
    return f"regexp_matches({value}, '{_SECRET}')"


def mask(value: str) -> str:
    """The text with card numbers masked."""
    held = value
    for found in (each for pattern in _PATTERNS for each in pattern.findall(value)):
        held = held.replace(found, _masked(found))
    return held


def _masked(candidate: str) -> str:
    digits = re.sub("[ -]", "", candidate)
    return "*" * (len(digits) - 4) + digits[-4:] if 13 <= len(digits) <= 19 and _luhn(digits) else candidate


def _luhn(digits: str) -> bool:
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits)))
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def mask_sql(value: str) -> str:
    """`mask` as SQL, NULL where `is_secret`. Only texts with a candidate pay for the checks."""
    digits = "regexp_replace(found, '[ -]', '', 'g')"
    digit = f"CAST(substr({digits}, length({digits}) - place + 1, 1) AS INTEGER)"
    doubled = f"CASE WHEN place % 2 = 1 THEN {digit} WHEN {digit} > 4 THEN {digit} * 2 - 9 ELSE {digit} * 2 END"
    luhn = f"list_sum(list_transform(range(1, length({digits}) + 1), lambda place: {doubled})) % 10 = 0"
    masked = f"repeat('*', length({digits}) - 4) || right({digits}, 4)"
    step = f"CASE WHEN length({digits}) BETWEEN 13 AND 19 AND {luhn} THEN replace(held, found, {masked}) ELSE held END"
    candidates = f"regexp_extract_all({value}, '{_WHOLE}') || regexp_extract_all({value}, '{_CANDIDATE}')"
    return (
        f"CASE WHEN strlen({value}) >= {_SHORTEST} AND regexp_matches({value}, '{_CANDIDATE}|{_SECRET}') THEN CASE WHEN {is_secret_sql(value)} THEN NULL "
        f"ELSE list_reduce({candidates}, lambda held, found: {step}, {value}) END ELSE {value} END"
    )
