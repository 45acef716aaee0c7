"""Secrets: database URLs, passwords and keys by reference. A value is never part of a message, and never stands in a file."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from recon.config.yaml_file import Document, Key
from recon.workspace import Secret

REDIS = ("redis", "rediss")
_SCHEMES = ("sqlite", "postgresql", "mysql", "mariadb", *REDIS)
_SECRET_KEYS = re.compile(r"pass|pwd|secret|token|key", re.IGNORECASE)


def read_url(
    document: Document, reference: str, root: Path, *path: Key, environment: Mapping[str, str] | None = None
) -> Secret:
    """A database URL from `env:NAME`, `file:PATH` (one line) or a literal without credentials.

    A relative SQLite path is taken from the workspace's root, not from where the command runs. What can't be read is
    noted without its value, and comes back with an empty one.
    """
    named = _named(document, reference, root, "one line with the URL", path, environment)
    if named is not None and not named.value:
        return named
    value = reference if named is None else named.value
    return _checked(document, reference, value, root, literal=named is None, path=path)


def read_secret(
    document: Document,
    reference: str,
    root: Path,
    what: str,
    *path: Key,
    environment: Mapping[str, str] | None = None,
) -> Secret:
    """A password or key from `env:NAME` or `file:PATH`; white space around it does not count.

    what   what the value is, for messages. A literal is refused and not repeated: it may be the secret itself.
    """
    named = _named(document, reference, root, f"a file with {what}", path, environment)
    if named is None:
        document.error(f"{what} stands in the file", "put it in a variable, and env:NAME here; or file:PATH", *path)
        return Secret("(withheld)", "")
    return named


def _named(
    document: Document,
    reference: str,
    root: Path,
    remedy: str,
    path: tuple[Key, ...],
    environment: Mapping[str, str] | None,
) -> Secret | None:
    """What `env:NAME` or `file:PATH` names; None for anything else. Noted, and empty, where there is nothing."""
    kind, _, rest = reference.partition(":")
    if kind == "env":
        value = (os.environ if environment is None else environment).get(rest, "").strip()
        if not value:
            document.error(f"the environment variable {rest} is not set", f"export {rest}=...", *path)
    elif kind == "file":
        try:
            value = (root / rest).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError, ValueError):
            value = ""
        if not value:
            document.error(f"{reference} can't be read, or is empty", remedy, *path)
    else:
        return None
    return Secret(reference, value)


def _checked(
    document: Document, reference: str, value: str, root: Path, *, literal: bool, path: tuple[Key, ...]
) -> Secret:
    try:
        parts = urlsplit(value)
        password, query = parts.password, parse_qsl(parts.query)
    except ValueError:
        document.error("this is not a database URL", "as sqlite:///shop.sqlite, or env:NAME", *path)
        return Secret("(unreadable)" if literal else reference, "")
    if literal and (password is not None or any(_SECRET_KEYS.search(name) for name, _ in query)):
        document.error("credentials stand in the file", "put the URL in a variable, and env:NAME here", *path)
        return Secret("(withheld)", "")
    scheme = parts.scheme.partition("+")[0]
    if scheme not in _SCHEMES:
        remedy = f"one of: {', '.join(_SCHEMES)}; or env:NAME, file:PATH"
        document.error("this is not a URL of a database that can be read", remedy, *path)
        return Secret("(unreadable)" if literal else reference, "")
    if scheme == "sqlite":
        # sqlite:///relative, sqlite:////absolute
        place = value.partition("://")[2].removeprefix("/")
        value = f"sqlite:///{root / place}" if place and place != ":memory:" else value
    return Secret(reference, value)
