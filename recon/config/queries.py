"""Queries: what a source's SQL may be, and the patterns of a source's files."""

from __future__ import annotations

import re
from functools import cache

from recon.config.yaml_file import Document, Key
from recon.domain.rulebook import Moves

#: Comments and quoted parts of a query, in which nothing is bound.
_QUIET = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`", re.DOTALL)
_BOUND = re.compile(r"(?<![:\w]):([A-Za-z_]\w*)")
_DATE = re.compile(r"\{date(?::([^{}]*))?\}")


def check_query(document: Document, query: str, moves: Moves, *path: Key) -> None:
    """One reading statement; with bound :from and :to, and nothing else, where only a night's rows are read."""
    bare = _QUIET.sub(" ", query).strip()
    if ";" in bare.rstrip(";"):
        document.error("more than one statement", "one SELECT", *path)
    if not re.match(r"(select|with)\b", bare, re.IGNORECASE):
        document.error("a query starts with SELECT or WITH", "sources are only read", *path)
    bound = set(_BOUND.findall(bare))
    if moves is Moves.STATE:
        wanted: set[str] = set()  # read whole; a table that keeps its history may be read as it was at :to
    else:
        wanted = {"from", "to"}
    why = "the night's span of instants, half open: at >= :from and at < :to"
    for name in sorted(bound - {"from", "to"}):
        document.error(f":{name} has no value", "bind :from and :to", *path)
    for name in sorted(wanted - bound):
        document.error(f":{name} is not bound", why, *path)


def check_pattern(document: Document, pattern: str, *path: Key) -> None:
    """A pattern stays inside the workspace; its placeholders are the night's date and the file's number."""
    parts = pattern.replace("\\", "/").split("/")
    if pattern.startswith(("/", "~")) or ".." in parts or re.match(r"[A-Za-z]:", pattern) or "\0" in pattern:
        document.error("the pattern leaves the workspace", "a path below the folder of recon.yaml", *path)
    rest = _DATE.sub("", pattern).replace("{seq}", "", 1)
    if "{" in rest or "}" in rest:
        document.error("an unknown placeholder", "{date} or {date:%Y%m%d}, and {seq} once", *path)
    if "{seq}" in pattern and "{seq}" not in parts[-1]:
        document.error("{seq} stands in a folder's name", "in the name of the file", *path)
    for match in _DATE.finditer(pattern):
        if match[1] is not None and not re.fullmatch(r"(%[YymdjGV]|[^%{}/])+", match[1]):
            document.error(f"{match[0]} is not a date", "with %Y %y %m %d %j only, as {date:%Y%m%d}", *path)


def overlap(first: str, second: str) -> bool:
    """Whether some file name matches both patterns on some night (dates stand for any digits of their length)."""
    left, right = _tokens(first), _tokens(second)

    @cache
    def meet(at: int, to: int) -> bool:
        if at == len(left) or to == len(right):
            rest = left[at:] + right[to:]
            return all(token in ("*", "**") for token in rest)
        a, b = left[at], right[to]
        if a in ("*", "**"):
            return meet(at + 1, to) or (_inside(a, b) and meet(at, to + 1))
        if b in ("*", "**"):
            return meet(at, to + 1) or (_inside(b, a) and meet(at + 1, to))
        return _same(a, b) and meet(at + 1, to + 1)

    return meet(0, 0)


def _inside(star: str, token: str) -> bool:
    """Whether a star can stand for the token: a single one stops at a folder's end."""
    return star == "**" or token not in ("/", "**")


def _same(a: str, b: str) -> bool:
    if a == b:
        return True
    if "any" in (a, b):
        return "/" not in (a, b)
    return "digit" in (a, b) and (a if b == "digit" else b).isdigit()


def _tokens(pattern: str) -> tuple[str, ...]:
    """Letters, "any" for `?` and `[...]`, "digit" for each digit of a date, "*" and "**"."""
    lengths = {"Y": 4, "G": 4, "j": 3}
    shown: list[str] = []
    at = 0
    while at < len(pattern):
        if match := _DATE.match(pattern, at):
            layout = match[1] or "%Y-%m-%d"
            for part in re.findall(r"%.|.", layout):
                shown += ["digit"] * lengths.get(part[1], 2) if part.startswith("%") else [part]
            at = match.end()
        elif pattern.startswith("{seq}", at):
            shown.append("*")
            at += len("{seq}")
        elif match := re.compile(r"\[[^\]]+\]").match(pattern, at):
            shown.append("any")
            at = match.end()
        elif pattern.startswith("**/", at):
            shown.append("**")
            at += 3
        else:
            letter = pattern[at]
            shown.append("any" if letter == "?" else letter)
            at += 1
    return tuple(shown)
