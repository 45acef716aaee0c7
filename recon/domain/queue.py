"""The fix queue's words: the states of a fix, the moves between them, and the ceilings that nobody's approval lifts.

The database holds the same moves by triggers (recon/store/guards.py), so raw SQL can't make another.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

#: Makes what nights propose when nobody says who runs them; approves where a rule says that nobody has to.
MACHINE, AUTOMATIC = "recon", "recon-auto"
#: A person is a login or a mail address. No capitals, spaces or look-alike letters: `Jane` and `jane` are one person.
NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}")


class Status(StrEnum):
    """Where a fix stands. `applied` is final; everything else can still move."""

    PROPOSED = "proposed"  # a night proposes it; nobody has decided
    APPROVED = "approved"  # a person other than its maker signed it
    APPLIED = "applied"  # the correction is in its target
    REJECTED = "rejected"  # a person said no
    SUPERSEDED = "superseded"  # the newest night no longer proposes it
    FAILED = "failed"  # a try failed for a reason that may pass; it will be tried again
    RETRYING = "retrying"  # it is being tried again
    DEAD_LETTER = "dead_letter"  # it will not be tried again until a person says so


_P, _A, _X, _R, _S, _F, _T, _D = Status

#: Every move there is. Whoever moves a fix names one of these, and the audit trail has it.
MOVES: frozenset[tuple[Status, Status]] = frozenset(
    [
        *((_P, to) for to in (_P, _A, _R, _S)),  # proposed again: its content, its rule or what was seen changed
        *((_A, to) for to in (_P, _X, _R, _S, _F, _D)),
        *((_F, to) for to in (_P, _R, _S, _T, _D)),
        *((_T, to) for to in (_P, _X, _R, _S, _F, _D)),
        *((_D, to) for to in (_P, _R, _S, _T)),
        (_R, _P),
        (_R, _S),
        (_S, _P),
    ]
)
#: States that need an approval by somebody other than the maker, signed over what the fix is now.
SIGNED = (_A, _X, _F, _T, _D)
#: States in which something is still to be done or decided.
OPEN = (_P, _A, _F, _T, _D)
#: States from which a fix is applied; a failed one once its time has come.
READY = (_A, _T, _F)


@dataclass(frozen=True, slots=True)
class Ceilings:
    """Sums that no approval passes, in minor units per currency. A currency that is missing from one has a ceiling of 0.

    per_fix      one fix
    per_rule     what is approved of one break rule's fixes while one night is the newest
    per_night    what is approved while one night is the newest
    per_person   what one person approves while one night is the newest
    """

    per_fix: Mapping[str, int] = field(default_factory=dict)
    per_rule: Mapping[str, int] = field(default_factory=dict)
    per_night: Mapping[str, int] = field(default_factory=dict)
    per_person: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Policy:
    """What recon.yaml says of the queue. `approvers`: nobody else may approve; None: everybody but the maker may."""

    ceilings: Ceilings = Ceilings()
    approvers: tuple[str, ...] | None = None


__all__ = ["AUTOMATIC", "MACHINE", "MOVES", "NAME", "OPEN", "READY", "SIGNED", "Ceilings", "Policy", "Status"]
