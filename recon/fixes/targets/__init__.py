"""Targets: where a fix takes effect. One module each; docs/fix-queue.md says what each of them promises."""

from recon.fixes.targets.effect import (
    Effect,
    MovedError,
    Receipt,
    RefusedError,
    TemporaryError,
    UnknownError,
    effect_of,
)
from recon.fixes.targets.target import DatabaseTarget, Sender, Target, open_target

__all__ = [
    "DatabaseTarget",
    "Effect",
    "MovedError",
    "Receipt",
    "RefusedError",
    "Sender",
    "Target",
    "TemporaryError",
    "UnknownError",
    "effect_of",
    "open_target",
]
