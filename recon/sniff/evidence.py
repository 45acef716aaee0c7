"""Evidence: findings, and how sure they are in percent.

Sure follows the rule of succession: of n observations that all agree, (n + 1) / (n + 2). Two rows give 75 %, a hundred 99 %,
nothing 50 %; never 100 %. Readings that fit equally well share it. What bytes say of themselves (a magic number, a byte order
mark, a name that stands there twice) is CERTAIN.
"""

from __future__ import annotations

from dataclasses import dataclass

CERTAIN = 99


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found. `sure` in percent; `why` says what was looked at and what else it could be."""

    what: str
    found: str
    sure: int
    why: str


def sure(agree: int, seen: int, rivals: int = 1) -> int:
    """Percent for a reading that `agree` of `seen` observations support, shared among `rivals` readings (itself included)."""
    return 100 * (agree + 1) // ((seen + 2) * max(rivals, 1))


class NotATableError(Exception):
    """What the file is instead of something with records, and what to do about it."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy
