"""Expected errors: each has a name, an exit code that means one thing, and a remedy.

An exception that is not a `ReconError` is a bug in recon (exit 1). A break is not an error: it is the result.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum


class Exit(IntEnum):
    """What the process's exit code says to cron, CI and people (docs/exit-codes.md)."""

    OK = 0
    BUG = 1
    USAGE = 2  # usage or configuration: nothing was written
    INCOMPLETE = 3  # an input missing, late or set aside
    UNREACHABLE = 4  # a system unreachable after retries, or no room to write: a rerun is safe
    INVARIANT = 5  # totals do not tie: nothing was published
    LOCKED = 6  # another run holds the lock
    FAIL_ON = 10  # breaks at or above --fail-on


class ReconError(Exception):
    """An error that a person can act on.

    name      short kebab-case id, the same for ever: a heading in docs/errors.md
    message   what happened, where, what was found and what was expected (may span lines)
    remedy    what to do next
    exit      the process's exit code
    """

    exit: Exit = Exit.USAGE

    def __init__(self, name: str, message: str, remedy: str = "", exit: Exit | None = None) -> None:
        super().__init__(message)
        self.name = name
        self.message = message
        self.remedy = remedy
        if exit is not None:
            self.exit = exit

    def render(self) -> str:
        """The text for a person: `recon: error [name] message` and the remedy below it."""
        text = f"recon: error [{self.name}] {self.message}"
        return f"{text}\n  to fix  {self.remedy}" if self.remedy else text


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a text file something is: 1-based line and column; 0 where it is the file as a whole."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a configuration or rule file. `severity` is "error" or "warning"."""

    place: Place
    message: str
    remedy: str = ""
    severity: str = "error"

    def __str__(self) -> str:
        head = f"{self.place}: {self.severity}: {self.message}"
        return f"{head} ({self.remedy})" if self.remedy else head


class ConfigError(ReconError):
    """Every problem found in the workspace's files at once."""

    exit = Exit.USAGE

    def __init__(self, problems: list[Problem] | tuple[Problem, ...]) -> None:
        self.problems = tuple(problems)
        shown = "\n".join(f"  {problem}" for problem in self.problems[:50])
        more = len(self.problems) - 50
        tail = f"\n  ... and {more} more" if more > 0 else ""
        super().__init__("config", f"{len(self.problems)} problem(s)\n{shown}{tail}", "mend these, then `recon check`")


class UnreachableError(ReconError):
    """A system or disk that did not serve us after bounded retries; a rerun is safe."""

    exit = Exit.UNREACHABLE


class InvariantError(ReconError):
    """The proof that every record and every amount is accounted for did not hold; nothing was published."""

    exit = Exit.INVARIANT


class LockedError(ReconError):
    """Another run holds this workspace's lock for this date."""

    exit = Exit.LOCKED


@dataclass(frozen=True, slots=True)
class SetAside:
    """A file that was set aside whole, as a value: the run goes on and the night is incomplete.

    code   what kind of reason it is, the same for ever; it says whether a person may accept the file (docs/inputs.md)
    """

    source: str
    file: str
    reason: str
    remedy: str = ""
    detail: tuple[str, ...] = field(default=())
    code: str = "unreadable"
